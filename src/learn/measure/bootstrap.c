/*
 * bootstrap.c
 *	  Classes drawn again and again, and percentiles of the figures.
 */
#include "bootstrap.h"

#include <math.h>
#include <string.h>

typedef struct Draw
{
	int			n_classes;
	int		   *present;		/* classes with a query */
	int			n_present;
	double	   *weight;			/* n_classes: how often each was drawn */
	double	   *group;			/* PAIR_GROUPS */
	int			metrics[ASSESS_METRICS];	/* that were measured */
	int			n_metrics;
} Draw;

static double
verification_figure(const Verification *v, int figure)
{
	switch (figure)
	{
		case BOOTSTRAP_AUC:
			return v->auc;
		case BOOTSTRAP_AVERAGE_PRECISION:
			return v->average_precision;
		case BOOTSTRAP_EER:
			return v->eer;
		case BOOTSTRAP_ACCURACY:
			return v->accuracy;
		default:
			return v->tar[figure - BOOTSTRAP_TAR];
	}
}

double
assess_figure(const Assessment *assessment, int figure)
{
	if (figure < BOOTSTRAP_MACRO)
		return assess_micro(assessment, figure);
	if (figure < BOOTSTRAP_AUC)
		return assess_macro(assessment, figure - BOOTSTRAP_MACRO);
	return verification_figure(&assessment->verification, figure);
}

/* Micro and macro means with classes as they were drawn. */
static void
weighted_means(const Assessment *a, const Draw *draw, double *figure)
{
	double		sum[ASSESS_METRICS] = {0};
	double		weight[ASSESS_METRICS] = {0};
	double		mean[ASSESS_METRICS] = {0};
	double		classes[ASSESS_METRICS] = {0};

	for (int p = 0; p < draw->n_present; p++)
	{
		int			c = draw->present[p];
		double		times = draw->weight[c];
		const double *class_sum = a->sum + (size_t) c * ASSESS_METRICS;
		const double *class_weight = a->weight + (size_t) c * ASSESS_METRICS;

		if (times == 0)
			continue;
		for (int i = 0; i < draw->n_metrics; i++)
		{
			int			m = draw->metrics[i];

			if (class_weight[m] > 0)
			{
				sum[m] += times * class_sum[m];
				weight[m] += times * class_weight[m];
				mean[m] += times * class_sum[m] / class_weight[m];
				classes[m] += times;
			}
		}
	}
	for (int m = 0; m < ASSESS_METRICS; m++)
	{
		figure[BOOTSTRAP_MICRO + m] = weight[m] > 0 ? sum[m] / weight[m] : NAN;
		figure[BOOTSTRAP_MACRO + m] = classes[m] > 0 ? mean[m] / classes[m] : NAN;
	}
}

/* Figures of verification by coarse bins; weight NULL: as it is. */
static LearnStatus
weighted_verification(LearnEnv *env, const Assessment *a, const double *weight, Roc *roc, double *figure)
{
	Verification v;

	if (a->pairs.coarse == NULL)
	{
		for (int f = BOOTSTRAP_AUC; f < BOOTSTRAP_FIGURES; f++)
			figure[f] = NAN;
		return LEARN_OK;
	}
	LEARN_TRY(pair_counts_weighted_roc(env, &a->pairs, weight, roc));
	assess_verification(roc, &v);
	for (int f = BOOTSTRAP_AUC; f < BOOTSTRAP_FIGURES; f++)
		figure[f] = verification_figure(&v, f);
	return LEARN_OK;
}

/* Draw as many classes as there are. Groups are classes if there are equally many. */
static void
draw_classes(Draw *draw, int groups, Rng *rng)
{
	memset(draw->weight, 0, draw->n_classes * sizeof(double));
	memset(draw->group, 0, groups * sizeof(double));
	for (int p = 0; p < draw->n_present; p++)
		draw->weight[draw->present[rng_below(rng, draw->n_present)]]++;
	if (groups == draw->n_classes)
		memcpy(draw->group, draw->weight, groups * sizeof(double));
	else
		for (int g = 0; g < groups; g++)
			draw->group[rng_below(rng, groups)]++;
}

MetricInterval
bootstrap_percentiles(double *value, int n)
{
	MetricInterval	interval = {NAN, NAN};
	double	   *bound[2] = {&interval.low, &interval.high};
	int			numbers = 0;

	for (int i = 0; i < n; i++)
		if (!isnan(value[i]))
			value[numbers++] = value[i];
	if (numbers < n / 2)
		return interval;
	learn_sort_rising(value, numbers);
	for (int i = 0; i < 2; i++)
	{
		double		at = (i == 0 ? 0.025 : 0.975) * (numbers - 1);
		int			below = (int) at;

		*bound[i] = value[below];
		if (below + 1 < numbers)
			*bound[i] += (at - below) * (value[below + 1] - value[below]);
	}
	return interval;
}

