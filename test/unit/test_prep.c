/*
 * test_prep.c
 *	  Preprocessing: moments, constant and collinear columns, projections, values far
 *	  from zero, what is refused and what is said.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataset.h"
#include "base/blas.h"
#include "learn/data/moments.h"
#include "learn/data/prep.h"
#include "base/rng.h"
#include "unit_env.h"

static char said[8][256];
static int	n_said;

static void
keep_notice(void *ctx, const char *message)
{
	assert_true(n_said < 8);
	snprintf(said[n_said++], sizeof(said[0]), "%s", message);
}

static void
start(UnitEnv *u)
{
	unit_env_init(u);
	u->env.notice = keep_notice;
	n_said = 0;
}

static Prep *
fit(UnitEnv *u, PrepKind kind, const Dataset *data, int components)
{
	Prep	   *prep;

	if (prep_fit(&u->env, kind, &data->rows, NULL, 0, components, &prep) != LEARN_OK)
		fail_msg("%s: %s", prep_name(kind), u->env.message);
	return prep;
}

static float *
apply(UnitEnv *u, const Prep *prep, const Dataset *data)
{
	int			n = (int) data->rows.n;
	float	   *out = arena_alloc(&u->arena, (size_t) n * prep->out, sizeof(float));
	float	   *scratch = prep->proj != NULL ? arena_alloc(&u->arena, (size_t) n * prep->in, sizeof(float)) : NULL;

	prep_apply(prep, data->x, n, out, scratch);
	return out;
}

/* n x 5: 0 normal, 1 constant, 2 around 10^7 with a spread of 1000, 3 tiny, 4 the sum of 0 and 2 */
static Dataset *
mixed_data(UnitEnv *u, int n)
{
	float	   *x = arena_alloc(&u->arena, (size_t) n * 5, sizeof(float));
	Rng			rng;

	rng_seed(&rng, 9, 0);
	for (int i = 0; i < n; i++)
	{
		x[i * 5] = rng_normal(&rng);
		x[i * 5 + 1] = 0.1f;
		x[i * 5 + 2] = 1e7 + 1000 * rng_normal(&rng);
		x[i * 5 + 3] = 1e-20 * rng_normal(&rng);
		x[i * 5 + 4] = 0.5 * x[i * 5] + 0.002 * (x[i * 5 + 2] - 1e7);
	}
	return dataset_make(&u->env, x, NULL, n, 5, 0);
}

static void
column_moments(const float *z, int n, int width, int column, double *mean, double *var)
{
	*mean = 0;
	*var = 0;
	for (int i = 0; i < n; i++)
		*mean += (double) z[i * width + column] / n;
	for (int i = 0; i < n; i++)
		*var += (z[i * width + column] - *mean) * (z[i * width + column] - *mean) / n;
}

static void
test_standardize(void **state)
{
	static const int sizes[] = {2, 3, 511, 512, 513, 3000};
	UnitEnv		u;

	for (int s = 0; s < 6; s++)
	{
		int			n = sizes[s];
		Dataset    *data;
		Prep	   *prep;
		float	   *z;

		start(&u);
		data = mixed_data(&u, n);
		prep = fit(&u, PREP_STANDARDIZE, data, 0);
		assert_int_equal(n_said, 1);
		assert_string_equal(said[0], "1 of 5 columns are constant and get no weight");
		assert_int_equal(prep->in, 5);
		assert_int_equal(prep->out, 5);
		assert_null(prep->proj);
		z = apply(&u, prep, data);
		for (int j = 0; j < 5; j++)
		{
			double		mean;
			double		var;

			column_moments(z, n, 5, j, &mean, &var);
			assert_true(fabs(mean) < 1e-3);
			assert_true(j == 1 ? var == 0 : fabs(var - 1) < 1e-3);
		}
		assert_true(prep->scale[1] == 0);
		unit_env_done(&u);
	}
	assert_false(blas_loaded());
}

/* Distances keep their proportions. */
static void
test_scale(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Prep	   *prep;
	float	   *z;
	double		total = 0;

	start(&u);
	data = dataset_load(&u.env, "digits", 1);
	prep = fit(&u, PREP_SCALE, data, 0);
	assert_int_equal(n_said, 1);
	z = apply(&u, prep, data);
	for (int j = 0; j < 64; j++)
	{
		double		mean;
		double		var;

		column_moments(z, 1797, 64, j, &mean, &var);
		assert_true(fabs(mean) < 1e-5);
		total += var;
		assert_true(prep->scale[j] == 0 || prep->scale[j] == prep->scale[2]);
	}
	assert_true(fabs(total / 64 - 1) < 1e-5);
	unit_env_done(&u);
}

static void
test_none(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Prep	   *prep;

	start(&u);
	data = mixed_data(&u, 20);
	prep = fit(&u, PREP_NONE, data, 0);
	assert_memory_equal(apply(&u, prep, data), data->x, 20 * 5 * sizeof(float));
	assert_int_equal(n_said, 0);
	assert_int_equal(u.polls, 0);
	unit_env_done(&u);
}

