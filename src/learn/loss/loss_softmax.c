/*
 * loss_softmax.c
 *	  Losses that are a softmax over the batch: NT-Xent, tuplet margin, SupCon, NCA, N-pair,
 *	  angular.
 */
#include <string.h>

#include "loss_row.h"

#define PI 3.14159265358979323846

/* What a positive with cosine s weighs in for, and its derivative. */
typedef real (*PositiveLogit) (const LossParams *params, real s, real *slope);

/*
 * One term for each pair of an anchor and a positive: softplus(L - logit), L being the log-sum-exp
 * of the negatives' s * sharpness; the mean over these pairs.  The derivative of a term is the
 * logistic function, shared by the negatives as their softmax.
 */
static real
pairs_against_negatives(const LossParams *params, LossBlock *block, real sharpness, PositiveLogit logit)
{
	int			n = block->cols;
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
			real		slope;
			real		u = negatives - logit(params, s[positive[k]], &slope);

			share[k] = logistic(u);
			weight += share[k];
			share[k] *= slope;
			total += softplus(u);
		}
		vm_scale(ds, sharpness * weight / sum, n);
		for (int k = 0; k < size; k++)
			ds[positive[k]] = -share[k];
		pairs += size;
	}
	return loss_mean(block, total, pairs);
}

static real
plain_logit(const LossParams *params, real s, real *slope)
{
	*slope = 1 / params->temperature;
	return s * *slope;
}

/*
 * NT-Xent (Sohn 2016; Chen et al., arXiv 2002.05709), one term for each ordered pair of
 * one class: -log(e_p / (e_p + sum of e over the anchor's negatives)), e = exp(s /
 * temperature); the mean over these pairs.  s: cosines.
 */
real
loss_ntxent(const LossParams *params, LossBlock *block)
{
	return pairs_against_negatives(params, block, 1 / params->temperature, plain_logit);
}

/* scale * cos(theta - margin), the margin in degrees */
static real
slack_logit(const LossParams *params, real s, real *slope)
{
	real		margin = params->margin * PI / 180;
	real		own = fmin(fmax(s, (real) -1), (real) 1);
	real		sine = sqrt((1 - own) * (1 + own));
	real		scale = params->scale;

	*slope = scale * (cos(margin) - own * sin(margin) / fmax(sine, SMALLEST_SINE));
	return scale * (own * cos(margin) + sine * sin(margin));
}

/*
 * Tuplet margin (Yu and Tao 2019): the same with e = exp(scale * s) of negatives and exp(scale *
 * cos(theta - margin)) of the positive, whose slack keeps the hardest ones from prevailing. s:
 * cosines.
 */
real
loss_tuplet_margin(const LossParams *params, LossBlock *block)
{
	return pairs_against_negatives(params, block, params->scale, slack_logit);
}

/*
 * Pairs of one class as N-pair batches have them: the first and second row of a class, the third
 * and fourth, and so on.  partner[i] is the second of the pair that begins with row i, else -1;
 * second[j] says that j is some pair's second.
 */
static void
make_pairs(const LossBlock *block, int *partner, int *second)
{
	for (int j = 0; j < block->cols; j++)
		partner[j] = -1;
	memset(second, 0, block->cols * sizeof(int));
	for (int y = 0; y < block->n_classes; y++)
		for (int k = block->start[y]; k + 1 < block->start[y + 1]; k += 2)
			if (block->member[k] < block->rows)
			{
				partner[block->member[k]] = block->member[k + 1];
				second[block->member[k + 1]] = 1;
			}
}

/*
 * N-pair (Sohn 2016, equation 7): for a pair log(1 + sum exp((s_n - s_p) / temperature)), n over
 * the second rows of the other classes' pairs; the mean over the pairs.  s: cosines or inner
 * products.
 */
real
loss_npair(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		sharpness = 1 / params->temperature;
	int		   *partner = block->index_work;
	int		   *second = block->index_work + n;
	double		total = 0;
	int			pairs = 0;

	make_pairs(block, partner, second);
	for (int i = 0; i < block->rows; i++)
	{
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);
		real		sum;

		if (loss_stopped(block, i))
			return NAN;
		if (partner[i] < 0)
		{
			memset(ds, 0, n * sizeof(real));
			continue;
		}
		row_of_negatives(block, i, sharpness, ds);
		for (int j = 0; j < n; j++)
			if (relation[j] >= 0 || !second[j])
				ds[j] = HIDDEN;
		for (int j = 0; j < n; j++)
			ds[j] = ds[j] > HIDDEN ? ds[j] - sharpness * loss_s(block, i)[partner[i]] : HIDDEN;
		total += row_exp_plus_one(ds, n, &sum);
		vm_scale(ds, sharpness / sum, n);
		ds[partner[i]] = -vm_sum(ds, n);
		pairs++;
	}
	return loss_mean(block, total, pairs);
}

/*
 * Angular loss (Wang et al., arXiv 1708.01682, equation 8): for a pair (a, p), chosen as N-pair
 * does, log(1 + sum over rows of other classes of exp(4 t (s_an + s_pn) - 2 (1 + t) s_ap)), t the
 * squared tangent of the angle; the mean over the pairs.  s: cosines.
 */
real
loss_angular(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	real		tangent = tan((real) (params->angle * PI / 180));
	real		t = tangent * tangent;
	int		   *partner = block->index_work;
	int		   *second = block->index_work + n;
	real	   *x = block->work;
	double		total = 0;
	int			pairs = 0;

	make_pairs(block, partner, second);
	memset(block->ds, 0, sizeof(real) * block->rows * n);
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		int			p = partner[i];
		real		sum;

		if (loss_stopped(block, i))
			return NAN;
		if (p < 0 || p >= block->rows)
			continue;
		for (int j = 0; j < n; j++)
			x[j] = loss_relation(block, i)[j] < 0 ?
				4 * t * (s[j] + loss_s(block, p)[j]) - 2 * (1 + t) * s[p] : HIDDEN;
		total += row_exp_plus_one(x, n, &sum);
		vm_scale(x, 1 / sum, n);
		vm_axpy(loss_ds(block, i), 4 * t, x, n);
		vm_axpy(loss_ds(block, p), 4 * t, x, n);
		loss_ds(block, i)[p] = -2 * (1 + t) * vm_sum(x, n);
		pairs++;
	}
	return loss_mean(block, total, pairs);
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
