/*
 * linear.h
 *	  Closed forms: no learning, PCA, whitening and linear discriminant analysis.
 *	  Each gives a Model whose network is the identity or one linear layer, raw.
 */
#ifndef LINEAR_H
#define LINEAR_H

#include "learn/net/model.h"
#include "learn/data/rows.h"

#define LINEAR_MAX_WHITENED	4096	/* columns up to which an evaluation whitens */

/* A model of preprocessing and one layer with these weights (width x prep->out), raw. */
extern LearnStatus linear_model(LearnEnv *env, Prep *prep, const float *weight, int width, Model **model);

/* Have a model of this file divide its embedding by its length. */
extern void linear_normalise(Model *model);

/* The identity: distances as they are in the data. */
extern LearnStatus linear_none(LearnEnv *env, int d, Model **model);

/*
 * dims: columns of the result; 0, or more than there are: as many as carry variance (pca, whiten),
 * or as classes differ in (lda: at most classes - 1).  index[0..n): the rows to fit on, NULL: all.
 * Fewer rows than half of the columns, and more than MOMENTS_MAX_COV columns, go by the matrix of
 * the rows (gram.h).  Constant columns alone, or no difference at all, are LEARN_DATA.
 *
 * PCA of the centred data, directions by falling eigenvalue, the sign so that the
 * largest element of a direction is positive.
 */
extern LearnStatus linear_pca(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
							  int dims, Model **model);

/*
 * PCA of the standardised data, each direction divided by its standard deviation:
 * Euclidean becomes Mahalanobis, whatever units the columns have.
 */
extern LearnStatus linear_whiten(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
								 int dims, Model **model);

/*
 * Fisher's LDA: the directions in which class means differ most after the within-class
 * covariance has become the identity.  That covariance is shrunk as Ledoit and Wolf do
 * where rows are few or columns collinear.  Needs two classes at least and one class of
 * two rows (LEARN_DATA otherwise).
 */
extern LearnStatus linear_lda(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
							  int dims, Model **model);

#endif							/* LINEAR_H */
