/*
 * fit_views.h
 *	  The self-supervised term beside a loss of labels: two views of rows, with a label or without.
 */
#ifndef FIT_VIEWS_H
#define FIT_VIEWS_H

#include "stepper.h"

typedef struct FitViews FitViews;

/* Rows of a tower that a step needs, for views of rows index[0..n) and of those without a label. */
extern int	fit_views_tape(const Rows *rows, int64_t n);

/* All must stay where it is. */
extern LearnStatus fit_views_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
									const TrainOptions *options, const Stepper *stepper, FitViews **views);

/*
 * The next rows' views through the stepper's first tower; adds the option unlabeled times the loss to *loss, and its
 * gradient to the stepper's.
 */
extern LearnStatus fit_views_step(LearnEnv *env, FitViews *views, Stepper *stepper, double *loss);

#endif							/* FIT_VIEWS_H */
