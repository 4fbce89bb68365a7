/*
 * test_classical.c
 *	  The classical methods whole: objectives against metric-learn's, distances against their definitions, data that
 *	  is short of something, constraints, time, cancelling, memory.
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

#include "classical_case.h"
#include "dataset.h"
#include "embedding.h"
#include "learn/classical/classical.h"
#include "learn/methods/options.h"
#include "base/rng.h"
#include "unit_env.h"

static const char *const methods[] = {
	"rca", "lfda", "lmnn", "nca_linear", "itml", "mmc", "sdml", "lsml", "scml", "mlkr",
};

#define METHODS	((int) (sizeof(methods) / sizeof(methods[0])))

static double clock_now;

static double
tick(void *ctx)
{
	return clock_now += 0.01;
}

static void
start(UnitEnv *u)
{
	unit_env_init(u);
	u->env.now = tick;
	clock_now = 0;
}

static LinearPlan
make_plan(const char *name, int n_classes)
{
	TrainOptions options;
	LinearPlan	plan = {.method = method_by_name(name), .prep = PREP_NONE, .seed = 1, .deadline = INFINITY};

	assert_non_null(plan.method);
	options_init(&options);
	plan.params = linear_params(plan.method, &options.linear, n_classes);
	return plan;
}

/* Class numbers as a target. */
static void
add_target(UnitEnv *u, Dataset *data)
{
	double	   *target = arena_alloc(&u->arena, data->rows.n, sizeof(double));

	for (int64_t i = 0; i < data->rows.n; i++)
		target[i] = data->rows.label[i];
	data->rows.target = target;
}

/* ---------- metric-learn ---------- */

/* What a fit of labels, or of the reference's constraints, reaches. */
static LinearFit
fit_method(UnitEnv *u, const Dataset *data, const char *name, double eta, bool diagonal)
{
	LinearPlan	plan = make_plan(name, data->rows.n_classes);
	LinearFit	fit;

	if (eta > 0)
		plan.params.eta = eta;
	plan.params.diagonal = diagonal;
	for (int kind = CONSTRAINT_PAIRS; kind <= CONSTRAINT_QUADRUPLETS; kind++)
		if (classical_accepts(plan.method, kind))
		{
			Constraints c = classical_case(&u->env, kind, data->rows.label, data->rows.n);

			ASSERT_OK(u, constraints_fit(&u->env, &plan, &data->rows, &c, &fit));
			return fit;
		}
	ASSERT_OK(u, classical_fit(&u->env, &plan, &data->rows, NULL, 0, &fit));
	return fit;
}

/*
 * No worse than metric-learn: by a thousandth at most, where both are at the minimum.  Objectives that are minimised; sign -1:
 * maximised.
 */
static void
check_objective(const LinearFit *fit, double sign, double want, const char *what)
{
	if (!(sign * fit->objective <= sign * want + 1e-3 * fabs(want)))
		fail_msg("%s: %.9g, by metric-learn %.9g", what, fit->objective, want);
	assert_true(isfinite(fit->objective));
}

static void
test_reference(void **state)
{
	static const struct
	{
		const char *word;
		const char *method;
		double		sign;
	}			objectives[] = {
		{"nca", "nca_linear", -1}, {"mlkr", "mlkr", 1}, {"lmnn", "lmnn", 1}, {"itml", "itml", 1}, {"lsml", "lsml", 1},
		{"mmc", "mmc", 1}, {"mmc_diagonal", "mmc", 1}, {"sdml", "sdml", 1}, {"scml", "scml", 1},
	};
	static char line[64 * 1024];
	FILE	   *file = dataset_open("classical_reference.txt");
	UnitEnv		u;
	Dataset    *data = NULL;
	int			checked = 0;

	start(&u);
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
			add_target(&u, data);
		}
		else if (strcmp(word, "rca") == 0 || strcmp(word, "lfda") == 0)
		{
			LinearFit	fit = fit_method(&u, data, word, 0, false);

			embedding_check_distances(&u.env, fit.model, data, &p, 1, 1e-4, word);
			checked++;
		}
		for (size_t i = 0; i < sizeof(objectives) / sizeof(objectives[0]); i++)
			if (strcmp(word, objectives[i].word) == 0)
			{
				double		eta = strcmp(word, "sdml") == 0 ? strtod(p, &p) : 0;
				LinearFit	fit = fit_method(&u, data, objectives[i].method, eta, strcmp(word, "mmc_diagonal") == 0);

				check_objective(&fit, objectives[i].sign, strtod(p, &p), line);
				checked++;
			}
	}
	fclose(file);
	assert_true(checked >= 29);
	unit_env_done(&u);
}

