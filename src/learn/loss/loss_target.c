/*
 * loss_target.c
 *	  Losses of a number to predict: kernel regression, and contrasts in the order of its
 *	  differences.
 */
#include <string.h>

#include "loss_row.h"

/*
 * Metric learning for kernel regression (Weinberger and Tesauro 2007) within a batch: row i expects
 * the mean of the others' targets, m_i = sum over j of p_ij y_j with p_ij = softmax over j other
 * than i of -scale s_ij.  The loss is the mean of (m_i - y_i)^2.  s: squared distances.
 */
real
loss_kernel_regression(const LossParams *params, LossBlock *block)
{
	const real *y = block->target;
	int			n = block->cols;
	double		total = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *p = loss_ds(block, i);
		real		sum;
		real		expected;
		real		slope;

		if (loss_stopped(block, i))
			return NAN;
		if (n < 2)
		{
			p[i] = 0;
			continue;
		}
		for (int j = 0; j < n; j++)
			p[j] = j != i ? -(real) params->scale * s[j] : HIDDEN;
		row_exp(p, n, &sum);
		vm_scale(p, 1 / sum, n);
		expected = vm_dot(p, y, n);
		total += (double) (expected - y[i]) * (expected - y[i]);
		slope = (real) (-2 * params->scale / block->rows) * (expected - y[i]);
		for (int j = 0; j < n; j++)
			p[j] *= slope * (y[j] - expected);
	}
	return total / block->rows;
}

/*
 * Rows of a batch in the order of their targets, and what differs by less than equal, which is
 * rounding: targets are standardised, and so differences that were equal need not be any more.
 */
typedef struct Ordered
{
	const real *y;				/* by row */
	int		   *row;			/* in the order of y */
	int			n;
	real		equal;
} Ordered;

static Ordered
order_targets(LossBlock *block)
{
	Ordered		o = {block->target, block->index_work, block->rows, 0};

	for (int i = 0; i < o.n; i++)
	{
		o.row[i] = i;
		block->work[i] = o.y[i];
	}
	loss_sort(block->work, o.row, o.n);
	o.equal = (real) 1e-6 * (block->work[o.n - 1] - block->work[0]);
	return o;
}

/*
 * The other rows by falling difference of their targets from that of the row at this place of the
 * order: rows to column, and to group where each one's group of equal differences ends.  Returns
 * how many rows they are.
 */
static int
farthest_first(const Ordered *o, int place, int *column, int *group)
{
	real		mine = o->y[o->row[place]];
	int			low = 0;
	int			high = o->n - 1;
	int			first = 0;		/* of the group */
	real		largest = 0;
	int			n = 0;

	while (low < high)
	{
		real		below = mine - o->y[o->row[low]];
		real		above = o->y[o->row[high]] - mine;
		bool		take_low = low < place && (high == place || below >= above);
		real		difference = take_low ? below : above;

		if (n > 0 && difference < largest - o->equal)
		{
			for (; first < n; first++)
				group[first] = n;
		}
		if (first == n)
			largest = difference;
		column[n++] = o->row[take_low ? low++ : high--];
	}
	for (; first < n; first++)
		group[first] = n;
	return n;
}

/*
 * Rank-N-Contrast (Zha, Cao, Son, Yang and Katabi 2023, equations 1 and 2): row i is to find row j
 * among the rows k whose target differs from its own by no less than j's: -log(exp(x_ij) / sum over
 * these k of exp(x_ik)), x = -s / temperature, the mean over i and j.  s: distances.
 *
 * With the rows by falling difference the sums are those of a beginning of the row, L_g their
 * logarithm up to the end of group g; the slope by x of a row of group g is (exp(x - L_g) b_g - 1)
 * over the count, b_g = sum over g' from g on of |g'| exp(L_g - L_g').
 */
