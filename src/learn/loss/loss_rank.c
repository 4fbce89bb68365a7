/*
 * loss_rank.c
 *	  Losses of rank and order over a whole batch: histogram, FastAP, smooth AP and PNP.
 *
 * The last two ask of every pair of a positive and another column which is nearer, softly. A
 * logistic function of (s_j - s_k) / temperature is 0 or 1 outside a window about s_k, so a row is
 * sorted once, columns beyond the window are counted, and only columns inside it are looked at: a
 * batch costs B^2 log B, and the pairs of positives with columns inside of their windows.
 */
#include <string.h>

#include "loss_row.h"

/* Beyond this argument the logistic function is 0 or 1 to the last place but a few. */
#ifdef LEARN_DOUBLE
#define LOGISTIC_REACH ((real) 37)
#else
#define LOGISTIC_REACH ((real) 17)
#endif

/*
 * Histogram loss (Ustinova and Lempitsky, arXiv 1611.00822): the probability that a random negative
 * is more similar than a random positive, from two histograms of the batch's cosines whose values
 * are shared between the two nearest nodes.  s: cosines.
 */
real
loss_histogram(const LossParams *params, LossBlock *block)
{
	int			bins = params->bins;
	real	   *positives = block->work;	/* bins + 1 nodes each */
	real	   *negatives = block->work + bins + 1;
	int64_t		count[2] = {0, 0};
	double		total = 0;
	real		above = 0;
	real		sum = 0;

	memset(positives, 0, 2 * (bins + 1) * sizeof(real));
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < block->cols; j++)
			if (relation[j] != 0)
			{
				real		into;
				int			bin = loss_bin(s[j], 1, bins, &into);
				real	   *histogram = relation[j] > 0 ? positives : negatives;

				histogram[bin] += 1 - into;
				histogram[bin + 1] += into;
				count[relation[j] > 0]++;
			}
	}
	if (count[0] == 0 || count[1] == 0)
	{
		memset(block->ds, 0, sizeof(real) * block->rows * block->cols);
		return 0;
	}
	vm_scale(negatives, (real) 1 / count[0], bins + 1);
	vm_scale(positives, (real) 1 / count[1], bins + 1);

	/*
	 * each becomes the loss's slope by it: of negatives the positives up to it, of positives the
	 * negatives from it on
	 */
	for (int b = bins; b >= 0; b--)
		above += negatives[b];
	for (int b = 0; b <= bins; b++)
	{
		real		positive = positives[b];
		real		negative = negatives[b];

		sum += positive;
		total += negative * sum;
		positives[b] = above;
		negatives[b] = sum;
		above -= negative;
	}
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		for (int j = 0; j < block->cols; j++)
		{
			const real *slope = relation[j] > 0 ? positives : negatives;
			real		into;
			int			bin = loss_bin(s[j], 1, bins, &into);

			ds[j] = 0;
			if (relation[j] != 0)
				ds[j] = (slope[bin + 1] - slope[bin]) * bins / 2 / count[relation[j] > 0];
		}
	}
	return total;
}

/*
 * FastAP (Cakir et al. 2019, equation 11): average precision from a histogram of an anchor's
 * squared distances, 2 - 2 s; one less its mean over the anchors that have a positive.  s: cosines.
 */
