/*
 * tsne.h
 *	  t-SNE: rows in the plane, near each other if they are neighbours in their space (van der
 *	  Maaten and Hinton 2008).
 *
 * The exact method: every pair of rows counts. Distances between groups, and how dense a group is,
 * mean nothing in the result.
 */
#ifndef TSNE_H
#define TSNE_H

#include "base/learn.h"

#define TSNE_MAX_ROWS	5000

/*
 * at (n x 2) holds where the rows begin, in any scale, and gets where they end. x: n x d, finite,
 * 1 <= n <= TSNE_MAX_ROWS. The seed moves the beginning a little, so that equal rows come apart.
 * The same input and seed give the same result. Memory: 4 n^2 bytes. Time: 750 passes over all
 * pairs.
 */
extern LearnStatus tsne(LearnEnv *env, const float *x, int64_t n, int d, double perplexity, uint64_t seed, float *at);

#endif							/* TSNE_H */
