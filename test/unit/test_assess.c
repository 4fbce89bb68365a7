/*
 * test_assess.c
 *	  Rankings under protocols, identification, pairs and the bootstrap, against naive programs.
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
#include "learn/measure/bootstrap.h"
#include "ranked.h"
#include "unit_env.h"

static int
compare_falling(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x < y) - (x > y);
}

static double
distance(const float *a, const float *b, int d)
{
	double		sum = 0;

	for (int j = 0; j < d; j++)
		sum += ((double) a[j] - b[j]) * ((double) a[j] - b[j]);
	return sqrt(sum);
}

static bool
visible(const AssessTask *t, int q, int g)
{
	if (t->self && q == g)
		return false;
	if (t->query_group && t->query_group[q] == t->gallery_group[g])
		return false;
	if (t->query_time && !(t->gallery_time[g] < t->query_time[q]))
		return false;
	return !(t->query_hash && t->query_hash[q] == t->gallery_hash[g] && t->query_label[q] == t->gallery_label[g]);
}

static void
close_to(const char *what, double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * fmax(1, fabs(want))) && !(isnan(got) && isnan(want)))
		fail_msg("%s: %.15g, by definition %.15g", what, got, want);
}

/* Everything by definition, and compared. */
static void
check(UnitEnv *u, const AssessTask *t)
{
	ArenaMark	mark = arena_mark(&u->arena);
	Assessment	got;
	Ranked	   *ranked = malloc(t->ng * sizeof(Ranked));
	double	   *pair = malloc((size_t) t->nq * t->ng * sizeof(double));
	bool	   *same = malloc((size_t) t->nq * t->ng);
	double	   *gains = malloc(t->ng * sizeof(double));
	double	   *stranger = malloc(t->nq * sizeof(double));
	double	   *first = malloc(t->nq * sizeof(double));
	int		   *right = malloc(t->nq * sizeof(int));
	double		sum[ASSESS_METRICS] = {0};
	double		macro[64] = {0};
	int			of_class[64] = {0};
	int			partnered = 0;
	int			lone = 0;
	int64_t		pairs = 0;
	Roc			roc;
	Verification v;

	assert_int_equal(assess(&u->env, t, &got), LEARN_OK);
	for (int q = 0; q < t->nq; q++)
	{
		int			n = 0;
		int			r = 0;
		int			hits = 0;
		double		gained = 0;
		double		gained_10 = 0;
		double		best = 0;
		double		best_10 = 0;
		double		average = 0;
		int			found = -1;
		int			votes[64] = {0};
		int			winner = -1;

		stranger[q] = first[q] = INFINITY;
		right[q] = 0;
		for (int g = 0; g < t->ng; g++)
		{
			if (!visible(t, q, g))
				continue;
			ranked[n].distance = distance(t->query + q * t->d, t->gallery + g * t->d, t->d);
			ranked[n].row = g;
			if (!t->self || t->query_time || g > q)
			{
				pair[pairs] = ranked[n].distance;
				same[pairs++] = t->query_label[q] == t->gallery_label[g];
			}
			n++;
		}
		qsort(ranked, n, sizeof(Ranked), compare_ranked);
		for (int i = 0; i < n; i++)
		{
			int			g = ranked[i].row;

			if (t->gallery_label[g] != t->query_label[q])
			{
				stranger[q] = fmin(stranger[q], ranked[i].distance);
				continue;
			}
			gains[r++] = t->gallery_grade ? t->gallery_grade[g] : 1;
			average += (double) r / (i + 1);
			gained += gains[r - 1] / log2(i + 2);
			gained_10 += i < 10 ? gains[r - 1] / log2(i + 2) : 0;
			if (found < 0)
				found = i;
		}
		for (int i = 0; i < n && i < t->knn_k; i++)
			votes[t->gallery_label[ranked[i].row]]++;
		for (int i = 0; i < n && i < t->knn_k; i++)
			if (winner < 0 || votes[t->gallery_label[ranked[i].row]] > votes[winner])
				winner = t->gallery_label[ranked[i].row];
		sum[ASSESS_KNN] += winner == t->query_label[q];
		if (r == 0)
		{
			lone++;
			right[q] = -1;
			continue;
		}
		partnered++;
		first[q] = ranked[0].distance;
		right[q] = found == 0;
		qsort(gains, r, sizeof(double), compare_falling);
		for (int i = 0; i < r; i++)
		{
			best += gains[i] / log2(i + 2);
			best_10 += i < 10 ? gains[i] / log2(i + 2) : 0;
		}
		for (int i = 0; i < r; i++)
			if (t->gallery_label[ranked[i].row] == t->query_label[q])
			{
				hits++;
				sum[ASSESS_MAP_R] += (double) hits / (i + 1) / r;
				sum[ASSESS_R_PRECISION] += 1.0 / r;
			}
		sum[ASSESS_PRECISION_1] += found == 0;
		sum[ASSESS_AP] += average / r;
		sum[ASSESS_RR] += 1.0 / (found + 1);
		sum[ASSESS_NDCG] += best > 0 ? gained / best : 0;
		sum[ASSESS_NDCG_10] += best_10 > 0 ? gained_10 / best_10 : 0;
		for (int i = 0; i < t->n_recall; i++)
			sum[ASSESS_RECALL + i] += found < t->recall_at[i];
		macro[t->query_label[q]] += average / r;
		of_class[t->query_label[q]]++;
	}
	assert_int_equal(got.queries, t->nq);
	assert_int_equal(got.lone, lone);
	for (int m = 0; m < ASSESS_RECALL + t->n_recall; m++)
		if (m < ASSESS_DIR || m >= ASSESS_RECALL)
			close_to("mean", assess_micro(&got, m), partnered == 0 && m != ASSESS_KNN ? NAN : sum[m] / (m == ASSESS_KNN ? t->nq : partnered));
	{
		double		mean = 0;
		int			classes = 0;

		for (int c = 0; c < 64; c++)
			if (of_class[c])
			{
				mean += macro[c] / of_class[c];
				classes++;
			}
		close_to("macro", assess_macro(&got, ASSESS_AP), classes ? mean / classes : NAN);
	}
	qsort(stranger, t->nq, sizeof(double), compare_falling);
	for (int f = 0; f < ASSESS_DIR_FARS; f++)
	{
		int			allowed = (int) (t->nq * ASSESS_DIR_FAR[f] + 1e-9);
		int			identified = 0;

		for (int q = 0; q < t->nq && allowed >= ASSESS_LEAST_ERRORS; q++)
			identified += right[q] == 1 && first[q] < stranger[t->nq - 1 - allowed];
		close_to("dir", assess_micro(&got, ASSESS_DIR + f),
				 allowed < ASSESS_LEAST_ERRORS || partnered == 0 || !(stranger[t->nq - 1 - allowed] < INFINITY) ? NAN : (double) identified / partnered);
	}
	assert_int_equal(roc_of_pairs(&u->env, pair, same, pairs, &roc), LEARN_OK);
	assess_verification(&roc, &v);
	close_to("genuine", got.verification.genuine, v.genuine);
	close_to("impostor", got.verification.impostor, v.impostor);
	close_to("auc", got.verification.auc, v.auc);
	close_to("eer", got.verification.eer, v.eer);
	for (int f = 0; f < ASSESS_FARS; f++)
		close_to("tar", got.verification.tar[f], v.tar[f]);
	close_to("accuracy", got.verification.accuracy, v.accuracy);
	arena_reset(&u->arena, mark);
	free(ranked);
	free(pair);
	free(same);
	free(gains);
	free(stranger);
	free(first);
	free(right);
}

