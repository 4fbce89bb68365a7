/*
 * test_loss_columns_double.c
 *	  What a batch is compared with besides itself: a second tower, relations that the
 *	  caller gives, rows of earlier batches. Values against the definition of the loss over
 *	  the block that the columns make, gradients against central differences.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loss_naive.h"
#include "learn/loss/loss_sum.h"

enum
{
	ROWS = 9, COLS = 12, DIMS = 4, CLASSES = 4, MEMORY = 14
};

#define STEP 1e-6

/* The losses that relations are enough for, or that labels of columns are; every kind of S. */
static const struct
{
	const char *method;
	const char *options;
}			tries[] = {
	{"contrastive", "neg_margin=1.7"}, {"contrastive", "neg_margin=1.7 distance=cosine"}, {"triplet", "margin=0.5"},
	{"triplet", "margin=0.5 distance=snr"}, {"supcon", "temperature=0.5"}, {"supcon", "temperature=0.5 distance=inner"},
	{"ntxent", "temperature=0.5"}, {"nca", "scale=1"}, {"multi_similarity", "beta=10 miner=all"}, {"smooth_ap", "temperature=0.2"},
	{"histogram", "bins=20"}, {"fast_ap", ""}, {"margin", "miner=all"}, {"generalized_lifted_structure", ""},
	{"lifted_structure", ""}, {"circle", "scale=6"}, {"tuplet_margin", "scale=5"}, {"ranked_list", "scale=2"},
	{"threshold_consistent_margin", "neg_margin=0.1"}, {"snr", "neg_margin=2"}, {"pnp", "variant=dq temperature=0.2"},
	{"intra_pair_variance", ""}, {"instance", "scale=8"}, {"orthogonal", ""}, {"infonce", "temperature=0.5"},
};

#define TRIES ((int) (sizeof(tries) / sizeof(tries[0])))

typedef struct Setting
{
	LossCase	c;
	LossContext *context;
	Batch		b;				/* rows */
	Batch		other;			/* columns of a second tower */
	const int8_t *relation;
	const real *learned;
	int64_t		id[COLS];
} Setting;

static LossContext *
make_context(LearnEnv *env, const LossCase *c, bool unit, int max_cols)
{
	LossShape	shape = {.unit = unit, .max_rows = COLS, .max_cols = max_cols, .dims = DIMS, .n_classes = CLASSES};
	LossContext *context;

	assert_int_equal(loss_context_create(env, &method_by_name(c->method)->loss, &c->params, &shape, &context), LEARN_OK);
	return context;
}

static double
evaluate(const Setting *t, bool towers, real *dz, real *dother)
{
	real		dlearned[8];
	LossBatch	batch = {.z = t->b.z, .label = t->b.label, .id = t->id, .rows = t->b.rows, .relation = t->relation, .dz = dz};

	if (towers)
	{
		batch.other = t->other.z;
		batch.other_label = t->other.label;
		batch.cols = t->other.rows;
		batch.dother = dother;
	}
	return loss_evaluate(t->context, &batch, t->learned, dlearned);
}

/* The value of rows against columns by definition; self: column i is row i. */
static double
by_definition(LearnEnv *env, const Setting *t, const real *columns, const int32_t *col_label, int cols, const int8_t *relation, bool self)
{
	ArenaMark	mark = arena_mark(env->arena);
	LossBlock	block = fixture_block(env, &t->c, t->b.rows, CLASSES, DIMS, t->b.label);
	real	   *s = arena_alloc(env->arena, t->b.rows * cols, sizeof(real));
	int8_t	   *own = arena_alloc(env->arena, t->b.rows * cols, sizeof(int8_t));
	double		value;

	for (int i = 0; i < t->b.rows; i++)
		for (int j = 0; j < cols; j++)
		{
			s[i * cols + j] = naive_similarity(t->b.z + i * DIMS, columns + j * DIMS, DIMS, block.input, false);
			own[i * cols + j] = relation ? relation[i * cols + j] : self && i == j ? 0 : t->b.label[i] == col_label[j] ? 1 : -1;
		}
	block.cols = cols;
	block.square = self || columns == t->b.z;
	block.s = block.held = s;
	block.relation = own;
	if (block.scalar)
		block.scalar = t->learned;
	value = naive_loss(&t->c, &block);
	arena_reset(env->arena, mark);
	return value;
}

