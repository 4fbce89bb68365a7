/*
 * test_nearest.c
 *	  Nearest rows against a naive program, ties and rows in many parts included; local outlier
 *	  factors and p-values against their definitions.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ann/distance.h"
#include "base/rng.h"
#include "learn/cluster/nearest.h"
#include "learn/cluster/outliers.h"
#include "unit_env.h"

typedef struct Place
{
	double		distance;
	int32_t		rank;
	int32_t		row;
} Place;

static int
compare_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* The rows and distances of the task as the definition says. */
static void
assert_naive(const NearestTask *t, const int32_t *row, const double *distance)
{
	Place	   *place = malloc(t->n * sizeof(Place));
	int			k = nearest_count(t);

	for (int64_t q = 0; q < t->nq; q++)
	{
		int64_t		n = 0;

		for (int64_t g = 0; g < t->n; g++)
		{
			if (t->self && g == q)
				continue;
			place[n].distance = distance_l2(t->query + q * t->d, t->gallery + g * t->d, t->d);
			place[n].rank = t->rank ? t->rank[g] : (int32_t) g;
			place[n++].row = (int32_t) g;
		}
		qsort(place, n, sizeof(Place), compare_places);
		for (int i = 0; i < k; i++)
		{
			if (row[q * k + i] != place[i].row || distance[q * k + i] != place[i].distance)
				fail_msg("n %d d %d k %d query %d place %d: row %d at %.17g, not %d at %.17g", (int) t->n, t->d, t->k, (int) q, i,
						 row[q * k + i], distance[q * k + i], place[i].row, place[i].distance);
		}
	}
	free(place);
}

/* Kinds of numbers: spread, on a grid (ties), all equal, far from the origin, of very different sizes. */
static float
number(Rng *rng, int kind)
{
	switch (kind)
	{
		case 0:
			return (float) rng_normal(rng);
		case 1:
			return (float) rng_below(rng, 3);
		case 2:
			return 7.5f;
		case 3:
			return 1e4f + (float) rng_normal(rng);
		default:
			return (float) (rng_normal(rng) * exp(20 * rng_normal(rng)));
	}
}

static void
check_task(int kind, int64_t nq, int64_t n, int d, int k, bool self, bool ranked)
{
	UnitEnv		u;
	Rng			rng;
	NearestTask t = {.nq = self ? n : nq,.n = n,.d = d,.k = k,.self = self};
	float	   *gallery = malloc((n * d + 1) * sizeof(float));
	float	   *query = malloc((nq * d + 1) * sizeof(float));
	int64_t    *order = malloc((n + 1) * sizeof(int64_t));
	int32_t    *rank = malloc((n + 1) * sizeof(int32_t));
	int32_t    *row = malloc((t.nq * k + 1) * sizeof(int32_t));
	double	   *distance = malloc((t.nq * k + 1) * sizeof(double));

	unit_env_init(&u);
	rng_seed(&rng, 100 * kind + d, n);
	for (int64_t i = 0; i < n * d; i++)
		gallery[i] = number(&rng, kind);
	for (int64_t i = 0; i < nq * d; i++)
		query[i] = number(&rng, kind);
	for (int64_t i = 0; i < n; i++)
		order[i] = i;
	rng_shuffle(&rng, order, n);
	for (int64_t i = 0; i < n; i++)
		rank[i] = (int32_t) order[i];
	t.gallery = gallery;
	t.query = self ? gallery : query;
	t.rank = ranked ? rank : NULL;
	ASSERT_OK(&u, nearest_rows(&u.env, &t, row, distance));
	assert_naive(&t, row, distance);
	unit_env_done(&u);
	free(gallery);
	free(query);
	free(order);
	free(rank);
	free(row);
	free(distance);
}

static void
test_naive(void **state)
{
	for (int kind = 0; kind < 5; kind++)
	{
		check_task(kind, 40, 300, 3, 5, false, false);
		check_task(kind, 0, 300, 3, 5, true, false);
		check_task(kind, 40, 5000, 8, 7, false, true);	/* three parts */
		check_task(kind, 20, 2500, 70, 100, false, true);	/* more neighbours than a sorted list has */
		check_task(kind, 0, 700, 1, 20, true, true);
		check_task(kind, 300, 60, 2, 1000, false, true);	/* more than there are */
	}
}

