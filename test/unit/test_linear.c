/*
 * test_linear.c
 *	  Closed forms against scikit-learn's figures, against what they promise, and on
 *	  data that is short of something.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataset.h"
#include "embedding.h"
#include "learn/classical/discriminant.h"
#include "learn/classical/linear.h"
#include "learn/data/moments.h"
#include "math/eigen.h"
#include "base/rng.h"
#include "learn/data/scatter.h"
#include "unit_env.h"

/* ---------- scikit-learn ---------- */

static double
column_variance(const float *z, int64_t n, int width, int column)
{
	double		mean = 0;
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		mean += z[i * width + column];
	mean /= n;
	for (int64_t i = 0; i < n; i++)
		sum += (z[i * width + column] - mean) * (z[i * width + column] - mean);
	return sum / (n - 1);
}

static void
check_variances(UnitEnv *u, const Model *pca, const Dataset *data, char **p)
{
	float	   *z = embedding_of(&u->env, pca, data);
	int			width = model_out(pca);
	double		first = 0;

	assert_int_equal(strtol(*p, p, 10), width);
	for (int j = 0; j < width; j++)
	{
		double		want = strtod(*p, p);
		double		got = column_variance(z, data->rows.n, width, j);

		if (j == 0)
			first = want;

		/* embeddings are float */
		if (!(fabs(got - want) <= 1e-5 * want + 1e-12 * first))
			fail_msg("variance %d: %.9g, by scikit-learn %.9g", j, got, want);
	}
}

static void
check_component(const Model *pca, int d, char **p)
{
	int			i = (int) strtol(*p, p, 10);
	const float *weight = pca->net->params + pca->net->offset[0].weight + (size_t) i * d;

	for (int j = 0; j < d; j++)
		assert_true(fabs(weight[j] - strtod(*p, p)) <= 1e-5);
}

static void
test_reference(void **state)
{
	static char line[64 * 1024];
	FILE	   *file = dataset_open("linear_reference.txt");
	UnitEnv		u;
	Dataset    *data = NULL;
	Model	   *pca = NULL;
	Model	   *model = NULL;
	int			checked = 0;

	unit_env_init(&u);
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char		word[32] = "";
		int			used = 0;
		char	   *p;

		sscanf(line, "%31s%n", word, &used);
		p = line + used;
		if (strcmp(word, "data") == 0)
		{
			char		name[32];
			int			stride;

			assert_int_equal(sscanf(p, "%31s %d", name, &stride), 2);
			data = dataset_load(&u.env, name, stride);
			ASSERT_OK(&u, linear_pca(&u.env, &data->rows, NULL, 0, 0, &pca));
		}
		else if (strcmp(word, "variance") == 0)
			check_variances(&u, pca, data, &p);
		else if (strcmp(word, "component") == 0)
			check_component(pca, data->rows.d, &p);
		else if (strcmp(word, "whiten") == 0)
		{
			ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 0, &model));
			embedding_check_distances(&u.env, model, data, &p, 1, 1e-5, "whiten");
		}
		else if (strcmp(word, "lda") == 0)
		{
			ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 0, &model));
			embedding_check_distances(&u.env, model, data, &p, 1, 1e-5, "lda");
		}
		else if (strcmp(word, "shrinkage") == 0)
		{
			Prep	   *prep;
			Scatter		scatter;
			double		want = strtod(p, &p);

			/* the share is of the columns that vary; the file's, too */
			ASSERT_OK(&u, prep_fit(&u.env, PREP_STANDARDIZE, &data->rows, NULL, 0, 0, &prep));
			ASSERT_OK(&u, scatter_fit(&u.env, &data->rows, NULL, 0, prep->mean, prep->scale, 0, NULL, &scatter));
			if (!(fabs(scatter.shrinkage - want) <= 1e-6))
				fail_msg("shrinkage %.9g, by scikit-learn %.9g", scatter.shrinkage, want);
		}
		else
			continue;
		checked++;
	}
	fclose(file);
	assert_int_equal(checked, 6 * 9 - 1);	/* the fewest rows go without whitening */
	unit_env_done(&u);
}

