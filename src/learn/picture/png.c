/*
 * png.c
 *	  PNG (ISO/IEC 15948) of 8 bits of grey, in zlib blocks that are stored and not compressed:
 *	  pictures of some hundred pixels gain little.
 */
#include "png.h"

#include <string.h>

#define MAX_STORED	65535
/* bytes that are not pixels: signature, chunks, at most two stored blocks */
#define MAX_FRAME	128

typedef struct Bytes
{
	unsigned char *b;
	size_t		n;
} Bytes;

static void
put(Bytes *to, const void *bytes, size_t n)
{
	memcpy(to->b + to->n, bytes, n);
	to->n += n;
}

static void
put_number(Bytes *to, uint32_t number)
{
	unsigned char bytes[4] = {number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255};

	put(to, bytes, 4);
}

static uint32_t
crc(const unsigned char *b, size_t n)
{
	uint32_t	c = 0xFFFFFFFF;

	for (size_t i = 0; i < n; i++)
	{
		c ^= b[i];
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xEDB88320 ^ c >> 1 : c >> 1;
	}
	return ~c;
}

/* Begin a chunk; its length is filled in by chunk_end. */
static size_t
chunk_begin(Bytes *to, const char *type)
{
	put_number(to, 0);
	put(to, type, 4);
	return to->n;
}

static void
chunk_end(Bytes *to, size_t begin)
{
	Bytes		length = {to->b, begin - 8};
	uint32_t	sum = crc(to->b + begin - 4, to->n - begin + 4);

	put_number(&length, (uint32_t) (to->n - begin));
	put_number(to, sum);
}

/* The rows of the picture as a zlib stream: each has a filter of 0 in front. */
static void
put_rows(Bytes *to, const unsigned char *pixel, int width, int height)
{
	size_t		all = (size_t) (width + 1) * height;
	uint32_t	a = 1;
	uint32_t	b = 0;

	put(to, "\x78\x01", 2);
	for (size_t i = 0; i < all; i++)
	{
		unsigned char byte = i % (width + 1) == 0 ? 0 : pixel[i / (width + 1) * width + i % (width + 1) - 1];

		if (i % MAX_STORED == 0)
		{
			size_t		length = all - i < MAX_STORED ? all - i : MAX_STORED;
			unsigned char head[5] = {i + length == all, length & 255, length >> 8, ~length & 255, ~length >> 8 & 255};

			put(to, head, 5);
		}
		put(to, &byte, 1);
		a = (a + byte) % 65521;
		b = (b + a) % 65521;
	}
	put_number(to, b << 16 | a);
}

void
png_data_uri(Svg *svg, const unsigned char *pixel, int width, int height)
{
	Bytes		png = {arena_alloc(svg->env->arena, (size_t) (width + 1) * height + MAX_FRAME, 1), 0};
	size_t		chunk;

	if (png.b == NULL)
	{
		svg->failed = true;
		return;
	}
	put(&png, "\x89PNG\r\n\x1a\n", 8);
	chunk = chunk_begin(&png, "IHDR");
	put_number(&png, (uint32_t) width);
	put_number(&png, (uint32_t) height);
	put(&png, "\x08\0\0\0\0", 5);
	chunk_end(&png, chunk);
	chunk = chunk_begin(&png, "IDAT");
	put_rows(&png, pixel, width, height);
	chunk_end(&png, chunk);
	chunk_end(&png, chunk_begin(&png, "IEND"));
	svg_put(svg, "data:image/png;base64,");
	svg_base64(svg, png.b, png.n);
}
