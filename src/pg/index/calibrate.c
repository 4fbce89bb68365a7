/*
 * calibrate.c
 *	  How much of the tree a search must visit for a recall.
 *
 * Rows of the index are asked for their 10 nearest with far more effort than any search
 * makes.  For each that is found it is noted in which visit of a leaf, and at which place by
 * the estimates it stood; the quantiles of these are the table.  What a target allows to be
 * missed is missed for leaves that were not visited, and a little of it for exact distances
 * that were not taken: tree_deviations(), and a limit that few searches come to.
 *
 * A condition that few rows pass, or a large LIMIT, asks for many more rows.  How fast the leaves
 * become more with them is a matter of the data (some 10 times as many for 100 times the rows where
 * they lie in tight clusters, 4 times for images), so a few queries are followed to 1000 rows, by
 * the estimates alone.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/rng.h"
#include "walk.h"

#define LEAST_QUERIES		200	/* a query for so many leaves, within these bounds */
#define MOST_QUERIES		1000
#define LEAVES_PER_QUERY	4
#define DEEP_QUERIES		30	/* of them */
#define TRIES				20	/* blocks looked at for one query */
#define NEAREST				10
#define DEPTH				128	/* rows that are measured at most ... */
#define DEPTH_DEVIATIONS	4	/* ... while they may be among the nearest */

/* Leaves visited for a query: a share of all, within bounds, and no more than some times what was of use. */
#define LEAST_LEAVES		64
#define MOST_LEAVES			1000
#define LEAF_SHARE			4
#define USELESS_LEAVES		32
#define USELESS_TIMES		6

/*
 * Of the misses allowed, the share of leaves not visited, which is more where more may be missed,
 * and that of the limit of exact distances.
 */
#define LEAF_MISSES(misses)	Min(0.8 + 2 * (misses), 1)
#define LIMIT_MISSES		0.05

/* Of the misses allowed, what is held back for the sample's chance: its standard error, and no more than this. */
#define MOST_HELD_BACK		(1 / 3.0)

/* A quantile that fewer of the answers are beyond is read off the line through two that more are beyond. */
#define TAIL				30
#define TAIL_TIMES			4

/* Beyond the table: a recall above its last target. */
#define BEYOND_TARGETS		2

void
tree_effort(const TreeMeta *meta, const TreeShape *shape, double recall, int wanted, TreeEffort *effort)
{
	const TreeCalibration *known = &meta->calibration;
	double		more = Max(wanted, NEAREST) / (double) NEAREST;
	double		growth;			/* of the leaves with the rows: an exponent */
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
		growth = log(Max((double) known->deep[target] / known->probes[target], 1)) / log((double) TREE_DEEP / NEAREST);
		if (wanted <= TREE_DEEP)
			probes = known->probes[target] * pow(more, growth);
		else
			probes = known->deep[target] * pow((double) wanted / TREE_DEEP, (1 + growth) / 2);
		probes *= sqrt(Max((double) meta->leaves / known->leaves, 1));
		exact = known->exact[target] * more;
	}
	if (recall > tree_targets[TREE_TARGETS - 1])
	{
		probes *= BEYOND_TARGETS;
		exact *= BEYOND_TARGETS;
	}
	probes = Max(probes, wanted / (shape->leaf.room * 0.5));
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
		if (tree_page_kind(page) == TREE_NODE && tree_special(page)->level == 0 && tree_is_of(page, shape))
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

/*
 * How many standard deviations too high an estimate may be that is waited for: fewer where more
 * may be missed.  1.1 at a recall of 0.9, 2.3 at 0.99, 3.2 at 0.999, where codes of one bit lose some 0.02
 * per cent by it (0.05 by 2.7), others less.
 */