static void
test_projections(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Prep	   *prep;
	Prep	   *whiten;
	float	   *z;
	double		last = INFINITY;

	start(&u);
	data = mixed_data(&u, 2000);
	prep = fit(&u, PREP_PCA, data, 0);
	assert_int_equal(n_said, 2);
	assert_string_equal(said[0], "1 of 5 columns are constant and get no weight");
	assert_string_equal(said[1], "1 of 5 columns are combinations of others: 3 directions carry all variance");
	assert_int_equal(prep->out, 3);

	z = apply(&u, prep, data);
	for (int j = 0; j < 3; j++)
	{
		double		mean;
		double		var;
		double		norm = 0;

		column_moments(z, 2000, 3, j, &mean, &var);
		assert_true(fabs(mean) < 1e-3);
		assert_true(var > 0.1 && var < last);
		last = var;
		for (int i = 0; i < 5; i++)
			norm += prep->proj[j * 5 + i] * prep->proj[j * 5 + i];
		assert_true(fabs(norm - 1) < 1e-6);
		assert_true(fabs(prep->proj[j * 5 + 1]) < 1e-9);
	}

	whiten = fit(&u, PREP_WHITEN, data, 2);
	assert_int_equal(whiten->out, 2);
	z = apply(&u, whiten, data);
	for (int j = 0; j < 2; j++)
	{
		double		mean;
		double		var;

		column_moments(z, 2000, 2, j, &mean, &var);
		assert_true(fabs(mean) < 1e-3);
		assert_true(fabs(var - 1) < 1e-3);
	}
	unit_env_done(&u);
}

/* Fewer rows than columns lose directions without a word about columns. */
static void
test_few_rows(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Dataset    *few;

	start(&u);
	data = dataset_load(&u.env, "breast_cancer", 1);
	few = dataset_make(&u.env, data->x, NULL, 9, 30, 0);
	assert_int_equal(fit(&u, PREP_WHITEN, few, 0)->out, 8);
	assert_int_equal(fit(&u, PREP_WHITEN, few, 20)->out, 8);
	assert_int_equal(fit(&u, PREP_WHITEN, few, 3)->out, 3);
	assert_int_equal(n_said, 0);
	unit_env_done(&u);
}

/* What varies by the rounding of float alone is constant; what varies by a few units is not. */
static void
test_rounding(void **state)
{
	UnitEnv		u;
	enum
	{
		D = 5
	};
	float		x[100 * D];
	double		distance;
	float	   *z;
	Dataset    *data;
	Moments		m;

	start(&u);
	for (int i = 0; i < 100; i++)
	{
		x[i * D] = i % 50 == 0 ? nextafterf(1e6f, 2e6f) : 1e6f;
		x[i * D + 1] = 1e6f + i % 10;
		x[i * D + 2] = i == 57;
		x[i * D + 3] = 1e7f + i % 3;	/* less than FLT_EPSILON * 1e7 on average, and exact */
		x[i * D + 4] = -16777216.0f + (i % 2);
	}
	data = dataset_make(&u.env, x, NULL, 100, D, 0);
	assert_int_equal(moments_fit(&u.env, &data->rows, NULL, 0, false, &m), LEARN_OK);
	assert_int_equal(m.n_constant, 1);
	assert_int_equal(m.n_rounding, 1);
	assert_true(m.constant[0]);
	assert_true(fabs(m.var[1] - 8.25) < 1e-9);
	assert_true(fabs(m.mean[1] - 1000004.5) < 1e-9);
	assert_true(fabs(m.var[2] - 0.0099) < 1e-12);
	assert_true(fabs(m.var[3] - 0.6699) < 1e-9);
	assert_true(fabs(m.var[4] - 0.25) < 1e-9);
	assert_int_equal(moments_check(&u.env, &m), LEARN_OK);
	assert_string_equal(said[0], "1 of 5 columns are constant or differ by no more than the rounding to real, and get no weight");

	/* what is made of them keeps the differences */
	z = apply(&u, fit(&u, PREP_STANDARDIZE, data, 0), data);
	distance = z[2 * D + 3] - z[3];
	assert_true(fabs(distance * sqrt(m.var[3]) - 2) < 1e-5);
	distance = z[D + 4] - z[4];
	assert_true(fabs(distance * sqrt(m.var[4]) - 1) < 1e-5);
	unit_env_done(&u);
}

static void
test_covariance(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Moments		m;
	int			n;

	start(&u);
	data = dataset_load(&u.env, "digits", 1);
	n = (int) data->rows.n;
	assert_int_equal(moments_fit(&u.env, &data->rows, NULL, 0, true, &m), LEARN_OK);
	assert_int_equal(m.n, n);
	assert_int_equal(m.n_constant, 3);
	for (int a = 0; a < 64; a++)
		for (int b = 0; b < 64; b++)
		{
			double		sum = 0;

			for (int i = 0; i < n; i++)
				sum += (data->x[i * 64 + a] - m.mean[a]) * (data->x[i * 64 + b] - m.mean[b]);
			assert_true(fabs(m.cov[a * 64 + b] - sum / (n - 1)) <= 1e-10);
		}
	unit_env_done(&u);
}

