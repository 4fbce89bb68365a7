/*
 * loss_lifted.c
 *	  Losses that take a soft maximum over the distances of an anchor: lifted structure in
 *	  its two forms, and the ranked list.
 */
#include <string.h>

#include "loss_row.h"

/* log(exp(a) + exp(b)) */
static real
log_add(real a, real b)
{
	real		max = fmax(a, b);

	return max + log1p(exp(-fabs(a - b)));
}

/*
 * The log-sum-exp of neg_margin - d over the negatives of each row to *log_sum, hidden where a
 * row has none; ds becomes their softmax.  False if stopped.
 */
static bool
soft_nearest(LossBlock *block, real neg_margin, real *log_sum)
{
	int			n = block->cols;

	for (int i = 0; i < block->rows; i++)
	{
		real	   *ds = loss_ds(block, i);
		real		sum;

		if (loss_stopped(block, i))
			return false;
		log_sum[i] = HIDDEN;
		if (loss_negatives(block, i) == 0)
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}
		row_of_negatives(block, i, -1, ds);
		log_sum[i] = neg_margin + row_exp(ds, n, &sum);
		vm_scale(ds, 1 / sum, n);
	}
	return true;
}

/*
 * Lifted structure (Song et al., arXiv 1511.06452, equation 4): of a pair (i, j) of one class
 * half the square of max(0, log(sum over negatives of i and of j of exp(neg_margin - d)) + d_ij -
 * pos_margin); the mean over the pairs.  s: distances.
 */
real
loss_lifted_structure(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real	   *log_sum = block->work;
	real	   *weight = block->work + block->rows;	/* what the pairs put on a row's soft maximum */
	double		total = 0;
	int64_t		pairs = 0;

	if (!soft_nearest(block, params->neg_margin, log_sum))
		return NAN;
	memset(weight, 0, block->rows * sizeof(real));
	for (int pass = 0; pass < 2; pass++)
	{
		/* the second pass writes the positives, when the softmaxes have been scaled */
		for (int i = 0; pass == 1 && i < block->rows; i++)
			vm_scale(loss_ds(block, i), -weight[i], n);
		for (int i = 0; i < block->rows; i++)
		{
			const real *s = loss_s(block, i);
			const int  *positive;
			int			size = loss_positives(block, i, &positive);

			for (int k = 0; k < size; k++)
			{
				int			j = positive[k];
				bool		row = block->square && j < block->rows;
				real		other = row ? log_sum[j] : HIDDEN;
				real		soft = log_add(log_sum[i], other);
				real		excess = soft + s[j] - (real) params->pos_margin;

				if (soft <= HIDDEN / 2)
					continue;
				excess = fmax(excess, (real) 0);
				if (pass == 0)
				{
					total += excess * excess / 2;
					pairs++;
					weight[i] += excess * exp(log_sum[i] - soft);
					if (row)
						weight[j] += excess * exp(other - soft);
				}
				else
					loss_ds(block, i)[j] = excess;
			}
		}
	}
	return loss_mean(block, total, pairs);
}

/*
 * Generalised lifted structure (Hermans et al., arXiv 1703.07737): for an anchor max(0, log sum
 * exp(d - pos_margin) over its positives + log sum exp(neg_margin - d) over its negatives); the
 * mean over the anchors that have both.  s: distances.
 */
real
loss_generalized_lifted(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real	   *log_sum = block->work;
	real	   *pull = block->work + block->rows;
	double		total = 0;
	int			anchors = 0;

	if (!soft_nearest(block, params->neg_margin, log_sum))
		return NAN;
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		const int  *positive;
		int			size = loss_positives(block, i, &positive);
		real		sum,
					value;

		if (size > 0 && log_sum[i] > HIDDEN)
		{
			for (int k = 0; k < size; k++)
				pull[k] = s[positive[k]];
			value = log_sum[i] + row_exp(pull, size, &sum) - (real) params->pos_margin;
			anchors++;
			if (value > 0)
			{
				total += value;
				vm_scale(ds, -1, n);
				for (int k = 0; k < size; k++)
					ds[positive[k]] = pull[k] / sum;
				continue;
			}
		}
		memset(ds, 0, n * sizeof(real));
	}
	return loss_mean(block, total, anchors);
}

/*
 * Ranked list (Wang et al., arXiv 1903.03238): positives beyond neg_margin - margin are pulled, by
 * the mean of their excess; negatives inside of neg_margin are pushed, by the mean of theirs
 * weighted with exp(scale * excess); (1 - nu) of the one and nu of the other, the mean over the
 * batch. s: distances.
 */
real
loss_ranked_list(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		far = params->neg_margin;
	real		near = params->neg_margin - params->margin;
	real		sharpness = params->scale;
	real		nu = params->nu;
	real	   *weight = block->work;
	double		total = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);
		int			pulled = 0;
		double		pull = 0;
		real		push = 0;
		real		sum;
		bool		any = false;

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < n; j++)
		{
			bool		inside = relation[j] < 0 && s[j] < far;
			bool		outside = relation[j] > 0 && s[j] > near;

			weight[j] = inside ? sharpness * (far - s[j]) : HIDDEN;
			any = any || inside;
			ds[j] = outside;
			if (outside)
			{
				pull += s[j] - near;
				pulled++;
			}
		}
		if (pulled > 0)
		{
			vm_scale(ds, (1 - nu) / pulled, n);
			total += (1 - nu) * pull / pulled;
		}
		if (!any)
			continue;
		row_exp(weight, n, &sum);
		vm_scale(weight, 1 / sum, n);
		for (int j = 0; j < n; j++)
			push += weight[j] > 0 ? weight[j] * (far - s[j]) : 0;
		for (int j = 0; j < n; j++)
			if (weight[j] > 0)
				ds[j] = -nu * weight[j] * (1 + sharpness * (far - s[j] - push));
		total += nu * push;
	}
	return loss_mean(block, total, block->rows);
}
