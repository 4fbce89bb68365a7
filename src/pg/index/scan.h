/*
 * scan.h
 *	  A search in progress: what its files share (scan.c).
 */
#ifndef DML_SCAN_H
#define DML_SCAN_H

#include "access/relscan.h"
#include "lib/pairingheap.h"

#include "walk.h"

typedef struct TreeRest TreeRest;

/* A condition dml_within() */
typedef struct Ball
{
	const DmlVector *center;
	double		radius;
} Ball;

typedef struct Found
{
	pairingheap_node node;		/* of exact searches */
	double		distance;
	ItemPointerData tid;
} Found;

/*
 * An approximate search's stages are for 10, 32, 102 ... rows, so that the usual limits are ends
 * of stages.
 */
#define TREE_FIRST_STAGE	10
#define TREE_STAGE_GROWTH	3.2

/* The memory of a row in a stage: as a survivor, measured, returned. */
#define TREE_ROW_BYTES		(2 * sizeof(SearchItem) + sizeof(Found) + sizeof(ItemPointerData))

typedef struct TreeScan
{
	MemoryContext context;		/* of a search; reset with each rescan */
	MemoryContext stage_context;	/* of a stage, or of an exact search */
	TreeFetch  *fetch;
	TreeCounts	counts;			/* of all its rescans */
	double		recall;
	bool		started;
	bool		nothing;		/* no row, or a NULL query */

	TreeMeta	meta;
	const TreeShape *shape;
	const DmlVector *vector;	/* the query; without an ORDER BY the first ball's center */
	float	   *query;			/* rotated */
	double		query_factor;	/* of inner products: what they are multiplied by */
	double		query_square;	/* and its squared length then */
	TreeFilter *filter;			/* conditions on columns; NULL: none */
	DmlKernel	distance;
	Ball	   *balls;
	int			n_balls;
	double		limit;			/* reach of the balls, squared, in the tree; infinite: no ball */

	TreeWalk	walk;			/* exact */
	pairingheap *nearest;
	int64		waiting;		/* in it */

	int			stage;			/* rows that it was made for */
	bool		used_up;		/* it has seen the whole tree */
	Found	   *found;			/* of the stage, by distance */
	int			n_found;
	int			next;
	Found		last;			/* what was returned last */
	bool		any;			/* was anything? */
	int64		returned_n;
	int64		returned_room;
	ItemPointerData *returned;	/* all rows that were returned; of approximate searches */
	TreeRest   *rest;			/* not NULL: the rows to return are from here */
} TreeScan;

/* ---------- scan.c ---------- */

/*
 * Distance in the tree, squared, of a distance as the operator gives it; of an inner product less
 * the row's squared length (walk.h).
 */
extern double tree_scan_square(const TreeScan *state, double distance);

/* By distance, then by TID; by TID. */
extern int	tree_compare_found(const void *a, const void *b);
extern int	tree_compare_tids(const void *a, const void *b);

/*
 * The exact distance of a row that the query may see and that lies in all balls; false: it is
 * none.
 */
extern bool tree_measure(IndexScanDesc scan, ItemPointer tid, double *distance);

/* How many rows a search may keep in work_mem. */
extern int64 tree_rows_in_memory(void);

/* ---------- scan_near.c, scan_exact.c: true with the next row in *tid ---------- */

extern bool tree_next_near(IndexScanDesc scan, ItemPointer tid);
extern void tree_exact_search(IndexScanDesc scan);	/* begin it */
extern bool tree_next_exact(IndexScanDesc scan, ItemPointer tid);

/* ---------- rest.c ---------- */

/*
 * Measure and sort all rows that were not returned yet, into state->rest. Rows that are nearer
 * than the last one returned come last.
 */
extern void tree_sort_rest(IndexScanDesc scan);

/* True with the next of them in *tid. */
extern bool tree_rest_next(TreeRest *rest, ItemPointer tid);

/* Closes its files. */
extern void tree_rest_end(TreeRest *rest);

#endif							/* DML_SCAN_H */
