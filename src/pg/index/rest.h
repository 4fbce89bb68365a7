/*
 * rest.h
 *	  Rows of a search that do not fit into work_mem.
 */
#ifndef DML_REST_H
#define DML_REST_H

#include "storage/itemptr.h"

typedef struct TreeRest TreeRest;

/* In the current memory context; tree_rest_end() closes its files. */
extern TreeRest *tree_rest_begin(void);
extern void tree_rest_end(TreeRest *rest);

/* Rows come in any order, then go in the order of the table ... */
extern void tree_rest_met(TreeRest *rest, ItemPointer tid);
extern bool tree_rest_row(TreeRest *rest, ItemPointer tid);

/* ... come back with their distances, and go in the order of these, equal ones by TID; late ones behind all others. */
extern void tree_rest_measured(TreeRest *rest, bool late, double distance, ItemPointer tid);
extern bool tree_rest_next(TreeRest *rest, ItemPointer tid);

#endif							/* DML_REST_H */
