/*
 * test_train.c
 *	  What training promises whatever the data: never worse than no learning on what it has
 *	  not seen, the same model for the same seed, an end when it is told to stop.
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
#include "base/blas.h"
#include "learn/fit/fit_loop.h"
#include "learn/measure/metrics.h"
#include "base/rng.h"
#include "learn/data/split.h"
#include "learn/train/train.h"
#include "learn/train/trainer.h"
#include "unit_env.h"

static void
start_env(UnitEnv *unit)
{
	unit_env_init(unit);
	unit->env.now = unit_clock;
}

/* Rows of the classes from to to - 1, renumbered from 0; every stride-th. */
static Dataset *
classes_of(LearnEnv *env, const Dataset *all, int from, int to, int stride)
{
	int			d = all->rows.d;
	float	   *x = arena_alloc(env->arena, (size_t) all->rows.n * d, sizeof(float));
	int32_t    *label = arena_alloc(env->arena, (size_t) all->rows.n, sizeof(int32_t));
	int64_t		n = 0;
	int64_t		seen = 0;

	for (int64_t i = 0; i < all->rows.n; i++)
		if (all->rows.label[i] >= from && all->rows.label[i] < to && seen++ % stride == 0)
		{
			memcpy(x + n * d, all->x + i * d, d * sizeof(float));
			label[n++] = all->rows.label[i] - from;
		}
	return dataset_make(env, x, label, n, d, to - from);
}

/* Classes that few of the columns tell apart, among columns of noise that is larger. */
static Dataset *
hidden_classes(LearnEnv *env, int classes, int per_class, int telling, int d, uint64_t seed)
{
	int			n = classes * per_class;
	float	   *x = arena_alloc(env->arena, (size_t) n * d, sizeof(float));
	int32_t    *label = arena_alloc(env->arena, (size_t) n, sizeof(int32_t));
	float	   *mean = arena_alloc(env->arena, (size_t) classes * telling, sizeof(float));
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < classes * telling; i++)
		mean[i] = (float) rng_normal(&rng);
	for (int i = 0; i < n; i++)
	{
		label[i] = i % classes;
		for (int j = 0; j < d; j++)
			x[i * d + j] = j < telling ? mean[label[i] * telling + j] + 0.3f * (float) rng_normal(&rng)
				: 4 * (float) rng_normal(&rng);
	}
	return dataset_make(env, x, label, n, d, classes);
}

/* MAP@R of rows under a model, or as they are. */
static double
map_at_r(LearnEnv *env, const Dataset *data, const Model *model)
{
	int			out = model ? model_out(model) : data->rows.d;
	const float *z = data->x;
	Retrieval	found;

	if (model)
	{
		float	   *embedded = arena_alloc(env->arena, (size_t) data->rows.n * out, sizeof(float));
		float	   *scratch = arena_alloc(env->arena, model_scratch(model, (int) data->rows.n), sizeof(float));

		model_embed(model, data->x, (int) data->rows.n, embedded, scratch, NULL);
		z = embedded;
	}
	assert_int_equal(metrics_retrieval(env, &(RetrievalTask) {out, data->rows.n, z, data->rows.label, data->rows.n, z, data->rows.label,
									   true, 1}, NULL, &found), LEARN_OK);
	return found.map_r;
}

static void
options_for(TrainOptions *options, const char *method, bool open_set, int epochs)
{
	options_init(options);
	options->method = method_by_name(method);
	options->open_set = open_set;
	options->epochs = epochs;
}

/*
 * Digits are where metric learning fails quietly: on classes that it has not seen every method
 * is worse than no learning.  Then no learning is what auto returns.
 */
static void
test_unseen_classes_not_worse(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	Dataset    *digits;

	start_env(&unit);
	digits = dataset_load(&unit.env, "digits", 1);
	for (int half = 0; half < 2; half++)
	{
		Dataset    *seen = classes_of(&unit.env, digits, half * 5, half * 5 + 5, 2);
		Dataset    *unseen = classes_of(&unit.env, digits, 5 - half * 5, 10 - half * 5, 2);

		options_for(&options, "auto", true, 10);
		assert_int_equal(train_model(&unit.env, &seen->rows, &options, &result), LEARN_OK);
		assert_true(map_at_r(&unit.env, unseen, result.model) >= map_at_r(&unit.env, unseen, NULL) - 1e-6);
		assert_true(result.score_model >= result.score_none);
	}
	unit_env_done(&unit);
}