/* d (n) against differences by x. */
static void
check_slopes(const Setting *t, const char *what, bool towers, real *x, const real *d, int n, double here)
{
	real		dz[COLS * DIMS];
	real		dother[COLS * DIMS];
	int			skipped = 0;

	/* a factor that a paper holds still is no part of the slope */
	for (int k = 0; k < n && !method_by_name(t->c.method)->loss.holds; k++)
	{
		double		kept = x[k];
		double		before,
					after,
					central;

		x[k] = kept - STEP;
		before = evaluate(t, towers, dz, dother);
		x[k] = kept + STEP;
		after = evaluate(t, towers, dz, dother);
		x[k] = kept;
		central = (after - before) / (2 * STEP);
		if (fabs((after - here) - (here - before)) / STEP > 5e-3 * (1 + fabs(central)))
		{
			skipped++;
			continue;
		}
		if (!(fabs(d[k] - central) <= 2e-5 * (1 + fabs(central))))
			fail_msg("%s %s, %s: slope %d is %.10g, by differences %.10g", t->c.method, t->c.options, what, k, d[k], central);
	}
	if (skipped > n / 6)
		fail_msg("%s, %s: %d of %d differences were left out", t->c.method, what, skipped, n);
}

static Setting
setting(LearnEnv *env, int i)
{
	Setting		t = {.c = {tries[i].method, tries[i].method, tries[i].options}};

	t.c.params = loss_options(t.c.method, t.c.options);
	t.b = fixture_batch(env, ROWS, DIMS, CLASSES, 11);
	t.other = fixture_batch(env, COLS, DIMS, CLASSES, 12);
	t.learned = fixture_learned(env, &t.c, &t.b);
	for (int k = 0; k < COLS; k++)
		t.id[k] = k;
	return t;
}

static void
check_value(const Setting *t, const char *what, double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want))))
		fail_msg("%s %s, %s: value %.15g, by definition %.15g", t->c.method, t->c.options, what, got, want);
}

/* Two towers, related by label, and by what the caller says. */
static void
test_towers(void **state)
{
	LearnEnv	env;
	int8_t		relation[ROWS * COLS];
	real		dz[COLS * DIMS];
	real		dother[COLS * DIMS];

	fixture_start(&env);
	for (int k = 0; k < ROWS * COLS; k++)
		relation[k] = k % 5 == 0 ? 1 : k % 7 == 0 ? 0 : -1;
	for (int i = 0; i < TRIES; i++)
		for (int constraints = 0; constraints < 2; constraints++)
		{
			Setting		t = setting(&env, i);
			double		here;

			t.context = make_context(&env, &t.c, false, COLS);
			t.relation = constraints ? relation : NULL;
			here = evaluate(&t, true, dz, dother);
			check_value(&t, constraints ? "relations given" : "by label", here,
						by_definition(&env, &t, t.other.z, t.other.label, COLS, t.relation, false));
			check_slopes(&t, "rows", true, t.b.z, dz, ROWS * DIMS, here);
			check_slopes(&t, "columns", true, t.other.z, dother, COLS * DIMS, here);
		}
	fixture_end(&env);
}

/*
 * Losses of the embeddings: of two views the towers are these, as of one batch whose classes have two rows each; the others look at one tower
 * alone, and the gradient of the other is written, too.
 */
