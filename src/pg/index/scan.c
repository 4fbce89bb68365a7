/*
 * scan.c
 *	  ORDER BY distance: rows in order of their exact distance, as many as are asked for.
 *
 * How many are asked for is not known, so an approximate search goes in stages: for 10
 * rows, for 32, for 102, each a search of its own that visits what its number of rows needs,
 * and measures what was not returned yet.  A stage returns what lies behind the last row returned; a row that is found late, nearer than
 * what was returned already, waits until the tree is used up, so that order is kept and a
 * filter that lets few rows pass still gets all of them.  Conditions on the index's own columns
 * are tested before a row counts: a stage is for so many rows that pass.
 *
 * A ball, dml_within(), is a search in order of the distance from its center, or from the
 * ORDER BY's query, that ends where the ball does: a stage for so many rows is the last one when
 * fewer than these are within reach.  What is outside is not returned, so nothing is left to check.
 *
 * An exact search (dml.recall = 1) needs no stages: a row is returned when nothing unseen can
 * be nearer.
 *
 * A stage, or what waits in an exact search, that would take more than work_mem is the end of both:
 * all rows that are left are measured and sorted (rest.c).
 */
#include "compat.h"

#include <math.h>

#include "access/relscan.h"
#include "catalog/pg_type.h"
#include "lib/pairingheap.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "model/model.h"
#include "rest.h"
#include "walk.h"

#define FIRST_STAGE			10	/* rows */
#define STAGE_GROWTH		3.2 /* 10, 32, 102: the usual limits are ends of stages */
#define EXACT_AHEAD			16

/* Rows that are measured one after the other: so many before its turn a row's page is expected, and the row itself. */
#define PAGES_AHEAD			4
#define ROWS_AHEAD			2

#define MANY_SURVIVORS		100000	/* memory for more is not taken before it is known how many rows there may be */

/* Roundings of distances that the reach of a ball is made of. */
#define BALL_ROUNDING		1e-5

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

/* What a row takes in a stage: a survivor, measured, returned; and rows that there always is room for. */
#define ROW_BYTES			(2 * sizeof(SearchItem) + sizeof(Found) + sizeof(ItemPointerData))
#define LEAST_ROWS			1000

/* Of that, what a row takes in an exact search before it is measured. */
#define FRONTIER_SHARE		((int64) (ROW_BYTES / sizeof(SearchItem)))

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
	double		query_factor;	/* of inner products: what it was scaled by */
	double		query_square;	/* and its squared length then */
	TreeFilter *filter;			/* conditions on columns; NULL: none */
	DmlKernel	distance;
	Ball	   *balls;
	int			n_balls;
	double		limit;			/* no ball reaches beyond this square of the tree's distance; infinite: no ball */

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

IndexScanDesc
tree_begin_scan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	TreeScan   *state = palloc0(sizeof(TreeScan));

	state->context = AllocSetContextCreate(CurrentMemoryContext, "dml index scan", ALLOCSET_DEFAULT_SIZES);
	scan->opaque = state;
	return scan;
}

void
tree_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	TreeScan   *state = scan->opaque;
	MemoryContext context = state->context;
	TreeFetch  *fetch = state->fetch;
	TreeCounts	counts = state->counts;

	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (state->rest)
		tree_rest_end(state->rest);
	MemoryContextReset(context);
	memset(state, 0, sizeof(*state));
	state->context = context;
	state->fetch = fetch;
	state->counts = counts;
}

const TreeCounts *
tree_scan_counts(IndexScanDesc scan)
{
	return &((TreeScan *) scan->opaque)->counts;
}

void
tree_end_scan(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;

	if (state->counts.leaves > 0)
		tree_note_search(scan->indexRelation, &state->counts);
	if (state->rest)
		tree_rest_end(state->rest);
	if (state->fetch)
		tree_fetch_end(state->fetch);
	MemoryContextDelete(state->context);
	pfree(state);
}

