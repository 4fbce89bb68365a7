/*
 * vmath.c
 *	  Elementwise kernels in plain C.
 */
#include "learn/vmath.h"

#include <math.h>
#include <string.h>

void
vm_exp(real *y, const real *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = exp((double) x[i]);
}

void
vm_tanh(real *y, const real *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = tanh((double) x[i]);
}

/* The normal distribution function. */
static double
normal_cdf(double x)
{
	return 0.5 * erfc(-0.70710678118654752440 * x);
}

void
vm_gelu(real *y, const real *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * normal_cdf(x[i]);
}

void
vm_gelu_grad(real *dx, const real *dy, const real *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		v = x[i];
		double		density = 0.39894228040143267794 * exp(-0.5 * v * v);

		dx[i] = dy[i] * (normal_cdf(v) + v * density);
	}
}

real
vm_dot(const real *a, const real *b, size_t n)
{
	real		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

real
vm_sum(const real *a, size_t n)
{
	real		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i];
	return sum;
}

real
vm_max(const real *a, size_t n)
{
	real		max = a[0];

	for (size_t i = 1; i < n; i++)
		if (a[i] > max)
			max = a[i];
	return max;
}

void
vm_axpy(real *y, real alpha, const real *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += alpha * x[i];
}

void
vm_scale(real *y, real alpha, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] *= alpha;
}

void
vm_adamw(real *param, real *m, real *v, const real *grad, size_t n,
		 real lr, real beta1, real beta2, real eps, real decay, real bc1, real bc2)
{
	real		keep = 1 - lr * decay;
	real		step = lr / bc1;
	real		root_bc2 = sqrt((double) bc2);

	for (size_t i = 0; i < n; i++)
	{
		m[i] = beta1 * m[i] + (1 - beta1) * grad[i];
		v[i] = beta2 * v[i] + (1 - beta2) * grad[i] * grad[i];
		param[i] = keep * param[i] - step * m[i] / ((real) sqrt((double) v[i]) / root_bc2 + eps);
	}
}

void
vm_affine(float *out, const float *x, const float *w, const float *bias,
		  size_t rows, size_t n_in, size_t n_out)
{
	for (size_t r = 0; r < rows; r++)
		for (size_t o = 0; o < n_out; o++)
		{
			float		sum = 0;

			for (size_t k = 0; k < n_in; k++)
				sum += x[r * n_in + k] * w[o * n_in + k];
			out[r * n_out + o] = sum + bias[o];
		}
}

bool
vm_force(const char *name)
{
	return strcmp(name, "plain") == 0 || strcmp(name, "auto") == 0;
}

const char *
vm_current(void)
{
	return "plain";
}
