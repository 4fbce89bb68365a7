/*
 * shrink.h
 *	  Shrinkage: between the metric that a method learns and the metric of the rows as they are.
 */
#ifndef SHRINK_H
#define SHRINK_H

#include "solver.h"

/*
 * The diagonal (prep->out) of the metric of the rows as they are, in the coordinates of job->prep;
 * its mean is 1.
 */
extern void shrink_target(const LinearJob *job, double *target);

/* scatter (d x d) becomes a mixture with the inverse of target, by the plan's shrink. */
extern void shrink_scatter(const LinearJob *job, const double *target, double *scatter);

/*
 * a (d x d), a learned squared distance, becomes a mixture with that of the rows as they are, by
 * the plan's shrink.
 */
extern LearnStatus shrink_metric(LearnEnv *env, const LinearJob *job, double *a);

#endif							/* SHRINK_H */
