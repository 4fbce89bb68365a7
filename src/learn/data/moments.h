/*
 * moments.h
 *	  Mean, variance and covariance of rows that are streamed in chunks, in float64.
 */
#ifndef MOMENTS_H
#define MOMENTS_H

#include "base/learn.h"
#include "rows.h"

/* A covariance matrix has d * d float64 numbers: 128 MB at most. */
#define MOMENTS_MAX_COV		4096

typedef struct Moments
{
	int64_t		n;
	int			d;
	int			n_constant;
	bool		balanced;		/* of the rows: a constant column is no surprise */
	int			n_rounding;		/* constant columns that have two values or more */
	bool	   *constant;		/* d: varies no more than float can tell apart */
	double	   *mean;			/* d */
	double	   *var;			/* d: divided by n; 0 where constant */
	double	   *cov;			/* d x d, divided by max(n - 1, 1); rows and columns 0 where
								 * constant; or NULL */
} Moments;

/*
 * The moments of rows index[0..n) (NULL: all of them, n is not read) and of all rows without a
 * label. LEARN_DATA: there is no row. With a covariance d is at most MOMENTS_MAX_COV (else
 * LEARN_INVALID), and BLAS is loaded.
 */
extern LearnStatus moments_fit(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
							   bool with_cov, Moments *moments);

/* LEARN_DATA if no column varies. A notice if some do not. */
extern LearnStatus moments_check(LearnEnv *env, const Moments *moments);

/* Rows that are read at once: some milliseconds of reading, some megabytes. */
extern int	moments_chunk(int d);

/*
 * Tiles that cover the upper triangle: sum (d x d) += v^T v for v (count x d), where count is at
 * most a chunk.
 */
extern LearnStatus moments_add_products(LearnEnv *env, const double *v, int count, int d, double *sum);

/* Fill the lower triangle of a (d x d) from the upper one. */
extern LearnStatus moments_mirror(LearnEnv *env, double *a, int d);

#endif							/* MOMENTS_H */
