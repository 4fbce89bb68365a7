/*
 * test_assess_constraints.c
 *	  Judged pairs, comparisons and matches against naive programs.
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

#include "learn/measure/assess_constraints.h"
#include "base/rng.h"
#include "unit_env.h"

#define NQ	600
#define NG	400
#define D	3

static float query[NQ * D];
static float gallery[NG * D];
static int64_t begin[NQ + 1];
static int32_t right[NQ * 8];
static double grade[NQ * 8];
static int32_t self[NQ];

static double
square(const float *a, const float *b)
{
	double		sum = 0;

	for (int j = 0; j < D; j++)
		sum += ((double) a[j] - b[j]) * ((double) a[j] - b[j]);
	return sum;
}

static void
close_to(const char *what, double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * fmax(1, fabs(want))) && !(isnan(got) && isnan(want)))
		fail_msg("%s: %.15g, by definition %.15g", what, got, want);
}

/* Whole numbers lie on few places, so that very many distances are equal. */
static void
make_rows(float *x, int n, Rng *rng, bool ties)
{
	for (int i = 0; i < n * D; i++)
		x[i] = ties ? (float) rng_below(rng, 3) : (float) rng_normal(rng);
}

static bool
is_right(int q, int g)
{
	for (int64_t k = begin[q]; k < begin[q + 1]; k++)
		if (right[k] == g)
			return true;
	return false;
}

