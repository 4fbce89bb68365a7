/*
 * test_loss.c
 *	  The losses in float, as training runs them: values against the definition and
 *	  against pytorch-metric-learning, large batches, extreme and invalid input.
 *	  Gradients are held against differences in test_loss_gradient_double.c.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loss_naive.h"
#include "loss_reference.h"

static void
test_reference(void **state)
{
	LearnEnv	env;

	fixture_start(&env);
	assert_int_equal(check_loss_reference(&env, 2e-5), 24);
	fixture_end(&env);
}

/* A batch of training's size, one of few classes and one of many. */
static void
test_large(void **state)
{
	static const int n_classes[] = {10, 2, 150};
	LearnEnv	env;

	fixture_start(&env);
	for (int k = 0; k < 3; k++)
	{
		Batch		b = fixture_batch(&env, 256, 16, n_classes[k], 9);
		real	   *dz = arena_alloc(env.arena, 256 * 16, sizeof(real));
		real	   *dproxies = arena_alloc(env.arena, 150 * 16, sizeof(real));

		for (int i = 0; loss_case(i) != NULL; i++)
		{
			const LossCase *c = loss_case(i);
			double		want = naive_loss_of(c, false, b.z, b.label, b.rows, b.dims, b.proxies, b.n_classes);
			double		got = fixture_evaluate(&env, c, false, b.z, b.label, b.rows, b.dims,
											   b.proxies, b.n_classes, dz, dproxies);

			if (!(fabs(got - want) <= 1e-4 * (1e-2 + fabs(want))))
				fail_msg("%s: %.9g, by definition %.9g", c->name, got, want);
		}
	}
	fixture_end(&env);
}

static bool
all_finite(const real *x, int n)
{
	for (int k = 0; k < n; k++)
		if (!isfinite(x[k]))
			return false;
	return true;
}

static bool
all_zero(const real *x, int n)
{
	for (int k = 0; k < n; k++)
		if (x[k] != 0)
			return false;
	return true;
}

/* Evaluate; fail unless loss and gradients are finite. */
static void
check_finite(LearnEnv *env, const char *what, const Batch *b)
{
	int			nz = b->rows * b->dims;
	int			np = b->n_classes * b->dims;
	real	   *dz = arena_alloc(env->arena, nz, sizeof(real));
	real	   *dproxies = arena_alloc(env->arena, np, sizeof(real));

	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		real		loss;

		memset(dproxies, 0, np * sizeof(real));
		loss = fixture_evaluate(env, c, false, b->z, b->label, b->rows, b->dims, b->proxies, b->n_classes,
								dz, dproxies);
		if (!isfinite(loss) || !all_finite(dz, nz) || !all_finite(dproxies, np))
			fail_msg("%s, %s: loss %g, or a gradient, is not finite", c->name, what, loss);
	}
}

static void
test_extremes(void **state)
{
	static const double size[] = {1e-45, 1e-38, 1e-20, 1e-12, 1e-6, 1e6, 1e12, 1e17};
	LearnEnv	env;
	Batch		b;

	fixture_start(&env);
	for (int k = 0; k < (int) (sizeof(size) / sizeof(size[0])); k++)
	{
		b = fixture_batch(&env, 20, 5, 4, 3);
		for (int i = 0; i < 20 * 5; i++)
			b.z[i] *= size[k];
		for (int i = 0; i < 4 * 5; i++)
			b.proxies[i] *= size[k];
		check_finite(&env, "all elements large or small", &b);
	}

	b = fixture_batch(&env, 20, 5, 4, 3);
	b.z[7] = 1e18;
	check_finite(&env, "an outlier", &b);
	for (int i = 0; i < 20; i++)
		memcpy(b.z + 5 * i, b.z, 5 * sizeof(real));
	check_finite(&env, "equal rows", &b);
	memset(b.z, 0, 20 * 5 * sizeof(real));
	check_finite(&env, "zero rows", &b);
	memset(b.proxies, 0, 4 * 5 * sizeof(real));
	check_finite(&env, "zero rows and zero proxies", &b);
	for (int i = 0; i < 20 * 5; i++)
		b.z[i] = (i / 5 == b.label[i / 5]) ? 1 : -1;
	for (int i = 0; i < 4 * 5; i++)
		b.proxies[i] = (i % 2) ? 1 : -1;
	check_finite(&env, "corners of a cube", &b);
	fixture_end(&env);
}