real
loss_fast_ap(const LossParams *params, LossBlock *block)
{
	int			bins = params->bins;
	real	   *positives = block->work;	/* bins + 1 nodes each, from near to far */
	real	   *negatives = block->work + bins + 1;
	double		total = 0;
	int			anchors = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);
		int			n_positives = 0;
		real		precision = 0;
		real		found = 0;		/* positives and all up to a node */
		real		seen = 0;
		real		tail[2] = {0, 0};

		if (loss_stopped(block, i))
			return NAN;
		memset(positives, 0, 2 * (bins + 1) * sizeof(real));
		for (int j = 0; j < block->cols; j++)
			if (relation[j] != 0)
			{
				real		into;
				int			bin = loss_bin(-s[j], 1, bins, &into);
				real	   *histogram = relation[j] > 0 ? positives : negatives;

				histogram[bin] += 1 - into;
				histogram[bin + 1] += into;
				n_positives += relation[j] > 0;
			}
		memset(ds, 0, block->cols * sizeof(real));
		if (n_positives == 0)
			continue;
		anchors++;
		for (int b = 0; b <= bins; b++)
		{
			found += positives[b];
			seen += positives[b] + negatives[b];
		}

		/*
		 * From the far end: precision = sum h P / T.  Its slope by h_k is P_k / T_k and what the
		 * later nodes' h (1 / T - P / T^2) add up to, by a negative's share the latter without the
		 * 1 / T.
		 */
		for (int b = bins; b >= 0; b--)
		{
			real		h = positives[b];
			real		all = h + negatives[b];
			bool		safe = h * found > 0 && seen > 0;
			real		ratio = safe ? found / seen : 0;

			if (safe)
			{
				precision += h * ratio;
				tail[0] += h / seen;
				tail[1] += h * ratio / seen;
			}
			positives[b] = (seen > 0 ? found / seen : 0) + tail[0] - tail[1];
			negatives[b] = -tail[1];
			found -= h;
			seen -= all;
			found = found > 0 ? found : 0;
			seen = seen > 0 ? seen : 0;
		}
		total += 1 - precision / n_positives;
		for (int j = 0; j < block->cols; j++)
			if (relation[j] != 0)
			{
				const real *slope = relation[j] > 0 ? positives : negatives;
				real		into;
				int			bin = loss_bin(-s[j], 1, bins, &into);

				ds[j] = (slope[bin + 1] - slope[bin]) * bins / 2 / n_positives;
			}
	}
	return loss_mean(block, total, anchors);
}

/* One anchor's columns in order of similarity, and what is summed up over them. */
typedef struct Ranking
{
	int			n;
	real	   *key;			/* ascending */
	int		   *column;
	int		   *positives;		/* n + 1: how many of key[0..k) are positives */
	real	   *share;			/* of a window: logistic values */
} Ranking;

static void
ranking_of(LossBlock *block, int i, Ranking *r)
{
	const real *s = loss_s(block, i);
	const int8_t *relation = loss_relation(block, i);

	r->key = block->work;
	r->share = block->work + block->cols;
	r->column = block->index_work;
	r->positives = block->index_work + block->cols;
	r->n = 0;
	for (int j = 0; j < block->cols; j++)
		if (relation[j] != 0)
		{
			r->key[r->n] = s[j];
			r->column[r->n++] = j;
		}
	if (r->n == 0)
		return;
	loss_sort(r->key, r->column, r->n);
	r->positives[0] = 0;
	for (int k = 0; k < r->n; k++)
		r->positives[k + 1] = r->positives[k] + (relation[r->column[k]] > 0);
}

/*
 * How many positives and how many negatives are nearer than place k, softly: logistic((s_j - s_k) /
 * temperature) summed up over them.  The window's begin and end go to from and to, its logistic
 * values to share[from..to).
 */
static void
soft_ranks(const Ranking *r, const int8_t *relation, int k, real temperature, int *from, int *to, real *positive, real *negative)
{
	real		reach = LOGISTIC_REACH * temperature;
	int			beyond;

	*from = loss_count_below(r->key, r->n, r->key[k] - reach, false);
	*to = loss_count_below(r->key, r->n, r->key[k] + reach, true);
	beyond = r->positives[r->n] - r->positives[*to];
	*positive = beyond;
	*negative = (r->n - *to) - beyond;
	for (int j = *from; j < *to; j++)
		r->share[j] = (r->key[k] - r->key[j]) / temperature;
	vm_exp(r->share + *from, r->share + *from, *to - *from);
	for (int j = *from; j < *to; j++)
	{
		r->share[j] = 1 / (1 + r->share[j]);
		if (j != k)
			*(relation[r->column[j]] > 0 ? positive : negative) += r->share[j];
	}
}