static int
compare_rising(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Means over queries by definition: a right row comes behind all wrong ones that are as near, and right ones behind each other. */
static void
check_matches(UnitEnv *u, const MatchTask *t)
{
	ConstraintRows	rows = {query, gallery, D};
	Assessment	got;
	double		map = 0;
	double		mrr = 0;
	double		recall = 0;
	double		ndcg = 0;
	int64_t		genuine = 0;
	int64_t		impostor = 0;
	double		wins = 0;
	static double wrong[NQ * NG];
	static double good[NQ * 8];

	assert_int_equal(assess_matches(&u->env, &rows, t, &got), LEARN_OK);
	for (int q = 0; q < t->nq; q++)
	{
		int			r = (int) (begin[q + 1] - begin[q]);
		double		distance[8];
		double		average = 0;
		double		gained = 0;
		double		best = 0;
		int			first = 0;

		for (int g = 0; g < t->ng; g++)
			if (!is_right(q, g) && !(t->self && t->self[q] == g))
				wrong[impostor++] = square(query + q * D, gallery + g * D);
		for (int k = 0; k < r; k++)
			good[genuine++] = distance[k] = square(query + q * D, gallery + right[begin[q] + k] * D);
		qsort(distance, r, sizeof(double), compare_rising);
		for (int k = 0; k < r; k++)
		{
			int			place = k;

			for (int g = 0; g < t->ng; g++)
				place += !is_right(q, g) && !(t->self && t->self[q] == g) && square(query + q * D, gallery + g * D) <= distance[k];
			average += (k + 1.0) / (place + 1);
			first = k == 0 ? place : first;
			gained += 1 / log2(place + 2);
			best += 1 / log2(k + 2);
		}
		map += average / r / t->nq;
		mrr += 1.0 / (first + 1) / t->nq;
		recall += (double) (first < 5) / t->nq;
		ndcg += gained / best / t->nq;
	}
	close_to("map", assess_micro(&got, ASSESS_AP), map);
	close_to("mrr", assess_micro(&got, ASSESS_RR), mrr);
	close_to("recall", assess_micro(&got, ASSESS_RECALL), recall);
	if (t->grade == NULL)
		close_to("ndcg", assess_micro(&got, ASSESS_NDCG), ndcg);
	close_to("genuine", got.verification.genuine, genuine);
	close_to("impostor", got.verification.impostor, impostor);
	for (int64_t i = 0; i < genuine; i++)
		for (int64_t j = 0; j < impostor; j += 97)
			wins += good[i] < wrong[j] ? 1 : good[i] == wrong[j] ? 0.5 : 0;
	assert_true(fabs(got.verification.auc - wins / genuine / ((impostor + 96) / 97)) < 0.02);
}

static void
test_matches(void **state)
{
	UnitEnv		u;
	Rng			rng;
	MatchTask	t = {.nq = NQ,.ng = NG,.begin = begin,.right = right,.n_recall = 1,.recall_at = {5}};

	unit_env_init(&u);
	rng_seed(&rng, 3, 0);
	for (int round = 0; round < 4; round++)
	{
		make_rows(query, NQ, &rng, round % 2 == 1);
		make_rows(gallery, NG, &rng, round % 2 == 1);
		for (int q = 0; q < NQ; q++)
		{
			int			r = 1 + (int) rng_below(&rng, 4);

			self[q] = (int32_t) rng_below(&rng, 2) ? 399 : -1;
			begin[q + 1] = begin[q] + r;
			for (int k = 0; k < r; k++)
			{
				right[begin[q] + k] = (int32_t) (80 * k + rng_below(&rng, 80));
				grade[begin[q] + k] = (double) rng_below(&rng, 4);
			}
		}
		t.self = round >= 2 ? self : NULL;
		t.grade = round == 3 ? grade : NULL;
		check_matches(&u, &t);
	}

	/* everything at one place: wrong rows come first */
	memset(query, 0, sizeof(query));
	memset(gallery, 0, sizeof(gallery));
	t.nq = 10;
	check_matches(&u, &t);
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
}

/* Gains by hand: the right row of gain 3 at place 2, that of gain 1 at place 1. */
static void
test_grades(void **state)
{
	UnitEnv		u;
	Assessment	got;
	float		a[D] = {0};
	float		b[3 * D] = {1, 0, 0, 2, 0, 0, 3, 0, 0};
	ConstraintRows	rows = {a, b, D};
	MatchTask	t = {.nq = 1,.ng = 3,.begin = (int64_t[]) {0, 2},.right = (int32_t[]) {0, 1},.grade = (double[]) {1, 3}};

	unit_env_init(&u);
	assert_int_equal(assess_matches(&u.env, &rows, &t, &got), LEARN_OK);
	close_to("ndcg", assess_micro(&got, ASSESS_NDCG), (1 + 3 / log2(3)) / (3 + 1 / log2(3)));
	close_to("map", assess_micro(&got, ASSESS_AP), 1);
	unit_env_done(&u);
}

static void
test_pairs_and_comparisons(void **state)
{
	enum
	{
		N = 6
	};
	UnitEnv		u;
	Assessment	got;
	float		x[4 * D] = {0, 0, 0, 1, 0, 0, 3, 0, 0, 3, 0, 0};
	ConstraintRows	rows = {x, x, D};
	int32_t		class[N];
	int64_t		pair[N * 2] = {0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3};
	int64_t		triplet[3 * 3] = {0, 1, 2, 2, 3, 1, 2, 3, 3};
	JudgedPairs pairs = {.n = N,.row = pair,.same = (int32_t[]) {1, 0, 0, 0, 1, 1},.class = class,.threshold = 2};
	Comparisons comparisons = {.n = 3,.row = triplet,.size = 3,.weight = (double[]) {1, 2, 5},.class = class};

	unit_env_init(&u);
	pairs.n_classes = constraint_classes(pair, 2, N, class);
	assert_int_equal(pairs.n_classes, 3);
	assert_int_equal(assess_judged_pairs(&u.env, &rows, &pairs, &got), LEARN_OK);

	/* distances 1, 3, 3, 2, 2, 0, the same: 1, 2, 0 */
	close_to("auc", got.verification.auc, (3 * 2 + 2.5) / 9);
	close_to("best accuracy", got.verification.accuracy, 5.0 / 6);
	close_to("tar", pairs.tar, 1);
	close_to("far", pairs.far, 1.0 / 3);
	close_to("accuracy", pairs.accuracy, 5.0 / 6);
	comparisons.n_classes = constraint_classes(triplet, 3, 3, class);
	assert_int_equal(comparisons.n_classes, 2);
	assert_int_equal(assess_comparisons(&u.env, &rows, &comparisons, &got), LEARN_OK);
	close_to("satisfied", assess_micro(&got, ASSESS_SATISFIED), 3.0 / 8);
	close_to("tied", assess_micro(&got, ASSESS_TIED), 5.0 / 8);
	x[0] = INFINITY;
	assert_int_equal(assess_comparisons(&u.env, &rows, &comparisons, &got), LEARN_DIVERGED);
	assert_int_equal(assess_judged_pairs(&u.env, &rows, &pairs, &got), LEARN_DIVERGED);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_grades),
		cmocka_unit_test(test_pairs_and_comparisons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
