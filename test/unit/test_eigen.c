/*
 * test_eigen.c
 *	  Eigenvectors: residuals, orthogonality, known spectra, equal and tiny eigenvalues,
 *	  part of them, extreme scales; triangular solves; a cancel between the calls of LAPACK.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blas.h"
#include "math/cholesky.h"
#include "math/eigen.h"
#include "base/rng.h"
#include "unit_env.h"

static double *
alloc(UnitEnv *u, size_t n)
{
	double	   *p = arena_alloc_zero(&u->arena, n, sizeof(double));

	assert_non_null(p);
	return p;
}

/*
 * The leading k pairs of a: falling, A v = value v, v orthonormal, all to some rounding errors
 * of the largest; the trace where k is n.  Returns the values.
 */
static double *
check(UnitEnv *u, const double *a, int n, int k)
{
	double	   *copy = alloc(u, (size_t) n * n);
	double	   *value = alloc(u, n);
	double	   *vector = alloc(u, (size_t) n * n);
	double		largest = 0;
	double		trace = 0;

	memcpy(copy, a, (size_t) n * n * sizeof(double));
	for (int i = 0; i < n * n; i++)
		largest = fmax(largest, fabs(a[i]));
	if (eigen_symmetric(&u->env, copy, n, k, value, vector) != LEARN_OK)
		fail_msg("%s", u->env.message);
	for (int i = 0; i < k; i++)
	{
		const double *v = vector + (size_t) i * n;
		double		residual = 0;
		int			top = 0;

		if (i > 0)
			assert_true(value[i] <= value[i - 1]);
		for (int r = 0; r < n; r++)
		{
			double		sum = -value[i] * v[r];

			for (int c = 0; c < n; c++)
				sum += a[(size_t) r * n + c] * v[c];
			residual = fmax(residual, fabs(sum));
			if (fabs(v[r]) > fabs(v[top]))
				top = r;
		}
		assert_true(v[top] > 0);
		if (!(residual <= 1e-14 * n * largest))
			fail_msg("n %d, pair %d: residual %g of %g", n, i, residual, largest);
		for (int j = 0; j <= i; j++)
		{
			double		dot = 0;

			for (int c = 0; c < n; c++)
				dot += v[c] * vector[(size_t) j * n + c];
			if (!(fabs(dot - (i == j)) <= 1e-14 * (n + 10)))
				fail_msg("n %d: vectors %d and %d have the product %g", n, i, j, dot);
		}
	}
	for (int i = 0; i < n; i++)
		trace += a[(size_t) i * n + i] - (k == n ? value[i] : a[(size_t) i * n + i]);
	assert_true(fabs(trace) <= 1e-14 * n * n * largest);
	return value;
}

static const int sizes[] = {1, 2, 3, 5, 47, 48, 49, 64, 65, 97, 130, 257};

#define N_SIZES	(sizeof(sizes) / sizeof(sizes[0]))

/* Spectra of all kinds: a = Q diag Q^T would hide errors of Q, so sums of products and plain patterns. */
static void
test_matrices(void **state)
{
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 1, 0);
	for (size_t s = 0; s < N_SIZES; s++)
		for (int kind = 0; kind < 9; kind++)
		{
			ArenaMark	mark = arena_mark(&u.arena);
			int			n = sizes[s];
			double	   *a = alloc(&u, (size_t) n * n);

			for (int i = 0; i < n; i++)
				for (int j = 0; j <= i; j++)
				{
					double		v = 0;

					switch (kind)
					{
						case 0: /* any */
							v = rng_normal(&rng);
							break;
						case 1: /* zero */
							break;
						case 2: /* identity */
							v = i == j;
							break;
						case 3: /* one direction: n - 1 equal eigenvalues */
							v = 1;
							break;
						case 4: /* blocks of equal ones */
							v = i / 7 == j / 7;
							break;
						case 5: /* eigenvalues over 12 orders */
							v = exp(-0.1 * (i + j)) * (rng_normal(&rng) + (i == j) * 2);
							break;
						case 6: /* Hilbert's */
							v = 1.0 / (i + j + 1);
							break;
						case 7: /* huge */
							v = 1e150 * rng_normal(&rng);
							break;
						default:	/* tiny */
							v = 1e-150 * rng_normal(&rng);
							break;
					}
					a[(size_t) i * n + j] = v;
					a[(size_t) j * n + i] = v;
				}
			check(&u, a, n, n);
			check(&u, a, n, (n + 2) / 3);
			arena_reset(&u.arena, mark);
		}
	unit_env_done(&u);
}

/* Second differences: 2 - 2 cos(pi i / (n + 1)). */
static void
test_known(void **state)
{
	UnitEnv		u;

	unit_env_init(&u);
	for (size_t s = 0; s < N_SIZES; s++)
	{
		int			n = sizes[s];
		double	   *a = alloc(&u, (size_t) n * n);
		double	   *value;

		for (int i = 0; i < n; i++)
		{
			a[(size_t) i * n + i] = 2;
			if (i > 0)
				a[(size_t) i * n + i - 1] = a[(size_t) (i - 1) * n + i] = -1;
		}
		value = check(&u, a, n, n);
		for (int i = 0; i < n; i++)
			assert_true(fabs(value[i] - (2 - 2 * cos(M_PI * (n - i) / (n + 1)))) <= 1e-13);
	}
	unit_env_done(&u);
}

/*
 * Tridiagonal ones that are hard for divide and conquer: Wilkinson's with pairs of eigenvalues
 * that agree to all digits, copies of it glued by tiny elements, halves without connection,
 * negative connections.
 */
