/*
 * lbfgs.h
 *	  Minimise a function of many variables from its value and gradient, in float64:
 *	  limited-memory BFGS (Nocedal 1980; Liu and Nocedal 1989) with a line search that asks for
 *	  Armijo's condition and the weak Wolfe condition, by bisection (Lewis and Overton 2013), and so
 *	  also copes with functions whose gradient jumps, as hinge losses'.
 */
#ifndef LBFGS_H
#define LBFGS_H

#include "base/learn.h"

/*
 * value and gradient (n) at x (n).  A value that is not finite says that x is outside of where the
 * function is defined; the gradient is then not read.
 */
typedef LearnStatus (*LbfgsFunction) (LearnEnv *env, void *ctx, const double *x, double *value, double *gradient);

typedef struct LbfgsPlan
{
	int			iterations;		/* at most */
	/* stop when two iterations in a row gain less than this share of max(|value|, scale) */
	double		tolerance;
	double		scale;			/* 0: 1 */
	/* share of the same that is rounding: steps that promise less are not tried */
	double		noise;
	double		deadline;		/* of env->now; INFINITY: none */
	/* or NULL */
	void		(*iterated) (LearnEnv *env, void *ctx, int iteration, double value);
} LbfgsPlan;

typedef struct LbfgsResult
{
	double		value;
	int			iterations;
	int			evaluations;
	bool		converged;
	bool		cut;			/* by the deadline */
} LbfgsResult;

/*
 * From x (n) to the best x found.  The value never rises.  Memory: about 24 vectors of n.
 * LEARN_DIVERGED if the value at the start is not finite.
 */
extern LearnStatus lbfgs_minimize(LearnEnv *env, LbfgsFunction function, void *ctx, size_t n, double *x,
								  const LbfgsPlan *plan, LbfgsResult *result);

#endif							/* LBFGS_H */
