/*
 * test_constraints.c
 *	  Constraints: the scores against their definitions, rows that stay on one side of a split,
 *	  who matches whom in a batch, and what training promises whatever is given.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "dataset.h"
#include "learn/fit/constraint_score.h"
#include "learn/data/constraint_split.h"
#include "learn/train/train.h"
#include "learn/fit/known_matches.h"
#include "learn/classical/linear.h"
#include "base/rng.h"
#include "unit_env.h"

static void
start_env(UnitEnv *unit)
{
	unit_env_init(unit);
	unit->env.now = unit_clock;
}

/* n rows of d small whole numbers, so that distances tie. */
static Dataset *
coarse_rows(LearnEnv *env, int n, int d, uint64_t seed)
{
	float	   *x = arena_alloc(env->arena, (size_t) n * d, sizeof(float));
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n * d; i++)
		x[i] = (float) rng_below(&rng, 4);
	return dataset_make(env, x, NULL, n, d, 0);
}

static Constraints
random_constraints(LearnEnv *env, ConstraintKind kind, const Rows *rows, int64_t n, bool weighted, uint64_t seed)
{
	int			size = constraint_size(kind);
	int64_t    *row = arena_alloc(env->arena, n * size, sizeof(int64_t));
	int32_t    *same = arena_alloc(env->arena, n, sizeof(int32_t));
	double	   *weight = arena_alloc(env->arena, n, sizeof(double));
	Constraints		constraints = {.kind = kind, .rows = rows, .rows_b = rows, .n = n, .row = row};
	Rng			rng;

	rng_seed(&rng, seed, 1);
	for (int64_t i = 0; i < n * size; i++)
		row[i] = (int64_t) rng_below(&rng, (uint64_t) rows->n);
	for (int64_t i = 0; i < n; i++)
	{
		same[i] = (int32_t) rng_below(&rng, 2);
		weight[i] = (double) rng_below(&rng, 3);
	}
	if (kind == CONSTRAINT_PAIRS)
		constraints.label = same;
	if (weighted)
		constraints.weight = weight;
	return constraints;
}

static double
squared(const Dataset *data, int64_t a, int64_t b)
{
	double		sum = 0;

	for (int k = 0; k < data->rows.d; k++)
	{
		double		d = (double) data->x[a * data->rows.d + k] - data->x[b * data->rows.d + k];

		sum += d * d;
	}
	return sum;
}

static Split
hold_all(LearnEnv *env, int64_t n)
{
	Split		split = {0};

	split.held = arena_alloc(env->arena, n, sizeof(int64_t));
	split.n_held = n;
	for (int64_t i = 0; i < n; i++)
		split.held[i] = i;
	return split;
}

static double
score_as_they_are(LearnEnv *env, const Constraints *constraints, HeldOutScore *found)
{
	Split		split = hold_all(env, constraints->n);
	Model	   *model;

	assert_int_equal(linear_none(env, constraints->rows->d, &model), LEARN_OK);
	assert_int_equal(constraint_score_model(env, constraints, &split, NULL, model, NULL, found), LEARN_OK);
	return found->score;
}

/* ROC AUC by all pairs of pairs; the share of triplets and quadruplets that hold. */
static void
test_constraint_scores(void **state)
{
	for (int seed = 0; seed < 12; seed++)
	{
		UnitEnv		u;
		Dataset    *data;
		Constraints		constraints;
		HeldOutScore	found = NO_SCORE;
		double		right = 0;
		double		all = 0;
		int			n = 300;

		start_env(&u);
		data = coarse_rows(&u.env, 40, 3, seed);
		constraints = random_constraints(&u.env, (ConstraintKind) (seed % 3), &data->rows, n, seed % 2, seed);
		score_as_they_are(&u.env, &constraints, &found);
		for (int i = 0; i < n; i++)
		{
			const int64_t *row = constraints.row + i * constraint_size(constraints.kind);
			double		near = squared(data, row[0], row[1]);
			double		weight = constraints.weight ? constraints.weight[i] : 1;

			if (constraints.kind != CONSTRAINT_PAIRS)
			{
				double		far = constraints.kind == CONSTRAINT_TRIPLETS ? squared(data, row[0], row[2]) : squared(data, row[2], row[3]);

				right += weight * (near < far);
				all += weight;
				continue;
			}
			for (int j = 0; j < n && constraints.label[i]; j++)
				if (!constraints.label[j])
				{
					double		other = squared(data, constraints.row[2 * j], constraints.row[2 * j + 1]);
					double		both = weight * (constraints.weight ? constraints.weight[j] : 1);

					right += both * (near < other ? 1 : near == other ? 0.5 : 0);
					all += both;
				}
		}
		assert_true(fabs(found.score - right / all) < 1e-12);
		unit_env_done(&u);
	}
}

