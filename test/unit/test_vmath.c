/*
 * test_vmath.c
 *	  The kernels of every instruction set that this machine has, against libm and
 *	  sums in double.  Each array ends where the readable memory ends.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "math/vmath.h"
#include "unit_env.h"

static const char *const sets[] = {"plain", "avx2", "avx512", "neon"};

#define N_SETS	((int) (sizeof(sets) / sizeof(sets[0])))

typedef void (*Unary) (float *y, const float *x, size_t n);
typedef void (*Gradient) (float *dx, const float *dy, const float *x, size_t n);

static double
gelu(double x)
{
	return x * 0.5 * erfc(-x / sqrt(2));
}

static double
gelu_slope(double x)
{
	return 0.5 * erfc(-x / sqrt(2)) + x * exp(-0.5 * x * x) / sqrt(2 * acos(-1));
}

static double
tanh_slope(double x)
{
	return 1 / (cosh(x) * cosh(x));
}

static double
relu(double x)
{
	return x > 0 ? x : 0;
}

static double
relu_slope(double x)
{
	return x > 0 ? 1 : 0;
}

/* Distance from expected in units of a float's last place there. */
static double
ulps(float got, double expected)
{
	float		near = fabsf((float) expected);
	double		ulp = near < FLT_MIN ? 0x1p-149 : nextafterf(near, INFINITY) - near;

	return fabs(got - expected) / ulp;
}

/* Random and even values over [low, high], in pieces of all lengths; returns the largest error in ulps. */
static double
worst_error(Unary kernel, double (*truth) (double), double low, double high)
{
	double		worst = 0;
	Rng			rng;

	rng_seed(&rng, 1, 1);
	for (int rep = 0; rep < 2000; rep++)
	{
		size_t		n = 1 + rng_below(&rng, 70);
		float	   *x = unit_guarded(n);
		float	   *y = unit_guarded(n);

		for (size_t i = 0; i < n; i++)
			x[i] = low + (high - low) * rng_uniform(&rng);
		kernel(y, x, n);
		for (size_t i = 0; i < n; i++)
		{
			double		error = ulps(y[i], truth(x[i]));

			if (!(error <= worst))
				worst = error;
		}
		unit_guarded_free(x, n);
		unit_guarded_free(y, n);
	}
	return worst;
}

static void
test_exp(void)
{
	static const float extreme[] = {0, -0.0f, 88.72f, 88.73f, 1000, FLT_MAX, INFINITY, -87, -103, -104, -1000, -FLT_MAX, -INFINITY, 1e-30f, NAN};
	int			n = sizeof(extreme) / sizeof(extreme[0]);
	float		y[sizeof(extreme) / sizeof(extreme[0])];

	assert_true(worst_error(vm_exp, exp, -87, 88.7) < 1.6);
	assert_true(worst_error(vm_exp, exp, -104, -86) < 1.1);
	assert_true(worst_error(vm_exp, exp, -1e-3, 1e-3) < 1.1);
	vm_exp(y, extreme, n);
	for (int i = 0; i < n - 1; i++)
		assert_true(y[i] == expf(extreme[i]) || ulps(y[i], exp(extreme[i])) < 1.6);
	assert_true(isnan(y[n - 1]));
	assert_true(y[0] == 1 && y[1] == 1);
}

static void
test_tanh(void)
{
	static const float extreme[] = {0, 20, -20, 1e30f, -FLT_MAX, INFINITY, -INFINITY, 1e-30f, 1e-42f, NAN};
	int			n = sizeof(extreme) / sizeof(extreme[0]);
	float		y[sizeof(extreme) / sizeof(extreme[0])];

	assert_true(worst_error(vm_tanh, tanh, -0.6, 0.6) < 2);
	assert_true(worst_error(vm_tanh, tanh, -12, 12) < 2.5);
	vm_tanh(y, extreme, n);
	for (int i = 0; i < n - 1; i++)
		assert_true(ulps(y[i], tanh(extreme[i])) < 1);
	assert_true(isnan(y[n - 1]));
}

