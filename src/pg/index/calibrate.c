/*
 * calibrate.c
 *	  How much of the tree a search must visit for a recall.
 *
 * Rows of the index are asked for their 10 nearest with far more effort than any search
 * makes.  For each that is found it is noted how many leaves had to be visited, and how many
 * rows had to be measured before it; the quantiles of these are the table.  The misses that a
 * target allows are shared between the two.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "learn/rng.h"
#include "walk.h"

#define QUERIES				100
#define TRIES				20	/* blocks looked at for one query */
#define NEAREST				10
#define DEPTH				128	/* rows that are measured */
#define LEAST_LEAVES		64	/* visited for a query ... */
#define MOST_LEAVES			1000
#define LEAF_SHARE			4	/* ... a quarter of them, in between */

/* Of the misses allowed, the share of leaves not visited; the rest is of rows not measured. */
#define LEAF_MISSES			0.7

/* Beyond the table: a recall above its last target. */
#define BEYOND_TARGETS		2

void
tree_effort(const TreeMeta *meta, const TreeShape *shape, double recall, int wanted, TreeEffort *effort)
{
	const TreeCalibration *known = &meta->calibration;
	double		more = Max(wanted, NEAREST) / (double) NEAREST;
	double		probes;
	double		exact;
	int			target = 0;

	while (target < TREE_TARGETS - 1 && tree_targets[target] < recall)
		target++;
	if (known->leaves == 0)
	{
		/* a tree of a few pages */
		probes = (double) meta->leaves;
		exact = 4 * NEAREST * more;
	}
	else
	{
		probes = known->probes[target] * sqrt(Max((double) meta->leaves / known->leaves, 1));
		exact = known->exact[target] * more;
	}
	if (recall > tree_targets[TREE_TARGETS - 1])
	{
		probes *= BEYOND_TARGETS;
		exact *= BEYOND_TARGETS;
	}
	probes = probes * sqrt(more) + wanted / (shape->leaf.room * 0.5);
	effort->probes = (int64) Min(ceil(probes), (double) MaxBlockNumber);
	effort->exact = (int) Min(ceil(exact), (double) PG_INT32_MAX / 64);
	effort->exact = Max(effort->exact, wanted);
	effort->survivors = effort->exact + wanted;
}

/* A row of the index chosen by chance: its TID.  False: none was met. */
static bool
random_row(Relation index, const TreeShape *shape, BlockNumber blocks, Rng *rng, ItemPointer tid)
{
	for (int i = 0; i < TRIES; i++)
	{
		Buffer		buffer = ReadBuffer(index, 1 + (BlockNumber) rng_below(rng, blocks - 1));
		Page		page = BufferGetPage(buffer);
		bool		found = false;

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (tree_page_kind(page) == TREE_NODE && tree_special(page)->level == 0)
		{
			tree_check_node(index, BufferGetBlockNumber(buffer), page, shape);
			if (tree_node(page)->n > 0)
			{
				const TreeRow *row = &tree_rows(page, &shape->leaf)[rng_below(rng, tree_node(page)->n)];

				*tid = row->tid;
				found = !row->dead;
			}
		}
		UnlockReleaseBuffer(buffer);
		if (found)
			return true;
	}
	return false;
}

typedef struct Neighbour
{
	double		distance;
	int			leaf;			/* the visit that found it, from 0 */
	int			place;			/* among the estimates, from 0 */
} Neighbour;

static int
compare_neighbours(const void *a, const void *b)
{
	double		left = ((const Neighbour *) a)->distance;
	double		right = ((const Neighbour *) b)->distance;

	return left < right ? -1 : left > right;
}

static int
compare_ints(const void *a, const void *b)
{
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	return left < right ? -1 : left > right;
}

