/*
 * test_metrics.c
 *	  Retrieval metrics against their definitions: cases made by hand, a naive program,
 *	  rows that lie closer together than float's products can tell.
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

#include "dataset.h"
#include "learn/measure/metrics.h"
#include "learn/measure/neighbours.h"
#include "base/rng.h"
#include "ranked.h"
#include "unit_env.h"

typedef struct Task
{
	const float *query;
	const int32_t *query_label;
	int64_t		nq;
	const float *gallery;
	const int32_t *gallery_label;
	int64_t		ng;
	int			d;
	bool		self;
	int			k;
} Task;

/* ---------- the definitions, without haste ---------- */

static Retrieval
naive(const Task *t)
{
	Retrieval	out = {0};
	Ranked	   *ranked = malloc((t->ng + 1) * sizeof(Ranked));
	int64_t		partnered;

	for (int64_t q = 0; q < t->nq; q++)
	{
		int32_t		label = t->query_label[q];
		int64_t		n = 0;
		int64_t		r = 0;
		int64_t		hits = 0;
		double		precisions = 0;
		int64_t		k;

		for (int64_t g = 0; g < t->ng; g++)
		{
			double		sum = 0;

			if (t->self && g == q)
				continue;
			for (int j = 0; j < t->d; j++)
			{
				double		diff = (double) t->query[q * t->d + j] - t->gallery[g * t->d + j];

				sum += diff * diff;
			}
			ranked[n].distance = sum;
			ranked[n++].row = g;
			r += t->gallery_label[g] == label;
		}
		qsort(ranked, n, sizeof(Ranked), compare_ranked);
		out.queries++;
		out.lone += r == 0;
		if (r > 0)
		{
			for (int i = 0; i < 4; i++)
			{
				bool		hit = false;

				for (int64_t j = 0; j < n && j < 1 << i; j++)
					hit |= t->gallery_label[ranked[j].row] == label;
				out.recall[i] += hit;
			}
			for (int64_t i = 0; i < r; i++)
				if (t->gallery_label[ranked[i].row] == label)
				{
					hits++;
					precisions += (double) hits / (i + 1);
				}
			out.r_precision += (double) hits / r;
			out.map_r += precisions / r;
		}
		k = t->k < n ? t->k : n;
		if (k > 0)
		{
			int64_t		most = 0;
			int32_t		winner = 0;

			for (int64_t i = 0; i < k; i++)
			{
				int64_t		votes = 0;

				for (int64_t j = 0; j < k; j++)
					votes += t->gallery_label[ranked[j].row] == t->gallery_label[ranked[i].row];
				if (votes > most)
				{
					most = votes;
					winner = t->gallery_label[ranked[i].row];
				}
			}
			out.knn += winner == label;
		}
	}
	free(ranked);
	partnered = out.queries - out.lone;
	for (int i = 0; i < 4; i++)
		out.recall[i] /= partnered;
	out.r_precision /= partnered;
	out.map_r /= partnered;
	out.knn /= out.queries;
	return out;
}

/* recall@1, 2, 4 and 8 by a search for eight neighbours at most, as where few are asked for. */
static void
check_few(UnitEnv *u, const Task *t, const Retrieval *want)
{
	Neighbours	nb;
	int64_t		recall[4] = {0};
	int64_t		lone = 0;
	int64_t		others = t->ng - t->self;
	int64_t		m = others < 8 ? others : 8;

	ASSERT_OK(u, neighbours_create(&u->env, t->query, t->nq, t->gallery, t->gallery_label, t->ng, t->d, false, &nb));
	for (int64_t q = 0; q < t->nq; q++)
	{
		int32_t		label = t->query_label[q];
		int64_t		partners = -t->self;
		int64_t		first = 0;

		if (q % nb.block == 0)
			ASSERT_OK(u, neighbours_score(&u->env, &nb, t->query + q * t->d, (int) (t->nq - q < nb.block ? t->nq - q : nb.block)));
		for (int64_t g = 0; g < t->ng; g++)
			partners += t->gallery_label[g] == label;
		if (partners == 0)
		{
			lone++;
			continue;
		}
		ASSERT_OK(u, neighbours_nearest(&u->env, &nb, (int) (q % nb.block), t->query + q * t->d, label, t->self ? q : -1, m, 0));
		while (first < m && t->gallery_label[nb.found[first].row] != label)
			first++;
		for (int i = 0; i < 4; i++)
			recall[i] += first < m && first < 1 << i;
	}
	assert_int_equal(t->nq, want->queries);
	assert_int_equal(lone, want->lone);
	for (int i = 0; i < 4; i++)
		assert_true(lone < t->nq ? (double) recall[i] / (t->nq - lone) == want->recall[i] : isnan(want->recall[i]));
}

