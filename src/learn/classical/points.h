/*
 * points.h
 *	  Rows prepared for a solver that reads them again and again: preprocessed, in memory.
 */
#ifndef POINTS_H
#define POINTS_H

#include "constraint_draw.h"
#include "learn/data/prep.h"
#include "learn/data/rows.h"

typedef struct Points
{
	int64_t		n;
	int			d;
	real	   *x;				/* n x d */
	int64_t    *row;			/* n: their numbers */
} Points;

/*
 * The rows that constraints name; place (c->n x constraint_size) gets each one's place among them.
 * Constraints whose rows do not fit into memory are left out, a notice says so: *c is then shorter.
 */
extern LearnStatus points_of_constraints(LearnEnv *env, const Rows *rows, const Prep *prep, Constraints *c,
										 Points *points, int32_t **place);

#endif							/* POINTS_H */
