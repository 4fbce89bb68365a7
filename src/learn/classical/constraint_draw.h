/*
 * constraint_draw.h
 *	  Constraints drawn from labels, and what is wrong with constraints.
 *
 * The classical methods that learn from constraints do so from these and from nothing else: where a
 * user has labels, constraints are drawn from them and the same solver is called.
 */
#ifndef CONSTRAINT_DRAW_H
#define CONSTRAINT_DRAW_H

#include "learn/data/constraints.h"

/*
 * LEARN_DATA: no constraint at all, no weight above 0, or constraints that cannot be
 * learned from: pairs all same or all different, no chunklet of two rows.  LEARN_INVALID: a row
 * number that rows has not got, or a weight that is negative or not finite.
 */
extern LearnStatus constraints_check(LearnEnv *env, const Rows *rows, const Constraints *c);

/*
 * Draw constraints from the labels of rows index[0..n) (NULL: all).  Pairs: count of rows of one
 * class and count of two classes.  Triplets: count, an anchor, another row of its class, a row of
 * another. Quadruplets: count, two of a class, and two of different classes.  Chunklets: the
 * classes of two rows and more, whole; count is not read. A row is drawn with the same chance,
 * whatever the size of its class; the two rows of a constraint differ, no pair is drawn twice, and
 * there are fewer constraints where the rows do not give as many. LEARN_DATA: fewer than two
 * classes, or no class of two rows.
 */
extern LearnStatus constraints_from_labels(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
										   ConstraintKind kind, int64_t count, uint64_t seed, Constraints *c);

#endif							/* CONSTRAINT_DRAW_H */
