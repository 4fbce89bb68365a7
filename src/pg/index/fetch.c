/*
 * fetch.c
 *	  Vectors from the table: exact distances in a scan, centers in a split.
 *
 * A heap's rows are read from their pages without a slot, so that a search, which knows what
 * it will read next, can have it on its way: most of the time of an exact distance is cache misses.
 * Tables of other access methods, and expressions, go through the general interface.
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "tree.h"

/* Of a row on its way: what a processor does not fetch by itself once the first of it is read. */
#define PREFETCH_ROW_BYTES	1024

struct TreeFetch
{
	Relation	index;
	Relation	heap;
	AttrNumber	attnum;			/* of the vector; 0: an expression */
	MemoryContext owner;		/* of what lives as long as this */
	TreeToast  *toast;			/* NULL: no value was out of line yet */
	MemoryContext context;		/* of the value; reset when it was used */
	bool		used;

	bool		is_heap;
	BlockNumber blocks;			/* of a heap, when they were last asked for */

	/* a column of a heap */
	bool		direct;
	Buffer		buffer;			/* of the row read last, pinned */
	BlockNumber block;			/* that it is of */

	/* anything else */
	IndexFetchTableData *table;
	TupleTableSlot *slot;
	ExprState  *expr;			/* the first of the index's expressions */
	EState	   *estate;
};

/* The general interface. */
static void
open_table(TreeFetch *fetch)
{
#if PG_VERSION_NUM >= 190000
	fetch->table = table_index_fetch_begin(fetch->heap, 0);
#else
	fetch->table = table_index_fetch_begin(fetch->heap);
#endif
	fetch->slot = table_slot_create(fetch->heap, NULL);
}

TreeFetch *
tree_fetch_begin(Relation heap, Relation index)
{
	TreeFetch  *fetch = palloc0(sizeof(TreeFetch));

	fetch->index = index;
	fetch->heap = heap;
	fetch->owner = CurrentMemoryContext;
	fetch->context = AllocSetContextCreate(CurrentMemoryContext, "dml index vector", ALLOCSET_DEFAULT_SIZES);
	fetch->attnum = index->rd_index->indkey.values[0];
	fetch->is_heap = heap->rd_tableam == GetHeapamTableAmRoutine();
	fetch->direct = fetch->attnum > 0 && fetch->is_heap;
	fetch->buffer = InvalidBuffer;
	if (fetch->direct)
		return fetch;

	open_table(fetch);
	if (fetch->attnum == 0)
	{
		/*
		 * no other expression: a search is by this one, and others may call what the searcher does
		 * not trust
		 */
		fetch->estate = CreateExecutorState();
		fetch->expr = ExecPrepareExpr((Expr *) linitial(RelationGetIndexExpressions(index)), fetch->estate);
		GetPerTupleExprContext(fetch->estate)->ecxt_scantuple = fetch->slot;
	}
	return fetch;
}

/*
 * Does the table have a row's block? A damaged leaf may name any block. VACUUM cannot truncate
 * the table while we hold its lock.
 */
static void
check_block(TreeFetch *fetch, const ItemPointerData *tid)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);

	if (block < fetch->blocks || (block != InvalidBlockNumber && !fetch->is_heap))
		return;
	if (block != InvalidBlockNumber)
		fetch->blocks = RelationGetNumberOfBlocks(fetch->heap);
	if (block >= fetch->blocks)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is damaged", RelationGetRelationName(fetch->index)),
				 errdetail("It has a row in block %u of table \"%s\", which has %u blocks.", block,
						   RelationGetRelationName(fetch->heap), RelationGetNumberOfBlocks(fetch->heap)),
				 errhint("REINDEX it.")));
}

/*
 * The value in the version of a heap's row that the snapshot sees, in its page, which stays
 * pinned until the next call; false: there is none.
 */
static bool
read_heap(TreeFetch *fetch, ItemPointer tid, Snapshot snapshot, Datum *value, bool *isnull)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	HeapTupleData tuple;
	bool		found;

	if (!BufferIsValid(fetch->buffer) || block != fetch->block)
	{
		if (BufferIsValid(fetch->buffer))
			ReleaseBuffer(fetch->buffer);
		fetch->buffer = InvalidBuffer;
		fetch->buffer = tree_read(fetch->heap, block);
		fetch->block = block;
	}
	LockBuffer(fetch->buffer, BUFFER_LOCK_SHARE);
	found = heap_hot_search_buffer(tid, fetch->heap, fetch->buffer, snapshot, &tuple, NULL, true);
	LockBuffer(fetch->buffer, BUFFER_LOCK_UNLOCK);
	if (found)
		*value = heap_getattr(&tuple, fetch->attnum, RelationGetDescr(fetch->heap), isnull);
	return found;
}

