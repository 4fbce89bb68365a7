/*
 * test_loss_gradient_double.c
 *	  Every loss in double: its value against the definition (loss_naive.c), its
 *	  gradients against central differences of the same value.
 *
 * Hinges, miners and averages over the pairs with a loss above 0 make jumps and kinks.
 * A difference is left out where its two halves disagree, that is where the step
 * crosses one; how many may be left out is asserted too.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loss_naive.h"

#define STEP 1e-6

/* Differences taken and left out. */
typedef struct Tally
{
	int			taken;
	int			skipped;
} Tally;

static void
check_value(const char *what, const char *loss, double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want))))
		fail_msg("%s, %s: value %.15g, by definition %.15g", loss, what, got, want);
}

/* analytic against the values at -step, 0, +step */
static void
check_slope(Tally *tally, const char *what, const char *loss, int k, double analytic,
			double before, double here, double after)
{
	double		left = (here - before) / STEP;
	double		right = (after - here) / STEP;
	double		central = (after - before) / (2 * STEP);
	double		size = 1 + fabs(central);

	/* beyond the curvature that these losses have by themselves */
	if (fabs(left - right) > 5e-3 * size)
	{
		tally->skipped++;
		return;
	}
	tally->taken++;
	if (!(fabs(analytic - central) <= 2e-5 * size))
		fail_msg("%s, %s: slope %d is %.10g, by differences %.10g", loss, what, k, analytic, central);
}

/* Central differences of a block's value by the n numbers at x, against d. */
static void
check_slopes(Tally *tally, const char *what, const LossCase *c, LossBlock *block, real *x, const real *d, int n, double here)
{
	const Method *method = method_by_name(c->method);

	for (int k = 0; k < n; k++)
	{
		double		at = x[k];
		double		before,
					after;

		if (block->square && x == block->s && k % (block->cols + 1) == 0)
		{
			assert_true(d[k] == 0);
			x[k] = NAN;			/* must not be looked at */
			after = method->loss.function(&c->params, block);
			assert_true(after == here);
			x[k] = at;
			continue;
		}
		x[k] = at - STEP;
		before = method->loss.function(&c->params, block);
		x[k] = at + STEP;
		after = method->loss.function(&c->params, block);
		x[k] = at;
		check_slope(tally, what, c->name, k, d[k], before, here, after);
	}
}

