/*
 * score_plain.c
 *	  The kernels in plain C: what the others are held against.
 */
#include "ann/score_float.h"

static void
dots_1(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		int32_t		sum = 0;

		for (int i = 0; i < width; i++)
			sum += (code[i / 8] >> (i % 8) & 1) * levels[i];
		out[row] = sum;
	}
}

static void
dots_4(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	int			half = width / 2;

	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		int32_t		sum = 0;

		for (int i = 0; i < half; i++)
			sum += (code[i] & 15) * levels[i] + (code[i] >> 4) * levels[i + half];
		out[row] = sum;
	}
}

static void
dots_8(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		int32_t		sum = 0;

		for (int i = 0; i < width; i++)
			sum += code[i] * levels[i];
		out[row] = sum;
	}
}

const ScoreKernels score_plain = {SET_PLAIN, dots_1, dots_4, dots_8, place, estimate, lower};
