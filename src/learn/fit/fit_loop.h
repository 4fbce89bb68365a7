/*
 * fit_loop.h
 *	  The loop of gradient training, whatever is trained on: the schedule, the held-out
 *	  score after each epoch, the best weights, reports, the end.
 */
#ifndef FIT_LOOP_H
#define FIT_LOOP_H

#include "fit.h"

/* What is trained.  ctx is handed to each function. */
typedef struct FitTask
{
	void	   *ctx;
	int64_t		per_epoch;		/* steps */
	/* the networks whose best weights are kept; the second may be NULL */
	Net		   *net[2];

	/* one step at this learning rate; its loss to *loss */
	LearnStatus (*step) (LearnEnv *env, void *ctx, double lr, double *loss);

	int64_t		judged;			/* held-out rows, where the score of each is kept (FitPlan.each) */

	/* The held-out score of the weights as they are. NULL: there is none. NaN: nothing to score. */
	LearnStatus (*score) (LearnEnv *env, void *ctx, HeldOutScore *found);
} FitTask;

/*
 * Runs plan->stop_after epochs, or fewer because of patience or the deadline. Fills all of fit
 * except model and network. The caller allocates fit->history (plan->stop_after records) and
 * fit->each (as many times task->judged, or NULL). The networks end with the weights of the best
 * epoch, or the last ones without a score.
 */
extern LearnStatus fit_loop(LearnEnv *env, const TrainOptions *options, const FitPlan *plan,
							const FitTask *task, Fit *fit);

/* Report a loss that is not a number, with advice. */
extern LearnStatus fit_check_loss(LearnEnv *env, const FitPlan *plan, double loss);

#endif							/* FIT_LOOP_H */
