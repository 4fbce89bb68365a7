/*
 * clusters.h
 *	  Groups of rows that are near each other: k-means, DBSCAN, HDBSCAN*.
 *
 * Rows are n >= 0 vectors of d >= 1 finite floats.  Under cosine each has a direction: it is not
 * all zeros.  Distances are those of ann/distance.h, which the SQL operators have too.
 *
 * Results depend on the set of rows and not on their order.  clusters_order() is an order that
 * follows from their content, and all functions behind it want rows in that order.
 *
 * A cluster has a number from 1.  The largest is 1; of equally large clusters the one whose first
 * row comes first.  0 is noise.
 */
#ifndef CLUSTERS_H
#define CLUSTERS_H

#include "base/learn.h"

#define CLUSTERS_NOISE	0

typedef enum ClusterMetric
{
	CLUSTER_L2,
	CLUSTER_COSINE
} ClusterMetric;

typedef struct ClusterRows
{
	const float *x;				/* n x d */
	int64_t		n;				/* at most INT32_MAX */
	int			d;
	ClusterMetric metric;
} ClusterRows;

/* A hash of a vector's elements.  Equal vectors have equal hashes; -0 equals 0. */
extern uint64_t clusters_hash(const float *x, int d);

/* The distance of two vectors, as the operator of the metric gives it. */
extern double clusters_distance(ClusterMetric metric, const float *a, const float *b, int d);

/* Scale x to length 1.  Returns false, and leaves out as it is, if x is all zeros. */
extern bool clusters_direction(const float *x, int d, float *out);

/*
 * order[i] = the index of the row that comes i-th (n): by its hash, equal hashes by its elements.
 * Takes 8 bytes of the arena for each row.
 */
extern LearnStatus clusters_order(LearnEnv *env, const ClusterRows *rows, int32_t *order);

/* Bring x (n x d) into this order in place.  Takes 4 bytes of the arena for each row. */
extern LearnStatus clusters_arrange(LearnEnv *env, float *x, int64_t n, int d, const int32_t *order);

/*
 * Number clusters: label[i] in [0, clusters), or -1 for noise, becomes the number from 1, or 0.
 * rank: what decides between equally large clusters, the least rank of a row first; NULL: the row's
 * index.  A label without rows gets no number.  Returns in *found how many have rows.
 */
extern LearnStatus clusters_number(LearnEnv *env, int32_t *label, int64_t n, int32_t clusters,
								   const uint64_t *rank, int32_t *found);

/*
 * Sort ids so that none comes after the next.  comes_after is a strict order of any two.
 */
extern LearnStatus clusters_sort_ids(LearnEnv *env, int32_t *ids, int64_t n,
									 bool (*comes_after) (const void *ctx, int32_t a, int32_t b), const void *ctx);

/* ---------- k-means (kmeans_cluster.c) ---------- */

typedef struct KmeansTask
{
	int			k;				/* at least 1 */
	int			starts;			/* at least 1; the best is kept */
	int			max_iterations; /* of each start, at least 1 */
	uint64_t	seed;
} KmeansTask;

/*
 * cluster[i] = the number of row i's cluster, with a low sum of squared distances to the clusters'
 * means.  Under cosine the rows have length 1, and the sum is that of 1 - cos, to the directions of
 * the means.  If fewer than k rows are distinct, each is a cluster.
 *
 * inertia: the sum that was reached.  If env->report is given it is called with starts as epochs.
 */
extern LearnStatus clusters_kmeans(LearnEnv *env, const ClusterRows *rows, const KmeansTask *task,
								   int32_t *cluster, double *inertia);

/* The most bytes that clusters_kmeans() takes of the arena. */
extern size_t clusters_kmeans_memory(int64_t n, int d, int k);

/* ---------- DBSCAN (dbscan.c) ---------- */

/*
 * DBSCAN (Ester et al. 1996) with the neighbours of each row given once, in any order.  A row with
 * at least min_points rows within the radius, itself included, is a core row.  Core rows within the
 * radius of each other are of one cluster.  Any other row within the radius of a core row is of the
 * cluster of its nearest core row, of equally near ones that with the least rank.
 */
typedef struct Dbscan
{
	int64_t		n;
	int64_t		min_points;
	const uint64_t *rank;		/* n; NULL: the row's index */
	/* core row: towards the first of its cluster; else its nearest core row, or -1 */
	int32_t    *link;
	double	   *near;			/* n: the distance to that one */
	uint8_t    *core;			/* n: known to be a core row */

	int32_t		row;			/* whose neighbours are given */
	int64_t		found;			/* of them so far */
	int32_t    *waiting;		/* neighbours while it is not known whether the row is a core row */
	double	   *waiting_near;
} Dbscan;

/* min_points is at least 1. */
extern LearnStatus dbscan_begin(LearnEnv *env, int64_t n, int min_points, const uint64_t *rank, Dbscan *scan);

/* The neighbours that follow are this row's. */
extern void dbscan_row(Dbscan *scan, int32_t row);

/*
 * A row within the radius; each row is its own neighbour, too.  If dbscan_wants_distance() is false
 * for it, the distance may be anything.
 */
extern void dbscan_neighbour(Dbscan *scan, int32_t neighbour, double distance);

static inline bool
dbscan_wants_distance(const Dbscan *scan, int32_t neighbour)
{
	return !scan->core[neighbour];
}

/* After all rows: their clusters.  Returns in *clusters how many there are. */
extern LearnStatus dbscan_end(LearnEnv *env, Dbscan *scan, int32_t *cluster, int32_t *clusters);

/* The most bytes of the arena that the functions above take. */
extern size_t dbscan_memory(int64_t n, int min_points);

/* ---------- DBSCAN of rows in memory (dbscan_rows.c) ---------- */

/* cluster[i] of each row.  radius is at least 0 and may be infinite. */
extern LearnStatus clusters_dbscan(LearnEnv *env, const ClusterRows *rows, double radius, int min_points, int32_t *cluster);
extern size_t clusters_dbscan_memory(int64_t n, int min_points);

/* ---------- HDBSCAN* (hdbscan.c) ---------- */

/*
 * cluster[i] of each row by HDBSCAN* (Campello, Moulavi and Sander 2013): the hierarchy of DBSCAN's
 * clusters over all radii, and of it the clusters with the largest excess of mass.  min_points
 * counts the row itself.  min_cluster_size is at least 2.  The whole is no cluster.  Takes n^2
 * distances.  env->report is called with the rows that are done as steps.
 */
extern LearnStatus clusters_hdbscan(LearnEnv *env, const ClusterRows *rows, int min_points, int min_cluster_size,
									int32_t *cluster);
extern size_t clusters_hdbscan_memory(int64_t n, int min_points, int min_cluster_size);

#endif							/* CLUSTERS_H */