/* ---------- what they promise ---------- */

/* Covariance of embeddings (about class means if label is not NULL, divided by n - classes). */
static double *
covariance(UnitEnv *u, const float *z, const int32_t *label, int n_classes, int64_t n, int width)
{
	int			classes = label != NULL ? n_classes : 1;
	double	   *mean = arena_alloc_zero(&u->arena, (size_t) classes * width, sizeof(double));
	int64_t    *count = arena_alloc_zero(&u->arena, classes, sizeof(int64_t));
	double	   *cov = arena_alloc_zero(&u->arena, (size_t) width * width, sizeof(double));

	for (int64_t i = 0; i < n; i++)
	{
		int			c = label != NULL ? label[i] : 0;

		count[c]++;
		for (int j = 0; j < width; j++)
			mean[c * width + j] += z[i * width + j];
	}
	for (int c = 0; c < classes; c++)
		for (int j = 0; j < width && count[c] > 0; j++)
			mean[c * width + j] /= count[c];
	for (int64_t i = 0; i < n; i++)
	{
		const double *m = mean + (size_t) (label != NULL ? label[i] : 0) * width;

		for (int j = 0; j < width; j++)
			for (int k = 0; k < width; k++)
				cov[j * width + k] += (z[i * width + j] - m[j]) * (z[i * width + k] - m[k]) / (n - classes);
	}
	return cov;
}

static void
check_identity(const double *a, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (!(fabs(a[i * n + j] - (i == j)) <= 1e-4))
				fail_msg("covariance %d, %d is %g", i, j, a[i * n + j]);
}

static void
test_identity_covariance(void **state)
{
	static const char *const names[] = {"iris", "wine", "breast_cancer", "digits"};
	static const int rank[] = {4, 13, 30, 61};
	static const int columns[] = {4, 13, 30, 64};
	static const int classes[] = {3, 3, 2, 10};
	UnitEnv		u;

	unit_env_init(&u);
	for (int i = 0; i < 4; i++)
	{
		Dataset    *data = dataset_load(&u.env, names[i], 1);
		Model	   *model;

		assert_int_equal(data->rows.d, columns[i]);
		u.notices = 0;
		ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 0, &model));
		assert_int_equal(model_out(model), rank[i]);
		assert_int_equal(u.notices, rank[i] < columns[i]);
		check_identity(covariance(&u, embedding_of(&u.env, model, data), NULL, 0, data->rows.n, rank[i]), rank[i]);
		ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 3, &model));
		assert_int_equal(model_out(model), 3);
		check_identity(covariance(&u, embedding_of(&u.env, model, data), NULL, 0, data->rows.n, 3), 3);

		ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 0, &model));
		assert_int_equal(model_out(model), classes[i] - 1);
		check_identity(covariance(&u, embedding_of(&u.env, model, data), data->rows.label, classes[i], data->rows.n,
								  classes[i] - 1), classes[i] - 1);
	}
	assert_non_null(strstr(u.notice, "3 of 64 columns are constant"));
	unit_env_done(&u);
}

/* Models are stored like any other, and their networks are what the header says. */
static void
test_models(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Model	   *models[4];

	unit_env_init(&u);
	data = dataset_load(&u.env, "digits", 4);
	ASSERT_OK(&u, linear_none(&u.env, 64, &models[0]));
	ASSERT_OK(&u, linear_pca(&u.env, &data->rows, NULL, 0, 5, &models[1]));
	ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 5, &models[2]));
	ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 5, &models[3]));
	for (int i = 0; i < 4; i++)
	{
		static const char *const lines[] = {"identity", "5, raw", "identity", "5, raw"};
		char		line[NET_LINE_MAX];
		void	   *blob;
		size_t		size;
		Model	   *again;
		float	   *z = embedding_of(&u.env, models[i], data);

		netspec_print(&models[i]->net->spec, line, sizeof(line));
		assert_string_equal(line, lines[i]);
		ASSERT_OK(&u, model_save(&u.env, models[i], &blob, &size));
		ASSERT_OK(&u, model_load(&u.env, blob, size, &again));
		assert_memory_equal(z, embedding_of(&u.env, again, data), data->rows.n * model_out(again) * sizeof(float));
		if (i == 0)
			assert_memory_equal(z, data->x, data->rows.n * 64 * sizeof(float));
	}
	unit_env_done(&u);
}

