/*
 * search.h
 *	  One query's way through a tree of blocks, without the blocks' storage: the caller
 *	  reads pages, these functions score them and remember what is worth reading next.
 *
 * A node is a block (score.h): inner nodes have the centers of their children, leaves have
 * rows.  The loop of an approximate search:
 *
 *		score the root, push its children to the inner queue
 *		pop `beam` of it, score each, push its children to the leaf queue
 *		pop leaves, score each, offer its rows to the survivors
 *		sort the survivors; take exact distances from the front
 *
 * The queues are the continuation: with more rows wanted, pop on, and when the leaf queue is
 * empty open the next inner node.  Every row is met once.
 *
 * All memory is the caller's, and no function here allocates: the caller sees to it that a
 * queue has room for the children of a block before it pushes them.  A scratch serves one
 * query at a time.
 */
#ifndef ANN_SEARCH_H
#define ANN_SEARCH_H

#include "ann/code.h"

typedef struct AnnBlock
{
	const uint8_t *frame;		/* width bytes */
	float		step;			/* of the frame */
	int			bits;
	int			n;				/* codes */
	const uint8_t *codes;
	size_t		stride;			/* bytes from code to code */
	const float *norm;			/* CodeFactors, n of each */
	const float *scale;
	const float *error;
} AnnBlock;

typedef struct AnnScratch
{
	int			width;
	int			room;			/* codes that a block may have */
	ScoreQuery	query;			/* as the block that was scored last sees it */
	int32_t    *dots;			/* room */
	float	   *estimates;		/* room: squared distances, below 0 where an estimate is */
	float	   *lower;			/* room: of ann_lower_bounds() */
} AnnScratch;

/* Bytes that ann_scratch_init() wants, memory aligned to 64. */
extern size_t ann_scratch_bytes(int width, int room);
extern void ann_scratch_init(AnnScratch *scratch, int width, int room, void *memory);

/* Estimate all rows of a block (n at most the scratch's room) for a rotated query. */
extern void ann_score_block(const float *query, const AnnBlock *block, AnnScratch *scratch);

/*
 * As above, for the rows that pass, 1 or 0 each; the estimates of the others are infinite.
 * Worth its while where few pass.
 */
extern void ann_score_some(const float *query, const AnnBlock *block, const uint8_t *pass, AnnScratch *scratch);

/*
 * lower[j] = what row j of the block that was scored last is not nearer than, whatever the
 * rotation. Returns the least of these.
 */
extern float ann_lower_bounds(const AnnBlock *block, AnnScratch *scratch);

typedef struct SearchItem
{
	float		key;
	float		spread;			/* the caller's, e.g. the key's standard deviation */
	uint64_t	id;				/* the caller's */
} SearchItem;

/*
 * The smallest key comes out first, of equal ones the smaller id; items is the caller's and may
 * be moved. Most of what a search pushes is never popped, so only the nearest items are a heap,
 * whose first is items[0]; those beyond the limit wait behind it in no order. Setting n to 0
 * empties it.
 */
typedef struct SearchQueue
{
	SearchItem *items;
	int			n;
	int			room;
	int			near;			/* of n, those in the heap; 0 only if n is */
	int			most;			/* of them, before the farther ones leave the heap */
	float		limit;			/* keys in the heap are not above it, the others are */
} SearchQueue;

extern void search_push(SearchQueue *queue, SearchItem item);
extern bool search_pop(SearchQueue *queue, SearchItem *item);

/* The `room` smallest of all that were offered. */
typedef struct SearchBest
{
	SearchItem *items;
	int			n;
	int			room;			/* at least 1 */
} SearchBest;

/* What an item's key must be below to be kept: infinite until there are `room` of them. */
extern float search_limit(const SearchBest *best);
extern void search_offer(SearchBest *best, SearchItem item);

/* Order the items by key.  Nothing may be offered afterwards until n is set to 0. */
extern void search_sort(SearchBest *best);

#endif							/* ANN_SEARCH_H */
