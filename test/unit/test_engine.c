/*
 * test_engine.c
 *	  What the engine of training promises for every learner: an honest figure, a time limit that is kept, candidates
 *	  that fail alone, and no learning where there is nothing to learn.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataset.h"
#include "embedding.h"
#include "base/rng.h"
#include "learn/measure/metrics.h"
#include "learn/train/train.h"
#include "learn/train/trainer.h"
#include "learn/train/tune.h"
#include "unit_env.h"

static void
start_env(UnitEnv *unit)
{
	unit_env_init(unit);
	unit->env.now = unit_clock;
}

static void
use_method(UnitEnv *unit, TrainOptions *options, const char *method)
{
	options_init(options);
	assert_int_equal(options_set_method(&unit->env, options, method, NULL), LEARN_OK);
}

/* n rows of d columns drawn from a normal distribution, with labels (or NULL) drawn from classes. */
static Dataset *
noise(LearnEnv *env, int n, int d, int classes, uint64_t seed)
{
	float	   *x = arena_alloc(env->arena, (size_t) n * d, sizeof(float));
	int32_t    *label = arena_alloc(env->arena, (size_t) n, sizeof(int32_t));
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n * d; i++)
		x[i] = (float) rng_normal(&rng);
	for (int i = 0; i < n; i++)
		label[i] = (int32_t) rng_below(&rng, classes);
	return dataset_make(env, x, label, n, d, classes);
}

/* The pairs (2i, 2i + 1) of a table, the same as the label of their first row says: 0 or 1. */
static Constraints
pairs_of(LearnEnv *env, const Dataset *data)
{
	int64_t		n = data->rows.n / 2;
	int64_t    *row = arena_alloc(env->arena, (size_t) (2 * n), sizeof(int64_t));
	int32_t    *same = arena_alloc(env->arena, (size_t) n, sizeof(int32_t));
	Constraints constraints = {CONSTRAINT_PAIRS, &data->rows, &data->rows, n, row, same};

	for (int64_t i = 0; i < n; i++)
	{
		row[2 * i] = 2 * i;
		row[2 * i + 1] = 2 * i + 1;
		same[i] = data->rows.label[2 * i];
	}
	return constraints;
}

/* ---------- nothing to learn ---------- */

#define DRAWS	20

/* Labels, or what is the same, drawn by lot: auto keeps no learning in 18 of 20 tables at least. */
static void
test_nothing_to_learn(void **state)
{
	for (int by_pairs = 0; by_pairs < 2; by_pairs++)
	{
		int			kept = 0;	/* something learned */

		for (int draw = 1; draw <= DRAWS; draw++)
		{
			UnitEnv		unit;
			TrainOptions options;
			TrainResult result;
			Dataset    *data;

			start_env(&unit);
			use_method(&unit, &options, "auto");
			options.epochs = 3;
			options.time_limit = 1000;
			data = noise(&unit.env, by_pairs ? 800 : 400, 8, 2, draw);
			if (by_pairs)
			{
				Constraints constraints = pairs_of(&unit.env, data);

				ASSERT_OK(&unit, train_constraints(&unit.env, &constraints, &options, &result));
			}
			else
				ASSERT_OK(&unit, train_model(&unit.env, &data->rows, &options, &result));
			kept += result.method != NULL;
			if (result.method == NULL)
				assert_true(result.score_model == result.score_none);
			unit_env_done(&unit);
		}
		assert_in_range(kept, 0, DRAWS - 18);
	}
}

/* ---------- the figure that is reported ---------- */

/*
 * A trainer with n_folds splits of 40 items each, and candidates whose scores are drawn: all are worth the same, and
 * the best one is so by chance.
 */
