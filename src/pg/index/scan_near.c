/*
 * scan_near.c
 *	  Approximate search.
 *
 * How many rows will be asked for is not known, so the search goes in stages: for 10 rows, for
 * 32, for 102. Each stage is a search of its own. It visits the leaves that its number of rows
 * needs, and measures rows that were not returned yet. A stage returns the rows behind the last
 * row returned. If it finds a row late, nearer than the last row returned, that row waits until
 * the tree is used up. So a filter that few rows pass still gets all of them; order.c adds a sort
 * where that may happen.
 *
 * Conditions on the index's own columns are tested before a row counts. A stage is then for rows
 * that pass, and it ends when the leaves that were not visited are expected to hold no more of
 * them than the recall allows to miss.
 *
 * A ball, dml_within(), is a search in order of the distance from its center, or from the ORDER
 * BY's query, that ends where the ball does. A stage is the last one if it finds fewer rows
 * within reach than it was made for. Rows outside are not returned, so nothing is left to check.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "scan.h"

/* Hints to memory before a row is measured: for its page, and for the row in it. */
#define PAGES_AHEAD			4
#define ROWS_AHEAD			2

#define LOOKS				8	/* looks at the share that passes, while the leaves double */
#define GUESSES				16	/* estimates of missed rows, while the leaves double */

/*
 * The share of the allowed misses that may be expected in leaves that were not visited. Smaller
 * if a condition outside of the index may have rejected all rows but the last ones of a stage,
 * which are missed most.
 */
#define FILTERED_MISSES		0.25
#define DEEP_MISSES			0.1

/*
 * With a filter: the last of these leaves, of all, none of which had a row among the wanted ones.
 */
#define USELESS_SHARE		4

/* Before memory for more survivors is taken, the rows that the index can have are counted. */
#define MANY_SURVIVORS		100000

/*
 * With a filter: the leaves that would be visited for all rows that had to be met for `wanted`
 * rows that pass, by the share that has passed so far.
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

/*
 * Are more of the wanted rows expected in leaves that were not visited than the recall allows to
 * miss? Asked with conditions on columns, which may go along with the vectors, and in every stage
 * after the first. These are mostly made because a condition outside of the index rejects rows.
 * Where rows that pass are spread evenly over the leaves, calibration says how many leaves they
 * take.
 */
static bool
misses_too_many(const TreeScan *state, const TreeWalk *walk, const SearchBest *nearest)
{
	double		limit = Min(search_limit(nearest), state->limit);
	double		enough = (1 - state->recall) * Max(rows_near(nearest, limit), 1) *
		(state->filter == NULL ? DEEP_MISSES : FILTERED_MISSES);

	if (state->filter != NULL && isinf(state->limit) && tree_walk_is_even(walk))
		return false;
	return tree_walk_missed(walk, limit, enough) > enough;
}

/* Drop rows that were returned already; returns how many. */
static int
drop_returned(TreeScan *state, SearchBest *rows)
{
	int			kept = 0;
	int			dropped;

	if (!state->any)
		return 0;
	qsort(state->returned, state->returned_n, sizeof(ItemPointerData), tree_compare_tids);
	for (int i = 0; i < rows->n; i++)
	{
		ItemPointerData tid;

		tree_item_tid(&rows->items[i], &tid);
		if (bsearch(&tid, state->returned, state->returned_n, sizeof(ItemPointerData), tree_compare_tids) == NULL)
			rows->items[kept++] = rows->items[i];
	}
	dropped = rows->n - kept;
	rows->n = kept;
	return dropped;
}

/*
 * How many survivors a stage may have: what its effort says, and no more rows than the index can
 * have.
 */
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
		tree_item_tid(&rows->items[i + PAGES_AHEAD], &tid);
		tree_fetch_expect_page(state->fetch, &tid);
	}
	if (i + ROWS_AHEAD >= 0 && i + ROWS_AHEAD < rows->n)
	{
		tree_item_tid(&rows->items[i + ROWS_AHEAD], &tid);
		tree_fetch_expect_row(state->fetch, &tid);
	}
}

/*
 * Measure survivors in the order of their estimates, until no later one can be among the `wanted`
 * rows, and at most `most` of them; all that may lie in the balls if the tree is used up. They
 * become state->found, by distance.
 */
static void
measure_survivors(IndexScanDesc scan, const SearchBest *survivors, int wanted, int most)
{
	TreeScan   *state = scan->opaque;
	SearchBest	distances = {.room = Min(wanted, survivors->n + 1)};
	float		deviations = tree_deviations(state->recall);

	state->found = MemoryContextAllocHuge(state->stage_context, sizeof(Found) * (Size) Max(survivors->n, 1));
	state->n_found = 0;
	state->next = 0;
	distances.items = MemoryContextAllocHuge(state->stage_context, sizeof(SearchItem) * (Size) distances.room);
	for (int i = -PAGES_AHEAD; i < 0; i++)
		expect_rows(state, survivors, i);
	for (int i = 0; i < survivors->n; i++)
	{
		const SearchItem *item = &survivors->items[i];
		Found	   *found = &state->found[state->n_found];
		double		distance;

		if (!state->used_up && distances.n == distances.room &&
			(i >= most || item->key - deviations * item->spread > search_limit(&distances)))
			break;
		if (item->key - deviations * item->spread > state->limit)
			break;
		CHECK_FOR_INTERRUPTS();
		expect_rows(state, survivors, i);
		tree_item_tid(item, &found->tid);
		if (!tree_measure(scan, &found->tid, &distance))
			continue;
		found->distance = distance;
		state->n_found++;
		search_offer(&distances, (SearchItem) {.key = (float) tree_scan_square(state, distance)});
	}
	qsort(state->found, state->n_found, sizeof(Found), tree_compare_found);

	/* beyond the wanted ones nearer rows may have been left out */
	if (!state->used_up)
		state->n_found = Min(state->n_found, wanted);
}