/* Value and derivatives of a block of random similarities, or embeddings. */
static void
check_block(LearnEnv *env, const LossCase *c, const char *what, int rows, int n_classes,
			const int32_t *label, uint64_t seed, Tally *tally)
{
	const Method *method = method_by_name(c->method);
	enum
	{
		DIMS = 5
	};
	ArenaMark	mark = arena_mark(env->arena);
	LossBlock	block = fixture_block(env, c, rows, n_classes, DIMS, label);
	LossBlock	moved;
	int			cells = block.rows * block.cols;
	int			scalars = 0;
	real	   *s = (real *) block.s;
	int8_t	   *mined = arena_alloc(env->arena, cells, sizeof(int8_t));
	Rng			rng;
	double		here;
	double		start;

	for (int k = 0; k < cells; k++)
		s[k] = !loss_is_similarity(block.input) ? (block.input == LOSS_COSINE_DISTANCE ? 1.98 : 3) * fixture_uniform(&seed) + 1e-2 :
			1.98 * fixture_uniform(&seed) - 0.99;
	for (int k = 0; k < rows * DIMS; k++)
		((real *) block.z)[k] = fixture_normal(&seed);
	for (int k = 0; k < block.cols; k++)
		((real *) block.norm)[k] = 0.5 + fixture_uniform(&seed);
	for (int k = 0; k < block.cols * DIMS && method->loss.by_proxy; k++)
		((real *) block.proxy)[k] = fixture_normal(&seed);
	if (method->loss.scalars)
		scalars = method->loss.scalars(&c->params, n_classes, &start);
	for (int k = 0; k < scalars; k++)
		((real *) block.scalar)[k] = start + 0.1 * fixture_normal(&seed);

	if (block.side == LOSS_BATCH)
	{
		bool		defined = naive_mine(c, &block, mined);

		rng_seed(&rng, 1, 2);
		assert_true(loss_mine(&c->params, &block, (int8_t *) block.relation, &rng));
		if (defined && memcmp(mined, block.relation, cells) != 0)
			fail_msg("%s, %s: the miner takes other pairs than by definition", c->name, what);
	}

	/* the first batch that a loss sees, and then one that leaves its state as it is */
	if (block.state)
	{
		double		want = naive_loss(c, &block);

		check_value(what, c->name, method->loss.function(&c->params, &block), want);
		block.learning = false;
	}
	if (scalars > 0)
		memset(block.dscalar, 0, scalars * sizeof(real));
	memset(block.dnorm, 0, block.cols * sizeof(real));
	memset(block.dproxy, 0, block.cols * DIMS * sizeof(real));
	here = method->loss.function(&c->params, &block);
	check_value(what, c->name, here, naive_loss(c, &block));

	moved = block;
	moved.ds = arena_alloc(env->arena, cells, sizeof(real));
	moved.dz = arena_alloc(env->arena, rows * DIMS, sizeof(real));
	moved.dproxy = arena_alloc_zero(env->arena, block.cols * DIMS, sizeof(real));
	moved.dnorm = arena_alloc_zero(env->arena, block.cols, sizeof(real));
	moved.dscalar = arena_alloc_zero(env->arena, scalars + 1, sizeof(real));
	moved.held = arena_alloc(env->arena, cells, sizeof(real));
	memcpy((real *) moved.held, s, cells * sizeof(real));
	if (block.side == LOSS_EMBEDDING)
		check_slopes(tally, what, c, &moved, (real *) block.z, block.dz, rows * DIMS, here);
	else
		check_slopes(tally, what, c, &moved, s, block.ds, cells, here);
	if (block.side == LOSS_PROXY)
		check_slopes(tally, what, c, &moved, (real *) block.norm, block.dnorm, block.cols, here);
	if (method->loss.by_proxy)
		check_slopes(tally, what, c, &moved, (real *) block.proxy, block.dproxy, block.cols * DIMS, here);
	check_slopes(tally, what, c, &moved, (real *) block.scalar, block.dscalar, scalars, here);
	arena_reset(env->arena, mark);
}

/* Value, dz and dlearned of a batch of embeddings. */
static void
check_batch(LearnEnv *env, const LossCase *c, const char *what, bool unit, Batch *b, const real *constraints, bool slopes, Tally *tally)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			nz = b->rows * b->dims;
	int			np = fixture_n_learned(c, b->n_classes, b->dims);
	real	   *learned = fixture_learned(env, c, b);
	real	   *dz = arena_alloc(env->arena, nz, sizeof(real));
	real	   *dlearned = arena_alloc(env->arena, np + 1, sizeof(real));
	real	   *scratch = arena_alloc(env->arena, nz + np + 1, sizeof(real));
	double		here;

	if (constraints)
		memcpy(learned, constraints, np * sizeof(real));
	memset(dz, 0xff, nz * sizeof(real));
	memset(dlearned, 0xff, np * sizeof(real));
	here = fixture_evaluate(env, c, unit, b, learned, dz, dlearned);
	if (c->params.miner != MINE_DISTANCE_WEIGHTED)
		check_value(what, c->name, here, naive_loss_of(c, unit, b->z, b->label, b->rows, b->dims, learned, b->n_classes));
	for (int k = 0; k < nz + np; k++)
	{
		real	   *at = (k < nz) ? &b->z[k] : &learned[k - nz];
		double		analytic = (k < nz) ? dz[k] : dlearned[k - nz];
		double		kept = *at;
		double		before,
					after;

		assert_true(isfinite(analytic));
		if (!slopes || method_by_name(c->method)->loss.holds)
			continue;
		*at = kept - STEP;
		before = fixture_evaluate(env, c, unit, b, learned, scratch, scratch + nz);
		*at = kept + STEP;
		after = fixture_evaluate(env, c, unit, b, learned, scratch, scratch + nz);
		*at = kept;
		check_slope(tally, what, c->name, k, analytic, before, here, after);
	}
	arena_reset(env->arena, mark);
}