static void
test_gelu(void)
{
	static const float extreme[] = {0, 30, 1e30f, FLT_MAX, INFINITY, -30, -1e30f, -FLT_MAX, NAN};
	float		y[9];

	assert_true(worst_error(vm_gelu, gelu, -13, 13) < 8);
	assert_true(worst_error(vm_gelu, gelu, -1, 1) < 8);
	vm_gelu(y, extreme, 9);
	for (int i = 0; i < 5; i++)
		assert_true(y[i] == extreme[i]);
	for (int i = 5; i < 8; i++)
		assert_true(y[i] == 0);
	assert_true(isnan(y[8]));
}

static void
test_relu(void)
{
	static const float x[] = {-1, 0, 2, -INFINITY, INFINITY, NAN};
	float		y[6];

	assert_true(worst_error(vm_relu, relu, -1, 1) == 0);
	vm_relu(y, x, 6);
	assert_true(y[0] == 0 && y[1] == 0 && y[2] == 2 && y[3] == 0 && y[4] == INFINITY && isnan(y[5]));
}

/* Of an unbounded slope the absolute error counts: it passes through zero. */
static void
check_gradient(Gradient kernel, double (*slope) (double))
{
	Rng			rng;

	rng_seed(&rng, 2, 1);
	for (int rep = 0; rep < 1000; rep++)
	{
		size_t		n = 1 + rng_below(&rng, 70);
		float	   *x = unit_guarded(n);
		float	   *dy = unit_guarded(n);
		float	   *dx = unit_guarded(n);

		for (size_t i = 0; i < n; i++)
		{
			x[i] = 4 * rng_normal(&rng);
			dy[i] = rng_normal(&rng);
		}
		kernel(dx, dy, x, n);
		for (size_t i = 0; i < n; i++)
			assert_true(fabs(dx[i] - dy[i] * slope(x[i])) < 4e-7 * fabs(dy[i]));
		kernel(dy, dy, x, n);
		assert_memory_equal(dx, dy, n * sizeof(float));
		unit_guarded_free(x, n);
		unit_guarded_free(dy, n);
		unit_guarded_free(dx, n);
	}
}

static void
test_gradients(void)
{
	check_gradient(vm_relu_grad, relu_slope);
	check_gradient(vm_tanh_grad, tanh_slope);
	check_gradient(vm_gelu_grad, gelu_slope);
}

/* A value does not depend on its place in the array, nor on aliasing. */
static void
test_place(void)
{
	static const Unary kernels[] = {vm_exp, vm_tanh, vm_gelu, vm_relu};
	float		x[100],
				y[100],
				one;
	Rng			rng;

	rng_seed(&rng, 3, 1);
	for (int i = 0; i < 100; i++)
		x[i] = 3 * rng_normal(&rng);
	for (int k = 0; k < 4; k++)
	{
		kernels[k] (y, x, 99);
		for (int i = 0; i < 99; i++)
		{
			kernels[k] (&one, x + i, 1);
			assert_memory_equal(&one, y + i, sizeof(float));
		}
		y[99] = 12345;
		memcpy(x + 50, x, 49 * sizeof(float));
		kernels[k] (x + 50, x + 50, 49);
		assert_memory_equal(x + 50, y, 49 * sizeof(float));
		assert_true(y[99] == 12345);
	}
}

static void
test_sums(void)
{
	Rng			rng;

	rng_seed(&rng, 4, 1);
	for (size_t n = 0; n < 300; n++)
	{
		float	   *a = unit_guarded(n);
		float	   *b = unit_guarded(n);
		float		other[300];
		double		sum = 0,
					dot = 0,
					size = 0;
		float		max = -INFINITY;

		for (size_t i = 0; i < n; i++)
		{
			a[i] = rng_normal(&rng);
			b[i] = rng_normal(&rng);
			sum += a[i];
			dot += (double) a[i] * b[i];
			size += fabs(a[i]) + fabs((double) a[i] * b[i]);
			max = fmaxf(max, a[i]);
		}
		assert_true(fabs(vm_sum(a, n) - sum) <= size * 1e-6);
		assert_true(fabs(vm_dot(a, b, n) - dot) <= size * 1e-6);
		dot = 0;
		for (size_t i = 0; i < n; i++)
			dot += ((double) a[i] - b[i]) * ((double) b[n - 1 - i] - a[i]);
		for (size_t i = 0; i < n; i++)
			other[i] = b[n - 1 - i];
		assert_true(fabs(vm_dot_differences(a, b, other, a, n) - dot) <= size * 1e-5);
		if (n > 0)
			assert_true(vm_max(a, n) == max);
		unit_guarded_free(a, n);
		unit_guarded_free(b, n);
	}
}

