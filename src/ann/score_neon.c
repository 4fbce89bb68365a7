/*
 * score_neon.c
 *	  The kernels for NEON as every aarch64 has it: products of 8 bits are widened to 16 and
 *	  added in pairs to sums of 32.
 */
#if defined(__aarch64__)

#include "ann/score_float.h"

#include <arm_neon.h>

/* acc plus the products of 16 pairs of signed levels. */
static inline int32x4_t
multiply(int32x4_t acc, int8x16_t u, int8x16_t q)
{
	acc = vpadalq_s16(acc, vmull_s8(vget_low_s8(u), vget_low_s8(q)));
	return vpadalq_s16(acc, vmull_high_s8(u, q));
}

static void
dots_1(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	static const uint8_t bit_of[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	const uint8x16_t bit = vld1q_u8(bit_of);

	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		int32x4_t	acc = vdupq_n_s32(0);

		for (int i = 0; i < width; i += 16)
		{
			uint8x16_t	bits = vcombine_u8(vdup_n_u8(code[i / 8]), vdup_n_u8(code[i / 8 + 1]));
			int8x16_t	chosen = vandq_s8(vreinterpretq_s8_u8(vtstq_u8(bits, bit)), vld1q_s8(levels + i));

			acc = vpadalq_s16(acc, vpaddlq_s8(chosen));
		}
		out[row] = vaddvq_s32(acc);
	}
}

static void
dots_4(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	int			half = width / 2;

	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		int32x4_t	acc = vdupq_n_s32(0);

		for (int i = 0; i < half; i += 8)
		{
			uint8x8_t	bytes = vld1_u8(code + i);
			uint8x16_t	u = vcombine_u8(vand_u8(bytes, vdup_n_u8(15)), vshr_n_u8(bytes, 4));

			acc = multiply(acc, vreinterpretq_s8_u8(u),
						   vcombine_s8(vld1_s8(levels + i), vld1_s8(levels + half + i)));
		}
		out[row] = vaddvq_s32(acc);
	}
}

/*
 * Levels less 128 are signed bytes; what that leaves out is 128 times the sum of the query's
 * levels.
 */
static void
dots_8(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	int32_t		level_sum = 0;

	for (int i = 0; i < width; i++)
		level_sum += levels[i];
	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		int32x4_t	acc = vdupq_n_s32(0);

		for (int i = 0; i < width; i += 16)
			acc = multiply(acc, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(code + i), vdupq_n_u8(128))),
						   vld1q_s8(levels + i));
		out[row] = vaddvq_s32(acc) + 128 * level_sum;
	}
}

const ScoreKernels score_neon = {SET_NEON, dots_1, dots_4, dots_8, place, estimate, lower};

#else
typedef int score_neon_is_empty;
#endif							/* __aarch64__ */
