/*
 * constraint_fit.h
 *	  Gradient training on constraints.
 */
#ifndef CONSTRAINT_FIT_H
#define CONSTRAINT_FIT_H

#include "fit.h"
#include "learn/data/constraints.h"
#include "learn/data/views.h"

/* What a run learns from: constraints index[0..n). */
typedef struct ConstraintInput
{
	const Constraints *constraints;
	const int64_t *index;
	int64_t		n;
	const Views *views;			/* CONSTRAINT_NONE; else NULL */
	const Split *held_out;		/* what it holds out scores epochs; or NULL */
} ConstraintInput;

/* As fit_gradient. */
extern LearnStatus constraint_fit(LearnEnv *env, const ConstraintInput *input, const TrainOptions *options,
								  const FitPlan *plan, Fit *fit);

#endif							/* CONSTRAINT_FIT_H */
