/*
 * loss_triplet.c
 *	  The margin losses of triplets and quadruplets, over all those of a batch without enumerating
 *	  them.
 *
 * For one anchor the positives' distances are sorted.  The positives that form a triplet of
 * positive loss with a negative at distance x are then a range of that order: those above x -
 * margin and, semi-hard, below x.  A negative thus costs two binary searches and one difference of
 * prefix sums; what it adds to the positives' gradients is +1 at the range's begin and -1 at its
 * end in an array of differences.  B rows of B negatives: O(B^2 log B), where enumeration is
 * O(B^3).  Quadruplets, which number B^4 in a batch, are the same with all positive pairs of the
 * batch in one order.
 */
#include <limits.h>
#include <string.h>

#include "loss_row.h"

/* Sum and count of the triplets with a loss above 0. */
typedef struct TripletTotal
{
	double		sum;
	int64_t		count;
} TripletTotal;

/*
 * Anchor i with all its triplets, or with the semi-hard ones.  Writes ds (a row), not
 * yet divided by the number of triplets.
 */
static void
anchor_triplets(LossBlock *block, int i, real margin, bool semihard, TripletTotal *total)
{
	int			n = block->cols;
	const real *s = loss_s(block, i);
	const int8_t *relation = loss_relation(block, i);
	real	   *ds = loss_ds(block, i);
	real	   *key = block->work;
	real	   *prefix = block->work + n;	/* prefix[k]: sum of key[0..k) */
	int		   *index = block->index_work;
	/* of the number of triplets, from one key to the next */
	int		   *change = block->index_work + n;
	const int  *positive;
	int			count = loss_positives(block, i, &positive);
	int			running = 0;
	real		reach;

	memset(ds, 0, n * sizeof(real));
	if (count == 0)
		return;
	for (int k = 0; k < count; k++)
	{
		key[k] = s[positive[k]];
		index[k] = positive[k];
	}
	loss_sort(key, index, count);
	prefix[0] = 0;
	for (int k = 0; k < count; k++)
		prefix[k + 1] = prefix[k] + key[k];
	memset(change, 0, (count + 1) * sizeof(int));

	/* no negative beyond the farthest positive and the margin has a triplet */
	reach = key[count - 1] + margin;
	for (int j = 0; j < n; j++)
	{
		int			low,
					high,
					triplets;

		if (relation[j] >= 0 || s[j] > reach)
			continue;
		low = loss_count_below(key, count, s[j] - margin, true);
		high = semihard ? loss_count_below(key, count, s[j], false) : count;
		if (high < low)
			high = low;			/* no margin, and a positive at the very distance */
		triplets = high - low;
		total->sum += (prefix[high] - prefix[low]) + triplets * (margin - s[j]);
		total->count += triplets;
		ds[j] = -triplets;
		change[low]++;
		change[high]--;
	}
	for (int k = 0; k < count; k++)
	{
		running += change[k];
		ds[index[k]] = running;
	}
}

/*
 * Anchor i with one positive, the first behind i in the order of columns, going round: what
 * has to look at every triplet by itself looks at these.  With swap the negative's distance
 * is the smaller of those to anchor and positive (Balntas et al. 2016).  Adds to ds, also
 * to the positive's row.
 */
static void
anchor_single(const LossParams *params, LossBlock *block, int i, TripletTotal *total)
{
	const real *s = loss_s(block, i);
	const int8_t *relation = loss_relation(block, i);
	real	   *ds = loss_ds(block, i);
	int			p = loss_next_positive(block, i);
	const real *s_p = NULL;
	real	   *ds_p = NULL;

	if (p < 0)
		return;
	if (params->swap && block->square && p < block->rows)
	{
		s_p = loss_s(block, p);
		ds_p = loss_ds(block, p);
	}
	for (int j = 0; j < block->cols; j++)
	{
		bool		swapped = s_p && s_p[j] < s[j];
		real		u;
		real		slope = 1;

		if (relation[j] >= 0)
			continue;
		u = s[p] - (swapped ? s_p[j] : s[j]) + (real) params->margin;
		if (params->miner == MINE_SEMIHARD && s[j] <= s[p])
			continue;
		if (params->smooth)
		{
			slope = logistic(u);
			u = softplus(u);
		}
		if (u <= 0)
			continue;
		total->sum += u;
		total->count++;
		ds[p] += slope;
		*(swapped ? ds_p + j : ds + j) -= slope;
	}
}

/*
 * Triplet margin loss (Weinberger and Saul 2009; Schroff et al., arXiv 1503.03832):
 * max(0, d_ap - d_an + margin), or with smooth log(1 + exp(d_ap - d_an + margin)), averaged
 * over the triplets in which it is above 0.  The miner has been at work on the relations; the
 * semi-hard one has left pairs that are in some triplet with d_ap < d_an < d_ap + margin, and
 * only such triplets count.  s: distances.  margin >= 0.
 */
real
loss_triplet(const LossParams *params, LossBlock *block)
{
	size_t		cells = (size_t) block->rows * block->cols;
	TripletTotal total = {0, 0};

	if (params->smooth || params->swap)
		memset(block->ds, 0, cells * sizeof(real));
	for (int i = 0; i < block->rows; i++)
	{
		if (loss_stopped(block, i))
			return NAN;
		if (params->smooth || params->swap)
			anchor_single(params, block, i, &total);
		else
			anchor_triplets(block, i, params->margin, params->miner == MINE_SEMIHARD, &total);
	}
	if (total.count == 0)
		return 0;
	vm_scale(block->ds, (real) (1.0 / total.count), cells);
	return total.sum / total.count;
}

/* The distances of positive pairs, and a count for each. */
size_t
loss_quadruplet_scratch(int rows, int dims)
{
	return 2 * (size_t) rows * rows + 1;
}

/*
 * Quadruplet loss (Law, Thome and Cord 2013): max(0, d_ab - d_cd + margin) over every positive pair
 * (a, b) and every negative pair (c, d) of the batch, averaged over those above 0.  s: distances.
 * margin >= 0.
 */
real
loss_quadruplet(const LossParams *params, LossBlock *block)
{
	size_t		cells = (size_t) block->rows * block->cols;
	real		margin = params->margin;
	real	   *key = block->scratch;
	/* of a positive pair: negative pairs nearer than it and the margin */
	int		   *below = (int *) (block->scratch + cells);
	int			count = 0;
	int64_t		total = 0;
	double		sum = 0;

	if (cells >= INT_MAX)
		return NAN;
	memset(block->ds, 0, cells * sizeof(real));
	for (size_t k = 0; k < cells; k++)
		if (block->relation[k] > 0)
			key[count++] = block->s[k];
	if (count == 0)
		return 0;
	memset(below, 0, (count + 1) * sizeof(int));
	loss_sort(key, below, count);	/* moves zeros along */
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < block->cols; j++)
		{
			int			low;

			if (relation[j] >= 0)
				continue;
			low = loss_count_below(key, count, s[j] - margin, true);
			below[low]++;
			ds[j] = low - count;
			sum += (double) (count - low) * (margin - s[j]);
			total += count - low;
		}
	}
	if (total == 0)
		return 0;				/* ds is 0 */
	for (int k = 1; k < count; k++)
		below[k] += below[k - 1];
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < block->cols; j++)
			if (relation[j] > 0)
			{
				int			n = below[loss_count_below(key, count, s[j], true) - 1];

				ds[j] = n;
				sum += (double) n * s[j];
			}
	}
	vm_scale(block->ds, (real) (1.0 / total), cells);
	return sum / total;
}
