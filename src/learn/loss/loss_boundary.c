/*
 * loss_boundary.c
 *	  Pair losses about a boundary that they learn or choose by themselves: margin, circle,
 *	  dynamic soft margin, intra-pair variance, instance.
 */
#include <string.h>

#include "loss_row.h"

/* One boundary, or one a class. */
int
loss_margin_scalars(const LossParams *params, int n_classes, double *start)
{
	*start = params->beta;
	return params->per_class ? n_classes : 1;
}

/*
 * Margin loss (Wu et al., arXiv 1706.07567): max(0, margin + d - beta) of positives and max(0,
 * margin + beta - d) of negatives, over the number of those above 0, plus nu times the mean of beta
 * over the anchors.  beta is learned, of the anchor's class if per_class.  s: distances.
 */
real
loss_margin(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	bool		per_class = params->per_class && block->label;
	double		total = 0;
	double		regular = 0;
	int64_t		count = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);
		int			b = per_class ? block->label[i] : 0;
		int			balance = 0;

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < n; j++)
		{
			real		excess = (real) params->margin + relation[j] * (s[j] - block->scalar[b]);

			ds[j] = 0;
			if (relation[j] == 0 || excess <= 0)
				continue;
			total += excess;
			count++;
			ds[j] = relation[j];
			balance -= relation[j];
		}
		block->dscalar[b] += balance;
		regular += block->scalar[b];
	}
	for (int b = 0; b < (per_class ? block->n_classes : 1) && count > 0; b++)
		block->dscalar[b] /= count;
	for (int i = 0; i < block->rows; i++)
		block->dscalar[per_class ? block->label[i] : 0] += (real) params->nu / block->rows;
	regular *= params->nu / block->rows;
	if (count == 0)
		return regular;
	vm_scale(block->ds, (real) 1 / count, (size_t) block->rows * n);
	return total / count + regular;
}

/*
 * Circle loss (Sun et al., arXiv 2002.10857, equation 6): for an anchor softplus(log sum exp(scale
 * a_n (s - margin)) over negatives + log sum exp(-scale a_p (s - 1 + margin)) over positives), with
 * a_p = max(0, 1 + margin - s) and a_n = max(0, s + margin), through which no gradient flows; the
 * mean over the anchors that have both.  s: cosines.
 */
real
loss_circle(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		margin = params->margin;
	real		scale = params->scale;
	real	   *pull = block->work;
	double		total = 0;
	int			anchors = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const real *held = block->held + (size_t) i * n;
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);
		real		pull_sum,
					push_sum,
					value,
					slope;
		bool		any[2] = {false, false};

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < n; j++)
		{
			pull[j] = ds[j] = HIDDEN;
			if (relation[j] > 0)
				pull[j] = -scale * fmax(1 + margin - held[j], (real) 0) * (s[j] - 1 + margin);
			else if (relation[j] < 0)
				ds[j] = scale * fmax(held[j] + margin, (real) 0) * (s[j] - margin);
			any[0] = any[0] || relation[j] < 0;
			any[1] = any[1] || relation[j] > 0;
		}
		if (!any[0] || !any[1])
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}
		value = row_exp(ds, n, &push_sum) + row_exp(pull, n, &pull_sum);
		slope = scale * logistic(value);
		total += softplus(value);
		anchors++;
		for (int j = 0; j < n; j++)
		{
			if (relation[j] > 0)
				ds[j] = -slope * fmax(1 + margin - held[j], (real) 0) * pull[j] / pull_sum;
			else if (relation[j] < 0)
				ds[j] *= slope * fmax(held[j] + margin, (real) 0) / push_sum;
			else
				ds[j] = 0;
		}
	}
	return loss_mean(block, total, anchors);
}

/*
 * Intra-pair variance (Yu and Tao 2019): positives below (1 - pos_margin) times the mean of the
 * batch's positives and negatives above (1 + neg_margin) times the mean of its negatives, by the
 * mean of the squares.  s: cosines.
 */