/* ---------- from a fit to its model ---------- */

/* The objective by its definition, from the embeddings that the model makes. */
static double
naive_objective(const Dataset *data, const Constraints *c, const char *name, const float *z, int width)
{
	int64_t		n = data->rows.n;
	double		value = 0;
	double		near = 0;
	double		far = 0;

	if (strcmp(name, "nca_linear") == 0 || strcmp(name, "mlkr") == 0)
		for (int64_t i = 0; i < n; i++)
		{
			double		least = INFINITY;
			double		sum = 0;
			double		mine = 0;

			for (int64_t j = 0; j < n; j++)
				if (i != j)
					least = fmin(least, embedding_square(z, width, i, j));
			for (int64_t j = 0; j < n; j++)
			{
				double		p = i == j ? 0 : exp(least - embedding_square(z, width, i, j));

				sum += p;
				mine += p * (name[0] == 'm' ? data->rows.label[j] : data->rows.label[j] == data->rows.label[i]);
			}
			value += name[0] == 'm' ? (mine / sum - data->rows.label[i]) * (mine / sum - data->rows.label[i]) : mine / sum;
		}
	for (int64_t i = 0; i < c->n && strcmp(name, "mmc") == 0; i++)
	{
		double		d = embedding_square(z, width, c->row[2 * i], c->row[2 * i + 1]);

		if (c->label[i] != 0)
			near += d;
		else
			far += sqrt(d);
	}
	if (strcmp(name, "mmc") == 0)
		value = log(near) - 2 * log(far);
	return value;
}

static void
test_objective_of_model(void **state)
{
	static const char *const names[] = {"nca_linear", "mlkr", "mmc"};

	for (int i = 0; i < 3; i++)
	{
		UnitEnv		u;
		Dataset    *data;
		Constraints c;
		LinearFit	fit;
		double		want;

		start(&u);
		data = dataset_load(&u.env, "wine", 1);
		add_target(&u, data);
		c = classical_case(&u.env, CONSTRAINT_PAIRS, data->rows.label, data->rows.n);
		fit = fit_method(&u, data, names[i], 0, false);
		want = naive_objective(data, &c, names[i], embedding_of(&u.env, fit.model, data), model_out(fit.model));
		if (!(fabs(fit.objective - want) <= 1e-3 * (1 + fabs(want))))
			fail_msg("%s: %.9g, by definition %.9g", names[i], fit.objective, want);
		unit_env_done(&u);
	}
}

/* ---------- data short of something ---------- */

static Dataset *
random_data(UnitEnv *u, int n, int d, int n_classes, uint64_t seed)
{
	float	   *x = arena_alloc(&u->arena, (size_t) n * d, sizeof(float));
	int32_t    *label = arena_alloc(&u->arena, n, sizeof(int32_t));
	Dataset    *data;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n; i++)
	{
		label[i] = i % n_classes;
		for (int j = 0; j < d; j++)
			x[(size_t) i * d + j] = rng_normal(&rng) + sin(1.0 + label[i] * (j + 1));
	}
	data = dataset_make(&u->env, x, label, n, d, n_classes);
	add_target(u, data);
	return data;
}

