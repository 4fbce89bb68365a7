/*
 * constraint_fit.h
 *	  Gradient training on constraints.
 */
#ifndef CONSTRAINT_FIT_H
#define CONSTRAINT_FIT_H

#include "fit.h"
#include "learn/data/constraints.h"
#include "learn/data/views.h"

/* One run of a gradient method on constraints index[0..n); split NULL: no held-out score. */
extern LearnStatus constraint_fit(LearnEnv *env, const Constraints *constraints, const int64_t *index, int64_t n,
							 const TrainOptions *options, const FitPlan *plan, const Views *views,
							 const Split *split, Fit *fit);

#endif							/* CONSTRAINT_FIT_H */
