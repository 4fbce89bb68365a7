/*
 * loss_softmax.c
 *	  Losses that are a softmax over the batch: NT-Xent, SupCon and NCA.
 */
#include <string.h>

#include "loss_row.h"

/*
 * NT-Xent (Sohn 2016; Chen et al., arXiv 2002.05709), one term for each ordered pair of
 * one class: -log(e_p / (e_p + sum of e over the anchor's negatives)), e = exp(s /
 * temperature); the mean over these pairs.  s: cosines.
 *
 * With L the log-sum-exp of the negatives a term is softplus(L - s_p / temperature):
 * its derivative is the logistic function, shared by the negatives as their softmax.
 */
real
loss_ntxent(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		sharpness = 1 / params->temperature;
	real	   *share = block->work;
	double		total = 0;
	int64_t		pairs = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		const int  *positive;
		int			size = loss_positives(block, i, &positive);
		real		negatives,
					sum;
		real		weight = 0;

		if (loss_stopped(block, i))
			return NAN;
		if (size == 0 || loss_negatives(block, i) == 0)
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}
		row_of_negatives(block, i, sharpness, ds);
		negatives = row_exp(ds, n, &sum);

		for (int k = 0; k < size; k++)
		{
			real		u = negatives - sharpness * s[positive[k]];

			share[k] = logistic(u);
			weight += share[k];
			total += softplus(u);
		}
		vm_scale(ds, weight / sum, n);
		for (int k = 0; k < size; k++)
			ds[positive[k]] = -share[k];
		pairs += size;
	}
	if (pairs == 0)
		return 0;
	vm_scale(block->ds, sharpness / pairs, (size_t) block->rows * n);
	return total / pairs;
}

/*
 * SupCon (Khosla et al., arXiv 2004.11362, L_out of equation 2): for an anchor the mean
 * over its positives of -log(e_p / sum of e over all others), e = exp(s / temperature);
 * the mean over the anchors that have a positive.  s: cosines.
 */
real
loss_supcon(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		sharpness = 1 / params->temperature;
	double		total = 0;
	int			anchors = 0;

	for (int i = 0; i < block->rows; i++)
	{
		real	   *ds = loss_ds(block, i);
		const int  *positive;
		int			size = loss_positives(block, i, &positive);
		double		pull = 0;
		real		sum;

		if (loss_stopped(block, i))
			return NAN;
		if (size == 0)
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}
		row_of_others(block, i, sharpness, ds);
		for (int k = 0; k < size; k++)
			pull += ds[positive[k]];
		total += row_exp(ds, n, &sum) - pull / size;
		vm_scale(ds, 1 / sum, n);
		for (int k = 0; k < size; k++)
			ds[positive[k]] -= (real) 1 / size;
		anchors++;
	}
	if (anchors == 0)
		return 0;
	vm_scale(block->ds, sharpness / anchors, (size_t) block->rows * n);
	return total / anchors;
}

/*
 * NCA (Goldberger et al. 2004), as the negative log of the probability that an anchor's
 * stochastic neighbour is of its class, -log(sum over positives of e / sum over all
 * others of e), e = exp(-scale d^2); the mean over the anchors that have a positive. s:
 * squared distances.
 */
real
loss_nca(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		scale = params->scale;
	real	   *near = block->work;
	double		total = 0;
	int			anchors = 0;

	for (int i = 0; i < block->rows; i++)
	{
		real	   *ds = loss_ds(block, i);
		const int  *positive;
		int			size = loss_positives(block, i, &positive);
		real		sum,
					near_sum;

		if (loss_stopped(block, i))
			return NAN;
		if (size == 0)
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}
		row_of_others(block, i, -scale, ds);
		for (int k = 0; k < size; k++)
			near[k] = ds[positive[k]];
		total += row_exp(ds, n, &sum) - row_exp(near, size, &near_sum);
		vm_scale(ds, 1 / sum, n);
		for (int k = 0; k < size; k++)
			ds[positive[k]] -= near[k] / near_sum;
		anchors++;
	}
	if (anchors == 0)
		return 0;
	vm_scale(block->ds, -scale / anchors, (size_t) block->rows * n);
	return total / anchors;
}
