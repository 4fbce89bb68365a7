/*
 * dbscan_rows.c
 *	  DBSCAN of rows in memory: neighbours within a radius by the triangle inequality.
 *
 * A few times sqrt(n) rows are pivots.  Each row belongs to its nearest pivot, and the rows of a pivot
 * are in the order of their distances to it.  A row whose distance to a pivot is t has its
 * neighbours among those of the pivot's rows whose distances are from t - radius to t + radius.
 *
 * Under cosine the triangle inequality holds for the chord, the root of 2 (1 - cos).
 */
#include "clusters.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

#define POLL_ELEMENTS	(2 * 1024 * 1024)
#define SLACK_L2		1e-5	/* roundings of two distances and a sum, relative */
#define SLACK_COSINE	4e-6	/* roundings of a cosine distance, absolute */
#define PIVOTS_MOST		4096

typedef struct Pivots
{
	const ClusterRows *rows;
	int			n;
	int32_t    *row;			/* n: the rows that are pivots */
	int32_t    *first;			/* n + 1: where the rows of a pivot begin */
	int32_t    *order;			/* rows, pivot by pivot, the nearest first */
	int32_t    *pivot;			/* of each row */
	double	   *distance;		/* of each row to it */
	int64_t		work;			/* elements since the last poll */
} Pivots;

static const float *
row_of(const ClusterRows *rows, int64_t i)
{
	return rows->x + i * rows->d;
}

static int
pivots_for(int64_t n)
{
	double		wanted = ceil(4 * sqrt((double) n));

	wanted = wanted > PIVOTS_MOST ? PIVOTS_MOST : wanted;
	return wanted > n ? (int) n : (int) wanted;
}

size_t
clusters_dbscan_memory(int64_t n, int min_points)
{
	return dbscan_memory(n, min_points) + n * (2 * sizeof(int32_t) + sizeof(double)) + pivots_for(n) * 2 * sizeof(int32_t);
}

static LearnStatus
worked(LearnEnv *env, Pivots *pivots, int64_t elements)
{
	pivots->work += elements;
	if (pivots->work < POLL_ELEMENTS)
		return LEARN_OK;
	pivots->work = 0;
	return learn_poll(env);
}

/* By which a pivot is drawn: the squared distance of the triangle inequality. */
static double
weight(ClusterMetric metric, double distance)
{
	return metric == CLUSTER_L2 ? distance * distance : distance;
}

static bool
row_after(const void *ctx, int32_t a, int32_t b)
{
	const Pivots *pivots = ctx;

	if (pivots->pivot[a] != pivots->pivot[b])
		return pivots->pivot[a] > pivots->pivot[b];
	if (pivots->distance[a] != pivots->distance[b])
		return pivots->distance[a] > pivots->distance[b];
	return a > b;
}

/* Make a row pivot p: rows that are nearer to it than to theirs become its rows.  Adds up their weights. */
static LearnStatus
add_pivot(LearnEnv *env, const ClusterRows *rows, Pivots *pivots, int p, double *total)
{
	*total = 0;
	for (int64_t i = 0; i < rows->n; i++)
	{
		double		distance = clusters_distance(rows->metric, row_of(rows, i), row_of(rows, pivots->row[p]), rows->d);

		LEARN_TRY(worked(env, pivots, rows->d));
		if (p == 0 || distance < pivots->distance[i])
		{
			pivots->distance[i] = distance;
			pivots->pivot[i] = p;
		}
		*total += weight(rows->metric, pivots->distance[i]);
	}
	return LEARN_OK;
}

/* A row drawn by weight; with a weight above 0. */
static LearnStatus
draw_row(LearnEnv *env, const ClusterRows *rows, Pivots *pivots, double at, int32_t *row)
{
	for (int64_t i = 0; i < rows->n && at >= 0; i++)
	{
		double		mine = weight(rows->metric, pivots->distance[i]);

		LEARN_TRY(worked(env, pivots, 1));
		if (mine > 0)
			*row = (int32_t) i;
		at -= mine;
	}
	return LEARN_OK;
}

/*
 * Pivots are drawn as k-means++ draws centers, so that parts that are far from all pivots get one.
 * Rows are in an order of their own, so the draw depends on nothing else.
 */
