/*
 * eigen.h
 *	  Eigenvectors of a symmetric matrix in float64, in pieces that can be
 *	  cancelled: LAPACK's steps one by one up to 1,024 dimensions, randomised
 *	  subspace iteration (Halko, Martinsson and Tropp 2011) above.
 */
#ifndef EIGEN_H
#define EIGEN_H

#include "learn.h"

/*
 * The leading k eigenpairs of a (n x n, symmetric, overwritten): value[k] falling,
 * vector (k x n, a row an eigenvector, unit norm).
 */
extern LearnStatus eigen_symmetric(LearnEnv *env, double *a, int n, int k, double *value, double *vector);

#endif							/* EIGEN_H */
