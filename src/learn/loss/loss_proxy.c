/*
 * loss_proxy.c
 *	  Losses against one learned proxy a class: four softmaxes over the classes that
 *	  differ in their logits, and Proxy-Anchor, which goes by the proxy. s: cosines,
 *	  rows x classes.
 */
#include <string.h>

#include "loss_row.h"

#define PI 3.14159265358979323846

/*
 * The mean cross-entropy over the rows of the logits scale * (s - margin at the own
 * class); ds is its gradient.
 */
static real
softmax_with_margin(LossBlock *block, real scale, real margin)
{
	int			cols = block->cols;
	double		total = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = block->s + (size_t) i * cols;
		real	   *ds = block->ds + (size_t) i * cols;

		if (loss_stopped(block, i))
			return NAN;
		for (int c = 0; c < cols; c++)
			ds[c] = scale * s[c];
		ds[block->label[i]] -= scale * margin;
		total += row_cross_entropy(ds, cols, block->label[i]);
	}
	vm_scale(block->ds, scale / block->rows, (size_t) block->rows * cols);
	return total / block->rows;
}

/*
 * ProxyNCA (Movshovitz-Attias et al., arXiv 1703.07464) with the own proxy in the
 * denominator too (ProxyNCA++, arXiv 2004.01113): softmax of -scale d^2.  Of unit
 * vectors d^2 is 2 - 2 s, and the constant drops out.
 */
real
loss_proxy_nca(const LossParams *params, LossBlock *block)
{
	return softmax_with_margin(block, 2 * params->scale, 0);
}

/*
 * Normalised softmax (Wang et al., arXiv 1704.06369; Zhai and Wu, arXiv 1811.12649):
 * softmax of s / temperature.
 */
real
loss_normalized_softmax(const LossParams *params, LossBlock *block)
{
	return softmax_with_margin(block, 1 / params->temperature, 0);
}

/*
 * CosFace (Wang et al., arXiv 1801.09414): softmax of scale * s, the own class's s less
 * the margin.
 */
real
loss_cosface(const LossParams *params, LossBlock *block)
{
	return softmax_with_margin(block, params->scale, params->margin);
}

/*
 * ArcFace (Deng et al., arXiv 1801.07698): softmax of scale * s, in the own class with
 * cos(theta + margin) in place of s = cos(theta).  Where theta + margin is beyond pi
 * the cosine would rise again: there it is s - margin * sin(margin), as in the authors'
 * own program, which goes on falling.  margin >= 0, in radians.
 *
 * With several proxies a class it is sub-center ArcFace (Deng et al. 2020): a class's s is
 * that of its nearest proxy.
 */
real
loss_arcface(const LossParams *params, LossBlock *block)
{
	int			classes = block->n_classes;
	real		scale = params->scale;
	real		sin_margin = sin((real) params->margin);
	real		cos_margin = cos((real) params->margin);
	real	   *logit = block->work;
	int		   *nearest = block->index_work;
	double		total = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		int			y = block->label[i];
		real		own;
		real		slope = 1;

		if (loss_stopped(block, i))
			return NAN;
		for (int c = 0; c < classes; c++)
		{
			nearest[c] = c * block->per_class;
			for (int k = 1; k < block->per_class; k++)
				if (s[c * block->per_class + k] > s[nearest[c]])
					nearest[c] = c * block->per_class + k;
			logit[c] = scale * s[nearest[c]];
		}
		own = fmin(fmax(s[nearest[y]], (real) -1), (real) 1);
		if (params->margin < PI && own >= -cos_margin)
		{
			real		sine = sqrt((1 - own) * (1 + own));

			logit[y] = scale * (own * cos_margin - sine * sin_margin);
			slope = cos_margin + own * sin_margin / fmax(sine, SMALLEST_SINE);
		}
		else
			logit[y] = scale * (own - (real) params->margin * sin_margin);
		total += row_cross_entropy(logit, classes, y);
		logit[y] *= slope;
		memset(ds, 0, block->cols * sizeof(real));
		for (int c = 0; c < classes; c++)
			ds[nearest[c]] = logit[c];
	}
	vm_scale(block->ds, scale / block->rows, (size_t) block->rows * block->cols);
	return total / block->rows;
}

