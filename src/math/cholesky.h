/*
 * cholesky.h
 *	  Cholesky's factor of a symmetric positive definite matrix in float64, and
 *	  triangular systems with it.
 *
 * blas_load() first.  The factor is one call of LAPACK, in which the user cannot cancel: below a
 * second for 4,096 rows.
 */
#ifndef CHOLESKY_H
#define CHOLESKY_H

#include "base/learn.h"

/*
 * a (n x n, its lower triangle is read) becomes L with a = L L^T, zeros above.  *definite
 * is false, and a half done, when a pivot is not above tolerance times its element of
 * the diagonal.
 */
extern LearnStatus cholesky_factor(LearnEnv *env, double *a, int n, double tolerance, bool *definite);

/* x (n x m) becomes L^-1 x, or L^-T x. */
extern LearnStatus cholesky_solve(LearnEnv *env, const double *l, int n, bool transposed, double *x, int m);

#endif							/* CHOLESKY_H */
