/*
 * matches.h
 *	  Queries, gallery and right answers where matches are evaluated.
 */
#ifndef DML_MATCHES_H
#define DML_MATCHES_H

#include "compat.h"

#include "learn/data/constraints.h"
#include "learn/measure/assess_constraints.h"
#include "read/matrix.h"
#include "read/tuples.h"

/* Rows of one side: some that were read with the constraints, then some of another source. */
typedef struct SideRows
{
	const Rows *rows;
	int64	   *index;
	int64		n;
	DmlMatrix  *more;		/* NULL: none; the caller frees it */
	int64	   *more_index;
	int64		n_more;
} SideRows;

/*
 * Choose queries and gallery, and fill in the task.
 * - side[0] becomes the distinct rows in the first place, max_queries of them, evenly spaced.
 * - side[1] becomes the distinct rows in the second place, then those rows of gallery (a source, or
 *   NULL; features: its expressions) that are not among them.
 * - Filled in of task: nq, ng, begin, right; grade if tuples have weights (of equal matches the
 *   largest); self with one input, and with an adapter, where it is the row of equal content
 *   (constraint_twin).
 *
 * Matches of a row with itself are left out. NOTICEs count them, and the queries that are in the
 * gallery. Error: no match is left.
 */
extern void matches_choose(const DmlTuples *tuples, bool adapter, const char *gallery, const char *features,
						   int64 max_queries, SideRows side[2], MatchTask *task);

#endif							/* DML_MATCHES_H */
