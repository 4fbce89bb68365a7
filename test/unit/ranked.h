/*
 * ranked.h
 *	  Rows in the order of their distances, equal ones by number: what searches are held against.
 */
#ifndef RANKED_H
#define RANKED_H

#include <stdint.h>

typedef struct Ranked
{
	double		distance;
	int64_t		row;
} Ranked;

/* For qsort(). */
static inline int
compare_ranked(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

#endif							/* RANKED_H */