/* recall@1, recall@10 and MRR of a side's rows against all of the other's, by definition. */
static void
test_search_scores(void **state)
{
	for (int seed = 0; seed < 8; seed++)
	{
		UnitEnv		u;
		Dataset    *data;
		Constraints		constraints;
		HeldOutScore	found = NO_SCORE;
		int			n_rows = 60;
		int			queries = 0;
		double		top1 = 0;
		double		top10 = 0;
		double		mrr = 0;

		start_env(&u);
		data = coarse_rows(&u.env, n_rows, 12, seed);
		constraints = random_constraints(&u.env, CONSTRAINT_MATCHES, &data->rows, 70, false, seed);
		score_as_they_are(&u.env, &constraints, &found);
		for (int q = 0; q < n_rows; q++)
		{
			bool		in_gallery[60] = {false};
			bool		right[60] = {false};
			double		best = INFINITY;
			int			rank = 1;

			for (int i = 0; i < constraints.n; i++)
			{
				in_gallery[constraints.row[2 * i + 1]] = true;
				if (constraints.row[2 * i] == q)
					right[constraints.row[2 * i + 1]] = true;
			}
			for (int g = 0; g < n_rows; g++)
				if (right[g] && squared(data, q, g) < best)
					best = squared(data, q, g);
			if (isinf(best))
				continue;
			for (int g = 0; g < n_rows; g++)
				rank += in_gallery[g] && g != q && !right[g] && squared(data, q, g) <= best;
			queries++;
			top1 += rank == 1;
			top10 += rank <= 10;
			mrr += 1.0 / rank;
		}
		/* whole numbers: float products around the mean round, so that ties may differ; few do */
		assert_true(fabs(found.score - top1 / queries) < 0.05);
		assert_true(fabs(found.recall10 - top10 / queries) < 0.1);
		assert_true(fabs(found.mrr - mrr / queries) < 0.05);
		unit_env_done(&u);
	}
}

/* No row of a held-out constraint is in one that is learned from, where a split promises that. */
static void
check_split(LearnEnv *env, const Constraints *constraints, ConstraintShared shared, bool rows_apart)
{
	ConstraintSplitter splitter;
	int			size = constraint_size(constraints->kind);
	int64_t		held_in_all = 0;

	assert_int_equal(constraint_splitter(env, constraints, constraints->n, &splitter), LEARN_OK);
	assert_int_equal(splitter.shared, shared);
	assert_int_equal(splitter.rows_apart, rows_apart);
	for (int fold = 0; fold < 5; fold++)
	{
		Split		split;
		bool	   *learned = arena_alloc_zero(env->arena, constraints->rows->n, sizeof(bool));

		assert_int_equal(constraint_split(env, constraints, &splitter, &(SplitPlan) {false, 5, fold, 0.2, 1000000, 7}, &split), LEARN_OK);
		assert_true(split.n_train > 0);
		assert_true(split.n_held > 0);
		held_in_all += split.n_held;
		for (int64_t i = 0; i < split.n_train; i++)
			for (int k = 0; k < size; k++)
				learned[constraints->row[split.train[i] * size + k]] = true;
		for (int64_t i = 0; i < split.n_held; i++)
			for (int k = 0; k < (shared == SHARED_OTHERS ? 1 : shared == SHARED_ROWS ? 0 : size); k++)
				assert_false(learned[constraints->row[split.held[i] * size + k]]);
	}
	if (!rows_apart)
		assert_int_equal(held_in_all, constraints->n);	/* each once */
}

