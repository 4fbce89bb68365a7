/*
 * eigen.h
 *	  Eigenvectors of a symmetric matrix in float64, by LAPACK.
 *
 * Divide and conquer is one call, in which the user cannot cancel: about two seconds for 4,096
 * rows.  Everything else is done in pieces of milliseconds.
 */
#ifndef EIGEN_H
#define EIGEN_H

#include "base/learn.h"

/*
 * The leading k eigenpairs of a (n x n, symmetric, finite, overwritten), 0 <= k <= n: value[k]
 * falling, vector (k x n, a row an eigenvector, unit norm, its largest element
 * positive).  Loads BLAS; needs memory for some four such matrices beside a.
 */
extern LearnStatus eigen_symmetric(LearnEnv *env, double *a, int n, int k, double *value, double *vector);

/* Of each row of a (rows x n) and its opposite the one whose largest element is positive. */
extern void eigen_fix_signs(double *a, int rows, int n);

#endif							/* EIGEN_H */