/* Constant and collinear columns, equal rows, fewer rows than columns, a class of one row: a finite metric. */
static void
test_degenerate(void **state)
{
	for (int kind = 0; kind < 5; kind++)
		for (int i = 0; i < METHODS; i++)
			for (int prep = PREP_NONE; prep <= PREP_WHITEN; prep += PREP_WHITEN - PREP_NONE)
			{
				UnitEnv		u;
				Dataset    *data;
				LinearPlan	plan;
				LinearFit	fit;
				float	   *x;
				int32_t    *label;
				float	   *z;
				LearnStatus status;

				start(&u);
				data = random_data(&u, kind == 2 ? 12 : 60, kind == 2 ? 20 : 6, 3, 3);
				x = (float *) data->x;
				label = (int32_t *) data->rows.label;
				for (int r = 0; r < data->rows.n; r++)
				{
					float	   *row = x + (size_t) r * data->rows.d;

					if (kind == 0)
					{
						row[1] = 42;
						row[3] = row[0] - 2 * row[2];
						row[4] = row[0];
					}
					else if (kind == 1 && r % 3 != 0)
						memcpy(row, row - data->rows.d * (r % 3), data->rows.d * sizeof(float));
					else if (kind == 3)
						label[r] = r == 0 ? 2 : r % 2;
					else if (kind == 4)
						row[2] *= 1e6f;
				}
				plan = make_plan(methods[i], 3);
				plan.prep = prep;
				status = classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit);

				/* equal rows in different classes leave some methods nothing to learn by: then they say so */
				if (status == LEARN_DATA && kind == 1)
				{
					assert_true(u.env.message[0] != '\0');
					unit_env_done(&u);
					continue;
				}
				if (status != LEARN_OK)
					fail_msg("%s, kind %d, prep %d: %d %s", methods[i], kind, prep, status, u.env.message);
				z = embedding_of(&u.env, fit.model, data);
				for (int r = 1; r < data->rows.n; r++)
					assert_true(isfinite(embedding_square(z, model_out(fit.model), 0, r)));
				unit_env_done(&u);
			}
}

static void
test_refused(void **state)
{
	for (int i = 0; i < METHODS; i++)
	{
		UnitEnv		u;
		Dataset    *data;
		int32_t    *label;
		LinearPlan	plan;
		LinearFit	fit;
		double	   *target;

		start(&u);
		data = random_data(&u, 12, 4, 3, 4);
		label = (int32_t *) data->rows.label;
		target = (double *) data->rows.target;
		plan = make_plan(methods[i], 3);
		if (strcmp(methods[i], "mlkr") == 0)
		{
			for (int r = 0; r < 12; r++)
				target[r] = 5;
			assert_int_equal(classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit), LEARN_DATA);
			assert_true(u.env.hint[0] != '\0');
			data->rows.target = NULL;
			assert_int_equal(classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit), LEARN_INVALID);
			unit_env_done(&u);
			continue;
		}

		/* one class */
		for (int r = 0; r < 12; r++)
			label[r] = 1;
		assert_int_equal(classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit), LEARN_DATA);
		assert_true(u.env.hint[0] != '\0');

		/* a row a class */
		for (int r = 0; r < 12; r++)
			label[r] = r;
		data->rows.n_classes = 12;
		assert_int_equal(classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit), LEARN_DATA);
		assert_true(u.env.hint[0] != '\0');
		unit_env_done(&u);
	}
}

/* ---------- constraints ---------- */

static void
test_from_labels(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Constraints c;
	Constraints again;
	int64_t		index[30];

	start(&u);
	data = random_data(&u, 90, 2, 3, 5);
	for (int i = 0; i < 30; i++)
		index[i] = 3 * i + i % 3;
	for (int kind = CONSTRAINT_PAIRS; kind <= CONSTRAINT_CHUNKLETS; kind++)
	{
		int			size = constraint_size(kind);
		const int32_t *label = data->rows.label;

		ASSERT_OK(&u, constraints_from_labels(&u.env, &data->rows, index, 30, kind, 50, 1, &c));
		ASSERT_OK(&u, constraints_from_labels(&u.env, &data->rows, index, 30, kind, 50, 1, &again));
		assert_int_equal(c.n, kind == CONSTRAINT_PAIRS ? 100 : kind == CONSTRAINT_CHUNKLETS ? 30 : 50);
		assert_memory_equal(c.row, again.row, c.n * size * sizeof(int64_t));
		ASSERT_OK(&u, constraints_check(&u.env, &data->rows, &c));
		for (int64_t i = 0; i < c.n; i++)
		{
			const int64_t *r = c.row + i * size;

			for (int j = 0; j < size; j++)
				assert_true(r[j] % 3 == r[j] / 3 % 3);	/* of index */
			if (kind == CONSTRAINT_PAIRS)
			{
				assert_true(r[0] != r[1] && c.label[i] == (label[r[0]] == label[r[1]]));
				for (int64_t k = 0; k < i; k++)
					assert_false((c.row[2 * k] == r[0] && c.row[2 * k + 1] == r[1]) ||
								 (c.row[2 * k] == r[1] && c.row[2 * k + 1] == r[0]));
			}
			else if (kind == CONSTRAINT_TRIPLETS)
				assert_true(r[0] != r[1] && label[r[0]] == label[r[1]] && label[r[0]] != label[r[2]]);
			else if (kind == CONSTRAINT_QUADRUPLETS)
				assert_true(r[0] != r[1] && label[r[0]] == label[r[1]] && label[r[2]] != label[r[3]]);
			else
				assert_int_equal(c.label[i], label[r[0]]);
		}
	}

	/* fewer where there are no more: 4 rows of two classes have 2 pairs of one class, and 4 others */
	ASSERT_OK(&u, constraints_from_labels(&u.env, &data->rows, (int64_t[]) {0, 3, 1, 4}, 4, CONSTRAINT_PAIRS, 50, 1, &c));
	assert_int_equal(c.n, 6);
	unit_env_done(&u);
}

