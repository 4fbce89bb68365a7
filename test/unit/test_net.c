/*
 * test_net.c
 *	  The network in float: first values, dropout, batch norm's running figures, the
 *	  tape, cancelling, and inference against the training path.
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

#include "base/blas.h"
#include "learn/net/net.h"
#include "math/vmath.h"
#include "unit_env.h"

static Net *
make_net(UnitEnv *u, const char *line, int in, uint64_t seed)
{
	NetSpec		spec;
	Net		   *net;
	Rng			rng;

	assert_int_equal(blas_load(&u->env), LEARN_OK);
	assert_int_equal(netspec_parse(&u->env, line, in, &spec), LEARN_OK);
	assert_int_equal(net_create(&u->env, &spec, &net), LEARN_OK);
	rng_seed(&rng, seed, 0);
	net_init(net, &rng);
	return net;
}

static float *
make_rows(UnitEnv *u, size_t n, uint64_t seed)
{
	float	   *x = arena_alloc(&u->arena, n, sizeof(float));
	Rng			rng;

	rng_seed(&rng, seed, 1);
	for (size_t i = 0; i < n; i++)
		x[i] = rng_normal(&rng);
	return x;
}

static double
deviation(const float *x, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double) x[i] * x[i];
	return sqrt(sum / n);
}

static void
test_init(void **state)
{
	UnitEnv		u;
	Net		   *net,
			   *same,
			   *other;

	unit_env_init(&u);
	net = make_net(&u, "100 relu layernorm, 200 tanh batchnorm, 50", 300, 1);
	same = make_net(&u, "100 relu layernorm, 200 tanh batchnorm, 50", 300, 1);
	other = make_net(&u, "100 relu layernorm, 200 tanh batchnorm, 50", 300, 2);
	assert_memory_equal(net->params, same->params, net->n_params * sizeof(real));
	assert_memory_not_equal(net->params, other->params, net->n_params * sizeof(real));
	assert_true(fabs(deviation(net->params + net->offset[0].weight, 30000) / sqrt(1.0 / 900) - 1) < 0.03);
	assert_true(fabs(deviation(net->params + net->offset[1].weight, 20000) / sqrt(1.0 / 300) - 1) < 0.03);
	assert_true(fabs(deviation(net->params + net->offset[2].weight, 10000) / sqrt(1.0 / 600) - 1) < 0.03);
	for (int i = 0; i < 100; i++)
	{
		assert_true(net->params[net->offset[0].bias + i] == 0);
		assert_true(net->params[net->offset[0].gain + i] == 1);
		assert_true(net->params[net->offset[0].shift + i] == 0);
	}
	for (int i = 0; i < 200; i++)
	{
		assert_true(net->running[net->offset[1].running + i] == 0);
		assert_true(net->running[net->offset[1].running + 200 + i] == 1);
	}
	assert_int_equal(net->offset[0].running, -1);
	assert_int_equal(net->offset[2].gain, -1);
	unit_env_done(&u);
}

/* The share of dropped values, the scale of the kept, and no dropout outside of training. */
static void
test_dropout(void **state)
{
	UnitEnv		u;
	Net		   *net;
	NetTape    *tape;
	float	   *x;
	const float *z;
	Rng			rng;
	int			dropped = 0;
	enum
	{
		N = 50, W = 401
	};

	unit_env_init(&u);
	net = make_net(&u, "401 linear dropout 0.3, raw", W, 1);
	memset(net->params, 0, net->n_params * sizeof(real));
	for (int i = 0; i < W; i++)
		net->params[net->offset[0].bias + i] = 1;
	x = make_rows(&u, N * W, 2);
	assert_int_equal(net_tape_create(&u.env, net, N, &tape), LEARN_OK);
	rng_seed(&rng, 3, 3);
	z = net_forward(net, tape, x, N, true, &rng);
	for (int i = 0; i < N * W; i++)
	{
		assert_true(z[i] == 0 || fabs(z[i] - 1 / 0.7) < 1e-6);
		dropped += z[i] == 0;
	}
	assert_true(abs(dropped - (int) (0.3 * N * W)) < 400);
	z = net_forward(net, tape, x, N, false, NULL);
	for (int i = 0; i < N * W; i++)
		assert_true(z[i] == 1);
	unit_env_done(&u);
}

