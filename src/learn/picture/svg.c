/*
 * svg.c
 *	  A text buffer for markup, and the escaping of users' text.
 */
#include "svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_BYTES	65000
#define REPLACEMENT	0xFFFD

struct SvgChunk
{
	SvgChunk   *next;
	size_t		used;
	char		text[CHUNK_BYTES];
};

void
svg_init(Svg *svg, LearnEnv *env)
{
	*svg = (Svg) {.env = env};
}

static void
put_bytes(Svg *svg, const char *text, size_t n)
{
	while (n > 0 && !svg->failed)
	{
		size_t		part;

		if (svg->last == NULL || svg->last->used == CHUNK_BYTES)
		{
			SvgChunk   *chunk = arena_alloc(svg->env->arena, 1, sizeof(SvgChunk));

			if (chunk == NULL)
			{
				svg->failed = true;
				return;
			}
			chunk->next = NULL;
			chunk->used = 0;
			if (svg->last)
				svg->last->next = chunk;
			else
				svg->first = chunk;
			svg->last = chunk;
		}
		part = CHUNK_BYTES - svg->last->used < n ? CHUNK_BYTES - svg->last->used : n;
		memcpy(svg->last->text + svg->last->used, text, part);
		svg->last->used += part;
		svg->length += part;
		text += part;
		n -= part;
	}
}

void
svg_put(Svg *svg, const char *markup)
{
	put_bytes(svg, markup, strlen(markup));
}

void
svg_format(Svg *svg, const char *format,...)
{
	char		text[1024];
	va_list		args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	svg_put(svg, text);
}

void
svg_number(Svg *svg, double x)
{
	char		text[32];
	size_t		n;

	if (!(fabs(x) < 1e6))
		x = 0;
	x = round(x * 10) / 10;
	snprintf(text, sizeof(text), "%.1f", x == 0 ? 0 : x);
	n = strlen(text);
	if (text[n - 1] == '0')
		n -= 2;
	put_bytes(svg, text, n);
}

void
svg_attribute(Svg *svg, const char *name, double x)
{
	svg_format(svg, " %s=\"", name);
	svg_number(svg, x);
	svg_put(svg, "\"");
}

/* ---------- text of users ---------- */

/* Is it a character that XML allows, and that does not change the direction of what follows it? */
static bool
allowed(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	if (c >= 0x7F && c <= 0x9F)
		return false;
	if ((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069))
		return false;
	return !(c >= 0xD800 && c <= 0xDFFF) && (c & 0xFFFE) != 0xFFFE && !(c >= 0xFDD0 && c <= 0xFDEF) && c <= 0x10FFFF;
}

/*
 * The character at *utf8, which moves behind it; 0 at the end. What is no valid UTF-8, or not
 * allowed, is U+FFFD. White space is a blank.
 */
static uint32_t
next_character(const unsigned char **utf8)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *s = *utf8;
	uint32_t	c = *s;
	int			more;

	if (c == 0)
		return 0;
	*utf8 = s + 1;
	if (c < 0x80)
		return !allowed(c) ? REPLACEMENT : c < 0x20 ? ' ' : c;
	more = c >= 0xF0 && c < 0xF8 ? 3 : c >= 0xE0 ? 2 : 1;
	if (c < 0xC0 || c >= 0xF8)
		return REPLACEMENT;
	c &= 0x3F >> more;
	for (int i = 1; i <= more; i++)
	{
		if ((s[i] & 0xC0) != 0x80)
			return REPLACEMENT;
		c = c << 6 | (s[i] & 0x3F);
	}
	*utf8 = s + 1 + more;
	return c < least[more] || !allowed(c) ? REPLACEMENT : c;
}

static void
put_character(Svg *svg, uint32_t c)
{
	switch (c)
	{
		case '<':
			svg_put(svg, "&lt;");
			break;
		case '>':
			svg_put(svg, "&gt;");
			break;
		case '&':
			svg_put(svg, "&amp;");
			break;
		case '"':
			svg_put(svg, "&quot;");
			break;
		case '\'':
			svg_put(svg, "&#39;");
			break;
		default:
			if (c < 0x80)
				put_bytes(svg, &(char) {(char) c}, 1);
			else
				svg_format(svg, "&#%u;", (unsigned) c);
	}
}

void
svg_text(Svg *svg, const char *utf8)
{
	const unsigned char *s = (const unsigned char *) utf8;
	uint32_t	c;

	while ((c = next_character(&s)) != 0)
		put_character(svg, c);
}

/* A character's width in a common sans-serif font of size 1; generous rather than tight. */
static double
character_width(uint32_t c)
{
	if (c >= 0x1100 && (c <= 0x115F || (c >= 0x2E80 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
						(c >= 0xFF00 && c <= 0xFF60) || c >= 0x1F000))
		return 1.05;
	if (c < 0x80 && strchr("ijl.,:;|!'I()[] ftr/-", (int) c) != NULL)
		return 0.36;
	if (c < 0x80 && strchr("mwMW@%", (int) c) != NULL)
		return 0.92;
	if ((c >= 'A' && c <= 'Z') || c >= 0x80)
		return 0.7;
	return 0.6;
}

double
svg_text_width(const char *utf8, double size)
{
	const unsigned char *s = (const unsigned char *) utf8;
	double		width = 0;
	uint32_t	c;

	while ((c = next_character(&s)) != 0)
		width += character_width(c) * size;
	return width;
}

/* Where the longest end of a text begins that is no wider than width. */
static const char *
end_within(const char *utf8, double size, double width)
{
	const unsigned char *s = (const unsigned char *) utf8;
	double		left = svg_text_width(utf8, size);

	while (left > width && *s)
		left -= character_width(next_character(&s)) * size;
	return (const char *) s;
}

void
svg_text_within(Svg *svg, const char *utf8, double size, double width)
{
	const unsigned char *s = (const unsigned char *) utf8;
	const char *end;
	double		used = 0;
	uint32_t	c;

	if (svg_text_width(utf8, size) <= width)
	{
		svg_text(svg, utf8);
		return;
	}
	width -= 0.8 * size;		/* of the ellipsis */
	end = end_within(utf8, size, 0.4 * width);
	while ((const char *) s < end && (c = next_character(&s)) != 0)
	{
		used += character_width(c) * size;
		if (used > 0.6 * width)
			break;
		put_character(svg, c);
	}
	svg_put(svg, "&#8230;");
	svg_text(svg, end);
}

void
svg_base64(Svg *svg, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3)
	{
		uint32_t	three = (uint32_t) bytes[i] << 16;
		char		four[4];

		if (i + 1 < n)
			three |= (uint32_t) bytes[i + 1] << 8;
		if (i + 2 < n)
			three |= bytes[i + 2];
		four[0] = digits[three >> 18];
		four[1] = digits[three >> 12 & 63];
		four[2] = i + 1 < n ? digits[three >> 6 & 63] : '=';
		four[3] = i + 2 < n ? digits[three & 63] : '=';
		put_bytes(svg, four, 4);
	}
}

LearnStatus
svg_finish(Svg *svg, char **text, size_t *length)
{
	size_t		done = 0;

	if (svg->failed)
		return learn_fail(svg->env, LEARN_NO_MEMORY, "not enough memory for a picture of more than %zu bytes", svg->length);
	LEARN_ALLOC(svg->env, *text, svg->length + 1);
	for (const SvgChunk *chunk = svg->first; chunk != NULL; chunk = chunk->next)
	{
		memcpy(*text + done, chunk->text, chunk->used);
		done += chunk->used;
	}
	(*text)[done] = '\0';
	*length = done;
	return LEARN_OK;
}
