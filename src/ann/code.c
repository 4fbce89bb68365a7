/*
 * code.c
 *	  See code.h.
 */
#include "ann/code.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "ann/code_kernels.h"

/*
 * Where the outermost level of 4 bits may lie, in standard deviations of the elements.  The
 * best for a normal distribution is 2.7; the best of these is taken for each vector.
 */
static const float reach_tried[] = {2.0f, 2.2f, 2.4f, 2.6f, 2.8f, 3.0f, 3.3f, 3.7f};

#define N_REACHES	((int) (sizeof(reach_tried) / sizeof(reach_tried[0])))

/* Best first. */
static const SimdSet *const tables[] = {
#if defined(__x86_64__)
	&code_avx512.set,
	&code_avx2.set,
#endif
	&code_plain.set
};

const CodeKernels *code_kernels = &code_plain;

SIMD_CHOICE(code_force, tables, CodeKernels, code_kernels);

void
code_mean(const float *vectors, const int32_t *order, int n, int width, float *restrict mean)
{
	memset(mean, 0, width * sizeof(float));
	for (int j = 0; j < n; j++)
	{
		const float *vector = vectors + (size_t) order[j] * width;

		for (int i = 0; i < width; i++)
			mean[i] += vector[i];
	}
	for (int i = 0; i < width; i++)
		mean[i] /= (float) n;
}

bool
code_frame(const float *center, int width, uint8_t *frame, float *step)
{
	float		most = 0;
	double		square = 0;

	for (int i = 0; i < width; i++)
	{
		most = fmaxf(most, fabsf(center[i]));
		square += (double) center[i] * center[i];
	}
	if (!(square < FLT_MAX / 64))
		return false;
	*step = most / 127.5f;
	for (int i = 0; i < width; i++)
	{
		/* a step so small that dividing by it overflows is as good as none */
		float		level = *step > FLT_MIN ? center[i] / *step + 127.5f : 127.5f;

		frame[i] = (uint8_t) fminf(fmaxf(rintf(level), 0), 255);
	}
	return true;
}

void
code_frame_center(const uint8_t *frame, float step, int width, float *out)
{
	for (int i = 0; i < width; i++)
		out[i] = step * ((float) frame[i] - 127.5f);
}

bool
code_encode(const float *rotated, const uint8_t *frame, float step, int width, int bits,
			float *scratch, uint8_t *code, CodeFactors *factors)
{
	const CodeKernels *kernels = code_kernels;
	float		top = (float) ((1 << bits) - 1);
	float		largest;
	float		norm;
	float		t;
	float		product;
	float		square;
	double		left;

	kernels->difference(rotated, frame, step, width, scratch, &largest, &norm);
	if (!(norm < FLT_MAX / 16))
		return false;

	/* at the center itself, or so near that float has no square for it: a code that says nothing */
	if (norm < CODE_TINY_SQUARE)
	{
		memset(code, 0, score_code_bytes(width, bits));
		factors->norm = norm;
		factors->scale = 0;
		factors->error = 1000 * sqrtf((float) width) * largest;
		return true;
	}

	t = (top + 1) / 2 / largest;
	kernels->try_levels(scratch, width, t, top, &product, &square);
	if (bits == 4)
		for (int i = 0; i < N_REACHES; i++)
		{
			float		reach = reach_tried[i] * sqrtf(norm / (float) width);
			float		tried_product;
			float		tried_square;

			if (reach >= largest)
				break;
			kernels->try_levels(scratch, width, (top + 1) / 2 / reach, top, &tried_product, &tried_square);
			if ((double) tried_product * tried_product * square > (double) product * product * tried_square)
			{
				t = (top + 1) / 2 / reach;
				product = tried_product;
				square = tried_square;
			}
		}
	(bits == 1 ? kernels->write_1 : bits == 4 ? kernels->write_4 : kernels->write_8) (scratch, width, t, code);
	factors->norm = norm;
	factors->scale = norm / product;

	/*
	 * |scale * u|^2 - |r|^2, since r is the projection of scale * u; up by the roundings of the
	 * sums
	 */
	left = (double) factors->scale * factors->scale * square - norm;
	factors->error = (float) sqrt(fmax(left, 0) + 1e-6 * norm);
	return true;
}

float
code_upper_bound(const ScoreQuery *query, float estimate, float norm, float error)
{
	/* in double, which holds fourth powers of all lengths that float holds */
	double		distance2 = query->distance2;
	double		root = sqrt(norm);
	double		both = norm + (double) error * error;
	double		dot = 0.5 * ((distance2 + norm) - estimate) - sqrt(query->rounding2) * (root + error);
	double		cap = sqrt(distance2) * (root + CODE_TINY);
	double		rest = fmax(both * distance2 - dot * dot, 0) + CODE_CANCELLED * both * distance2;
	double		least = (dot * norm - root * error * sqrt(rest)) / both;

	if (!(error < CODE_NOT_CERTAIN))
		return INFINITY;
	if (!(dot > -cap && least > -cap && least < cap))
		least = -cap;
	return (float) ((distance2 + norm) * (1 + CODE_ROUNDING) - 2 * least);
}

float
code_deviation(const ScoreQuery *query, float norm, float error, int width)
{
	double		variance = (double) error * error * query->distance2 + (double) norm * query->rounding2;

	return (float) (2 * sqrt(variance / width));
}

void
code_decode(const uint8_t *code, int bits, int width, float scale, float *out)
{
	float		half = (float) ((1 << bits) - 1) / 2;

	for (int i = 0; i < width; i++)
	{
		int			level;

		if (bits == 1)
			level = code[i / 8] >> (i % 8) & 1;
		else if (bits == 8)
			level = code[i];
		else
			level = i < width / 2 ? code[i] & 15 : code[i - width / 2] >> 4;
		out[i] = scale * ((float) level - half);
	}
}
