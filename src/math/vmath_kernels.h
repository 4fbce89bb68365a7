/*
 * vmath_kernels.h
 *	  One table of kernels per instruction set, filled by vmath_body.h.  Contracts are
 *	  in vmath.h.  Not for other rooms.
 */
#ifndef VMATH_KERNELS_H
#define VMATH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/simd.h"

typedef struct VmathKernels
{
	SimdSet		set;
	void		(*exp) (float *y, const float *x, size_t n);
	void		(*tanh) (float *y, const float *x, size_t n);
	void		(*tanh_grad) (float *dx, const float *dy, const float *x, size_t n);
	void		(*gelu) (float *y, const float *x, size_t n);
	void		(*gelu_grad) (float *dx, const float *dy, const float *x, size_t n);
	void		(*relu) (float *y, const float *x, size_t n);
	void		(*relu_grad) (float *dx, const float *dy, const float *x, size_t n);
	float		(*dot) (const float *a, const float *b, size_t n);
	float		(*dot_differences) (const float *a, const float *b, const float *c, const float *d, size_t n);
	float		(*sum) (const float *a, size_t n);
	float		(*max) (const float *a, size_t n);
	void		(*axpy) (float *y, float alpha, const float *x, size_t n);
	void		(*scale) (float *y, float alpha, size_t n);
	void		(*mul) (float *y, const float *x, size_t n);
	float		(*soft_weights) (float *p, const float *half, size_t n);
	int			(*find) (int32_t *place, const float *x, float limit, size_t n, int most);
	void		(*pull) (float *da, float *db, const float *a, const float *b, float factor, size_t n);
	void		(*adamw) (float *param, float *m, float *v, const float *grad, size_t n,
						  float lr, float beta1, float beta2, float eps, float decay, float bc1, float bc2);
	void		(*affine) (float *out, const float *x, const float *w, const float *bias,
						   size_t rows, size_t n_in, size_t n_out);
} VmathKernels;

extern const VmathKernels vmath_plain;
extern const VmathKernels vmath_avx2;
extern const VmathKernels vmath_avx512;
extern const VmathKernels vmath_neon;

#endif							/* VMATH_KERNELS_H */