static void
test_bad_constraints(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	LinearPlan	plan = make_plan("itml", 3);
	LinearFit	fit;
	int64_t		row[] = {0, 1, 2, 3};
	int32_t		same[] = {1, 0};
	double		weight[] = {1, 1};
	Constraints c = {.kind = CONSTRAINT_PAIRS, .n = 2, .row = row, .label = same, .weight = weight};

	start(&u);
	data = random_data(&u, 9, 3, 3, 6);
	ASSERT_OK(&u, constraints_fit(&u.env, &plan, &data->rows, &c, &fit));
	row[3] = 9;
	assert_int_equal(constraints_fit(&u.env, &plan, &data->rows, &c, &fit), LEARN_INVALID);
	row[3] = 3;
	weight[1] = NAN;
	assert_int_equal(constraints_fit(&u.env, &plan, &data->rows, &c, &fit), LEARN_INVALID);
	weight[0] = weight[1] = 0;
	assert_int_equal(constraints_fit(&u.env, &plan, &data->rows, &c, &fit), LEARN_DATA);
	weight[0] = weight[1] = 1;
	same[1] = 1;
	assert_int_equal(constraints_fit(&u.env, &plan, &data->rows, &c, &fit), LEARN_DATA);
	assert_true(u.env.hint[0] != '\0');
	c.n = 0;
	assert_int_equal(constraints_fit(&u.env, &plan, &data->rows, &c, &fit), LEARN_DATA);
	unit_env_done(&u);
}

/* A weight of 0 is as if the constraint were not there, one of 2 as if it were there twice. */
static void
test_weights(void **state)
{
	static const char *const names[] = {"itml", "mmc", "sdml", "lsml", "scml"};

	for (int i = 0; i < 5; i++)
	{
		UnitEnv		u;
		Dataset    *data;
		LinearPlan	plan = make_plan(names[i], 3);
		LinearFit	a;
		LinearFit	b;
		Constraints c = {0};
		Constraints twice;
		int64_t    *row;
		int32_t    *label = NULL;
		double	   *weight;
		int			size;

		start(&u);
		data = random_data(&u, 40, 4, 3, 8);
		for (int kind = CONSTRAINT_PAIRS; kind <= CONSTRAINT_QUADRUPLETS; kind++)
			if (classical_accepts(plan.method, kind))
				ASSERT_OK(&u, constraints_from_labels(&u.env, &data->rows, NULL, 0, kind, 60, 3, &c));
		size = constraint_size(c.kind);
		weight = arena_alloc(&u.arena, c.n, sizeof(double));
		row = arena_alloc(&u.arena, 2 * c.n * size, sizeof(int64_t));
		label = arena_alloc(&u.arena, 2 * c.n, sizeof(int32_t));
		twice = (Constraints) {.kind = c.kind, .row = row, .label = c.label != NULL ? label : NULL};
		for (int64_t k = 0; k < c.n; k++)
		{
			/* the rows of all, so that bounds and priors are the same */
			weight[k] = k % 3 == 0 ? 2 : 1;
			for (int copy = 0; copy < (k % 3 == 0 ? 2 : 1); copy++)
			{
				memcpy(row + twice.n * size, c.row + k * size, size * sizeof(int64_t));
				if (c.label != NULL)
					label[twice.n] = c.label[k];
				twice.n++;
			}
		}
		c.weight = weight;
		plan.params.tolerance = 1e-10;
		plan.params.bases = 30;
		ASSERT_OK(&u, constraints_fit(&u.env, &plan, &data->rows, &c, &a));
		ASSERT_OK(&u, constraints_fit(&u.env, &plan, &data->rows, &twice, &b));

		/* scml draws its bases from the triplets, so that they differ */
		if (strcmp(names[i], "scml") != 0 && !(fabs(a.objective - b.objective) <= 1e-4 * (1 + fabs(a.objective))))
			fail_msg("%s: %.9g and %.9g", names[i], a.objective, b.objective);
		unit_env_done(&u);
	}
}

