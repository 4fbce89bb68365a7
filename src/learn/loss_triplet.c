/*
 * loss_triplet.c
 *	  The triplet margin loss, over all triplets of a batch without enumerating them.
 *
 * For one anchor the positives' distances are sorted.  The positives that form a
 * triplet of positive loss with a negative at distance x are then a range of that
 * order: those above x - margin and, semi-hard, below x.  A negative thus costs two
 * binary searches and one difference of prefix sums; what it adds to the positives'
 * gradients is +1 at the range's begin and -1 at its end in an array of differences.  B
 * rows of B negatives: O(B^2 log B), where enumeration is O(B^3).
 */
#include <string.h>

#include "loss_row.h"

/* Sum and count of the triplets with a loss above 0. */
typedef struct TripletTotal
{
	double		sum;
	int64_t		count;
} TripletTotal;

/* Move element top of the heap key[0..n) (with its index) down to its place. */
static void
sift_down(real *key, int *index, int top, int n)
{
	real		k = key[top];
	int			x = index[top];

	for (int child = 2 * top + 1; child < n; child = 2 * top + 1)
	{
		if (child + 1 < n && key[child + 1] > key[child])
			child++;
		if (key[child] <= k)
			break;
		key[top] = key[child];
		index[top] = index[child];
		top = child;
	}
	key[top] = k;
	index[top] = x;
}

/*
 * Sort key[0..n) ascending, index along with it: heapsort, n log n in every case and in
 * place.
 */
static void
sort_keys(real *key, int *index, int n)
{
	for (int top = n / 2 - 1; top >= 0; top--)
		sift_down(key, index, top, n);
	for (int last = n - 1; last > 0; last--)
	{
		real		k = key[0];
		int			x = index[0];

		key[0] = key[last];
		index[0] = index[last];
		key[last] = k;
		index[last] = x;
		sift_down(key, index, 0, last);
	}
}

/*
 * How many of the ascending key[0..n), n > 0, are below x, or with equal not above it.
 * A binary search without branches: a comparison here is as good as random, and a
 * mispredicted branch costs more than the whole search.
 */
static inline int
count_below(const real *key, int n, real x, bool equal)
{
	const real *from = key;

	while (n > 1)
	{
		int			half = n / 2;

		from += half * (equal ? from[half - 1] <= x : from[half - 1] < x);
		n -= half;
	}
	return (int) (from - key) + (equal ? *from <= x : *from < x);
}

/*
 * Anchor i with all its triplets, or with the semi-hard ones.  Writes ds (a row), not
 * yet divided by the number of triplets.
 */
static void
anchor_triplets(LossBlock *block, int i, real margin, bool semihard, TripletTotal *total)
{
	int			n = block->rows;
	const real *s = block->s + (size_t) i * n;
	real	   *ds = block->ds + (size_t) i * n;
	real	   *key = block->work;
	real	   *prefix = block->work + n;	/* prefix[k]: sum of key[0..k) */
	int		   *index = block->index_work;
	int		   *change = block->index_work + n; /* of the number of triplets, from one key to the next */
	const int  *member;
	int			size = loss_class(block, i, &member);
	int			count = 0;
	int			running = 0;
	real		reach;

	memset(ds, 0, n * sizeof(real));
	for (int k = 0; k < size; k++)
	{
		if (member[k] == i)
			continue;
		key[count] = sqrt(s[member[k]]);
		index[count++] = member[k];
	}
	if (count == 0)
		return;
	sort_keys(key, index, count);
	prefix[0] = 0;
	for (int k = 0; k < count; k++)
		prefix[k + 1] = prefix[k] + key[k];
	memset(change, 0, (count + 1) * sizeof(int));

	/*
	 * No negative beyond the farthest positive and the margin has a triplet: most never
	 * cost a root.
	 */
	reach = key[count - 1] + margin;
	reach *= reach;
	for (int j = 0; j < n; j++)
	{
		real		x;
		int			low,
					high,
					triplets;

		if (s[j] > reach || block->label[j] == block->label[i])
			continue;
		x = sqrt(s[j]);
		low = count_below(key, count, x - margin, true);
		high = semihard ? count_below(key, count, x, false) : count;
		if (high < low)
			high = low;			/* no margin, and a positive at the very distance */
		triplets = high - low;
		total->sum += (prefix[high] - prefix[low]) + triplets * (margin - x);
		total->count += triplets;
		ds[j] = -triplets * half_inverse(x);
		change[low]++;
		change[high]--;
	}
	for (int k = 0; k < count; k++)
	{
		running += change[k];
		ds[index[k]] = running * half_inverse(key[k]);
	}
}

/*
 * Anchor i with its farthest positive and nearest negative; of equals the first. Writes
 * ds (a row).
 */
static void
anchor_hardest(LossBlock *block, int i, real margin, TripletTotal *total)
{
	int			n = block->rows;
	const real *s = block->s + (size_t) i * n;
	real	   *ds = block->ds + (size_t) i * n;
	const int  *member;
	int			size = loss_class(block, i, &member);
	int			positive = -1;
	int			negative = -1;
	real		far,
				near;

	memset(ds, 0, n * sizeof(real));
	for (int k = 0; k < size; k++)
		if (member[k] != i && (positive < 0 || s[member[k]] > s[positive]))
			positive = member[k];
	for (int j = 0; j < n; j++)
		if ((negative < 0 || s[j] < s[negative]) && block->label[j] != block->label[i])
			negative = j;
	if (positive < 0 || negative < 0)
		return;

	far = sqrt(s[positive]);
	near = sqrt(s[negative]);
	if (far - near + margin > 0)
	{
		total->sum += far - near + margin;
		total->count++;
		ds[positive] = half_inverse(far);
		ds[negative] = -half_inverse(near);
	}
}

/*
 * Triplet margin loss (Weinberger and Saul 2009; Schroff et al., arXiv 1503.03832):
 * max(0, d_ap - d_an + margin), averaged over the mined triplets in which it is above
 * 0. Miners: all; hard (Hermans et al., arXiv 1703.07737); semi-hard, which takes every
 * negative with d_ap < d_an < d_ap + margin.  s: squared distances.  margin >= 0.
 */
real
loss_triplet(const LossParams *params, LossBlock *block)
{
	int			n = block->rows;
	TripletTotal total = {0, 0};

	for (int i = 0; i < n; i++)
	{
		if (loss_stopped(block, i))
			return NAN;
		if (params->miner == MINE_HARD)
			anchor_hardest(block, i, params->margin, &total);
		else
			anchor_triplets(block, i, params->margin, params->miner == MINE_SEMIHARD, &total);
	}
	if (total.count == 0)
		return 0;
	vm_scale(block->ds, (real) (1.0 / total.count), (size_t) n * n);
	return total.sum / total.count;
}
