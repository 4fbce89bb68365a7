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
	assert_true(check_loss_reference(&env, 2e-5) > 58);
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

		for (int i = 0; loss_case(i) != NULL; i++)
		{
			const LossCase *c = loss_case(i);
			real	   *learned = fixture_learned(&env, c, &b);
			real	   *dlearned = arena_alloc(env.arena, fixture_n_learned(c, b.n_classes, b.dims) + 1, sizeof(real));
			double		want = naive_loss_of(c, false, b.z, b.label, b.rows, b.dims, learned, b.n_classes);
			double		got = fixture_evaluate(&env, c, false, &b, learned, dz, dlearned);

			if (c->params.miner != MINE_DISTANCE_WEIGHTED && !(fabs(got - want) <= 1e-4 * (1e-2 + fabs(want))))
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

/* Evaluate; fail unless loss and gradients are finite.  size: of what is learned; NAN: as it is. */
static void
check_finite(LearnEnv *env, const char *what, const Batch *b, double size)
{
	int			nz = b->rows * b->dims;
	real	   *dz = arena_alloc(env->arena, nz, sizeof(real));

	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		int			np = fixture_n_learned(c, b->n_classes, b->dims);
		real	   *learned = fixture_learned(env, c, b);
		real	   *dlearned = arena_alloc_zero(env->arena, np + 1, sizeof(real));
		real		loss;

		for (int k = 0; k < np && !isnan(size); k++)
			learned[k] *= size;
		loss = fixture_evaluate(env, c, false, b, learned, dz, dlearned);
		/* where squares of squares overflow */
		if (isnan(loss) && method_by_name(c->method)->loss.side == LOSS_EMBEDDING &&
			(size > 1e6 || strcmp(what, "an outlier") == 0))
			loss = 0;
		if (!isfinite(loss) || !all_finite(dz, nz) || !all_finite(dlearned, np))
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
		check_finite(&env, "all elements large or small", &b, size[k]);
	}

	b = fixture_batch(&env, 20, 5, 4, 3);
	b.z[7] = 1e18;
	check_finite(&env, "an outlier", &b, NAN);
	for (int i = 0; i < 20; i++)
		memcpy(b.z + 5 * i, b.z, 5 * sizeof(real));
	check_finite(&env, "equal rows", &b, NAN);
	memset(b.z, 0, 20 * 5 * sizeof(real));
	check_finite(&env, "zero rows", &b, NAN);
	check_finite(&env, "zero rows and zero proxies", &b, 0);
	for (int i = 0; i < 20 * 5; i++)
		b.z[i] = (i / 5 == b.label[i / 5]) ? 1 : -1;
	for (int i = 0; i < 4 * 5; i++)
		b.centre[i] = (i % 2) ? 1 : -1;
	check_finite(&env, "corners of a cube", &b, NAN);
	fixture_end(&env);
}

/* Cosines do not ask for the length: also where its square is out of float's range. */
static void
test_length_does_not_matter(void **state)
{
	static const double size[] = {1e-10, 1e15, 3e37};
	LearnEnv	env;
	real		dz[20 * 5];

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		Batch		b = fixture_batch(&env, 20, 5, 4, 3);
		real	   *learned = fixture_learned(&env, c, &b);
		real	   *dlearned = arena_alloc(env.arena, fixture_n_learned(c, 4, 5) + 1, sizeof(real));
		double		want;

		if (method_by_name(c->method)->loss.side == LOSS_EMBEDDING ||
			(naive_input(c) != LOSS_COSINE && naive_input(c) != LOSS_COSINE_DISTANCE))
			continue;
		want = fixture_evaluate(&env, c, false, &b, learned, dz, dlearned);
		for (int k = 0; k < 3; k++)
		{
			double		got;

			b = fixture_batch(&env, 20, 5, 4, 3);
			for (int j = 0; j < 20 * 5; j++)
				b.z[j] *= size[k];
			got = fixture_evaluate(&env, c, false, &b, learned, dz, dlearned);
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
		real	   *learned;
		real		dlearned[8];
		double		want,
					got;

		if (method_by_name(c->method)->loss.side == LOSS_EMBEDDING ||
			(naive_input(c) != LOSS_DISTANCE && naive_input(c) != LOSS_SQUARED))
			continue;
		learned = fixture_learned(&env, c, &b);
		want = fixture_evaluate(&env, c, false, &b, learned, dz, dlearned);
		for (int j = 0; j < 20 * 5; j++)
			b.z[j] += 1024;
		got = fixture_evaluate(&env, c, false, &b, learned, dz, dlearned);
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

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		int			np = fixture_n_learned(c, 4, 5);
		real	   *dlearned = arena_alloc(env.arena, np + 1, sizeof(real));

		for (int k = 0; k < (np > 0 ? 6 : 4); k++)
		{
			Batch		b = fixture_batch(&env, 20, 5, 4, 3);
			real	   *learned = fixture_learned(&env, c, &b);
			real		loss;

			if (k < 2)
				b.z[33] = k == 0 ? NAN : -INFINITY;
			else if (k < 4)
				b.label[19] = k == 2 ? 4 : -1;
			else
				learned[np - 1] = k == 4 ? NAN : INFINITY;
			memset(dz, 0xff, sizeof(dz));
			memset(dlearned, 0xff, np * sizeof(real));
			for (int unit = 0; unit < 2; unit++)
			{
				loss = fixture_evaluate(&env, c, unit, &b, learned, dz, dlearned);
				if (!isnan(loss) || !all_zero(dz, 20 * 5) || !all_zero(dlearned, np))
					fail_msg("%s: invalid input %d gives %g", c->name, k, loss);
			}
		}
	}
	fixture_end(&env);
}

