/*
 * check.c
 *	  dml_index_check(): is an index what README.md promises, and does it say what its table says?
 *
 * The tree is walked from the root, every node once, and then the pages that were not met.
 * Nobody may change who is whose child meanwhile: without the table that is the structure lock (an
 * insert that would split a page waits, all others go on), with it ShareLock on both.  On a standby no lock
 * stops replay, so it must be paused.
 *
 * With the table, the rows of both go through one sort by TID.  What is needed at the same time is
 * a bit a block, a page a level, and maintenance_work_mem for the sort.
 */
#include "compat.h"

#include <math.h>

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xlog.h"
#if PG_VERSION_NUM >= 150000
#include "access/xlogrecovery.h"
#endif
#include "catalog/index.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "ann/distance.h"
#include "inspect.h"
#include "model/owner.h"

PG_FUNCTION_INFO_V1(dml_index_check);

/* Roundings of sums of squares in float, relative; and of elements, relative to vectors' lengths. */
#define SUM_ROUNDING		2e-5
#define ELEMENT_ROUNDING	1e-6

/* Where a row of the sort comes from. */
enum
{
	FROM_INDEX,
	FROM_TABLE
};

typedef struct Check
{
	Relation	index;
	Relation	heap;
	TreeMeta	meta;
	const TreeShape *shape;
	BlockNumber blocks;
	bits8	   *met;			/* a bit a block: it was reached from the root */
	BufferAccessStrategy strategy;
	PGAlignedBlock *pages;		/* of the node at hand, a page a level */
	float	   *center;			/* of that node, width floats a level */
	float	   *rotated;		/* width floats */
	float	   *scratch;		/* width floats */

	/* with the table */
	Snapshot	snapshot;		/* NULL: without */
	BlockNumber heap_blocks;
	TreeFetch  *fetch;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
	struct varlena *packed;
	MemoryContext row;			/* reset with each row of the table */

	int64		nodes;
	int64		rows;
	int64		dead;
	int64		gone;
	int64		free;
	int64		leaked;
} Check;

static void complain(const Check *check, BlockNumber block, const char *format,...) pg_attribute_printf(3, 4) pg_attribute_noreturn();

static void
complain(const Check *check, BlockNumber block, const char *format,...)
{
	char		what[512];
	va_list		args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	tree_corrupted(check->index, block, what);
}