/* One query: up to NEAREST numbers are added to leaves and places; returns how many. */
static int
ask(Relation index, TreeFetch *fetch, const TreeMeta *meta, const TreeShape *shape, ItemPointer self,
	const float *x, const float *query, int *leaves, int *places)
{
	int64		most = Min(Max(meta->leaves / LEAF_SHARE, LEAST_LEAVES), MOST_LEAVES);
	TreeCounts	counts = {0};
	TreeWalk	walk;
	SearchBest	best = {.room = DEPTH, .items = palloc(DEPTH * sizeof(SearchItem))};
	Neighbour	found[DEPTH];
	DmlKernel	kernel = tree_kernel(shape->metric);
	int			n = 0;

	tree_walk_init(&walk, index, shape, meta, query, NULL, &counts);
	for (int leaf = 0; leaf < most; leaf++)
	{
		AnnBlock	block;
		Buffer		buffer = tree_walk_leaf(&walk, &block);
		const TreeRow *rows;

		if (buffer == InvalidBuffer)
			break;
		rows = tree_rows(BufferGetPage(buffer), &shape->leaf);
		for (int j = 0; j < block.n; j++)
			if (!rows[j].dead && walk.scratch.estimates[j] < search_limit(&best))
			{
				const ItemPointerData *tid = &rows[j].tid;

				if (ItemPointerEquals(unconstify(ItemPointerData *, tid), self))
					continue;
				search_offer(&best, (SearchItem)
				{
					.key = walk.scratch.estimates[j], .spread = (float) leaf,
						.id = (uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 | ItemPointerGetOffsetNumberNoCheck(tid)
				});
			}
		UnlockReleaseBuffer(buffer);
	}
	search_sort(&best);
	for (int i = 0; i < best.n; i++)
	{
		const DmlVector *vector;
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		ItemPointerSet(&tid, (BlockNumber) (best.items[i].id >> 16), (OffsetNumber) (best.items[i].id & 0xffff));
		vector = tree_fetch(fetch, &tid, SnapshotSelf);
		if (vector == NULL || vector->dim != shape->dims)
			continue;
		found[n].distance = kernel(vector->x, x, shape->dims);
		found[n].leaf = (int) best.items[i].spread;
		found[n++].place = i;
	}
	qsort(found, n, sizeof(Neighbour), compare_neighbours);
	n = Min(n, NEAREST);
	for (int i = 0; i < n; i++)
	{
		leaves[i] = found[i].leaf;
		places[i] = found[i].place;
	}
	tree_walk_free(&walk);
	pfree(best.items);
	return n;
}

/* What is at least as large as a share of n sorted numbers. */
static int
quantile(const int *sorted, int n, double share)
{
	int			at = (int) ceil(share * n) - 1;

	return sorted[Max(0, Min(n - 1, at))];
}

void
tree_calibrate(Relation index, Relation heap, TreeMeta *meta)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml index calibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const TreeShape *shape = tree_shape(index, meta, context);
	TreeFetch  *fetch = tree_fetch_begin(heap, index);
	BlockNumber blocks = RelationGetNumberOfBlocks(index);
	int		   *leaves = palloc(QUERIES * NEAREST * sizeof(int));
	int		   *places = palloc(QUERIES * NEAREST * sizeof(int));
	float	   *x = palloc(shape->dims * sizeof(float));
	float	   *query = palloc(2 * shape->width * sizeof(float));
	bool		pushed = !ActiveSnapshotSet();
	int			n = 0;
	Rng			rng;

	/* values out of line are read under a snapshot that keeps them */
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	rng_seed(&rng, meta->seed, 2);
	for (int q = 0; q < QUERIES; q++)
	{
		ItemPointerData tid;
		const DmlVector *vector;

		if (!random_row(index, shape, blocks, &rng, &tid))
			break;
		vector = tree_fetch(fetch, &tid, SnapshotSelf);
		if (vector == NULL || vector->dim != shape->dims)
			continue;
		memcpy(x, vector->x, shape->dims * sizeof(float));
		if (!tree_rotate(shape, x, query + shape->width, query))
			continue;
		tree_scale_query(index, shape, meta, query);
		n += ask(index, fetch, meta, shape, &tid, x, query, leaves + n, places + n);
	}
	if (n > 0)
	{
		qsort(leaves, n, sizeof(int), compare_ints);
		qsort(places, n, sizeof(int), compare_ints);
		for (int t = 0; t < TREE_TARGETS; t++)
		{
			double		misses = 1 - tree_targets[t];

			meta->calibration.probes[t] = quantile(leaves, n, 1 - LEAF_MISSES * misses) + 1;
			meta->calibration.exact[t] = Max(NEAREST, quantile(places, n, 1 - (1 - LEAF_MISSES) * misses) + 1);
		}
		meta->calibration.leaves = meta->leaves;
	}
	if (pushed)
		PopActiveSnapshot();
	tree_fetch_end(fetch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