/*
 * The negatives' half of Proxy-Anchor: the mean over all proxies of log(1 + sum over
 * rows of other classes of exp(alpha (s + margin))).  Writes ds, 0 at own proxies.  NaN
 * if stopped.
 */
static double
push_from_proxies(LossBlock *block, real alpha, real margin)
{
	int			rows = block->rows;
	int			cols = block->cols;
	real	   *max = block->work;
	real	   *sum = block->work + cols;
	double		total = 0;

	memset(max, 0, cols * sizeof(real));
	for (int i = 0; i < rows; i++)
	{
		real	   *ds = block->ds + (size_t) i * cols;

		if (loss_stopped(block, i))
			return NAN;
		for (int c = 0; c < cols; c++)
			ds[c] = alpha * (block->s[(size_t) i * cols + c] + margin);
		ds[block->label[i]] = HIDDEN;
		for (int c = 0; c < cols; c++)
			max[c] = (ds[c] > max[c]) ? ds[c] : max[c];
	}
	for (int c = 0; c < cols; c++)
		sum[c] = exp(-max[c]);
	for (int i = 0; i < rows; i++)
	{
		real	   *ds = block->ds + (size_t) i * cols;

		if (loss_stopped(block, i))
			return NAN;
		vm_axpy(ds, -1, max, cols);
		vm_exp(ds, ds, cols);
		vm_axpy(sum, 1, ds, cols);
	}
	for (int c = 0; c < cols; c++)
	{
		total += max[c] + log(sum[c]);
		sum[c] = alpha / (sum[c] * cols);
	}
	for (int i = 0; i < rows; i++)
		for (int c = 0; c < cols; c++)
			block->ds[(size_t) i * cols + c] *= sum[c];
	return total / cols;
}

/*
 * The positives' half: the mean over the proxies with a row in the batch of log(1 + sum
 * over rows of the class of exp(-alpha (s - margin))).  Writes ds at own proxies.
 */
static double
pull_to_proxies(LossBlock *block, real alpha, real margin)
{
	int			cols = block->cols;
	real	   *max = block->work;
	real	   *sum = block->work + cols;
	double		total = 0;
	int			present = 0;

	for (int c = 0; c < cols; c++)
		max[c] = HIDDEN;
	for (int i = 0; i < block->rows; i++)
	{
		int			y = block->label[i];

		/* 0 is the exponent of the 1 */
		max[y] = fmax(fmax(max[y], (real) 0), alpha * (margin - block->s[(size_t) i * cols + y]));
	}
	for (int c = 0; c < cols; c++)
		sum[c] = exp(-fmax(max[c], (real) 0));
	for (int i = 0; i < block->rows; i++)
	{
		int			y = block->label[i];
		size_t		cell = (size_t) i * cols + y;
		real		e = exp(alpha * (margin - block->s[cell]) - max[y]);

		block->ds[cell] = e;
		sum[y] += e;
	}
	for (int c = 0; c < cols; c++)
	{
		if (max[c] < 0)
			continue;
		total += max[c] + log(sum[c]);
		present++;
	}
	for (int i = 0; i < block->rows; i++)
		block->ds[(size_t) i * cols + block->label[i]] *= -alpha / (sum[block->label[i]] * present);
	return total / present;
}

/*
 * Proxy-Anchor (Kim et al., arXiv 2003.13911, equation 4).
 */
real
loss_proxy_anchor(const LossParams *params, LossBlock *block)
{
	double		push = push_from_proxies(block, params->alpha, params->margin);

	if (isnan(push))
		return NAN;
	return push + pull_to_proxies(block, params->alpha, params->margin);
}
