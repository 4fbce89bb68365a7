/*
 * loss_pair.c
 *	  Losses of pairs: contrastive and multi-similarity.
 */
#include <string.h>

#include "loss_row.h"

/*
 * Contrastive loss (Hadsell, Chopra and LeCun 2006, with distances in place of their
 * squares, as pytorch-metric-learning has it): max(0, d - pos_margin) for a pair of one
 * class, max(0, neg_margin - d) for the others; each kind is averaged over its pairs
 * with a loss above 0.  s: distances.  Margins >= 0.
 */
real
loss_contrastive(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		pos_margin = params->pos_margin;
	real		neg_margin = params->neg_margin;
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
		for (int j = 0; j < n; j++)
		{
			real		excess = relation[j] > 0 ? s[j] - pos_margin : relation[j] < 0 ? neg_margin - s[j] : 0;

			ds[j] = 0;
			if (excess > 0)
			{
				sum[relation[j] > 0] += excess;
				count[relation[j] > 0]++;
				ds[j] = relation[j];
			}
		}
	}
	for (int k = 0; k < 2; k++)
		share[k] = count[k] > 0 ? (real) 1 / count[k] : 0;
	for (size_t k = 0; k < (size_t) block->rows * n; k++)
		block->ds[k] *= share[block->ds[k] > 0];
	return sum[0] * share[0] + sum[1] * share[1];
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
	vm_scale(block->ds, (real) 1 / block->rows, (size_t) block->rows * n);
	return total / block->rows;
}
