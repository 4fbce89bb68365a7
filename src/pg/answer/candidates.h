/*
 * candidates.h
 *	  Candidates of a query, which window functions put in another order: the rows of a partition,
 *	  with an embedding and the distance to the query.
 */
#ifndef DML_CANDIDATES_H
#define DML_CANDIDATES_H

#include "compat.h"

#include "windowapi.h"

#include "answer/cluster_task.h"

/* Rows of a partition that have an embedding and a distance, and a direction under cosine. */
typedef struct Candidates
{
	int32		n;
	int32		rows;			/* of the partition */
	int32	   *place;			/* in the partition */
	const float **x;
	double	   *distance;
	int			d;
	size_t		bytes;
} Candidates;

/*
 * Read them, arguments 0 and 1 of the window function, into the current memory context.  Errors: an
 * infinite distance, two spaces or numbers of dimensions, more than work_mem (what: what needs it),
 * more than INT32_MAX rows.
 */
extern Candidates candidates_read(WindowObject window, ClusterMetric metric, const char *what);

/* A weight from 0 to 1 at the current row.  Errors: another number; NULL. */
extern double candidates_lambda(WindowObject window, int i);

/* The metric at the current row; NULL: L2. */
extern ClusterMetric candidates_metric(WindowObject window, int i);

#endif							/* DML_CANDIDATES_H */
