/*
 * matches.h
 *	  Which rows ask and which are searched where matches are evaluated.
 */
#ifndef DML_MATCHES_H
#define DML_MATCHES_H

#include "compat.h"

#include "learn/data/constraints.h"
#include "learn/measure/assess_constraints.h"
#include "read/matrix.h"
#include "read/tuples.h"

/* Rows of one side: some of what was read with the constraints, then some of another source. */
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
 * side[0]: the different rows in the first place, max_queries of them, evenly spaced.  side[1]: the different rows in
 * the second place, and those of gallery (a source, or NULL; features: its expressions) that are none of these.
 * task: nq, ng, begin, right, grade (where tuples have weights: of equal matches the largest), self (with one input, and
 * with an adapter the rows of equal content: constraint_twin).  A match of a row with itself is left out.  NOTICEs count
 * such matches and the queries that are in the gallery.  Errors: no match is left.
 */
extern void matches_choose(const DmlTuples *tuples, bool adapter, const char *gallery, const char *features,
						   int64 max_queries, SideRows side[2], MatchTask *task);

#endif							/* DML_MATCHES_H */
