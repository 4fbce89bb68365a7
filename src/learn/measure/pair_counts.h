/*
 * pair_counts.h
 *	  The distances of very many pairs, of one class (genuine) and of two (impostor), in bounded
 *	  memory: kept one by one while they are few, else counted in bins.
 *
 * A bin is the exponent and the first 14 bits of the mantissa of the squared distance as a float.
 * Pairs whose distances differ by less than one part in 30,000 count as equally far apart. Pairs
 * are also counted by group of classes, for the bootstrap, in bins of 7 bits of mantissa.
 */
#ifndef PAIR_COUNTS_H
#define PAIR_COUNTS_H

#include "roc.h"

#define PAIR_EXACT		(INT64_C(1) << 21)	/* pairs that are kept one by one */
#define PAIR_GROUPS		128			/* groups at most */

/* Squared distances from 2^-41 (what is less counts as 0) to 2^17. */
#define PAIR_FINE_SHIFT	9
#define PAIR_BASE		((uint32_t) (127 - 41) << (23 - PAIR_FINE_SHIFT))
#define PAIR_FINE		(58 << (23 - PAIR_FINE_SHIFT))
#define PAIR_COARSER	7
#define PAIR_COARSE		(PAIR_FINE >> PAIR_COARSER)

typedef struct PairCounts
{
	int			groups;
	double		unit;			/* distances are sqrt(square) * unit */
	int64_t		n;				/* kept, where max > 0 */
	int64_t		max;
	double	   *distance;
	bool	   *same;
	/* 2 x (PAIR_FINE + 1): impostor, genuine; not yet in the next two */
	uint32_t   *recent;
	int32_t		low;			/* bins that have recent pairs are among low .. high */
	int32_t		high;
	double	   *fine;			/* 2 x PAIR_FINE; NULL: kept one by one */
	double	   *coarse;			/* groups x 2 x PAIR_COARSE; in the end the used bins, in front */
	int		   *used;			/* coarse bins with a pair of any group, once all are counted */
	int			n_used;
} PairCounts;

/* Room for the bins by group, 0.1 MB each, which pair_counts_weighted_roc needs. */
extern LearnStatus pair_counts_create(LearnEnv *env, int groups, PairCounts *counts);

/*
 * Room for all else, for at most max pairs whose squared distances come in units of unit^2. 19 MB
 * for PAIR_EXACT pairs one by one, or 15 MB of bins; 8 MB for incoming pairs. pair_counts_roc takes
 * at most 80 MB.
 */
extern LearnStatus pair_counts_open(LearnEnv *env, int64_t max, double unit, PairCounts *counts);

/*
 * Count n pairs of one kind at the squared distances square + 2 score[j], without those whose
 * scores are infinite or whose row[j] is at most `after`.
 */
extern void pair_counts_add(PairCounts *counts, bool same, float square, const float *score, const int32_t *row,
							int32_t after, int64_t n);

/*
 * What was added since the last call belongs to this group. Call it after at most 2^32 - 1 pairs.
 */
extern void pair_counts_flush(PairCounts *counts, int group);

/* Keep a pair, where pairs are kept. */
static inline void
pair_counts_keep(PairCounts *counts, bool same, double distance)
{
	counts->distance[counts->n] = distance;
	counts->same[counts->n++] = same;
}

/* The curve of all pairs, once all are counted. */
extern LearnStatus pair_counts_roc(LearnEnv *env, PairCounts *counts, Roc *roc);

/*
 * Call it after pair_counts_roc. The curve by coarse bins, in which the pairs of each group count
 * weight[group] times (NULL: once). Overwrites what the last call with this roc wrote; roc starts
 * as zeros.
 */
extern LearnStatus pair_counts_weighted_roc(LearnEnv *env, const PairCounts *counts, const double *weight, Roc *roc);

#endif							/* PAIR_COUNTS_H */
