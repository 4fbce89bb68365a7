/*
 * scan_exact.c
 *	  Exact search (dml.recall = 1): a row is returned when nothing unseen can be nearer.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "scan.h"

#define EXACT_AHEAD			16

/* Of what a row takes, that before it is measured. */
#define FRONTIER_SHARE		((int64) (TREE_ROW_BYTES / sizeof(SearchItem)))

/* pairingheap: the nearest is the first. */
static int
compare_nearest(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	return tree_compare_found(pairingheap_const_container(Found, node, b), pairingheap_const_container(Found, node, a));
}

void
tree_exact_search(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->stage_context);

	tree_walk_init(&state->walk, scan->indexRelation, state->shape, &state->meta, state->query, state->filter, &state->counts);
	tree_exact_begin(&state->walk, EXACT_AHEAD, state->limit);
	state->nearest = pairingheap_allocate(compare_nearest, NULL);
	MemoryContextSwitchTo(old);
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

bool
tree_next_exact(IndexScanDesc scan, ItemPointer tid)
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

			if (tree_scan_square(state, first->distance) < bound || isinf(bound))
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
		if (state->waiting + Max(state->walk.frontier.n - 2 * state->meta.leaves, 0) / FRONTIER_SHARE > tree_rows_in_memory())
		{
			tree_sort_rest(scan);
			result = tree_rest_next(state->rest, tid);
			break;
		}
		if (!tree_exact_step(&state->walk, &row))
			continue;
		expect_front(state);
		if (tree_measure(scan, &row, &distance))
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
