/*
 * loss_class.c
 *	  More losses against class proxies: SphereFace, large-margin softmax, AdaCos, P2SGrad
 *	  and SoftTriple.  s: cosines, rows x proxies.
 */
#include <stdlib.h>
#include <string.h>

#include "loss_row.h"

#define PI 3.14159265358979323846

/*
 * psi(theta) = (-1)^k cos(m theta) - 2 k, theta between k pi / m and (k + 1) pi / m, and its
 * derivative by cos(theta).  cos(m theta) and sin(m theta) / sin(theta) are polynomials of the
 * cosine (Chebyshev's), so there is no pole at 0 and pi.
 */
static real
multiple_angle(int m, real s, real *slope)
{
	real		own = fmin(fmax(s, (real) -1), (real) 1);
	int			k = (int) (acos(own) * m / (real) PI);
	real		t[2] = {1, own};
	real		u[2] = {0, 1};
	real		sign;

	k = k < m ? k : m - 1;
	for (int i = 1; i < m; i++)
	{
		real		next_t = 2 * own * t[1] - t[0];
		real		next_u = 2 * own * u[1] - u[0];

		t[0] = t[1];
		t[1] = next_t;
		u[0] = u[1];
		u[1] = next_u;
	}
	sign = k % 2 == 0 ? 1 : -1;
	*slope = sign * m * u[1];
	return sign * t[1] - 2 * k;
}

/*
 * Softmax of scale * length * cos, in the own class psi in place of the cosine; lengths are 1
 * unless weighted.
 */
static real
multiplied_angle_softmax(const LossParams *params, LossBlock *block, bool weighted)
{
	int			cols = block->cols;
	int			m = (int) (params->margin + 0.5);
	real		scale = params->scale;
	real	   *factor = block->work;
	double		total = 0;

	m = m < 1 ? 1 : m;
	for (int c = 0; c < cols; c++)
		factor[c] = scale * (weighted ? block->norm[c] : 1);
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		int			y = block->label[i];
		real		slope;
		real		own = multiple_angle(m, s[y], &slope);

		if (loss_stopped(block, i))
			return NAN;
		for (int c = 0; c < cols; c++)
			ds[c] = factor[c] * s[c];
		ds[y] = factor[y] * own;
		total += row_cross_entropy(ds, cols, y);
		for (int c = 0; weighted && c < cols; c++)
			block->dnorm[c] += scale * ds[c] * (c == y ? own : s[c]) / block->rows;
		vm_mul(ds, factor, cols);
		ds[y] *= slope;
	}
	return loss_mean(block, total, block->rows);
}

/*
 * SphereFace (Liu et al., arXiv 1704.08063, equation 7): the own class's angle times margin, a
 * whole number; scale stands for the length of the embedding, which is 1 here.
 */
real
loss_sphereface(const LossParams *params, LossBlock *block)
{
	return multiplied_angle_softmax(params, block, false);
}

/*
 * Large-margin softmax (Liu et al., arXiv 1612.02295, equation 4): the same with proxies of any
 * length, which is a factor of the class's logits.
 */
real
loss_large_margin_softmax(const LossParams *params, LossBlock *block)
{
	return multiplied_angle_softmax(params, block, true);
}

size_t
loss_adacos_states(const LossParams *params, int n_classes, int dims)
{
	(void) params;
	(void) n_classes;
	(void) dims;
	return 1;
}

static int
compare_reals(const void *a, const void *b)
{
	real		x = *(const real *) a;
	real		y = *(const real *) b;

	return (x > y) - (x < y);
}

/*
 * The scale for this batch: by the median angle to the own proxy, and the other classes' mean sum
 * of exponentials.
 */
static real
adapted_scale(LossBlock *block, real scale)
{
	int			cols = block->cols;
	real	   *own = block->work;
	real	   *x = block->work + block->rows;
	double		total = 0;
	real		largest = scale;	/* no exponent is above it */
	real		median;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);

		own[i] = fmin(fmax(s[block->label[i]], (real) -1), (real) 1);
		for (int c = 0; c < cols; c++)
			x[c] = scale * s[c] - largest;
		x[block->label[i]] = HIDDEN;
		vm_exp(x, x, cols);
		total += vm_sum(x, cols);
	}
	qsort(own, block->rows, sizeof(real), compare_reals);
	median = acos(own[block->rows / 2]);
	if (total <= 0)
		return scale;
	return (largest + log((real) (total / block->rows))) / cos(fmin((real) (PI / 4), median));
}

/*
 * AdaCos (Zhang et al., arXiv 1905.00292): softmax of scale * s, scale = sqrt(2) log(classes - 1)
 * at first and, if dynamic, for each batch log(B) / cos(min(pi / 4, median angle)), B the mean over
 * rows of the other classes' sum of exp(scale * s) with the scale before.  No less than 1: with two
 * classes the formula starts at 0.
 */