/* The scores of queries one by one are what the means are of. */
static void
check_each(const QueryScore *each, const Task *t, const Retrieval *want)
{
	double		recall = 0;
	double		map_r = 0;
	int64_t		lone = 0;

	for (int64_t q = 0; q < t->nq; q++)
	{
		assert_int_equal(isnan(each[q].recall), isnan(each[q].map_r));
		lone += isnan(each[q].recall);
		recall += isnan(each[q].recall) ? 0 : each[q].recall;
		map_r += isnan(each[q].recall) ? 0 : each[q].map_r;
	}
	assert_int_equal(lone, want->lone);
	if (lone < t->nq)
	{
		assert_true(fabs(recall / (double) (t->nq - lone) - want->recall[0]) < 1e-12);
		assert_true(fabs(map_r / (double) (t->nq - lone) - want->map_r) < 1e-6);
	}
}

static Retrieval
measure(UnitEnv *u, const Task *t)
{
	QueryScore *each = malloc(sizeof(QueryScore) * (size_t) (t->nq + 1));
	Retrieval	out;
	LearnStatus status;

	memset(&out, 0x55, sizeof(out));
	status = metrics_retrieval(&u->env, &(RetrievalTask) {t->d, t->nq, t->query, t->query_label, t->ng, t->gallery, t->gallery_label,
							   t->self, t->k}, each, &out);
	if (status != LEARN_OK)
		fail_msg("%d: %s", status, u->env.message);
	check_few(u, t, &out);
	check_each(each, t, &out);
	free(each);
	return out;
}

static void
check_same(const char *what, double got, double want)
{
	if (!(fabs(got - want) <= 1e-12) && !(isnan(got) && isnan(want)))
		fail_msg("%s: %.15g, by definition %.15g", what, got, want);
}

static void
check(UnitEnv *u, const Task *t)
{
	Retrieval	got = measure(u, t);
	Retrieval	want = naive(t);

	assert_int_equal(got.queries, want.queries);
	assert_int_equal(got.lone, want.lone);
	for (int i = 0; i < 4; i++)
		check_same("recall", got.recall[i], want.recall[i]);
	check_same("R-precision", got.r_precision, want.r_precision);
	check_same("MAP@R", got.map_r, want.map_r);
	check_same("knn", got.knn, want.knn);
}

/* ---------- by hand ---------- */

static void
test_by_hand(void **state)
{
	/* on a line: the query at 0, the gallery in this order of distance */
	static const float query[] = {0};
	static const int32_t query_label[] = {7};
	static const float gallery[] = {5, -1, 2, 4, -3};
	static const int32_t gallery_label[] = {7, 3, 7, 9, 7};	/* in order: 3 7 7 9 7 */
	UnitEnv		u;
	Retrieval	r;
	Task		t = {query, query_label, 1, gallery, gallery_label, 5, 1, false, 1};

	unit_env_init(&u);
	r = measure(&u, &t);
	assert_int_equal(r.queries, 1);
	assert_int_equal(r.lone, 0);
	check_same("recall@1", r.recall[0], 0);
	check_same("recall@2", r.recall[1], 1);
	check_same("recall@4", r.recall[2], 1);
	check_same("R-precision", r.r_precision, 2.0 / 3);
	check_same("MAP@R", r.map_r, (1.0 / 2 + 2.0 / 3) / 3);
	check_same("1 neighbour", r.knn, 0);
	t.k = 2;					/* 3 7: a tie, the nearer wins */
	check_same("2 neighbours", measure(&u, &t).knn, 0);
	t.k = 3;					/* 3 7 7 */
	check_same("3 neighbours", measure(&u, &t).knn, 1);
	t.k = 100;
	check_same("all neighbours", measure(&u, &t).knn, 1);
	t.k = 0;
	assert_true(isnan(measure(&u, &t).knn));
	unit_env_done(&u);
}

static void
test_ties(void **state)
{
	static const float query[] = {0, 0};
	static const int32_t label[] = {1};
	static const float gallery[] = {1, 0, 0, 1, -1, 0, 0, -1};
	static const int32_t first[] = {1, 0, 0, 0};
	static const int32_t last[] = {0, 0, 0, 1};
	UnitEnv		u;
	Task		t = {query, label, 1, gallery, first, 4, 2, false, 1};
	Retrieval	r;

	unit_env_init(&u);
	r = measure(&u, &t);
	check_same("recall@1", r.recall[0], 1);
	check_same("MAP@R", r.map_r, 1);
	check_same("knn", r.knn, 1);
	t.gallery_label = last;
	r = measure(&u, &t);
	check_same("recall@2", r.recall[1], 0);
	check_same("recall@4", r.recall[2], 1);
	check_same("MAP@R", r.map_r, 0);
	unit_env_done(&u);
}

