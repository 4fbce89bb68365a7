/*
 * dbscan.c
 *	  DBSCAN from the neighbours of one row after the other, wherever they come from.
 *
 * A row's neighbours are given once.  As soon as min_points of them are there, the row is a core
 * row and joins the clusters of those neighbours that are known to be core rows.  A neighbour that
 * turns out to be one later finds this row among its own neighbours then, so every pair of core
 * rows is joined by the one that comes last.  Rows that are not (yet) core rows remember the
 * nearest core row.  So no row is asked twice, and a row takes 13 bytes.
 */
#include "clusters.h"

#include <string.h>

#define POLL_ROWS	(1024 * 1024)

/* The room for neighbours that wait. */
static int64_t
waiting_room(int64_t n, int min_points)
{
	return min_points <= n ? min_points : 1;
}

size_t
dbscan_memory(int64_t n, int min_points)
{
	size_t		a_row = sizeof(int32_t) + sizeof(double) + sizeof(uint8_t);

	/* clusters_number(), if each row is a cluster, and the chunks of the arena */
	a_row += sizeof(uint64_t) * 2 + sizeof(int32_t) * 2;
	return n * a_row + waiting_room(n, min_points) * (sizeof(int32_t) + sizeof(double)) + (size_t) 64 * 1024;
}

LearnStatus
dbscan_begin(LearnEnv *env, int64_t n, int min_points, const uint64_t *rank, Dbscan *scan)
{
	scan->n = n;
	scan->min_points = min_points;
	scan->rank = rank;
	scan->row = -1;
	LEARN_ALLOC(env, scan->link, n);
	LEARN_ALLOC(env, scan->near, n);
	LEARN_ALLOC(env, scan->core, n);
	LEARN_ALLOC(env, scan->waiting, waiting_room(n, min_points));
	LEARN_ALLOC(env, scan->waiting_near, waiting_room(n, min_points));
	memset(scan->link, -1, n * sizeof(int32_t));
	memset(scan->core, 0, n);
	return LEARN_OK;
}

void
dbscan_row(Dbscan *scan, int32_t row)
{
	scan->row = row;
	scan->found = 0;
}

/* The first core row of a core row's cluster; halves the way to it. */
static int32_t
first_of(Dbscan *scan, int32_t row)
{
	while (scan->link[row] != row)
	{
		scan->link[row] = scan->link[scan->link[row]];
		row = scan->link[row];
	}
	return row;
}

static bool
comes_before(const Dbscan *scan, int32_t a, int32_t b)
{
	return scan->rank == NULL ? a < b : scan->rank[a] < scan->rank[b];
}

/* The row is a core row, and has this neighbour. */
static void
join(Dbscan *scan, int32_t other, double distance)
{
	int32_t		row = scan->row;

	if (scan->core[other])
	{
		int32_t		a = first_of(scan, row);
		int32_t		b = first_of(scan, other);

		if (a != b)
			scan->link[a > b ? a : b] = a > b ? b : a;
	}
	else if (scan->link[other] < 0 || distance < scan->near[other] ||
			 (distance == scan->near[other] && comes_before(scan, row, scan->link[other])))
	{
		scan->link[other] = row;
		scan->near[other] = distance;
	}
}

void
dbscan_neighbour(Dbscan *scan, int32_t neighbour, double distance)
{
	scan->found++;
	if (scan->found < scan->min_points)
	{
		/* with fewer rows than min_points there is no core row, and nothing waits */
		if (scan->min_points <= scan->n)
		{
			scan->waiting[scan->found - 1] = neighbour;
			scan->waiting_near[scan->found - 1] = distance;
		}
		return;
	}
	if (scan->found == scan->min_points)
	{
		scan->core[scan->row] = 1;
		scan->link[scan->row] = scan->row;
		for (int64_t i = 0; i < scan->found - 1; i++)
			join(scan, scan->waiting[i], scan->waiting_near[i]);
	}
	join(scan, neighbour, distance);
}

LearnStatus
dbscan_end(LearnEnv *env, Dbscan *scan, int32_t *cluster, int32_t *clusters)
{
	int32_t		n = 0;

	/* the first of a cluster has the least index: it is met before the others */
	for (int64_t i = 0; i < scan->n; i++)
	{
		if (i % POLL_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		if (scan->core[i])
			cluster[i] = scan->link[i] == i ? n++ : cluster[first_of(scan, (int32_t) i)];
	}
	for (int64_t i = 0; i < scan->n; i++)
		if (!scan->core[i])
			cluster[i] = scan->link[i] < 0 ? -1 : cluster[scan->link[i]];
	return clusters_number(env, cluster, scan->n, n, scan->rank, clusters);
}
