/*
 * score.c
 *	  Which kernels score.h uses.
 */
#include "ann/score.h"

#include "ann/score_kernels.h"

/* Best first. */
static const SimdSet *const tables[] = {
#if defined(__x86_64__)
	&score_avx512.set,
	&score_avx2.set,
#elif defined(__aarch64__)
	&score_neon.set,
#endif
	&score_plain.set
};

static const ScoreKernels *kernels = &score_plain;

SIMD_CHOICE(score_force, tables, ScoreKernels, kernels);

bool
score_available(const char *name)
{
	return simd_available(tables, name);
}

const char *
score_current(void)
{
	return simd_name(kernels->set);
}

size_t
score_code_bytes(int width, int bits)
{
	return (size_t) width * bits / 8;
}

void
score_place(const float *query, const uint8_t *frame, float step, int width, ScoreQuery *result)
{
	kernels->place(query, frame, step, width, result);
}

void
score_dots(const uint8_t *codes, size_t stride, int n, int bits, const ScoreQuery *query, int width,
		   int32_t *dots)
{
	ScoreFunction function = bits == 1 ? kernels->dots_1 : bits == 4 ? kernels->dots_4 : kernels->dots_8;

	function(codes, stride, n, query->levels, width, dots);
}

void
score_estimate(const ScoreQuery *query, int bits, const int32_t *dots, const float *norm,
			   const float *scale, int n, float *estimates)
{
	kernels->estimate(query, (float) ((1 << bits) - 1) / 2, dots, norm, scale, n, estimates);
}

float
score_lower(const ScoreQuery *query, const float *estimates, const float *norm, const float *error,
			int n, float *lower)
{
	return kernels->lower(query, estimates, norm, error, n, lower);
}
