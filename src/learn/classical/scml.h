/*
 * scml.h
 *	  Sparse compositional metric learning: bases, the objective.
 */
#ifndef SCML_H
#define SCML_H

#include "solver.h"

typedef struct Scml
{
	const Points *points;
	int64_t		n;				/* triplets */
	const int32_t *place;		/* n x 3: anchor, positive, negative; places of points */
	const double *weight;		/* n, or NULL: all 1 */
	const real *basis;			/* bases x d */
	int			bases;
	double		sparsity;
	double		smooth;			/* width in which a hinge bends; 0: it has a corner */

	/* n x 2: numbers of the pairs below: anchor and positive, anchor and negative */
	int32_t    *pair;
	int64_t		pairs;			/* that differ, but for those that stand far apart */
	int32_t    *ends;			/* pairs x 2: places of points */
	double	   *distance;		/* pairs: squared, at the last evaluation */
	double	   *slope;			/* pairs: the objective's derivative by it */
	double		total;			/* of the weights */
	double	   *a;				/* d x d: the matrix of the last evaluation */
	double	   *scatter;
	real	   *narrow;
	real	   *y;				/* points x d: a times each */
	double	   *wide;			/* bases x d */
	double	   *scaled;
	double	   *v;				/* a block of differences */
	double	   *w;				/* the same, weighed */
} Scml;

/* Buffers for the functions above.  Loads BLAS. */
extern LearnStatus scml_create(LearnEnv *env, Scml *scml);

/* a = sum of u_b^2 b b^T, its products with all points, and the pairs' distances. */
extern LearnStatus scml_set_metric(LearnEnv *env, Scml *scml, const double *u);

/*
 * At u (bases): sparsity * sum of u^2 + mean over triplets (by weight) of h(1 + d_ap - d_an), d the
 * squared distance with the matrix sum of u_b^2 b b^T, h as in lmnn.h.  An LbfgsFunction; ctx is an
 * Scml.
 */
extern LearnStatus scml_evaluate(LearnEnv *env, void *ctx, const double *u, double *value, double *gradient);

/*
 * basis (*count x d, unit length): locally discriminative directions of labelled points, start as
 * in near.h, `wanted` at most. Discriminant analyses of the nearest rows of each class around
 * random rows, at two sizes; no more of them after the deadline.
 */
extern LearnStatus scml_local_basis(LearnEnv *env, const Points *points, const int64_t *start, int n_classes,
									int wanted, uint64_t seed, double deadline, real *basis, int *count);

/*
 * From triplets: eigenvectors, with eigenvalues above 0, of sums over random triplets of the outer
 * products of differences to negatives less those to positives.
 */
extern LearnStatus scml_triplet_basis(LearnEnv *env, const Scml *triplets, int wanted, uint64_t seed,
									  real *basis, int *count);

#endif							/* SCML_H */
