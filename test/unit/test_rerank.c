/*
 * test_rerank.c
 *	  Maximal marginal relevance by its definition; k-reciprocal distances of few, equal and many
 *	  rows are from 0 to 1, and follow the distances if lambda is 1.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "learn/cluster/k_reciprocal.h"
#include "learn/cluster/mmr.h"
#include "unit_env.h"

enum
{
	N = 60,
	D = 5
};

typedef struct Rows
{
	float		x[N][D];
	const float *row[N];
	double		distance[N];	/* to the first row */
} Rows;

static void
make_rows(Rows *rows, int distinct)
{
	Rng			rng;

	rng_seed(&rng, 3, 0);
	for (int i = 0; i < N; i++)
	{
		if (i < distinct)
			for (int j = 0; j < D; j++)
				rows->x[i][j] = (float) rng_normal(&rng);
		else
			memcpy(rows->x[i], rows->x[i % distinct], sizeof(rows->x[i]));
		rows->row[i] = rows->x[i];
		rows->distance[i] = clusters_distance(CLUSTER_L2, rows->x[i], rows->x[0], D);
	}
}

static void
test_mmr(void **state)
{
	static Rows rows;
	UnitEnv		unit;
	int32_t		chosen[N];

	unit_env_init(&unit);
	make_rows(&rows, N);
	for (double lambda = 0; lambda <= 1; lambda += 0.25)
	{
		assert_int_equal(mmr_choose(&unit.env, CLUSTER_L2, rows.row, D, rows.distance, N, lambda, N, chosen), LEARN_OK);
		for (int step = 1; step < N; step++)
		{
			double		best = INFINITY;
			double		mine = 0;

			for (int i = step; i < N; i++)
			{
				double		gap = INFINITY;
				double		score;

				for (int j = 0; j < step; j++)
					gap = fmin(gap, clusters_distance(CLUSTER_L2, rows.row[chosen[i]], rows.row[chosen[j]], D));
				score = lambda * rows.distance[chosen[i]] - (1 - lambda) * gap;
				if (i == step)
					mine = score;
				best = fmin(best, score);
			}
			assert_true(mine == best);
		}
	}
	assert_int_equal(mmr_choose(&unit.env, CLUSTER_L2, rows.row, D, rows.distance, 0, 0.5, 0, chosen), LEARN_OK);
	unit_env_done(&unit);
}

static void
test_k_reciprocal(void **state)
{
	static Rows rows;
	UnitEnv		unit;
	double		result[N];
	const int	ks[] = {1, 2, 7, 100};

	unit_env_init(&unit);
	for (int distinct = 1; distinct <= N; distinct = distinct * 4 + 1)
	{
		make_rows(&rows, distinct);
		for (int n = 0; n <= N; n = n * 3 + 1)
			for (int k = 0; k < 16; k++)
			{
				assert_int_equal(k_reciprocal(&unit.env, CLUSTER_L2, rows.row, D, rows.distance, n, ks[k / 4], ks[k % 4], 0.3, result), LEARN_OK);
				for (int i = 0; i < n; i++)
					assert_true(result[i] >= 0 && result[i] <= 1);
			}
	}
	assert_int_equal(k_reciprocal(&unit.env, CLUSTER_L2, rows.row, D, rows.distance, N, 20, 6, 1, result), LEARN_OK);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			assert_true(rows.distance[i] > rows.distance[j] || result[i] <= result[j]);
	unit_env_done(&unit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mmr),
		cmocka_unit_test(test_k_reciprocal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
