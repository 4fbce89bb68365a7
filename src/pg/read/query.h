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

	/*
	 * The query once more with the key of each row behind its columns (dml_source_key), which the context of an
	 * error in take names; NULL: there is none.
	 */
	const char *keyed;
	int			n_key;			/* columns of the key */
} DmlQueryReader;

/* Refuse a query whose targets are not computed row by row; what ("features and label") are the user's expressions in it. */
extern void dml_query_check_targets(const CachedPlanSource *source, const char *what);

/*
 * Make a snapshot active that sees all that was committed before the locks that the caller holds
 * were granted: in READ COMMITTED a new one, else that of the transaction.  Of the current
 * transaction's own changes it sees what the active snapshot saw.  The caller pops it.
 */
extern void dml_push_later_snapshot(void);

/*
 * Run a SELECT as the current user, read only, through a cursor, with interrupts checked.  Its
 * relations are locked first, then the snapshot is taken (dml_push_later_snapshot): ALTER TABLE
 * may rewrite a table while the lock is waited for, and no older snapshot sees the new rows.
 * Returns for each column of the query whether any row had a value there.
 */
extern bool *dml_query_read(const char *query, const DmlQueryReader *reader);

/* "Feature \"a\" is NULL in every row.": the first n columns by name of those that have no value anywhere. */
extern char *dml_null_columns_detail(const bool *has_value, const char *const *names, int n);

#endif							/* DML_QUERY_H */
