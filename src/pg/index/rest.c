/*
 * rest.c
 *	  The end of a search whose rows do not fit into work_mem: it measures and sorts all rows
 *	  that are left, with temporary files if needed.
 *
 * It sorts first by TID, since rows that are near each other in the tree lie anywhere in the
 * table, and fetches them in that order. Then it sorts by distance.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "scan.h"

#define LEAST_KILOBYTES		64	/* of a sort */

struct TreeRest
{
	Tuplesortstate *by_tid;		/* NULL: all of it was read */
	Tuplesortstate *by_distance;
	TupleTableSlot *in;
	TupleTableSlot *out;
	bool		reading;		/* the sort by TID takes no more rows ... */
	bool		returning;		/* ... nor the other one */
};

static Tuplesortstate *
begin_sort(const TreeRest *rest, int n_keys, AttrNumber *keys, Oid *operators)
{
	Oid			collations[] = {InvalidOid, InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false, false};

	return tuplesort_begin_heap(rest->in->tts_tupleDescriptor, n_keys, keys, operators, collations, nulls_first,
								Max(work_mem / 2, LEAST_KILOBYTES), NULL, 0);
}

static TreeRest *
rest_begin(void)
{
	TreeRest   *rest = palloc0(sizeof(TreeRest));
	TupleDesc	desc = CreateTemplateTupleDesc(3);

	TupleDescInitEntry(desc, 1, "late", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 2, "distance", FLOAT8OID, -1, 0);
	TupleDescInitEntry(desc, 3, "row", TIDOID, -1, 0);
	rest->in = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	rest->out = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	rest->by_tid = begin_sort(rest, 1, (AttrNumber[]) {3}, (Oid[]) {TIDLessOperator});
	rest->by_distance = begin_sort(rest, 3, (AttrNumber[]) {1, 2, 3},
								   (Oid[]) {Int4LessOperator, Float8LessOperator, TIDLessOperator});
	return rest;
}

static void
put(TreeRest *rest, Tuplesortstate *sort, bool late, double distance, ItemPointer tid)
{
	TupleTableSlot *slot = rest->in;

	ExecClearTuple(slot);
	slot->tts_values[0] = Int32GetDatum(late);
	slot->tts_values[1] = Float8GetDatum(distance);
	slot->tts_values[2] = PointerGetDatum(tid);
	memset(slot->tts_isnull, false, 3 * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(sort, slot);
#ifndef USE_FLOAT8_BYVAL
	pfree(DatumGetPointer(slot->tts_values[1]));
#endif
}

static bool
get(TreeRest *rest, Tuplesortstate *sort, ItemPointer tid)
{
	bool		isnull;

	if (!tuplesort_gettupleslot(sort, true, false, rest->out, NULL))
		return false;
	*tid = *(ItemPointer) DatumGetPointer(slot_getattr(rest->out, 3, &isnull));
	return true;
}

static void
rest_met(TreeRest *rest, ItemPointer tid)
{
	put(rest, rest->by_tid, false, 0, tid);
}

static bool
rest_row(TreeRest *rest, ItemPointer tid)
{
	if (!rest->reading)
		tuplesort_performsort(rest->by_tid);
	rest->reading = true;
	if (get(rest, rest->by_tid, tid))
		return true;
	ExecClearTuple(rest->out);
	tuplesort_end(rest->by_tid);
	rest->by_tid = NULL;
	return false;
}

static void
rest_measured(TreeRest *rest, bool late, double distance, ItemPointer tid)
{
	put(rest, rest->by_distance, late, distance, tid);
}

void
tree_sort_rest(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	float		deviations = tree_deviations(state->recall);
	ItemPointerData *tids;
	ItemPointerData tid;
	AnnBlock	block;
	TreeWalk	walk;
	Buffer		buffer;

	MemoryContextSwitchTo(state->context);
	state->rest = rest_begin();
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
			rest_met(state->rest, &tids[j]);
	}
	qsort(state->returned, state->returned_n, sizeof(ItemPointerData), tree_compare_tids);
	while (rest_row(state->rest, &tid))
	{
		Found		found = {.tid = tid};
		bool		late;

		CHECK_FOR_INTERRUPTS();
		if (bsearch(&tid, state->returned, state->returned_n, sizeof(ItemPointerData), tree_compare_tids) != NULL ||
			!tree_measure(scan, &tid, &found.distance))
			continue;
		late = state->any && tree_compare_found(&found, &state->last) <= 0;

		/* an exact search has returned them */
		if (!late || state->recall < 1)
			rest_measured(state->rest, late, found.distance, &tid);
	}
	MemoryContextReset(state->stage_context);
}

bool
tree_rest_next(TreeRest *rest, ItemPointer tid)
{
	if (!rest->returning)
		tuplesort_performsort(rest->by_distance);
	rest->returning = true;
	return get(rest, rest->by_distance, tid);
}

void
tree_rest_end(TreeRest *rest)
{
	ExecDropSingleTupleTableSlot(rest->out);
	ExecDropSingleTupleTableSlot(rest->in);
	if (rest->by_tid)
		tuplesort_end(rest->by_tid);
	tuplesort_end(rest->by_distance);
	pfree(rest);
}