/* The rows of index alone count: the same as a data set of just these rows. */
static void
test_index(void **state)
{
	UnitEnv		u;
	Dataset    *all;
	Dataset    *some;
	int64_t    *index;

	unit_env_init(&u);
	all = dataset_load(&u.env, "wine", 1);
	some = dataset_load(&u.env, "wine", 3);
	index = arena_alloc(&u.arena, some->rows.n, sizeof(int64_t));
	for (int64_t i = 0; i < some->rows.n; i++)
		index[i] = 3 * i;
	for (int i = 0; i < 3; i++)
	{
		LearnStatus (*const fits[]) (LearnEnv *, const Rows *, const int64_t *, int64_t, int, Model **) =
		{
			linear_pca, linear_whiten, linear_lda
		};
		Model	   *a;
		Model	   *b;

		ASSERT_OK(&u, fits[i] (&u.env, &all->rows, index, some->rows.n, 2, &a));
		ASSERT_OK(&u, fits[i] (&u.env, &some->rows, NULL, 0, 2, &b));
		assert_memory_equal(embedding_of(&u.env, a, all), embedding_of(&u.env, b, all), all->rows.n * 2 * sizeof(float));
	}
	unit_env_done(&u);
}

/* ---------- data short of something ---------- */

static Dataset *
random_data(UnitEnv *u, int n, int d, int n_classes, uint64_t seed)
{
	float	   *x = arena_alloc(&u->arena, (size_t) n * d, sizeof(float));
	int32_t    *label = arena_alloc(&u->arena, n, sizeof(int32_t));
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n; i++)
	{
		label[i] = i % n_classes;
		for (int j = 0; j < d; j++)
			x[(size_t) i * d + j] = rng_normal(&rng) + sin(1.0 + label[i] * (j + 1));
	}
	return dataset_make(&u->env, x, label, n, d, n_classes);
}

/* Some columns twice and sums of others: distances are those of the data without them. */
static void
test_collinear(void **state)
{
	enum
	{
		N = 500,
		D = 6,
		WIDE = 10
	};
	UnitEnv		u;
	Dataset    *data;
	Dataset    *wide;
	float	   *x;
	Model	   *a;
	Model	   *b;

	unit_env_init(&u);
	data = random_data(&u, N, D, 4, 1);
	x = arena_alloc(&u.arena, N * WIDE, sizeof(float));
	for (int i = 0; i < N; i++)
	{
		const float *from = data->x + i * D;
		float	   *to = x + i * WIDE;

		memcpy(to, from, D * sizeof(float));
		to[6] = from[0];
		to[7] = 42;
		to[8] = from[2] - 2 * from[3];
		to[9] = -1000 * from[5];
	}
	wide = dataset_make(&u.env, x, data->rows.label, N, WIDE, 4);
	for (int method = 0; method < 2; method++)
	{
		float	   *za;
		float	   *zb;
		int			width = method == 0 ? D : 3;

		u.notices = 0;
		if (method == 0)
		{
			ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 0, &a));
			assert_int_equal(u.notices, 0);
			ASSERT_OK(&u, linear_whiten(&u.env, &wide->rows, NULL, 0, 0, &b));
			assert_int_equal(u.notices, 2);
			assert_string_equal(u.notice, "3 of 10 columns are combinations of others: 6 directions carry all variance");
		}
		else
		{
			ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 0, &a));
			ASSERT_OK(&u, linear_lda(&u.env, &wide->rows, NULL, 0, 0, &b));
		}
		assert_int_equal(model_out(a), width);
		assert_int_equal(model_out(b), width);
		za = embedding_of(&u.env, a, data);
		zb = embedding_of(&u.env, b, wide);
		for (int i = 1; i < N; i++)
		{
			double		want = sqrt(embedding_square(za, width, 0, i));
			double		got = sqrt(embedding_square(zb, width, 0, i));

			/* collinear columns make discriminant analysis shrink, a little */
			if (!(fabs(got - want) <= (method == 0 ? 1e-3 : 0.05) * (want + 1)))
				fail_msg("method %d, row %d: %g, without the columns %g", method, i, got, want);
		}
	}
	unit_env_done(&u);
}