/* Where learning helps unseen classes, it is not refused. */
static void
test_unseen_classes_better(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	Dataset    *all;
	Dataset    *unseen;

	start_env(&unit);
	all = hidden_classes(&unit.env, 24, 30, 6, 24, 7);
	unseen = classes_of(&unit.env, all, 12, 24, 1);
	options_for(&options, "auto", true, 4);
	assert_int_equal(train_model(&unit.env, &classes_of(&unit.env, all, 0, 12, 1)->rows, &options, &result), LEARN_OK);
	assert_non_null(result.method);
	assert_true(map_at_r(&unit.env, unseen, NULL) < 0.15);
	assert_true(map_at_r(&unit.env, unseen, result.model) > 0.6);
	unit_env_done(&unit);
}

/* The closed set: at least as good as no learning and as whitening, on the rows that judged. */
static void
test_auto_not_worse(void **state)
{
	static const char *const names[] = {"iris", "wine", "breast_cancer"};
	UnitEnv		unit;

	start_env(&unit);
	for (int i = 0; i < 3; i++)
	{
		TrainOptions options;
		TrainResult result;
		Dataset    *data = dataset_load(&unit.env, names[i], 1);

		options_for(&options, "auto", false, 10);
		assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
		assert_true(result.score_model >= result.score_none);
		assert_true(isnan(result.score_whiten) || result.score_model >= result.score_whiten);
		assert_true(result.n_candidates >= 4);
		assert_string_not_equal(result.reason, "");
	}
	unit_env_done(&unit);
}

/* Same seed, same bits; another seed, another model. */
static void
test_reproducible(void **state)
{
	UnitEnv		unit;
	Dataset    *data;
	float	   *z[3];

	start_env(&unit);
	data = dataset_load(&unit.env, "wine", 1);
	for (int i = 0; i < 3; i++)
	{
		TrainOptions options;
		TrainResult result;
		float	   *scratch;

		options_for(&options, "supcon", false, 5);
		options.seed = i == 2;
		assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
		z[i] = arena_alloc(unit.env.arena, (size_t) data->rows.n * result.dims, sizeof(float));
		scratch = arena_alloc(unit.env.arena, model_scratch(result.model, (int) data->rows.n), sizeof(float));
		model_embed(result.model, data->x, (int) data->rows.n, z[i], scratch, NULL);
		if (i > 0)
			assert_int_equal(memcmp(z[0], z[i], data->rows.n * result.dims * sizeof(float)) == 0, i == 1);
	}
	unit_env_done(&unit);
}

/* Early stopping: of the epochs that were measured the kept weights are those of a best one. */
static void
test_best_weights(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	Dataset    *data;
	double		best = 0;

	start_env(&unit);
	data = dataset_load(&unit.env, "digits", 3);
	options_for(&options, "supcon", false, 8);
	options.refit = 0;
	assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
	assert_true(result.n_history >= 1);
	for (int e = 0; e < result.n_history; e++)
		best = fmax(best, result.history[e].validation);
	assert_true(result.score_model == best);
	unit_env_done(&unit);
}

/* Stopped at any poll: a status, and no memory left behind. */
static void
test_cancel(void **state)
{
	for (int at = 1; at < 400; at = at * 2 + 1)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result;
		Dataset    *data;

		start_env(&unit);
		data = dataset_load(&unit.env, "iris", 1);
		unit.polls = 0;
		unit.cancel_at = at;
		options_for(&options, "auto", false, 3);
		assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_CANCELLED);
		unit_env_done(&unit);
	}
}

/* Folds of classes: disjoint from what is learned from, every class held out in one fold of a partition. */
static void
test_class_folds(void **state)
{
	UnitEnv		unit;
	Dataset    *data;
	int			held[2][10] = {{0}};

	start_env(&unit);
	data = dataset_load(&unit.env, "digits", 5);
	for (int fold = 0; fold < 10; fold++)
	{
		Split		split;
		bool		out[10] = {false};
		int			n_out = 0;

		assert_int_equal(split_make(&unit.env, &data->rows, &(SplitPlan) {true, 5, fold, 0.3, 3000, 4}, &split), LEARN_OK);
		for (int64_t i = 0; i < split.n_held; i++)
			out[data->rows.label[split.held[i]]] = true;
		for (int64_t i = 0; i < split.n_train; i++)
			assert_false(out[data->rows.label[split.train[i]]]);
		assert_int_equal(split.n_held + split.n_train, data->rows.n);
		for (int c = 0; c < 10; c++)
		{
			n_out += out[c];
			held[fold / 5][c] += out[c];
		}
		assert_int_equal(n_out, 2);
	}
	for (int c = 0; c < 10; c++)
		assert_true(held[0][c] == 1 && held[1][c] == 1);
	unit_env_done(&unit);
}

