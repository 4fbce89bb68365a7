/*
 * metric.h
 *	  From a Mahalanobis matrix to the weights of a linear layer.
 */
#ifndef METRIC_H
#define METRIC_H

#include "base/learn.h"

/*
 * a (d x d, symmetric, overwritten) is the matrix of a squared distance.  weight (*rank x d, *rank
 * <= most) becomes the map whose Euclidean distance is that one: the eigenvectors of a by falling
 * eigenvalue, each times its root, those below 1e-12 of the largest dropped.  LEARN_DATA: no
 * eigenvalue is above 0.
 */
extern LearnStatus metric_weights(LearnEnv *env, double *a, int d, int most, float *weight, int *rank);

/* a (d x d) = l^T l for l m x d. */
extern LearnStatus metric_of_factor(LearnEnv *env, const double *l, int m, int d, double *a);

/* a (n x n), in its place */
extern LearnStatus metric_transpose(LearnEnv *env, double *a, int n);

/* a (d x d) += factor on the diagonal */
extern void metric_add_diagonal(double *a, int d, double factor);

#endif							/* METRIC_H */