/* Squares out of float's range on either side. */
static void
test_sum_squares(void)
{
	size_t		n = 5000;
	float	   *a = unit_guarded(n);
	static const float scale[] = {1, 1e30f, 1e-30f, 3e37f, 1e-38f, 0};

	for (int s = 0; s < 6; s++)
	{
		double		expected = 0;

		for (size_t i = 0; i < n; i++)
		{
			a[i] = scale[s] * ((i * 7) % 11) / 11;
			expected += (double) a[i] * a[i];
		}
		assert_true(fabs(vm_sum_squares(a, n) - expected) <= 1e-6 * expected);
	}
	a[4999] = NAN;
	assert_true(isnan(vm_sum_squares(a, n)));
	a[4999] = INFINITY;
	assert_true(isinf(vm_sum_squares(a, n)));
	assert_true(vm_sum_squares(a, 0) == 0);
	unit_guarded_free(a, n);
}

static void
test_updates(void)
{
	Rng			rng;

	rng_seed(&rng, 5, 1);
	for (size_t n = 0; n < 100; n++)
	{
		float	   *x = unit_guarded(n);
		float	   *y = unit_guarded(n);
		float	   *z = unit_guarded(n);

		for (size_t i = 0; i < n; i++)
		{
			x[i] = rng_normal(&rng);
			z[i] = y[i] = rng_normal(&rng);
		}
		vm_axpy(y, 0.3f, x, n);
		for (size_t i = 0; i < n; i++)
			assert_true(fabs(y[i] - (z[i] + 0.3 * x[i])) < 1e-6);
		memcpy(y, z, n * sizeof(float));
		vm_scale(y, -1.7f, n);
		for (size_t i = 0; i < n; i++)
			assert_true(y[i] == z[i] * -1.7f);
		memcpy(y, z, n * sizeof(float));
		vm_mul(y, x, n);
		for (size_t i = 0; i < n; i++)
			assert_true(y[i] == z[i] * x[i]);
		unit_guarded_free(x, n);
		unit_guarded_free(y, n);
		unit_guarded_free(z, n);
	}
}

/* Against their definitions in double; weights below exp(-60) count as 0. */
static void
test_soft_weights(void)
{
	Rng			rng;

	rng_seed(&rng, 6, 1);
	for (size_t n = 1; n < 150; n++)
	{
		float	   *p = unit_guarded(n);
		float	   *half = unit_guarded(n);
		double		t[150];
		double		max = -INFINITY;
		double		sum = 0;
		real		found;

		for (size_t i = 0; i < n; i++)
		{
			p[i] = 10 * rng_normal(&rng);
			half[i] = 10 * rng_normal(&rng);
			t[i] = 2 * ((double) p[i] - half[i]);
			max = fmax(max, t[i]);
		}
		found = vm_soft_weights(p, half, n);
		for (size_t i = 0; i < n; i++)
		{
			double		want = exp(t[i] - max);

			sum += want;
			assert_true(fabs(p[i] - want) <= 1e-4 * want + 1e-26);
			assert_true(p[i] == 0 || p[i] > 1e-30);
		}
		assert_true(fabs(found - sum) < 1e-4 * sum);
		unit_guarded_free(p, n);
		unit_guarded_free(half, n);
	}
}