/* Rows without a label stand behind the others, and count beside the rows that an index chooses. */
static void
test_unlabeled(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Moments		want;
	Moments		m;
	int64_t		index[200];
	int			n = 0;

	start(&u);
	data = mixed_data(&u, 1500);
	for (int i = 0; i < 1500; i++)
		if (i >= 400 || i % 2 == 1)
		{
			float	   *to = (float *) data->x + 5 * n;

			memmove(to, data->x + 5 * i, 5 * sizeof(float));
			n++;
		}
	data->rows.n = n;
	assert_int_equal(moments_fit(&u.env, &data->rows, NULL, 0, true, &want), LEARN_OK);
	data->rows.n = 300;
	data->rows.n_unlabeled = n - 300;
	assert_int_equal(moments_fit(&u.env, &data->rows, NULL, 0, true, &m), LEARN_OK);
	assert_int_equal(m.n, n);
	for (int j = 0; j < 5; j++)
		assert_true(m.mean[j] == want.mean[j] && m.var[j] == want.var[j]);
	for (int j = 0; j < 25; j++)
		assert_true(m.cov[j] == want.cov[j]);

	/* those rows without the first hundred: an index of the others, and the rows without a label */
	for (int i = 0; i < 200; i++)
		index[i] = 100 + i;
	assert_int_equal(moments_fit(&u.env, &data->rows, index, 200, false, &m), LEARN_OK);
	data = dataset_make(&u.env, data->x + 500, NULL, n - 100, 5, 0);
	assert_int_equal(moments_fit(&u.env, &data->rows, NULL, 0, false, &want), LEARN_OK);
	assert_int_equal(m.n, n - 100);
	for (int j = 0; j < 5; j++)
		assert_true(m.mean[j] == want.mean[j] && m.var[j] == want.var[j]);
	unit_env_done(&u);
}

static void
test_refused(void **state)
{
	static const PrepKind kinds[] = {PREP_SCALE, PREP_STANDARDIZE, PREP_PCA, PREP_WHITEN};
	float		x[] = {1, 2, 1, 2, 1, 2};
	UnitEnv		u;
	Dataset    *data;
	Prep	   *prep;
	int64_t		index = 1;

	start(&u);
	for (int k = 0; k < 4; k++)
	{
		data = dataset_make(&u.env, x, NULL, 3, 2, 0);
		assert_int_equal(prep_fit(&u.env, kinds[k], &data->rows, NULL, 0, 0, &prep), LEARN_DATA);
		assert_string_equal(u.env.message, "no column varies: there is nothing to learn from");
		assert_int_equal(prep_fit(&u.env, kinds[k], &data->rows, &index, 1, 0, &prep), LEARN_DATA);
		assert_string_equal(u.env.message, "there is only one row to learn from");
		assert_int_equal(prep_fit(&u.env, kinds[k], &data->rows, &index, 0, 0, &prep), LEARN_DATA);
		assert_string_equal(u.env.message, "there are no rows to learn from");
	}
	assert_int_equal(n_said, 0);
	unit_env_done(&u);
}

/* The widest input. */
static void
test_wide(void **state)
{
	enum
	{
		N = 70,
		D = 16000
	};
	UnitEnv		u;
	Dataset    *data;
	float	   *x;
	float	   *z;
	double		mean;
	double		var;

	start(&u);
	x = arena_alloc(&u.arena, N * D, sizeof(float));
	for (int i = 0; i < N * D; i++)
		x[i] = (float) (rng_mix(i) % 1000);
	data = dataset_make(&u.env, x, NULL, N, D, 0);
	z = apply(&u, fit(&u, PREP_STANDARDIZE, data, 0), data);
	column_moments(z, N, D, D - 1, &mean, &var);
	assert_true(fabs(mean) < 1e-5 && fabs(var - 1) < 1e-5);
	for (int k = PREP_PCA; k <= PREP_WHITEN; k++)
	{
		Prep	   *prep = fit(&u, k, data, 10);

		assert_int_equal(prep->out, 10);
		z = apply(&u, prep, data);
		column_moments(z, N, 10, 3, &mean, &var);
		assert_true(fabs(mean) < 1e-3 && (k == PREP_PCA || fabs(var * N / (N - 1) - 1) < 1e-3));
	}
	assert_int_equal(n_said, 0);
	unit_env_done(&u);
}

static void
test_names(void **state)
{
	PrepKind	kind;

	for (int i = PREP_NONE; i <= PREP_WHITEN; i++)
	{
		assert_true(prep_by_name(prep_name(i), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(prep_by_name("", &kind));
	assert_false(prep_by_name("Whiten", &kind));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standardize),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_projections),
		cmocka_unit_test(test_few_rows),
		cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_covariance),
		cmocka_unit_test(test_unlabeled),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