static void
test_splits(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Constraints		constraints;
	int64_t    *row;

	start_env(&u);
	data = coarse_rows(&u.env, 400, 9, 1);

	/* pairs of rows of one group of ten */
	constraints = random_constraints(&u.env, CONSTRAINT_PAIRS, &data->rows, 1000, false, 1);
	row = (int64_t *) constraints.row;
	for (int i = 0; i < 1000; i++)
		row[2 * i + 1] = row[2 * i] / 10 * 10 + row[2 * i + 1] % 10;
	check_split(&u.env, &constraints, SHARED_NOTHING, false);

	/* any pairs: by row where there are many, by the first row where there are few */
	constraints = random_constraints(&u.env, CONSTRAINT_PAIRS, &data->rows, 5000, false, 2);
	check_split(&u.env, &constraints, SHARED_NOTHING, true);
	constraints = random_constraints(&u.env, CONSTRAINT_PAIRS, &data->rows, 1000, false, 3);
	check_split(&u.env, &constraints, SHARED_OTHERS, false);
	constraints = random_constraints(&u.env, CONSTRAINT_TRIPLETS, &data->rows, 3000, false, 4);
	check_split(&u.env, &constraints, SHARED_OTHERS, false);

	/* one anchor for all */
	row = (int64_t *) constraints.row;
	for (int i = 0; i < 3000; i++)
		row[3 * i] = 0;
	check_split(&u.env, &constraints, SHARED_ROWS, false);
	unit_env_done(&u);
}

/* Places of a batch of matches: the diagonal, what is known to match, the same row; all else is negative. */
static void
test_known(void **state)
{
	for (int seed = 0; seed < 10; seed++)
	{
		UnitEnv		u;
		Dataset    *data;
		Dataset    *other;
		Constraints		constraints;
		Known	   *known;
		int			n = 24;
		int64_t		a[24];
		int64_t		b[24];
		int8_t		relation[24 * 24];
		int8_t		turned[24 * 24];
		bool		two = seed % 2;

		start_env(&u);
		data = coarse_rows(&u.env, 20, 4, seed);
		other = coarse_rows(&u.env, 20, 6, seed);
		constraints = random_constraints(&u.env, CONSTRAINT_MATCHES, &data->rows, 60, false, seed);
		if (two)
			constraints.rows_b = &other->rows;
		assert_int_equal(known_create(&u.env, &constraints, n, &known), LEARN_OK);
		for (int batch = 0; batch < 2; batch++)
		{
			for (int i = 0; i < n; i++)
			{
				a[i] = constraints.row[2 * (batch * n + i)];
				b[i] = constraints.row[2 * (batch * n + i) + 1];
			}
			known_relate(known, a, b, n, relation, turned);
			for (int i = 0; i < n; i++)
				for (int j = 0; j < n; j++)
				{
					bool		match = !two && a[i] == b[j];

					for (int m = 0; m < constraints.n; m++)
						match = match || (constraints.row[2 * m] == a[i] && constraints.row[2 * m + 1] == b[j]) ||
							(!two && constraints.row[2 * m] == b[j] && constraints.row[2 * m + 1] == a[i]);
					assert_int_equal(relation[i * n + j], i == j ? RELATION_POSITIVE : match ? RELATION_NONE : RELATION_NEGATIVE);
					assert_int_equal(turned[j * n + i], relation[i * n + j]);
				}
		}
		unit_env_done(&u);
	}
}

/* Rows of which two columns tell what is near; noise in the others. */
static Dataset *
noisy_rows(LearnEnv *env, int n, int d, uint64_t seed)
{
	float	   *x = arena_alloc(env->arena, (size_t) n * d, sizeof(float));
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n * d; i++)
		x[i] = (float) rng_normal(&rng) * (i % d < 2 ? 1 : 3);
	return dataset_make(env, x, NULL, n, d, 0);
}