static void
test_find(void)
{
	Rng			rng;

	rng_seed(&rng, 7, 1);
	for (size_t n = 0; n < 300; n++)
	{
		float	   *x = unit_guarded(n);
		int32_t		place[300];
		int			want = 0;
		int			found;

		/* from none to all */
		for (size_t i = 0; i < n; i++)
		{
			x[i] = rng_below(&rng, 300) < n * n / 300 ? rng_normal(&rng) : 0.25f;
			want += fabsf(x[i]) > 0.25f;
		}
		found = vm_find(place, x, 0.25f, n, want);
		assert_int_equal(found, want);
		found = 0;
		for (size_t i = 0; i < n; i++)
			if (fabsf(x[i]) > 0.25f)
				assert_int_equal(place[found++], i);
		if (want > 0)
			assert_int_equal(vm_find(place, x, 0.25f, n, want - 1), -1);
		unit_guarded_free(x, n);
	}
}

static void
test_pull(void)
{
	Rng			rng;

	rng_seed(&rng, 8, 1);
	for (size_t n = 0; n < 100; n++)
	{
		float	   *v[4];		/* da, db, a, b */
		float		before[2][100];

		for (int k = 0; k < 4; k++)
		{
			v[k] = unit_guarded(n);
			for (size_t i = 0; i < n; i++)
				v[k][i] = rng_normal(&rng);
		}
		memcpy(before[0], v[0], n * sizeof(float));
		memcpy(before[1], v[1], n * sizeof(float));
		vm_pull(v[0], v[1], v[2], v[3], 0.7f, n);
		for (size_t i = 0; i < n; i++)
		{
			double		step = 0.7 * ((double) v[2][i] - v[3][i]);

			assert_true(fabs(v[0][i] - (before[0][i] + step)) < 2e-6);
			assert_true(fabs(v[1][i] - (before[1][i] - step)) < 2e-6);
		}
		for (int k = 0; k < 4; k++)
			unit_guarded_free(v[k], n);
	}
}

/* Three steps against the paper's algorithm 2 in double. */
static void
test_adamw(void)
{
	size_t		n = 37;
	float	   *p = unit_guarded(n);
	float	   *m = unit_guarded(n);
	float	   *v = unit_guarded(n);
	float	   *g = unit_guarded(n);
	double		dp[37],
				dm[37] = {0},
				dv[37] = {0};
	double		lr = 0.01,
				b1 = 0.9,
				b2 = 0.999,
				eps = 1e-8,
				decay = 0.1;
	Rng			rng;

	rng_seed(&rng, 6, 1);
	for (size_t i = 0; i < n; i++)
	{
		dp[i] = p[i] = rng_normal(&rng);
		m[i] = v[i] = 0;
	}
	for (int t = 1; t <= 3; t++)
	{
		double		bc1 = 1 - pow(b1, t),
					bc2 = 1 - pow(b2, t);

		for (size_t i = 0; i < n; i++)
		{
			g[i] = i == 5 ? 0 : rng_normal(&rng) * pow(10, (int) i % 9 - 4);
			dm[i] = b1 * dm[i] + (1 - b1) * g[i];
			dv[i] = b2 * dv[i] + (1 - b2) * g[i] * g[i];
			dp[i] = dp[i] - lr * decay * dp[i] - lr * (dm[i] / bc1) / (sqrt(dv[i] / bc2) + eps);
		}
		vm_adamw(p, m, v, g, n, lr, b1, b2, eps, decay, bc1, bc2);
		for (size_t i = 0; i < n; i++)
			assert_true(fabs(p[i] - dp[i]) < 2e-6);
	}
	unit_guarded_free(p, n);
	unit_guarded_free(m, n);
	unit_guarded_free(v, n);
	unit_guarded_free(g, n);
}