static void
test_tower_embeddings(void **state)
{
	static const char *const method[] = {"vicreg", "barlow_twins", "norm", "zero_mean"};
	LearnEnv	env;
	int8_t		relation[ROWS * ROWS];
	int32_t		label[2 * ROWS];
	real		dz[COLS * DIMS];
	real		dother[COLS * DIMS];
	real		both[2 * ROWS * DIMS];

	fixture_start(&env);
	memset(relation, -1, sizeof(relation));
	for (int i = 0; i < ROWS; i++)
		relation[i * (ROWS + 1)] = 1;
	for (int i = 0; i < 2 * ROWS; i++)
		label[i] = i % ROWS;
	for (int i = 0; i < 4; i++)
	{
		LossCase	c = {method[i], method[i], ""};
		Setting		t = {.c = c, .relation = relation};
		bool		views = i < 2;
		double		here;

		t.c.params = loss_options(method[i], "");
		t.b = fixture_batch(&env, ROWS, DIMS, CLASSES, 11);
		t.other = fixture_batch(&env, ROWS, DIMS, CLASSES, 12);
		t.b.label = t.other.label = NULL;
		t.context = make_context(&env, &t.c, false, COLS);
		memset(dother, 0xff, sizeof(dother));
		here = evaluate(&t, true, dz, dother);
		memcpy(both, t.b.z, sizeof(real) * ROWS * DIMS);
		memcpy(both + ROWS * DIMS, t.other.z, sizeof(real) * ROWS * DIMS);
		check_value(&t, "towers", here, naive_loss_of(&t.c, false, views ? both : t.b.z, label, views ? 2 * ROWS : ROWS, DIMS, NULL, ROWS));
		check_slopes(&t, "rows", true, t.b.z, dz, ROWS * DIMS, here);
		check_slopes(&t, "columns", true, t.other.z, dother, ROWS * DIMS, here);
		t.other.rows = ROWS - 1;
		assert_int_equal(isnan(evaluate(&t, true, dz, dother)), views);
	}
	fixture_end(&env);
}

/* One tower, related by what the caller says, with and without labels beside it. */
static void
test_relations(void **state)
{
	LearnEnv	env;
	int8_t		relation[ROWS * ROWS];
	real		dz[COLS * DIMS];

	fixture_start(&env);
	for (int k = 0; k < ROWS * ROWS; k++)
		relation[k] = k % (ROWS + 1) == 0 ? 0 : k % 4 == 0 ? 1 : k % 3 == 0 ? 0 : -1;
	for (int i = 0; i < TRIES; i++)
	{
		Setting		t = setting(&env, i);
		int32_t    *label = t.b.label;
		double		here;

		t.context = make_context(&env, &t.c, false, 0);
		t.relation = relation;
		here = evaluate(&t, false, dz, NULL);
		check_value(&t, "relations", here, by_definition(&env, &t, t.b.z, t.b.label, ROWS, relation, false));
		check_slopes(&t, "relations", false, t.b.z, dz, ROWS * DIMS, here);
		t.b.label = NULL;
		assert_true(evaluate(&t, false, dz, NULL) == here);
		t.b.label = label;
	}
	fixture_end(&env);
}

/*
 * Rows of two earlier batches stand behind the batch's own, the latest ones where not all fit; a row's own earlier
 * embedding is left out.
 */
static void
test_memory(void **state)
{
	LearnEnv	env;
	real		dz[COLS * DIMS];

	fixture_start(&env);
	for (int i = 0; i < TRIES; i++)
	{
		Setting		t = setting(&env, i);
		Batch		now = t.b;
		Batch		first = fixture_batch(&env, COLS, DIMS, CLASSES, 21);
		Batch		second = fixture_batch(&env, 5, DIMS, CLASSES, 22);
		real		columns[(ROWS + MEMORY) * DIMS];
		int32_t		col_label[ROWS + MEMORY];
		int64_t		col_id[ROWS + MEMORY];
		int8_t		relation[ROWS * (ROWS + MEMORY)];
		double		here;

		t.c.params.memory = MEMORY;
		t.context = make_context(&env, &t.c, false, 0);
		t.b = first;
		evaluate(&t, false, dz, NULL);	/* before remembering begins: forgotten */
		loss_remember(t.context);
		t.b = first;
		evaluate(&t, false, dz, NULL);
		t.b = second;
		for (int k = 0; k < 5; k++)
			t.id[k] = 100 + k;
		evaluate(&t, false, dz, NULL);
		for (int k = 0; k < COLS; k++)
			t.id[k] = k;
		t.b = now;
		loss_learning(t.context, false);
		here = evaluate(&t, false, dz, NULL);

		/* 17 rows in a ring of 14: the first three of the first batch have gone */
		memcpy(columns, now.z, sizeof(real) * ROWS * DIMS);
		memcpy(col_label, now.label, sizeof(int32_t) * ROWS);
		for (int k = 0; k < MEMORY; k++)
		{
			const Batch *from = k < 9 ? &first : &second;
			int			row = k < 9 ? k + 3 : k - 9;

			memcpy(columns + (ROWS + k) * DIMS, from->z + row * DIMS, sizeof(real) * DIMS);
			col_label[ROWS + k] = from->label[row];
			col_id[ROWS + k] = k < 9 ? row : 100 + row;
		}
		for (int r = 0; r < ROWS; r++)
			for (int k = 0; k < ROWS + MEMORY; k++)
				relation[r * (ROWS + MEMORY) + k] = (k == r || (k >= ROWS && col_id[k] == r)) ? 0 : now.label[r] == col_label[k] ? 1 : -1;
		check_value(&t, "memory", here, by_definition(&env, &t, columns, col_label, ROWS + MEMORY, relation, true));
		check_slopes(&t, "memory", false, t.b.z, dz, ROWS * DIMS, here);
	}
	fixture_end(&env);
}