/* A copy of a page, so that nothing is locked while it is looked at. */
static void
copy_page(Check *check, BlockNumber block, Page copy)
{
	Buffer		buffer;

	CHECK_FOR_INTERRUPTS();
	buffer = ReadBufferExtended(check->index, MAIN_FORKNUM, block, RBM_NORMAL, check->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(copy, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
}

static double
length_of(const float *x, int n)
{
	double		square = 0;

	for (int i = 0; i < n; i++)
		square += (double) x[i] * x[i];
	return sqrt(square);
}

/* Does a ball around a reach so far as b and beyond it by `more`? */
static bool
covers(const Check *check, const float *a, double radius, const float *b, double more)
{
	int			width = check->shape->width;
	double		reach = distance_l2(a, b, width) + more;

	return reach <= radius * (1 + SUM_ROUNDING) + reach * SUM_ROUNDING +
		ELEMENT_ROUNDING * (length_of(a, width) + length_of(b, width));
}

/* The factors of an entry: what scoring multiplies with. */
static void
check_factors(const Check *check, BlockNumber block, const AnnBlock *entries, int j)
{
	float		norm = entries->norm[j];
	float		scale = entries->scale[j];
	float		error = entries->error[j];

	if (!(norm >= 0) || !(error >= 0) || !isfinite(norm) || !isfinite(error) || !isfinite(scale))
		complain(check, block, "The factors of entry %d are not possible: norm %g, scale %g, error %g.", j, norm, scale, error);
}

/* The code of an entry is that of the vector (rotated) as far as its error says. */
static void
check_code(const Check *check, BlockNumber block, const AnnBlock *entries, const float *center, int j,
		   const float *rotated)
{
	int			width = check->shape->width;
	double		rounding = ELEMENT_ROUNDING * (length_of(center, width) + length_of(rotated, width));
	double		distance = distance_l2(center, rotated, width);
	double		norm = sqrt(entries->norm[j]);
	double		off = 0;

	/* of a vector that nobody saw when its page was split */
	if (entries->error[j] >= TREE_NOT_CERTAIN)
		return;
	if (fabs(norm - distance) > distance * SUM_ROUNDING + rounding)
		complain(check, block, "Entry %d is at distance %g from the center, not %g.", j, distance, norm);
	code_decode(entries->codes + (Size) j * entries->stride, entries->bits, width, entries->scale[j], check->scratch);
	for (int i = 0; i < width; i++)
	{
		double		d = (double) check->scratch[i] - ((double) rotated[i] - center[i]);

		off += d * d;
	}
	off = sqrt(off);
	if (off > entries->error[j] * (1 + 1e-3) + rounding + 1e-3 * distance)
		complain(check, block, "The code of entry %d is off by %g, and its error says %g.", j, off, entries->error[j]);
}

/* The squared length that an index of inner products keeps: the vector's, or more where that was not known. */
static void
check_square(const Check *check, BlockNumber block, Page page, int j, const float *rotated, bool at_least)
{
	const TreeLayout *layout = &check->shape->leaf;
	double		length = length_of(rotated, check->shape->width);
	double		square = layout->square == 0 ? length * length : tree_squares(page, layout)[j];

	if (square < length * length * (1 - SUM_ROUNDING) || (!at_least && square > length * length * (1 + SUM_ROUNDING)))
		complain(check, block, "Entry %d has length %g, not %g.", j, length, sqrt(square));
}

/* What a leaf knows of its columns must be true of an entry. */
static void
check_ranges(const Check *check, BlockNumber block, Page page, int j)
{
	const TreeColumns *columns = &check->shape->columns;

	for (int i = 0; i < columns->n; i++)
	{
		const TreeColumn *column = &columns->column[i];
		FmgrInfo   *compare = index_getprocinfo(check->index, i + 2, TREE_COMPARE_PROC);
		Oid			collation = check->index->rd_indcollation[i + 1];
		Datum		value = tree_column_datum(column, tree_column_value(page, column, j));
		const TreeRange *range = tree_range(page, column);

		if (tree_column_isnull(page, column, j))
		{
			if (!range->has_nulls)
				complain(check, block, "Column %d of entry %d is NULL, and the page says that none is.", i + 2, j);
		}
		else if (!range->has_values ||
				 DatumGetInt32(FunctionCall2Coll(compare, collation, value,
												 tree_column_datum(column, tree_range_least(page, column)))) < 0 ||
				 DatumGetInt32(FunctionCall2Coll(compare, collation, value,
												 tree_column_datum(column, tree_range_most(page, column)))) > 0)
			complain(check, block, "Column %d of entry %d is not within the range that the page gives.", i + 2, j);
	}
}

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

static void
check_leaf(Check *check, BlockNumber block, Page page, const float *center)
{
	const TreeLayout *layout = &check->shape->leaf;
	const TreeRow *rows = tree_rows(page, layout);
	const TreeNode *node = tree_node(page);
	AnnBlock	entries;
	int			dead = 0;

	tree_block(page, layout, &entries);
	for (int j = 0; j < entries.n; j++)
	{
		ItemPointerData tid = rows[j].tid;
		const DmlVector *vector;

		if (rows[j].dead > 1)
			complain(check, block, "Entry %d is neither dead nor alive.", j);
		dead += rows[j].dead;
		if (rows[j].dead)
			continue;
		check_factors(check, block, &entries, j);
		if (!ItemPointerIsValid(&tid) || ItemPointerGetBlockNumberNoCheck(&tid) == InvalidBlockNumber)
			complain(check, block, "Entry %d points to no row.", j);
		if (check->snapshot != NULL && ItemPointerGetBlockNumber(&tid) >= check->heap_blocks)
			complain(check, block, "Entry %d points to row (%u,%u), which is behind the end of the table.", j,
					 ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid));
		if (sqrt(entries.norm[j]) > node->radius * (1 + SUM_ROUNDING))
			complain(check, block, "Entry %d is at distance %g from the center, and the radius is %g.", j,
					 sqrt(entries.norm[j]), node->radius);
		check_ranges(check, block, page, j);
		if (check->snapshot == NULL)
			continue;

		CHECK_FOR_INTERRUPTS();
		tree_columns_get(page, &check->shape->columns, j, VARDATA(check->packed));
		sort_row(check, &tid, FROM_INDEX, block);
		vector = tree_fetch(check->fetch, &tid, check->snapshot);
		if (vector == NULL)
			continue;			/* for vacuum to take, or nothing: the sort will tell */
		if (vector->dim != check->meta.dims || vector->space != check->meta.space ||
			!tree_rotate(check->shape, vector->x, check->scratch, check->rotated))
			complain(check, block, "Entry %d points to row (%u,%u), whose vector is not one of this index.", j,
					 ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid));
		if (!covers(check, center, node->radius, check->rotated, 0))
			complain(check, block, "Row (%u,%u) of entry %d is at distance %g from the center, and the radius is %g.",
					 ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid), j,
					 distance_l2(center, check->rotated, check->shape->width), node->radius);
		check_code(check, block, &entries, center, j, check->rotated);
		check_square(check, block, page, j, check->rotated, entries.error[j] >= TREE_NOT_CERTAIN);
	}
	if (dead != node->dead)
		complain(check, block, "It says that %d entries are dead, and %d are.", node->dead, dead);
	check->rows += entries.n - dead;
	check->dead += dead;
}