static void
test_create_refuses(void **state)
{
	static const LossShape good = {.unit = true, .max_rows = 4, .dims = 2, .n_classes = 3};
	LearnEnv	env;
	LossContext *context;
	const Method *nca = method_by_name("nca");
	Loss		wrong = nca->loss;
	LossShape	shape = good;

	fixture_start(&env);
	wrong.side = LOSS_PROXY;
	assert_int_equal(loss_context_create(&env, &wrong, &nca->defaults, &good, &context), LEARN_INVALID);
	assert_string_equal(env.message, "a loss against proxies takes cosine similarities");
	shape.max_rows = 0;
	assert_int_equal(loss_context_create(&env, &nca->loss, &nca->defaults, &shape, &context), LEARN_INVALID);
	shape = good;
	shape.dims = 0;
	assert_int_equal(loss_context_create(&env, &nca->loss, &nca->defaults, &shape, &context), LEARN_INVALID);
	shape = good;
	shape.n_classes = 0;
	assert_int_equal(loss_context_create(&env, &nca->loss, &nca->defaults, &shape, &context), LEARN_INVALID);
	shape = good;
	shape.max_rows = 4096;
	env.arena->limit = 1 << 20;
	assert_int_equal(loss_context_create(&env, &nca->loss, &nca->defaults, &shape, &context), LEARN_NO_MEMORY);
	fixture_end(&env);
}

/* A batch gives the same bits, whatever the context has seen before. */
static void
test_repeats(void **state)
{
	LearnEnv	env;
	Batch		b,
				other;
	real		dz[2][20 * 5];

	fixture_start(&env);
	b = fixture_batch(&env, 20, 5, 4, 3);
	other = fixture_batch(&env, 13, 5, 4, 8);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		LossContext *context = fixture_context(&env, c, false, 20, 5, 4);
		int			np = fixture_n_learned(c, 4, 5);
		real	   *learned = fixture_learned(&env, c, &b);
		real	   *dp[2];
		real		loss[2];
		LossBatch	batch = {.z = b.z, .label = b.label, .target = fixture_target(&env, b.label, 20), .rows = 20, .dz = dz[0]};
		LossBatch	between = {.z = other.z, .label = other.label, .target = fixture_target(&env, other.label, 13), .rows = 13, .dz = dz[1]};

		/* the one draws, the others are to remember */
		if (c->params.miner == MINE_DISTANCE_WEIGHTED || method_by_name(c->method)->loss.states)
			continue;
		for (int k = 0; k < 2; k++)
			dp[k] = arena_alloc_zero(env.arena, np + 1, sizeof(real));
		loss[0] = loss_evaluate(context, &batch, learned, dp[0]);
		loss_evaluate(context, &between, learned, dp[1]);
		batch.dz = dz[1];
		loss[1] = loss_evaluate(context, &batch, learned, dp[1]);
		assert_memory_equal(&loss[0], &loss[1], sizeof(real));
		assert_memory_equal(dz[0], dz[1], sizeof(dz[0]));
		assert_memory_equal(dp[0], dp[1], np * sizeof(real));
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

	fixture_start(&env);
	env.cancelled = count_polls;
	b = fixture_batch(&env, ROWS, DIMS, ROWS, 6);
	dz = arena_alloc(env.arena, ROWS * DIMS, sizeof(real));
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		Polls		polls = {0, 0};
		int			np = fixture_n_learned(c, ROWS, DIMS);
		ArenaMark	mark = arena_mark(env.arena);
		real	   *learned;
		real	   *dlearned;
		int			all;

		if (i > 0 && strcmp(c->method, loss_case(i - 1)->method) == 0)
			continue;
		if (method_by_name(c->method)->loss.side == LOSS_EMBEDDING)
			continue;			/* B * dims, or a product */
		env.ctx = &polls;
		learned = fixture_learned(&env, c, &b);
		dlearned = arena_alloc(env.arena, np + 1, sizeof(real));
		assert_true(isfinite(fixture_evaluate(&env, c, false, &b, learned, dz, dlearned)));
		all = polls.count;
		if (all < 5)
			fail_msg("%s: %d polls only", c->name, all);
		for (int stop_at = 1; stop_at <= all; stop_at += (all - 1) / 2)
		{
			real		loss;

			polls = (Polls) {0, stop_at};
			memset(dz, 0xff, ROWS * DIMS * sizeof(real));
			memset(dlearned, 0xff, np * sizeof(real));
			loss = fixture_evaluate(&env, c, false, &b, learned, dz, dlearned);
			if (!isnan(loss) || !all_zero(dz, ROWS * DIMS) || !all_zero(dlearned, np))
				fail_msg("%s: stopped at poll %d, gives %g", c->name, stop_at, loss);
			if (polls.count != stop_at)
				fail_msg("%s: went on after poll %d", c->name, stop_at);
		}
		arena_reset(env.arena, mark);
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