/*
 * Keep the rows of state->found behind the last one returned. If the tree is used up, the nearer
 * ones are kept, too, and come last.
 */
static void
order_behind_last(TreeScan *state)
{
	Found	   *sorted;
	int			first = 0;

	while (first < state->n_found && tree_compare_found(&state->found[first], &state->last) < 0)
		first++;
	if (!state->used_up)
	{
		while (first < state->n_found && tree_compare_found(&state->found[first], &state->last) == 0)
			first++;
		state->n_found -= first;
		memmove(state->found, state->found + first, sizeof(Found) * state->n_found);
		return;
	}
	sorted = MemoryContextAllocHuge(state->stage_context, sizeof(Found) * (Size) Max(state->n_found, 1));
	memcpy(sorted, state->found + first, sizeof(Found) * (state->n_found - first));
	memcpy(sorted + state->n_found - first, state->found, sizeof(Found) * first);
	state->found = sorted;
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
	SearchBest	nearest = {0};	/* where the walk is watched: the wanted ones, by their estimates */
	int64		useful = 0;		/* leaves up to the last one that had one of them */
	int			wanted = state->stage;
	int64		leaves = 0;
	int64		probes;
	int64		look;			/* leaves after which the share that passes is looked at */
	bool		bounded = !isinf(state->limit);
	double		near;
	bool		late;
	int			returned;

	MemoryContextReset(state->stage_context);
	MemoryContextSwitchTo(state->stage_context);
	tree_effort(&state->meta, state->shape, state->recall, wanted, &effort);
	look = probes = effort.probes;
	tree_walk_init(&walk, scan->indexRelation, state->shape, &state->meta, state->query, state->filter, &state->counts);
	survivors.room = survivors_room(scan, &effort);
	survivors.items = MemoryContextAllocHuge(state->stage_context, sizeof(SearchItem) * (Size) survivors.room);
	walk.watch = state->filter != NULL || wanted > TREE_FIRST_STAGE;
	if (walk.watch)
	{
		nearest.room = Min(wanted, survivors.room);
		nearest.items = MemoryContextAllocHuge(state->stage_context, sizeof(SearchItem) * (Size) nearest.room);
	}

	for (state->used_up = true;; leaves++)
	{
		AnnBlock	block;
		Buffer		buffer;

		if (leaves >= look && state->filter != NULL && !bounded)
		{
			/*
			 * Of few rows that passed the share is a matter of chance: look again on the way.
			 * Where rows that pass begin far from the query the share says nothing: they are
			 * sought as long as nearer ones come.
			 */
			probes = Max(filtered_probes(state, &walk, wanted), useful + Max(effort.probes, useful / USELESS_SHARE));
			look = Min(probes, leaves + leaves / LOOKS + 1);
		}
		if (leaves >= probes && (bounded || survivors.n >= Min(wanted, survivors.room)))
		{
			if (!walk.watch || !misses_too_many(state, &walk, &nearest))
			{
				state->used_up = false;
				break;
			}
			look = probes = leaves + leaves / GUESSES + 1;
		}
		buffer = tree_walk_leaf(&walk, &block);
		if (buffer == InvalidBuffer)
			break;
		if (walk.watch)
			tree_walk_note(&walk, &block);
		if (tree_walk_offer(&walk, BufferGetPage(buffer), &block, NULL, 0, INFINITY, &survivors, &nearest))
			useful = leaves + 1;
		UnlockReleaseBuffer(buffer);
	}
	if (nearest.room > 0)
		pfree(nearest.items);

	/* nothing was left out: the tree is used up, or the balls */
	near = bounded ? rows_near(&survivors, state->limit) : 0;
	late = (state->used_up && survivors.n < survivors.room) ||
		(bounded && near * walk.rows < (double) wanted * walk.passed && near <= walk.passed / 2.0);
	search_sort(&survivors);
	returned = drop_returned(state, &survivors);
	wanted = Max(wanted - returned, 1);

	state->used_up = late;
	measure_survivors(scan, &survivors, wanted, effort.exact - returned);
	if (state->any)
		order_behind_last(state);
	MemoryContextSwitchTo(state->context);
}

/* The rows of the next stage; false: they are too many for memory. */
static bool
next_stage(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	TreeEffort	effort;

	if (state->stage == 0)
	{
		state->stage = TREE_FIRST_STAGE;
		return true;
	}
	state->stage = (int) Min(state->stage * TREE_STAGE_GROWTH, PG_INT32_MAX / 2);
	tree_effort(&state->meta, state->shape, state->recall, state->stage, &effort);
	return survivors_room(scan, &effort) <= tree_rows_in_memory();
}

bool
tree_next_near(IndexScanDesc scan, ItemPointer tid)
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
			tree_sort_rest(scan);
		MemoryContextSwitchTo(old);
		if (state->rest != NULL)
			return tree_rest_next(state->rest, tid);
	}
	state->last = state->found[state->next++];
	state->any = true;
	*tid = state->last.tid;
	if (state->returned_n == state->returned_room)
	{
		state->returned_room = Max(2 * state->returned_room, TREE_FIRST_STAGE);
		state->returned = state->returned == NULL ?
			MemoryContextAlloc(state->context, sizeof(ItemPointerData) * state->returned_room) :
			repalloc_huge(state->returned, sizeof(ItemPointerData) * state->returned_room);
	}
	state->returned[state->returned_n++] = *tid;
	return true;
}