/* The query as a vector of the index's space: raw input is embedded by the index's own model. */
static const DmlVector *
query_vector(Relation index, const TreeMeta *meta, Oid type, Datum value)
{
	const DmlVector *vector;

	if (OidIsValid(get_element_type(type)))
	{
		int			dim;
		float4	   *x = dml_floats_from_array(DatumGetArrayTypeP(value), &dim);
		DmlVector  *plain;

		if (meta->space != 0)
			return dml_version_embed_vector(dml_version_by_space(meta->space), x, dim);
		plain = dml_vector_new(dim, 0);
		memcpy(plain->x, x, sizeof(float4) * dim);
		vector = plain;
	}
	else
		vector = DatumGetDmlVectorP(value);
	tree_check_vector(index, meta, vector, true);
	return vector;
}

/*
 * Distance in the tree, squared, of a distance as the operator gives it; of an inner product less
 * the row's squared length (walk.h).
 */
static double
tree_square(const TreeScan *state, double distance)
{
	switch (state->shape->metric)
	{
		case TREE_COSINE:
			return 2 * distance;
		case TREE_IP:
			return 2 * state->query_factor * distance + state->query_square;
		default:
			return distance * distance;
	}
}

static int
compare_found(const void *a, const void *b)
{
	const Found *left = a;
	const Found *right = b;

	if (left->distance != right->distance)
		return left->distance < right->distance ? -1 : 1;
	return ItemPointerCompare(unconstify(ItemPointerData *, &left->tid), unconstify(ItemPointerData *, &right->tid));
}

/* pairingheap: the nearest is the first. */
static int
compare_nearest(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	return compare_found(pairingheap_const_container(Found, node, b), pairingheap_const_container(Found, node, a));
}

/*
 * What the keys on the vector's column say: balls to lie in.  False: nothing does, as one is
 * NULL, or of a radius below 0, or IS NULL is asked for.
 */
static bool
read_balls(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;

	state->balls = palloc(sizeof(Ball) * Max(scan->numberOfKeys, 1));
	state->n_balls = 0;
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		const ScanKeyData *key = &scan->keyData[i];
		Ball	   *ball = &state->balls[state->n_balls];
		Datum		center;

		if (key->sk_attno != 1 || key->sk_flags & SK_SEARCHNOTNULL)
			continue;			/* all rows of the index have a vector */
		if (key->sk_flags & SK_ISNULL ||
			!dml_ball_parts(DatumGetHeapTupleHeader(key->sk_argument), &center, &ball->radius) || ball->radius < 0)
			return false;
		ball->center = query_vector(scan->indexRelation, &state->meta,
									get_atttype(get_typ_typrelid(key->sk_subtype), 1), center);
		state->n_balls++;
	}
	return true;
}

/*
 * How far, squared and in the tree, a row in all balls can be from the query: by the triangle
 * inequality, with the roundings of two distances.  NaN: a center has no direction.
 */
static double
reach_of_balls(const TreeScan *state)
{
	double		limit = INFINITY;

	for (int i = 0; i < state->n_balls; i++)
	{
		const Ball *ball = &state->balls[i];
		double		gap = ball->center == state->vector ? 0 :
			sqrt(tree_square(state, state->distance(ball->center->x, state->vector->x, state->vector->dim)));
		double		reach = gap + sqrt(tree_square(state, ball->radius));
		double		square = reach * reach * (1 + BALL_ROUNDING) + (state->shape->metric == TREE_COSINE ? BALL_ROUNDING : 0);

		if (isnan(square))
			return square;
		limit = Min(limit, square);
	}
	return limit;
}

/* The exact distance of a row that the query may see and that lies in all balls. */
static bool
measure(IndexScanDesc scan, ItemPointer tid, double *distance)
{
	TreeScan   *state = scan->opaque;
	const DmlVector *vector = tree_fetch(state->fetch, tid, scan->xs_snapshot);

	state->counts.exact++;
	if (vector == NULL)
		return false;
	tree_check_vector(scan->indexRelation, &state->meta, vector, false);
	*distance = state->distance(vector->x, state->vector->x, vector->dim);
	for (int i = 0; i < state->n_balls; i++)
	{
		const Ball *ball = &state->balls[i];
		double		gap = ball->center == state->vector ? *distance :
			state->distance(vector->x, ball->center->x, vector->dim);

		if (!(gap <= ball->radius))
			return false;
	}
	return true;
}

