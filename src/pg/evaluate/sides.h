/*
 * sides.h
 *	  Which network of a model embeds which side of a pair.
 */
#ifndef DML_SIDES_H
#define DML_SIDES_H

#include "compat.h"

#include "model/model.h"
#include "read/tuples.h"

typedef struct PairSides
{
	const DmlVersion *version;
	const DmlVersion *side[2];	/* embed either side; second NULL: an adapter, side b stays */
	int			width[2];		/* numbers that a row of either side has */
} PairSides;

/* The sides of a model, which is pinned. */
extern void sides_of_model(const char *model, PairSides *sides);

/* Are both sides embedded by one network? */
extern bool sides_are_one(const PairSides *sides);

/*
 * Read constraints whose first two places are the sides. Sets the inputs and embedded of source.
 * Errors beside those of dml_tuples_read: rows of another width than the model takes; with an
 * adapter, vectors of another space than it learned to meet.
 */
extern DmlTuples *sides_read(const PairSides *sides, DmlTupleSource *source);

#endif							/* DML_SIDES_H */
