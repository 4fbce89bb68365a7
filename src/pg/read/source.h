/*
 * source.h
 *	  The source of rows that a user names: a relation or a query.
 */
#ifndef DML_SOURCE_H
#define DML_SOURCE_H

#include "compat.h"

/*
 * The text to write after FROM to read source.  Text that begins, after white space and comments,
 * with SELECT, WITH, VALUES, TABLE or a parenthesis is a query.  It comes back in parentheses with
 * the alias "source".  It is one SELECT, and nothing in it can end the parentheses early.  Any
 * other text names a table, view, materialised view, partitioned or foreign table as in SQL.  The
 * name is looked up by search_path and comes back qualified.  Errors: no such relation, a relation
 * that holds no rows, syntax.
 */
extern char *dml_source_from(const char *source);

/* The relation that source names; InvalidOid: it is a query. */
extern Oid	dml_source_relation(const char *source);

/*
 * Columns to append to a query, ", \"id\"", that identify the source's rows: the primary key of a
 * table whose columns the current user may read; else "".  n: how many.
 */
extern char *dml_source_key(const char *source, int *n);

#endif							/* DML_SOURCE_H */