static void
test_reported_figure(void **state)
{
	double		won = 0;
	double		reported = 0;
	int			count = 0;

	for (int draw = 0; draw < 300; draw++)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result = {0};
		Trainer		t = {.n_splits = 5, .folds = 5, .n = 200, .options = &options, .result = &result};
		Rows		rows = {.n = 200, .d = 4};
		Candidate	candidate[8];
		Rng			rng;
		int			winner;
		double		score;
		double		map_r;

		start_env(&unit);
		options_init(&options);
		rng_seed(&rng, draw, 0);
		t.env = &unit.env;
		t.rows = &rows;
		t.none = &candidate[0];
		for (int f = 0; f < 5; f++)
		{
			t.weight[f] = t.split[f].n_held = 40;
			t.split[f].held = arena_alloc(unit.env.arena, 40, sizeof(int64_t));
			for (int q = 0; q < 40; q++)
				t.split[f].held[q] = 40 * f + q;
		}
		ASSERT_OK(&unit, trainer_keep_each(&t));
		for (int c = 0; c < 8; c++)
		{
			candidate_init(&candidate[c], c == 0 ? NULL : method_by_name("lda"));
			candidate[c].judged = 5;
			candidate[c].score = 0;
			for (int f = 0; f < 5; f++)
			{
				candidate[c].each[f] = arena_alloc(unit.env.arena, 40, sizeof(QueryScore));
				candidate[c].fold[f] = 0;
				for (int q = 0; q < 40; q++)
				{
					/* no learning is right in half of the items, all others in 0.8 */
					float		right = rng_uniform(&rng) < (c == 0 ? 0.5 : 0.8);

					candidate[c].each[f][q] = (QueryScore) {right, NAN};
					candidate[c].fold[f] += right / 40;
				}
				candidate[c].score += candidate[c].fold[f] / 5;
			}
		}
		winner = choose(&t, candidate, 8, 8);
		assert_true(winner > 0);
		for (int c = 1; c < 8; c++)
			if (candidate[c].score > candidate[winner].score)
				winner = c;
		choose_report(&t, candidate, 8, 8, winner, &score, &map_r);
		won += candidate[winner].score;
		reported += score;
		count++;
		unit_env_done(&unit);
	}
	assert_true(won / count > 0.82);
	assert_true(fabs(reported / count - 0.8) < 0.006);
}

/* ---------- time ---------- */

/* recall@1 of the rows of test among those of train. */
static double
recall_of(LearnEnv *env, const Model *model, const Dataset *train, const Dataset *test)
{
	Retrieval	found;

	RetrievalTask task = {model_out(model), test->rows.n, embedding_of(env, model, test), test->rows.label,
	train->rows.n, embedding_of(env, model, train), train->rows.label, false, 0};

	assert_int_equal(metrics_retrieval(env, &task, NULL, &found), LEARN_OK);
	return found.recall[0];
}

/* Every second row, from first on. */
static Dataset *
half_of(LearnEnv *env, const Dataset *all, int first)
{
	int			d = all->rows.d;
	float	   *x = arena_alloc(env->arena, (size_t) all->rows.n * d, sizeof(float));
	int32_t    *label = arena_alloc(env->arena, (size_t) all->rows.n, sizeof(int32_t));
	int64_t		n = 0;

	for (int64_t i = first; i < all->rows.n; i += 2, n++)
	{
		memcpy(x + n * d, all->x + i * d, d * sizeof(float));
		label[n] = all->rows.label[i];
	}
	return dataset_make(env, x, label, n, d, all->rows.n_classes);
}

static double ticks;
static double tick;

/* LearnEnv.now: so many seconds go by with each look. */
static double
ticking_clock(void *ctx)
{
	return ticks += tick;
}

/*
 * A named method whose time is up: the model that is kept is the one whose score is reported, whatever the time
 * allows for.  By a clock that ticks with each step, from far too little time to enough.
 */
static void
test_time_limit(void **state)
{
	static const char *const methods[] = {"margin", "supcon"};

	for (int m = 0; m < 2; m++)
		for (double share = 0.03; share < 3; share *= 3)
		{
			UnitEnv		unit;
			TrainOptions options;
			TrainResult result;
			Dataset    *digits;
			Dataset    *train;
			Dataset    *test;

			start_env(&unit);
			unit.env.now = ticking_clock;
			ticks = 0;
			tick = 0.001;
			digits = dataset_load(&unit.env, "digits", 1);
			train = half_of(&unit.env, digits, 0);
			test = half_of(&unit.env, digits, 1);
			use_method(&unit, &options, methods[m]);
			options.epochs = 30;
			options.time_limit = share;
			ASSERT_OK(&unit, train_model(&unit.env, &train->rows, &options, &result));
			assert_true(fabs(result.score_model - recall_of(&unit.env, result.model, train, test)) < 0.035);
			assert_true(ticks < share + 0.1);
			unit_env_done(&unit);
		}
}

/* The longest time that a report said is left. */
static double most_left;
static double reported_at;

static void
watch_report(void *ctx, const LearnReport *report)
{
	if (!isnan(report->seconds_left))
	{
		most_left = fmax(most_left, report->seconds_left);
		reported_at = ticks;
	}
}

