/*
 * halve.c
 *	  See halve.h.
 */
#include "ann/halve.h"

#include <stdbool.h>
#include <string.h>

#include "ann/distance.h"

#define ITERATIONS	10

/* The vector farthest from x. */
static int
farthest(const float *vectors, int n, int width, const float *x)
{
	double		most = -1;
	int			at = 0;

	for (int i = 0; i < n; i++)
	{
		double		d = distance_l2_squared(vectors + (size_t) i * width, x, width);

		if (d > most)
		{
			most = d;
			at = i;
		}
	}
	return at;
}

static void
add(float *restrict sum, const float *restrict x, int width)
{
	for (int i = 0; i < width; i++)
		sum[i] += x[i];
}

/* By how much nearer to the first center each vector is; sorted into order, the nearest first. */
static void
sort_by_preference(const float *key, int n, int32_t *order)
{
	for (int gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (int i = gap; i < n; i++)
		{
			int32_t		item = order[i];
			int			at = i;

			for (; at >= gap && (key[order[at - gap]] > key[item] ||
								 (key[order[at - gap]] == key[item] && order[at - gap] > item)); at -= gap)
				order[at] = order[at - gap];
			order[at] = item;
		}
}

int
ann_halve(const float *vectors, int n, int width, float *scratch, int32_t *order)
{
	float	   *a = scratch;
	float	   *b = a + width;
	float	   *key = b + width;
	int			least = n / 4 > 0 ? n / 4 : 1;
	int			m = 0;
	int			from;

	/* two vectors far apart are the first centers */
	from = farthest(vectors, n, width, vectors);
	memcpy(a, vectors + (size_t) from * width, width * sizeof(float));
	memcpy(b, vectors + (size_t) farthest(vectors, n, width, a) * width, width * sizeof(float));
	for (int round = 0;; round++)
	{
		bool		moved = round == 0;

		m = 0;
		for (int i = 0; i < n; i++)
		{
			const float *x = vectors + (size_t) i * width;
			bool		first;

			key[i] = (float) (distance_l2_squared(x, a, width) - distance_l2_squared(x, b, width));
			first = key[i] < 0;
			moved = moved || first != order[i];
			order[i] = first;
			m += first;
		}
		if (round == ITERATIONS || m == 0 || m == n || !moved)
			break;
		memset(a, 0, 2 * width * sizeof(float));
		for (int i = 0; i < n; i++)
			add(key[i] < 0 ? a : b, vectors + (size_t) i * width, width);
		for (int i = 0; i < width; i++)
		{
			a[i] /= (float) m;
			b[i] /= (float) (n - m);
		}
	}
	for (int i = 0; i < n; i++)
		order[i] = i;
	sort_by_preference(key, n, order);
	if (m == 0 || m == n)
		return n / 2;
	return m < least ? least : m > n - least ? n - least : m;
}