static void
check_tally(const char *loss, Tally tally)
{
	if (tally.skipped > 0.03 * tally.taken)
		fail_msg("%s: %d of %d differences were left out", loss, tally.skipped, tally.taken + tally.skipped);
}

static void
test_blocks(void **state)
{
	LearnEnv	env;

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		int32_t		label[64];
		Tally		tally = {0, 0};

		for (int rows = 1; rows <= 23; rows += (rows < 6) ? 1 : 5)
			for (int n_classes = 1; n_classes <= 9; n_classes += 2)
			{
				uint64_t	seed = 100 * rows + n_classes;

				for (int k = 0; k < rows; k++)
					label[k] = (int32_t) (fixture_uniform(&seed) * n_classes);
				check_block(&env, c, "random labels", rows, n_classes, label, seed, &tally);
			}
		for (int k = 0; k < 12; k++)
			label[k] = k;
		check_block(&env, c, "rows all of different classes", 12, 12, label, 1, &tally);
		for (int k = 0; k < 12; k++)
			label[k] = 7;
		check_block(&env, c, "rows all of one class among many", 12, 12, label, 2, &tally);
		for (int k = 0; k < 40; k++)
			label[k] = k / 36;
		check_block(&env, c, "one large class", 40, 3, label, 3, &tally);
		check_tally(c->name, tally);
	}
	fixture_end(&env);
}

static void
test_embeddings(void **state)
{
	static const int shape[][3] = {{1, 3, 1}, {1, 1, 4}, {2, 2, 1}, {2, 3, 2}, {7, 5, 2}, {17, 4, 5}, {33, 6, 4}, {40, 3, 20}};
	LearnEnv	env;

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		Tally		tally = {0, 0};

		for (int k = 0; k < (int) (sizeof(shape) / sizeof(shape[0])); k++)
			for (int unit = 0; unit < 2; unit++)
			{
				Batch		b = fixture_batch(&env, shape[k][0], shape[k][1], shape[k][2], k + 1);

				for (int r = 0; unit && r < b.rows; r++)
				{
					double		norm = 0;

					for (int d = 0; d < b.dims; d++)
						norm += b.z[r * b.dims + d] * b.z[r * b.dims + d];
					for (int d = 0; d < b.dims; d++)
						b.z[r * b.dims + d] /= sqrt(norm);
				}
				/* one dimension: cosines are 1 and -1, where arcface has its corner */
				check_batch(&env, loss_case(i), unit ? "unit rows" : "rows of any length", unit, &b, NULL,
							b.dims > 1, &tally);
			}
		check_tally(loss_case(i)->name, tally);
	}
	fixture_end(&env);
}

/* The value is as defined and the gradient finite where there is no slope to compare with. */
static void
test_degenerate_embeddings(void **state)
{
	LearnEnv	env;
	Tally		tally = {0, 0};

	fixture_start(&env);
	for (int i = 0; loss_case(i) != NULL; i++)
	{
		const LossCase *c = loss_case(i);
		Batch		b = fixture_batch(&env, 12, 4, 3, 5);
		real	   *learned;

		memcpy(b.z + 4, b.z, 4 * sizeof(real));
		memset(b.z + 8, 0, 4 * sizeof(real));
		check_batch(&env, c, "a duplicate and a zero vector", false, &b, NULL, false, &tally);
		learned = fixture_learned(&env, c, &b);
		for (int k = 0; k < 4 && k < fixture_n_learned(c, 3, 4); k++)
			learned[k] = 0;
		check_batch(&env, c, "a zero proxy", false, &b, learned, false, &tally);
		for (int k = 0; k < 12 * 4; k++)
			b.z[k] = 0;
		check_batch(&env, c, "zero vectors alone", false, &b, NULL, false, &tally);
		for (int k = 0; k < 12 * 4; k++)
			b.z[k] = 0.5;
		check_batch(&env, c, "equal rows", true, &b, NULL, false, &tally);
	}
	fixture_end(&env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_embeddings),
		cmocka_unit_test(test_degenerate_embeddings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
