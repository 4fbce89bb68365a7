/*
 * loss_reference.h
 *	  Holds loss_evaluate against test/data/loss_reference.txt, what
 *	  pytorch-metric-learning computes (make_loss_reference.py there has the format).
 */
#ifndef LOSS_REFERENCE_H
#define LOSS_REFERENCE_H

#include "loss_naive.h"

/*
 * All cases of the file: values within tolerance relative to themselves, gradients
 * relative to their largest element.  Returns the number of cases.
 */
extern int	check_loss_reference(LearnEnv *env, double tolerance);

#endif							/* LOSS_REFERENCE_H */
