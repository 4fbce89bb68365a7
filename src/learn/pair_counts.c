/*
 * pair_counts.c
 *	  Pairs in bins, and the curve of verification that bins make.
 */
#include "learn/pair_counts.h"

#include <math.h>

LearnStatus
pair_counts_create(LearnEnv *env, int groups, PairCounts *counts)
{
	size_t		coarse = (size_t) groups * 2 * PAIR_COARSE;

	*counts = (PairCounts) {.groups = groups};
	LEARN_ALLOC(env, counts->coarse, coarse);
	memset(counts->coarse, 0, coarse * sizeof(double));
	return LEARN_OK;
}

LearnStatus
pair_counts_open(LearnEnv *env, int64_t max, double unit, PairCounts *counts)
{
	counts->unit = unit;
	if (max <= PAIR_EXACT)
	{
		counts->max = max;
		LEARN_ALLOC(env, counts->distance, max);
		LEARN_ALLOC(env, counts->same, max);
		return LEARN_OK;
	}
	LEARN_ALLOC(env, counts->fine, 2 * PAIR_FINE);
	memset(counts->fine, 0, 2 * PAIR_FINE * sizeof(double));
	return LEARN_OK;
}

/* The middle of a bin, so that between two that are neighbours lies their border. */
static double
bin_distance(const PairCounts *counts, int bin, int coarser)
{
	double		edge[2];

	if (bin == 0)
		return 0;
	for (int i = 0; i < 2; i++)
	{
		uint32_t	bits = (PAIR_BASE + ((uint32_t) (bin + i) << coarser)) << PAIR_FINE_SHIFT;
		float		f;

		memcpy(&f, &bits, sizeof(f));
		edge[i] = sqrt(f);
	}
	return (edge[0] + edge[1]) / 2 * counts->unit;
}

/* One step for each bin that has a pair. */
static LearnStatus
roc_of_bins(LearnEnv *env, const PairCounts *counts, const double *impostor, const double *genuine,
			int bins, int coarser, Roc *roc)
{
	double		sum[2] = {0};

	if (roc->distance == NULL)
	{
		LEARN_ALLOC(env, roc->distance, bins);
		LEARN_ALLOC(env, roc->genuine, bins);
		LEARN_ALLOC(env, roc->impostor, bins);
	}
	roc->steps = 0;
	for (int b = 0; b < bins; b++)
	{
		if (impostor[b] == 0 && genuine[b] == 0)
			continue;
		sum[0] += impostor[b];
		sum[1] += genuine[b];
		roc->distance[roc->steps] = bin_distance(counts, b, coarser);
		roc->impostor[roc->steps] = sum[0];
		roc->genuine[roc->steps++] = sum[1];
	}
	return LEARN_OK;
}

/* Which coarse bins have a pair of any group. */
static void
find_range(PairCounts *counts)
{
	counts->begin = PAIR_COARSE;
	counts->end = 0;
	for (int g = 0; g < 2 * counts->groups; g++)
	{
		const double *bins = counts->coarse + (size_t) g * PAIR_COARSE;

		for (int b = 0; b < PAIR_COARSE; b++)
			if (bins[b] > 0)
			{
				counts->begin = b < counts->begin ? b : counts->begin;
				counts->end = b >= counts->end ? b + 1 : counts->end;
			}
	}
}

LearnStatus
pair_counts_roc(LearnEnv *env, PairCounts *counts, Roc *roc)
{
	*roc = (Roc) {0};
	find_range(counts);
	if (counts->fine == NULL)
		return roc_of_pairs(env, counts->distance, counts->same, counts->n, roc);
	return roc_of_bins(env, counts, counts->fine, counts->fine + PAIR_FINE, PAIR_FINE, 0, roc);
}

LearnStatus
pair_counts_weighted_roc(LearnEnv *env, const PairCounts *counts, const double *weight, Roc *roc)
{
	ArenaMark	mark;
	double	   *sum;

	if (roc->distance == NULL)
	{
		*roc = (Roc) {0};
		LEARN_ALLOC(env, roc->distance, PAIR_COARSE);
		LEARN_ALLOC(env, roc->genuine, PAIR_COARSE);
		LEARN_ALLOC(env, roc->impostor, PAIR_COARSE);
	}
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, sum, 2 * PAIR_COARSE);
	memset(sum, 0, 2 * PAIR_COARSE * sizeof(double));
	for (int g = 0; g < counts->groups; g++)
	{
		const double *from = counts->coarse + (size_t) g * 2 * PAIR_COARSE;
		double		w = weight ? weight[g] : 1;

		if (w == 0)
			continue;
		for (int b = counts->begin; b < counts->end; b++)
		{
			sum[b] += w * from[b];
			sum[PAIR_COARSE + b] += w * from[PAIR_COARSE + b];
		}
	}
	LEARN_TRY(roc_of_bins(env, counts, sum, sum + PAIR_COARSE, PAIR_COARSE, PAIR_COARSER, roc));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