/* Against sums in double; and every row has the bits that it has alone. */
static void
check_affine(size_t rows, size_t n_in, size_t n_out, bool with_bias, Rng *rng)
{
	float	   *x = unit_guarded(rows * n_in);
	float	   *w = unit_guarded(n_out * n_in);
	float	   *bias = unit_guarded(n_out);
	float	   *out = unit_guarded(rows * n_out);
	float	   *alone = unit_guarded(n_out);

	for (size_t i = 0; i < rows * n_in; i++)
		x[i] = rng_normal(rng);
	for (size_t i = 0; i < n_out * n_in; i++)
		w[i] = rng_normal(rng);
	for (size_t i = 0; i < n_out; i++)
		bias[i] = rng_normal(rng);
	vm_affine(out, x, w, with_bias ? bias : NULL, rows, n_in, n_out);
	for (size_t r = 0; r < rows; r++)
	{
		vm_affine(alone, x + r * n_in, w, with_bias ? bias : NULL, 1, n_in, n_out);
		assert_memory_equal(alone, out + r * n_out, n_out * sizeof(float));
		for (size_t o = 0; o < n_out; o++)
		{
			double		sum = with_bias ? bias[o] : 0,
						size = fabs(sum);

			for (size_t k = 0; k < n_in; k++)
			{
				double		term = (double) x[r * n_in + k] * w[o * n_in + k];

				sum += term;
				size += fabs(term);
			}
			assert_true(fabs(out[r * n_out + o] - sum) <= 1e-6 * size);
		}
	}
	unit_guarded_free(x, rows * n_in);
	unit_guarded_free(w, n_out * n_in);
	unit_guarded_free(bias, n_out);
	unit_guarded_free(out, rows * n_out);
	unit_guarded_free(alone, n_out);
}

static void
test_affine(void)
{
	static const size_t n_in[] = {1, 3, 4, 15, 16, 17, 64, 100, 784, 1023, 1024, 1025, 3000};
	Rng			rng;

	rng_seed(&rng, 7, 1);
	for (int i = 0; i < 13; i++)
		for (size_t rows = 0; rows <= (n_in[i] > 200 ? 7 : 14); rows++)
			check_affine(rows, n_in[i], 1 + rng_below(&rng, 11), rows % 2, &rng);
	for (size_t n_out = 1; n_out < 20; n_out++)
		check_affine(8, 33, n_out, true, &rng);
	check_affine(9, 1030, 301, true, &rng);
}

/* Every instruction set in turn. */
static void
each_set(void (*test) (void))
{
	int			tried = 0;

	for (int i = 0; i < N_SETS; i++)
		if (vm_force(sets[i]))
		{
			assert_string_equal(vm_current(), sets[i]);
			test();
			tried++;
		}
	assert_true(tried > 0);
	assert_true(vm_force("auto"));
}

static void
test_sets(void **state)
{
	const char *best = vm_current();

	assert_true(vm_force("plain"));
	assert_string_equal(vm_current(), "plain");
	assert_false(vm_force("sse"));
	assert_false(vm_force(""));
	assert_string_equal(vm_current(), "plain");
	assert_true(vm_force("auto"));
	assert_string_equal(vm_current(), best);
}

#define EACH_SET(test) \
	static void each_##test(void **state) { each_set(test); }

EACH_SET(test_exp)
EACH_SET(test_tanh)
EACH_SET(test_gelu)
EACH_SET(test_relu)
EACH_SET(test_gradients)
EACH_SET(test_place)
EACH_SET(test_sums)
EACH_SET(test_sum_squares)
EACH_SET(test_updates)
EACH_SET(test_soft_weights)
EACH_SET(test_find)
EACH_SET(test_pull)
EACH_SET(test_adamw)
EACH_SET(test_affine)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(each_test_exp),
		cmocka_unit_test(each_test_tanh),
		cmocka_unit_test(each_test_gelu),
		cmocka_unit_test(each_test_relu),
		cmocka_unit_test(each_test_gradients),
		cmocka_unit_test(each_test_place),
		cmocka_unit_test(each_test_sums),
		cmocka_unit_test(each_test_sum_squares),
		cmocka_unit_test(each_test_updates),
		cmocka_unit_test(each_test_soft_weights),
		cmocka_unit_test(each_test_find),
		cmocka_unit_test(each_test_pull),
		cmocka_unit_test(each_test_adamw),
		cmocka_unit_test(each_test_affine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
