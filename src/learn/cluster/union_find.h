/*
 * union_find.h
 *	  Sets of elements that are joined pair by pair (Tarjan 1975): union by size, path halving.
 *
 * The sets live in one array of the caller, which may grow by more elements at its end.  An element
 * with a parent >= 0 points to it; a root holds the size of its set, negated.
 */
#ifndef UNION_FIND_H
#define UNION_FIND_H

#include <stdint.h>

/* Elements first .. end - 1 become sets of one. */
extern void union_find_init(int32_t *parent, int32_t first, int32_t end);

/* The root of an element's set: equal for two elements that are in one set. */
extern int32_t union_find_root(int32_t *parent, int32_t i);

/* Join the sets of two elements. */
extern void union_find_join(int32_t *parent, int32_t a, int32_t b);

/* The size of the set of a root. */
static inline int32_t
union_find_size(const int32_t *parent, int32_t root)
{
	return -parent[root];
}

#endif							/* UNION_FIND_H */
