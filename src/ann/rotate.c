/*
 * rotate.c
 *	  See rotate.h.
 */
#include "ann/rotate.h"

#include <math.h>
#include <string.h>

#include "ann/code_kernels.h"
#include "base/rng.h"

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
	rotation->scale = 1;
	rotation->signs = memory;
	rng_seed(&rng, seed, 0);
	for (size_t i = 0; i < n; i++)
		memory[i] = rng_next(&rng) >> 63 ? 1.0f : -1.0f;
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
		memcpy(out, in, rotation->dims * sizeof(float));
	if (rotation->scale != 1)
		for (int i = 0; i < rotation->dims; i++)
			out[i] *= rotation->scale;
	memset(out + rotation->dims, 0, (width - rotation->dims) * sizeof(float));

	for (int round = 0; round < rotation->rounds; round++)
	{
		const float *signs = rotation->signs + (size_t) round * width;
		float	   *part = round % 2 == 0 ? out : out + (width - length);

		code_kernels->flip(out, signs, width);
		code_kernels->transform(part, length, scale);
	}
}
