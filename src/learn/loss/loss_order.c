/*
 * loss_order.c
 *	  Sorting a row's keys, and finding places in their order.
 */
#include "loss_row.h"

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
void
loss_sort(real *key, int *index, int n)
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
int
loss_count_below(const real *key, int n, real x, bool equal)
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