/* A node and all below it; its page and its center stay in the places of its level. */
static void
check_node(Check *check, BlockNumber from, TreeChild pointer, int level)
{
	const TreeLayout *layout = tree_layout_of(check->shape, level);
	BlockNumber block = pointer.block;
	Page		page = check->pages[level].data;
	float	   *center = check->center + (Size) level * check->shape->width;
	const TreeNode *node = tree_node(page);
	AnnBlock	entries;

	if (block >= check->blocks)
		complain(check, from, "It points to block %u, and there are %u.", block, check->blocks);
	if (check->met[block / 8] & (1 << block % 8))
		complain(check, block, "It has more than one parent; one is block %u.", from);
	check->met[block / 8] |= 1 << block % 8;
	copy_page(check, block, page);
	tree_check_node(check->index, block, page, check->shape);
	if (tree_special(page)->kind != TREE_NODE)
		complain(check, block, "It is gone, and block %u points to it.", from);
	if (tree_special(page)->birth != pointer.birth)
		complain(check, block, "It was born as %u, and block %u points to %u.", tree_special(page)->birth, from, pointer.birth);
	if (tree_special(page)->level != level)
		complain(check, block, "It is of level %d, and block %u points to level %d.", tree_special(page)->level, from, level);
	check->nodes++;
	tree_node_center(page, layout, center);
	if (level == 0)
	{
		check_leaf(check, block, page, center);
		return;
	}

	if (node->n == 0)
		complain(check, block, "It has no child.");
	if (node->dead != 0)
		complain(check, block, "It says that %d children are dead.", node->dead);
	tree_block(page, layout, &entries);
	for (int j = 0; j < entries.n; j++)
	{
		TreeChild	child = tree_children(page, layout)[j];
		float		radius = tree_radii(page, layout)[j];
		const TreeNode *below = tree_node(check->pages[level - 1].data);
		const float *child_center = center - check->shape->width;

		check_factors(check, block, &entries, j);
		if (!(radius >= 0) || isinf(radius))
			complain(check, block, "The radius of child %d is not possible: %g.", j, radius);
		check_node(check, block, child, level - 1);
		if (radius < below->radius)
			complain(check, block, "It says that block %u has radius %g, which has %g.", child.block, radius, below->radius);
		if (!covers(check, center, node->radius, child_center, below->radius))
			complain(check, block, "Its radius %g does not cover block %u, at distance %g with radius %g.", node->radius,
					 child.block, distance_l2(center, child_center, check->shape->width), below->radius);
		check_code(check, block, &entries, center, j, child_center);
	}
}

