/*
 * fetch.c
 *	  Vectors from the table: exact distances in a scan, centers in a split.
 */
#include "compat.h"

#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "tree.h"

struct TreeFetch
{
	IndexFetchTableData *table;
	TupleTableSlot *slot;
	AttrNumber	attnum;			/* of the vector; 0: an expression */
	IndexInfo  *info;			/* of an expression */
	EState	   *estate;
	MemoryContext owner;		/* of what lives as long as this */
	TreeToast  *toast;			/* NULL: no value was out of line yet */
	MemoryContext context;		/* of the value; reset with each call */
};

TreeFetch *
tree_fetch_begin(Relation heap, Relation index)
{
	TreeFetch  *fetch = palloc0(sizeof(TreeFetch));

#if PG_VERSION_NUM >= 190000
	fetch->table = table_index_fetch_begin(heap, 0);
#else
	fetch->table = table_index_fetch_begin(heap);
#endif
	fetch->owner = CurrentMemoryContext;
	fetch->slot = table_slot_create(heap, NULL);
	fetch->context = AllocSetContextCreate(CurrentMemoryContext, "dml index vector", ALLOCSET_DEFAULT_SIZES);
	fetch->attnum = index->rd_index->indkey.values[0];
	if (fetch->attnum == 0)
	{
		/* a private one: the caller's may hold expression states of another query */
		fetch->info = BuildIndexInfo(index);
		fetch->estate = CreateExecutorState();
		GetPerTupleExprContext(fetch->estate)->ecxt_scantuple = fetch->slot;
	}
	return fetch;
}

const DmlVector *
tree_fetch(TreeFetch *fetch, const ItemPointerData *tid, Snapshot snapshot)
{
	ItemPointerData row = *tid;
	bool		again = false;
	bool		isnull;
	Datum		value;
	MemoryContext old;
	const DmlVector *vector;

	MemoryContextReset(fetch->context);

	/* it moves on to the version that the snapshot sees; what the index has is the chain's beginning */
	if (!table_index_fetch_tuple(fetch->table, &row, snapshot, fetch->slot, &again, NULL))
		return NULL;
	if (fetch->attnum != 0)
		value = slot_getattr(fetch->slot, fetch->attnum, &isnull);
	else
	{
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		ResetPerTupleExprContext(fetch->estate);
		FormIndexDatum(fetch->info, fetch->slot, fetch->estate, values, nulls);
		value = values[0];
		isnull = nulls[0];
	}
	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(fetch->context);
	vector = (const DmlVector *) tree_detoast(&fetch->toast, fetch->owner, value);
	MemoryContextSwitchTo(old);
	return vector;
}

void
tree_fetch_end(TreeFetch *fetch)
{
	if (fetch->toast)
		tree_toast_close(fetch->toast);
	ExecDropSingleTupleTableSlot(fetch->slot);
	table_index_fetch_end(fetch->table);
	if (fetch->estate)
		FreeExecutorState(fetch->estate);
	MemoryContextDelete(fetch->context);
	pfree(fetch);
}