float
tree_deviations(double recall)
{
	double		beyond = sqrt(-2 * log(Max(1 - recall, 1e-9)));

	return (float) Max(beyond - 1, 1.32 * beyond - 1.69);
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
	int			most = (int) Min(Max(meta->leaves / LEAF_SHARE, LEAST_LEAVES), MOST_LEAVES);
	int			useful = 0;		/* the last visit that changed the nearest by their estimates */
	TreeCounts	counts = {0};
	TreeWalk	walk;
	SearchItem	near[NEAREST];
	SearchBest	nearest = {.room = NEAREST, .items = near};
	SearchBest	best = {.room = DEPTH, .items = palloc(DEPTH * sizeof(SearchItem))};
	SearchItem	measured[NEAREST];
	SearchBest	distances = {.room = NEAREST, .items = measured};
	Neighbour	found[DEPTH];
	DmlKernel	kernel = tree_kernel(shape->metric);
	int			n = 0;

	tree_walk_init(&walk, index, shape, meta, query, NULL, &counts);
	for (int leaf = 0; leaf < most && leaf < USELESS_LEAVES + USELESS_TIMES * useful; leaf++)
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
				SearchItem	item = {.key = walk.scratch.estimates[j]};

				if (ItemPointerEquals(unconstify(ItemPointerData *, tid), self))
					continue;
				item.spread = code_deviation(&walk.scratch.query, block.norm[j], block.error[j], shape->width);
				item.id = (((uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 |
							ItemPointerGetOffsetNumberNoCheck(tid)) << 16) | leaf;
				search_offer(&best, item);
				if (item.key < search_limit(&nearest))
				{
					search_offer(&nearest, item);
					useful = leaf;
				}
			}
		UnlockReleaseBuffer(buffer);
	}
	search_sort(&best);
	for (int i = 0; i < best.n; i++)
	{
		const SearchItem *item = &best.items[i];
		const DmlVector *vector;
		ItemPointerData tid;

		if (distances.n == NEAREST && item->key - DEPTH_DEVIATIONS * item->spread > search_limit(&distances))
			break;
		CHECK_FOR_INTERRUPTS();
		ItemPointerSet(&tid, (BlockNumber) (item->id >> 32), (OffsetNumber) (item->id >> 16 & 0xffff));
		vector = tree_fetch(fetch, &tid, SnapshotSelf);
		if (vector == NULL || vector->dim != shape->dims)
			continue;
		found[n].distance = kernel(vector->x, x, shape->dims);
		if (shape->metric != TREE_IP)
			search_offer(&distances, (SearchItem)
			{
				.key = (float) tree_square(shape, found[n].distance)
			});
		found[n].leaf = (int) (item->id & 0xffff);
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

/* One query followed further: in which visits its TREE_DEEP nearest are found, by the estimates; returns how many. */
static int
ask_deep(Relation index, const TreeMeta *meta, const TreeShape *shape, const float *query, SearchItem *items, int *leaves)
{
	int			most = (int) Min(meta->leaves, MOST_LEAVES);
	int			useful = 0;
	TreeCounts	counts = {0};
	TreeWalk	walk;
	SearchBest	best = {.room = TREE_DEEP, .items = items};

	tree_walk_init(&walk, index, shape, meta, query, NULL, &counts);
	for (int leaf = 0; leaf < most && leaf < USELESS_LEAVES + USELESS_TIMES * useful; leaf++)
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
				search_offer(&best, (SearchItem) {.key = walk.scratch.estimates[j], .id = leaf});
				useful = leaf;
			}
		UnlockReleaseBuffer(buffer);
	}
	for (int i = 0; i < best.n; i++)
		leaves[i] = (int) best.items[i].id;
	tree_walk_free(&walk);
	return best.n;
}

/*
 * How many visits, or rows, find all but a share of n sorted numbers, which count from 0.  Of few
 * numbers the last ones say little: there the line goes on that the quantiles before them make, on
 * logarithmic scales.
 */
static int
enough_for(const int *sorted, int n, double misses)
{
	double		tail = (double) TAIL / n;
	double		enough = sorted[Max(0, Min(n - 1, (int) ceil((1 - misses) * n) - 1))] + 1;

	if (misses < tail && tail * TAIL_TIMES < 0.5)
	{
		double		near = sorted[n - 1 - TAIL] + 1;
		double		far = sorted[n - 1 - TAIL * TAIL_TIMES] + 1;

		enough = Max(enough, near * pow(tail / misses, log(near / far) / log(TAIL_TIMES)));
	}
	return (int) Min(ceil(enough), (double) PG_INT32_MAX / 64);
}

/* The share of the neighbours that may be missed for leaves not visited, by what n of them say. */
static double
leaf_misses(double misses, int n)
{
	double		allowed = LEAF_MISSES(misses) * misses;

	return allowed - Min(sqrt(allowed / n), allowed * MOST_HELD_BACK);
}

void
tree_calibrate(Relation index, Relation heap, TreeMeta *meta)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml index calibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const TreeShape *shape = tree_shape(index, meta, context);
	TreeFetch  *fetch = tree_fetch_begin(heap, index);
	BlockNumber blocks = RelationGetNumberOfBlocks(index);
	int			queries = (int) Max(LEAST_QUERIES, Min(MOST_QUERIES, meta->leaves / LEAVES_PER_QUERY));
	int		   *leaves = palloc(queries * NEAREST * sizeof(int));
	int		   *places = palloc(queries * NEAREST * sizeof(int));
	int		   *deep = palloc(DEEP_QUERIES * TREE_DEEP * sizeof(int));
	SearchItem *items = palloc(TREE_DEEP * sizeof(SearchItem));
	float	   *x = palloc(shape->dims * sizeof(float));
	float	   *query = palloc(2 * shape->width * sizeof(float));
	bool		pushed = !ActiveSnapshotSet();
	int			n = 0;
	int			n_deep = 0;
	Rng			rng;

	/* values out of line are read under a snapshot that keeps them */
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	rng_seed(&rng, meta->seed, 2);
	for (int q = 0; q < queries; q++)
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
		if (q < DEEP_QUERIES)
			n_deep += ask_deep(index, meta, shape, query, items, deep + n_deep);
	}
	if (n > 0)
	{
		qsort(leaves, n, sizeof(int), compare_ints);
		qsort(places, n, sizeof(int), compare_ints);
		qsort(deep, n_deep, sizeof(int), compare_ints);
		for (int t = 0; t < TREE_TARGETS; t++)
		{
			double		misses = 1 - tree_targets[t];

			meta->calibration.probes[t] = enough_for(leaves, n, leaf_misses(misses, n));
			meta->calibration.deep[t] = n_deep == 0 ? meta->calibration.probes[t] :
				enough_for(deep, n_deep, leaf_misses(misses, n));
			meta->calibration.exact[t] = Max(NEAREST, enough_for(places, n, LIMIT_MISSES * misses));
		}
		meta->calibration.leaves = meta->leaves;
	}
	if (pushed)
		PopActiveSnapshot();
	tree_fetch_end(fetch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
