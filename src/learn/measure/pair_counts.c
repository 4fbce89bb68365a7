/*
 * pair_counts.c
 *	  Pairs in bins, and the curve of verification that bins make.
 */
#include "pair_counts.h"

#include <math.h>
#include <string.h>

#define NO_BIN			PAIR_FINE
#define PART			1024		/* pairs whose bins are found at once */

LearnStatus
pair_counts_create(LearnEnv *env, int groups, PairCounts *counts)
{
	size_t		coarse = (size_t) groups * 2 * PAIR_COARSE;

	*counts = (PairCounts) {.groups = groups};
	LEARN_ALLOC(env, counts->coarse, coarse);
	LEARN_ALLOC(env, counts->used, PAIR_COARSE);
	memset(counts->coarse, 0, coarse * sizeof(double));
	return LEARN_OK;
}

LearnStatus
pair_counts_open(LearnEnv *env, int64_t max, double unit, PairCounts *counts)
{
	counts->unit = unit;
	LEARN_ALLOC(env, counts->recent, 2 * (PAIR_FINE + 1));
	memset(counts->recent, 0, 2 * (PAIR_FINE + 1) * sizeof(uint32_t));
	counts->low = PAIR_FINE - 1;
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

/*
 * bin[j] for the squared distance square + 2 score[j], NO_BIN for a pair that does not count. low
 * and high become the range of the bins. The loops can be vectorised by the compiler.
 */
static void
find_bins(float square, const float *restrict score, const int32_t *restrict row, int32_t after, int n,
		  int32_t *restrict bin, int32_t *low, int32_t *high)
{
	float		distance[PART];
	int32_t		infinite;
	int32_t		least = *low;
	int32_t		most = *high;

	for (int j = 0; j < n; j++)
	{
		float		f = square + 2 * score[j];

		distance[j] = f > 0 ? f : 0;
	}
	memcpy(bin, distance, n * sizeof(float));
	memcpy(&infinite, &(float) {INFINITY}, sizeof(infinite));
	for (int j = 0; j < n; j++)
	{
		int32_t		b = (bin[j] >> PAIR_FINE_SHIFT) - (int32_t) PAIR_BASE;
		bool		none = (bin[j] >= infinite) | (row[j] <= after);

		b = b > 0 ? b : 0;
		b = b < PAIR_FINE - 1 ? b : PAIR_FINE - 1;
		bin[j] = none ? NO_BIN : b;
		least = b < least ? b : least;
		b = none ? 0 : b;
		most = b > most ? b : most;
	}
	*low = least;
	*high = most;
}

void
pair_counts_add(PairCounts *counts, bool same, float square, const float *score, const int32_t *row,
				int32_t after, int64_t n)
{
	uint32_t   *recent = counts->recent + same * (PAIR_FINE + 1);

	for (int64_t begin = 0; begin < n; begin += PART)
	{
		int			part = n - begin < PART ? (int) (n - begin) : PART;
		int32_t		bin[PART];

		find_bins(square, score + begin, row + begin, after, part, bin, &counts->low, &counts->high);
		for (int j = 0; j < part; j++)
			recent[bin[j]]++;
	}
}

void
pair_counts_flush(PairCounts *counts, int group)
{
	for (int same = 0; same < 2; same++)
		for (int c = counts->low >> PAIR_COARSER; c <= counts->high >> PAIR_COARSER; c++)
		{
			uint32_t   *bins = counts->recent + same * (PAIR_FINE + 1) + (c << PAIR_COARSER);
			uint64_t	sum = 0;

			for (int b = 0; b < 1 << PAIR_COARSER; b++)
				sum += bins[b];
			if (sum == 0)
				continue;
			counts->coarse[(group * 2 + same) * PAIR_COARSE + c] += sum;
			if (counts->fine)
				for (int b = 0; b < 1 << PAIR_COARSER; b++)
					counts->fine[same * PAIR_FINE + (c << PAIR_COARSER) + b] += bins[b];
			memset(bins, 0, sizeof(*bins) << PAIR_COARSER);
		}
	counts->low = PAIR_FINE - 1;
	counts->high = 0;
	counts->recent[NO_BIN] = counts->recent[PAIR_FINE + 1 + NO_BIN] = 0;
}

/* The middle of a bin. The middle between two neighbouring bins is then their border. */
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

/* Add a step for each bin that has a pair. number: which bins they are; NULL: all. */
static LearnStatus
roc_of_bins(LearnEnv *env, const PairCounts *counts, const double *impostor, const double *genuine,
			int bins, const int *number, int coarser, Roc *roc)
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
		roc->distance[roc->steps] = bin_distance(counts, number ? number[b] : b, coarser);
		roc->impostor[roc->steps] = sum[0];
		roc->genuine[roc->steps++] = sum[1];
	}
	return LEARN_OK;
}

/*
 * Find the coarse bins that have a pair of any group, and keep only these. They are a tenth of all
 * bins, and the bootstrap reads them thousands of times.
 */
static void
keep_used(PairCounts *counts)
{
	bool		used[PAIR_COARSE] = {false};

	for (int g = 0; g < 2 * counts->groups; g++)
		for (int b = 0; b < PAIR_COARSE; b++)
			used[b] |= counts->coarse[(size_t) g * PAIR_COARSE + b] > 0;
	counts->n_used = 0;
	for (int b = 0; b < PAIR_COARSE; b++)
		if (used[b])
			counts->used[counts->n_used++] = b;
	for (int g = 0; g < 2 * counts->groups; g++)
	{
		double	   *bins = counts->coarse + (size_t) g * PAIR_COARSE;

		for (int u = 0; u < counts->n_used; u++)
			bins[u] = bins[counts->used[u]];
	}
}

LearnStatus
pair_counts_roc(LearnEnv *env, PairCounts *counts, Roc *roc)
{
	*roc = (Roc) {0};
	keep_used(counts);
	if (counts->fine == NULL)
		return roc_of_pairs(env, counts->distance, counts->same, counts->n, roc);
	return roc_of_bins(env, counts, counts->fine, counts->fine + PAIR_FINE, PAIR_FINE, NULL, 0, roc);
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
	memset(sum, 0, counts->n_used * sizeof(double));
	memset(sum + PAIR_COARSE, 0, counts->n_used * sizeof(double));
	for (int g = 0; g < counts->groups; g++)
	{
		double		w = weight ? weight[g] : 1;

		for (int same = 0; same < 2 && w != 0; same++)
		{
			const double *restrict from = counts->coarse + ((size_t) g * 2 + same) * PAIR_COARSE;
			double	   *restrict to = sum + same * PAIR_COARSE;

			for (int u = 0; u < counts->n_used; u++)
				to[u] += w * from[u];
		}
	}
	LEARN_TRY(roc_of_bins(env, counts, sum, sum + PAIR_COARSE, counts->n_used, counts->used, PAIR_COARSER, roc));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
