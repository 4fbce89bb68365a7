/*
 * sdml.h
 *	  Sparse distance metric learning: the pairs' matrix, the objective, the solver.
 */
#ifndef SDML_H
#define SDML_H

#include "solver.h"

/* s (d x d) = sum over pairs of weight * (1 if same, else -1) * v v^T.  blas_load() first. */
extern LearnStatus sdml_pairs(LearnEnv *env, const Points *points, const Constraints *c, const int32_t *place, double *s);

/*
 * tr(s a) - log det a + sparsity * sum of |a_ij|, i != j; INFINITY where a is not positive
 * definite.
 */
extern LearnStatus sdml_value(LearnEnv *env, const double *s, const double *a, int d, double sparsity, double *value);

/* The minimum, for s positive definite; a (d x d) gets it. */
extern LearnStatus sdml_minimize(LearnEnv *env, const LinearPlan *plan, const double *s, int d, double *a, LinearFit *fit);

#endif							/* SDML_H */
