/*
 * code_avx512.c
 *	  The kernels of codes for AVX-512: the compiler's vectors but where lanes meet.
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* 1, but -1 in the lanes of second. */
static inline __m512
signs_of(__mmask16 second)
{
	return _mm512_mask_blend_ps(second, _mm512_set1_ps(1), _mm512_set1_ps(-1));
}

/*
 * Each level adds a lane to the other one of its pair, or takes it from that where it is the
 * second: a product by 1 or -1 has no rounding, so FMA gives the bits of the sum.
 */
static inline void
transform_16(float *x)
{
	__m512		v = _mm512_loadu_ps(x);

	v = _mm512_fmadd_ps(v, signs_of(0xaaaa), _mm512_permute_ps(v, 0xb1));
	v = _mm512_fmadd_ps(v, signs_of(0xcccc), _mm512_permute_ps(v, 0x4e));
	v = _mm512_fmadd_ps(v, signs_of(0xf0f0), _mm512_shuffle_f32x4(v, v, 0xb1));
	v = _mm512_fmadd_ps(v, signs_of(0xff00), _mm512_shuffle_f32x4(v, v, 0x4e));
	_mm512_storeu_ps(x, v);
}

static void
write_1(const float *r, int width, float t, uint8_t *code)
{
	const __m512 one = _mm512_set1_ps(1);

	for (int i = 0; i < width; i += 16)
	{
		__m512		level = _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(r + i), _mm512_set1_ps(t)), one);
		uint16_t	bits = (uint16_t) _mm512_cmp_ps_mask(level, one, _CMP_GE_OQ);

		memcpy(code + i / 8, &bits, sizeof(bits));
	}
}

#define OWN_LANES
#include "ann/code_float.h"

const CodeKernels code_avx512 = {SET_AVX512, flip, transform, difference, try_levels, write_1, write_4, write_8};

#else
typedef int code_avx512_is_empty;
#endif							/* __x86_64__ */