#define N	400
#define D	5
#define K	9

typedef struct Data
{
	float		x[N * D];
	float		y[N * D];
	int32_t		x_label[N];
	int32_t		y_label[N];
	int32_t		x_group[N];
	int32_t		y_group[N];
	double		x_time[N];
	double		y_time[N];
	uint64_t	x_hash[N];
	uint64_t	y_hash[N];
	double		grade[N];
} Data;

static void
make_data(Data *data, uint64_t seed, bool ties)
{
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < N; i++)
	{
		data->x_label[i] = (int32_t) rng_below(&rng, K);
		data->y_label[i] = (int32_t) rng_below(&rng, K - 1);
		data->x_group[i] = (int32_t) rng_below(&rng, 6);
		data->y_group[i] = (int32_t) rng_below(&rng, 6);
		data->x_time[i] = (double) rng_below(&rng, 50);
		data->y_time[i] = (double) rng_below(&rng, 50);
		data->x_hash[i] = rng_below(&rng, 100);
		data->y_hash[i] = rng_below(&rng, 100);
		data->grade[i] = (double) rng_below(&rng, 4);
		for (int j = 0; j < D; j++)
		{
			double		x = rng_normal(&rng) + sin(data->x_label[i] * 7 + j);
			double		y = rng_normal(&rng) + sin(data->y_label[i] * 7 + j);

			data->x[i * D + j] = ties ? floor(x) : x;
			data->y[i * D + j] = ties ? floor(y) : y;
		}
	}
}

