/*
 * vmath_avx512.c
 *	  The kernels of vmath_body.h for AVX-512.
 */
#if defined(__x86_64__) && !defined(LEARN_DOUBLE)

#include "vmath_x86.h"

#include <stddef.h>

#define LANES			16
#define TILE_ROWS		6
#define KERNELS			vmath_avx512
#define KERNELS_SET	SET_AVX512

#define fma_v(a, b, c)	_mm512_fmadd_ps(a, b, c)
#define sqrt_v(a)		_mm512_sqrt_ps(a)

static inline __m512
load_first(const float *p, size_t n)
{
	return _mm512_maskz_loadu_ps((__mmask16) ((1u << n) - 1), p);
}

static inline void
store_first(float *p, __m512 v, size_t n)
{
	_mm512_mask_storeu_ps(p, (__mmask16) ((1u << n) - 1), v);
}

static inline __m128
fold_16(__m512 v)
{
	return fold_8(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}

static inline void
sum4(float *out, __m512 a, __m512 b, __m512 c, __m512 d)
{
	sum4_of_4(out, fold_16(a), fold_16(b), fold_16(c), fold_16(d));
}

#include "vmath_body.h"

#else
typedef int vmath_avx512_is_empty;	/* ISO C forbids an empty file */
#endif
