/*
 * fit_views.h
 *	  The self-supervised term beside a loss of labels: two views of rows, with a label or without.
 */
#ifndef FIT_VIEWS_H
#define FIT_VIEWS_H

#include "learn/net/net.h"
#include "learn/methods/options.h"
#include "learn/data/prep.h"
#include "learn/data/rows.h"

typedef struct FitViews FitViews;

/* Rows of the network's tape that a step needs, for views of rows index[0..n) and of those without a label. */
extern int	fit_views_tape(const Rows *rows, int64_t n);

/* All must stay where it is. */
extern LearnStatus fit_views_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
									const TrainOptions *options, const Prep *prep, const Net *net, FitViews **views);

/* The next rows' views through the network; adds the option unlabeled times the loss to *loss, and its gradient to grad. */
extern LearnStatus fit_views_step(LearnEnv *env, FitViews *views, NetTape *tape, Rng *dropout, float *grad, double *loss);

#endif							/* FIT_VIEWS_H */
