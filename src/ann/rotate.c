/*
 * rotate.c
 *	  See rotate.h.
 */
#include "ann/rotate.h"

#include <math.h>

#include "learn/rng.h"

/* Rounds until one element reaches all others evenly: two suffice where nothing overlaps. */
#define ROUNDS_POWER_OF_TWO	2
#define ROUNDS_OVERLAPPING	4

int
ann_width(int dims)
{
	return (dims + 15) / 16 * 16;
}

/* The largest power of two that is not above width. */
static int
transform_length(int width)
{
	int			length = 16;

	while (length * 2 <= width)
		length *= 2;
	return length;
}

static int
rounds_of(int width)
{
	return transform_length(width) == width ? ROUNDS_POWER_OF_TWO : ROUNDS_OVERLAPPING;
}

size_t
ann_rotation_floats(int dims)
{
	int			width = ann_width(dims);

	return (size_t) rounds_of(width) * width;
}

void
ann_rotation_init(AnnRotation *rotation, int dims, uint64_t seed, float *memory)
{
	size_t		n = ann_rotation_floats(dims);
	Rng			rng;

	rotation->dims = dims;
	rotation->width = ann_width(dims);
	rotation->rounds = rounds_of(rotation->width);
	rotation->signs = memory;
	rng_seed(&rng, seed, 0);
	for (size_t i = 0; i < n; i++)
		memory[i] = rng_next(&rng) >> 63 ? 1.0f : -1.0f;
}

/* One level of butterflies at distance half; the compiler vectorises half >= 4. */
static inline void
butterflies(float *restrict a, float *restrict b, int half)
{
	for (int i = 0; i < half; i++)
	{
		float		x = a[i];
		float		y = b[i];

		a[i] = x + y;
		b[i] = x - y;
	}
}

/* Levels of distance 1, 2, 4 and 8 over one run of 16, kept in registers. */
static inline void
transform_16(float *x)
{
	for (int i = 0; i < 16; i += 4)
	{
		float		a = x[i] + x[i + 1];
		float		b = x[i] - x[i + 1];
		float		c = x[i + 2] + x[i + 3];
		float		d = x[i + 2] - x[i + 3];

		x[i] = a + c;
		x[i + 1] = b + d;
		x[i + 2] = a - c;
		x[i + 3] = b - d;
	}
	butterflies(x, x + 4, 4);
	butterflies(x + 8, x + 12, 4);
	butterflies(x, x + 8, 8);
}

/* The Walsh-Hadamard transform of n = 2^k >= 16 elements, not scaled. */
static void
transform(float *x, int n)
{
	for (int i = 0; i < n; i += 16)
		transform_16(x + i);
	for (int half = 16; half < n; half *= 2)
		for (int i = 0; i < n; i += 2 * half)
			butterflies(x + i, x + i + half, half);
}

void
ann_rotate(const AnnRotation *rotation, const float *in, const float *origin, float *out)
{
	int			width = rotation->width;
	int			length = transform_length(width);
	float		scale = 1.0f / sqrtf((float) length);

	if (origin != NULL)
		for (int i = 0; i < rotation->dims; i++)
			out[i] = in[i] - origin[i];
	else
		for (int i = 0; i < rotation->dims; i++)
			out[i] = in[i];
	for (int i = rotation->dims; i < width; i++)
		out[i] = 0;

	for (int round = 0; round < rotation->rounds; round++)
	{
		const float *signs = rotation->signs + (size_t) round * width;
		float	   *part = round % 2 == 0 ? out : out + (width - length);

		for (int i = 0; i < width; i++)
			out[i] *= signs[i];
		transform(part, length);
		for (int i = 0; i < length; i++)
			part[i] *= scale;
	}
}
