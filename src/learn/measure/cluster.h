/*
 * cluster.h
 *	  How well classes are clusters: k-means against the classes (normalised and adjusted mutual
 *	  information), and the silhouette of the classes themselves.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "base/learn.h"
#include "base/rng.h"

/*
 * cluster[i] in [0, k) for rows x (n x d), 1 <= k <= n, by k-means++ (Arthur and Vassilvitskii
 * 2007) and iterations of Lloyd. The best of four starts by the sum of squared distances; if k is
 * large, one start. ann/kmeans.h builds balanced pages, this minimises the sum of squares. Loads
 * BLAS.
 */
extern LearnStatus cluster_kmeans(LearnEnv *env, const float *x, int64_t n, int d, int k, uint64_t seed, int32_t *cluster);

/*
 * Mutual information of two labellings a in [0, ka) and b in [0, kb) of n rows. normalized: divided
 * by the mean of their entropies. adjusted: also without what chance gives (Vinh, Epps and Bailey
 * 2010, with the arithmetic mean). If both labellings have one part, both are 1.
 */
extern LearnStatus cluster_information(LearnEnv *env, const int32_t *a, int ka, const int32_t *b, int kb, int64_t n,
									   double *normalized, double *adjusted);

/*
 * silhouette[i] = (b - a) / max(a, b), where a is the mean distance of row i to the rest of its
 * class and b the least mean distance to another class. It is 0 for the only row of a class
 * (Rousseeuw 1987). Labels are in [0, k). With fewer than two classes that have rows it is NaN.
 * Computes n^2 distances in blocks of 64 MB.
 */
extern LearnStatus cluster_silhouette(LearnEnv *env, const float *x, const int32_t *label, int64_t n, int d, int k,
									  double *silhouette);

/*
 * Signs of a collapse.
 * - effective_rank: the exponential of the entropy of the shares of the eigenvalues of the
 *   covariance (Roy and Vetterli 2007), from 1 to d; 0 if nothing varies; NaN for more than 1,024
 *   dimensions.
 * - norm_spread: standard deviation of the norms of the rows, divided by their mean.
 */
extern LearnStatus cluster_spread(LearnEnv *env, const float *x, int64_t n, int d, double *effective_rank, double *norm_spread);

#endif							/* CLUSTER_H */
