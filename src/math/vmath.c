/*
 * vmath.c
 *	  Which kernels are used (a build with LEARN_DOUBLE has vmath_double.c instead).
 */
#include "vmath.h"

#include <float.h>
#include <math.h>

#include "vmath_kernels.h"

/* Squares are added up in real over this many elements, then in double. */
#define SQUARES_BLOCK	2048

/*
 * A sum of squares below it is taken again in double: a term that underflows to nothing
 * loses less than FLT_MIN, a block of them less than 2.5e-35.
 */
#define SQUARES_TRUSTED 1e-27

double
vm_sum_squares(const real *a, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i += SQUARES_BLOCK)
	{
		size_t		count = n - i < SQUARES_BLOCK ? n - i : SQUARES_BLOCK;
		double		part = vm_dot(a + i, a + i, count);

		if (!(part >= SQUARES_TRUSTED && part <= FLT_MAX))
		{
			part = 0;
			for (size_t j = i; j < i + count; j++)
				part += (double) a[j] * a[j];
		}
		sum += part;
	}
	return sum;
}

#ifndef LEARN_DOUBLE

/* Best first. */
static const SimdSet *const tables[] = {
#if defined(__x86_64__)
	&vmath_avx512.set,
	&vmath_avx2.set,
#elif defined(__aarch64__)
	&vmath_neon.set,
#endif
	&vmath_plain.set
};

static const VmathKernels *kernels = &vmath_plain;

SIMD_CHOICE(vm_force, tables, VmathKernels, kernels);

const char *
vm_current(void)
{
	return simd_name(kernels->set);
}

void
vm_exp(float *y, const float *x, size_t n)
{
	kernels->exp(y, x, n);
}

void
vm_tanh(float *y, const float *x, size_t n)
{
	kernels->tanh(y, x, n);
}

void
vm_tanh_grad(float *dx, const float *dy, const float *x, size_t n)
{
	kernels->tanh_grad(dx, dy, x, n);
}

void
vm_gelu(float *y, const float *x, size_t n)
{
	kernels->gelu(y, x, n);
}

void
vm_gelu_grad(float *dx, const float *dy, const float *x, size_t n)
{
	kernels->gelu_grad(dx, dy, x, n);
}

void
vm_relu(float *y, const float *x, size_t n)
{
	kernels->relu(y, x, n);
}

void
vm_relu_grad(float *dx, const float *dy, const float *x, size_t n)
{
	kernels->relu_grad(dx, dy, x, n);
}

float
vm_dot(const float *a, const float *b, size_t n)
{
	return kernels->dot(a, b, n);
}

float
vm_dot_differences(const float *a, const float *b, const float *c, const float *d, size_t n)
{
	return kernels->dot_differences(a, b, c, d, n);
}

float
vm_sum(const float *a, size_t n)
{
	return kernels->sum(a, n);
}

float
vm_max(const float *a, size_t n)
{
	return kernels->max(a, n);
}

void
vm_axpy(float *y, float alpha, const float *x, size_t n)
{
	kernels->axpy(y, alpha, x, n);
}

void
vm_scale(float *y, float alpha, size_t n)
{
	kernels->scale(y, alpha, n);
}

void
vm_mul(float *y, const float *x, size_t n)
{
	kernels->mul(y, x, n);
}

float
vm_soft_weights(float *p, const float *half, size_t n)
{
	return kernels->soft_weights(p, half, n);
}

int
vm_find(int32_t *place, const float *x, float limit, size_t n, int most)
{
	return kernels->find(place, x, limit, n, most);
}

void
vm_pull(float *da, float *db, const float *a, const float *b, float factor, size_t n)
{
	kernels->pull(da, db, a, b, factor, n);
}

void
vm_adamw(float *param, float *m, float *v, const float *grad, size_t n,
		 float lr, float beta1, float beta2, float eps, float decay, float bc1, float bc2)
{
	kernels->adamw(param, m, v, grad, n, lr, beta1, beta2, eps, decay, bc1, bc2);
}

void
vm_affine(float *out, const float *x, const float *w, const float *bias,
		  size_t rows, size_t n_in, size_t n_out)
{
	kernels->affine(out, x, w, bias, rows, n_in, n_out);
}

#endif							/* LEARN_DOUBLE */
