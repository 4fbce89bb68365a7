/*
 * fit_views.h
 *	  The self-supervised term beside a loss of labels: two views of rows, with a label or without.
 */
#ifndef FIT_VIEWS_H
#define FIT_VIEWS_H

#include "stepper.h"

typedef struct FitViews FitViews;

/*
 * The number of rows for which a step needs a tower, for views of rows index[0..n) and of those
 * without a label.
 */
extern int	fit_views_tape(const Rows *rows, int64_t n);

/* All must stay where it is. */
extern LearnStatus fit_views_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
									const TrainOptions *options, const Stepper *stepper, FitViews **views);

/*
 * Send views of the next rows through the first tower of the stepper. Adds the option unlabeled
 * times the loss to *loss, and its gradient to that of the stepper.
 */
extern LearnStatus fit_views_step(LearnEnv *env, FitViews *views, Stepper *stepper, double *loss);

#endif							/* FIT_VIEWS_H */
