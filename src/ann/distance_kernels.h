/*
 * distance_kernels.h
 *	  The kernels behind distance.h: one set per instruction set.  A kernel sums in
 *	  float and does not care whether the sum leaves float's range.
 */
#ifndef DISTANCE_KERNELS_H
#define DISTANCE_KERNELS_H

#include "base/simd.h"

typedef struct DistanceKernels
{
	SimdSet		set;
	float		(*l2_squared) (const float *a, const float *b, int n);
	float		(*inner_product) (const float *a, const float *b, int n);
	float		(*l1) (const float *a, const float *b, int n);

	/* parts: a.b, a.a, b.b */
	void		(*cosine) (const float *a, const float *b, int n, float parts[3]);
} DistanceKernels;

extern const DistanceKernels distance_plain;

#if defined(__x86_64__)
extern const DistanceKernels distance_avx2;
extern const DistanceKernels distance_avx512;
#elif defined(__aarch64__)
extern const DistanceKernels distance_neon;
#endif

#endif							/* DISTANCE_KERNELS_H */
