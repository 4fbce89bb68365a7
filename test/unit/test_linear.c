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
#include "learn/linear.h"
#include "learn/moments.h"
#include "learn/scatter.h"
#include "unit_env.h"

static char last_notice[1024];
static int	notices;

static void
keep_notice(void *ctx, const char *message)
{
	snprintf(last_notice, sizeof(last_notice), "%s", message);
	notices++;
}

static void
start(UnitEnv *u)
{
	unit_env_init(u);
	u->env.notice = keep_notice;
	notices = 0;
	last_notice[0] = '\0';
}

#define ASSERT_OK(u, call) \
	do { \
		LearnStatus status_ = (call); \
		if (status_ != LEARN_OK) \
			fail_msg("%s: %d %s", #call, status_, (u)->env.message); \
	} while (0)

static float *
embed_all(UnitEnv *u, const Model *model, const Dataset *data)
{
	int			n = (int) data->rows.n;
	float	   *z = arena_alloc(&u->arena, (size_t) n * model_out(model), sizeof(float));
	float	   *scratch = arena_alloc(&u->arena, model_scratch(model, n), sizeof(float));

	assert_int_equal(model_in(model), data->rows.d);
	model_embed(model, data->x, n, z, scratch, NULL);
	return z;
}

static double
distance(const float *a, const float *b, int d)
{
	double		sum = 0;

	for (int j = 0; j < d; j++)
		sum += ((double) a[j] - b[j]) * ((double) a[j] - b[j]);
	return sqrt(sum);
}

/* ---------- scikit-learn ---------- */

/* Distances of row 0 from rows 1, 8, 15, ... as the file has them. */
static void
check_distances(UnitEnv *u, const Model *model, const Dataset *data, char **p, const char *what)
{
	float	   *z = embed_all(u, model, data);
	int			width = model_out(model);
	int			n = (int) strtol(*p, p, 10);

	assert_int_equal(n, (data->rows.n - 1 + 6) / 7);
	for (int i = 0; i < n; i++)
	{
		double		want = strtod(*p, p);
		double		got = distance(z, z + (size_t) (1 + 7 * i) * width, width);

		if (!(fabs(got - want) <= 1e-5 * (want + 1)))
			fail_msg("%s, row %d: %.9g, by scikit-learn %.9g", what, 1 + 7 * i, got, want);
	}
}

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
	float	   *z = embed_all(u, pca, data);
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
	const char *dir = getenv("DML_TEST_DATA");
	static char line[64 * 1024];
	char		path[1024];
	FILE	   *file;
	UnitEnv		u;
	Dataset    *data = NULL;
	Model	   *pca = NULL;
	Model	   *model = NULL;
	int			checked = 0;

	start(&u);
	snprintf(path, sizeof(path), "%s/linear_reference.txt", dir != NULL ? dir : "../data");
	file = fopen(path, "r");
	assert_non_null(file);
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
			check_distances(&u, model, data, &p, "whiten");
		}
		else if (strcmp(word, "lda") == 0)
		{
			ASSERT_OK(&u, linear_lda(&u.env, &data->rows, NULL, 0, 0, &model));
			check_distances(&u, model, data, &p, "lda");
		}
		else if (strcmp(word, "shrinkage") == 0)
		{
			Prep	   *prep;
			Scatter		scatter;
			double		want = strtod(p, &p);

			/* the share is of the columns that vary; the file's, too */
			ASSERT_OK(&u, prep_fit(&u.env, PREP_STANDARDIZE, &data->rows, NULL, 0, 0, &prep));
			ASSERT_OK(&u, scatter_fit(&u.env, &data->rows, NULL, 0, prep->mean, prep->scale, &scatter));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
