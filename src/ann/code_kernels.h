/*
 * code_kernels.h
 *	  The loops of rotate.c and code.c: one set per instruction set.  All give the same bits, those
 *	  of the plain one: what is summed has 16 fixed lanes, and nothing is contracted (src/simd.mk).
 */
#ifndef ANN_CODE_KERNELS_H
#define ANN_CODE_KERNELS_H

#include <stdint.h>

#include "base/simd.h"

typedef struct CodeKernels
{
	SimdSet		set;

	/* x[i] *= signs[i]; n a multiple of 16, as everywhere here */
	void		(*flip) (float *x, const float *signs, int n);

	/* the Walsh-Hadamard transform of n = 2^k elements, times scale */
	void		(*transform) (float *x, int n, float scale);

	/* r = rotated - step * (frame - 127.5), its largest element and its squared length */
	void		(*difference) (const float *rotated, const uint8_t *frame, float step, int width,
							   float *r, float *largest, float *norm);

	/* <u, r> and |u|^2 for t levels in a unit; top is 2^bits - 1 */
	void		(*try_levels) (const float *r, int width, float t, float top, float *product, float *square);

	/* the code of r */
	void		(*write_1) (const float *r, int width, float t, uint8_t *code);
	void		(*write_4) (const float *r, int width, float t, uint8_t *code);
	void		(*write_8) (const float *r, int width, float t, uint8_t *code);
} CodeKernels;

/* The set in use. */
extern const CodeKernels *code_kernels;

extern const CodeKernels code_plain;

#if defined(__x86_64__)
extern const CodeKernels code_avx2;
extern const CodeKernels code_avx512;
#endif

#endif							/* ANN_CODE_KERNELS_H */