static void
test_bad_data(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	const float x[] = {1, 2, 3, 4};
	const int32_t one_class[] = {0, 0, 0, 0};
	const int32_t all_alone[] = {0, 1, 2, 3};

	start_env(&unit);
	options_for(&options, "auto", false, 0);
	assert_int_equal(train_model(&unit.env, &dataset_make(&unit.env, x, one_class, 4, 1, 1)->rows, &options, &result), LEARN_DATA);
	assert_non_null(strstr(unit.env.message, "same label"));
	assert_int_equal(train_model(&unit.env, &dataset_make(&unit.env, x, all_alone, 4, 1, 4)->rows, &options, &result), LEARN_DATA);
	assert_non_null(strstr(unit.env.message, "one row only"));
	assert_int_equal(train_model(&unit.env, &dataset_make(&unit.env, x, one_class, 1, 1, 1)->rows, &options, &result), LEARN_DATA);
	assert_non_null(strstr(unit.env.message, "there is 1 row"));
	unit_env_done(&unit);
}

/* LearnEnv.now: time stands still, so that what is planned by arithmetic is all that counts. */
static double
no_time(void *ctx)
{
	return 0;
}

/* n rows around as many points as there are classes, class i % classes; or, blind, near duplicates in pairs, whose class is chance. */
static Dataset *
many_rows(LearnEnv *env, int n, int d, int classes, bool blind)
{
	float	   *x = arena_alloc(env->arena, (size_t) n * d, sizeof(float));
	int32_t    *label = arena_alloc(env->arena, n, sizeof(int32_t));
	Rng			rng;

	rng_seed(&rng, 11, 0);
	for (int i = 0; i < n; i++)
	{
		label[i] = blind && i % 2 ? label[i - 1] : (int32_t) rng_below(&rng, classes);
		for (int j = 0; j < d; j++)
			x[i * d + j] = blind && i % 2 ? x[(i - 1) * d + j] + 1e-3f * (float) rng_normal(&rng)
				: (float) (2 * rng_normal(&rng) + (blind ? 0 : 2 * sin(1.0 + (label[i] + 1) * (j + 1))));
	}
	return dataset_make(env, x, label, n, d, classes);
}

/* Many rows: losses in short runs on a sample, the best one then for longer; never below what is simpler. */
static void
test_auto_many(void **state)
{
	for (int blind = 0; blind < 2; blind++)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result[2];
		Dataset    *data;
		float	   *z[2];

		unit_env_init(&unit);
		unit.env.now = no_time;
		data = many_rows(&unit.env, 6000, 6, 4, blind);
		options_for(&options, "auto", false, 0);
		options.time_limit = 0.4;
		for (int i = 0; i < 2; i++)
		{
			assert_int_equal(train_model(&unit.env, &data->rows, &options, &result[i]), LEARN_OK);
			z[i] = embedding_of(&unit.env, result[i].model, data);
		}
		assert_true(result[0].score_model >= result[0].score_none);
		/* among candidates that differ by chance the simplest is kept */
		assert_true(result[0].score_model >= result[0].score_whiten - 0.02);
		assert_int_equal(result[0].dims, result[1].dims);
		assert_memory_equal(z[0], z[1], (size_t) data->rows.n * result[0].dims * sizeof(float));
		if (blind)
			assert_true(result[0].score_none > 0.8);
		else
		{
			const CandidateRecord *last = &result[0].candidates[result[0].n_candidates - 1];

			assert_non_null(result[0].method);
			assert_true(result[0].score_model > result[0].score_none);
			assert_non_null(strstr(last->note, "time that was left"));
			assert_non_null(strstr(last->settings, "average = "));
			assert_true(last->epochs > 1);
		}
		unit_env_done(&unit);
	}
}

/* LearnEnv.now: the time limit is over with the second look. */
static double
stopped_clock(void *ctx)
{
	static double seconds;

	return seconds += 1;
}

