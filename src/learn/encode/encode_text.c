/*
 * encode_text.c
 *	  A text as words and character n-grams, hashed into buckets.
 *
 * A word is a run of letters and digits, in lower case.  It counts once as a whole.  Its n-grams of
 * 3 to 5 characters, with < before and > behind the word as in fastText (Bojanowski and others
 * 2017), count together as much as the word, so that a long word does not outweigh a short one.
 * Each adds to one bucket with a sign that its hash decides (Weinberger and others 2009), so that
 * collisions cancel on average.  Buckets are damped, log(1 + x), and brought to length 1.
 *
 * Lower case is that of Unicode for Latin, Greek, Cyrillic and Armenian letters, and does not
 * depend on the locale.  Characters are not normalised: one letter in two forms is two letters.
 */
#include "encode.h"

#include <math.h>

#include "base/rng.h"

#define WORD_MAX	64			/* characters; a longer run is several words */
#define GRAM_MIN	3
#define GRAM_MAX	5
#define IGNORED		0			/* a character that is left out of a word */
#define SEPARATOR	' '
#define FOREIGN		0x110000	/* plus a byte that is not UTF-8 */

uint32_t
encode_next_char(EncodeString string, size_t *at, bool *valid)
{
	const unsigned char *p = (const unsigned char *) string.bytes + *at;
	size_t		left = string.n - *at;
	int			more = p[0] < 0x80 ? 0 : p[0] < 0xc2 ? -1 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : p[0] < 0xf5 ? 3 : -1;
	uint32_t	c = more <= 0 ? p[0] : p[0] & (0x3f >> more);

	for (int i = 1; i <= more; i++)
	{
		if ((size_t) i >= left || (p[i] & 0xc0) != 0x80)
		{
			more = -1;
			break;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (more == 3 && (c < 0x10000 || c > 0x10ffff)))
		more = -1;
	if (valid)
		*valid = more >= 0;
	*at += more < 0 ? 1 : more + 1;
	return more < 0 ? FOREIGN + p[0] : c;
}

static bool
between(uint32_t c, uint32_t first, uint32_t last)
{
	return c >= first && c <= last;
}

/* Upper and lower case alternate, the upper case first. */
static uint32_t
lower_pair(uint32_t c, bool upper_is_odd)
{
	return (c & 1) == (upper_is_odd ? 1 : 0) ? c + 1 : c;
}

static uint32_t
lower(uint32_t c)
{
	if (c < 0x80)
		return between(c, 'A', 'Z') ? c + 32 : c;
	if (between(c, 0xc0, 0xde))
		return c == 0xd7 ? c : c + 32;
	if (between(c, 0x100, 0x17e))
	{
		if (c == 0x130)
			return 'i';
		if (c == 0x178)
			return 0xff;
		if (c == 0x131 || c == 0x138 || c == 0x149)
			return c;
		return lower_pair(c, between(c, 0x139, 0x148) || c > 0x178);
	}
	if (between(c, 0x386, 0x3c2))
	{
		if (between(c, 0x391, 0x3ab) && c != 0x3a2)
			return c + 32;
		switch (c)
		{
			case 0x386:
				return 0x3ac;
			case 0x388:
			case 0x389:
			case 0x38a:
				return c + 37;
			case 0x38c:
				return 0x3cc;
			case 0x38e:
			case 0x38f:
				return c + 63;
			case 0x3c2:			/* a sigma at the end of a word */
				return 0x3c3;
			default:
				return c;
		}
	}
	if (between(c, 0x400, 0x40f))
		return c + 80;
	if (between(c, 0x410, 0x42f))
		return c + 32;
	if (between(c, 0x460, 0x481) || between(c, 0x48a, 0x4bf) || between(c, 0x4d0, 0x52f))
		return lower_pair(c, false);
	if (between(c, 0x4c1, 0x4ce))
		return lower_pair(c, true);
	if (between(c, 0x531, 0x556))
		return c + 48;
	if (between(c, 0x1e00, 0x1e95) || between(c, 0x1ea0, 0x1eff))
		return lower_pair(c, false);
	if (between(c, 0xff21, 0xff3a))
		return c + 32;
	return c;
}

/* A letter or digit in lower case, SEPARATOR or IGNORED. */
static uint32_t
word_char(uint32_t c)
{
	if (c < 0x80)
		return between(c, '0', '9') || between(c, 'a', 'z') || between(c, 'A', 'Z') ? lower(c) : SEPARATOR;
	if (c < 0xc0)
		return c == 0xad ? IGNORED : c == 0xaa || c == 0xb5 || c == 0xba ? c : SEPARATOR;

	/*
	 * marks that do not change a word: of direction, of joining, of Arabic vowels, of emoji style
	 */
	if (between(c, 0x200b, 0x200f) || between(c, 0x202a, 0x202e) || between(c, 0x2060, 0x206f) || c == 0xfeff ||
		c == 0x640 || between(c, 0x64b, 0x65f) || between(c, 0xfe00, 0xfe0f))
		return IGNORED;
	if (c == 0xd7 || c == 0xf7 || c == 0x60c || c == 0x61b || c == 0x61f || c == 0x6d4 || c == 0x964 || c == 0x965 ||
		between(c, 0x2000, 0x206f) || between(c, 0x20a0, 0x20cf) || (between(c, 0x3000, 0x303f) && !between(c, 0x3005, 0x3007)) ||
		between(c, 0xfe10, 0xfe6f) || between(c, 0xff00, 0xff0f) || between(c, 0xff1a, 0xff20) ||
		between(c, 0xff3b, 0xff40) || between(c, 0xff5b, 0xff65))
		return SEPARATOR;
	return lower(c);
}

/* A script that puts no spaces between words, so that single characters carry meaning. */
static bool
is_dense(uint32_t c)
{
	return between(c, 0x3040, 0x30ff) || between(c, 0x3400, 0x9fff) || between(c, 0xf900, 0xfaff) || between(c, 0x20000, 0x3ffff);
}

static void
add_token(uint64_t hash, float weight, int buckets, float *out)
{
	hash = rng_mix(hash);
	out[(hash >> 1) % buckets] += hash & 1 ? weight : -weight;
}

static uint64_t
extend(uint64_t hash, uint32_t c)
{
	hash = (hash ^ c) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* A word of n characters, which stands in word[1 .. n] between markers. */
static void
add_word(uint32_t *word, int n, int buckets, float *out)
{
	uint64_t	whole = UINT64_C(0x576f7264);
	uint64_t	gram[(WORD_MAX + 2) * GRAM_MAX];
	int			grams = 0;

	word[0] = '<';
	word[n + 1] = '>';
	for (int i = 1; i <= n; i++)
		whole = extend(whole, word[i]);
	add_token(whole, 1, buckets, out);
	for (int i = 0; i < n + 2; i++)
	{
		uint64_t	hash = UINT64_C(0x4772616d);
		int			least = is_dense(word[i]) ? 1 : GRAM_MIN;

		for (int length = 1; length <= GRAM_MAX && i + length <= n + 2; length++)
		{
			hash = extend(hash, word[i + length - 1]);
			if (length >= least)
				gram[grams++] = hash;
		}
	}
	for (int g = 0; g < grams; g++)
		add_token(gram[g], 1 / sqrtf((float) grams), buckets, out);
}

void
encode_text(EncodeString text, int buckets, float *out)
{
	uint32_t	word[WORD_MAX + 2];
	int			n = 0;
	size_t		at = 0;
	double		sum = 0;
	float		scale;

	if (text.n > ENCODE_TEXT_BYTES)
		text.n = ENCODE_TEXT_BYTES;
	while (at < text.n)
	{
		uint32_t	c = word_char(encode_next_char(text, &at, NULL));

		if (c == IGNORED)
			continue;
		if (c != SEPARATOR)
			word[++n] = c;
		if (n > 0 && (c == SEPARATOR || n == WORD_MAX))
		{
			add_word(word, n, buckets, out);
			n = 0;
		}
	}
	if (n > 0)
		add_word(word, n, buckets, out);
	for (int b = 0; b < buckets; b++)
	{
		if (out[b] == 0)
			continue;
		out[b] = copysignf(log1pf(fabsf(out[b])), out[b]);
		sum += (double) out[b] * out[b];
	}
	scale = sum > 0 ? (float) (1 / sqrt(sum)) : 0;
	for (int b = 0; b < buckets; b++)
		out[b] *= scale;
}
