/*
 * gram.h
 *	  Few rows of many columns: the matrix of the rows' inner products in place of the covariance
 *	  of the columns.
 *
 * With X the n centred rows (n x d), the covariance X^T X and the Gram matrix X X^T have the same
 * eigenvalues except zeros, and if u is an eigenvector of X X^T, X^T u is one of X^T X.  So
 * n^2 numbers take the place of d^2.
 */
#ifndef GRAM_H
#define GRAM_H

#include "base/learn.h"
#include "rows.h"

typedef struct Gram
{
	const Rows *rows;
	int			d;
	const double *mean;			/* d */
	const double *factor;		/* d: a column is multiplied by it after the mean is taken off */
	int			n;				/* rows that are used */
	int64_t    *index;			/* n: their numbers, for Rows.fetch */
	double	   *a;				/* n x n: inner products of (x - mean) * factor */
} Gram;

/* Is the Gram matrix of n rows to be preferred to the covariance of d columns? */
extern bool gram_preferred(int64_t n, int d);

/*
 * Make the matrix of rows index[0..n) (NULL: all of them, n is not read) and, with unlabeled, of
 * the rows without a label. If it does not fit into memory, an even sample of the rows is used, and
 * a notice says so. mean and factor stay the property of the caller. Loads BLAS.
 */
extern LearnStatus gram_fit(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, bool unlabeled,
							const double *mean, const double *factor, Gram *gram);

/*
 * out (k x d): row i is the sum over the rows r of coefficient[r * k + i] * (x_r - mean) * factor,
 * with the sign that makes its largest element positive.
 */
extern LearnStatus gram_combine(LearnEnv *env, const Gram *gram, const double *coefficient, int k, float *out);

/*
 * The leading directions of the rows (out, *rank x d, *rank <= most): eigenvectors of the
 * covariance, divided by max(rows - 1, 1). value (most) gets their eigenvalues, falling, down to
 * tolerance times the first. The directions have unit length, or unit variance along them.
 * LEARN_DATA: there is none. Overwrites gram->a.
 */
extern LearnStatus gram_directions(LearnEnv *env, Gram *gram, int most, double tolerance, bool unit_variance,
								   double *value, float *out, int *rank);

#endif							/* GRAM_H */
