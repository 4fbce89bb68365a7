/*
 * test_assess_target.c
 *	  Assessment by a number to predict: every figure against its definition, what is hidden, ties, data that allow none.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "learn/measure/assess_target.h"
#include "base/rng.h"
#include "unit_env.h"

enum
{
	NQ = 37, NG = 60, D = 3
};

/* Rows whose number is their first element, roughly; some rows twice, some with one number. */
typedef struct Setting
{
	float		query[NQ * D];
	double		query_target[NQ];
	uint64_t	query_hash[NQ];
	float		gallery[NG * D];
	double		gallery_target[NG];
	uint64_t	gallery_hash[NG];
	int64_t		self[NQ];
	TargetTask	task;
} Setting;

static void
make_rows(Rng *rng, int n, float *x, double *target, uint64_t *hash)
{
	for (int i = 0; i < n; i++)
	{
		hash[i] = i % 5 == 4 ? hash[i - 1] : rng_below(rng, UINT64_C(1) << 60);
		for (int j = 0; j < D; j++)
			x[i * D + j] = i % 5 == 4 ? x[(i - 1) * D + j] : (float) rng_normal(rng);
		target[i] = i % 5 == 4 ? target[i - 1] : i % 3 == 0 ? 1 : 100 + x[i * D] + 0.1 * rng_normal(rng);
	}
}

static void
make(Setting *s, bool self, int k)
{
	Rng			rng;

	rng_seed(&rng, 3, self);
	memset(s, 0, sizeof(*s));
	make_rows(&rng, NG, s->gallery, s->gallery_target, s->gallery_hash);
	make_rows(&rng, NQ, s->query, s->query_target, s->query_hash);
	for (int q = 0; q < NQ && self; q++)
	{
		s->self[q] = q + 11;
		memcpy(s->query + q * D, s->gallery + s->self[q] * D, D * sizeof(float));
		s->query_target[q] = s->gallery_target[s->self[q]];
		s->query_hash[q] = s->gallery_hash[s->self[q]];
	}
	s->task = (TargetTask) {.query = s->query,.query_target = s->query_target,.nq = NQ,
		.gallery = s->gallery,.gallery_target = s->gallery_target,.ng = NG,.d = D,.k = k,
		.self = self ? s->self : NULL};
}

static bool
hidden(const TargetTask *t, int q, int j)
{
	return (t->self && t->self[q] == j) ||
		(t->query_hash && t->query_hash[q] == t->gallery_hash[j] && t->query_target[q] == t->gallery_target[j]);
}

static double
distance(const TargetTask *t, int q, int j)
{
	double		sum = 0;

	for (int i = 0; i < t->d; i++)
		sum += pow((double) t->query[q * t->d + i] - t->gallery[j * t->d + i], 2);
	return sum;
}

/* Rank of row j by a measure: how many are below, and half of the equal ones. */
static double
rank_of(const double *measure, const bool *seen, int n, int j)
{
	double		rank = 0;

	for (int i = 0; i < n; i++)
		if (seen[i] && i != j)
			rank += measure[i] < measure[j] ? 1 : measure[i] == measure[j] ? 0.5 : 0;
	return rank;
}

/* All figures of a task by definition. */
static void
by_definition(const TargetTask *t, double *figure)
{
	double		mean = 0, error = 0, variance = 0, absolute = 0, spearman = 0, ranked = 0;

	for (int q = 0; q < t->nq; q++)
		mean += t->query_target[q] / t->nq;
	for (int q = 0; q < t->nq; q++)
	{
		double		near[NG], apart[NG], x[NG], y[NG];
		bool		seen[NG];
		double		sum = 0, mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
		int			taken = 0, n = 0;

		for (int j = 0; j < t->ng; j++)
		{
			near[j] = distance(t, q, j);
			apart[j] = fabs(t->query_target[q] - t->gallery_target[j]);
			seen[j] = !hidden(t, q, j);
			n += seen[j];
		}
		/* rows that are nearer, and of equally near ones those with a lower number, come first */
		for (int j = 0; j < t->ng; j++)
		{
			int			before = 0;

			for (int i = 0; i < t->ng; i++)
				before += seen[i] && (near[i] < near[j] || (near[i] == near[j] && i < j));
			if (seen[j] && before < t->k)
			{
				sum += t->gallery_target[j];
				taken++;
			}
		}
		error += pow(sum / taken - t->query_target[q], 2);
		absolute += fabs(sum / taken - t->query_target[q]);
		variance += pow(mean - t->query_target[q], 2);
		for (int j = 0; j < t->ng; j++)
			if (seen[j])
			{
				x[j] = rank_of(near, seen, t->ng, j);
				y[j] = rank_of(apart, seen, t->ng, j);
				mx += x[j] / n;
				my += y[j] / n;
			}
		for (int j = 0; j < t->ng; j++)
			if (seen[j])
			{
				xx += (x[j] - mx) * (x[j] - mx);
				yy += (y[j] - my) * (y[j] - my);
				xy += (x[j] - mx) * (y[j] - my);
			}
		if (xx > 0 && yy > 0)
		{
			spearman += xy / sqrt(xx * yy);
			ranked++;
		}
	}
	figure[TARGET_R2] = 1 - error / variance;
	figure[TARGET_RMSE] = sqrt(error / t->nq);
	figure[TARGET_MAE] = absolute / t->nq;
	figure[TARGET_SPEARMAN] = spearman / ranked;
}

