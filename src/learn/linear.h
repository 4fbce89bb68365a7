/*
 * linear.h
 *	  Closed forms: no learning, PCA, whitening and linear discriminant analysis.
 *	  Each gives a Model whose network is the identity or one linear layer, raw.
 */
#ifndef LINEAR_H
#define LINEAR_H

#include "model.h"
#include "rows.h"

/* The identity: distances as they are in the data. */
extern LearnStatus linear_none(LearnEnv *env, int d, Model **model);

/*
 * dims: columns of the result; 0: as many as carry variance (pca, whiten), or
 * min(classes - 1, d) (lda).  index[0..n): the rows to fit on, NULL: all.
 *
 * PCA of the centred data, directions by falling eigenvalue, the sign so that the
 * largest element of a direction is positive.
 */
extern LearnStatus linear_pca(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
							  int dims, Model **model);

/* The same, each direction divided by its standard deviation: Euclidean becomes Mahalanobis. */
extern LearnStatus linear_whiten(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
								 int dims, Model **model);

/*
 * Fisher's LDA, within-class covariance whitened (Ledoit-Wolf shrinkage where rows
 * are few), scaled so that the within-class scatter is the identity.  Needs at least two classes and
 * one class of two rows (LEARN_DATA otherwise).
 */
extern LearnStatus linear_lda(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
							  int dims, Model **model);

#endif							/* LINEAR_H */
