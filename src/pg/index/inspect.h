/*
 * inspect.h
 *	  An index that a user names, to be looked at: dml_index_check() and dml_index_stats().
 */
#ifndef DML_INSPECT_H
#define DML_INSPECT_H

#include "tree.h"

/*
 * Open an index of this access method and its table, both locked so.  An error if it is another
 * relation, another access method's, partitioned, not valid, or another session's.
 */
extern Relation tree_inspect_open(Oid index_oid, LOCKMODE lock, Relation *heap);

/*
 * An error unless the user may read the table, or look at statistics by reading whole relations
 * (pg_stat_scan_tables).
 */
extern void tree_check_may_look(Relation heap);

/* Close both and let the locks go. */
extern void tree_inspect_close(Relation index, Relation heap, LOCKMODE lock);

#endif							/* DML_INSPECT_H */
