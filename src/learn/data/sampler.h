/*
 * sampler.h
 *	  Class-balanced batches: P classes x K rows, and their hard negatives.
 *
 * A batch draws distinct classes with a weight of rows^(1 - balance) each, and K rows of each
 * class, no row twice. The rows of a class come round in shuffled order, so each is seen before
 * one is seen again. If all classes fit into a batch, all are in it, with shares by these weights.
 * balance 0.5 is square-root sampling (Mahajan et al. 2018, arXiv 1805.00932). A class with fewer
 * than K rows gives all it has. A class of one row is drawn as well, as a negative of the others.
 *
 * If rows have hard negatives (Rows.hard_negatives), a share of the batch is kept for them. The
 * rows that are drawn as above are anchors. Each in turn brings one of its hard negatives, drawn
 * at random from those that may be drawn and are not in the batch yet. Places that are left over
 * go to more rows of classes drawn by weight.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include "base/rng.h"
#include "rows.h"

typedef struct Sampler Sampler;

/*
 * batch: the most rows, at least 2. per_class: K. index[0..n): the rows to draw from. hard_share,
 * below 1: the share of the batch for hard negatives; ignored without Rows.hard_negatives.
 */
extern LearnStatus sampler_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
								  int batch, int per_class, double balance, double hard_share, uint64_t seed,
								  Sampler **sampler);

/* The number of steps in which as many rows are drawn as there are. */
extern int64_t sampler_steps(const Sampler *sampler);

/* Draw the next batch: row numbers to row (at most batch of them). Returns how many. */
extern int	sampler_next(Sampler *sampler, int64_t *row);

#endif							/* SAMPLER_H */
