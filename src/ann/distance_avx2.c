/*
 * distance_avx2.c
 *	  The kernels for AVX2 with FMA: four sums of eight lanes, the tail by masked loads
 *	  (a lane that is masked out reads nothing and counts as 0).
 */
#if defined(__x86_64__)

#include "ann/distance_kernels.h"

#include <immintrin.h>
#include <stdint.h>

#define WIDTH	8

/* The first n of eight lanes, 0 < n <= WIDTH. */
static inline __m256i
first_lanes(int n)
{
	static const int32_t mask[2 * WIDTH] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

	return _mm256_loadu_si256((const __m256i *) (mask + WIDTH - n));
}

static inline float
add_lanes(__m256 v)
{
	__m128		s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	s = _mm_add_ss(s, _mm_movehdup_ps(s));
	return _mm_cvtss_f32(s);
}

static inline float
add_sums(const __m256 *sum)
{
	return add_lanes(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

/* One step of each sum: acc plus eight terms. */
static inline __m256
l2_step(__m256 acc, __m256 a, __m256 b)
{
	__m256		d = _mm256_sub_ps(a, b);

	return _mm256_fmadd_ps(d, d, acc);
}

static inline __m256
dot_step(__m256 acc, __m256 a, __m256 b)
{
	return _mm256_fmadd_ps(a, b, acc);
}

static inline __m256
l1_step(__m256 acc, __m256 a, __m256 b)
{
	return _mm256_add_ps(acc, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), _mm256_sub_ps(a, b)));
}

/* The loop that the three share, inlined once for each step. */
static inline __attribute__((always_inline)) float
reduce(const float *a, const float *b, int n, __m256 (*step) (__m256, __m256, __m256))
{
	__m256		sum[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
	int			i = 0;

	for (; i + 4 * WIDTH <= n; i += 4 * WIDTH)
	{
		sum[0] = step(sum[0], _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
		sum[1] = step(sum[1], _mm256_loadu_ps(a + i + WIDTH), _mm256_loadu_ps(b + i + WIDTH));
		sum[2] = step(sum[2], _mm256_loadu_ps(a + i + 2 * WIDTH), _mm256_loadu_ps(b + i + 2 * WIDTH));
		sum[3] = step(sum[3], _mm256_loadu_ps(a + i + 3 * WIDTH), _mm256_loadu_ps(b + i + 3 * WIDTH));
	}
	for (; i + WIDTH <= n; i += WIDTH)
		sum[0] = step(sum[0], _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
	if (i < n)
	{
		__m256i		mask = first_lanes(n - i);

		sum[1] = step(sum[1], _mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask));
	}
	return add_sums(sum);
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
	__m256		dot[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	__m256		aa[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	__m256		bb[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	int			i = 0;

	for (; i + 2 * WIDTH <= n; i += 2 * WIDTH)
		for (int k = 0; k < 2; k++)
		{
			__m256		va = _mm256_loadu_ps(a + i + k * WIDTH);
			__m256		vb = _mm256_loadu_ps(b + i + k * WIDTH);

			dot[k] = _mm256_fmadd_ps(va, vb, dot[k]);
			aa[k] = _mm256_fmadd_ps(va, va, aa[k]);
			bb[k] = _mm256_fmadd_ps(vb, vb, bb[k]);
		}
	for (; i < n; i += WIDTH)
	{
		__m256i		mask = first_lanes(n - i < WIDTH ? n - i : WIDTH);
		__m256		va = _mm256_maskload_ps(a + i, mask);
		__m256		vb = _mm256_maskload_ps(b + i, mask);

		dot[0] = _mm256_fmadd_ps(va, vb, dot[0]);
		aa[0] = _mm256_fmadd_ps(va, va, aa[0]);
		bb[0] = _mm256_fmadd_ps(vb, vb, bb[0]);
	}
	parts[0] = add_lanes(_mm256_add_ps(dot[0], dot[1]));
	parts[1] = add_lanes(_mm256_add_ps(aa[0], aa[1]));
	parts[2] = add_lanes(_mm256_add_ps(bb[0], bb[1]));
}

const DistanceKernels distance_avx2 = {SET_AVX2, l2_squared, inner_product, l1, cosine};

#else
typedef int distance_avx2_is_empty;
#endif							/* __x86_64__ */