/* No gallery, no queries, all lone, one other row. */
static void
test_degenerate(void **state)
{
	static const float x[] = {1, 2, 3};
	static const int32_t label[] = {0, 1, 2};
	static const int32_t same[] = {4, 4, 4};
	UnitEnv		u;
	Retrieval	r;

	unit_env_init(&u);
	r = measure(&u, &(Task) {x, label, 3, x, label, 3, 1, true, 5});
	assert_int_equal(r.lone, 3);
	assert_true(isnan(r.recall[0]) && isnan(r.map_r) && isnan(r.r_precision));
	check_same("knn", r.knn, 0);

	r = measure(&u, &(Task) {x, label, 3, x, label, 3, 1, false, 5});
	assert_int_equal(r.lone, 0);
	check_same("recall", r.recall[0], 1);
	check_same("MAP@R", r.map_r, 1);
	check_same("knn", r.knn, 1);

	r = measure(&u, &(Task) {x, label, 1, x, label, 1, 1, true, 5});
	assert_int_equal(r.lone, 1);
	r = measure(&u, &(Task) {x, label, 3, x, label, 0, 1, false, 5});
	assert_int_equal(r.lone, 3);
	check_same("knn", r.knn, 0);
	r = measure(&u, &(Task) {x, label, 0, x, label, 3, 1, false, 5});
	assert_int_equal(r.queries, 0);
	assert_true(isnan(r.recall[0]) && isnan(r.knn));
	r = measure(&u, &(Task) {x, same, 2, x, same, 2, 1, true, 1});
	check_same("recall", r.recall[0], 1);
	check_same("MAP@R", r.map_r, 1);
	unit_env_done(&u);
}

/* ---------- against the definitions ---------- */

typedef enum Shape
{
	SPREAD,						/* normal */
	CLUSTERS,					/* tight ones, on the sphere */
	FAR,						/* clusters far from the origin, where products lose digits */
	GRID,						/* few different places: ties everywhere */
	SAME,						/* one place */
	OUTLIER,					/* one row a million times as far as the rest */
	HUGE_VALUES,
	TINY_VALUES,
	N_SHAPES
} Shape;

static void
make_rows(Rng *rng, Shape shape, int n, int d, int n_classes, float *x, int32_t *label)
{
	for (int i = 0; i < n; i++)
	{
		label[i] = (int32_t) rng_below(rng, n_classes) * 1000 - 500;
		for (int j = 0; j < d; j++)
		{
			double		noise = rng_normal(rng);
			double		centre = sin(label[i] * 0.37 + j);

			switch (shape)
			{
				case SPREAD:
					x[i * d + j] = noise + 0.3 * centre;
					break;
				case CLUSTERS:
					x[i * d + j] = (centre + 1e-4 * noise) / sqrt(d);
					break;
				case FAR:
					x[i * d + j] = 1000 + 1e-3 * (noise + centre);
					break;
				case GRID:
					x[i * d + j] = floor(1.5 * noise);
					break;
				case SAME:
					x[i * d + j] = 0.1f;
					break;
				case OUTLIER:
					x[i * d + j] = i == 3 ? 1e6 : noise + centre;
					break;
				case HUGE_VALUES:
					x[i * d + j] = 1e38 * fmin(fmax(noise + centre, -3), 3);
					break;
				default:
					x[i * d + j] = 1e-40 * (noise + centre);
					break;
			}
		}
	}
}

static void
test_against_definition(void **state)
{
	static const struct
	{
		int			n;
		int			d;
		int			n_classes;
	}			sizes[] = {{300, 3, 4}, {700, 16, 150}, {90, 65, 3}, {257, 1, 2}, {6000, 8, 3}};
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 5, 0);
	for (int shape = 0; shape < N_SHAPES; shape++)
		for (int s = 0; s < 5; s++)
		{
			ArenaMark	mark = arena_mark(&u.arena);
			int			n = sizes[s].n;
			int			d = sizes[s].d;
			int			nq = n > 1000 ? 30 : n / 3;
			float	   *x = arena_alloc(&u.arena, (size_t) n * d, sizeof(float));
			float	   *y = arena_alloc(&u.arena, (size_t) n * d, sizeof(float));
			int32_t    *x_label = arena_alloc(&u.arena, n, sizeof(int32_t));
			int32_t    *y_label = arena_alloc(&u.arena, n, sizeof(int32_t));

			make_rows(&rng, shape, n, d, sizes[s].n_classes, x, x_label);
			make_rows(&rng, shape, n, d, sizes[s].n_classes + 1, y, y_label);

			/* equal rows, of equal and of other labels */
			for (int i = 0; i < 20; i++)
				memcpy(x + (size_t) rng_below(&rng, n) * d, x + (size_t) rng_below(&rng, n) * d, d * sizeof(float));
			for (int k = 1; k <= 100; k = k * 5 + 3)
			{
				check(&u, &(Task) {y, y_label, nq, x, x_label, n, d, false, k});
				if (n <= 1000)
					check(&u, &(Task) {x, x_label, n, x, x_label, n, d, true, k});
			}
			arena_reset(&u.arena, mark);
		}
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
}

