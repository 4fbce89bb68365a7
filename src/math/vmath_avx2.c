/*
 * vmath_avx2.c
 *	  The kernels of vmath_body.h for AVX2 with FMA.
 */
#if defined(__x86_64__) && !defined(LEARN_DOUBLE)

#include "vmath_x86.h"

#include <stddef.h>
#include <stdint.h>

#define LANES			8
#define TILE_ROWS		3
#define KERNELS			vmath_avx2
#define KERNELS_SET	SET_AVX2

#define fma_v(a, b, c)	_mm256_fmadd_ps(a, b, c)
#define sqrt_v(a)		_mm256_sqrt_ps(a)

static inline __m256i
first_lanes(size_t n)
{
	static const int32_t mask[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

	return _mm256_loadu_si256((const __m256i *) (mask + LANES - n));
}

static inline __m256
load_first(const float *p, size_t n)
{
	return _mm256_maskload_ps(p, first_lanes(n));
}

static inline void
store_first(float *p, __m256 v, size_t n)
{
	_mm256_maskstore_ps(p, first_lanes(n), v);
}

static inline void
sum4(float *out, __m256 a, __m256 b, __m256 c, __m256 d)
{
	sum4_of_4(out, fold_8(a), fold_8(b), fold_8(c), fold_8(d));
}

#include "vmath_body.h"

#else
typedef int vmath_avx2_is_empty;	/* ISO C forbids an empty file */
#endif
