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

#endif							/* CLUSTERS_H */
