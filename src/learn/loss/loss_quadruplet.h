/*
 * loss_quadruplet.h
 *	  The loss of quadruplets, and who is like whom in a batch of other constraints.
 *
 * Pairs, triplets, matches and views tell for some places of a batch's block whether they are
 * positive or negative, and for all others nothing; the losses of loss.h need no more.  Only
 * quadruplets compare two distances that have no row in common.
 */
#ifndef LOSS_QUADRUPLET_H
#define LOSS_QUADRUPLET_H

#include "loss.h"

/*
 * relation of a batch of n pairs (2n rows: the first places, then the second ones), or of
 * n triplets (3n rows): (2n x 2n), (3n x 3n), written in full.
 */
extern void relate_pairs(const int32_t *same, int n, int8_t *relation);
extern void relate_triplets(int n, int8_t *relation);

/*
 * n quadruplets: [d(a, b) - d(c, d) + margin]+, averaged over those above 0.  z and dz are 4n x
 * dims: all a, then all b, c, d.  NaN when a distance is not finite.
 */
extern real quadruplet_loss(double margin, const real *z, int n, int dims, real *dz);

#endif							/* GIVEN_LOSS_H */