static void
test_few(void **state)
{
	check_task(0, 10, 0, 2, 3, false, false);
	check_task(0, 10, 1, 2, 3, false, false);
	check_task(0, 0, 1, 2, 3, true, false);
	check_task(0, 0, 2, 2, 3, true, false);
	check_task(0, 0, 50, 2, 3, false, false);
}

/* A stop is obeyed at each poll. */
static void
test_cancel(void **state)
{
	static float x[3000 * 4];
	static int32_t row[3000 * 3];
	static double distance[3000 * 3];
	NearestTask t = {x, 3000, x, 3000, 4, 3, true, NULL};
	UnitEnv		u;
	Rng			rng;

	rng_seed(&rng, 1, 1);
	for (int i = 0; i < 3000 * 4; i++)
		x[i] = (float) rng_normal(&rng);
	unit_env_init(&u);
	ASSERT_OK(&u, nearest_rows(&u.env, &t, row, distance));
	assert_true(u.polls > 100);
	for (int at = 1; at < 20; at += 3)
	{
		u.polls = 0;
		u.cancel_at = at;
		assert_int_equal(nearest_rows(&u.env, &t, row, distance), LEARN_CANCELLED);
	}
	unit_env_done(&u);
}

/* The paper's definitions for points on a line, one of them far away. */
static void
test_factor(void **state)
{
	static const float x[] = {0, 1, 3, 4, 6, 30};
	int32_t		row[6 * 2];
	double		distance[6 * 2];
	double		density[6];
	double		scratch[4];
	NearestTask t = {x, 6, x, 6, 1, 2, true, NULL};
	OutlierRows rows = {6, 2, row, distance, density};
	UnitEnv		u;

	unit_env_init(&u);
	ASSERT_OK(&u, nearest_rows(&u.env, &t, row, distance));
	ASSERT_OK(&u, outliers_density(&u.env, &rows));
	/* row 5: neighbours 6 and 4, at 24 and 26, which are also the reachability distances */
	assert_true(fabs(density[5] - 2 / 50.0) < 1e-12);
	/* row 4: 4 and 3, at 2 and 3; their second neighbours are at 2 (of 6) and at 2 (of 1) */
	assert_true(fabs(density[4] - 2 / 5.0) < 1e-12);
	/* row 3: 3 and 6, at 1 and 2; their second neighbours are at 2 and 3 */
	assert_true(fabs(density[3] - 2 / 5.0) < 1e-12);
	assert_true(fabs(outliers_factor(&rows, row + 5 * 2, distance + 5 * 2, scratch) - (0.4 + 0.4) / 0.04 / 2) < 1e-9);
	unit_env_done(&u);
}

/* Rows that are stored more often than k have infinite density, and a factor of 1. */
static void
test_equal_rows(void **state)
{
	static const float x[] = {5, 5, 5, 5, 6, 9};
	int32_t		row[6 * 2];
	double		distance[6 * 2];
	double		density[6];
	double		scratch[4];
	NearestTask t = {x, 6, x, 6, 1, 2, true, NULL};
	OutlierRows rows = {6, 2, row, distance, density};
	UnitEnv		u;

	unit_env_init(&u);
	ASSERT_OK(&u, nearest_rows(&u.env, &t, row, distance));
	ASSERT_OK(&u, outliers_density(&u.env, &rows));
	for (int i = 0; i < 4; i++)
		assert_true(outliers_factor(&rows, row + i * 2, distance + i * 2, scratch) == 1);
	assert_true(isinf(outliers_factor(&rows, row + 4 * 2, distance + 4 * 2, scratch)));
	unit_env_done(&u);
}

static void
test_p_value(void **state)
{
	static const double calibration[] = {1, 2, 2, 3, INFINITY};

	assert_true(outliers_p_value(0, calibration, 5) == 1);
	assert_true(outliers_p_value(2, calibration, 5) == 5.0 / 6);
	assert_true(outliers_p_value(2.5, calibration, 5) == 3.0 / 6);
	assert_true(outliers_p_value(4, calibration, 5) == 2.0 / 6);
	assert_true(outliers_p_value(INFINITY, calibration, 5) == 2.0 / 6);
	assert_true(outliers_p_value(4, calibration, 4) == 1.0 / 5);
	assert_true(outliers_p_value(4, calibration, 0) == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_naive),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_factor),
		cmocka_unit_test(test_equal_rows),
		cmocka_unit_test(test_p_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
