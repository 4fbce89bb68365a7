/*
 * loss_mine.c
 *	  Miners: which pairs of a block a loss gets to see.
 *
 * A miner looks at the rows of S one by one and takes relations away.  It knows near from far
 * (the sign of S) and, where its rule is about lengths, the Euclidean distance that S
 * stands for.  A column at the very place of the row is no example of anything: as a
 * positive it is learned already, as a negative it is a wrong label; every miner but all
 * leaves it out.
 */
#include <string.h>

#include "loss_row.h"

/* Two vectors with a squared distance (of unit vectors) below this are the same. */
#define SAME_PLACE ((real) 1e-6)

/*
 * Beyond this Euclidean distance a negative has no loss any more, so that it is not drawn (arXiv
 * 1706.07567).
 */
#define NO_LOSS ((real) 1.4)

#define PI 3.14159265358979323846

/* The squared Euclidean distance that s stands for, cosines being of unit vectors. */
static inline real
squared_distance(LossInput input, real s)
{
	switch (input)
	{
		case LOSS_COSINE:
		case LOSS_INNER:
			return fmax(2 - 2 * s, (real) 0);
		case LOSS_COSINE_DISTANCE:
			return fmax(2 * s, (real) 0);
		case LOSS_DISTANCE:
			return s * s;
		default:
			return s;
	}
}

/* Leave out columns at the row's own place. */
static void
drop_duplicates(const LossBlock *block, int i, int8_t *relation)
{
	const real *s = loss_s(block, i);
	bool		similarity = loss_is_similarity(block->input);
	real		sign = similarity ? -1 : 1;
	real		limit = SAME_PLACE;	/* of sign * s */

	if (similarity)
		limit = SAME_PLACE / 2 - 1;
	else if (block->input == LOSS_COSINE_DISTANCE)
		limit = SAME_PLACE / 2;
	else if (block->input == LOSS_DISTANCE)
		limit = sqrt(SAME_PLACE);
	for (int j = 0; j < block->cols; j++)
		relation[j] = sign * s[j] < limit ? RELATION_NONE : relation[j];
}

/*
 * The column of the relation wanted with the least sign * s that is above floor, or -1; of equals
 * the first.
 */
static int
least(const LossBlock *block, int i, const int8_t *relation, int wanted, real sign, real floor)
{
	const real *s = loss_s(block, i);
	real	   *key = block->work;
	real		best;

	/* without branches, and then where it was */
	for (int j = 0; j < block->cols; j++)
		key[j] = (relation[j] == wanted && sign * s[j] > floor) ? -sign * s[j] : HIDDEN;
	best = vm_max(key, block->cols);
	for (int j = 0; best > HIDDEN && j < block->cols; j++)
		if (key[j] == best)
			return j;
	return -1;
}

/* Keep one positive and one negative; without either, nothing. */
static void
keep_two(const LossBlock *block, int8_t *relation, int positive, int negative)
{
	memset(relation, RELATION_NONE, block->cols);
	if (positive >= 0 && negative >= 0)
	{
		relation[positive] = RELATION_POSITIVE;
		relation[negative] = RELATION_NEGATIVE;
	}
}

/* Pairs in some triplet with d_ap < d_an < d_ap + margin. */
static void
mine_semihard(const LossParams *params, const LossBlock *block, int i, real sign, int8_t *relation)
{
	const real *s = loss_s(block, i);
	real		margin = params->mine_margin > 0 ? params->mine_margin : params->margin;
	real	   *key = block->work;
	int		   *index = block->index_work;
	int		   *change = block->index_work + block->cols;
	const int  *positive;
	int			count = loss_positives(block, i, &positive);
	int			running = 0;

	for (int k = 0; k < count; k++)
	{
		key[k] = sign * s[positive[k]];
		index[k] = positive[k];
	}
	loss_sort(key, index, count);
	memset(change, 0, (count + 1) * sizeof(int));
	for (int j = 0; j < block->cols; j++)
	{
		int			low,
					high;

		if (relation[j] >= 0)
			continue;
		relation[j] = RELATION_NONE;
		if (count == 0)
			continue;
		low = loss_count_below(key, count, sign * s[j] - margin, true);
		high = loss_count_below(key, count, sign * s[j], false);
		if (high <= low)
			continue;
		relation[j] = RELATION_NEGATIVE;
		change[low]++;
		change[high]--;
	}
	for (int k = 0; k < count; k++)
	{
		running += change[k];
		if (running == 0)
			relation[index[k]] = RELATION_NONE;
	}
}

/*
 * As many negatives as there are positives, drawn with a weight of one over the density of
 * their distance (Wu et al., arXiv 1706.07567): on a sphere of many dimensions nearly all
 * pairs are at a distance of sqrt(2), and a uniform draw would see no others.
 */
static void
mine_distance_weighted(const LossParams *params, const LossBlock *block, int i, int8_t *relation, Rng *rng)
{
	const real *s = loss_s(block, i);
	real	   *sum = block->work;
	real		dims = block->dims;
	real		largest = HIDDEN;
	const int  *positive;
	int			draws = loss_positives(block, i, &positive);

	for (int j = 0; j < block->cols; j++)
	{
		real		d2 = squared_distance(block->input, s[j]);

		sum[j] = HIDDEN;
		if (relation[j] >= 0 || d2 >= NO_LOSS * NO_LOSS)
			continue;
		d2 = fmax(d2, (real) (params->mine_cutoff * params->mine_cutoff));
		d2 = fmin(d2, (real) 3.99);
		sum[j] = (2 - dims) / 2 * log(d2) - (dims - 3) / 2 * log(1 - d2 / 4);
		largest = fmax(largest, sum[j]);
	}
	for (int j = 0; j < block->cols; j++)
		sum[j] = (j > 0 ? sum[j - 1] : 0) + (sum[j] > HIDDEN ? exp(sum[j] - largest) : 0);
	for (int j = 0; j < block->cols; j++)
		if (relation[j] < 0)
			relation[j] = RELATION_NONE;
	if (largest == HIDDEN)
		return;
	for (int k = 0; k < draws; k++)
	{
		real		u = (real) rng_uniform(rng) * sum[block->cols - 1];
		int			j = loss_count_below(sum, block->cols, u, true);

		relation[j < block->cols ? j : block->cols - 1] = RELATION_NEGATIVE;
	}
}

