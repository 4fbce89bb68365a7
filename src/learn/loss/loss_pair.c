/*
 * loss_pair.c
 *	  Losses of pairs: contrastive, threshold-consistent margin and multi-similarity.
 */
#include <string.h>

#include "loss_row.h"

/* Two thresholds of pairs. [0] is of negatives, [1] of positives. */
typedef struct Thresholds
{
	real		edge[2];
	real		weight[2];		/* of the mean excess */
	int			near;			/* 1: s is small for near rows (distances); -1: large (cosines) */
	bool		at_edge;		/* a pair at its threshold counts in the mean */
} Thresholds;

/*
 * The excess of a pair is how far it is on the wrong side of its kind's threshold. Each kind's
 * excess is averaged over its pairs on the wrong side, and the two means are added by their
 * weights.
 */
static real
mean_excess(LossBlock *block, const Thresholds *thresholds)
{
	double		sum[2] = {0, 0};
	int64_t		count[2] = {0, 0};
	real		share[2];

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < block->cols; j++)
		{
			bool		kind = relation[j] > 0;
			int			slope = thresholds->near * relation[j];
			real		excess = slope * (s[j] - thresholds->edge[kind]);

			ds[j] = 0;
			if (slope == 0 || (thresholds->at_edge ? excess < 0 : !(excess > 0)))
				continue;
			sum[kind] += excess;
			count[kind]++;
			ds[j] = slope;
		}
	}
	for (int k = 0; k < 2; k++)
		share[k] = count[k] > 0 ? thresholds->weight[k] / count[k] : 0;
	for (size_t k = 0; k < (size_t) block->rows * block->cols; k++)
		block->ds[k] *= share[thresholds->near * block->ds[k] > 0];
	return sum[0] * share[0] + sum[1] * share[1];
}

/*
 * Contrastive loss (Hadsell, Chopra and LeCun 2006, with distances in place of their
 * squares, as pytorch-metric-learning has it): max(0, d - pos_margin) for a pair of one
 * class, max(0, neg_margin - d) for the others; each kind is averaged over its pairs
 * with a loss above 0.  s: distances.  Margins >= 0.
 */
real
loss_contrastive(const LossParams *params, LossBlock *block)
{
	return mean_excess(block, &(Thresholds)
	{
		.edge = {params->neg_margin, params->pos_margin}, .weight = {1, 1}, .near = 1
	});
}

/*
 * Threshold-consistent margin (Zhang et al., arXiv 2307.04047): alpha times the mean of pos_margin
 * - s over positives not above it, plus beta times the mean of s - neg_margin over negatives not
 * below it. s: cosines.
 */
real
loss_threshold_consistent(const LossParams *params, LossBlock *block)
{
	return mean_excess(block, &(Thresholds)
	{
		.edge = {params->neg_margin, params->pos_margin}, .weight = {params->beta, params->alpha}, .near = -1,
			.at_edge = true
	});
}

/*
 * Multi-similarity loss (Wang et al., arXiv 1904.06627, equation 15): for an anchor
 * log(1 + sum exp(-alpha (s - base))) / alpha over its positives, plus log(1 + sum
 * exp(beta (s - base))) / beta over its negatives; the mean over all anchors.  Their
 * miner is one of loss_mine.c.  s: cosines.
 */
real
loss_multi_similarity(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		alpha = params->alpha;
	real		beta = params->beta;
	real		base = params->base;
	real	   *pull = block->work;
	double		total = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		const int  *positive;
		int			size = loss_positives(block, i, &positive);
		real		sum;

		if (loss_stopped(block, i))
			return NAN;
		row_of_negatives(block, i, 1, ds);
		for (int j = 0; j < n; j++)
			ds[j] = ds[j] > HIDDEN ? beta * (ds[j] - base) : HIDDEN;
		total += row_exp_plus_one(ds, n, &sum) / beta;
		vm_scale(ds, 1 / sum, n);
		if (size == 0)
			continue;
		for (int k = 0; k < size; k++)
			pull[k] = alpha * (base - s[positive[k]]);
		total += row_exp_plus_one(pull, size, &sum) / alpha;
		for (int k = 0; k < size; k++)
			ds[positive[k]] = -pull[k] / sum;
	}
	return loss_mean(block, total, block->rows);
}
