/*
 * test_net_reference_double.c
 *	  Networks and optimisers against PyTorch, both in float64 (test/data/net_reference.txt).
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
#include "learn/net/optim.h"
#include "unit_env.h"

#define TOLERANCE	1e-10

typedef struct Matrix
{
	int			rows;
	int			cols;
	double	   *x;
} Matrix;

/* The next matrix of the file, which has that name. */
static Matrix
read_matrix(LearnEnv *env, FILE *f, const char *name)
{
	char		word[64];
	Matrix		m;

	assert_int_equal(fscanf(f, "%63s %d %d", word, &m.rows, &m.cols), 3);
	assert_string_equal(word, name);
	m.x = arena_alloc(env->arena, (size_t) m.rows * m.cols, sizeof(double));
	for (int i = 0; i < m.rows * m.cols; i++)
		assert_int_equal(fscanf(f, "%lf", &m.x[i]), 1);
	return m;
}

static void
check_near(const char *what, const double *got, Matrix expected)
{
	for (int i = 0; i < expected.rows * expected.cols; i++)
		if (!(fabs(got[i] - expected.x[i]) <= TOLERANCE * (1 + fabs(expected.x[i]))))
			fail_msg("%s: element %d is %.15g, not %.15g", what, i, got[i], expected.x[i]);
}

static void
check_net(LearnEnv *env, FILE *f, const char *line)
{
	Matrix		x = read_matrix(env, f, "x");
	Matrix		dz = read_matrix(env, f, "dz");
	Matrix		params = read_matrix(env, f, "params");
	Matrix		z = read_matrix(env, f, "z");
	Matrix		grad = read_matrix(env, f, "grad");
	Matrix		running = read_matrix(env, f, "running");
	Matrix		z_eval = read_matrix(env, f, "z_eval");
	real	   *got = arena_alloc(env->arena, grad.cols, sizeof(real));
	NetSpec		spec;
	Net		   *net;
	NetTape    *tape;
	Rng			rng;

	assert_int_equal(netspec_parse(env, line, x.cols, &spec), LEARN_OK);
	assert_int_equal(net_create(env, &spec, &net), LEARN_OK);
	assert_int_equal(net->n_params, params.cols);
	assert_int_equal(net->n_running, running.cols);
	rng_seed(&rng, 1, 1);
	net_init(net, &rng);
	memcpy(net->params, params.x, params.cols * sizeof(real));
	assert_int_equal(net_tape_create(env, net, x.rows, &tape), LEARN_OK);

	check_near(line, net_forward(net, tape, x.x, x.rows, true, &rng), z);
	assert_int_equal(net_backward(net, tape, dz.x, got), LEARN_OK);
	check_near(line, got, grad);
	check_near(line, net->running, running);
	check_near(line, net_forward(net, tape, x.x, x.rows, false, NULL), z_eval);
}

static void
check_optim(LearnEnv *env, FILE *f)
{
	char		kind[32];
	double		lr,
				momentum,
				beta2,
				eps,
				decay;
	Matrix		start,
				grads,
				end;
	Optim	   *optim;

	assert_int_equal(fscanf(f, "%31s %lf %lf %lf %lf %lf", kind, &lr, &momentum, &beta2, &eps, &decay), 6);
	start = read_matrix(env, f, "start");
	grads = read_matrix(env, f, "grads");
	end = read_matrix(env, f, "end");
	assert_int_equal(optim_create(env, strcmp(kind, "sgd") == 0 ? OPTIM_SGD : OPTIM_ADAMW, start.cols,
								  momentum, beta2, eps, &optim), LEARN_OK);
	for (int i = 0; i < grads.rows; i++)
	{
		optim_begin(optim);
		/* in two ranges, whose state must not mix */
		optim_update(optim, 0, 4, start.x, grads.x + i * grads.cols, lr, decay);
		optim_update(optim, 4, start.cols - 4, start.x + 4, grads.x + i * grads.cols + 4, lr, decay);
	}
	check_near(kind, start.x, end);
}

static void
test_reference(void **state)
{
	const char *dir = getenv("DML_TEST_DATA");
	char		text[1000];
	FILE	   *f;
	UnitEnv		u;
	int			nets = 0,
				optims = 0;

	unit_env_init(&u);
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	snprintf(text, sizeof(text), "%s/net_reference.txt", dir ? dir : "../data");
	f = fopen(text, "r");
	assert_non_null(f);
	while (fscanf(f, "%63s", text) == 1)
	{
		if (strcmp(text, "#") == 0)
			assert_non_null(fgets(text, sizeof(text), f));
		else if (strcmp(text, "net") == 0)
		{
			assert_non_null(fgets(text, sizeof(text), f));
			check_net(&u.env, f, text);
			nets++;
		}
		else
		{
			assert_string_equal(text, "optim");
			check_optim(&u.env, f);
			optims++;
		}
	}
	fclose(f);
	assert_int_equal(nets, 5);
	assert_int_equal(optims, 4);
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