/*
 * Negatives n of the anchor a and its farthest positive p under which the angle at n,
 * between n and c = (a + p) / 2, has a tangent |a - p| / (2 |n - c|) above the limit
 * (Wang et al., arXiv 1708.01682).
 */
static void
mine_angular(const LossParams *params, const LossBlock *block, int i, real sign, int8_t *relation)
{
	const real *s = loss_s(block, i);
	const real *s_p;
	real		limit = tan((real) (params->mine_angle * PI / 180));
	int			p = least(block, i, relation, RELATION_POSITIVE, -sign, -INFINITY);
	real		d2;
	bool		any = false;

	if (p >= 0 && p < block->rows && block->square)
	{
		s_p = loss_s(block, p);
		d2 = squared_distance(block->input, s[p]);
		for (int j = 0; j < block->cols; j++)
			if (relation[j] < 0)
			{
				real		c2 = (squared_distance(block->input, s[j]) + squared_distance(block->input, s_p[j])) / 2 - d2 / 4;

				if (d2 > limit * limit * 4 * fmax(c2, (real) 0))
					any = true;
				else
					relation[j] = RELATION_NONE;
			}
	}
	if (!any)
		memset(relation, RELATION_NONE, block->cols);
}

/*
 * Positives less similar than the most similar negative plus epsilon, negatives more
 * similar than the least similar positive minus epsilon (arXiv 1904.06627, equations 11 and 12).
 */
static void
mine_multi_similarity(const LossParams *params, const LossBlock *block, int i, real sign, int8_t *relation)
{
	const real *s = loss_s(block, i);
	int			positive = least(block, i, relation, RELATION_POSITIVE, -sign, -INFINITY);
	int			negative = least(block, i, relation, RELATION_NEGATIVE, sign, -INFINITY);
	real		epsilon = params->epsilon;
	real		far,
				near;

	if (positive < 0 || negative < 0)
	{
		memset(relation, RELATION_NONE, block->cols);
		return;
	}
	far = sign * s[positive] + epsilon;
	near = sign * s[negative] - epsilon;
	for (int j = 0; j < block->cols; j++)
	{
		real		d = sign * s[j];

		relation[j] = ((relation[j] > 0) & (d <= near)) | ((relation[j] < 0) & (d >= far)) ? RELATION_NONE : relation[j];
	}
}

/* Positives beyond one distance and negatives inside another; of cosines, 1 - cosine. */
static void
mine_pair_margin(const LossParams *params, const LossBlock *block, int i, bool similarity, int8_t *relation)
{
	const real *s = loss_s(block, i);

	for (int j = 0; j < block->cols; j++)
	{
		real		d = similarity ? 1 - s[j] : s[j];

		if (relation[j] > 0 ? d <= params->mine_near : d >= params->mine_far)
			relation[j] = RELATION_NONE;
	}
}

bool
loss_mine(const LossParams *params, const LossBlock *block, int8_t *relation, Rng *rng)
{
	bool		similarity = loss_is_similarity(block->input);
	real		sign = similarity ? -1 : 1;

	if (params->miner == MINE_ALL)
		return true;
	for (int i = 0; i < block->rows; i++)
	{
		int8_t	   *row = relation + (size_t) i * block->cols;
		int			positive,
					negative;

		if (loss_stopped(block, i))
			return false;
		drop_duplicates(block, i, row);
		switch (params->miner)
		{
			case MINE_ALL:
				break;
			case MINE_HARD:
				positive = least(block, i, row, RELATION_POSITIVE, -sign, -INFINITY);
				negative = least(block, i, row, RELATION_NEGATIVE, sign, -INFINITY);
				keep_two(block, row, positive, negative);
				break;
			case MINE_EASY:
				positive = least(block, i, row, RELATION_POSITIVE, sign, -INFINITY);
				negative = least(block, i, row, RELATION_NEGATIVE, -sign, -INFINITY);
				keep_two(block, row, positive, negative);
				break;
			case MINE_EASY_POSITIVE:
				positive = least(block, i, row, RELATION_POSITIVE, sign, -INFINITY);
				negative = positive < 0 ? -1 :
					least(block, i, row, RELATION_NEGATIVE, sign, sign * loss_s(block, i)[positive]);
				keep_two(block, row, positive, negative);
				break;
			case MINE_SEMIHARD:
				mine_semihard(params, block, i, sign, row);
				break;
			case MINE_DISTANCE_WEIGHTED:
				mine_distance_weighted(params, block, i, row, rng);
				break;
			case MINE_ANGULAR:
				mine_angular(params, block, i, sign, row);
				break;
			case MINE_MULTI_SIMILARITY:
				mine_multi_similarity(params, block, i, sign, row);
				break;
			case MINE_PAIR_MARGIN:
				mine_pair_margin(params, block, i, similarity, row);
				break;
		}
	}
	return true;
}
