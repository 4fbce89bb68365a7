/*
 * test_sampler.c
 *	  Batches of P classes x K rows, and hard negatives beside their anchors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "learn/data/sampler.h"
#include "unit_env.h"

#define CLASSES		40
#define PER_CLASS	12
#define N			(CLASSES * PER_CLASS)
#define BATCH		64
#define K			4
#define HARD		3

static int32_t labels[N];
static int32_t hard[N * HARD];
static int64_t all[N];

/* Row i is of class i % CLASSES; its hard negatives are rows of the class behind it. */
static Rows
make_rows(void)
{
	Rows		rows = {0};

	for (int i = 0; i < N; i++)
	{
		labels[i] = i % CLASSES;
		all[i] = i;
		for (int h = 0; h < HARD; h++)
			hard[i * HARD + h] = (i + 1 + h * CLASSES) % N;
	}
	rows.n = N;
	rows.d = 1;
	rows.label = labels;
	rows.n_classes = CLASSES;
	rows.hard_negatives.list = hard;
	rows.hard_negatives.k = HARD;
	return rows;
}

static Sampler *
make_sampler(UnitEnv *unit, const Rows *rows, const int64_t *index, int64_t n, double share, uint64_t seed)
{
	Sampler    *sampler;

	assert_int_equal(sampler_create(&unit->env, rows, index, n, BATCH, K, 0.5, share, seed, &sampler), LEARN_OK);
	return sampler;
}

static void
assert_no_row_twice(const int64_t *row, int n)
{
	bool		met[N] = {false};

	for (int i = 0; i < n; i++)
	{
		assert_true(row[i] >= 0 && row[i] < N);
		assert_false(met[row[i]]);
		met[row[i]] = true;
	}
}

/* Is row among the hard negatives of one of the n rows? */
static bool
is_proposed(const int64_t *row, int n, int64_t other)
{
	for (int i = 0; i < n; i++)
		for (int h = 0; h < HARD; h++)
			if (hard[row[i] * HARD + h] == other)
				return true;
	return false;
}

/* Half of the batch are classes x rows, and the other half is what these propose. */
static void
test_batch_has_proposals(void **state)
{
	UnitEnv		unit;
	Rows		rows = make_rows();
	Sampler    *sampler;
	int64_t		row[BATCH];

	unit_env_init(&unit);
	sampler = make_sampler(&unit, &rows, all, N, 0.5, 1);
	for (int b = 0; b < 200; b++)
	{
		int			n = sampler_next(sampler, row);
		int			count[CLASSES] = {0};

		assert_int_equal(n, BATCH);
		assert_no_row_twice(row, n);
		for (int i = 0; i < BATCH / 2; i++)
			count[labels[row[i]]]++;
		for (int c = 0; c < CLASSES; c++)
			assert_true(count[c] == 0 || count[c] == K);
		for (int i = BATCH / 2; i < BATCH; i++)
			assert_true(is_proposed(row, BATCH / 2, row[i]));
	}
	assert_int_equal(sampler_steps(sampler), (N + BATCH - 1) / BATCH);
	unit_env_done(&unit);
}

/* One seed gives one sequence of batches; without hard negatives, or with a share of 0, the earlier one. */
static void
test_deterministic(void **state)
{
	UnitEnv		unit;
	Rows		rows = make_rows();
	Rows		plain = rows;
	Sampler    *a,
			   *b,
			   *none,
			   *zero;
	int64_t		row_a[BATCH],
				row_b[BATCH];
	bool		differ = false;

	unit_env_init(&unit);
	plain.hard_negatives.list = NULL;
	a = make_sampler(&unit, &rows, all, N, 0.5, 7);
	b = make_sampler(&unit, &rows, all, N, 0.5, 7);
	none = make_sampler(&unit, &plain, all, N, 0.5, 7);
	zero = make_sampler(&unit, &rows, all, N, 0, 7);
	for (int i = 0; i < 50; i++)
	{
		int			n = sampler_next(a, row_a);

		assert_int_equal(sampler_next(b, row_b), n);
		assert_memory_equal(row_a, row_b, sizeof(int64_t) * n);
		n = sampler_next(none, row_a);
		assert_int_equal(sampler_next(zero, row_b), n);
		assert_memory_equal(row_a, row_b, sizeof(int64_t) * n);
	}
	a = make_sampler(&unit, &rows, all, N, 0.5, 8);
	for (int i = 0; i < 10; i++)
	{
		sampler_next(a, row_a);
		sampler_next(b, row_b);
		differ |= memcmp(row_a, row_b, sizeof(row_a)) != 0;
	}
	assert_true(differ);
	unit_env_done(&unit);
}

/* Rows that are held out come into no batch, though others name them. */
static void
test_held_out(void **state)
{
	UnitEnv		unit;
	Rows		rows = make_rows();
	Sampler    *sampler;
	int64_t		index[N];
	int64_t		n_index = 0;
	int64_t		row[BATCH];

	unit_env_init(&unit);
	for (int i = 0; i < N; i++)
		if (i / CLASSES % 3 != 1)
			index[n_index++] = i;
	sampler = make_sampler(&unit, &rows, index, n_index, 0.5, 1);
	for (int b = 0; b < 100; b++)
	{
		int			n = sampler_next(sampler, row);

		assert_int_equal(n, BATCH);
		assert_no_row_twice(row, n);
		for (int i = 0; i < n; i++)
			assert_int_not_equal(row[i] / CLASSES % 3, 1);
	}
	unit_env_done(&unit);
}

/* Rows without hard negatives leave their places to other rows; lists may end early. */
static void
test_few_proposals(void **state)
{
	UnitEnv		unit;
	Rows		rows = make_rows();
	Sampler    *sampler;
	int64_t		row[BATCH];

	unit_env_init(&unit);
	for (int i = 0; i < N * HARD; i++)
		if (i % HARD > 0 || i / HARD % 5 > 0)
			hard[i] = -1;
	sampler = make_sampler(&unit, &rows, all, N, 0.75, 1);
	for (int b = 0; b < 100; b++)
	{
		int			n = sampler_next(sampler, row);

		assert_true(n > BATCH * 3 / 4 && n <= BATCH);
		assert_no_row_twice(row, n);
		for (int i = 0; i < BATCH / 4; i++)
			if (hard[row[i] * HARD] >= 0)
				assert_true(is_proposed(row, n, hard[row[i] * HARD]));
	}
	for (int i = 0; i < N * HARD; i++)
		hard[i] = -1;
	assert_true(sampler_next(sampler, row) > BATCH / 2);
	unit_env_done(&unit);
}

/* Fewer rows than a batch, all of which propose the same one; a class of one row. */
static void
test_small(void **state)
{
	UnitEnv		unit;
	Rows		rows = make_rows();
	Sampler    *sampler;
	int64_t		row[BATCH];

	unit_env_init(&unit);
	rows.n = 7;
	for (int i = 0; i < 7; i++)
	{
		labels[i] = i / 3;
		for (int h = 0; h < HARD; h++)
			hard[i * HARD + h] = labels[i] == 2 ? 0 : 6;
	}
	rows.n_classes = 3;
	sampler = make_sampler(&unit, &rows, all, 7, 0.9, 1);
	for (int b = 0; b < 100; b++)
	{
		int			n = sampler_next(sampler, row);

		assert_true(n >= 2 && n <= 7);
		assert_no_row_twice(row, n);
	}
	unit_env_done(&unit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_has_proposals),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_held_out),
		cmocka_unit_test(test_few_proposals),
		cmocka_unit_test(test_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
