/*
 * logdet.h
 *	  Minimise tr(A P) - log det A + sum over constraints of a smooth function of their squared
 *	  distances under A, over positive definite A: information-theoretic metric learning and LSML.
 */
#ifndef LOGDET_H
#define LOGDET_H

#include "solver.h"

/*
 * Constraint i at squared distances distance[0..pairs): its value, and slope[0..pairs) that value's
 * derivatives.
 */
typedef double (*LogDetLoss) (void *ctx, int64_t i, const double *distance, double *slope);

typedef struct LogDet
{
	const Points *points;
	const int32_t *place;		/* n x pairs x 2: places of points */
	int64_t		n;				/* constraints */
	int			pairs;			/* of points in one: 1 or 2 */
	LogDetLoss	loss;
	void	   *ctx;
} LogDet;

/*
 * The inverse of the prior: the identity, or the covariance of the points with 1e-6 of its mean
 * diagonal added to the diagonal, so that it is regular for rows of any rank.  p is d x d.
 */
extern LearnStatus logdet_prior(LearnEnv *env, const Points *points, int prior, double *p);

/*
 * From A = P^-1 to the minimum; a (d x d) gets it.  Time of an iteration: n d^2 + d^3; memory: some
 * d x d matrices, beside lbfgs.h's history.
 */
extern LearnStatus logdet_minimize(LearnEnv *env, const LinearPlan *plan, const LogDet *problem, const double *p,
								   double *a, LinearFit *fit);

/*
 * The objective at A = b^T b and its gradient by b (both d x d); INFINITY, and no gradient, where b
 * is singular.  It takes scratch from the arena.
 */
extern LearnStatus logdet_evaluate(LearnEnv *env, const LogDet *problem, const double *p, const double *b,
								   double *value, double *gradient);

#endif							/* LOGDET_H */