/* Many rows on a machine that takes all the time to read them: one loss is learned all the same, and is judged beside what is simpler. */
static void
test_auto_many_late(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	const CandidateRecord *last;
	Dataset    *data;

	unit_env_init(&unit);
	unit.env.now = stopped_clock;
	data = many_rows(&unit.env, 6000, 6, 4, false);
	options_for(&options, "auto", false, 0);
	options.time_limit = 4;
	assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
	assert_non_null(result.method);
	last = &result.candidates[result.n_candidates - 1];
	assert_string_equal(last->method, "proxy_nca");
	assert_true(last->validation > result.score_none);
	assert_non_null(strstr(last->note, "time that was left"));
	assert_non_null(strstr(result.reason, "ended the choice early"));
	unit_env_done(&unit);
}

/* What there is no time for is left out, and said to be. */
static void
test_auto_left_out(void **state)
{
	int			left[2] = {0};
	int			tried[2] = {0};

	for (int i = 0; i < 2; i++)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result;

		unit_env_init(&unit);
		unit.env.now = no_time;
		options_for(&options, "auto", false, 0);
		options.time_limit = i == 0 ? 0.05 : 20;
		assert_int_equal(train_model(&unit.env, &dataset_load(&unit.env, "iris", 1)->rows, &options, &result), LEARN_OK);
		for (int c = 0; c < result.n_candidates; c++)
		{
			bool		out = strstr(result.candidates[c].note, "left out") != NULL;

			left[i] += out;
			tried[i] += !out;
			assert_true(!out || isnan(result.candidates[c].validation));
		}
		assert_int_equal(strstr(result.reason, "left out for the time limit") != NULL, left[i] > 0);
		assert_true(result.score_model >= result.score_none - 0.03);	/* not worse by more than chance */
		unit_env_done(&unit);
	}
	assert_true(left[0] > left[1]);
	assert_true(tried[1] > tried[0]);
	assert_int_equal(left[0] + tried[0], left[1] + tried[1]);
}

/* How much more one candidate has than another: over rows, each the mean of the partitions that it was held out in. */
static void
test_gain(void **state)
{
	static int64_t query[4][2] = {{0, 1}, {2, 3}, {1, 3}, {0, 2}};
	static const float recall[2][4][2] = {
		{{1, 1}, {1, NAN}, {1, NAN}, {1, 1}},
		{{0, 1}, {1, NAN}, {0, NAN}, {0, 1}},
	};
	static QueryScore each[2][4][2];
	Rows		rows = {.n = 4};
	Trainer		t = {.rows = &rows, .n_splits = 4, .each = true, .n_compared = 4};
	double		compared[4];
	double		times[4];
	Candidate	candidate[2];
	Gain		gain;

	t.compared = compared;
	t.times = times;
	memset(candidate, 0, sizeof(candidate));
	for (int f = 0; f < 4; f++)
	{
		t.split[f].held = query[f];
		t.split[f].n_held = 2;
		for (int w = 0; w < 2; w++)
		{
			candidate[w].judged = 4;
			candidate[w].each[f] = each[w][f];
			for (int q = 0; q < 2; q++)
				each[w][f][q] = (QueryScore) {recall[w][f][q], recall[w][f][q]};
		}
	}
	/* rows 0, 1 and 2 differ by 1, 0.5 and 0, row 3 has no partner */
	gain = candidate_gain(&t, &candidate[0], &candidate[1], score_merit, -1);
	assert_true(fabs(gain.mean - 1.1 * 0.5) < 1e-6);
	assert_true(fabs(gain.error - 1.1 * sqrt(0.5 / 3 / 2)) < 1e-6);
	gain = candidate_gain(&t, &candidate[1], &candidate[0], score_merit, -1);
	assert_true(fabs(gain.mean + 1.1 * 0.5) < 1e-6);

	/* only what both were judged on */
	candidate[1].judged = 1;
	gain = candidate_gain(&t, &candidate[0], &candidate[1], score_merit, -1);
	assert_true(fabs(gain.mean - 1.1 * 0.5) < 1e-6);
	assert_true(fabs(gain.error - 1.1 * 0.5) < 1e-6);

	/* folds, where rows are not known one by one */
	t.each = false;
	candidate[1].judged = 4;
	for (int f = 0; f < 4; f++)
	{
		t.weight[f] = f < 2 ? 1 : 3;
		candidate[0].fold[f] = 0.5 + 0.1 * (f % 2);
		candidate[1].fold[f] = 0.5;
	}
	gain = candidate_gain(&t, &candidate[0], &candidate[1], score_merit, -1);
	assert_true(fabs(gain.mean - 0.05) < 1e-9);
	assert_true(fabs(gain.error - 0.05 / sqrt(3)) < 1e-9);
}