/*
 * Pairs that differ in the last bits of one element, far from the origin: norms and
 * products in float see no difference.
 */
static void
test_near_duplicates(void **state)
{
	enum
	{
		N = 400,
		D = 32
	};
	static float x[N * D];
	static int32_t label[N];
	UnitEnv		u;
	Rng			rng;
	Retrieval	r;

	unit_env_init(&u);
	rng_seed(&rng, 6, 0);
	for (int i = 0; i < N; i++)
	{
		/* groups of four: 0 and 1 are of a class and one step apart, 2 and 3 two and three steps off */
		for (int j = 0; j < D; j++)
			x[i * D + j] = i % 4 == 0 ? 100 + rng_normal(&rng) : x[(i - i % 4) * D + j];
		for (int step = 0; step < (int[]) {0, 1, 3, 6}[i % 4]; step++)
			x[i * D + 7] = nextafterf(x[i * D + 7], 1e9f);
		label[i] = i / 4 * 10 + (i % 4 < 2 ? 0 : i % 4);
	}
	r = measure(&u, &(Task) {x, label, N, x, label, N, D, true, 1});
	assert_int_equal(r.lone, N / 2);
	check_same("recall@1", r.recall[0], 1);
	check_same("MAP@R", r.map_r, 1);
	check(&u, &(Task) {x, label, N, x, label, N, D, true, 3});
	unit_env_done(&u);
}

/* A real data set: leave one out, nearest neighbour, as scikit-learn counts it. */
static void
test_digits(void **state)
{
	UnitEnv		u;
	Dataset    *data;
	Task		t;

	unit_env_init(&u);
	data = dataset_load(&u.env, "digits", 1);
	t = (Task) {data->x, data->rows.label, data->rows.n, data->x, data->rows.label, data->rows.n, 64, true, 5};
	check_same("recall@1", measure(&u, &t).recall[0], 1776 / 1797.0);
	check(&u, &t);
	unit_env_done(&u);
}

static void
test_not_finite(void **state)
{
	static const float bad[] = {NAN, INFINITY, -INFINITY};
	UnitEnv		u;
	Retrieval	r;

	unit_env_init(&u);
	for (int i = 0; i < 6; i++)
	{
		float		x[] = {1, 2, 3, 4, 5, 6};
		float		y[] = {1, 2, 3, 4, 5, 6};
		int32_t		label[] = {1, 1, 1};

		(i < 3 ? x : y)[3] = bad[i % 3];
		assert_int_equal(metrics_retrieval(&u.env, &(RetrievalTask) {2, 3, x, label, 3, y, label, false, 1}, NULL, &r), LEARN_DIVERGED);
		assert_non_null(strstr(u.env.message, "not a finite number"));
	}
	unit_env_done(&u);
}

/* Any poll may say stop, and then nothing is left behind. */
static void
test_cancel(void **state)
{
	enum
	{
		N = 500
	};
	static float x[N * 4];
	static int32_t label[N];
	UnitEnv		u;
	Rng			rng;
	Retrieval	r;
	int			polls;

	rng_seed(&rng, 7, 0);
	make_rows(&rng, SPREAD, N, 4, 5, x, label);
	unit_env_init(&u);
	assert_int_equal(metrics_retrieval(&u.env, &(RetrievalTask) {4, N, x, label, N, x, label, true, 5}, NULL, &r), LEARN_OK);
	polls = u.polls;
	assert_true(polls > N);
	unit_env_done(&u);
	for (int at = 1; at <= polls; at += 1 + at / 7)
	{
		unit_env_init(&u);
		u.cancel_at = at;
		assert_int_equal(metrics_retrieval(&u.env, &(RetrievalTask) {4, N, x, label, N, x, label, true, 5}, NULL, &r), LEARN_CANCELLED);
		assert_int_equal(u.polls, at);
		unit_env_done(&u);
		assert_int_equal(u.chunks, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_degenerate),
		cmocka_unit_test(test_against_definition),
		cmocka_unit_test(test_near_duplicates),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_not_finite),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