/* Running figures approach the data's; a batch of one row neither moves them nor divides by zero. */
static void
test_batchnorm_running(void **state)
{
	UnitEnv		u;
	Net		   *net;
	NetTape    *tape;
	float	   *x,
				before[2],
				grad[3];
	float		dz = 1;
	const float *z;
	Rng			rng;

	unit_env_init(&u);
	net = make_net(&u, "1 linear batchnorm, raw", 1, 1);
	net->params[net->offset[0].weight] = 3;
	x = make_rows(&u, 1000, 4);
	for (int i = 0; i < 1000; i++)
		x[i] = x[i] * 2 + 5;
	assert_int_equal(net_tape_create(&u.env, net, 1000, &tape), LEARN_OK);
	rng_seed(&rng, 3, 3);
	for (int i = 0; i < 200; i++)
		net_forward(net, tape, x + i % 5 * 200, 200, true, &rng);
	assert_true(fabs(net->running[0] - 15) < 1);
	assert_true(fabs(net->running[1] - 36) < 4);
	memcpy(before, net->running, sizeof(before));
	z = net_forward(net, tape, x, 1, true, &rng);
	assert_true(fabs(z[0] - (3 * x[0] - before[0]) / sqrt(before[1])) < 1e-4);
	assert_int_equal(net_backward(net, tape, &dz, grad), LEARN_OK);
	for (int i = 0; i < 3; i++)
		assert_true(isfinite(grad[i]));
	net_forward(net, tape, x, 500, false, NULL);
	assert_memory_equal(before, net->running, sizeof(before));

	/* a batch of equal rows: variance 0 */
	for (int i = 0; i < 10; i++)
		x[i] = 7;
	z = net_forward(net, tape, x, 10, true, &rng);
	for (int i = 0; i < 10; i++)
		assert_true(fabs(z[i]) < 1e-3);
	unit_env_done(&u);
}

static const char *const lines[] = {
	"", "l2", "7", "64 relu, 16", "64, 16, raw", "33 gelu, 9 tanh", "40 batchnorm, 40 residual gelu, 12",
	"40 layernorm dropout 0.5, 40 layernorm residual tanh, 40 residual dropout 0.1 batchnorm, 3, raw",
	"20 residual, 20 residual, 1", "300, 5"
};

#define N_LINES	((int) (sizeof(lines) / sizeof(lines[0])))

/* Inference is the training path in evaluation mode, up to rounding. */
static void
test_infer_agrees(void **state)
{
	static const char *const sets[] = {"plain", "avx2", "avx512", "neon"};
	UnitEnv		u;
	enum
	{
		N = 150, IN = 20
	};

	unit_env_init(&u);
	for (int i = 0; i < N_LINES; i++)
	{
		Net		   *net = make_net(&u, lines[i], IN, 5);
		int			out = netspec_out(&net->spec);
		float	   *x = make_rows(&u, N * IN, 6);
		float	   *got = arena_alloc(&u.arena, N * out, sizeof(float));
		float	   *scratch = unit_guarded(net_scratch(net, N));
		NetTape    *tape;
		const float *z;
		Rng			rng;

		rng_seed(&rng, 7, 7);
		for (size_t j = 0; j < net->n_params; j++)
			net->params[j] += 0.1 * rng_normal(&rng);
		assert_int_equal(net_tape_create(&u.env, net, N, &tape), LEARN_OK);
		assert_non_null(net_forward(net, tape, x, N, true, &rng));
		z = net_forward(net, tape, x, N, false, NULL);
		for (int s = 0; s < 4; s++)
			if (vm_force(sets[s]))
			{
				net_infer(net, x, N, got, scratch);
				for (int j = 0; j < N * out; j++)
					assert_true(fabs(got[j] - z[j]) < 2e-5 * (1 + fabs(z[j])));
			}
		vm_force("auto");
		unit_guarded_free(scratch, net_scratch(net, N));
	}
	unit_env_done(&u);
}

/* A row alone, in any batch, at any place: the same bits.  And scratch is as large as it is said to be. */
static void
test_infer_alone(void **state)
{
	UnitEnv		u;
	enum
	{
		N = 270, IN = 20
	};

	unit_env_init(&u);
	for (int i = 0; i < N_LINES; i++)
	{
		Net		   *net = make_net(&u, lines[i], IN, 5);
		int			out = netspec_out(&net->spec);
		float	   *x = make_rows(&u, N * IN, 6);
		float	   *batch = arena_alloc(&u.arena, N * out, sizeof(float));
		float	   *part = arena_alloc(&u.arena, N * out, sizeof(float));
		float	   *scratch = unit_guarded(net_scratch(net, N));

		net_infer(net, x, N, batch, scratch);
		unit_guarded_free(scratch, net_scratch(net, N));
		for (int n = 1; n < N; n = n * 2 + 1)
		{
			scratch = unit_guarded(net_scratch(net, n));
			for (int r = 0; r + n <= N; r += n)
				net_infer(net, x + r * IN, n, part + r * out, scratch);
			assert_memory_equal(part, batch, N / n * n * out * sizeof(float));
			unit_guarded_free(scratch, net_scratch(net, n));
		}
	}
	unit_env_done(&u);
}

