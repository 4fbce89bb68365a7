/*
 * k_reciprocal.h
 *	  Re-ranking by k-reciprocal neighbours (Zhong et al. 2017), among the candidates of one query.
 */
#ifndef K_RECIPROCAL_H
#define K_RECIPROCAL_H

#include <stddef.h>

#include "base/learn.h"
#include "clusters.h"

/*
 * New distances of n candidates to a query, from 0 to 1, into result.
 *
 * Two rows are k-reciprocal neighbours if each is among the k nearest of the other, where the query
 * and its candidates are all rows there are.  A row becomes a vector of weights of its k1-reciprocal
 * neighbours, which their own neighbours complete, averaged over its k2 nearest rows.  The result is
 *
 *		(1 - lambda) * Jaccard distance of two such vectors + lambda * scaled distance.
 *
 * x: rows of d finite floats, under cosine not all zeros; distance: of each to the query, finite and
 * at least 0; k1, k2 >= 1; lambda from 0 to 1.
 */
extern LearnStatus k_reciprocal(LearnEnv *env, ClusterMetric metric, const float *const *x, int d, const double *distance,
								int32_t n, int k1, int k2, double lambda, double *result);

/* The bytes that it takes. */
extern size_t k_reciprocal_memory(int32_t n, int k1, int k2);

#endif							/* K_RECIPROCAL_H */
