/*
 * distance_plain.c
 *	  The kernels in plain C: what the others are held against, and what runs where
 *	  there is nothing better.
 *
 * LANES partial sums, added in pairs at the end, let any compiler vectorise the inner
 * loop and keep the rounding error down.
 */
#include "ann/distance_kernels.h"

#include <math.h>

#define LANES	16

/* The sum of LANES partial sums, which are overwritten. */
static float
add_lanes(float *sum)
{
	for (int half = LANES / 2; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			sum[j] += sum[j + half];
	return sum[0];
}

static float
l2_squared(const float *a, const float *b, int n)
{
	float		sum[LANES] = {0};
	int			i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			float		d = a[i + j] - b[i + j];

			sum[j] += d * d;
		}
	for (int j = 0; i < n; i++, j++)
	{
		float		d = a[i] - b[i];

		sum[j] += d * d;
	}
	return add_lanes(sum);
}

static float
inner_product(const float *a, const float *b, int n)
{
	float		sum[LANES] = {0};
	int			i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			sum[j] += a[i + j] * b[i + j];
	for (int j = 0; i < n; i++, j++)
		sum[j] += a[i] * b[i];
	return add_lanes(sum);
}

static float
l1(const float *a, const float *b, int n)
{
	float		sum[LANES] = {0};
	int			i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			sum[j] += fabsf(a[i + j] - b[i + j]);
	for (int j = 0; i < n; i++, j++)
		sum[j] += fabsf(a[i] - b[i]);
	return add_lanes(sum);
}

static void
cosine(const float *a, const float *b, int n, float parts[3])
{
	float		dot[LANES] = {0};
	float		aa[LANES] = {0};
	float		bb[LANES] = {0};
	int			i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			dot[j] += a[i + j] * b[i + j];
			aa[j] += a[i + j] * a[i + j];
			bb[j] += b[i + j] * b[i + j];
		}
	for (int j = 0; i < n; i++, j++)
	{
		dot[j] += a[i] * b[i];
		aa[j] += a[i] * a[i];
		bb[j] += b[i] * b[i];
	}
	parts[0] = add_lanes(dot);
	parts[1] = add_lanes(aa);
	parts[2] = add_lanes(bb);
}

const DistanceKernels distance_plain = {SET_PLAIN, l2_squared, inner_product, l1, cosine};