/* A page that is gone: where its entries went is, or was, a node of its level. */
static void
check_forwards(Check *check, BlockNumber block, Page page)
{
	const TreeNode *node = tree_node(page);
	PGAlignedBlock target;

	if (node->gone_at > U64FromFullTransactionId(ReadNextFullTransactionId()))
		complain(check, block, "It went in a transaction to come.");
	for (int i = 0; i < 2; i++)
	{
		const TreeSpecial *special;

		if (node->forward[i] == InvalidBlockNumber)
			continue;
		if (node->forward[i] >= check->blocks)
			complain(check, block, "It forwards to block %u, and there are %u.", node->forward[i], check->blocks);
		copy_page(check, node->forward[i], target.data);
		tree_check_node(check->index, node->forward[i], target.data, check->shape);
		special = tree_special(target.data);
		if (special->birth < node->forward_birth[i] ||
			(special->birth == node->forward_birth[i] && special->level != tree_special(page)->level))
			complain(check, block, "It forwards to block %u, which is not what it became.", node->forward[i]);
	}
}

/* The pages that the root does not lead to. */
static void
check_others(Check *check)
{
	PGAlignedBlock copy;
	Page		page = copy.data;

	for (BlockNumber block = TREE_META_BLOCK + 1; block < check->blocks; block++)
	{
		if (check->met[block / 8] & (1 << block % 8))
			continue;
		copy_page(check, block, page);
		if (PageIsNew(page))
		{
			check->free++;
			continue;
		}
		tree_check_page(check->index, block, page);
		if (block <= TREE_META_BLOCK + check->meta.origin_blocks)
		{
			if (tree_special(page)->kind != TREE_ORIGIN)
				complain(check, block, "It is not a page of the origin.");
			continue;
		}
		if (check->shape == NULL)
			complain(check, block, "The index has no row, and this is a page of one.");
		tree_check_node(check->index, block, page, check->shape);
		if (tree_special(page)->kind == TREE_GONE)
		{
			check->gone++;
			check_forwards(check, block, page);
		}
		else
			check->leaked++;
	}
}

static void
check_meta(const Check *check)
{
	const TreeCalibration *calibration = &check->meta.calibration;

	if (check->meta.root == InvalidBlockNumber)
		return;
	if (check->meta.leaves < 1 || calibration->leaves < 0)
		complain(check, TREE_META_BLOCK, "Its number of leaves is not possible.");
	for (int i = 0; calibration->leaves > 0 && i < TREE_TARGETS; i++)
		if (calibration->probes[i] < 1 || calibration->deep[i] < 1 || calibration->exact[i] < 1)
			complain(check, TREE_META_BLOCK, "Its calibration is not possible.");
}

/* table_index_build_scan: a row that the index must have, unless it has no vector to be found by. */
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
		complain(check, block, "It has row (%u,%u), and the table has none there.", table_block, offset);
	if (heap_only)
		complain(check, block, "It has row (%u,%u), which is reached through another row.", table_block, offset);
}

static void
begin_table(Check *check)
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