/* Same seed and batches, same bits. */
static void
test_repeatable(void **state)
{
	UnitEnv		u;
	float	   *grad[2];

	unit_env_init(&u);
	for (int run = 0; run < 2; run++)
	{
		Net		   *net = make_net(&u, "48 gelu dropout 0.2 batchnorm, 16", 30, 5);
		float	   *x = make_rows(&u, 64 * 30, 6);
		float	   *dz = make_rows(&u, 64 * 16, 7);
		NetTape    *tape;
		Rng			rng;

		rng_seed(&rng, 8, 8);
		grad[run] = arena_alloc(&u.arena, net->n_params, sizeof(float));
		assert_int_equal(net_tape_create(&u.env, net, 64, &tape), LEARN_OK);
		for (int i = 0; i < 3; i++)
		{
			assert_non_null(net_forward(net, tape, x, 64, true, &rng));
			assert_int_equal(net_backward(net, tape, dz, grad[run]), LEARN_OK);
		}
		assert_true(deviation(grad[run], net->n_params) > 0);
		if (run == 1)
			assert_memory_equal(grad[0], grad[1], net->n_params * sizeof(float));
	}
	unit_env_done(&u);
}

/* Embeddings have norm 1 from the smallest to the largest inputs; what is no longer than 1e-12 becomes 0. */
static void
test_norms(void **state)
{
	static const float scale[] = {1, 1e-11f, 1e15f, 3e37f};
	UnitEnv		u;
	float		out[3],
				scratch[1];
	float		nothing[] = {1e-13f, 0, 3e-13f};
	Net		   *net;

	unit_env_init(&u);
	net = make_net(&u, "l2", 3, 1);
	assert_int_equal(net->n_params, 0);
	for (int i = 0; i < 4; i++)
	{
		float		x[] = {2 * scale[i], -3 * scale[i], 6 * scale[i]};

		net_infer(net, x, 1, out, scratch);
		assert_true(fabs(out[0] - 2.0 / 7) < 1e-6 && fabs(out[1] + 3.0 / 7) < 1e-6 && fabs(out[2] - 6.0 / 7) < 1e-6);
	}
	net_infer(net, nothing, 1, out, scratch);
	assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0);
	unit_env_done(&u);
}

static void
test_cancel(void **state)
{
	UnitEnv		u;
	Net		   *net;
	NetTape    *tape;
	float	   *x,
			   *dz,
			   *grad;
	Rng			rng;

	unit_env_init(&u);
	net = make_net(&u, "1500, 1500, 8", 1500, 1);
	x = make_rows(&u, 256 * 1500, 1);
	dz = make_rows(&u, 256 * 8, 1);
	grad = arena_alloc(&u.arena, net->n_params, sizeof(float));
	assert_int_equal(net_tape_create(&u.env, net, 256, &tape), LEARN_OK);
	rng_seed(&rng, 1, 1);
	assert_non_null(net_forward(net, tape, x, 256, true, &rng));
	/* a product of 5.8e8 multiplications is polled more than once */
	assert_true(u.polls >= 7);
	u.polls = 0;
	u.cancel_at = 4;
	assert_int_equal(net_backward(net, tape, dz, grad), LEARN_CANCELLED);
	u.polls = 0;
	assert_null(net_forward(net, tape, x, 256, true, &rng));
	unit_env_done(&u);
}

/* No rows is no work; little memory is a status. */
static void
test_edges(void **state)
{
	UnitEnv		u;
	Net		   *net;
	NetTape    *tape;
	NetSpec		spec;
	float		x[4],
				grad[200];
	Rng			rng;

	unit_env_init(&u);
	net = make_net(&u, "5 batchnorm dropout 0.5, 3", 4, 1);
	rng_seed(&rng, 1, 1);
	assert_int_equal(net_tape_create(&u.env, net, 2, &tape), LEARN_OK);
	assert_non_null(net_forward(net, tape, x, 0, true, &rng));
	assert_true(net->running[0] == 0 && net->running[5] == 1);
	memset(grad, 1, sizeof(grad));
	assert_int_equal(net_backward(net, tape, x, grad), LEARN_OK);
	for (size_t i = 0; i < net->n_params; i++)
		assert_true(grad[i] == 0);
	net_infer(net, x, 0, grad, grad);

	u.arena.limit = 1000 * 1000;
	assert_int_equal(netspec_parse(&u.env, "1000, 1000", 1000, &spec), LEARN_OK);
	assert_int_equal(net_create(&u.env, &spec, &net), LEARN_NO_MEMORY);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_dropout),
		cmocka_unit_test(test_batchnorm_running),
		cmocka_unit_test(test_infer_agrees),
		cmocka_unit_test(test_infer_alone),
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_norms),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