static void
test_few_rows(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Model	   *model;
	float	   *z;
	double		within = 0;
	double		between = 0;

	unit_env_init(&u);
	data = random_data(&u, 12, 50, 3, 2);
	ASSERT_OK(&u, linear_pca(&u.env, &data->rows, NULL, 0, 0, &model));
	assert_int_equal(model_out(model), 11);
	z = embedding_of(&u.env, model, data);
	for (int i = 1; i < 12; i++)
		assert_true(fabs(sqrt(embedding_square(z, 11, 0, i)) - sqrt(embedding_square(data->x, 50, 0, i))) < 1e-4);

	ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 0, &model));
	assert_int_equal(model_out(model), 11);
	check_identity(covariance(&u, embedding_of(&u.env, model, data), NULL, 0, 12, 11), 11);

	/* shrinkage: classes come apart, and not by the noise of so few rows alone */
	ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 0, &model));
	assert_int_equal(model_out(model), 2);
	z = embedding_of(&u.env, model, data);
	for (int i = 0; i < 12; i++)
		for (int j = 0; j < i; j++)
			*(i % 3 == j % 3 ? &within : &between) += sqrt(embedding_square(z, 2, i, j));
	assert_true(between / 48 > 3 * within / 18);

	/* a class of two rows is enough, and rows alone in their class do no harm */
	{
		int32_t		label[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10};

		data->rows.label = label;
		data->rows.n_classes = 11;
		ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 0, &model));
		assert_in_range(model_out(model), 1, 10);
	}
	unit_env_done(&u);
}

static void
test_refused(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Dataset    *small;
	Model	   *model;
	int64_t		index[] = {0, 3, 6, 9};
	float	   *same;

	unit_env_init(&u);
	data = random_data(&u, 12, 5, 3, 3);

	/* one class */
	assert_int_equal(linear_lda(&u.env, &data->rows, index, 4, 0, &model), LEARN_DATA);
	assert_string_equal(u.env.message, "discriminant analysis needs two classes, the rows have 1");
	small = dataset_make(&u.env, data->x, data->rows.label, 12, 5, 1);
	assert_int_equal(linear_lda(&u.env, &small->rows, NULL, 0, 0, &model), LEARN_DATA);

	/* each row its class */
	index[1] = 1;
	index[2] = 2;
	assert_int_equal(linear_lda(&u.env, &data->rows, index, 3, 0, &model), LEARN_DATA);
	assert_string_equal(u.env.message, "discriminant analysis needs a class with two rows, each class has one");

	/* one row, no row */
	assert_int_equal(linear_pca(&u.env, &data->rows, index, 1, 0, &model), LEARN_DATA);
	assert_int_equal(linear_whiten(&u.env, &data->rows, index, 1, 0, &model), LEARN_DATA);
	assert_int_equal(linear_lda(&u.env, &data->rows, index, 1, 0, &model), LEARN_DATA);
	assert_int_equal(linear_pca(&u.env, &data->rows, index, 0, 0, &model), LEARN_DATA);

	/* rows that are all alike, and alike within their class */
	same = arena_alloc(&u.arena, 12 * 5, sizeof(float));
	for (int i = 0; i < 60; i++)
		same[i] = 0.3f;
	small = dataset_make(&u.env, same, data->rows.label, 12, 5, 3);
	assert_int_equal(linear_pca(&u.env, &small->rows, NULL, 0, 0, &model), LEARN_DATA);
	assert_int_equal(linear_whiten(&u.env, &small->rows, NULL, 0, 0, &model), LEARN_DATA);
	assert_int_equal(linear_lda(&u.env, &small->rows, NULL, 0, 0, &model), LEARN_DATA);
	assert_string_equal(u.env.message, "no column varies: there is nothing to learn from");
	for (int i = 0; i < 60; i++)
		same[i] = data->rows.label[i / 5] + 0.1f * (i % 5);
	assert_int_equal(linear_lda(&u.env, &small->rows, NULL, 0, 0, &model), LEARN_DATA);
	assert_non_null(strstr(u.env.message, "differ within their class"));
	ASSERT_OK(&u, linear_pca(&u.env, &small->rows, NULL, 0, 0, &model));
	assert_int_equal(model_out(model), 1);
	unit_env_done(&u);
}

