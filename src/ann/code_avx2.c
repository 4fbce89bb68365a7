/*
 * code_avx2.c
 *	  The kernels of codes for AVX2: the compiler's vectors but where lanes meet.
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

/*
 * Each level adds a lane to the other one of its pair, or takes it from that where it is the
 * second: a product by 1 or -1 has no rounding, so FMA gives the bits of the sum.
 */
static inline void
transform_16(float *x)
{
	const __m256 odd = _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1);
	const __m256 upper_pair = _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1);
	const __m256 upper_half = _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);
	__m256		v[2];

	for (int h = 0; h < 2; h++)
	{
		v[h] = _mm256_loadu_ps(x + 8 * h);
		v[h] = _mm256_fmadd_ps(v[h], odd, _mm256_permute_ps(v[h], 0xb1));
		v[h] = _mm256_fmadd_ps(v[h], upper_pair, _mm256_permute_ps(v[h], 0x4e));
		v[h] = _mm256_fmadd_ps(v[h], upper_half, _mm256_permute2f128_ps(v[h], v[h], 1));
	}
	_mm256_storeu_ps(x, _mm256_add_ps(v[0], v[1]));
	_mm256_storeu_ps(x + 8, _mm256_sub_ps(v[0], v[1]));
}

static void
write_1(const float *r, int width, float t, uint8_t *code)
{
	const __m256 one = _mm256_set1_ps(1);

	for (int i = 0; i < width; i += 8)
	{
		__m256		level = _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(r + i), _mm256_set1_ps(t)), one);

		code[i / 8] = (uint8_t) _mm256_movemask_ps(_mm256_cmp_ps(level, one, _CMP_GE_OQ));
	}
}

#define OWN_LANES
#include "ann/code_float.h"

const CodeKernels code_avx2 = {SET_AVX2, flip, transform, difference, try_levels, write_1, write_4, write_8};

#else
typedef int code_avx2_is_empty;
#endif							/* __x86_64__ */