static void
test_tridiagonal(void **state)
{
	UnitEnv		u;

	unit_env_init(&u);
	for (int kind = 0; kind < 5; kind++)
		for (int n = 63; n <= 257; n += 97)
		{
			double	   *a = alloc(&u, (size_t) n * n);

			for (int i = 0; i < n; i++)
			{
				double		d = 0;
				double		e = 1;

				switch (kind)
				{
					case 0:
						d = abs(i - n / 2);
						break;
					case 1:
						d = abs(i % 21 - 10);
						e = i % 21 == 20 ? 1e-8 : 1;
						break;
					case 2:
						d = abs(i % 21 - 10);
						e = i % 21 == 20 ? 1e-15 : -1;
						break;
					case 3:
						d = i % 3;
						e = i % 2;
						break;
					default:
						e = i % 5 == 0 ? -1e-3 : 1;
						break;
				}
				a[(size_t) i * n + i] = d;
				if (i + 1 < n)
					a[(size_t) i * n + i + 1] = a[(size_t) (i + 1) * n + i] = e;
			}
			check(&u, a, n, n);
		}
	unit_env_done(&u);
}

/* Data of few rows: most eigenvalues are zero. */
static void
test_low_rank(void **state)
{
	enum
	{
		N = 300,
		RANK = 17
	};
	UnitEnv		u;
	Rng			rng;
	double	   *x;
	double	   *a;
	double	   *value;

	unit_env_init(&u);
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	rng_seed(&rng, 2, 0);
	x = alloc(&u, RANK * N);
	a = alloc(&u, N * N);
	for (int i = 0; i < RANK * N; i++)
		x[i] = rng_normal(&rng);
	blas_dgemm(true, false, N, N, RANK, 1, x, N, x, N, 0, a, N);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < i; j++)
			a[i * N + j] = a[j * N + i];
	value = check(&u, a, N, N);
	assert_true(value[RANK - 1] > 100);
	assert_true(fabs(value[RANK]) < 1e-10);
	assert_true(fabs(value[N - 1]) < 1e-10);
	unit_env_done(&u);
}

static void
test_cancel(void **state)
{
	enum
	{
		N = 200
	};
	int			polls = 0;

	for (int at = 0; at == 0 || at <= polls; at++)
	{
		UnitEnv		u;
		Rng			rng;
		double	   *a;
		double	   *value;
		double	   *vector;
		LearnStatus status;

		unit_env_init(&u);
		rng_seed(&rng, 3, 0);
		a = alloc(&u, N * N);
		value = alloc(&u, N);
		vector = alloc(&u, N * N);
		for (int i = 0; i < N; i++)
			for (int j = 0; j <= i; j++)
				a[i * N + j] = a[j * N + i] = rng_normal(&rng);
		u.cancel_at = at;
		status = eigen_symmetric(&u.env, a, N, N, value, vector);
		assert_int_equal(status, at == 0 ? LEARN_OK : LEARN_CANCELLED);
		if (at == 0)
			polls = u.polls;
		unit_env_done(&u);
		assert_int_equal(u.chunks, 0);
	}
	assert_true(polls > 5);
}

static void
test_cholesky(void **state)
{
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	rng_seed(&rng, 4, 0);
	for (size_t s = 0; s < N_SIZES; s++)
	{
		int			n = sizes[s];
		int			m = 3;
		double	   *a = alloc(&u, (size_t) n * n);
		double	   *l = alloc(&u, (size_t) n * n);
		double	   *x = alloc(&u, (size_t) n * m);
		double	   *b = alloc(&u, (size_t) n * m);
		bool		definite;

		for (int i = 0; i < n; i++)
			for (int j = 0; j <= i; j++)
				a[(size_t) i * n + j] = a[(size_t) j * n + i] = rng_normal(&rng) + (i == j) * 3 * sqrt(n);
		memcpy(l, a, (size_t) n * n * sizeof(double));
		assert_int_equal(cholesky_factor(&u.env, l, n, 1e-10, &definite), LEARN_OK);
		assert_true(definite);
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
			{
				double		sum = -a[(size_t) i * n + j];

				for (int k = 0; k < n; k++)
					sum += l[(size_t) i * n + k] * l[(size_t) j * n + k];
				assert_true(fabs(sum) <= 1e-12 * n);
				if (j > i)
					assert_true(l[(size_t) i * n + j] == 0);
			}
		for (int transposed = 0; transposed < 2; transposed++)
		{
			for (int i = 0; i < n * m; i++)
				x[i] = b[i] = rng_normal(&rng);
			assert_int_equal(cholesky_solve(&u.env, l, n, transposed, x, m), LEARN_OK);
			for (int i = 0; i < n; i++)
				for (int c = 0; c < m; c++)
				{
					double		sum = -b[i * m + c];

					for (int k = 0; k < n; k++)
						sum += (transposed ? l[(size_t) k * n + i] : l[(size_t) i * n + k]) * x[k * m + c];
					assert_true(fabs(sum) <= 1e-12 * n);
				}
		}

		/* a row and column twice: not definite */
		if (n >= 2)
		{
			memcpy(l, a, (size_t) n * n * sizeof(double));
			for (int j = 0; j < n; j++)
				l[(size_t) (n - 1) * n + j] = l[j];
			for (int j = 0; j < n; j++)
				l[(size_t) j * n + n - 1] = l[(size_t) j * n];
			l[(size_t) n * n - 1] = l[0];
			assert_int_equal(cholesky_factor(&u.env, l, n, 1e-10, &definite), LEARN_OK);
			assert_false(definite);
		}
	}
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrices),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_tridiagonal),
		cmocka_unit_test(test_low_rank),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cholesky),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
