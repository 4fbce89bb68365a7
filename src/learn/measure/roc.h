/*
 * roc.h
 *	  Verification: two rows count as the same if they are no farther apart than a threshold;
 *	  how often that is right and wrong at every threshold.
 *
 * Genuine pairs are of one class, impostor pairs of two. FAR (false accept rate) is the share of
 * impostor pairs that a threshold accepts, TAR (true accept rate) the share of genuine pairs, FRR
 * = 1 - TAR. Definitions: ISO/IEC 19795-1; Fawcett, "An introduction to ROC analysis", 2006.
 */
#ifndef ROC_H
#define ROC_H

#include "base/learn.h"

/*
 * A curve: for each distance that occurs, rising, how many pairs (or how much weight of them) are
 * no farther apart.
 */
typedef struct Roc
{
	int64_t		steps;
	double	   *distance;		/* steps, strictly rising */
	double	   *genuine;		/* steps: cumulative */
	double	   *impostor;
} Roc;

/*
 * The curve of n pairs at finite distances >= 0. The last bit of a distance is not used. O(n) time;
 * memory of 16 bytes for each pair while it runs, and 24 for each distinct distance.
 */
extern LearnStatus roc_of_pairs(LearnEnv *env, const double *distance, const bool *same, int64_t n, Roc *roc);

/* All genuine pairs, all impostor pairs. */
extern double roc_genuine(const Roc *roc);
extern double roc_impostor(const Roc *roc);

/*
 * The probability that a genuine pair is nearer than an impostor pair, plus half of the probability
 * of a tie (Mann-Whitney). This and the three figures below are NaN without a pair of either kind.
 */
extern double roc_auc(const Roc *roc);

/* Sum over steps of precision times the recall gained, as scikit-learn has it. */
extern double roc_average_precision(const Roc *roc);

/* The rate at which FAR and FRR are equal, interpolated linearly between two steps. */
extern double roc_eer(const Roc *roc);

/* The largest TAR with a FAR of far at most; no interpolation. */
extern double roc_tar(const Roc *roc, double far);

/*
 * Operating points, as the number of a step; step -1 accepts no pair. Of equally good steps, the
 * one that accepts least.
 */
extern int64_t roc_at_far(const Roc *roc, double far);	/* largest TAR with FAR <= far */
extern int64_t roc_at_eer(const Roc *roc);	/* least |FAR - FRR| */
extern int64_t roc_at_accuracy(const Roc *roc);
/* recall counts beta times as much as precision */
extern int64_t roc_at_f_beta(const Roc *roc, double beta);

/* What a step means. */
typedef struct RocPoint
{
	/*
	 * between this step's distance and the next one's.  Step -1: below all distances, or NaN where
	 * the least of them is 0, which every threshold accepts
	 */
	double		threshold;
	double		far;			/* NaN where there are no such pairs */
	double		tar;
	double		accuracy;
	double		precision;		/* NaN where nothing is accepted */
} RocPoint;

/* The 95 % interval of a share of n > 0 cases (Wilson 1927, J. Am. Stat. Assoc. 22). */
extern void roc_share_interval(double share, double n, double *low, double *high);

extern RocPoint roc_point(const Roc *roc, int64_t step);

#endif							/* ROC_H */
