/*
 * test_ranking.c
 *	  Places of a class's rows in a large gallery, against sorting it.
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

#include "learn/measure/ranking.h"
#include "base/rng.h"
#include "ranked.h"
#include "unit_env.h"

#define N	20000
#define NQ	6
#define D	4
#define CLASSES	4

static float gallery[N * D];
static float query[NQ * D];
static int32_t label[N];		/* by position */
static int32_t order[N];
static int64_t begin[CLASSES + 1];
static int32_t position[N];		/* by row */

/* One row, a few, a third, all the rest. */
static int32_t
class_of(int row)
{
	return row == 7777 ? 0 : row % 1000 == 1 ? 1 : row % 3 == 0 ? 2 : 3;
}

static void
make_order(void)
{
	int64_t		p = 0;

	for (int c = 0; c < CLASSES; c++)
	{
		begin[c] = p;
		for (int row = 0; row < N; row++)
			if (class_of(row) == c)
			{
				label[p] = c;
				position[row] = (int32_t) p;
				order[p++] = row;
			}
	}
	begin[CLASSES] = p;
}

/* All classes' places for each query; every tenth row is hidden. */
static void
check(UnitEnv *u)
{
	static Ranked ranked[N];
	ArenaMark	mark = arena_mark(&u->arena);
	Neighbours	nb;
	Ranking		ranking;

	assert_int_equal(neighbours_create_ordered(&u->env, query, NQ, gallery, label, N, D, true, order, &nb), LEARN_OK);
	assert_int_equal(ranking_create(&u->env, &nb, &ranking), LEARN_OK);
	assert_true(nb.block >= NQ);
	assert_int_equal(neighbours_score(&u->env, &nb, query, NQ), LEARN_OK);
	for (int q = 0; q < NQ; q++)
	{
		int			n = 0;

		for (int row = 0; row < N; row++)
		{
			if (row % 10 == 5)
			{
				nb.score[(size_t) q * N + position[row]] = INFINITY;
				continue;
			}
			ranked[n].distance = neighbours_square_distance(query + q * D, gallery + row * D, D);
			ranked[n++].row = row;
		}
		qsort(ranked, n, sizeof(Ranked), compare_ranked);
		for (int c = 0; c < CLASSES; c++)
			for (int strict = 0; strict < 2; strict++)
			{
				int64_t		found;
				int64_t		hits = 0;
				double		nearest = INFINITY;

				assert_int_equal(ranking_places(&u->env, &ranking, q, query + q * D, begin[c], begin[c + 1], strict, &found), LEARN_OK);
				for (int i = 0; i < n; i++)
				{
					if (class_of(ranked[i].row) != c)
					{
						nearest = fmin(nearest, ranked[i].distance);
						continue;
					}
					assert_true(hits < found);
					assert_int_equal(ranking.place[hits].place, i);
					if (strict)
						assert_int_equal(order[ranking.place[hits].row], ranked[i].row);
					hits++;
				}
				assert_int_equal(hits, found);
				assert_true(ranking_nearest_outside(&nb, q, query + q * D, begin[c], begin[c + 1]) == sqrt(nearest));
			}
	}
	arena_reset(&u->arena, mark);
}

static void
make_rows(float *x, int n, Rng *rng, int kind)
{
	for (int i = 0; i < n * D; i++)
		switch (kind)
		{
			case 0:
				x[i] = (float) rng_normal(rng);
				break;
			case 1:				/* very many at the same distance */
				x[i] = (float) rng_below(rng, 4);
				break;
			case 2:				/* far from the origin, close together */
				x[i] = (float) (1e4 + 1e-2 * rng_normal(rng));
				break;
			default:			/* all at one place */
				x[i] = 3;
		}
}

static void
test_places(void **state)
{
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 8, 0);
	make_order();
	for (int kind = 0; kind < 4; kind++)
	{
		make_rows(gallery, N, &rng, kind);
		make_rows(query, NQ, &rng, kind);
		check(&u);
	}

	/* one row of the second class so far away that all others are in one bin */
	make_rows(gallery, N, &rng, 0);
	make_rows(query, NQ, &rng, 0);
	gallery[1 * D] = 1e8f;
	check(&u);
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
}

/* Every poll can stop it. */
static void
test_cancel(void **state)
{
	UnitEnv		u;
	Neighbours	nb;
	Ranking		ranking;
	int64_t		found;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 9, 0);
	make_order();
	make_rows(gallery, N, &rng, 0);
	make_rows(query, NQ, &rng, 0);
	assert_int_equal(neighbours_create_ordered(&u.env, query, NQ, gallery, label, N, D, true, order, &nb), LEARN_OK);
	assert_int_equal(ranking_create(&u.env, &nb, &ranking), LEARN_OK);
	assert_int_equal(neighbours_score(&u.env, &nb, query, NQ), LEARN_OK);
	u.cancel_at = u.polls + 1;
	assert_int_equal(ranking_places(&u.env, &ranking, 0, query, begin[2], begin[3], false, &found), LEARN_CANCELLED);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
