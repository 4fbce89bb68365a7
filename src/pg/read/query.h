/*
 * query.h
 *	  The rows of a query, in sequence.  Every read of a source uses it.
 */
#ifndef DML_QUERY_H
#define DML_QUERY_H

#include "compat.h"

#include "utils/plancache.h"

typedef struct DmlQueryReader
{
	/*
	 * Checks what the query returns, before the first row: source->resultDesc, source->query_list.
	 * Its allocations live until the reading ends.
	 */
	void		(*check) (void *state, const CachedPlanSource *source);

	/*
	 * Takes a row.  It may write to values and nulls, and leave garbage in the current memory
	 * context.
	 */
	void		(*take) (void *state, Datum *values, bool *nulls);
	void	   *state;
	void		(*progress) (void *ctx, int64 rows);	/* rows so far; or NULL */
	void	   *ctx;

	/*
	 * The query again with each row's key behind its columns (dml_source_key), which the context of
	 * an error in take shows; NULL: there is none.
	 */
	const char *keyed;
	int			n_key;			/* columns of the key */

	/* Called after the last row, while the snapshot of the reading is active; or NULL. */
	void		(*after) (void *state);
} DmlQueryReader;

/*
 * Refuse a query whose targets are not computed row by row.  what: the user's expressions in it,
 * for messages ("features and label").
 */
extern void dml_query_check_targets(const CachedPlanSource *source, const char *what);

/*
 * Make a snapshot active that sees everything that was committed before the caller's locks were
 * granted: a new one in READ COMMITTED, else that of the transaction.  Of the changes of the
 * current transaction it sees those that the active snapshot saw.  The caller pops it.
 */
extern void dml_push_later_snapshot(void);

/*
 * Run a SELECT as the current user, read only, through a cursor, with interrupts checked.  It locks
 * the relations first and then takes the snapshot (dml_push_later_snapshot), because ALTER TABLE
 * may rewrite a table while the lock is waited for, and no older snapshot sees the new rows.
 * Returns for each column of the query whether any row had a value there.
 */
extern bool *dml_query_read(const char *query, const DmlQueryReader *reader);

/*
 * The sentence "\"a\" is NULL in every row.", with the names of the n columns that have no value in
 * any row.
 */
extern char *dml_null_columns_detail(const bool *has_value, const char *const *names, int n);

#endif							/* DML_QUERY_H */