/* Cosines do not ask for the length: also where its square is out of float's range. */
static void
test_length_does_not_matter(void **state)
{
	static const double size[] = {1e-10, 1e15, 3e37};
	LearnEnv	env;
	real		dz[20 * 5];
	real		dproxies[4 * 5];

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		Batch		b = fixture_batch(&env, 20, 5, 4, 3);
		double		want;

		if (method_by_name(c->method)->input != LOSS_COSINE)
			continue;
		want = fixture_evaluate(&env, c, false, b.z, b.label, 20, 5, b.proxies, 4, dz, dproxies);
		for (int k = 0; k < 3; k++)
		{
			double		got;

			b = fixture_batch(&env, 20, 5, 4, 3);
			for (int j = 0; j < 20 * 5; j++)
				b.z[j] *= size[k];
			for (int j = 0; j < 4 * 5; j++)
				b.proxies[j] *= size[k];
			got = fixture_evaluate(&env, c, false, b.z, b.label, 20, 5, b.proxies, 4, dz, dproxies);
			if (!(fabs(got - want) <= 1e-4 * fabs(want)))
				fail_msg("%s: %.9g at size %g, else %.9g", c->name, got, size[k], want);
		}
	}
	fixture_end(&env);
}

/* Embeddings far from the origin: their distances must not drown. */
static void
test_offset_does_not_matter(void **state)
{
	LearnEnv	env;
	real		dz[20 * 5];

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		Batch		b = fixture_batch(&env, 20, 5, 4, 3);
		double		want,
					got;

		if (method_by_name(c->method)->input != LOSS_DISTANCE)
			continue;
		want = fixture_evaluate(&env, c, false, b.z, b.label, 20, 5, NULL, 4, dz, NULL);
		for (int j = 0; j < 20 * 5; j++)
			b.z[j] += 1024;
		got = fixture_evaluate(&env, c, false, b.z, b.label, 20, 5, NULL, 4, dz, NULL);
		if (!(fabs(got - want) <= 2e-3 * fabs(want)))
			fail_msg("%s: %.9g far from the origin, else %.9g", c->name, got, want);
	}
	fixture_end(&env);
}

/* What cannot be evaluated gives NaN, which training takes for divergence, and no gradient. */
static void
test_invalid(void **state)
{
	LearnEnv	env;
	real		dz[20 * 5];
	real		dproxies[4 * 5];

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		bool		proxy = method_by_name(c->method)->side == LOSS_PROXY;

		for (int k = 0; k < (proxy ? 6 : 4); k++)
		{
			Batch		b = fixture_batch(&env, 20, 5, 4, 3);
			real		loss;

			if (k < 2)
				b.z[33] = k == 0 ? NAN : -INFINITY;
			else if (k < 4)
				b.label[19] = k == 2 ? 4 : -1;
			else
				b.proxies[19] = k == 4 ? NAN : INFINITY;
			memset(dz, 0xff, sizeof(dz));
			memset(dproxies, 0xff, sizeof(dproxies));
			for (int unit = 0; unit < 2; unit++)
			{
				loss = fixture_evaluate(&env, c, unit, b.z, b.label, 20, 5, b.proxies, 4, dz, dproxies);
				if (!isnan(loss) || !all_zero(dz, 20 * 5) || (proxy && !all_zero(dproxies, 4 * 5)))
					fail_msg("%s: invalid input %d gives %g", c->name, k, loss);
			}
		}
	}
	fixture_end(&env);
}

static void
test_create_refuses(void **state)
{
	LearnEnv	env;
	LossContext *context;
	LossParams	params = {0};

	fixture_start(&env);
	assert_int_equal(loss_context_create(&env, loss_nca, LOSS_DISTANCE, LOSS_PROXY, &params, true, 4, 2, 3, &context),
					 LEARN_INVALID);
	assert_string_equal(env.message, "a loss against proxies takes cosine similarities");
	assert_int_equal(loss_context_create(&env, loss_nca, LOSS_DISTANCE, LOSS_BATCH, &params, true, 0, 2, 3, &context),
					 LEARN_INVALID);
	assert_int_equal(loss_context_create(&env, loss_nca, LOSS_DISTANCE, LOSS_BATCH, &params, true, 4, 0, 3, &context),
					 LEARN_INVALID);
	assert_int_equal(loss_context_create(&env, loss_cosface, LOSS_COSINE, LOSS_PROXY, &params, true, 4, 2, 0, &context),
					 LEARN_INVALID);
	env.arena->limit = 1 << 20;
	assert_int_equal(loss_context_create(&env, loss_nca, LOSS_DISTANCE, LOSS_BATCH, &params, true, 4096, 2, 3, &context),
					 LEARN_NO_MEMORY);
	fixture_end(&env);
}