real
loss_adacos(const LossParams *params, LossBlock *block)
{
	int			cols = block->cols;
	real		scale = block->state[0];
	double		total = 0;

	if (scale == 0)
		scale = fmax(sqrt((real) 2) * log((real) (cols > 2 ? cols - 1 : 1)), (real) 1);
	if (params->dynamic && block->learning)
		scale = fmax(adapted_scale(block, scale), (real) 1);
	if (block->learning)
		block->state[0] = scale;
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);

		if (loss_stopped(block, i))
			return NAN;
		for (int c = 0; c < cols; c++)
			ds[c] = scale * s[c];
		total += row_cross_entropy(ds, cols, block->label[i]);
	}
	vm_scale(block->ds, scale / block->rows, (size_t) block->rows * cols);
	return total / block->rows;
}

/*
 * P2SGrad (Zhang et al., arXiv 1905.02479) as the loss that has its gradient: the mean over rows
 * and classes of (s - 1)^2 for the own class and s^2 for the others.
 */
real
loss_p2sgrad(const LossParams *params, LossBlock *block)
{
	int			cols = block->cols;
	real		share = (real) 1 / ((real) block->rows * cols);
	double		total = 0;

	(void) params;
	for (int i = 0; i < block->rows; i++)
	{
		real	   *ds = loss_ds(block, i);

		if (loss_stopped(block, i))
			return NAN;
		memcpy(ds, loss_s(block, i), cols * sizeof(real));
		ds[block->label[i]] -= 1;
		total += vm_dot(ds, ds, cols);
	}
	vm_scale(block->ds, 2 * share, (size_t) block->rows * cols);
	return total * share;
}

/*
 * SoftTriple's regulariser, which lets proxies of a class that say the same fall into one: the sum
 * of the distances of its pairs, over classes times pairs of each, twice.  NaN if stopped.
 */
static double
spread_of_proxies(const LossParams *params, LossBlock *block)
{
	int			dims = block->dims;
	int			k = block->per_class;
	double		share = k > 1 ? params->nu / ((double) block->n_classes * k * (k - 1)) : 0;
	double		total = 0;

	for (int c = 0; c < block->n_classes && share > 0; c++)
	{
		const real *proxy = block->proxy + (size_t) c * k * dims;
		real	   *dproxy = block->dproxy + (size_t) c * k * dims;

		if (loss_stopped(block, c))
			return NAN;
		for (int p = 0; p < k; p++)
			for (int q = p + 1; q < k; q++)
			{
				double		square = 0;
				double		distance;

				for (int j = 0; j < dims; j++)
				{
					double		difference = proxy[p * dims + j] - proxy[q * dims + j];

					square += difference * difference;
				}
				distance = sqrt(square);
				total += distance;
				for (int j = 0; j < dims && distance > 0; j++)
				{
					real		slope = (real) (share * (proxy[p * dims + j] - proxy[q * dims + j]) / distance);

					dproxy[p * dims + j] += slope;
					dproxy[q * dims + j] -= slope;
				}
			}
	}
	return share * total;
}

/*
 * SoftTriple (Qian et al., arXiv 1909.05235, equation 8): a class's similarity is the mean of its
 * proxies' s, weighted with their softmax of s / temperature; softmax of scale * that, the own
 * class's less the margin.  Plus nu times how far the proxies of a class are apart.
 */
real
loss_soft_triple(const LossParams *params, LossBlock *block)
{
	int			classes = block->n_classes;
	int			k = block->per_class;
	real		scale = params->scale;
	real		sharpness = 1 / params->temperature;
	real	   *logit = block->work;
	real	   *mean = block->work + classes;
	double		total = 0;
	double		spread = spread_of_proxies(params, block);

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		int			y = block->label[i];

		if (loss_stopped(block, i))
			return NAN;
		for (int c = 0; c < classes; c++)
		{
			real	   *weight = ds + c * k;
			real		largest = s[c * k];
			real		sum = 0;

			for (int p = 1; p < k; p++)
				largest = fmax(largest, s[c * k + p]);
			for (int p = 0; p < k; p++)
				weight[p] = sharpness * (s[c * k + p] - largest);
			vm_exp(weight, weight, k);
			for (int p = 0; p < k; p++)
				sum += weight[p];
			mean[c] = 0;
			for (int p = 0; p < k; p++)
			{
				weight[p] /= sum;
				mean[c] += weight[p] * s[c * k + p];
			}
			logit[c] = scale * mean[c];
		}
		logit[y] -= scale * (real) params->margin;
		total += row_cross_entropy(logit, classes, y);
		for (int c = 0; c < classes; c++)
			for (int p = 0; p < k; p++)
				ds[c * k + p] *= logit[c] * (1 + sharpness * (s[c * k + p] - mean[c]));
	}
	vm_scale(block->ds, scale / block->rows, (size_t) block->rows * block->cols);
	return total / block->rows + spread;
}
