/*
 * test_optim.c
 *	  The optimisers in float: a step by hand, decay by range, reset, clipping, and the
 *	  learning rate's course.  (Many steps against PyTorch: test_net_reference_double.c.)
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "learn/net/optim.h"
#include "unit_env.h"

static void
assert_near(double got, double expected)
{
	if (!(fabs(got - expected) <= 2e-7 * (1 + fabs(expected))))
		fail_msg("%.9g is not %.9g", got, expected);
}

/* AdamW's first step moves by lr against the gradient's sign, whatever its size. */
static void
test_adamw_first_step(void **state)
{
	UnitEnv		u;
	Optim	   *optim;
	float		p[4] = {1, 1, 1, 1};
	float		g[4] = {1e-3f, -1000, 5, 0};

	unit_env_init(&u);
	assert_int_equal(optim_create(&u.env, OPTIM_ADAMW, 4, 0.9, 0.999, 1e-12, &optim), LEARN_OK);
	optim_begin(optim);
	optim_update(optim, 0, 4, p, g, 0.01, 0.5);
	assert_near(p[0], 1 - 0.005 - 0.01);
	assert_near(p[1], 1 - 0.005 + 0.01);
	assert_near(p[2], 1 - 0.005 - 0.01);
	assert_near(p[3], 1 - 0.005);
	unit_env_done(&u);
}

/* Momentum 0.5, decay 0.1, lr 0.1, by hand. */
static void
test_sgd_two_steps(void **state)
{
	UnitEnv		u;
	Optim	   *optim;
	float		p = 2;
	float		g = 1;

	unit_env_init(&u);
	assert_int_equal(optim_create(&u.env, OPTIM_SGD, 1, 0.5, 0, 0, &optim), LEARN_OK);
	optim_begin(optim);
	optim_update(optim, 0, 1, &p, &g, 0.1, 0.1);
	assert_near(p, 2 - 0.1 * 1.2);
	optim_begin(optim);
	optim_update(optim, 0, 1, &p, &g, 0.1, 0.1);
	assert_near(p, 1.88 - 0.1 * (0.5 * 1.2 + 1.188));
	unit_env_done(&u);
}

/* Weights decay; biases, gains and shifts do not; the ranges cover everything once. */
static void
test_decay_by_range(void **state)
{
	UnitEnv		u;
	Optim	   *optim;
	NetSpec		spec;
	Net		   *net;
	float	   *zero;
	bool		weight[200] = {false};

	unit_env_init(&u);
	assert_int_equal(netspec_parse(&u.env, "4 layernorm, 6 batchnorm, 2", 3, &spec), LEARN_OK);
	assert_int_equal(net_create(&u.env, &spec, &net), LEARN_OK);
	assert_int_equal(net->n_params, (12 + 4 + 8) + (24 + 12) + (12 + 2));
	for (int i = 0; i < 3; i++)
	{
		int			fan_in = i == 0 ? 3 : spec.layer[i - 1].width;

		for (int j = 0; j < fan_in * spec.layer[i].width; j++)
			weight[net->offset[i].weight + j] = true;
	}
	assert_int_equal(net->offset[1].bias, -1);
	zero = arena_alloc_zero(&u.arena, net->n_params, sizeof(float));
	for (size_t i = 0; i < net->n_params; i++)
		net->params[i] = 1;
	assert_int_equal(optim_create(&u.env, OPTIM_SGD, net->n_params + 5, 0, 0, 0, &optim), LEARN_OK);
	optim_begin(optim);
	optim_update_net(optim, 5, net, zero, 0.5, 0.5);
	for (size_t i = 0; i < net->n_params; i++)
	{
		assert_int_equal(net_decays(net, i), weight[i]);
		assert_true(net->params[i] == (weight[i] ? 0.75f : 1.0f));
	}
	unit_env_done(&u);
}

static void
test_reset(void **state)
{
	UnitEnv		u;
	Optim	   *optim;
	float		p[3] = {1, 2, 3},
				q[3] = {1, 2, 3},
				g[3] = {0.5f, -2, 1};

	unit_env_init(&u);
	for (int kind = OPTIM_ADAMW; kind <= OPTIM_SGD; kind++)
	{
		assert_int_equal(optim_create(&u.env, kind, 3, 0.9, 0.999, 1e-8, &optim), LEARN_OK);
		optim_begin(optim);
		optim_update(optim, 0, 3, p, g, 0.1, 0.1);
		optim_reset(optim);
		optim_begin(optim);
		optim_update(optim, 0, 3, q, g, 0.1, 0.1);
		assert_memory_equal(p, q, sizeof(p));
	}
	unit_env_done(&u);
}

static void
test_clip(void **state)
{
	float		g[2] = {3, 4};
	float		huge[2] = {3e30f, -4e30f};
	float		bad[2] = {1, INFINITY};

	assert_near(optim_clip(g, 2, 10), 5);
	assert_true(g[0] == 3 && g[1] == 4);
	assert_near(optim_clip(g, 2, 0), 5);
	assert_true(g[0] == 3 && g[1] == 4);
	assert_near(optim_clip(g, 2, 1), 5);
	assert_near(g[0], 0.6);
	assert_near(g[1], 0.8);
	assert_near(optim_clip(huge, 2, 1) / 1e30, 5);
	assert_near(huge[0], 0.6);
	assert_near(huge[1], -0.8);
	assert_true(isinf(optim_clip(bad, 2, 1)));
	assert_true(bad[0] == 1 && isinf(bad[1]));
	assert_true(optim_clip(g, 0, 1) == 0);
	assert_near(optim_clip_scale(4, 1), 0.25);
	assert_near(optim_clip_scale(NAN, 1), 1);
}

static void
test_schedule(void **state)
{
	assert_near(schedule_rate(0.1, 4, 100, 0, 0), 0.025);
	assert_near(schedule_rate(0.1, 4, 100, 0, 3), 0.1);
	assert_near(schedule_rate(0.1, 4, 100, 0, 4), 0.1);
	assert_near(schedule_rate(0.1, 4, 100, 0, 52), 0.05);
	assert_near(schedule_rate(0.1, 4, 100, 0.2, 52), 0.06);
	assert_near(schedule_rate(0.1, 4, 100, 0.2, 100), 0.02);
	assert_near(schedule_rate(0.1, 4, 100, 0.2, 1000), 0.02);
	assert_near(schedule_rate(0.1, 0, 100, 0, 0), 0.1);
	assert_near(schedule_rate(0.1, 0, 1, 0, 0), 0.1);
	assert_near(schedule_rate(0.1, 0, 100, 1, 77), 0.1);
	/* more warm-up than steps: nothing to divide by zero */
	assert_near(schedule_rate(0.1, 10, 5, 0, 4), 0.05);
	assert_near(schedule_rate(0.1, 5, 5, 0.5, 5), 0.05);
	for (int i = 5; i < 100; i++)
		assert_true(schedule_rate(0.1, 4, 100, 0, i) < schedule_rate(0.1, 4, 100, 0, i - 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adamw_first_step),
		cmocka_unit_test(test_sgd_two_steps),
		cmocka_unit_test(test_decay_by_range),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_clip),
		cmocka_unit_test(test_schedule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