/* LearnEnv.now: a hundredth of a second goes by with each look. */
static double
hasty_clock(void *ctx)
{
	static double seconds;

	return seconds += 0.01;
}

/*
 * Handwritten digits: almost as many nearest rows are right without learning, or by a linear map, but a network brings all rows of a class
 * together, and that decides, as much time as there may be; a candidate that the clock cuts short is not one.
 */
static void
test_auto_digits(void **state)
{
	for (int hasty = 0; hasty < 2; hasty++)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result;
		Dataset    *all;
		Dataset    *seen;
		int			given_up = 0;

		start_env(&unit);
		all = dataset_load(&unit.env, "digits", 1);
		seen = classes_of(&unit.env, all, 0, 10, 3);
		options_for(&options, "auto", false, 20);
		options.time_limit = 1000;
		if (hasty)
		{
			/* enough for some candidates and not for all */
			unit.env.now = hasty_clock;
			options.time_limit = 40;
		}
		assert_int_equal(train_model(&unit.env, &seen->rows, &options, &result), LEARN_OK);
		assert_int_equal(strstr(result.reason, "ended the choice early") != NULL, hasty);
		assert_non_null(result.method);
		assert_int_equal(result.method->kind, METHOD_GRADIENT);
		assert_true(map_at_r(&unit.env, all, NULL) < 0.6);
		assert_true(map_at_r(&unit.env, all, result.model) > 0.8);
		for (int c = 0; c < result.n_candidates; c++)
		{
			given_up += strstr(result.candidates[c].note, "given up after") != NULL;
			if (strcmp(result.candidates[c].method, result.method_name) == 0 && strcmp(result.candidates[c].network, result.network) == 0)
				assert_string_equal(result.candidates[c].note, "");
		}
		assert_true(given_up > 0);
		unit_env_done(&unit);
	}
}

/* A linear map whose iterations the clock ends in one of the folds is not held against others by what it reached in the rest. */
static void
test_auto_linear_cut(void **state)
{
	UnitEnv		unit;
	TrainOptions options;
	TrainResult result;
	Dataset    *data;
	double	   *target;

	unit_env_init(&unit);
	unit.env.now = hasty_clock;
	data = many_rows(&unit.env, 300, 6, 4, false);
	target = arena_alloc(unit.env.arena, data->rows.n, sizeof(double));
	for (int64_t i = 0; i < data->rows.n; i++)
	{
		target[i] = data->rows.label[i];
		((int32_t *) data->rows.label)[i] = 0;
	}
	data->rows.target = target;
	data->rows.n_classes = 1;
	options_for(&options, "auto", false, 5);
	options.time_limit = 1;
	assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
	assert_string_equal(result.candidates[2].method, "mlkr");
	assert_non_null(strstr(result.candidates[2].note, "time was up"));
	assert_string_not_equal(result.method_name, "mlkr");
	assert_non_null(strstr(result.reason, "ended the choice early"));
	assert_null(strstr(result.reason, "mlkr"));
	unit_env_done(&unit);
}

/* FitTask.step of test_average: the weights after step n are what nobody would expect, but known. */
static LearnStatus
known_step(LearnEnv *env, void *ctx, double lr, double *loss)
{
	Net		   *net = ctx;

	for (size_t i = 0; i < net->n_params; i++)
		net->params[i] = 0.5f * net->params[i] + (float) (i % 3) + 1;
	*loss = 1;
	return LEARN_OK;
}

/* The score of test_average: the lower the first weight, the better. */
static LearnStatus
known_score(LearnEnv *env, void *ctx, HeldOutScore *found)
{
	*found = NO_SCORE;
	found->score = -((Net *) ctx)->params[0];
	return LEARN_OK;
}

