/*
 * nearest.h
 *	  The nearest rows of many queries, by the distance that the operator <-> gives.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include "base/learn.h"

typedef struct NearestTask
{
	const float *query;			/* nq x d finite floats */
	int64_t		nq;
	const float *gallery;		/* n x d finite floats, d at least 1 */
	int64_t		n;				/* at most INT32_MAX */
	int			d;
	int			k;				/* at least 1 */
	bool		self;			/* query i is row i, and not a neighbour of itself */
	/* n: which of equally distant rows comes first; NULL: the row's number */
	const int32_t *rank;
} NearestTask;

/* How many neighbours each query has: k, or all rows if there are fewer. */
extern int	nearest_count(const NearestTask *task);

/*
 * The nearest rows of each query, nearest first: row and distance are nq x nearest_count().  The
 * result does not depend on the order of the gallery if the ranks differ.  Every row is looked at,
 * by blocks of matrix products; distances are those of distance_l2().  Takes about 5 MB of the
 * arena, and 4 bytes for each query.  Loads BLAS unless a count is 0.
 */
extern LearnStatus nearest_rows(LearnEnv *env, const NearestTask *task, int32_t *row, double *distance);

#endif							/* NEAREST_H */
