/*
 * test_roc.c
 *	  The curve of verification and its figures, against their definitions over all pairs of pairs,
 *	  and worked by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "learn/measure/roc.h"
#include "unit_env.h"

#define N_MAX	600

static void
close_to(const char *what, double got, double want)
{
	if (!(fabs(got - want) <= 1e-12 * fmax(1, fabs(want))) && !(isnan(got) && isnan(want)))
		fail_msg("%s: %.15g, by definition %.15g", what, got, want);
}

/* ---------- the definitions ---------- */

static double
naive_auc(const double *distance, const bool *same, int n)
{
	double		wins = 0;
	double		pairs = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (same[i] && !same[j])
			{
				wins += distance[i] < distance[j] ? 1 : distance[i] == distance[j] ? 0.5 : 0;
				pairs++;
			}
	return wins / pairs;
}

static double
share_up_to(const double *distance, const bool *same, int n, bool kind, double threshold)
{
	double		accepted = 0;
	double		all = 0;

	for (int i = 0; i < n; i++)
		if (same[i] == kind)
		{
			accepted += distance[i] <= threshold;
			all++;
		}
	return accepted / all;
}

static void
check(UnitEnv *u, const double *distance, const bool *same, int n)
{
	Roc			roc;
	double		genuine = 0;
	double		best_accuracy = 0;
	double		best_f = 0;
	double		least_gap = 1;
	double		far_below = 0;
	double		far_above = 1;
	double		frr_below = 1;
	double		frr_above = 0;
	double		eer;
	RocPoint	point;

	assert_int_equal(roc_of_pairs(&u->env, distance, same, n, &roc), LEARN_OK);
	for (int i = 0; i < n; i++)
		genuine += same[i];
	close_to("genuine", roc_genuine(&roc), genuine);
	close_to("impostor", roc_impostor(&roc), n - genuine);
	close_to("auc", roc_auc(&roc), naive_auc(distance, same, n));
	if (genuine == 0 || genuine == n)
		return;

	for (int i = -1; i < n; i++)
	{
		double		threshold = i < 0 ? -1 : distance[i];
		double		far = share_up_to(distance, same, n, false, threshold);
		double		tar = share_up_to(distance, same, n, true, threshold);
		double		tp = tar * genuine;
		double		fp = far * (n - genuine);

		best_accuracy = fmax(best_accuracy, (tp + n - genuine - fp) / n);
		best_f = fmax(best_f, 5 * tp / (5 * tp + 4 * (genuine - tp) + fp));
		least_gap = fmin(least_gap, fabs(far - (1 - tar)));
		if (far < 1 - tar)
		{
			far_below = fmax(far_below, far);
			frr_below = fmin(frr_below, 1 - tar);
		}
		else
		{
			far_above = fmin(far_above, far);
			frr_above = fmax(frr_above, 1 - tar);
		}
	}
	eer = roc_eer(&roc);
	assert_true(eer >= fmax(far_below, frr_above) - 1e-12 && eer <= fmin(far_above, frr_below) + 1e-12);
	point = roc_point(&roc, roc_at_eer(&roc));
	close_to("gap at eer", fabs(point.far - (1 - point.tar)), least_gap);
	point = roc_point(&roc, roc_at_accuracy(&roc));
	close_to("best accuracy", point.accuracy, best_accuracy);
	close_to("far of the threshold", point.far, share_up_to(distance, same, n, false, point.threshold));
	close_to("tar of the threshold", point.tar, share_up_to(distance, same, n, true, point.threshold));
	point = roc_point(&roc, roc_at_f_beta(&roc, 2));
	close_to("f2", 5 * point.precision * point.tar / (4 * point.precision + point.tar), best_f);
	for (double far = 0; far <= 1; far += 0.03)
	{
		double		best = 0;

		for (int i = 0; i < n; i++)
			if (share_up_to(distance, same, n, false, distance[i]) <= far)
				best = fmax(best, share_up_to(distance, same, n, true, distance[i]));
		close_to("tar at far", roc_tar(&roc, far), best);
		point = roc_point(&roc, roc_at_far(&roc, far));
		close_to("tar of the point", point.tar, best);
		assert_true(point.far <= far);
		close_to("far of the point", point.far, share_up_to(distance, same, n, false, point.threshold));
	}
}