static void
test_figures(void **state)
{
	for (int variant = 0; variant < 8; variant++)
	{
		UnitEnv		unit;
		Setting		s;
		TargetAssessment a;
		double		want[TARGET_FIGURES];

		unit_env_init(&unit);
		make(&s, variant & 1, variant & 4 ? 7 : 1);
		if (variant & 2)
		{
			s.task.query_hash = s.query_hash;
			s.task.gallery_hash = s.gallery_hash;
		}
		by_definition(&s.task, want);
		assert_int_equal(assess_target(&unit.env, &s.task, &a), LEARN_OK);
		assert_int_equal(a.lone, 0);
		assert_int_equal(a.duplicates > 0, variant == 3 || variant == 7);
		for (int f = 0; f < TARGET_FIGURES; f++)
			if (!(fabs(target_figure(&a, f) - want[f]) < 1e-9))
				fail_msg("variant %d, figure %d: %.12g, by definition %.12g", variant, f, target_figure(&a, f), want[f]);
		unit_env_done(&unit);
	}
}

/* Intervals hold the figure; of a space against itself the difference is nothing. */
static void
test_intervals(void **state)
{
	UnitEnv		unit;
	Setting		s;
	TargetAssessment a;
	const TargetAssessment *both[2] = {&a, &a};
	MetricInterval interval[3 * TARGET_FIGURES];

	unit_env_init(&unit);
	make(&s, true, 3);
	assert_int_equal(assess_target(&unit.env, &s.task, &a), LEARN_OK);
	assert_int_equal(target_intervals(&unit.env, both, 2, 0, interval), LEARN_OK);
	for (int f = 0; f < TARGET_FIGURES; f++)
	{
		assert_true(interval[f].low < target_figure(&a, f) && target_figure(&a, f) < interval[f].high);
		assert_true(interval[f].low == interval[TARGET_FIGURES + f].low);
		assert_true(interval[2 * TARGET_FIGURES + f].low == 0 && interval[2 * TARGET_FIGURES + f].high == 0);
	}
	unit_env_done(&unit);
}

/* Numbers that do not differ, one query, a gallery that holds the query alone. */
static void
test_degenerate(void **state)
{
	UnitEnv		unit;
	Setting		s;
	TargetAssessment a;
	const TargetAssessment *one[1] = {&a};
	MetricInterval interval[2 * TARGET_FIGURES];

	unit_env_init(&unit);
	make(&s, true, 5);
	for (int j = 0; j < NG; j++)
		s.gallery_target[j] = 0.1;
	for (int q = 0; q < NQ; q++)
		s.query_target[q] = 0.1;
	assert_int_equal(assess_target(&unit.env, &s.task, &a), LEARN_OK);
	assert_true(isnan(target_figure(&a, TARGET_R2)) && isnan(target_figure(&a, TARGET_SPEARMAN)));
	assert_true(target_figure(&a, TARGET_RMSE) < 1e-12);
	assert_int_equal(target_intervals(&unit.env, one, 1, 0, interval), LEARN_OK);
	assert_true(isnan(interval[TARGET_R2].low));

	make(&s, true, 5);
	s.task.nq = 1;
	assert_int_equal(assess_target(&unit.env, &s.task, &a), LEARN_OK);
	assert_true(isnan(target_figure(&a, TARGET_R2)) && isfinite(target_figure(&a, TARGET_MAE)));
	assert_int_equal(target_intervals(&unit.env, one, 1, 0, interval), LEARN_OK);
	assert_true(isnan(interval[TARGET_MAE].low));
	s.task.ng = 1;
	s.self[0] = 0;
	assert_int_equal(assess_target(&unit.env, &s.task, &a), LEARN_OK);
	assert_int_equal(a.lone, 1);
	for (int f = 0; f < TARGET_FIGURES; f++)
		assert_true(isnan(target_figure(&a, f)));
	unit_env_done(&unit);
}

static void
test_cancel(void **state)
{
	UnitEnv		unit;
	Setting		s;
	TargetAssessment a;

	unit_env_init(&unit);
	make(&s, false, 3);
	for (unit.cancel_at = 1; unit.cancel_at < NQ; unit.cancel_at += 9)
	{
		unit.polls = 0;
		assert_int_equal(assess_target(&unit.env, &s.task, &a), LEARN_CANCELLED);
	}
	unit_env_done(&unit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_degenerate),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