static void
start(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	Relation	index = scan->indexRelation;
	MemoryContext old;
	float	   *scratch;

	state->started = true;
	pgstat_count_index_scan(index);
#if PG_VERSION_NUM >= 180000
	if (scan->instrument)
		scan->instrument->nsearches++;
#endif
	if (scan->numberOfOrderBys > 1)
		elog(ERROR, "a dml index answers ORDER BY one distance");
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		elog(ERROR, "a dml index answers queries with an MVCC snapshot");
	tree_meta_read(index, &state->meta);
	state->nothing = state->meta.root == InvalidBlockNumber ||
		(scan->numberOfOrderBys > 0 && scan->orderByData->sk_flags & SK_ISNULL);
	if (state->nothing)
		return;

	old = MemoryContextSwitchTo(GetMemoryChunkContext(state));
	if (state->fetch == NULL)
		state->fetch = tree_fetch_begin(scan->heapRelation, index);
	MemoryContextSwitchTo(state->context);
	state->shape = tree_shape(index, &state->meta, state->context);
	if (!read_balls(scan))
	{
		state->nothing = true;
		MemoryContextSwitchTo(old);
		return;
	}
	if (scan->numberOfOrderBys > 0)
		state->vector = query_vector(index, &state->meta, scan->orderByData->sk_subtype, scan->orderByData->sk_argument);
	else if (state->n_balls > 0)
		state->vector = state->balls[0].center;
	else
		elog(ERROR, "a dml index answers ORDER BY distance and dml_within");
	state->query = palloc(state->shape->width * sizeof(float));
	scratch = palloc(state->shape->width * sizeof(float));
	state->distance = tree_kernel(state->shape->metric);
	state->recall = tree_recall(index);
	state->filter = tree_filter_make(index, &state->shape->columns, scan->keyData, scan->numberOfKeys);

	state->limit = reach_of_balls(state);

	/* a query without a direction is at no distance from anything: like a NULL one it finds nothing */
	state->nothing = !tree_rotate(state->shape, state->vector->x, scratch, state->query) || isnan(state->limit);
	state->query_factor = tree_scale_query(index, state->shape, &state->meta, state->query);
	for (int i = 0; i < state->shape->width; i++)
		state->query_square += (double) state->query[i] * state->query[i];
	state->stage_context = AllocSetContextCreate(state->context, "dml index stage", ALLOCSET_DEFAULT_SIZES);
	if (!state->nothing && state->recall >= 1)
	{
		MemoryContextSwitchTo(state->stage_context);
		tree_walk_init(&state->walk, index, state->shape, &state->meta, state->query, state->filter, &state->counts);
		tree_exact_begin(&state->walk, EXACT_AHEAD, state->limit);
		state->nearest = pairingheap_allocate(compare_nearest, NULL);
	}
	MemoryContextSwitchTo(old);
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

/*
 * With a filter, as many leaves as would be visited for all the rows that had to be met for
 * those that pass, by the share that has passed so far.
 */
static int64
filtered_probes(const TreeScan *state, const TreeWalk *walk, int wanted)
{
	TreeEffort	effort;

	tree_effort(&state->meta, state->shape, state->recall,
				(int) Min((double) wanted * walk->rows / Max(walk->passed, 1), PG_INT32_MAX / 2), &effort);
	return effort.probes;
}

/* How many rows the estimates put into a limit. */
static double
rows_near(const SearchBest *rows, double limit)
{
	int			n = 0;

	for (int i = 0; i < rows->n; i++)
		n += rows->items[i].key <= limit;
	return n;
}

static inline void
item_tid(const SearchItem *item, ItemPointer tid)
{
	ItemPointerSet(tid, (BlockNumber) (item->id >> 16), (OffsetNumber) (item->id & 0xffff));
}

/* Drop what was returned already; how many. */
static int
drop_returned(TreeScan *state, SearchBest *rows)
{
	int			kept = 0;
	int			dropped;

	if (!state->any)
		return 0;
	qsort(state->returned, state->returned_n, sizeof(ItemPointerData), compare_tids);
	for (int i = 0; i < rows->n; i++)
	{
		ItemPointerData tid;

		item_tid(&rows->items[i], &tid);
		if (bsearch(&tid, state->returned, state->returned_n, sizeof(ItemPointerData), compare_tids) == NULL)
			rows->items[kept++] = rows->items[i];
	}
	dropped = rows->n - kept;
	rows->n = kept;
	return dropped;
}

/* How many rows a stage may have: those that work_mem has room for. */
static int64
rows_in_memory(void)
{
	return Max(work_mem * (int64) 1024 / (int64) ROW_BYTES, LEAST_ROWS);
}

/* How many survivors a stage may have: what its effort says, and no more rows than the index can have. */
static int
survivors_room(IndexScanDesc scan, const TreeEffort *effort)
{
	TreeScan   *state = scan->opaque;

	if (effort->survivors <= MANY_SURVIVORS)
		return effort->survivors;
	return (int) Min((double) effort->survivors,
					 (double) state->shape->leaf.room * RelationGetNumberOfBlocks(scan->indexRelation) + 1);
}

/* Rows that will probably be measured after row i, on their way from memory. */
static void
expect_rows(const TreeScan *state, const SearchBest *rows, int i)
{
	ItemPointerData tid;

	if (i + PAGES_AHEAD < rows->n)
	{
		item_tid(&rows->items[i + PAGES_AHEAD], &tid);
		tree_fetch_expect_page(state->fetch, &tid);
	}
	if (i + ROWS_AHEAD >= 0 && i + ROWS_AHEAD < rows->n)
	{
		item_tid(&rows->items[i + ROWS_AHEAD], &tid);
		tree_fetch_expect_row(state->fetch, &tid);
	}
}

/*
 * Search for some state->stage rows: state->found is the rows that are not returned yet, by
 * distance.
 */
static void
search_stage(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	TreeEffort	effort;
	TreeWalk	walk;
	SearchBest	survivors = {0};
	SearchBest	distances = {0};
	int			wanted = state->stage;
	int64		leaves = 0;
	int64		probes;
	float		deviations = tree_deviations(state->recall);
	bool		bounded = !isinf(state->limit);
	double		near;
	bool		late;
	int			returned;

	MemoryContextReset(state->stage_context);
	MemoryContextSwitchTo(state->stage_context);
	tree_effort(&state->meta, state->shape, state->recall, wanted, &effort);
	probes = effort.probes;
	tree_walk_init(&walk, scan->indexRelation, state->shape, &state->meta, state->query, state->filter, &state->counts);
	survivors.room = survivors_room(scan, &effort);
	survivors.items = MemoryContextAllocHuge(state->stage_context, sizeof(SearchItem) * (Size) survivors.room);

	for (state->used_up = true;; leaves++)
	{
		AnnBlock	block;
		Buffer		buffer;
		const TreeRow *rows;
		float		limit;

		if (leaves >= probes && state->filter != NULL && !bounded)
			probes = filtered_probes(state, &walk, wanted);
		if (leaves >= probes && (bounded || survivors.n >= Min(wanted, survivors.room)))
		{
			state->used_up = false;
			break;
		}
		buffer = tree_walk_leaf(&walk, &block);
		if (buffer == InvalidBuffer)
			break;
		rows = tree_rows(BufferGetPage(buffer), &state->shape->leaf);
		limit = search_limit(&survivors);
		for (int j = 0; j < block.n; j++)
			if (walk.scratch.estimates[j] < limit && !rows[j].dead)
			{
				const ItemPointerData *tid = &rows[j].tid;

				search_offer(&survivors, (SearchItem)
				{
					.key = walk.scratch.estimates[j],
						.spread = code_deviation(&walk.scratch.query, block.norm[j], block.error[j], state->shape->width),
						.id = (uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 | ItemPointerGetOffsetNumberNoCheck(tid)
				});
				limit = search_limit(&survivors);
			}
		UnlockReleaseBuffer(buffer);
	}
	/* nothing was left out: the tree is used up, or the balls */
	near = bounded ? rows_near(&survivors, state->limit) : 0;
	late = (state->used_up && survivors.n < survivors.room) ||
		(bounded && near * walk.rows < (double) wanted * walk.passed && near <= walk.passed / 2.0);
	search_sort(&survivors);
	returned = drop_returned(state, &survivors);
	wanted = Max(wanted - returned, 1);

	/* exact distances from the front, until what comes cannot be among the wanted ones */
	state->found = MemoryContextAllocHuge(state->stage_context, sizeof(Found) * (Size) Max(survivors.n, 1));
	state->n_found = 0;
	state->next = 0;
	distances.room = Min(wanted, survivors.n + 1);
	distances.items = MemoryContextAllocHuge(state->stage_context, sizeof(SearchItem) * (Size) distances.room);
	for (int i = -PAGES_AHEAD; i < 0; i++)
		expect_rows(state, &survivors, i);
	for (int i = 0; i < survivors.n; i++)
	{
		const SearchItem *item = &survivors.items[i];
		Found	   *found = &state->found[state->n_found];
		double		distance;

		if (!late && distances.n == distances.room &&
			(i >= effort.exact - returned || item->key - deviations * item->spread > search_limit(&distances)))
			break;
		if (item->key - deviations * item->spread > state->limit)
			break;
		CHECK_FOR_INTERRUPTS();
		expect_rows(state, &survivors, i);
		item_tid(item, &found->tid);
		if (!measure(scan, &found->tid, &distance))
			continue;
		found->distance = distance;
		state->n_found++;
		search_offer(&distances, (SearchItem) {.key = (float) tree_square(state, distance)});
	}
	qsort(state->found, state->n_found, sizeof(Found), compare_found);
	state->used_up = late;

	/* beyond the wanted ones nearer rows may have been left out */
	if (!late)
		state->n_found = Min(state->n_found, wanted);
	if (state->any)
	{
		int			kept = 0;

		for (int i = 0; i < state->n_found; i++)
			if (late || compare_found(&state->found[i], &state->last) > 0)
				state->found[kept++] = state->found[i];
		state->n_found = kept;

		/* rows behind the last one first, in order, then the late ones */
		if (late)
		{
			int			first = 0;
			Found	   *sorted = palloc(sizeof(Found) * Max(kept, 1));

			while (first < kept && compare_found(&state->found[first], &state->last) < 0)
				first++;
			memcpy(sorted, state->found + first, sizeof(Found) * (kept - first));
			memcpy(sorted + kept - first, state->found, sizeof(Found) * first);
			state->found = sorted;
		}
	}
	MemoryContextSwitchTo(state->context);
}

/* Measure and sort all rows that were not returned; those nearer than what was returned come last. */
static void
sort_rest(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	float		deviations = tree_deviations(state->recall);
	ItemPointerData *tids;
	ItemPointerData tid;
	AnnBlock	block;
	TreeWalk	walk;
	Buffer		buffer;

	MemoryContextSwitchTo(state->context);
	state->rest = tree_rest_begin();
	MemoryContextReset(state->stage_context);
	MemoryContextSwitchTo(state->stage_context);
	tids = palloc(state->shape->leaf.room * sizeof(ItemPointerData));
	tree_walk_init(&walk, scan->indexRelation, state->shape, &state->meta, state->query, state->filter, &state->counts);
	while ((buffer = tree_walk_leaf(&walk, &block)) != InvalidBuffer)
	{
		const TreeRow *rows = tree_rows(BufferGetPage(buffer), &state->shape->leaf);
		int			n = 0;

		for (int j = 0; j < block.n; j++)
		{
			double		least = walk.scratch.estimates[j];

			/* an exact search leaves nothing to its estimates */
			if (state->recall < 1)
				least -= deviations * code_deviation(&walk.scratch.query, block.norm[j], block.error[j], state->shape->width);
			if (!rows[j].dead && walk.scratch.estimates[j] < INFINITY && (state->recall >= 1 || least <= state->limit))
				tids[n++] = rows[j].tid;
		}
		UnlockReleaseBuffer(buffer);
		for (int j = 0; j < n; j++)
			tree_rest_met(state->rest, &tids[j]);
	}
	qsort(state->returned, state->returned_n, sizeof(ItemPointerData), compare_tids);
	while (tree_rest_row(state->rest, &tid))
	{
		Found		found = {.tid = tid};
		bool		late;

		CHECK_FOR_INTERRUPTS();
		if (bsearch(&tid, state->returned, state->returned_n, sizeof(ItemPointerData), compare_tids) != NULL ||
			!measure(scan, &tid, &found.distance))
			continue;
		late = state->any && compare_found(&found, &state->last) <= 0;

		/* an exact search has returned them */
		if (!late || state->recall < 1)
			tree_rest_measured(state->rest, late, found.distance, &tid);
	}
	MemoryContextReset(state->stage_context);
}

/* Rows at the front of an exact search, on their way from memory. */
static void
expect_front(const TreeScan *state)
{
	ItemPointerData tid;

	if (tree_exact_front(&state->walk, 0, &tid))
		tree_fetch_expect_row(state->fetch, &tid);
	for (int i = 1; i <= 2; i++)
		if (tree_exact_front(&state->walk, i, &tid))
			tree_fetch_expect_page(state->fetch, &tid);
}

/* Exact: true with the next row in *tid. */
static bool
next_exact(IndexScanDesc scan, ItemPointer tid)
{
	TreeScan   *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->stage_context);
	bool		result = false;

	for (;;)
	{
		ItemPointerData row;
		double		bound = tree_exact_bound(&state->walk);
		double		distance;

		CHECK_FOR_INTERRUPTS();
		if (!pairingheap_is_empty(state->nearest))
		{
			Found	   *first = pairingheap_container(Found, node, pairingheap_first(state->nearest));

			if (tree_square(state, first->distance) < bound || isinf(bound))
			{
				pairingheap_remove_first(state->nearest);
				state->waiting--;
				state->last = *first;
				state->any = true;
				*tid = first->tid;
				pfree(first);
				result = true;
				break;
			}
		}
		else if (isinf(bound))
			break;
		if (state->waiting + Max(state->walk.frontier.n - 2 * state->meta.leaves, 0) / FRONTIER_SHARE > rows_in_memory())
		{
			sort_rest(scan);
			result = tree_rest_next(state->rest, tid);
			break;
		}
		if (!tree_exact_step(&state->walk, &row))
			continue;
		expect_front(state);
		if (measure(scan, &row, &distance))
		{
			Found	   *found = palloc(sizeof(Found));

			found->distance = distance;
			found->tid = row;
			pairingheap_add(state->nearest, &found->node);
			state->waiting++;
		}
	}
	MemoryContextSwitchTo(old);
	return result;
}

/* The rows of the next stage; false: they are too many for memory. */
static bool
next_stage(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	TreeEffort	effort;

	if (state->stage == 0)
	{
		state->stage = FIRST_STAGE;
		return true;
	}
	state->stage = (int) Min(state->stage * STAGE_GROWTH, PG_INT32_MAX / 2);
	tree_effort(&state->meta, state->shape, state->recall, state->stage, &effort);
	return survivors_room(scan, &effort) <= rows_in_memory();
}

static bool
next_approximate(IndexScanDesc scan, ItemPointer tid)
{
	TreeScan   *state = scan->opaque;

	while (state->next >= state->n_found)
	{
		MemoryContext old;

		if (state->used_up)
			return false;
		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(state->context);
		if (next_stage(scan))
			search_stage(scan);
		else
			sort_rest(scan);
		MemoryContextSwitchTo(old);
		if (state->rest != NULL)
			return tree_rest_next(state->rest, tid);
	}
	state->last = state->found[state->next++];
	state->any = true;
	*tid = state->last.tid;
	if (state->returned_n == state->returned_room)
	{
		state->returned_room = Max(2 * state->returned_room, FIRST_STAGE);
		state->returned = state->returned == NULL ?
			MemoryContextAlloc(state->context, sizeof(ItemPointerData) * state->returned_room) :
			repalloc_huge(state->returned, sizeof(ItemPointerData) * state->returned_room);
	}
	state->returned[state->returned_n++] = *tid;
	return true;
}

bool
tree_next(IndexScanDesc scan, ScanDirection direction)
{
	TreeScan   *state = scan->opaque;

	if (!state->started)
		start(scan);
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	if (state->nothing)
		return false;
	if (state->rest != NULL)
		return tree_rest_next(state->rest, &scan->xs_heaptid);
	return state->recall >= 1 ? next_exact(scan, &scan->xs_heaptid) : next_approximate(scan, &scan->xs_heaptid);
}