static LearnStatus
choose_pivots(LearnEnv *env, const ClusterRows *rows, Pivots *pivots)
{
	int			most = pivots_for(rows->n);
	double		total = 1;
	Rng			rng;

	pivots->rows = rows;
	pivots->work = 0;
	LEARN_ALLOC(env, pivots->row, most);
	LEARN_ALLOC(env, pivots->first, most + 1);
	LEARN_ALLOC(env, pivots->order, rows->n);
	LEARN_ALLOC(env, pivots->pivot, rows->n);
	LEARN_ALLOC(env, pivots->distance, rows->n);
	rng_seed(&rng, 0, 0);
	pivots->row[0] = 0;
	for (pivots->n = 0; pivots->n < most && total > 0; pivots->n++)
	{
		if (pivots->n > 0)
			LEARN_TRY(draw_row(env, rows, pivots, rng_uniform(&rng) * total, &pivots->row[pivots->n]));
		LEARN_TRY(add_pivot(env, rows, pivots, pivots->n, &total));
	}
	memset(pivots->first, 0, (pivots->n + 1) * sizeof(int32_t));
	for (int64_t i = 0; i < rows->n; i++)
	{
		pivots->order[i] = (int32_t) i;
		pivots->first[pivots->pivot[i] + 1]++;
	}
	for (int p = 0; p < pivots->n; p++)
		pivots->first[p + 1] += pivots->first[p];
	return clusters_sort_ids(env, pivots->order, rows->n, row_after, pivots);
}

/*
 * The least and the largest distance to a pivot of rows within the radius of a row at distance t
 * from it.
 */
static void
band(ClusterMetric metric, double t, double radius, double *low, double *high)
{
	if (metric == CLUSTER_L2)
	{
		double		slack = SLACK_L2 * (t + radius);

		*low = t - radius - slack;
		*high = t + radius + slack;
	}
	else
	{
		double		reach = sqrt(2 * (radius + SLACK_COSINE));
		double		nearest = sqrt(2 * fmax(t - SLACK_COSINE, 0)) - reach;
		double		farthest = sqrt(2 * (t + SLACK_COSINE)) + reach;

		*low = nearest > 0 ? nearest * nearest / 2 - SLACK_COSINE : -INFINITY;
		*high = farthest * farthest / 2 + SLACK_COSINE;
	}
}

/* The first place from `from` to `to` whose row is at least that far from its pivot. */
static int64_t
place_of(const Pivots *pivots, int64_t from, int64_t to, double distance)
{
	while (from < to)
	{
		int64_t		middle = from + (to - from) / 2;

		if (pivots->distance[pivots->order[middle]] < distance)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Give the neighbours of a row to the scan. */
static LearnStatus
give_neighbours(LearnEnv *env, Pivots *pivots, double radius, int32_t row, Dbscan *scan)
{
	const ClusterRows *rows = pivots->rows;
	const float *x = row_of(rows, row);

	dbscan_row(scan, row);
	for (int p = 0; p < pivots->n; p++)
	{
		double		t;
		double		low;
		double		high;

		if (pivots->first[p] == pivots->first[p + 1])
			continue;
		t = clusters_distance(rows->metric, x, row_of(rows, pivots->row[p]), rows->d);
		LEARN_TRY(worked(env, pivots, rows->d));
		band(rows->metric, t, radius, &low, &high);
		for (int64_t i = place_of(pivots, pivots->first[p], pivots->first[p + 1], low); i < pivots->first[p + 1]; i++)
		{
			int32_t		other = pivots->order[i];
			double		distance;

			if (pivots->distance[other] > high)
				break;
			LEARN_TRY(worked(env, pivots, rows->d));
			distance = clusters_distance(rows->metric, x, row_of(rows, other), rows->d);
			if (distance <= radius || other == row)
				dbscan_neighbour(scan, other, distance);
		}
	}
	return LEARN_OK;
}

LearnStatus
clusters_dbscan(LearnEnv *env, const ClusterRows *rows, double radius, int min_points, int32_t *cluster)
{
	ArenaMark	mark = arena_mark(env->arena);
	Pivots		pivots;
	Dbscan		scan;
	int32_t		clusters;

	if (rows->n == 0)
		return LEARN_OK;
	LEARN_TRY(choose_pivots(env, rows, &pivots));
	LEARN_TRY(dbscan_begin(env, rows->n, min_points, NULL, &scan));
	for (int64_t i = 0; i < rows->n; i++)
		LEARN_TRY(give_neighbours(env, &pivots, radius, pivots.order[i], &scan));
	LEARN_TRY(dbscan_end(env, &scan, cluster, &clusters));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
