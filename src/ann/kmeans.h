/*
 * kmeans.h
 *	  Centers of clusters, and the two-level grid of them that a tree is built from.
 *
 * Memory comes from env's arena; what outlives a call is allocated first, the rest is given
 * back before it returns.  kmeans_load() first.  Same rows, same seed: the same centers, bit
 * for bit, on one machine.  Rows are finite, their squared lengths below FLT_MAX / 16, as
 * code_encode() wants them; then centers are too.
 */
#ifndef ANN_KMEANS_H
#define ANN_KMEANS_H

#include "base/learn.h"
#include "base/rng.h"

/*
 * Load OpenBLAS if there is one. Without it, products of matrices are made of single inner
 * products, which takes longer. Fails where the library is there and the memory for it is not.
 */
extern LearnStatus kmeans_load(LearnEnv *env);

/*
 * Lloyd's iterations from k distinct rows as first centers: centers (k x width) for rows
 * (n x width), 1 <= k <= n.  A center that loses all of its rows takes a random row again.
 *
 * With bias (k floats, or NULL) the clusters come out more alike in size: a row belongs to
 * the center with the least |x - c|^2 / 2 + bias, a power diagram, and centers that have
 * more rows than others get a larger bias.
 */
extern LearnStatus kmeans_fit(LearnEnv *env, const float *rows, int64_t n, int width, int k,
							  int iterations, Rng *rng, float *centers, float *bias);

/*
 * nearest[i] = the center nearest to row i, with the biases if not NULL; of equal ones the first.
 */
extern LearnStatus kmeans_nearest(LearnEnv *env, const float *rows, int64_t n, int width,
								  const float *centers, const float *bias, int k, int32_t *nearest);

/*
 * Some k centers in groups by nearness, so that a row finds its center through the
 * centers of the groups and those of a few groups, sqrt(k) and not k distances away.
 */
typedef struct KmeansGrid
{
	int			width;
	int			groups;
	int			k;
	float	   *tops;			/* groups x width */
	int		   *first;			/* groups + 1: group g has centers first[g] to first[g + 1] - 1 */
	float	   *centers;		/* k x width */
	float	   *bias;			/* k */
} KmeansGrid;

/*
 * A grid of about k centers, at least 1 and at most k, from a sample of n >= 1 rows; fewer if
 * rows crowd in one place. About 30 rows for each center are enough.
 */
extern LearnStatus kmeans_grid_fit(LearnEnv *env, const float *sample, int64_t n, int width, int k,
								   Rng *rng, KmeansGrid *grid);

/*
 * nearest[i] = the nearest center to row i, biases included, in the beam (1 to 16) groups that
 * are nearest to it. n * beam below 2^31: callers come with a batch of rows at a time.
 */
extern LearnStatus kmeans_grid_nearest(LearnEnv *env, const KmeansGrid *grid, const float *rows,
									   int64_t n, int beam, int32_t *nearest);

/*
 * Divide n rows, given by their indexes, so that no part has more than capacity: order is
 * permuted so that each part is a run of it, and first (room for n + 1) gets where each
 * begins; *parts how many there are.  Where rows are alike and no center tells them apart,
 * a run is cut in the middle.
 */
extern LearnStatus kmeans_divide(LearnEnv *env, const float *rows, int width, int32_t *order, int64_t n,
								 int capacity, Rng *rng, int64_t *first, int64_t *parts);

#endif							/* ANN_KMEANS_H */
