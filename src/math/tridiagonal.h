/*
 * tridiagonal.h
 *	  Eigenvectors of a symmetric tridiagonal matrix by divide and conquer, in pieces
 *	  between which the user can cancel.
 */
#ifndef TRIDIAGONAL_H
#define TRIDIAGONAL_H

#include "base/learn.h"

/*
 * diagonal (n) and off (n - 1), elements of about 1 at most.  diagonal becomes the eigenvalues,
 * rising, off is lost; the last k rows of vector (n x n) become the unit eigenvectors of the k largest,
 * row by row as in diagonal; the other rows are undefined.  blas_load() first.
 */
extern LearnStatus tridiagonal_eigen(LearnEnv *env, double *diagonal, double *off, int n, int k, double *vector);

#endif							/* TRIDIAGONAL_H */