/* Make what is given true of the first two columns. */
static void
make_true(const Dataset *data, Constraints *constraints)
{
	int64_t    *row = (int64_t *) constraints->row;
	int			d = data->rows.d;

	for (int64_t i = 0; i < constraints->n; i++)
	{
		int64_t    *r = row + i * constraint_size(constraints->kind);
		double		near = hypot(data->x[r[0] * d] - data->x[r[1] * d], data->x[r[0] * d + 1] - data->x[r[1] * d + 1]);

		if (constraints->kind == CONSTRAINT_PAIRS)
			((int32_t *) constraints->label)[i] = near < 1;
		else
		{
			int64_t		c = constraints->kind == CONSTRAINT_TRIPLETS ? r[0] : r[2];
			int64_t    *last = constraints->kind == CONSTRAINT_TRIPLETS ? &r[2] : &r[3];
			double		far = hypot(data->x[c * d] - data->x[*last * d], data->x[c * d + 1] - data->x[*last * d + 1]);

			if (far < near && constraints->kind == CONSTRAINT_TRIPLETS)
			{
				int64_t		swap = r[1];

				r[1] = *last;
				*last = swap;
			}
			else if (far < near)
			{
				int64_t		swap[2] = {r[0], r[1]};

				r[0] = r[2];
				r[1] = r[3];
				r[2] = swap[0];
				r[3] = swap[1];
			}
		}
	}
}

static void
test_training(void **state)
{
	static const char *const method[] = {"contrastive", "triplet", "quadruplet"};

	for (int kind = CONSTRAINT_PAIRS; kind <= CONSTRAINT_QUADRUPLETS; kind++)
		for (int by_auto = 0; by_auto < 2; by_auto++)
		{
			TrainResult result[2];
			void	   *blob[2];
			size_t		size[2];
			UnitEnv		u[2];

			/* twice: the same bits */
			for (int i = 0; i < 2; i++)
			{
				Dataset    *data;
				Constraints		constraints;
				TrainOptions options;

				start_env(&u[i]);
				data = noisy_rows(&u[i].env, 120, 6, kind);
				constraints = random_constraints(&u[i].env, (ConstraintKind) kind, &data->rows, 800, false, kind);
				make_true(data, &constraints);
				options_init(&options);
				options.seed = 3;
				options.epochs = 12;
				options.time_limit = by_auto ? 1000 : 0;
				if (!by_auto)
					assert_int_equal(options_set_method(&u[i].env, &options, method[kind], constraint_name((ConstraintKind) kind)), LEARN_OK);
				snprintf(options.network, sizeof(options.network), "6, raw");
				assert_int_equal(train_constraints(&u[i].env, &constraints, &options, &result[i]), LEARN_OK);
				assert_true(result[i].score_model > result[i].score_none + 0.1);
				assert_int_equal(model_save(&u[i].env, result[i].model, &blob[i], &size[i]), LEARN_OK);
			}
			assert_int_equal(size[0], size[1]);
			assert_memory_equal(blob[0], blob[1], size[0]);
			unit_env_done(&u[0]);
			unit_env_done(&u[1]);
		}
}

/* Constraints that are drawn by lot say nothing: auto learns nothing from them. */
static void
test_nothing_to_learn(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Constraints		constraints;
	TrainOptions options;
	TrainResult result;

	start_env(&u);
	data = noisy_rows(&u.env, 100, 4, 9);
	constraints = random_constraints(&u.env, CONSTRAINT_TRIPLETS, &data->rows, 400, false, 9);
	options_init(&options);
	options.epochs = 3;
	assert_int_equal(train_constraints(&u.env, &constraints, &options, &result), LEARN_OK);
	assert_true(result.score_model >= result.score_none);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constraint_scores),
		cmocka_unit_test(test_search_scores),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_training),
		cmocka_unit_test(test_nothing_to_learn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