/* Distances of embeddings are those of rows times directions (k x d), all to a share of the largest. */
static void
check_directions(UnitEnv *u, const Model *model, const Dataset *data, const double *direction, int k)
{
	const float *z = embedding_of(&u->env, model, data);
	int			n = (int) data->rows.n;
	int			d = data->rows.d;
	double		largest = 0;
	double		error = 0;

	assert_int_equal(model_out(model), k);
	for (int i = 0; i < n; i += 3)
		for (int j = 0; j < i; j += 2)
		{
			double		want = 0;
			double		got = embedding_square(z, k, i, j);

			for (int c = 0; c < k; c++)
			{
				double		dot = 0;

				for (int l = 0; l < d; l++)
					dot += direction[(size_t) c * d + l] * ((double) data->x[(size_t) i * d + l] - data->x[(size_t) j * d + l]);
				want += dot * dot;
			}
			largest = fmax(largest, want);
			error = fmax(error, fabs(want - got));
		}
	if (!(error <= 1e-4 * largest))
		fail_msg("%d rows of %d columns: distances are wrong by %g of %g", n, d, error, largest);
}

/* PCA, whitening and discriminant analysis of few rows are what the full covariance gives. */
static void
test_rows_for_columns(void **state)
{
	static const int shape[][2] = {{20, 41}, {40, 200}, {90, 300}};

	for (int s = 0; s < 3; s++)
	{
		UnitEnv		u;
		int			n = shape[s][0];
		int			d = shape[s][1];
		Dataset    *data;
		Moments		m;
		Prep	   *prep;
		Scatter		scatter;
		Discriminant problem;
		Model	   *model;
		double	   *value;
		double	   *vector;
		int			rank;

		unit_env_init(&u);
		data = random_data(&u, n, d, 4, 11 + s);
		/* a constant column, two that are the same, one of another unit */
		for (int i = 0; i < n; i++)
		{
			float	   *row = (float *) data->x + (size_t) i * d;

			row[3] = 7;
			row[5] = row[4];
			row[6] *= 1000;
		}
		ASSERT_OK(&u, moments_fit(&u.env, &data->rows, NULL, 0, true, &m));
		value = arena_alloc(&u.arena, d, sizeof(double));
		vector = arena_alloc(&u.arena, (size_t) d * d, sizeof(double));
		ASSERT_OK(&u, eigen_symmetric(&u.env, m.cov, d, n - 1, value, vector));
		ASSERT_OK(&u, linear_pca(&u.env, &data->rows, NULL, 0, 0, &model));
		check_directions(&u, model, data, vector, n - 1);
		ASSERT_OK(&u, linear_pca(&u.env, &data->rows, NULL, 0, 5, &model));
		check_directions(&u, model, data, vector, 5);

		ASSERT_OK(&u, moments_fit(&u.env, &data->rows, NULL, 0, true, &m));
		for (int i = 0; i < d; i++)
			for (int j = 0; j < d; j++)
				m.cov[(size_t) i * d + j] *= m.constant[i] || m.constant[j] ? 0 : 1 / sqrt(m.var[i] * m.var[j]);
		ASSERT_OK(&u, eigen_symmetric(&u.env, m.cov, d, 6, value, vector));
		for (int i = 0; i < 6; i++)
			for (int j = 0; j < d; j++)
				vector[(size_t) i * d + j] *= m.constant[j] ? 0 : 1 / sqrt(m.var[j] * value[i]);
		ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 6, &model));
		check_directions(&u, model, data, vector, 6);

		ASSERT_OK(&u, prep_fit(&u.env, PREP_STANDARDIZE, &data->rows, NULL, 0, 0, &prep));
		ASSERT_OK(&u, scatter_fit(&u.env, &data->rows, NULL, 0, prep->mean, prep->scale, 0, NULL, &scatter));
		problem = (Discriminant) {.d = d, .within = scatter.within, .between = scatter.between, .scale = prep->scale,
								  .varying = scatter.varying, .shrinkage = scatter.shrinkage};
		ASSERT_OK(&u, discriminant_directions(&u.env, &problem, 3, 1e-9, value, vector, &rank));
		for (int i = 0; i < rank; i++)
			for (int j = 0; j < d; j++)
				vector[(size_t) i * d + j] *= prep->scale[j];
		ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 0, &model));
		check_directions(&u, model, data, vector, rank);
		unit_env_done(&u);
	}
}

