/*
 * check_table.c
 *	  dml_index_check(): does an index say what its table says?
 *
 * The rows of both go through one sort by TID.
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"

/* Where a row of the sort comes from. */
enum
{
	FROM_INDEX,
	FROM_TABLE
};

/* A row into the sort, with its columns in check->packed. */
static void
sort_row(Check *check, ItemPointer tid, int from, BlockNumber block)
{
	TupleTableSlot *slot = check->slot;
	int			bytes = check->shape == NULL ? 0 : check->shape->columns.packed_bytes;

	SET_VARSIZE(check->packed, VARHDRSZ + bytes);
	ExecClearTuple(slot);
	slot->tts_values[3] = PointerGetDatum(check->packed);
	slot->tts_values[0] = PointerGetDatum(tid);
	slot->tts_values[1] = Int32GetDatum(from);
	slot->tts_values[2] = Int64GetDatum((int64) block);
	memset(slot->tts_isnull, false, 4 * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(check->sort, slot);
}

void
check_table_row(Check *check, ItemPointer tid, BlockNumber block)
{
	sort_row(check, tid, FROM_INDEX, block);
}

/*
 * table_index_build_scan: a row that the index must have, unless it has no vector to be found by.
 */
static void
take_table_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	Check	   *check = state;
	MemoryContext old;
	bool		indexed;

	if (isnull[0])
		return;
	old = MemoryContextSwitchTo(check->row);
	indexed = check->shape == NULL || check->meta.metric != TREE_COSINE ||
		tree_rotate(check->shape, DatumGetDmlVectorP(values[0])->x, check->scratch, check->rotated);
	MemoryContextSwitchTo(old);
	MemoryContextReset(check->row);
	if (indexed && check->shape != NULL)
		tree_columns_pack(&check->shape->columns, values, isnull, VARDATA(check->packed));
	if (indexed)
		sort_row(check, tid, FROM_TABLE, InvalidBlockNumber);
}

/* A row of the index that the snapshot does not see must be there still, for vacuum to take. */
static void
check_pointer(Check *check, ItemPointer tid, BlockNumber block)
{
	BlockNumber table_block = ItemPointerGetBlockNumber(tid);
	OffsetNumber offset = ItemPointerGetOffsetNumber(tid);
	Buffer		buffer;
	Page		page;
	bool		used;
	bool		heap_only = false;

	if (check->heap->rd_rel->relam != HEAP_TABLE_AM_OID)
		return;
	buffer = ReadBuffer(check->heap, table_block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	used = offset <= PageGetMaxOffsetNumber(page) && ItemIdIsUsed(PageGetItemId(page, offset));
	if (used && ItemIdIsNormal(PageGetItemId(page, offset)))
		heap_only = HeapTupleHeaderIsHeapOnly((HeapTupleHeader) PageGetItem(page, PageGetItemId(page, offset)));
	UnlockReleaseBuffer(buffer);
	if (!used)
		check_complain(check, block, "It has row (%u,%u), and the table has none there.", table_block, offset);
	if (heap_only)
		check_complain(check, block, "It has row (%u,%u), which is reached through another row.", table_block, offset);
}

void
check_table_begin(Check *check)
{
	TupleDesc	desc = CreateTemplateTupleDesc(4);
	AttrNumber	keys[] = {1, 2};
	Oid			operators[] = {TIDLessOperator, Int4LessOperator};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};

	TupleDescInitEntry(desc, 1, "row", TIDOID, -1, 0);
	TupleDescInitEntry(desc, 2, "from", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 3, "block", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 4, "columns", BYTEAOID, -1, 0);
	check->packed = palloc(VARHDRSZ + (check->shape == NULL ? 0 : check->shape->columns.packed_bytes));
	check->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	check->sort = tuplesort_begin_heap(desc, 2, keys, operators, collations, nulls_first, maintenance_work_mem, NULL, 0);
	check->row = AllocSetContextCreate(CurrentMemoryContext, "dml index check row", ALLOCSET_DEFAULT_SIZES);
	check->heap_blocks = RelationGetNumberOfBlocks(check->heap);
	check->snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(check->snapshot);
	check->fetch = tree_fetch_begin(check->heap, check->index);
}

void
check_table_compare(Check *check)
{
	IndexInfo  *info = BuildIndexInfo(check->index);
	TableScanDesc scan = table_beginscan_strat(check->heap, check->snapshot, 0, NULL, true, true);
	ItemPointerData row;
	BlockNumber row_block = InvalidBlockNumber; /* where the index has it */
	bool		any = false;
	bool		in_table = false;
	int			bytes = check->shape == NULL ? 0 : check->shape->columns.packed_bytes;
	char	   *packed = palloc(bytes + 1);
	TupleTableSlot *slot;

	/* with an MVCC snapshot of ours, as in the second half of CREATE INDEX CONCURRENTLY */
	info->ii_Concurrent = true;
	info->ii_Unique = false;
	table_index_build_scan(check->heap, check->index, info, true, false, take_table_row, check, scan);
	tuplesort_performsort(check->sort);
	slot = MakeSingleTupleTableSlot(check->slot->tts_tupleDescriptor, &TTSOpsMinimalTuple);
	for (;;)
	{
		bool		more = tuplesort_gettupleslot(check->sort, true, false, slot, NULL);
		bool		isnull;
		ItemPointer tid = more ? (ItemPointer) DatumGetPointer(slot_getattr(slot, 1, &isnull)) : NULL;

		CHECK_FOR_INTERRUPTS();
		if (any && (!more || !ItemPointerEquals(&row, tid)))
		{
			if (!in_table)
				check_pointer(check, &row, row_block);
			row_block = InvalidBlockNumber;
			in_table = false;
		}
		if (!more)
			break;
		row = *tid;
		any = true;
		if (DatumGetInt32(slot_getattr(slot, 2, &isnull)) == FROM_INDEX)
		{
			BlockNumber block = (BlockNumber) DatumGetInt64(slot_getattr(slot, 3, &isnull));

			if (row_block != InvalidBlockNumber)
				check_complain(check, block, "It has row (%u,%u), which is in block %u too.",
						 ItemPointerGetBlockNumber(&row), ItemPointerGetOffsetNumber(&row), row_block);
			row_block = block;
			memcpy(packed, VARDATA_ANY(DatumGetPointer(slot_getattr(slot, 4, &isnull))), bytes);
			continue;
		}
		in_table = true;
		if (row_block == InvalidBlockNumber)
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("index \"%s\" lacks a row of table \"%s\"", RelationGetRelationName(check->index),
							RelationGetRelationName(check->heap)),
					 errdetail("It is row (%u,%u).", ItemPointerGetBlockNumber(&row), ItemPointerGetOffsetNumber(&row)),
					 errhint("REINDEX it.")));
		if (memcmp(packed, VARDATA_ANY(DatumGetPointer(slot_getattr(slot, 4, &isnull))), bytes) != 0)
			check_complain(check, row_block, "It has other values in the columns of row (%u,%u) than the table.",
					 ItemPointerGetBlockNumber(&row), ItemPointerGetOffsetNumber(&row));
	}
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(check->slot);
	tuplesort_end(check->sort);
	tree_fetch_end(check->fetch);
	PopActiveSnapshot();
	UnregisterSnapshot(check->snapshot);
}