real
loss_rank_n_contrast(const LossParams *params, LossBlock *block)
{
	Ordered		o = order_targets(block);
	int			n = block->rows;
	int		   *column = block->index_work + n;
	int		   *group = block->positive;
	real	   *x = block->work;
	real	   *log_sum = x + n;
	real	   *term = log_sum + n;
	real	   *ratio = term + n;
	double		total = 0;

	for (int place = 0; place < n; place++)
	{
		int			i = o.row[place];
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		int			others = farthest_first(&o, place, column, group);
		real		max = HIDDEN;
		real		sum = 0;
		real		later = 0;		/* b of the group */

		if (loss_stopped(block, place))
			return NAN;
		ds[i] = 0;

		/* relative to the largest x so far; log_sum is that, until it is the logarithm */
		for (int k = 0; k < others; k++)
		{
			real		before = max;

			x[k] = -s[column[k]] / (real) params->temperature;
			max = fmax(max, x[k]);
			log_sum[k] = max;
			term[k] = x[k] - max;
			ratio[k] = before - max;
		}
		vm_exp(term, term, others);
		vm_exp(ratio, ratio, others);
		for (int first = 0; first < others; first = group[first])
		{
			int			end = group[first];
			real		logarithm;

			for (int k = first; k < end; k++)
				sum = sum * ratio[k] + term[k];
			logarithm = log_sum[end - 1] + log(sum);
			for (int k = first; k < end; k++)
			{
				log_sum[k] = logarithm;
				term[k] = x[k] - logarithm;
				total -= (double) term[k] / n / others;
			}
		}
		for (int k = 0; k + 1 < others; k++)
			ratio[k] = log_sum[k] - log_sum[k + 1];
		vm_exp(term, term, others);
		vm_exp(ratio, ratio, others);
		for (int end = others; end > 0;)
		{
			int			first = end;

			while (first > 0 && group[first - 1] == end)
				first--;
			later = (end - first) + (end < others ? later * ratio[end - 1] : 0);
			for (int k = first; k < end; k++)
				ds[column[k]] = (1 - term[k] * later) / ((real) params->temperature * n * others);
			end = first;
		}
	}
	return total;
}

/* Beside a squared distance, whose logarithm has no end at 0. */
#define LEAST_SQUARE	((real) 1e-6)

/*
 * Log-ratio loss (Kim, Seo, Laptev, Cho and Kwak 2019, equation 3): for an anchor i and rows j and
 * k the square of log(s_ij / s_ik) - log((y_i - y_j)^2 / (y_i - y_k)^2), the mean over j and k and
 * then over anchors.  Rows of the anchor's own target have no ratio, and are left out.  s: squared
 * distances.
 *
 * With u_j = log s_ij - log (y_i - y_j)^2 it is the square of u_j - u_k: twice the variance of u,
 * so no pair is gone through.
 */
real
loss_log_ratio(const LossParams *params, LossBlock *block)
{
	Ordered		o = order_targets(block);
	const real *y = block->target;
	int			n = block->rows;
	real	   *u = block->work;
	int			anchors = 0;
	double		total = 0;

	(void) params;
	for (int i = 0; i < n; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		double		mean = 0;
		double		square = 0;
		int			count = 0;

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < n; j++)
		{
			real		difference = fabs(y[j] - y[i]);

			ds[j] = 0;
			if (difference <= o.equal)
				continue;
			ds[j] = 1;
			u[j] = log(s[j] + LEAST_SQUARE) - 2 * log(difference);
			mean += u[j];
			count++;
		}
		if (count < 2)
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}
		mean /= count;
		anchors++;
		for (int j = 0; j < n; j++)
			if (ds[j] > 0)
			{
				real		from_mean = (real) (u[j] - mean);

				square += (double) from_mean * from_mean;
				ds[j] = 4 * from_mean / (count - 1) / (s[j] + LEAST_SQUARE);
			}
		total += 2 * square / (count - 1);
	}
	vm_scale(block->ds, (real) 1 / (anchors > 0 ? anchors : 1), (size_t) n * n);
	return total / (anchors > 0 ? anchors : 1);
}
