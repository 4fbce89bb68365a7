/*
 * loss_sum.h
 *	  A weighted sum of losses over the same embeddings, as training sees it; one loss is a
 *	  sum of one term.
 */
#ifndef LOSS_SUM_H
#define LOSS_SUM_H

#include "loss.h"

typedef struct LossTerm
{
	const Loss *loss;
	LossParams	params;
	double		weight;
	/* learning rate of what the loss learns, as a multiple of the network's */
	double		rate;
} LossTerm;

typedef struct LossSum LossSum;

extern LearnStatus loss_sum_create(LearnEnv *env, const LossTerm *terms, int n_terms, const LossShape *shape,
								   LossSum **sum);

/* All numbers that the terms learn, in the order of the terms: how many, and their first values. */
extern size_t loss_sum_learned(const LossSum *sum);
extern void loss_sum_start(const LossSum *sum, Rng *rng, real *learned);

/* The part of it that is term i's, and its rate; false: there is no term i. */
extern bool loss_sum_part(const LossSum *sum, int i, size_t *first, size_t *count, double *rate);

/* As loss_remember() for every term. */
extern void loss_sum_remember(LossSum *sum);

/* As loss_evaluate(): NaN with gradients of 0 if any term is NaN. */
extern real loss_sum_evaluate(LossSum *sum, const LossBatch *batch, const real *learned, real *dlearned);

#endif							/* LOSS_SUM_H */