/* The same batch gives the same bits, whatever the context has seen before. */
static void
test_repeats(void **state)
{
	LearnEnv	env;
	Batch		b,
				other;
	real		dz[2][20 * 5];
	real		dp[2][4 * 5];

	fixture_start(&env);
	b = fixture_batch(&env, 20, 5, 4, 3);
	other = fixture_batch(&env, 13, 5, 4, 8);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		const Method *m = method_by_name(c->method);
		const real *proxies = m->side == LOSS_PROXY ? b.proxies : NULL;
		LossContext *context;
		real		loss[2];

		memset(dp, 0, sizeof(dp));
		assert_int_equal(loss_context_create(&env, m->loss, m->input, m->side, &c->params, false, 20, 5, 4, &context),
						 LEARN_OK);
		loss[0] = loss_evaluate(context, b.z, b.label, 20, proxies, dz[0], dp[0]);
		loss_evaluate(context, other.z, other.label, 13, proxies, dz[1], dp[1]);
		loss[1] = loss_evaluate(context, b.z, b.label, 20, proxies, dz[1], dp[1]);
		assert_memory_equal(&loss[0], &loss[1], sizeof(real));
		assert_memory_equal(dz[0], dz[1], sizeof(dz[0]));
		assert_memory_equal(dp[0], dp[1], sizeof(dp[0]));
	}
	fixture_end(&env);
}

/* Counts polls, and says stop from number stop_at on (0: never). */
typedef struct Polls
{
	int			count;
	int			stop_at;
} Polls;

static bool
count_polls(void *ctx)
{
	Polls	   *polls = ctx;

	polls->count++;
	return polls->stop_at > 0 && polls->count >= polls->stop_at;
}

/* A large batch can be cancelled: at its first poll, at one in the middle, at the last. */
static void
test_cancel(void **state)
{
	enum
	{
		ROWS = 1100, DIMS = 300
	};
	LearnEnv	env;
	Batch		b;
	real	   *dz;
	real	   *dproxies;

	fixture_start(&env);
	env.cancelled = count_polls;
	b = fixture_batch(&env, ROWS, DIMS, ROWS, 6);
	dz = arena_alloc(env.arena, ROWS * DIMS, sizeof(real));
	dproxies = arena_alloc(env.arena, ROWS * DIMS, sizeof(real));
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		bool		proxy = method_by_name(c->method)->side == LOSS_PROXY;
		Polls		polls = {0, 0};
		int			all;

		if (i > 0 && strcmp(c->method, loss_case(i - 1)->method) == 0)
			continue;
		env.ctx = &polls;
		assert_true(isfinite(fixture_evaluate(&env, c, false, b.z, b.label, ROWS, DIMS, b.proxies, ROWS,
											  dz, dproxies)));
		all = polls.count;
		if (all < 5)
			fail_msg("%s: %d polls only", c->name, all);
		for (int stop_at = 1; stop_at <= all; stop_at += (all - 1) / 2)
		{
			real		loss;

			polls = (Polls) {0, stop_at};
			memset(dz, 0xff, ROWS * DIMS * sizeof(real));
			memset(dproxies, 0xff, ROWS * DIMS * sizeof(real));
			loss = fixture_evaluate(&env, c, false, b.z, b.label, ROWS, DIMS, b.proxies, ROWS, dz, dproxies);
			if (!isnan(loss) || !all_zero(dz, ROWS * DIMS) || (proxy && !all_zero(dproxies, ROWS * DIMS)))
				fail_msg("%s: stopped at poll %d, gives %g", c->name, stop_at, loss);
			if (polls.count != stop_at)
				fail_msg("%s: went on after poll %d", c->name, stop_at);
		}
	}
	fixture_end(&env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_length_does_not_matter),
		cmocka_unit_test(test_offset_does_not_matter),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_create_refuses),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