/* Adds to ds: by_positive and by_negative times the slopes of the two soft ranks of place k. */
static void
soft_ranks_back(const Ranking *r, const int8_t *relation, int k, real temperature, int from, int to,
				real by_positive, real by_negative, real *ds)
{
	real		own = 0;

	for (int j = from; j < to; j++)
		if (j != k)
		{
			real		slope = r->share[j] * (1 - r->share[j]) / temperature *
				(relation[r->column[j]] > 0 ? by_positive : by_negative);

			ds[r->column[j]] += slope;
			own -= slope;
		}
	ds[r->column[k]] += own;
}

/*
 * The cost of a positive by the numbers of positives and negatives in front of it, and the slopes
 * by both.
 */
typedef real (*RankCost) (const LossParams *params, real near, real wrong, real *by_near, real *by_wrong);

/*
 * The mean cost over an anchor's positives, and over the anchors that have one.  The anchor itself
 * is not in its ranking.
 */
static real
mean_rank_cost(const LossParams *params, LossBlock *block, RankCost cost)
{
	real		temperature = params->temperature;
	double		total = 0;
	int			anchors = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);
		Ranking		r;
		int			size;
		double		sum = 0;

		if (loss_stopped(block, i))
			return NAN;
		memset(ds, 0, block->cols * sizeof(real));
		ranking_of(block, i, &r);
		size = r.n > 0 ? r.positives[r.n] : 0;
		if (size == 0)
			continue;
		anchors++;
		for (int k = 0; k < r.n; k++)
		{
			int			from,
						to;
			real		near,
						wrong,
						by_near,
						by_wrong;

			if (relation[r.column[k]] < 0)
				continue;
			soft_ranks(&r, relation, k, temperature, &from, &to, &near, &wrong);
			sum += cost(params, near, wrong, &by_near, &by_wrong);
			soft_ranks_back(&r, relation, k, temperature, from, to, by_near / size, by_wrong / size, ds);
		}
		total += sum / size;
	}
	return loss_mean(block, total, anchors);
}

/* One less the precision at a positive, which is itself one of the rows found. */
static real
precision_cost(const LossParams *params, real near, real wrong, real *by_near, real *by_wrong)
{
	real		all = 1 + near + wrong;

	*by_near = -wrong / (all * all);
	*by_wrong = (1 + near) / (all * all);
	return wrong / all;
}

/*
 * Smooth AP (Brown et al., arXiv 2007.12163): average precision with logistic functions for steps;
 * one less its mean.  s: cosines.
 */
real
loss_smooth_ap(const LossParams *params, LossBlock *block)
{
	return mean_rank_cost(params, block, precision_cost);
}

/* A variant's penalty for r negatives in front of a positive, and its slope. */
static real
penalty(const LossParams *params, real r, real *slope)
{
	real		alpha = params->alpha;
	real		b = params->beta;

	switch (params->variant)
	{
		case PNP_DS:
			*slope = 1 / (1 + r);
			return log1p(r);
		case PNP_DQ:
			*slope = alpha * pow(1 + r, -alpha - 1);
			return 1 - pow(1 + r, -alpha);
		case PNP_IU:
			*slope = 1 + log1p(r);
			return (1 + r) * log1p(r);
		case PNP_IB:
			*slope = r / (1 + b * r);
			return (b * r - log1p(b * r)) / (b * b);
		default:
			*slope = 1;
			return r;
	}
}

/* RankCost */
static real
negatives_cost(const LossParams *params, real near, real wrong, real *by_near, real *by_wrong)
{
	*by_near = 0;
	return penalty(params, wrong, by_wrong);
}

/*
 * PNP (Li et al., arXiv 2102.04640): a penalty for the number of negatives in front of each
 * positive, softly counted.  s: cosines.
 */
real
loss_pnp(const LossParams *params, LossBlock *block)
{
	return mean_rank_cost(params, block, negatives_cost);
}
