/*
 * loss_pair.c
 *	  Losses of pairs: contrastive, and multi-similarity with its own miner.
 */
#include <string.h>

#include "loss_row.h"

/*
 * Contrastive loss (Hadsell, Chopra and LeCun 2006, with distances in place of their
 * squares, as pytorch-metric-learning has it): max(0, d - pos_margin) for a pair of one
 * class, max(0, neg_margin - d) for the others; each kind is averaged over its pairs
 * with a loss above 0.  s: squared distances.  Margins >= 0.
 */
real
loss_contrastive(const LossParams *params, LossBlock *block)
{
	int			n = block->rows;
	real		pos_margin = params->pos_margin;
	real		neg_margin = params->neg_margin;
	real		neg_reach = neg_margin * neg_margin;
	double		pos_sum = 0;
	double		neg_sum = 0;
	int64_t		pos_count = 0;
	int64_t		neg_count = 0;

	for (int i = 0; i < n; i++)
	{
		const real *s = block->s + (size_t) i * n;
		real	   *ds = block->ds + (size_t) i * n;
		const int  *member;
		int			size = loss_class(block, i, &member);

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < n; j++)
		{
			ds[j] = 0;
			if (s[j] < neg_reach && block->label[j] != block->label[i])
			{
				real		d = sqrt(s[j]);

				neg_sum += neg_margin - d;
				neg_count++;
				ds[j] = half_inverse(d);
			}
		}
		for (int k = 0; k < size; k++)
		{
			real		d = sqrt(s[member[k]]);

			if (member[k] != i && d > pos_margin)
			{
				pos_sum += d - pos_margin;
				pos_count++;
			}
		}
	}

	if (neg_count > 0)
		vm_scale(block->ds, (real) -1 / neg_count, (size_t) n * n);
	if (pos_count > 0)
	{
		for (int i = 0; i < n; i++)
		{
			const int  *member;
			int			size = loss_class(block, i, &member);

			for (int k = 0; k < size; k++)
			{
				size_t		cell = (size_t) i * n + member[k];
				real		d = sqrt(block->s[cell]);

				if (member[k] != i && d > pos_margin)
					block->ds[cell] = half_inverse(d) / pos_count;
			}
		}
	}
	return (pos_count > 0 ? pos_sum / pos_count : 0) + (neg_count > 0 ? neg_sum / neg_count : 0);
}

/*
 * The positives' half of multi-similarity for one anchor: log(1 + sum exp(-alpha (s -
 * base))) / alpha over those below limit, hardest being the least of them.  Writes
 * their ds.
 */
static real
pull_mined(const LossParams *params, const int *member, int size, int self, real hardest, real limit,
		   const real *s, real *ds)
{
	real		alpha = params->alpha;
	real		base = params->base;
	real		max = fmax(alpha * (base - hardest), (real) 0);
	real		sum = exp(-max);

	for (int k = 0; k < size; k++)
	{
		int			j = member[k];

		ds[j] = 0;
		if (j != self && s[j] < limit)
		{
			ds[j] = -exp(alpha * (base - s[j]) - max);
			sum -= ds[j];
		}
	}
	for (int k = 0; k < size; k++)
		ds[member[k]] /= sum;
	return (max + log(sum)) / alpha;
}

/*
 * Multi-similarity loss (Wang et al., arXiv 1904.06627).  Its miner takes of an anchor
 * the positives less similar than its most similar negative plus epsilon, and the
 * negatives more similar than its least similar positive minus epsilon (equations 11
 * and 12); the mean over all anchors of equation 15.  s: cosines.
 */
real
loss_multi_similarity(const LossParams *params, LossBlock *block)
{
	int			n = block->rows;
	real		beta = params->beta;
	real		base = params->base;
	real		epsilon = params->epsilon;
	double		total = 0;

	for (int i = 0; i < n; i++)
	{
		const real *s = block->s + (size_t) i * n;
		real	   *ds = block->ds + (size_t) i * n;
		const int  *member;
		int			size = loss_class(block, i, &member);
		real		min_pos = -HIDDEN;
		real		max_neg;
		real		sum;

		if (loss_stopped(block, i))
			return NAN;
		memcpy(ds, s, n * sizeof(real));
		for (int k = 0; k < size; k++)
		{
			ds[member[k]] = HIDDEN;
			if (member[k] != i)
				min_pos = fmin(min_pos, s[member[k]]);
		}
		max_neg = vm_max(ds, n);
		if (size < 2 || size == n || min_pos - epsilon >= max_neg)
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}

		for (int j = 0; j < n; j++)
			ds[j] = (ds[j] + epsilon > min_pos) ? beta * (ds[j] - base) : HIDDEN;
		total += row_exp_plus_one(ds, n, &sum) / beta;
		vm_scale(ds, 1 / sum, n);
		total += pull_mined(params, member, size, i, min_pos, max_neg + epsilon, s, ds);
	}
	vm_scale(block->ds, (real) 1 / n, (size_t) n * n);
	return total / n;
}
