/*
 * nearest.c
 *	  The nearest rows of many queries.
 *
 * The gallery is taken in parts.  For each part, matrix products give scores of all its rows, and
 * leave a few candidates of each query: rows that can be nearer than the k-th so far.  Only their
 * distances are computed.  A query keeps its k nearest rows in a heap, farthest on top, so that
 * memory depends on the number of queries and not on the number of rows.
 */
#include "learn/cluster/nearest.h"

#include <float.h>
#include <math.h>

#include "ann/distance.h"
#include "learn/measure/neighbours.h"

#define PART_ROWS		2048		/* of the gallery: scores of a block of queries take 2 MB */

/* The k nearest rows of one query so far. */
typedef struct Heap
{
	int32_t    *row;
	double	   *distance;
	const int32_t *rank;
	int			n;
} Heap;

int
nearest_count(const NearestTask *task)
{
	int64_t		others = task->n - (task->self ? 1 : 0);

	if (others < 0)
		others = 0;
	return others < task->k ? (int) others : task->k;
}

static bool
before(const Heap *heap, double distance, int32_t row, int other)
{
	int32_t		last = heap->row[other];

	if (distance != heap->distance[other])
		return distance < heap->distance[other];
	return heap->rank ? heap->rank[row] < heap->rank[last] : row < last;
}

/* Put a row at place i, or below, where heap order among n rows wants it. */
static void
sift(Heap *heap, int i, int n, int32_t row, double distance)
{
	for (int child; (child = 2 * i + 1) < n; i = child)
	{
		if (child + 1 < n && before(heap, heap->distance[child], heap->row[child], child + 1))
			child++;
		if (!before(heap, distance, row, child))
			break;
		heap->row[i] = heap->row[child];
		heap->distance[i] = heap->distance[child];
	}
	heap->row[i] = row;
	heap->distance[i] = distance;
}

/* Take a row, if it is nearer than the farthest or the heap has room. */
static void
offer(Heap *heap, int k, int32_t row, double distance)
{
	int			i = heap->n;

	if (heap->n == k)
	{
		if (before(heap, distance, row, 0))
			sift(heap, 0, k, row, distance);
		return;
	}
	heap->n++;
	for (; i > 0 && !before(heap, distance, row, (i - 1) / 2); i = (i - 1) / 2)
	{
		heap->row[i] = heap->row[(i - 1) / 2];
		heap->distance[i] = heap->distance[(i - 1) / 2];
	}
	heap->row[i] = row;
	heap->distance[i] = distance;
}

/* From a heap to rows with the nearest first. */
static void
sort_heap(Heap *heap)
{
	for (int n = heap->n - 1; n > 0; n--)
	{
		int32_t		row = heap->row[n];
		double		distance = heap->distance[n];

		heap->row[n] = heap->row[0];
		heap->distance[n] = heap->distance[0];
		sift(heap, 0, n, row, distance);
	}
}

/*
 * The relative error of a squared distance by distance_l2(): at least 16 partial sums, with one
 * rounding for each term, twice as much to be safe.
 */
static double
kernel_error(int d)
{
	return (d / 16 + 16) * (double) FLT_EPSILON;
}

/* Offer a query of the block the candidates of a part of the gallery. */
static void
offer_part(const NearestTask *task, Neighbours *nb, int i, int64_t number, int64_t begin, Heap *heap, int k)
{
	const float *query = task->query + number * task->d;
	int64_t		hidden = task->self && number >= begin && number < begin + nb->n ? number - begin : -1;
	double		farthest = heap->n == k ? heap->distance[0] : INFINITY;
	int64_t		n = neighbours_candidates(nb, i, hidden, k, farthest, kernel_error(task->d));

	for (int64_t j = 0; j < n; j++)
	{
		int64_t		row = begin + nb->found[j].row;

		offer(heap, k, (int32_t) row, distance_l2(query, task->gallery + row * task->d, task->d));
	}
}

LearnStatus
nearest_rows(LearnEnv *env, const NearestTask *task, int32_t *row, double *distance)
{
	int			k = nearest_count(task);
	ArenaMark	mark = arena_mark(env->arena);
	int32_t    *kept;

	if (k == 0 || task->nq == 0)
		return LEARN_OK;
	LEARN_ALLOC(env, kept, task->nq);
	for (int64_t i = 0; i < task->nq; i++)
		kept[i] = 0;
	for (int64_t begin = 0; begin < task->n; begin += PART_ROWS)
	{
		ArenaMark	part_mark = arena_mark(env->arena);
		int64_t		rows = task->n - begin < PART_ROWS ? task->n - begin : PART_ROWS;
		Neighbours	nb;

		LEARN_TRY(neighbours_create(env, task->query, task->nq, task->gallery + begin * task->d, NULL, rows, task->d, false, &nb));
		for (int64_t first = 0; first < task->nq; first += nb.block)
		{
			int			count = (int) (task->nq - first < nb.block ? task->nq - first : nb.block);

			LEARN_TRY(neighbours_score(env, &nb, task->query + first * task->d, count));
			for (int i = 0; i < count; i++)
			{
				int64_t		number = first + i;
				Heap		heap = {row + number * k, distance + number * k, task->rank, kept[number]};

				if (i % 16 == 0)
					LEARN_TRY(learn_poll(env));
				offer_part(task, &nb, i, number, begin, &heap, k);
				kept[number] = heap.n;
			}
		}
		arena_reset(env->arena, part_mark);
	}
	for (int64_t i = 0; i < task->nq; i++)
	{
		Heap		heap = {row + i * k, distance + i * k, task->rank, k};

		if (i % 1024 == 0)
			LEARN_TRY(learn_poll(env));
		sort_heap(&heap);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