static void
test_against_definition(void **state)
{
	double		distance[N_MAX];
	bool		same[N_MAX];
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 3, 0);
	for (int trial = 0; trial < 60; trial++)
	{
		int			n = 2 + (int) rng_below(&rng, trial < 40 ? 60 : 200);
		double		apart = rng_uniform(&rng) * 3;

		for (int i = 0; i < n; i++)
		{
			same[i] = rng_uniform(&rng) < 0.3;
			distance[i] = fabs(rng_normal(&rng)) + (same[i] ? 0 : apart);
			/* ties */
			if (trial % 3 == 1)
				distance[i] = floor(distance[i] * 2) / 2;
			if (trial % 3 == 2)
				distance[i] *= 1e-200;
		}
		check(&u, distance, same, n);
	}
	/* all at one place */
	for (int i = 0; i < 10; i++)
	{
		distance[i] = 0;
		same[i] = i < 4;
	}
	check(&u, distance, same, 10);
	unit_env_done(&u);
}

/* ---------- by hand ---------- */

static void
test_by_hand(void **state)
{
	/* in order of distance: same, different, same, different */
	static const double distance[] = {3, 1, 2, 4};
	static const bool same[] = {true, true, false, false};
	UnitEnv		u;
	Roc			roc;

	unit_env_init(&u);
	assert_int_equal(roc_of_pairs(&u.env, distance, same, 4, &roc), LEARN_OK);
	assert_int_equal(roc.steps, 4);
	close_to("auc", roc_auc(&roc), 0.75);
	close_to("average precision", roc_average_precision(&roc), (1 + 2.0 / 3) / 2);
	close_to("eer", roc_eer(&roc), 0.5);
	close_to("tar at far 0", roc_tar(&roc, 0), 0.5);
	close_to("tar at far 0.5", roc_tar(&roc, 0.5), 1);
	close_to("threshold", roc_point(&roc, roc_at_far(&roc, 0)).threshold, 1.5);
	close_to("threshold of nothing", roc_point(&roc, -1).threshold, 0.5);
	unit_env_done(&u);
}

/* One kind of pairs, no pair, distances that are none. */
static void
test_degenerate(void **state)
{
	static const double distance[] = {1, 2};
	static const double bad[] = {NAN, INFINITY, -1};
	static const bool same[] = {true, true};
	static const bool different[] = {false, false};
	UnitEnv		u;
	Roc			roc;

	unit_env_init(&u);
	assert_int_equal(roc_of_pairs(&u.env, distance, same, 0, &roc), LEARN_OK);
	assert_true(isnan(roc_auc(&roc)) && isnan(roc_eer(&roc)) && isnan(roc_tar(&roc, 0.1)) && isnan(roc_average_precision(&roc)));
	assert_true(isnan(roc_point(&roc, -1).accuracy));
	assert_int_equal(roc_of_pairs(&u.env, distance, same, 2, &roc), LEARN_OK);
	assert_true(isnan(roc_auc(&roc)) && isnan(roc_eer(&roc)) && isnan(roc_point(&roc, 0).far));
	close_to("best accuracy", roc_point(&roc, roc_at_accuracy(&roc)).accuracy, 1);
	assert_true(roc_point(&roc, 1).threshold > 2);
	assert_int_equal(roc_of_pairs(&u.env, distance, different, 2, &roc), LEARN_OK);
	assert_true(isnan(roc_auc(&roc)) && isnan(roc_point(&roc, 0).tar));
	assert_int_equal(roc_at_accuracy(&roc), -1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(roc_of_pairs(&u.env, &bad[i], same, 1, &roc), LEARN_DIVERGED);
	u.cancel_at = u.polls + 3;
	assert_int_equal(roc_of_pairs(&u.env, distance, same, 2, &roc), LEARN_CANCELLED);
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_definition),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_degenerate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