static void
test_seconds_left(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;

	start_env(&unit);
	unit.env.now = ticking_clock;
	unit.env.report = watch_report;
	ticks = most_left = 0;
	tick = 0.01;
	use_method(&unit, &options, "supcon");
	options.epochs = 100000;
	options.patience = 0;
	options.time_limit = 5;
	ASSERT_OK(&unit, train_model(&unit.env, &dataset_load(&unit.env, "iris", 1)->rows, &options, &result));
	assert_true(reported_at > 0);
	assert_true(most_left <= 5);
	unit_env_done(&unit);
}

/* ---------- little to judge by ---------- */

/* 12 pairs of 12,412 are the same: any seed learns, and has a score. */
static void
test_few_positives(void **state)
{
	for (int seed = 0; seed < 10; seed++)
		for (int by_auto = 0; by_auto < 2; by_auto++)
		{
			UnitEnv		unit;
			TrainOptions options;
			TrainResult result;
			Dataset    *data;
			Constraints constraints;
			int			same = 0;

			start_env(&unit);
			data = noise(&unit.env, 2 * 12412, 3, 2, 7);
			for (int64_t i = 0; i < data->rows.n; i += 2)
			{
				int32_t    *label = (int32_t *) data->rows.label;
				float	   *x = (float *) data->x;

				label[i] = i % 2000 == 0 && same < 12;
				same += label[i];
				if (label[i])
					memcpy(x + 3 * (i + 1), x + 3 * i, 2 * sizeof(float));
			}
			constraints = pairs_of(&unit.env, data);
			use_method(&unit, &options, by_auto ? "auto" : "itml");
			options.seed = seed;
			options.epochs = 1;
			options.time_limit = 1000;
			ASSERT_OK(&unit, train_constraints(&unit.env, &constraints, &options, &result));
			assert_false(isnan(result.score_model));
			assert_false(isnan(result.score_none));
			unit_env_done(&unit);
		}
}

/* Two pairs that are the same, which are one group: nothing can be judged, and that is said. */
static void
test_nothing_to_judge(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	Dataset    *data;
	Constraints constraints;

	start_env(&unit);
	data = noise(&unit.env, 80, 3, 2, 7);
	for (int64_t i = 0; i < 80; i++)
		((int32_t *) data->rows.label)[i] = i == 0;
	constraints = pairs_of(&unit.env, data);
	use_method(&unit, &options, "itml");
	ASSERT_OK(&unit, train_constraints(&unit.env, &constraints, &options, &result));
	assert_true(isnan(result.score_model));
	assert_non_null(strstr(result.reason, "no held-out score"));
	assert_non_null(strstr(unit.notice, "no held-out score"));
	unit_env_done(&unit);
}

/* The hold-out does not take the only class of two rows; what needs a class of two rows learns from it. */
static void
test_one_class_of_two(void **state)
{
	static const char *const methods[] = {"lda", "rca", "lfda", "lmnn", "nca_linear", "itml", "mmc", "sdml", "lsml", "scml"};

	for (int m = 0; m < 10; m++)
		for (int seed = 0; seed < 8; seed++)
		{
			UnitEnv		unit;
			TrainOptions options;
			TrainResult result;
			Dataset    *data;
			LearnStatus status;

			start_env(&unit);
			data = noise(&unit.env, 9, 2, 8, 3);
			for (int i = 0; i < 9; i++)
				((int32_t *) data->rows.label)[i] = i < 2 ? 0 : i - 1;
			use_method(&unit, &options, methods[m]);
			options.seed = seed;
			status = train_model(&unit.env, &data->rows, &options, &result);
			/* what all rows do not allow is another thing, and what is said is true */
			if (status != LEARN_OK)
			{
				options.validation = 0;
				assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), status);
				assert_null(strstr(unit.env.message, "each class has one"));
			}
			unit_env_done(&unit);
		}
}

/* ---------- memory ---------- */

/* Where a candidate does not fit, auto goes on with those that fit, and says which one did not. */
static void
test_memory(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	Dataset    *data;
	int			left_out = 0;

	start_env(&unit);
	data = noise(&unit.env, 6000, 16, 1500, 3);
	/* proxies of 1,500 classes are too many, and other losses are not */
	unit.env.arena->limit = unit.env.arena->taken + ((size_t) 14 << 20);
	use_method(&unit, &options, "auto");
	options.epochs = 1;
	snprintf(options.network, sizeof(options.network), "64");
	ASSERT_OK(&unit, train_model(&unit.env, &data->rows, &options, &result));
	for (int i = 0; i < result.n_candidates; i++)
		left_out += strstr(result.candidates[i].note, "left out: not enough memory") != NULL;
	assert_true(left_out > 0);
	unit_env_done(&unit);
}

