/*
 * vmath.h
 *	  Elementwise kernels of training, and the small matrix product of embedding.
 *	  One plain body, compiled once per instruction set (vmath_body.h), chosen at
 *	  load.  All are exact to a few units in the last place; the same input gives
 *	  the same bits on one machine.
 */
#ifndef VMATH_H
#define VMATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/learn.h"

extern void vm_exp(real *y, const real *x, size_t n);	/* y may be x */

/*
 * y = f(x); dx = dy * f'(x).  y, dx and dy may be x or each other.  gelu: the exact form x *
 * Phi(x).
 */
extern void vm_tanh(real *y, const real *x, size_t n);
extern void vm_tanh_grad(real *dx, const real *dy, const real *x, size_t n);
extern void vm_gelu(real *y, const real *x, size_t n);
extern void vm_gelu_grad(real *dx, const real *dy, const real *x, size_t n);
extern void vm_relu(real *y, const real *x, size_t n);
extern void vm_relu_grad(real *dx, const real *dy, const real *x, size_t n);

extern real vm_dot(const real *a, const real *b, size_t n);
/* (a - b) . (c - d) */
extern real vm_dot_differences(const real *a, const real *b, const real *c, const real *d, size_t n);
extern real vm_sum(const real *a, size_t n);
extern real vm_max(const real *a, size_t n);		/* n > 0 */
/* also where float would overflow or underflow */
extern double vm_sum_squares(const real *a, size_t n);
extern void vm_axpy(real *y, real alpha, const real *x, size_t n);	/* y += alpha x */
extern void vm_scale(real *y, real alpha, size_t n);
extern void vm_mul(real *y, const real *x, size_t n);	/* y *= x */

/*
 * p = exp(t - largest t), t = 2 (p - half); 0 where that is below exp(-60), so that nothing
 * denormal comes out.  Returns their sum; n > 0.
 */
extern real vm_soft_weights(real *p, const real *half, size_t n);

/* place: where |x| > limit, rising; how many, -1: more than most. */
extern int	vm_find(int32_t *place, const real *x, real limit, size_t n, int most);

/* With step = factor (a - b): da += step, db -= step. */
extern void vm_pull(real *da, real *db, const real *a, const real *b, real factor, size_t n);

/* One AdamW step (arXiv 1711.05101) over n parameters; bias corrections bc1, bc2 = 1 - beta^t. */
extern void vm_adamw(real *param, real *m, real *v, const real *grad, size_t n,
					 real lr, real beta1, real beta2, real eps, real decay, real bc1, real bc2);

/*
 * Float only: out (rows x n_out) = x (rows x n_in) W^T + bias, W n_out x n_in row-major; bias
 * may be NULL.  The bits of a row's result do not depend on rows: a row embedded alone
 * equals the same row embedded in a batch.  They may differ from one instruction set to
 * another.  No BLAS, no threads.
 */
extern void vm_affine(float *out, const float *x, const float *w, const float *bias,
					  size_t rows, size_t n_in, size_t n_out);

/* Instruction sets, for tests and for the GUC: "plain", "avx2", "avx512", "neon", "auto". */
extern bool vm_force(const char *name); /* false: this machine has not got it */
extern const char *vm_current(void);

#endif							/* VMATH_H */
