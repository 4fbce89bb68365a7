/*
 * mmr.h
 *	  Maximal marginal relevance (Carbonell and Goldstein 1998): rows that are near a query and
 *	  unlike each other.
 */
#ifndef MMR_H
#define MMR_H

#include "base/learn.h"
#include "clusters.h"

/*
 * Choose k of n rows, one after the other, into chosen.  The next row is the one with the least
 *
 *		lambda * relevance - (1 - lambda) * distance to the nearest row that is chosen.
 *
 * relevance is a finite distance to the query.  The first row has the least relevance, as have the
 * earlier of equal ones.  With a similarity of c - distance this is the formula of the paper.
 *
 * x: rows of d finite floats, under cosine not all zeros; lambda from 0 to 1; 0 <= k <= n.  It
 * takes k * n distances and n doubles.
 */
extern LearnStatus mmr_choose(LearnEnv *env, ClusterMetric metric, const float *const *x, int d, const double *relevance,
							  int32_t n, double lambda, int32_t k, int32_t *chosen);

#endif							/* MMR_H */
