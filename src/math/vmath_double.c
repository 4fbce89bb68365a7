/*
 * vmath_double.c
 *	  vmath.h in plain double, for the builds that hold gradients against finite
 *	  differences.
 */
#ifdef LEARN_DOUBLE

#include "vmath.h"

#include <math.h>
#include <string.h>

void
vm_exp(double *y, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = exp(x[i]);
}

void
vm_tanh(double *y, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = tanh(x[i]);
}

void
vm_tanh_grad(double *dx, const double *dy, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		t = tanh(x[i]);

		dx[i] = dy[i] * (1 - t * t);
	}
}

/* The normal distribution function. */
static double
normal_cdf(double x)
{
	return 0.5 * erfc(-0.70710678118654752440 * x);
}

void
vm_gelu(double *y, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * normal_cdf(x[i]);
}

void
vm_gelu_grad(double *dx, const double *dy, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		density = 0.39894228040143267794 * exp(-0.5 * x[i] * x[i]);

		dx[i] = dy[i] * (normal_cdf(x[i]) + x[i] * density);
	}
}

void
vm_relu(double *y, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] < 0 ? 0 : x[i];
}

void
vm_relu_grad(double *dx, const double *dy, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dx[i] = x[i] > 0 ? dy[i] : 0;
}

double
vm_dot(const double *a, const double *b, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

double
vm_dot_differences(const double *a, const double *b, const double *c, const double *d, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (a[i] - b[i]) * (c[i] - d[i]);
	return sum;
}

double
vm_sum(const double *a, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i];
	return sum;
}

double
vm_max(const double *a, size_t n)
{
	double		max = a[0];

	for (size_t i = 1; i < n; i++)
		if (a[i] > max)
			max = a[i];
	return max;
}

void
vm_axpy(double *y, double alpha, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += alpha * x[i];
}

void
vm_scale(double *y, double alpha, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] *= alpha;
}

void
vm_mul(double *y, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] *= x[i];
}

double
vm_soft_weights(double *p, const double *half, size_t n)
{
	double		max;
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		p[i] = 2 * (p[i] - half[i]);
	max = vm_max(p, n);
	for (size_t i = 0; i < n; i++)
	{
		p[i] = p[i] - max < -60 ? 0 : exp(p[i] - max);
		sum += p[i];
	}
	return sum;
}

int
vm_find(int32_t *place, const double *x, double limit, size_t n, int most)
{
	int			found = 0;

	for (size_t i = 0; i < n; i++)
		if (fabs(x[i]) > limit)
		{
			if (found == most)
				return -1;
			place[found++] = (int32_t) i;
		}
	return found;
}

void
vm_pull(double *da, double *db, const double *a, const double *b, double factor, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		step = factor * (a[i] - b[i]);

		da[i] += step;
		db[i] -= step;
	}
}

void
vm_adamw(double *param, double *m, double *v, const double *grad, size_t n,
		 double lr, double beta1, double beta2, double eps, double decay, double bc1, double bc2)
{
	for (size_t i = 0; i < n; i++)
	{
		m[i] = beta1 * m[i] + (1 - beta1) * grad[i];
		v[i] = beta2 * v[i] + (1 - beta2) * grad[i] * grad[i];
		param[i] = (1 - lr * decay) * param[i] - lr / bc1 * m[i] / (sqrt(v[i] / bc2) + eps);
	}
}

bool
vm_force(const char *name)
{
	return strcmp(name, "auto") == 0 || strcmp(name, "plain") == 0;
}

const char *
vm_current(void)
{
	return "plain";
}

#else
typedef int vmath_double_is_empty;	/* ISO C forbids an empty file */
#endif
