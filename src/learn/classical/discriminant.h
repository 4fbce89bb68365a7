/*
 * discriminant.h
 *	  The directions in which one scatter is largest against another: what linear discriminant
 *	  analysis, relevant component analysis and local Fisher discriminant analysis share.
 */
#ifndef DISCRIMINANT_H
#define DISCRIMINANT_H

#include "base/learn.h"
#include "learn/data/prep.h"
#include "learn/data/rows.h"

typedef struct Discriminant
{
	int			d;
	double	   *within;			/* d x d, overwritten with the factor of what it was taken for */
	double	   *between;		/* d x d, overwritten */
	const float *scale;			/* d: 0 where a column is constant, and both scatters are zero */
	/* columns that vary: over them the mean of within's diagonal is taken */
	int			varying;
	bool		trusted;		/* within is of rows enough: it is shrunk only if it is singular */
	double		shrinkage;		/* share of the identity otherwise */
} Discriminant;

/*
 * The leading directions w (vector, *rank x d, *rank <= most) with w^T within w = 1 and value = w^T
 * between w falling, down to tolerance times the first.  The largest element of each is positive.
 * LEARN_DATA: within is zero.  *rank is 0 if between is.  blas_load() first.
 */
extern LearnStatus discriminant_directions(LearnEnv *env, Discriminant *problem, int most, double tolerance,
										   double *value, double *vector, int *rank);

/*
 * Those of linear discriminant analysis: classes against their means, in the units of prep, whose
 * output is as wide as the rows.  *vector is *rank x prep->out, *rank at most `most` and the number
 * of classes less one, *used the rows that were used.  LEARN_DATA: no two means differ.
 */
extern LearnStatus lda_directions(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, int most,
								  const Prep *prep, double **vector, int *rank, int64_t *used);

#endif							/* DISCRIMINANT_H */
