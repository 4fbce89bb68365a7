/*
 * distance_avx512.c
 *	  The kernels for AVX-512: four sums of sixteen lanes, the tail by masked loads (a lane
 *	  that is masked out reads nothing and counts as 0).
 */
#if defined(__x86_64__)

#include "ann/distance_kernels.h"

#include <immintrin.h>

#define WIDTH	16

/* The first n lanes, or all of them. */
static inline __mmask16
first_lanes(int n)
{
	return n >= WIDTH ? (__mmask16) 0xffff : (__mmask16) ((1u << n) - 1);
}

/* One step of each sum: acc plus sixteen terms. */
static inline __m512
l2_step(__m512 acc, __m512 a, __m512 b)
{
	__m512		d = _mm512_sub_ps(a, b);

	return _mm512_fmadd_ps(d, d, acc);
}

static inline __m512
dot_step(__m512 acc, __m512 a, __m512 b)
{
	return _mm512_fmadd_ps(a, b, acc);
}

static inline __m512
l1_step(__m512 acc, __m512 a, __m512 b)
{
	return _mm512_add_ps(acc, _mm512_abs_ps(_mm512_sub_ps(a, b)));
}

/* The loop that the three share, inlined once for each step. */
static inline __attribute__((always_inline)) float
reduce(const float *a, const float *b, int n, __m512 (*step) (__m512, __m512, __m512))
{
	__m512		sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
	int			i = 0;

	for (; i + 4 * WIDTH <= n; i += 4 * WIDTH)
	{
		sum[0] = step(sum[0], _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
		sum[1] = step(sum[1], _mm512_loadu_ps(a + i + WIDTH), _mm512_loadu_ps(b + i + WIDTH));
		sum[2] = step(sum[2], _mm512_loadu_ps(a + i + 2 * WIDTH), _mm512_loadu_ps(b + i + 2 * WIDTH));
		sum[3] = step(sum[3], _mm512_loadu_ps(a + i + 3 * WIDTH), _mm512_loadu_ps(b + i + 3 * WIDTH));
	}
	for (; i < n; i += WIDTH)
	{
		__mmask16	mask = first_lanes(n - i);

		sum[0] = step(sum[0], _mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
	}
	return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

static float
l2_squared(const float *a, const float *b, int n)
{
	return reduce(a, b, n, l2_step);
}

static float
inner_product(const float *a, const float *b, int n)
{
	return reduce(a, b, n, dot_step);
}

static float
l1(const float *a, const float *b, int n)
{
	return reduce(a, b, n, l1_step);
}

static void
cosine(const float *a, const float *b, int n, float parts[3])
{
	__m512		dot[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
	__m512		aa[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
	__m512		bb[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
	int			i = 0;

	for (; i + 2 * WIDTH <= n; i += 2 * WIDTH)
		for (int k = 0; k < 2; k++)
		{
			__m512		va = _mm512_loadu_ps(a + i + k * WIDTH);
			__m512		vb = _mm512_loadu_ps(b + i + k * WIDTH);

			dot[k] = _mm512_fmadd_ps(va, vb, dot[k]);
			aa[k] = _mm512_fmadd_ps(va, va, aa[k]);
			bb[k] = _mm512_fmadd_ps(vb, vb, bb[k]);
		}
	for (; i < n; i += WIDTH)
	{
		__mmask16	mask = first_lanes(n - i);
		__m512		va = _mm512_maskz_loadu_ps(mask, a + i);
		__m512		vb = _mm512_maskz_loadu_ps(mask, b + i);

		dot[0] = _mm512_fmadd_ps(va, vb, dot[0]);
		aa[0] = _mm512_fmadd_ps(va, va, aa[0]);
		bb[0] = _mm512_fmadd_ps(vb, vb, bb[0]);
	}
	parts[0] = _mm512_reduce_add_ps(_mm512_add_ps(dot[0], dot[1]));
	parts[1] = _mm512_reduce_add_ps(_mm512_add_ps(aa[0], aa[1]));
	parts[2] = _mm512_reduce_add_ps(_mm512_add_ps(bb[0], bb[1]));
}

const DistanceKernels distance_avx512 = {SET_AVX512, l2_squared, inner_product, l1, cosine};

#else
typedef int distance_avx512_is_empty;
#endif							/* __x86_64__ */