static void
test_protocols(void **state)
{
	static Data data;
	UnitEnv		u;

	unit_env_init(&u);
	for (int i = 0; i < 16; i++)
	{
		AssessTask	t = {.query = data.x,.query_label = data.x_label,.nq = 150 + 50 * (i % 3),.d = D,.n_classes = K,.knn_k = 1 + i % 7,
		.n_recall = 3,.recall_at = {1, 5, 100},.self = i % 2 == 0};

		make_data(&data, i, false);
		t.gallery = t.self ? data.x : data.y;
		t.gallery_label = t.self ? data.x_label : data.y_label;
		t.ng = N;
		if (i & 2)
		{
			t.query_group = data.x_group;
			t.gallery_group = t.self ? data.x_group : data.y_group;
		}
		if (i & 4)
		{
			t.query_time = data.x_time;
			t.gallery_time = t.self ? data.x_time : data.y_time;
		}
		if (i & 8)
		{
			t.query_hash = data.x_hash;
			t.gallery_hash = t.self ? data.x_hash : data.y_hash;
			t.gallery_grade = data.grade;
		}
		check(&u, &t);
	}
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
}

/* Many rows equally far away; all in one group, so that nobody finds anybody; one class; one query. */
static void
test_edges(void **state)
{
	static Data data;
	UnitEnv		u;
	AssessTask	t = {.query = data.x,.query_label = data.x_label,.nq = 200,.gallery = data.y,.gallery_label = data.y_label,.ng = N,.d = D,.n_classes = K,
	.knn_k = 3,.n_recall = 1,.recall_at = {1}};

	unit_env_init(&u);
	make_data(&data, 77, true);
	check(&u, &t);
	t.query_group = t.gallery_group = (int32_t[N]) {0};
	check(&u, &t);
	t.query_group = t.gallery_group = NULL;
	t.query_label = t.gallery_label = (int32_t[N]) {0};
	t.n_classes = 1;
	check(&u, &t);
	t.nq = 1;
	check(&u, &t);
	t.ng = 1;
	check(&u, &t);
	memset(data.y, 0, sizeof(data.y));
	memset(data.x, 0, sizeof(data.x));
	t.nq = t.ng = 50;
	t.gallery_label = t.query_label = data.x_label;
	t.n_classes = K;
	check(&u, &t);

	/* grades among rows equally far away; then one row so far that all others have nearly one score */
	make_data(&data, 78, true);
	t = (AssessTask) {.query = data.x,.query_label = data.x_label,.nq = 200,.gallery = data.x,.gallery_label = data.x_label,.ng = N,.d = D,.n_classes = K,
	.knn_k = 3,.n_recall = 2,.recall_at = {1, 70},.self = true,.gallery_grade = data.grade};
	check(&u, &t);
	make_data(&data, 79, false);
	for (int far = 0; far < 2; far++)
	{
		for (int j = 0; j < D; j++)
			data.x[(far ? 3 : 399) * D + j] = 1e6f;
		check(&u, &t);
	}
	unit_env_done(&u);
}