/* Few rows that have a label and are all alike, beside rows without one that differ. */
static void
test_wide_equal(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Model	   *model;
	int			d = 40;

	unit_env_init(&u);
	data = random_data(&u, 10, d, 2, 31);
	for (int i = 1; i < 6; i++)
		memcpy((float *) data->x + (size_t) i * d, data->x, d * sizeof(float));
	data->rows.n = 6;
	data->rows.n_unlabeled = 4;
	assert_int_equal(linear_lda(&u.env, &data->rows, NULL, 0, 0, &model), LEARN_DATA);
	ASSERT_OK(&u, linear_pca(&u.env, &data->rows, NULL, 0, 0, &model));
	assert_int_equal(model_out(model), 4);
	unit_env_done(&u);
}

static char said[512];

static void
keep_notice(void *ctx, const char *message)
{
	snprintf(said, sizeof(said), "%s", message);
}

/* Far more columns than a covariance is made for, and more rows than memory holds the matrix of. */
static void
test_wide(void **state)
{
	enum
	{
		N = 700,
		D = 5000
	};
	UnitEnv		u;
	UnitEnv		rows;
	Dataset    *data;

	unit_env_init(&rows);
	data = random_data(&rows, N, D, 3, 21);
	for (int limited = 0; limited < 2; limited++)
	{
		Model	   *model;

		unit_env_init(&u);
		u.env.notice = keep_notice;
		u.arena.limit = limited ? 110 * 1024 * 1024 : 0;
		said[0] = '\0';
		ASSERT_OK(&u, linear_pca(&u.env, &data->rows, NULL, 0, 20, &model));
		assert_int_equal(model_out(model), 20);
		ASSERT_OK(&u, linear_whiten(&u.env, &data->rows, NULL, 0, 20, &model));
		assert_int_equal(model_out(model), 20);
		if (limited)
			u.arena.limit = u.arena.taken + 20 * 1024 * 1024;
		else
			assert_string_equal(said, "");
		if (linear_lda(&u.env, &data->rows, NULL, 0, 0, &model) == LEARN_OK)
			assert_int_equal(model_out(model), 2);
		else
			assert_string_equal(u.env.message, "");
		if (limited)
			assert_non_null(strstr(said, "of 700 rows"));
		unit_env_done(&u);
	}
	unit_env_done(&rows);
}

/* Values near the ends of float's range, and columns of units that differ by 10^12. */
static void
test_scales(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	float	   *x;
	float	   *want[2];
	const double scales[] = {1e30, 1e-30, 1e-37};

	unit_env_init(&u);
	data = random_data(&u, 200, 4, 3, 4);
	x = arena_alloc(&u.arena, 200 * 4, sizeof(float));
	for (int k = -1; k < 3; k++)
	{
		Dataset    *scaled = dataset_make(&u.env, x, data->rows.label, 200, 4, 3);

		for (int i = 0; i < 800; i++)
			x[i] = data->x[i] * (k < 0 ? 1 : scales[k] * (i % 4 == 1 ? 1e6 : 1));
		for (int method = 0; method < 2; method++)
		{
			Model	   *model;
			float	   *z;

			ASSERT_OK(&u, (method == 0 ? linear_whiten : linear_lda) (&u.env, &scaled->rows, NULL, 0, 0, &model));
			assert_int_equal(model_out(model), method == 0 ? 4 : 2);
			z = embedding_of(&u.env, model, scaled);
			if (k < 0)
				want[method] = z;
			else
				for (int i = 0; i < 200 * model_out(model); i++)
					assert_true(fabs(z[i] - want[method][i]) <= 1e-3 * (1 + fabs(want[method][i])));
		}
	}
	unit_env_done(&u);
}

