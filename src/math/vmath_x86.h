/*
 * vmath_x86.h
 *	  What the AVX2 and AVX-512 kernels share.
 */
#ifndef VMATH_X86_H
#define VMATH_X86_H

#include <immintrin.h>

/* out[0] = sum of a's lanes, ... */
static inline void
sum4_of_4(float *out, __m128 a, __m128 b, __m128 c, __m128 d)
{
	__m128		ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
	__m128		cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));

	_mm_storeu_ps(out, _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab)));
}

static inline __m128
fold_8(__m256 v)
{
	return _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
}

#endif							/* VMATH_X86_H */