/* A part that is skipped is not a number, and the others stay as they are. */
static void
test_skipped(void **state)
{
	static Data data;
	UnitEnv		u;
	Assessment	all;
	AssessTask	t = {.query = data.x,.query_label = data.x_label,.nq = 300,.gallery = data.y,.gallery_label = data.y_label,.ng = N,.d = D,.n_classes = K,
	.knn_k = 3,.n_recall = 2,.recall_at = {1, 5}};

	unit_env_init(&u);
	make_data(&data, 5, false);
	assert_int_equal(assess(&u.env, &t, &all), LEARN_OK);
	for (int skip = 0; skip < 8; skip++)
	{
		Assessment	some;

		t.skip = skip;
		assert_int_equal(assess(&u.env, &t, &some), LEARN_OK);
		assert_int_equal(some.queries, all.queries);
		assert_int_equal(some.lone, all.lone);
		assert_memory_equal(some.of_class, all.of_class, K * sizeof(int64_t));
		for (int m = 0; m < ASSESS_RECALL + 2; m++)
		{
			bool		places = m >= ASSESS_R_PRECISION && m <= ASSESS_NDCG_10;

			close_to("part", assess_micro(&some, m), skip & (places ? ASSESS_PLACES : ASSESS_NEAREST) ? NAN : assess_micro(&all, m));
		}
		close_to("auc", some.verification.auc, skip & ASSESS_PAIRS ? NAN : all.verification.auc);
		close_to("genuine", some.verification.genuine, skip & ASSESS_PAIRS ? 0 : all.verification.genuine);
	}
	unit_env_done(&u);
}

/* More pairs than are kept: by bins, near what they are exactly. */
static void
test_bins(void **state)
{
	enum
	{
		MANY = 2500
	};
	static float x[MANY * 3];
	static int32_t label[MANY];
	UnitEnv		u;
	Rng			rng;
	Roc			exact;
	Verification want;
	Assessment	got;
	double	   *pair = malloc(sizeof(double) * MANY * MANY);
	bool	   *same = malloc(MANY * MANY);
	int64_t		n = 0;
	AssessTask	t = {.query = x,.query_label = label,.nq = MANY,.gallery = x,.gallery_label = label,.ng = MANY,.d = 3,.n_classes = 200,.self = true,
	.knn_k = 1,.n_recall = 1,.recall_at = {1}};

	unit_env_init(&u);
	rng_seed(&rng, 9, 0);
	for (int i = 0; i < MANY; i++)
	{
		label[i] = (int32_t) rng_below(&rng, 200);
		for (int j = 0; j < 3; j++)
			x[i * 3 + j] = 1e-6 * (rng_normal(&rng) + 2 * sin(label[i] * 31 + j * 5));
	}
	for (int i = 0; i < MANY; i++)
		for (int j = i + 1; j < MANY; j++)
		{
			pair[n] = distance(x + i * 3, x + j * 3, 3);
			same[n++] = label[i] == label[j];
		}
	assert_true(n > PAIR_EXACT);
	assert_int_equal(roc_of_pairs(&u.env, pair, same, n, &exact), LEARN_OK);
	assess_verification(&exact, &want);
	assert_int_equal(assess(&u.env, &t, &got), LEARN_OK);
	assert_null(got.pairs.distance);
	assert_true(got.verification.genuine == want.genuine && got.verification.impostor == want.impostor);
	assert_true(fabs(got.verification.auc - want.auc) < 1e-6);
	assert_true(fabs(got.verification.eer - want.eer) < 1e-4);
	assert_true(fabs(got.verification.average_precision - want.average_precision) < 1e-4);
	assert_true(fabs(got.verification.accuracy - want.accuracy) < 1e-4);
	assert_true(fabs(got.verification.accuracy_threshold / want.accuracy_threshold - 1) < 0.05);
	for (int f = 0; f < ASSESS_FARS; f++)
		assert_true(fabs(got.verification.tar[f] - want.tar[f]) < 3e-3);
	free(pair);
	free(same);
	unit_env_done(&u);
}