/* The mean of the weights by its definition, kept at the end, or judged after each epoch while training goes on from the weights. */
static void
test_average(void **state)
{
	for (int judged = 0; judged < 2; judged++)
	{
		UnitEnv		unit;
		TrainOptions options;
		FitPlan		plan = {.epochs = 3, .stop_after = 3, .learning_rate = 1, .average = 0.9, .deadline = INFINITY};
		FitTask		task = {NULL, 20, {NULL, NULL}, known_step, 0, judged ? known_score : NULL};
		EpochRecord history[3];
		Fit			fit = {.history = history};
		NetSpec		spec;
		Net		   *net;
		double		weight = 0.25;
		double		mean = 0.25;

		start_env(&unit);
		options_init(&options);
		assert_int_equal(netspec_parse(&unit.env, "2, raw", 3, &spec), LEARN_OK);
		assert_int_equal(net_create(&unit.env, &spec, &net), LEARN_OK);
		for (size_t i = 0; i < net->n_params; i++)
			net->params[i] = 0.25f;
		task.ctx = net;
		task.net[0] = net;
		assert_int_equal(fit_loop(&unit.env, &options, &plan, &task, &fit), LEARN_OK);
		for (int n = 1; n <= 60; n++)
		{
			double		share = fmax(1 - 0.9, 10.0 / (10 + n));

			weight = 0.5 * weight + 1;
			mean += share * (weight - mean);
			if (judged && n % 20 == 0)
				assert_true(fabs(history[n / 20 - 1].validation + mean) < 1e-5);
			if (judged && n == 20)
				break;			/* the mean rises: the first epoch is the best */
		}
		assert_int_equal(fit.best_epoch, judged ? 1 : 3);
		assert_true(fabs(net->params[0] - mean) < 1e-5);
		unit_env_done(&unit);
	}
}

/* The scores of test_order: of epoch n, given in turn. */
typedef struct Scores
{
	Net		   *net;
	int			n;
	const HeldOutScore *found;
} Scores;

static LearnStatus
scores_step(LearnEnv *env, void *ctx, double lr, double *loss)
{
	Scores	   *scores = ctx;

	scores->net->params[0] = (float) (scores->n + 1);
	*loss = 1;
	return LEARN_OK;
}

static LearnStatus
scores_score(LearnEnv *env, void *ctx, HeldOutScore *found)
{
	Scores	   *scores = ctx;

	*found = scores->found[scores->n++];
	return LEARN_OK;
}

/* Equal recall@1: a later epoch with a higher MAP@R is better.  Much less recall@1 is worse, whatever MAP@R is. */
static void
test_order(void **state)
{
	static const HeldOutScore found[][4] = {
		{{0.98, 0.5, NAN, NAN}, {0.98, 0.7, NAN, NAN}, {0.98, 0.9, NAN, NAN}, {0.98, 0.8, NAN, NAN}},
		{{0.98, 0.5, NAN, NAN}, {0.90, 0.9, NAN, NAN}, {0.91, 0.9, NAN, NAN}, {0.92, 0.9, NAN, NAN}},
		{{0.5, NAN, NAN, NAN}, {0.6, NAN, NAN, NAN}, {0.4, NAN, NAN, NAN}, {0.6, NAN, NAN, NAN}},
	};
	static const int best[] = {3, 1, 4};

	for (int i = 0; i < 3; i++)
	{
		UnitEnv		unit;
		TrainOptions options;
		FitPlan		plan = {.epochs = 4, .stop_after = 4, .learning_rate = 1, .deadline = INFINITY};
		Scores		scores = {NULL, 0, found[i]};
		FitTask		task = {&scores, 1, {NULL, NULL}, scores_step, 0, scores_score};
		EpochRecord history[4];
		Fit			fit = {.history = history};
		NetSpec		spec;

		start_env(&unit);
		options_init(&options);
		assert_int_equal(netspec_parse(&unit.env, "2, raw", 3, &spec), LEARN_OK);
		assert_int_equal(net_create(&unit.env, &spec, &scores.net), LEARN_OK);
		task.net[0] = scores.net;
		assert_int_equal(fit_loop(&unit.env, &options, &plan, &task, &fit), LEARN_OK);
		assert_int_equal(fit.best_epoch, best[i]);
		assert_true(fit.score == found[i][best[i] - 1].score);
		assert_true(scores.net->params[0] == best[i]);
		unit_env_done(&unit);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unseen_classes_not_worse),
		cmocka_unit_test(test_unseen_classes_better),
		cmocka_unit_test(test_auto_not_worse),
		cmocka_unit_test(test_auto_many),
		cmocka_unit_test(test_auto_many_late),
		cmocka_unit_test(test_auto_left_out),
		cmocka_unit_test(test_gain),
		cmocka_unit_test(test_auto_digits),
		cmocka_unit_test(test_auto_linear_cut),
		cmocka_unit_test(test_average),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_best_weights),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_class_folds),
		cmocka_unit_test(test_bad_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
