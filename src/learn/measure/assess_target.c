/*
 * assess_target.c
 *	  Assessment by a number to predict.
 */
#include "assess_target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "neighbours.h"

#define GROUPS			20000	/* of queries, at most */

typedef struct Ranked
{
	double		value;
	int			place;
} Ranked;

typedef struct Pass
{
	const TargetTask *task;
	Neighbours	nb;
	double		mean;			/* of the queries' numbers */
	int64_t		n_ranked;		/* rows that correlations are over */
	Ranked	   *ranked;
	double	   *rank[2];		/* by distance, and by difference of numbers */
} Pass;

/* May query q not find row j? */
static bool
is_hidden(const TargetTask *t, int64_t q, int64_t j)
{
	if (t->self && t->self[q] == j)
		return true;
	return t->query_hash && t->query_hash[q] == t->gallery_hash[j] && t->query_target[q] == t->gallery_target[j];
}

/* ---------- prediction ---------- */

/* Predict query q, which is number i of the block. False: it may find no row. */
static LearnStatus
predict(LearnEnv *env, Pass *pass, int64_t q, int i, TargetAssessment *out, double *expected, bool *found)
{
	const TargetTask *t = pass->task;
	float	   *score = pass->nb.score + (int64_t) i * t->ng;
	int64_t		left = t->ng;
	int64_t		k;
	bool		copies = false;

	for (int64_t j = 0; j < t->ng; j++)
		if (is_hidden(t, q, j))
		{
			score[j] = INFINITY;
			copies = copies || t->self == NULL || t->self[q] != j;
			left--;
		}
	out->duplicates += copies;
	*found = left > 0;
	if (left == 0)
	{
		out->lone++;
		return LEARN_OK;
	}
	k = t->k < left ? t->k : left;
	LEARN_TRY(neighbours_nearest(env, &pass->nb, i, t->query + q * t->d, -1, -1, k, k));
	*expected = 0;
	for (int64_t j = 0; j < k; j++)
		*expected += t->gallery_target[pass->nb.found[j].row] / (double) k;
	return LEARN_OK;
}

/* ---------- order ---------- */

static int
by_value(const void *a, const void *b)
{
	double		x = ((const Ranked *) a)->value;
	double		y = ((const Ranked *) b)->value;

	return (x > y) - (x < y);
}

/* Ranks of ranked[0 .. n) by value, stored by place. Equal values have their mean rank. */
static void
give_ranks(Ranked *ranked, int n, double *rank)
{
	qsort(ranked, n, sizeof(Ranked), by_value);
	for (int first = 0; first < n;)
	{
		int			end = first + 1;

		while (end < n && ranked[end].value == ranked[first].value)
			end++;
		for (int j = first; j < end; j++)
			rank[ranked[j].place] = (first + end - 1) / 2.0;
		first = end;
	}
}

