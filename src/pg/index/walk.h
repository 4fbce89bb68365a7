/*
 * walk.h
 *	  Two ways of one query through the tree: leaves by nearness, for approximate search,
 *	  and rows by what is proved of them, for exact search.
 *
 * Rows are ordered by their squared distance |q - x|^2.  For inner products the row's squared
 * length is taken off: |q|^2 - 2 <q, x> is left, in the order of -<q, x>, and may be below 0.
 */
#ifndef DML_WALK_H
#define DML_WALK_H

#include "filter.h"

typedef struct TreeCounts
{
	int64		inner;			/* pages read */
	int64		leaves;
	int64		codes;			/* rows scored */
	int64		exact;			/* rows fetched from the table */
} TreeCounts;

/*
 * Offsets: an entry's key less the key of its node, that is how much farther from the query the
 * entry lies. Weighted sums, in which nodes opened last count most.
 */
typedef struct TreeOffsets
{
	double		n;				/* entries: children, or rows that pass */
	double		nodes;			/* nodes that hold them */
	double		sum;			/* of the offsets */
	double		squares;		/* of the offsets */
} TreeOffsets;

/* The state of a walk of either kind.  Its memory is in the context that was current. */
typedef struct TreeWalk
{
	Relation	index;
	const TreeShape *shape;
	const TreeMeta *meta;
	const float *query;			/* rotated, width floats */
	AnnScratch	scratch;
	TreeCounts *counts;
	int64		pages;			/* met by this walk ... */
	int64		most_pages;		/* ... and pages that the index had when last asked */

	/* conditions on columns; NULL: none */
	const TreeFilter *filter;
	uint8	   *pass;			/* of the leaf that was scored last, a row each */
	int64		rows;			/* met, alive, and of these ... */
	int64		passed;			/* ... those that pass */
	double		clumps;			/* sum over the leaves of passed^2 / met */

	/* approximate: unopened nodes of each level */
	SearchQueue queue[TREE_MAX_HEIGHT];
	int64		opened[TREE_MAX_HEIGHT];
	int			least[TREE_MAX_HEIGHT]; /* nodes to open before the first of the level below */
	float		leaf_key;		/* of the leaf that was handed out last */
	bool		watch;			/* offsets are wanted */
	/* by the level of the opened node; in leaves, rows that pass */
	TreeOffsets offsets[TREE_MAX_HEIGHT];
	int64		passing_leaves; /* leaves with a row that passes */
	double		spread;			/* sums over noted rows of opened leaves: of |r|^2, */
	double		wobble;			/* of the variance of a squared distance ... */
	double		spread_rows;	/* ... and how many rows */
	float		lean;			/* of inner products: what a node's radius counts for */

	/* exact: nodes and rows by lower bound of the squared distance */
	SearchQueue frontier;
	SearchBest	upper;			/* upper bounds of the nearest */
	float		slack;			/* roundings of squared distances */
	float		length;			/* of the query */
	float		least_key;		/* nothing is below it */
	double		limit;			/* of squared distances: what is beyond is not wanted */
} TreeWalk;

/*
 * What a distance, as the metric's operator gives it, is squared and in the tree. Of inner
 * products, less the row's squared length: factor is what an inner product is multiplied by
 * there, query_square the query's squared length.
 */
extern double tree_square(const TreeShape *shape, double distance, double factor, double query_square);

/*
 * Rotate a query as tree_rotate() rotates rows.  The length of a query does not count for inner
 * products: there it becomes about 1.  A query whose squared distances have no place in a float is
 * shortened; *far then says that neither estimates nor bounds hold.  Returns the factor that the
 * query was multiplied by, or 0 if it has no direction (a zero vector under cosine).
 */
extern double tree_rotate_query(const TreeShape *shape, const float *x, float *scratch, float *out, bool *far);

/* Are all distances of this query so small that estimates of their squares say nothing? */
extern bool tree_is_tiny(Relation index, const TreeShape *shape, const TreeMeta *meta, const float *query);

/*
 * For inner products a query's length does not count, and codes tell most of <q, x> when it is
 * not short beside the rows: scale a rotated query to some multiple of a long row's length.
 * Returns the factor; 1 for other metrics.
 */
extern double tree_scale_query(Relation index, const TreeShape *shape, const TreeMeta *meta, float *query);

extern void tree_walk_init(TreeWalk *walk, Relation index, const TreeShape *shape, const TreeMeta *meta,
						   const float *query, const TreeFilter *filter, TreeCounts *counts);
extern void tree_walk_free(TreeWalk *walk);

/*
 * The next leaf, nearest first, share-locked, and its rows' estimates in walk->scratch;
 * InvalidBuffer: there is none left. Rows that do not pass the filter have infinite estimates,
 * and a leaf where none passes is an empty block. The order depends on the query and the tree
 * alone, not on how many leaves will be asked for.
 */
extern Buffer tree_walk_leaf(TreeWalk *walk, AnnBlock *block);

/*
 * Offer the live rows of the leaf handed out last to best, by their estimates, except `self` (NULL:
 * no row is left out) and rows whose estimate is not below `beyond`. The item of a row has the
 * estimate's standard deviation as its spread, and the row and the visit as its id. What best takes
 * is offered to nearest, too, unless its room is 0. Returns whether nearest took a row; with a room
 * of 0, whether best did.
 */
extern bool tree_walk_offer(const TreeWalk *walk, Page page, const AnnBlock *block, const ItemPointerData *self,
							uint16 visit, float beyond, SearchBest *best, SearchBest *nearest);

/* The row and the visit of an offered item. */
#define TREE_ITEM_VISIT(item)	((int) ((item)->id & 0xffff))

static inline void
tree_item_tid(const SearchItem *item, ItemPointer tid)
{
	ItemPointerSet(tid, (BlockNumber) (item->id >> 32), (OffsetNumber) (item->id >> 16 & 0xffff));
}

/*
 * For a walk with `watch`. tree_walk_note() notes where the rows of the leaf handed out last lie.
 * tree_walk_missed() returns how many rows that pass are expected below a limit in the leaves
 * that were not visited. If there are more than `enough`, it returns a number above `enough`.
 */
extern void tree_walk_note(TreeWalk *walk, const AnnBlock *block);
extern double tree_walk_missed(const TreeWalk *walk, double limit, double enough);

/*
 * Do the shares of rows that pass differ between the leaves that were visited no more than they do
 * by chance, if the filter has nothing to do with the vectors?
 */
extern bool tree_walk_is_even(const TreeWalk *walk);

/*
 * Begin an exact walk that may be asked for some k rows soon, within a limit of the squared
 * distance.
 */
extern void tree_exact_begin(TreeWalk *walk, int k, double limit);

/* What no row that was not handed out yet is nearer than, squared; infinite: all were. */
extern float tree_exact_bound(TreeWalk *walk);

/* A step: true with a row that may be the next nearest, false when a page was opened instead. */
extern bool tree_exact_step(TreeWalk *walk, ItemPointer tid);

/*
 * Is item i of what is left a row? 0 is the next one, 1 or 2 the one after it, if none comes
 * between them.
 */
extern bool tree_exact_front(const TreeWalk *walk, int i, ItemPointer tid);

/* What a scan counted, for dml_index_stats() (stats.c). */
extern void tree_note_search(Relation index, const TreeCounts *counts);

/* What a scan has done since it began, its rescans too (scan.c). */
extern const TreeCounts *tree_scan_counts(IndexScanDesc scan);

#endif							/* DML_WALK_H */
