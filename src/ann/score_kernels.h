/*
 * score_kernels.h
 *	  The kernels behind score.h: one set per instruction set.  All give the same bits: dots
 *	  are sums of integers, and what is float sums in 16 fixed lanes without FMA.
 */
#ifndef ANN_SCORE_KERNELS_H
#define ANN_SCORE_KERNELS_H

#include "ann/score.h"
#include "base/simd.h"

typedef struct ScoreKernels
{
	SimdSet		set;
	ScoreFunction dots_1;
	ScoreFunction dots_4;
	ScoreFunction dots_8;
	void		(*place) (const float *query, const uint8_t *frame, float step, int width,
						  ScoreQuery *result);
	void		(*estimate) (const ScoreQuery *query, float half, const int32_t *dots,
							 const float *norm, const float *scale, int n, float *estimates);
	float		(*lower) (const ScoreQuery *query, const float *estimates, const float *norm,
						  const float *error, int n, float *lower);
} ScoreKernels;

extern const ScoreKernels score_plain;

#if defined(__x86_64__)
extern const ScoreKernels score_avx2;
extern const ScoreKernels score_avx512;
#elif defined(__aarch64__)
extern const ScoreKernels score_neon;
#endif

#endif							/* ANN_SCORE_KERNELS_H */