/* The interval of a mean over classes is that of the mean of draws: near the normal one. */
static void
test_bootstrap(void **state)
{
	enum
	{
		CLASSES = 100
	};
	UnitEnv		u;
	Rng			rng;
	Assessment	a[2] = {{.n_classes = CLASSES}, {.n_classes = CLASSES}};
	const Assessment *both[2] = {&a[0], &a[1]};
	MetricInterval interval[3 * BOOTSTRAP_FIGURES];
	MetricInterval again[3 * BOOTSTRAP_FIGURES];
	double		mean = 0;
	double		square = 0;
	double		error;

	unit_env_init(&u);
	rng_seed(&rng, 4, 0);
	for (int i = 0; i < 2; i++)
	{
		a[i].sum = arena_alloc_zero(&u.arena, CLASSES * ASSESS_METRICS, sizeof(double));
		a[i].weight = arena_alloc_zero(&u.arena, CLASSES * ASSESS_METRICS, sizeof(double));
		a[i].of_class = arena_alloc_zero(&u.arena, CLASSES, sizeof(int64_t));
		assert_int_equal(pair_counts_create(&u.env, CLASSES, &a[i].pairs), LEARN_OK);
	}
	for (int c = 0; c < CLASSES; c++)
	{
		double		value = rng_normal(&rng);

		mean += value / CLASSES;
		square += value * value / CLASSES;
		for (int i = 0; i < 2; i++)
		{
			a[i].sum[c * ASSESS_METRICS + ASSESS_KNN] = 10 * (value + 3 * i);
			a[i].weight[c * ASSESS_METRICS + ASSESS_KNN] = 10;
			a[i].of_class[c] = 10;
		}
	}
	assert_int_equal(bootstrap_intervals(&u.env, both, 2, 1, interval), LEARN_OK);
	error = sqrt((square - mean * mean) / CLASSES);
	assert_true(fabs(interval[ASSESS_KNN].low - (mean - 1.96 * error)) < 0.3 * error);
	assert_true(fabs(interval[ASSESS_KNN].high - (mean + 1.96 * error)) < 0.3 * error);
	close_to("macro", interval[BOOTSTRAP_MACRO + ASSESS_KNN].low, interval[ASSESS_KNN].low);

	/* the difference is 3 in every class, whatever is drawn */
	close_to("low", interval[2 * BOOTSTRAP_FIGURES + ASSESS_KNN].low, 3);
	close_to("high", interval[2 * BOOTSTRAP_FIGURES + ASSESS_KNN].high, 3);
	assert_true(isnan(interval[ASSESS_AP].low) && isnan(interval[BOOTSTRAP_AUC].high));
	assert_int_equal(bootstrap_intervals(&u.env, both, 2, 1, again), LEARN_OK);
	assert_true(again[ASSESS_KNN].low == interval[ASSESS_KNN].low);
	assert_int_equal(bootstrap_intervals(&u.env, both, 2, 2, again), LEARN_OK);
	assert_true(again[ASSESS_KNN].low != interval[ASSESS_KNN].low);
	unit_env_done(&u);
}

/* Any poll may say stop, and then nothing is left behind. */
static void
test_cancel(void **state)
{
	static Data data;
	UnitEnv		u;
	Assessment	a;
	int			polls;
	AssessTask	t = {.query = data.x,.query_label = data.x_label,.nq = N,.gallery = data.x,.gallery_label = data.x_label,.ng = N,.d = D,.n_classes = K,.self = true,
	.knn_k = 3,.n_recall = 1,.recall_at = {1}};

	make_data(&data, 5, false);
	unit_env_init(&u);
	assert_int_equal(assess(&u.env, &t, &a), LEARN_OK);
	polls = u.polls;
	assert_true(polls > N);
	unit_env_done(&u);
	for (int at = 1; at <= polls; at += 1 + at / 3)
	{
		unit_env_init(&u);
		u.cancel_at = at;
		assert_int_equal(assess(&u.env, &t, &a), LEARN_CANCELLED);
		unit_env_done(&u);
		assert_int_equal(u.chunks, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_bins),
		cmocka_unit_test(test_bootstrap),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