real
loss_intra_pair_variance(const LossParams *params, LossBlock *block)
{
	double		sum[2] = {0, 0};
	double		slope[2] = {0, 0};
	int64_t		count[2] = {0, 0};
	double		total = 0;
	real		edge[2];

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < block->cols; j++)
			if (relation[j] != 0)
			{
				sum[relation[j] > 0] += s[j];
				count[relation[j] > 0]++;
			}
	}
	for (int k = 0; k < 2; k++)
		sum[k] /= count[k] > 0 ? count[k] : 1;
	edge[0] = (1 + params->neg_margin) * sum[0];
	edge[1] = (1 - params->pos_margin) * sum[1];
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		for (int j = 0; j < block->cols; j++)
		{
			int			kind = relation[j] > 0;
			real		excess = relation[j] * (edge[kind] - s[j]);

			ds[j] = 0;
			if (relation[j] == 0 || excess <= 0)
				continue;
			total += excess * excess / count[kind];
			ds[j] = -relation[j] * 2 * excess / count[kind];
			slope[kind] -= ds[j];
		}
	}

	/* every pair moves the mean that the edge is set by */
	slope[0] *= count[0] > 0 ? (1 + params->neg_margin) / count[0] : 0;
	slope[1] *= count[1] > 0 ? (1 - params->pos_margin) / count[1] : 0;
	for (int i = 0; i < block->rows; i++)
	{
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		for (int j = 0; j < block->cols; j++)
			if (relation[j] != 0)
				ds[j] += slope[relation[j] > 0];
	}
	return total;
}

/*
 * Instance loss (Zheng et al., arXiv 1711.05535) with the batch for its classifier: each row is a
 * class of its own, log(1 + sum over negatives of exp(scale (s - 1))); the mean over the batch.  s:
 * cosines.
 */
real
loss_instance(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		scale = params->scale;
	double		total = 0;

	for (int i = 0; i < block->rows; i++)
	{
		real	   *ds = loss_ds(block, i);
		real		sum;

		if (loss_stopped(block, i))
			return NAN;
		row_of_negatives(block, i, scale, ds);
		for (int j = 0; j < n; j++)
			ds[j] = ds[j] > HIDDEN ? ds[j] - scale : HIDDEN;
		total += row_exp_plus_one(ds, n, &sum);
		vm_scale(ds, scale / sum, n);
	}
	return loss_mean(block, total, block->rows);
}

/* Whether there is a histogram yet, and its bins. */
size_t
loss_dynamic_soft_margin_states(const LossParams *params, int n_classes, int dims)
{
	(void) n_classes;
	(void) dims;
	return 2 + (size_t) params->bins;
}

/*
 * Dynamic soft margin (Zhang and Rusinkiewicz 2019): for an anchor x = d to a positive (the first
 * behind it) less d to the nearest negative, weighted with the share of smaller x in a running
 * histogram, through which no gradient flows; the mean over the anchors that have both.  s:
 * distances of unit vectors.
 */
real
loss_dynamic_soft_margin(const LossParams *params, LossBlock *block)
{
	int			bins = params->bins;
	real	   *histogram = block->state + 1;
	real	   *below = block->work;	/* bins + 1: running sums of the histogram */
	real		momentum = block->state[0] > 0 ? 0.01 : 1;
	double		total = 0;
	int			anchors = 0;

	memset(block->ds, 0, sizeof(real) * block->rows * block->cols);
	for (int pass = block->learning ? 0 : 1; pass < 2; pass++)
	{
		if (pass == 0)
		{
			memset(below, 0, (bins + 1) * sizeof(real));
			anchors = 0;
		}
		else if (block->learning && anchors > 0)
		{
			for (int b = 0; b <= bins; b++)
				histogram[b] = (1 - momentum) * histogram[b] + momentum * below[b] / anchors;
			block->state[0] = 1;
			anchors = 0;
		}
		if (pass == 1)
			for (int b = 0; b <= bins; b++)
				below[b] = (b > 0 ? below[b - 1] : 0) + histogram[b];
		for (int i = 0; i < block->rows; i++)
		{
			const real *s = loss_s(block, i);
			const real *held = block->held + (size_t) i * block->cols;
			const int8_t *relation = loss_relation(block, i);
			int			p = loss_next_positive(block, i);
			int			q = -1;
			real		into;
			int			bin;

			if (loss_stopped(block, i))
				return NAN;
			for (int j = 0; j < block->cols; j++)
				if (relation[j] < 0 && (q < 0 || s[j] < s[q]))
					q = j;
			if (p < 0 || q < 0)
				continue;
			bin = loss_bin(held[p] - held[q], 2, bins, &into);
			anchors++;
			if (pass == 0)
			{
				below[bin] += 1 - into;
				below[bin + 1] += into;
				continue;
			}
			total += below[bin] * (s[p] - s[q]);
			loss_ds(block, i)[p] = below[bin];
			loss_ds(block, i)[q] = -below[bin];
		}
	}
	return loss_mean(block, total, anchors);
}
