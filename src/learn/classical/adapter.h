/*
 * adapter.h
 *	  Closed forms for matches: a linear map of side a that meets side b, which stays as it is.
 */
#ifndef ADAPTER_H
#define ADAPTER_H

#include "classical.h"

/* Is it one of the methods of this file? */
extern bool adapter_is(const Method *method);

/*
 * Learn from matches index[0..n).  fit->model is that of side a, *model_b that of side b: the identity, or with the
 * plan's l2 and two towers, normalisation.  LEARN_DATA: there is one input.  LEARN_INVALID: more columns than MOMENTS_MAX_COV,
 * or dims that are not side b's.
 */
extern LearnStatus adapter_fit(LearnEnv *env, const LinearPlan *plan, const Constraints *matches, const int64_t *index,
							   int64_t n, LinearFit *fit, Model **model_b);

/* The map alone: weight (columns of b x columns of a). */
extern LearnStatus adapter_map(LearnEnv *env, const Method *method, double shrink, const Constraints *matches, const int64_t *index,
							   int64_t n, float *weight);

#endif							/* ADAPTER_H */
