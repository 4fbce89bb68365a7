/*
 * sampler.h
 *	  Class-balanced batches: P classes x K rows, and their hard negatives.
 *
 * A batch draws distinct classes with a weight of rows^(1 - balance) each, and K rows of each
 * without repetition within the batch; the rows of a class come round in shuffled
 * order, so each is seen before one is seen again.  Where all classes fit into a batch,
 * all are in it, with shares by the same weights.  balance 0.5 is square-root sampling
 * (Mahajan et al. 2018, arXiv 1805.00932).  A class with fewer rows gives what it has; a class of one row is
 * drawn as well, as a negative of the others.
 *
 * Where rows name hard negatives (Rows.hard_negatives), a share of the batch is kept for these: the rows drawn as above
 * are anchors, and each in turn brings one of its hard negatives, drawn at random from the ones that are among
 * the rows to draw from and not in the batch yet.  Places that are left over go to further rows of classes drawn by weight.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include "base/rng.h"
#include "rows.h"

typedef struct Sampler Sampler;

/*
 * batch >= 2 rows at most, per_class: K.  index[0..n): the rows to draw from.  hard_share, below 1: of the batch,
 * for hard negatives; means nothing without Rows.hard_negatives.
 */
extern LearnStatus sampler_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
								  int batch, int per_class, double balance, double hard_share, uint64_t seed,
								  Sampler **sampler);

/* Steps in which as many rows are drawn as there are. */
extern int64_t sampler_steps(const Sampler *sampler);

/* The next batch: row numbers to row (batch of them at most); returns how many. */
extern int	sampler_next(Sampler *sampler, int64_t *row);

#endif							/* SAMPLER_H */