/* Pearson's correlation. NaN if one of the two does not vary. */
static double
correlation(const double *x, const double *y, int n)
{
	double		middle = (n - 1) / 2.0;
	double		xx = 0;
	double		yy = 0;
	double		xy = 0;

	for (int j = 0; j < n; j++)
	{
		xx += (x[j] - middle) * (x[j] - middle);
		yy += (y[j] - middle) * (y[j] - middle);
		xy += (x[j] - middle) * (y[j] - middle);
	}
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

/* Spearman's correlation of query q; NaN: there is none. */
static double
rank_correlation(Pass *pass, int64_t q)
{
	const TargetTask *t = pass->task;
	int			n = 0;

	for (int measure = 0; measure < 2; measure++)
	{
		n = 0;
		for (int64_t r = 0; r < pass->n_ranked; r++)
		{
			int64_t		j = (int64_t) ((double) r * t->ng / pass->n_ranked);

			if (is_hidden(t, q, j))
				continue;
			pass->ranked[n].value = measure == 0 ?
				neighbours_square_distance(t->query + q * t->d, t->gallery + j * t->d, t->d) :
				fabs(t->gallery_target[j] - t->query_target[q]);
			pass->ranked[n].place = n;
			n++;
		}
		give_ranks(pass->ranked, n, pass->rank[measure]);
	}
	return correlation(pass->rank[0], pass->rank[1], n);
}

/* ---------- all ---------- */

static LearnStatus
start(LearnEnv *env, const TargetTask *t, Pass *pass, TargetAssessment *out)
{
	int32_t    *label;

	*out = (TargetAssessment) {.groups = t->nq < GROUPS ? (int) t->nq : GROUPS};
	LEARN_ALLOC(env, out->sums, out->groups);
	memset(out->sums, 0, sizeof(TargetSums) * out->groups);
	pass->task = t;
	pass->mean = 0;
	for (int64_t q = 0; q < t->nq; q++)
		pass->mean += t->query_target[q] / (double) t->nq;
	pass->n_ranked = t->ng < TARGET_RANKED ? t->ng : TARGET_RANKED;
	LEARN_ALLOC(env, pass->ranked, pass->n_ranked);
	for (int i = 0; i < 2; i++)
		LEARN_ALLOC(env, pass->rank[i], pass->n_ranked);

	/* every row gets a label of its own, so that the order of any two rows matters */
	LEARN_ALLOC(env, label, t->ng);
	for (int64_t j = 0; j < t->ng; j++)
		label[j] = (int32_t) j;
	return neighbours_create(env, t->query, t->nq, t->gallery, label, t->ng, t->d, false, &pass->nb);
}

LearnStatus
assess_target(LearnEnv *env, const TargetTask *task, TargetAssessment *out)
{
	Pass		pass;
	ArenaMark	mark;

	LEARN_TRY(start(env, task, &pass, out));
	mark = arena_mark(env->arena);
	for (int64_t begin = 0; begin < task->nq; begin += pass.nb.block)
	{
		int			count = task->nq - begin < pass.nb.block ? (int) (task->nq - begin) : pass.nb.block;

		LEARN_TRY(neighbours_score(env, &pass.nb, task->query + begin * task->d, count));
		for (int i = 0; i < count; i++)
		{
			int64_t		q = begin + i;
			TargetSums *sums = &out->sums[q % out->groups];
			double		number = task->query_target[q] - pass.mean;
			double		expected;
			double		rank;
			bool		found;

			LEARN_TRY(learn_poll(env));
			LEARN_TRY(predict(env, &pass, q, i, out, &expected, &found));
			if (!found)
				continue;
			/* equal values differ from their mean by rounding */
			if (fabs(number) < 1e-12 * fabs(pass.mean))
				number = 0;
			sums->queries++;
			sums->number += number;
			sums->square += number * number;
			sums->error += (expected - task->query_target[q]) * (expected - task->query_target[q]);
			sums->absolute += fabs(expected - task->query_target[q]);
			rank = rank_correlation(&pass, q);
			if (!isnan(rank))
			{
				sums->rank += rank;
				sums->ranked++;
			}
		}
		if (task->progress)
			task->progress(task->progress_ctx, begin + count);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

static void
add(TargetSums *sums, const TargetSums *more, double times)
{
	sums->queries += times * more->queries;
	sums->number += times * more->number;
	sums->square += times * more->square;
	sums->error += times * more->error;
	sums->absolute += times * more->absolute;
	sums->rank += times * more->rank;
	sums->ranked += times * more->ranked;
}

static double
figure_of(const TargetSums *sums, TargetFigure figure)
{
	double		n = sums->queries;
	double		variance = sums->square - sums->number * sums->number / n;

	switch (figure)
	{
		case TARGET_R2:
			return n > 1 && variance > 1e-20 * sums->square ? 1 - sums->error / variance : NAN;
		case TARGET_RMSE:
			return n > 0 ? sqrt(sums->error / n) : NAN;
		case TARGET_MAE:
			return n > 0 ? sums->absolute / n : NAN;
		default:
			return sums->ranked > 0 ? sums->rank / sums->ranked : NAN;
	}
}

double
target_figure(const TargetAssessment *assessment, TargetFigure figure)
{
	TargetSums	sums = {0};

	for (int g = 0; g < assessment->groups; g++)
		add(&sums, &assessment->sums[g], 1);
	return figure_of(&sums, figure);
}

LearnStatus
target_intervals(LearnEnv *env, const TargetAssessment *const *assessments, int count, uint64_t seed, MetricInterval *interval)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			groups = assessments[0]->groups;
	size_t		figures = (size_t) (count + 1) * TARGET_FIGURES;
	double	   *value;			/* figures x BOOTSTRAP_DRAWS */
	double	   *times;
	Rng			rng;

	for (size_t i = 0; i < figures; i++)
		interval[i] = (MetricInterval) {NAN, NAN};
	if (groups < 2)
		return LEARN_OK;
	LEARN_ALLOC(env, value, figures * BOOTSTRAP_DRAWS);
	LEARN_ALLOC(env, times, groups);
	rng_seed(&rng, seed, 1);
	for (int draw = 0; draw < BOOTSTRAP_DRAWS; draw++)
	{
		LEARN_TRY(learn_poll(env));
		memset(times, 0, sizeof(double) * groups);
		for (int g = 0; g < groups; g++)
			times[rng_below(&rng, groups)]++;
		for (int a = 0; a < count; a++)
		{
			TargetSums	sums = {0};

			for (int g = 0; g < groups; g++)
				if (times[g] > 0)
					add(&sums, &assessments[a]->sums[g], times[g]);
			for (int f = 0; f < TARGET_FIGURES; f++)
				value[((size_t) a * TARGET_FIGURES + f) * BOOTSTRAP_DRAWS + draw] = figure_of(&sums, f);
		}
	}
	for (int f = 0; f < TARGET_FIGURES; f++)
		for (int draw = 0; draw < BOOTSTRAP_DRAWS; draw++)
			value[((size_t) count * TARGET_FIGURES + f) * BOOTSTRAP_DRAWS + draw] =
				value[((size_t) (count - 1) * TARGET_FIGURES + f) * BOOTSTRAP_DRAWS + draw] - value[(size_t) f * BOOTSTRAP_DRAWS + draw];
	for (size_t i = 0; i < figures; i++)
		interval[i] = bootstrap_percentiles(value + i * BOOTSTRAP_DRAWS, BOOTSTRAP_DRAWS);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
