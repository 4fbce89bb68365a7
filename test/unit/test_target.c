/*
 * test_target.c
 *	  Training on a number to predict: every method explains more of it than no learning where there is something to
 *	  learn, auto never less; the same model for the same seed; an end when it is told to stop; data that do not allow it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataset.h"
#include "embedding.h"
#include "base/rng.h"
#include "learn/data/target.h"
#include "learn/train/train.h"
#include "unit_env.h"

enum
{
	D = 6
};

static void
start_env(UnitEnv *unit)
{
	unit_env_init(unit);
	unit->env.now = unit_clock;
}

/* A number that two columns make together; the others are noise.  copies of each row stand beside each other. */
static Dataset *
product(LearnEnv *env, int n, int copies)
{
	float	   *x = arena_alloc(env->arena, (size_t) n * D, sizeof(float));
	double	   *target = arena_alloc(env->arena, n, sizeof(double));
	int32_t    *label = arena_alloc_zero(env->arena, n, sizeof(int32_t));
	Dataset    *data;
	Rng			rng;

	rng_seed(&rng, 5, 0);
	for (int i = 0; i < n; i++)
	{
		if (i % copies == 0)
			for (int j = 0; j < D; j++)
				x[i * D + j] = (float) rng_normal(&rng);
		else
			memcpy(x + i * D, x + (i - 1) * D, D * sizeof(float));
		target[i] = 1e6 + 300 * x[i * D] * x[i * D + 1];
	}
	data = dataset_make(env, x, label, n, D, 1);
	data->rows.target = target;
	return data;
}

static void
options_for(TrainOptions *options, const char *method, int epochs)
{
	options_init(options);
	options->method = method_by_name(method);
	options->epochs = epochs;
}

static const char *const losses[] = {"kernel_regression", "rank_n_contrast", "log_ratio"};

static void
test_losses(void **state)
{
	for (int i = 0; i < 3; i++)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result;
		Dataset    *data;

		start_env(&unit);
		data = product(&unit.env, 800, 1);
		options_for(&options, losses[i], 25);
		assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
		assert_string_equal(result.score_name, "R2");
		if (!(result.score_model > result.score_none + 0.1))
			fail_msg("%s: R2 %g, without learning %g", losses[i], result.score_model, result.score_none);
		assert_string_equal(result.network, "128 relu, 32, raw");
		unit_env_done(&unit);
	}
}

static void
test_auto(void **state)
{
	static const int n[] = {3, 7, 60, 400, 6000};

	for (int i = 0; i < 5; i++)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result;
		Dataset    *data;

		start_env(&unit);
		data = product(&unit.env, n[i], 1);
		options_for(&options, "auto", 4);
		options.time_limit = 20;
		assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
		assert_non_null(result.model);
		assert_true(isnan(result.score_none) || result.score_model >= result.score_none);
		if (n[i] >= 400)
			assert_true(result.score_model > result.score_none + 0.05);
		assert_true(result.n_candidates >= 4);
		unit_env_done(&unit);
	}
}

/* Same seed, same bits, with copies of rows as well. */
static void
test_reproducible(void **state)
{
	UnitEnv		unit;
	Dataset    *data;

	start_env(&unit);
	data = product(&unit.env, 200, 4);
	for (int i = 0; i < 3; i++)
	{
		float	   *z[2];

		for (int k = 0; k < 2; k++)
		{
			TrainOptions options;
			TrainResult result;
			float	   *scratch;

			options_for(&options, losses[i], 5);
			assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_OK);
			z[k] = arena_alloc(unit.env.arena, (size_t) data->rows.n * result.dims, sizeof(float));
			scratch = arena_alloc(unit.env.arena, model_scratch(result.model, (int) data->rows.n), sizeof(float));
			model_embed(result.model, data->x, (int) data->rows.n, z[k], scratch, NULL);
			if (k == 1)
				assert_memory_equal(z[0], z[1], data->rows.n * result.dims * sizeof(float));
		}
	}
	unit_env_done(&unit);
}

/* Stopped at any poll: a status, and no memory left behind. */
static void
test_cancel(void **state)
{
	for (int at = 1; at < 200; at = at * 2 + 1)
	{
		UnitEnv		unit;
		TrainOptions options;
		TrainResult result;
		Dataset    *data;

		start_env(&unit);
		data = product(&unit.env, 400, 1);
		unit.polls = 0;
		unit.cancel_at = at;
		options_for(&options, "auto", 3);
		assert_int_equal(train_model(&unit.env, &data->rows, &options, &result), LEARN_CANCELLED);
		unit_env_done(&unit);
	}
}

static void
check_refused(UnitEnv *unit, const Dataset *data, const char *method, const char *message)
{
	TrainOptions options;
	TrainResult result;

	options_for(&options, method, 3);
	assert_int_equal(train_model(&unit->env, &data->rows, &options, &result), LEARN_DATA);
	assert_string_equal(unit->env.message, message);
}

static void
test_bad_data(void **state)
{
	UnitEnv		unit;
	Dataset    *data;
	double	   *target;
	TargetScale scale;

	start_env(&unit);
	check_refused(&unit, product(&unit.env, 2, 1), "log_ratio", "there are 2 rows to learn from, and three at least are needed");
	data = product(&unit.env, 30, 1);
	target = (double *) data->rows.target;
	assert_int_equal(target_scale(&unit.env, &data->rows, NULL, 30, &scale), LEARN_OK);
	assert_true(fabs(target_of(&data->rows, &scale, 7)) < 6);
	for (int i = 0; i < 30; i++)
		target[i] = 0.1;
	check_refused(&unit, data, "auto", "all rows have the same target");
	check_refused(&unit, data, "kernel_regression", "all rows have the same target");
	for (int i = 0; i < 30; i++)
		target[i] = i * 1e300;
	check_refused(&unit, data, "mlkr", "the values of the target are too large");
	unit_env_done(&unit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_bad_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