static LearnStatus
draw_create(LearnEnv *env, const Assessment *a, Draw *draw)
{
	draw->n_classes = a->n_classes;
	draw->n_present = 0;
	draw->n_metrics = 0;
	for (int m = 0; m < ASSESS_METRICS; m++)
		if (!isnan(assess_micro(a, m)))
			draw->metrics[draw->n_metrics++] = m;
	LEARN_ALLOC(env, draw->present, a->n_classes);
	LEARN_ALLOC(env, draw->weight, a->n_classes);
	LEARN_ALLOC(env, draw->group, PAIR_GROUPS);
	for (int c = 0; c < a->n_classes; c++)
		if (a->of_class[c] > 0)
			draw->present[draw->n_present++] = c;
	return LEARN_OK;
}

LearnStatus
bootstrap_intervals(LearnEnv *env, const Assessment *const *assessments, int count, uint64_t seed, MetricInterval *interval)
{
	ArenaMark	mark = arena_mark(env->arena);
	Draw		draw;
	Roc			roc = {0};
	Rng			rng;
	double	   *bias;			/* count x BOOTSTRAP_FIGURES: as it is, less by coarse bins */
	double	   *value;			/* (count + 1) x BOOTSTRAP_FIGURES x BOOTSTRAP_DRAWS */
	double		figure[BOOTSTRAP_FIGURES];

	for (int i = 0; i < (count + 1) * BOOTSTRAP_FIGURES; i++)
		interval[i] = (MetricInterval) {NAN, NAN};
	LEARN_TRY(draw_create(env, assessments[0], &draw));
	if (draw.n_present < 2)
	{
		arena_reset(env->arena, mark);
		return LEARN_OK;
	}
	LEARN_ALLOC(env, bias, count * BOOTSTRAP_FIGURES);
	LEARN_ALLOC(env, value, (size_t) (count + 1) * BOOTSTRAP_FIGURES * BOOTSTRAP_DRAWS);
	memset(bias, 0, count * BOOTSTRAP_FIGURES * sizeof(double));
	for (int a = 0; a < count; a++)
	{
		LEARN_TRY(weighted_verification(env, assessments[a], NULL, &roc, figure));
		for (int f = BOOTSTRAP_AUC; f < BOOTSTRAP_FIGURES; f++)
			bias[a * BOOTSTRAP_FIGURES + f] = assess_figure(assessments[a], f) - figure[f];
	}

	rng_seed(&rng, seed, 1);
	for (int d = 0; d < BOOTSTRAP_DRAWS; d++)
	{
		draw_classes(&draw, assessments[0]->pairs.groups, &rng);
		for (int a = 0; a < count; a++)
		{
			LEARN_TRY(learn_poll(env));
			weighted_means(assessments[a], &draw, figure);
			LEARN_TRY(weighted_verification(env, assessments[a], draw.group, &roc, figure));
			for (int f = 0; f < BOOTSTRAP_FIGURES; f++)
			{
				double	   *drawn = &value[((size_t) a * BOOTSTRAP_FIGURES + f) * BOOTSTRAP_DRAWS + d];

				*drawn = figure[f] + bias[a * BOOTSTRAP_FIGURES + f];
				if (f >= BOOTSTRAP_AUC && !isnan(*drawn))
					*drawn = fmin(fmax(*drawn, 0), 1);
			}
		}
	}
	for (int f = 0; f < BOOTSTRAP_FIGURES; f++)
	{
		double	   *first = value + (size_t) f * BOOTSTRAP_DRAWS;
		double	   *last = value + ((size_t) (count - 1) * BOOTSTRAP_FIGURES + f) * BOOTSTRAP_DRAWS;
		double	   *difference = value + ((size_t) count * BOOTSTRAP_FIGURES + f) * BOOTSTRAP_DRAWS;

		for (int d = 0; d < BOOTSTRAP_DRAWS; d++)
			difference[d] = last[d] - first[d];
		LEARN_TRY(learn_poll(env));
		for (int a = 0; a <= count; a++)
			interval[a * BOOTSTRAP_FIGURES + f] =
				bootstrap_percentiles(value + ((size_t) a * BOOTSTRAP_FIGURES + f) * BOOTSTRAP_DRAWS, BOOTSTRAP_DRAWS);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