/* Every row of the table is in the index once. */
static void
compare_table(Check *check)
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
				complain(check, block, "It has row (%u,%u), which is in block %u too.",
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
			complain(check, row_block, "It has other values in the columns of row (%u,%u) than the table.",
					 ItemPointerGetBlockNumber(&row), ItemPointerGetOffsetNumber(&row));
	}
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(check->slot);
	tuplesort_end(check->sort);
	tree_fetch_end(check->fetch);
	PopActiveSnapshot();
	UnregisterSnapshot(check->snapshot);
}

/* What the lock of a caller is to be; on a standby nothing moves while replay is paused. */
static LOCKMODE
lock_for(bool with_table)
{
	if (!RecoveryInProgress())
		return with_table ? ShareLock : AccessShareLock;
	if (!dml_replay_is_paused())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("an index of a standby can be checked only while replay is paused"),
				 errhint("Call pg_wal_replay_pause() before and pg_wal_replay_resume() afterwards.")));
	return AccessShareLock;
}

/* Before anything is locked: others may not stop writers. */
static void
check_owner(Oid index_oid)
{
#if PG_VERSION_NUM >= 160000
	bool		owns = object_ownercheck(RelationRelationId, index_oid, GetUserId());
#else
	bool		owns = pg_class_ownercheck(index_oid, GetUserId());
#endif

	if (!owns)
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(index_oid)), get_rel_name(index_oid));
}

/*
 * dml_index_check(index regclass, heap boolean): an error of SQLSTATE XX002 that names the block if
 * anything is wrong, else a row of what there is.  For the table's owner.
 */
Datum
dml_index_check(PG_FUNCTION_ARGS)
{
	bool		with_table = PG_GETARG_BOOL(1);
	LOCKMODE	lock = lock_for(with_table);
	Check		check = {0};
	TupleDesc	desc;
	Datum		values[7];
	bool		nulls[7] = {false};
	OwnerScope	scope;
	int			width;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (get_rel_relkind(PG_GETARG_OID(0)) != '\0')
		check_owner(PG_GETARG_OID(0));
	check.index = tree_inspect_open(PG_GETARG_OID(0), lock, &check.heap);

	/* expressions of the index are the owner's code */
	owner_scope_begin(&scope, check.heap->rd_rel->relowner, INDEX_PATH_RESTRICTED);
	if (!RecoveryInProgress())
		LockPage(check.index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	tree_meta_read(check.index, &check.meta);
	check.shape = tree_shape(check.index, &check.meta, CurrentMemoryContext);
	check.blocks = RelationGetNumberOfBlocks(check.index);
	check.met = MemoryContextAllocExtended(CurrentMemoryContext, check.blocks / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check.strategy = GetAccessStrategy(BAS_BULKREAD);
	width = check.shape == NULL ? 0 : check.shape->width;
	check.pages = palloc((check.meta.root_level + 1) * sizeof(PGAlignedBlock));
	check.center = palloc((Size) (check.meta.root_level + 3) * width * sizeof(float));
	check.rotated = check.center + (Size) (check.meta.root_level + 1) * width;
	check.scratch = check.rotated + width;
	check_meta(&check);
	if (with_table)
		begin_table(&check);
	if (check.meta.root != InvalidBlockNumber)
		check_node(&check, TREE_META_BLOCK, (TreeChild) {check.meta.root, check.meta.root_birth}, check.meta.root_level);
	check_others(&check);
	if (!RecoveryInProgress())
		UnlockPage(check.index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	if (with_table)
		compare_table(&check);

	owner_scope_end(&scope);
	FreeAccessStrategy(check.strategy);
	tree_inspect_close(check.index, check.heap, lock);
	values[0] = Int32GetDatum(check.meta.root == InvalidBlockNumber ? 0 : check.meta.root_level + 1);
	values[1] = Int64GetDatum(check.nodes);
	values[2] = Int64GetDatum(check.rows);
	values[3] = Int64GetDatum(check.dead);
	values[4] = Int64GetDatum(check.gone);
	values[5] = Int64GetDatum(check.free);
	values[6] = Int64GetDatum(check.leaked);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