/* Rows so wide that a gallery of them does not fit: a smaller one judges. */
static void
test_wide_rows(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	Dataset    *data;

	start_env(&unit);
	data = noise(&unit.env, 5000, 3000, 4, 3);
	unit.env.arena->limit = unit.env.arena->taken + ((size_t) 40 << 20);
	use_method(&unit, &options, "auto");
	options.epochs = 1;
	ASSERT_OK(&unit, train_model(&unit.env, &data->rows, &options, &result));
	assert_false(isnan(result.score_none));
	unit_env_done(&unit);
}

/* ---------- judging ---------- */

/* With as many classes as rows of the gallery, most held-out rows have a row of their class to find. */
static void
test_many_classes(void **state)
{
	UnitEnv		unit;
	Dataset    *data;
	Split		split;
	HeldOut		held_out;
	bool	   *found;
	int			mates = 0;

	start_env(&unit);
	data = noise(&unit.env, 60000, 2, 20000, 5);
	ASSERT_OK(&unit, split_make(&unit.env, &data->rows, &(SplitPlan) {false, 1, 0, 0.02, 3000, 0}, &split));
	ASSERT_OK(&unit, held_out_create(&unit.env, &data->rows, false, &split, 2000, 20000, 0, &held_out));
	assert_in_range(held_out.n_gallery, 2000, 20000);
	found = arena_alloc_zero(unit.env.arena, 20000, sizeof(bool));
	for (int64_t i = 0; i < held_out.n_gallery; i++)
	{
		found[data->rows.label[held_out.gallery[i]]] = true;
		assert_true(i == 0 || held_out.gallery[i] > held_out.gallery[i - 1]);
	}
	for (int64_t i = 0; i < held_out.n_query; i++)
		mates += found[data->rows.label[held_out.query[i]]];
	assert_true(held_out.n_query > 500);
	assert_true(mates == held_out.n_query);	/* every class keeps a row to learn from */
	unit_env_done(&unit);
}

/* What a candidate that was given up is held against are the folds that it was judged in. */
static void
test_same_folds(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	int			given_up = 0;

	start_env(&unit);
	use_method(&unit, &options, "auto");
	options.epochs = 3;
	options.time_limit = 1000;
	ASSERT_OK(&unit, train_model(&unit.env, &dataset_load(&unit.env, "wine", 1)->rows, &options, &result));
	for (int i = 0; i < result.n_candidates; i++)
	{
		const CandidateRecord *c = &result.candidates[i];

		if (isnan(c->validation))
			continue;
		assert_in_range(c->judged, 1, c->folds);
		assert_false(isnan(c->without_learning));
		if (c->judged == c->folds)
			assert_true(fabs(c->without_learning - result.score_none) < 1e-9);
		else
			given_up++;
	}
	assert_true(given_up > 0);
	unit_env_done(&unit);
}

/* A large table is sampled for the trials, so that several are tried; the text says how many. */
static void
test_tune_large(void **state)
{
	for (int late = 0; late < 2; late++)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainOptions chosen;
		TunePlan	plan = {.trials = 2, .folds = 2};
		TrainResult result;
		Dataset    *data;
		int			trials = 0;

		start_env(&unit);
		unit.env.now = ticking_clock;
		ticks = 0;
		tick = 0.01;
		data = noise(&unit.env, 42000, 4, 3, 5);
		for (int64_t i = 0; i < data->rows.n; i++)
			((float *) data->x)[4 * i] += 3.0f * (float) data->rows.label[i];
		use_method(&unit, &options, "supcon");
		options.epochs = 2;
		options.time_limit = late ? 3 : 60;
		ASSERT_OK(&unit, tune_default(&unit.env, &options, &plan));
		ASSERT_OK(&unit, tune_model(&unit.env, &data->rows, &options, &plan, &result, &chosen));
		for (int i = 0; i < result.n_candidates; i++)
			trials += result.candidates[i].rung == 1;
		if (late)
			assert_non_null(strstr(result.reason, "1 tried of 2"));
		else
		{
			assert_true(trials == 2);
			assert_non_null(strstr(result.reason, "trials learned from"));
		}
		unit_env_done(&unit);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_learn),
		cmocka_unit_test(test_reported_figure),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_seconds_left),
		cmocka_unit_test(test_few_positives),
		cmocka_unit_test(test_nothing_to_judge),
		cmocka_unit_test(test_one_class_of_two),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_wide_rows),
		cmocka_unit_test(test_many_classes),
		cmocka_unit_test(test_same_folds),
		cmocka_unit_test(test_tune_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
