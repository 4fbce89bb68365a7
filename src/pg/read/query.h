/*
 * query.h
 *	  A query's rows, one after the other: what all reading of a source goes through.
 */
#ifndef DML_QUERY_H
#define DML_QUERY_H

#include "compat.h"

#include "utils/plancache.h"

typedef struct DmlQueryReader
{
	/* What the query returns, before the first row: source->resultDesc, source->query_list.  What it allocates lives as long as the reading. */
	void		(*check) (void *state, const CachedPlanSource *source);

	/* A row; it may write to values and nulls, and leave garbage in the current memory context. */
	void		(*take) (void *state, Datum *values, bool *nulls);
	void	   *state;
	void		(*progress) (void *ctx, int64 rows);	/* rows so far; or NULL */
	void	   *ctx;
} DmlQueryReader;

/* Refuse a query whose targets are not computed row by row; what ("features and label") are the user's expressions in it. */
extern void dml_query_check_targets(const CachedPlanSource *source, const char *what);

/*
 * Run a SELECT as the current user, read only, on the active snapshot, through a cursor, with interrupts checked.
 */
extern void dml_query_read(const char *query, const DmlQueryReader *reader);

#endif							/* DML_QUERY_H */
