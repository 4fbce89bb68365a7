/*
 * test_net_gradient_double.c
 *	  net_backward against central differences in double, for every kind of layer and
 *	  combinations of them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/blas.h"
#include "learn/net/net.h"
#include "unit_env.h"

#define IN		5
#define STEP	1e-6
#define CHECKED	200				/* parameters at most that are held against differences */

/* sum of out * c: its gradient for the embeddings is c. */
static double
value(const Net *net, NetTape *tape, const real *x, int n, const real *c, const Rng *rng)
{
	Rng			copy = *rng;
	const real *z = net_forward(net, tape, x, n, true, &copy);
	double		sum = 0;

	for (int i = 0; i < n * netspec_out(&net->spec); i++)
		sum += z[i] * c[i];
	return sum;
}

static void
check_line(const char *line, int n)
{
	UnitEnv		u;
	NetSpec		spec;
	Net		   *net;
	NetTape    *tape;
	Rng			rng,
				mask;
	real	   *x,
			   *c,
			   *grad,
			   *untouched;

	unit_env_init(&u);
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	assert_int_equal(netspec_parse(&u.env, line, IN, &spec), LEARN_OK);
	assert_int_equal(net_create(&u.env, &spec, &net), LEARN_OK);
	assert_int_equal(net_tape_create(&u.env, net, 9, &tape), LEARN_OK);
	rng_seed(&rng, 1, n);
	rng_seed(&mask, 2, n);
	net_init(net, &rng);

	/* away from the first values, where biases are 0 and gains 1 */
	for (size_t i = 0; i < net->n_params; i++)
		net->params[i] += 0.3 * rng_normal(&rng);
	for (size_t i = 0; i < net->n_running; i++)
		net->running[i] = 0.5 + rng_uniform(&rng);
	x = arena_alloc(&u.arena, n * IN, sizeof(real));
	c = arena_alloc(&u.arena, n * netspec_out(&spec), sizeof(real));
	grad = arena_alloc(&u.arena, net->n_params, sizeof(real));
	untouched = arena_alloc(&u.arena, net->n_running, sizeof(real));
	for (int i = 0; i < n * IN; i++)
		x[i] = rng_normal(&rng);
	for (int i = 0; i < n * netspec_out(&spec); i++)
		c[i] = rng_normal(&rng);
	memcpy(untouched, net->running, net->n_running * sizeof(real));

	value(net, tape, x, n, c, &mask);
	for (size_t i = 0; i < net->n_params; i++)
		grad[i] = NAN;
	assert_int_equal(net_backward(net, tape, c, grad), LEARN_OK);
	for (size_t i = 0; i < net->n_params; i += 1 + net->n_params / CHECKED)
	{
		double		old = net->params[i];
		double		up,
					down,
					expected;

		net->params[i] = old + STEP;
		up = value(net, tape, x, n, c, &mask);
		net->params[i] = old - STEP;
		down = value(net, tape, x, n, c, &mask);
		net->params[i] = old;
		expected = (up - down) / (2 * STEP);
		if (!(fabs(grad[i] - expected) <= 1e-6 * (1 + fabs(expected))))
			fail_msg("\"%s\", %d rows: parameter %zu has gradient %.9g, differences say %.9g",
					 line, n, i, grad[i], expected);
	}
	if (n == 1)
		assert_memory_equal(untouched, net->running, net->n_running * sizeof(real));
	unit_env_done(&u);
}

static void
test_layers(void **state)
{
	static const char *const acts[] = {"linear", "relu", "gelu", "tanh"};
	static const char *const norms[] = {"", "batchnorm", "layernorm"};
	static const char *const extras[] = {"", "dropout 0.4", "residual", "dropout 0.3 residual"};
	static const int rows[] = {1, 2, 7};

	for (int a = 0; a < 4; a++)
		for (int m = 0; m < 3; m++)
			for (int e = 0; e < 4; e++)
				for (int r = 0; r < 3; r++)
				{
					char		line[200];

					/* first, middle and last layer; with and without normalisation at the end */
					snprintf(line, sizeof(line), "5 %s %s %s, 3", acts[a], norms[m], extras[e]);
					check_line(line, rows[r]);
					snprintf(line, sizeof(line), "6, 6 %s %s %s, 3, raw", acts[a], norms[m], extras[e]);
					check_line(line, rows[r]);
					snprintf(line, sizeof(line), "4 gelu, 4 %s %s %s", acts[a], norms[m], extras[e]);
					check_line(line, rows[r]);
				}
}

static void
test_deep(void **state)
{
	check_line("3", 4);
	check_line("1, raw", 4);
	check_line("5 residual, 5 gelu residual layernorm, 5 tanh residual batchnorm, 5 dropout 0.2 residual, 2", 9);
	check_line("8 batchnorm, 7 layernorm gelu, 6 tanh dropout 0.5, 4 linear, 3 relu, raw", 6);
}

/* So wide that a batch goes through the elementwise steps in several slices. */
static void
test_slices(void **state)
{
	check_line("16000 batchnorm gelu dropout 0.1, 3", 9);
	check_line("16000 layernorm tanh, 3, raw", 9);
	check_line("2, 9000 batchnorm, 2", 9);
}

/* A zero embedding stays zero and gets no gradient. */
static void
test_zero_embedding(void **state)
{
	UnitEnv		u;
	NetSpec		spec;
	Net		   *net;
	NetTape    *tape;
	real		x[2 * IN] = {0, 0, 0, 0, 0, 1, 2, 3, 4, 5};
	real		dz[6] = {1, 2, 3, 0, 0, 0};
	real		grad[3 * IN + 3];
	const real *z;
	Rng			rng;

	unit_env_init(&u);
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	assert_int_equal(netspec_parse(&u.env, "3", IN, &spec), LEARN_OK);
	assert_int_equal(net_create(&u.env, &spec, &net), LEARN_OK);
	assert_int_equal(net_tape_create(&u.env, net, 2, &tape), LEARN_OK);
	rng_seed(&rng, 1, 1);
	net_init(net, &rng);
	assert_int_equal(net->n_params, 3 * IN + 3);
	z = net_forward(net, tape, x, 2, true, &rng);
	for (int i = 0; i < 3; i++)
		assert_true(z[i] == 0);
	assert_true(fabs(z[3] * z[3] + z[4] * z[4] + z[5] * z[5] - 1) < 1e-12);
	assert_int_equal(net_backward(net, tape, dz, grad), LEARN_OK);
	for (size_t i = 0; i < net->n_params; i++)
		assert_true(grad[i] == 0);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_zero_embedding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