/* A sum is the sum of its terms, and so are its gradients. */
static void
test_sum(void **state)
{
	LearnEnv	env;
	Batch		b;
	LossSum    *sum;
	LossShape	shape = {.max_rows = ROWS, .dims = DIMS, .n_classes = CLASSES};
	LossTerm	term[2] = {{0}};
	LossCase	c[2] = {{"arcface", "arcface", "scale=8"}, {"margin", "margin", "miner=all"}};
	const double weight[2] = {0.5, 3};
	real		dz[ROWS * DIMS];
	real		want[ROWS * DIMS] = {0};
	real		learned[CLASSES * DIMS + 1];
	real		dlearned[CLASSES * DIMS + 1];
	real		dwant[CLASSES * DIMS + 1];
	double		value = 0;
	size_t		first,
				count;
	double		rate;

	fixture_start(&env);
	b = fixture_batch(&env, ROWS, DIMS, CLASSES, 31);
	for (int i = 0; i < 2; i++)
	{
		c[i].params = loss_options(c[i].method, c[i].options);
		term[i] = (LossTerm) {&method_by_name(c[i].method)->loss, c[i].params, weight[i], 10 + i};
	}
	assert_int_equal(loss_sum_create(&env, term, 2, &shape, &sum), LEARN_OK);
	assert_int_equal(loss_sum_learned(sum), CLASSES * DIMS + 1);
	assert_true(loss_sum_part(sum, 1, &first, &count, &rate));
	assert_true(first == CLASSES * DIMS && count == 1 && rate == 11);
	assert_false(loss_sum_part(sum, 2, &first, &count, &rate));
	for (int i = 0; i < 2; i++)
	{
		size_t		at = i == 0 ? 0 : CLASSES * DIMS;

		memcpy(learned + at, fixture_learned(&env, &c[i], &b), sizeof(real) * fixture_n_learned(&c[i], CLASSES, DIMS));
		value += weight[i] * fixture_evaluate(&env, &c[i], false, &b, learned + at, dz, dwant + at);
		for (int k = 0; k < ROWS * DIMS; k++)
			want[k] += weight[i] * dz[k];
		for (int k = 0; k < fixture_n_learned(&c[i], CLASSES, DIMS); k++)
			dwant[at + k] *= weight[i];
	}
	{
		LossBatch	batch = {.z = b.z, .label = b.label, .rows = ROWS, .dz = dz};

		assert_true(fabs(loss_sum_evaluate(sum, &batch, learned, dlearned) - value) < 1e-12);
		for (int k = 0; k < ROWS * DIMS; k++)
			assert_true(fabs(dz[k] - want[k]) < 1e-12);
		for (int k = 0; k < CLASSES * DIMS + 1; k++)
			assert_true(fabs(dlearned[k] - dwant[k]) < 1e-12);

		/* one term that is NaN makes the sum NaN, without a gradient */
		learned[CLASSES * DIMS] = NAN;
		assert_true(isnan(loss_sum_evaluate(sum, &batch, learned, dlearned)));
		for (int k = 0; k < ROWS * DIMS; k++)
			assert_true(dz[k] == 0);
	}
	fixture_end(&env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_towers),
		cmocka_unit_test(test_tower_embeddings),
		cmocka_unit_test(test_relations),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
