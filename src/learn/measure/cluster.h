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
 * cluster[i] in [0, k) for rows x (n x d), 1 <= k <= n: k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's
 * iterations, the best of four starts by the sum of squared distances; of one start where k is large.
 * Unlike ann/kmeans.h, which builds balanced pages, this wants the least sum of squares.  Loads BLAS.
 */
extern LearnStatus cluster_kmeans(LearnEnv *env, const float *x, int64_t n, int d, int k, uint64_t seed, int32_t *cluster);

/*
 * Mutual information of two labellings a in [0, ka) and b in [0, kb) of n rows, divided by the mean of their
 * entropies; and the same after what chance gives is taken off (Vinh, Epps and Bailey 2010, with the
 * arithmetic mean).  Two labellings of one part each: 1.
 */
extern LearnStatus cluster_information(LearnEnv *env, const int32_t *a, int ka, const int32_t *b, int kb, int64_t n,
									   double *normalized, double *adjusted);

/*
 * silhouette[i] = (b - a) / max(a, b) with a the mean distance of row i to the rest of its class and b the least mean
 * distance to another class; 0 for the only row of a class (Rousseeuw 1987).  Labels in [0, k); needs two
 * classes with rows, else NaN.  n^2 distances in blocks of 64 MB.
 */
extern LearnStatus cluster_silhouette(LearnEnv *env, const float *x, const int32_t *label, int64_t n, int d, int k,
									  double *silhouette);

/*
 * What collapses: the effective rank, which is the exponential of the entropy of the shares of the covariance's
 * eigenvalues (Roy and Vetterli 2007), from 1 to d, and 0 where nothing varies; NaN for more than 1,024
 * dimensions.  And the spread of the rows' norms, deviation by mean.
 */
extern LearnStatus cluster_spread(LearnEnv *env, const float *x, int64_t n, int d, double *effective_rank, double *norm_spread);

#endif							/* CLUSTER_H */