/* Classes larger than a chunk of rows, many small ones, empty ones: the same scatter. */
static void
test_class_sizes(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	int32_t    *label;

	unit_env_init(&u);
	data = random_data(&u, 3000, 7, 3, 5);
	label = arena_alloc(&u.arena, 3000, sizeof(int32_t));
	for (int kind = 0; kind < 3; kind++)
	{
		Scatter		s;
		float		mean[7] = {0};
		float		scale[] = {1, 1, 1, 1, 1, 1, 1};
		int			n_classes = kind == 0 ? 3 : kind == 1 ? 1400 : 5000;
		double	   *want;

		for (int i = 0; i < 3000; i++)
			label[i] = kind == 0 ? (i % 10 == 0 ? 0 : 2) : kind == 1 ? i * 11 % 1400 : (i < 1500 ? 4 : i + 1000);
		data->rows.label = label;
		data->rows.n_classes = n_classes;
		ASSERT_OK(&u, scatter_fit(&u.env, &data->rows, NULL, 0, mean, scale, 0, NULL, &s));
		assert_int_equal(s.classes, kind == 0 ? 2 : kind == 1 ? 1400 : 1501);
		want = covariance(&u, data->x, label, n_classes, 3000, 7);
		for (int i = 0; i < 49; i++)
		{
			double		w = want[i] * (3000 - n_classes) / (3000 - s.classes);

			assert_true(fabs(s.within[i] - w) <= 1e-9);
		}

		/* within and between add up to the total */
		want = covariance(&u, data->x, NULL, 0, 3000, 7);
		for (int i = 0; i < 49; i++)
			assert_true(fabs(s.within[i] * (3000 - s.classes) + s.between[i] * 3000 - want[i] * 2999) <= 1e-6);
	}
	unit_env_done(&u);
}

static void
test_cancel(void **state)
{
	for (int method = 0; method < 3; method++)
	{
		int			polls = 0;

		for (int at = 0; at == 0 || at <= polls; at++)
		{
			UnitEnv		u;
			Dataset    *data;
			Model	   *model;
			LearnStatus status;

			unit_env_init(&u);
			data = random_data(&u, 1500, 70, 4, 6);
			u.cancel_at = at;
			status = (method == 0 ? linear_pca : method == 1 ? linear_whiten : linear_lda)
				(&u.env, &data->rows, NULL, 0, 0, &model);
			assert_int_equal(status, at == 0 ? LEARN_OK : LEARN_CANCELLED);
			if (at == 0)
				polls = u.polls;
			unit_env_done(&u);
			assert_int_equal(u.chunks, 0);
		}
		assert_true(polls > 10);
	}
}

/* Scratch is given back: what a fit leaves in the arena is hardly more than the model. */
static void
test_memory(void **state)
{
	UnitEnv		u;
	Dataset    *data;

	unit_env_init(&u);
	data = random_data(&u, 2000, 300, 4, 7);
	for (int method = 0; method < 3; method++)
	{
		size_t		before = u.arena.taken;
		Model	   *model;

		ASSERT_OK(&u, (method == 0 ? linear_pca : method == 1 ? linear_whiten : linear_lda)
				  (&u.env, &data->rows, NULL, 0, 10, &model));

		/* the arena's last chunk may be some larger than what is asked for */
		assert_true(u.arena.taken - before < 3 * 1024 * 1024 + 3 * model_bytes(model));
	}
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_identity_covariance),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_collinear),
		cmocka_unit_test(test_few_rows),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_rows_for_columns),
		cmocka_unit_test(test_wide_equal),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_class_sizes),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
