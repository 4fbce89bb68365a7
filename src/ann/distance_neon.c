/*
 * distance_neon.c
 *	  The kernels for NEON, which every aarch64 has: four sums of four lanes, the
 *	  tail one by one.
 */
#if defined(__aarch64__)

#include "ann/distance_kernels.h"

#include <arm_neon.h>
#include <math.h>

#define WIDTH	4

/* One step of each sum: acc plus four terms. */
static inline float32x4_t
l2_step(float32x4_t acc, float32x4_t a, float32x4_t b)
{
	float32x4_t d = vsubq_f32(a, b);

	return vfmaq_f32(acc, d, d);
}

static inline float32x4_t
dot_step(float32x4_t acc, float32x4_t a, float32x4_t b)
{
	return vfmaq_f32(acc, a, b);
}

static inline float32x4_t
l1_step(float32x4_t acc, float32x4_t a, float32x4_t b)
{
	return vaddq_f32(acc, vabdq_f32(a, b));
}

/* The loop that the three share, inlined once for each step: whole fours up to *done. */
static inline __attribute__((always_inline)) float
reduce(const float *a, const float *b, int n, int *done,
	   float32x4_t (*step) (float32x4_t, float32x4_t, float32x4_t))
{
	float32x4_t sum[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
	int			i = 0;

	for (; i + 4 * WIDTH <= n; i += 4 * WIDTH)
		for (int k = 0; k < 4; k++)
			sum[k] = step(sum[k], vld1q_f32(a + i + k * WIDTH), vld1q_f32(b + i + k * WIDTH));
	for (; i + WIDTH <= n; i += WIDTH)
		sum[0] = step(sum[0], vld1q_f32(a + i), vld1q_f32(b + i));
	*done = i;
	return vaddvq_f32(vaddq_f32(vaddq_f32(sum[0], sum[1]), vaddq_f32(sum[2], sum[3])));
}

static float
l2_squared(const float *a, const float *b, int n)
{
	int			i;
	float		sum = reduce(a, b, n, &i, l2_step);

	for (; i < n; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

static float
inner_product(const float *a, const float *b, int n)
{
	int			i;
	float		sum = reduce(a, b, n, &i, dot_step);

	for (; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static float
l1(const float *a, const float *b, int n)
{
	int			i;
	float		sum = reduce(a, b, n, &i, l1_step);

	for (; i < n; i++)
		sum += fabsf(a[i] - b[i]);
	return sum;
}

static void
cosine(const float *a, const float *b, int n, float parts[3])
{
	float32x4_t dot[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	float32x4_t aa[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	float32x4_t bb[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	int			i = 0;

	for (; i + 2 * WIDTH <= n; i += 2 * WIDTH)
		for (int k = 0; k < 2; k++)
		{
			float32x4_t va = vld1q_f32(a + i + k * WIDTH);
			float32x4_t vb = vld1q_f32(b + i + k * WIDTH);

			dot[k] = vfmaq_f32(dot[k], va, vb);
			aa[k] = vfmaq_f32(aa[k], va, va);
			bb[k] = vfmaq_f32(bb[k], vb, vb);
		}
	parts[0] = vaddvq_f32(vaddq_f32(dot[0], dot[1]));
	parts[1] = vaddvq_f32(vaddq_f32(aa[0], aa[1]));
	parts[2] = vaddvq_f32(vaddq_f32(bb[0], bb[1]));
	for (; i < n; i++)
	{
		parts[0] += a[i] * b[i];
		parts[1] += a[i] * a[i];
		parts[2] += b[i] * b[i];
	}
}

const DistanceKernels distance_neon = {SET_NEON, l2_squared, inner_product, l1, cosine};

#else
typedef int distance_neon_is_empty;
#endif							/* __aarch64__ */