/* ---------- the environment ---------- */

/* Same rows, same seed: the same bits; the rows of index alone count. */
static void
test_reproducible(void **state)
{
	for (int i = 0; i < METHODS; i++)
	{
		UnitEnv		u;
		Dataset    *all;
		Dataset    *some;
		LinearPlan	plan = make_plan(methods[i], 3);
		LinearFit	fit[2];
		int64_t    *index;

		start(&u);
		all = dataset_load(&u.env, "wine", 1);
		some = dataset_load(&u.env, "wine", 3);
		add_target(&u, all);
		add_target(&u, some);
		plan.prep = PREP_STANDARDIZE;
		plan.dims = 3;
		index = arena_alloc(&u.arena, some->rows.n, sizeof(int64_t));
		for (int64_t k = 0; k < some->rows.n; k++)
			index[k] = 3 * k;
		ASSERT_OK(&u, classical_fit(&u.env, &plan, &all->rows, index, some->rows.n, &fit[0]));
		ASSERT_OK(&u, classical_fit(&u.env, &plan, &some->rows, NULL, 0, &fit[1]));
		assert_true(model_out(fit[0].model) <= 3);
		assert_int_equal(model_out(fit[0].model), model_out(fit[1].model));
		assert_memory_equal(embedding_of(&u.env, fit[0].model, all), embedding_of(&u.env, fit[1].model, all),
							all->rows.n * model_out(fit[0].model) * sizeof(float));
		unit_env_done(&u);
	}
}

static void
test_deadline(void **state)
{
	for (int i = 0; i < METHODS; i++)
	{
		UnitEnv		u;
		Dataset    *data;
		LinearPlan	plan = make_plan(methods[i], 10);
		LinearFit	fit;

		start(&u);
		data = dataset_load(&u.env, "digits", 8);
		add_target(&u, data);
		plan.deadline = 0.05;
		plan.prep = PREP_SCALE;
		plan.params.tolerance = 0;
		ASSERT_OK(&u, classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit));
		if (plan.method->kind == METHOD_LINEAR)
			assert_true(fit.cut && fit.iterations < 100);
		embedding_of(&u.env, fit.model, data);
		unit_env_done(&u);
	}
}

static void
test_cancel(void **state)
{
	for (int i = 0; i < METHODS; i++)
	{
		int			polls = 0;

		for (int at = 0; at == 0 || at <= polls; at += at == 0 ? 1 : polls / 40 + 1)
		{
			UnitEnv		u;
			Dataset    *data;
			LinearPlan	plan = make_plan(methods[i], 3);
			LinearFit	fit;
			LearnStatus status;

			start(&u);
			data = random_data(&u, 120, 5, 3, 9);
			plan.params.iterations = 20;
			u.cancel_at = at;
			status = classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit);
			assert_int_equal(status, at == 0 ? LEARN_OK : LEARN_CANCELLED);
			if (at == 0)
				polls = u.polls;
			unit_env_done(&u);
			assert_int_equal(u.chunks, 0);
		}
		assert_true(polls > 5);
	}
}

/* Rows that memory does not hold are left out, and that is said; scratch is given back. */
static void
test_memory(void **state)
{
	for (int i = 0; i < METHODS; i++)
	{
		UnitEnv		u;
		UnitEnv		rows;
		Dataset    *data;
		LinearPlan	plan = make_plan(methods[i], 3);
		LinearFit	fit;

		start(&u);
		start(&rows);
		data = random_data(&rows, 10000, 300, 3, 7);
		u.arena.limit = 40 * 1024 * 1024;
		plan.params.iterations = 3;
		plan.params.bases = 50;
		plan.dims = 8;
		if (classical_fit(&u.env, &plan, &data->rows, NULL, 0, &fit) != LEARN_OK)
			fail_msg("%s: %s", methods[i], u.env.message);
		if (strcmp(methods[i], "lmnn") == 0 || strcmp(methods[i], "mlkr") == 0)
			assert_non_null(strstr(u.notice, "maintenance_work_mem"));
		assert_true(u.arena.taken < 3 * 1024 * 1024);
		unit_env_done(&u);
		unit_env_done(&rows);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_objective_of_model),
		cmocka_unit_test(test_degenerate),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_from_labels),
		cmocka_unit_test(test_bad_constraints),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