/* Fetch a row's value through the table's access method. */
static bool
read_table(TreeFetch *fetch, ItemPointer tid, Snapshot snapshot, Datum *value, bool *isnull)
{
	bool		again = false;

	if (!table_index_fetch_tuple(fetch->table, tid, snapshot, fetch->slot, &again, NULL))
		return false;
	if (fetch->attnum != 0)
	{
		*value = slot_getattr(fetch->slot, fetch->attnum, isnull);
		return true;
	}
	ResetPerTupleExprContext(fetch->estate);
	*value = ExecEvalExprSwitchContext(fetch->expr, GetPerTupleExprContext(fetch->estate), isnull);
	return true;
}

const DmlVector *
tree_fetch(TreeFetch *fetch, const ItemPointerData *tid, Snapshot snapshot)
{
	ItemPointerData row = *tid;
	bool		isnull;
	Datum		value;
	MemoryContext old;
	const DmlVector *vector;

	check_block(fetch, tid);
	if (fetch->used)
		MemoryContextReset(fetch->context);
	fetch->used = false;

	/* the slot may hold a later version of the row; the index has the first one of the chain */
	if (!(fetch->direct ? read_heap : read_table) (fetch, &row, snapshot, &value, &isnull) || isnull)
		return NULL;
	if (!VARATT_IS_EXTENDED((struct varlena *) DatumGetPointer(value)))
		return (const DmlVector *) DatumGetPointer(value);
	fetch->used = true;
	old = MemoryContextSwitchTo(fetch->context);
	vector = (const DmlVector *) tree_detoast(&fetch->toast, fetch->owner, value);
	MemoryContextSwitchTo(old);
	return vector;
}

/* A transaction of these days with its epoch. */
static uint64
full_xid(const TreeGone *gone, TransactionId xid)
{
	return gone->next - (uint32) ((uint32) gone->next - xid);
}

bool
tree_fetch_gone(TreeFetch *fetch, const ItemPointerData *tid, TreeGone *gone)
{
	ItemPointerData version = *tid;
	bool		again = false;

	check_block(fetch, tid);
	if (gone->next == 0)
	{
		gone->horizon = dml_oldest_xmin(fetch->heap);
		gone->next = U64FromFullTransactionId(ReadNextFullTransactionId());
	}
	if (fetch->table == NULL)
		open_table(fetch);
	while (table_index_fetch_tuple(fetch->table, &version, SnapshotAny, fetch->slot, &again, NULL))
	{
		BufferHeapTupleTableSlot *slot = (BufferHeapTupleTableSlot *) fetch->slot;
		TransactionId deleter;
		HTSV_Result fate;

		if (!TTS_IS_BUFFERTUPLE(fetch->slot))
			return false;
		LockBuffer(slot->buffer, BUFFER_LOCK_SHARE);
		fate = HeapTupleSatisfiesVacuum(slot->base.tuple, gone->horizon, slot->buffer);
		deleter = fate == HEAPTUPLE_RECENTLY_DEAD ? HeapTupleHeaderGetUpdateXid(slot->base.tuple->t_data) : InvalidTransactionId;
		LockBuffer(slot->buffer, BUFFER_LOCK_UNLOCK);
		if (fate == HEAPTUPLE_RECENTLY_DEAD)
		{
			uint64		xid = full_xid(gone, deleter);

			gone->least = gone->least == 0 ? xid : Min(gone->least, xid);
			gone->most = Max(gone->most, xid);
		}
		else if (fate != HEAPTUPLE_DEAD)
			return false;
		if (!again)
			break;
	}
	return true;
}

void
tree_fetch_expect_page(const TreeFetch *fetch, const ItemPointerData *tid)
{
	const char *page;

	if (!fetch->direct)
		return;
	page = tree_recent(fetch->heap, ItemPointerGetBlockNumberNoCheck(tid));
	if (page == NULL)
		return;
	tree_prefetch(page, 0, 1);
	tree_prefetch(page, SizeOfPageHeaderData + (int) sizeof(ItemIdData) * ItemPointerGetOffsetNumberNoCheck(tid), 1);
}

void
tree_fetch_expect_row(const TreeFetch *fetch, const ItemPointerData *tid)
{
	const char *page;
	int			at = SizeOfPageHeaderData + (int) sizeof(ItemIdData) * (ItemPointerGetOffsetNumberNoCheck(tid) - 1);
	ItemIdData	item;

	if (!fetch->direct || at < SizeOfPageHeaderData || at > BLCKSZ - (int) sizeof(item))
		return;
	page = tree_recent(fetch->heap, ItemPointerGetBlockNumberNoCheck(tid));
	if (page == NULL)
		return;
	memcpy(&item, page + at, sizeof(item));
	tree_prefetch(page, ItemIdGetOffset(&item), Min((int) ItemIdGetLength(&item), PREFETCH_ROW_BYTES));
}

void
tree_fetch_end(TreeFetch *fetch)
{
	if (fetch->toast)
		tree_toast_close(fetch->toast);
	if (BufferIsValid(fetch->buffer))
		ReleaseBuffer(fetch->buffer);
	if (fetch->slot)
		ExecDropSingleTupleTableSlot(fetch->slot);
	if (fetch->table)
		table_index_fetch_end(fetch->table);
	if (fetch->estate)
		FreeExecutorState(fetch->estate);
	MemoryContextDelete(fetch->context);
	pfree(fetch);
}
