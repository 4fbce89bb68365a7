/*
 * materialize_fill.c
 *	  Fills a materialised column: scan, embed in batches, update row by row.
 *
 * Rows are updated below the level of SQL, by the function that the apply worker of logical
 * replication uses.  It maintains indexes, CHECK and NOT NULL constraints, generated columns,
 * partition bounds and the replica identity.  The user's triggers and rules do not fire, as when
 * ALTER TABLE rewrites a table.  Other columns are copied as stored: values out of line keep their
 * place in the TOAST table.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define BATCH_ROWS		1024
#define BATCH_FLOATS	(1024 * 1024)	/* of input and output together */
#define NOTICE_MS		5000

typedef struct Fill
{
	Relation	rel;
	AttrNumber	attnum;
	const DmlVersion *version;
	DmlFeatureExprs *exprs;
	FillCounts *counts;
	TimestampTz last_notice;

	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot *old_slot;
	TupleTableSlot *new_slot;

	/* the batch */
	MemoryContext context;		/* of its tuples */
	ItemPointer evaluating;		/* the row whose features are being evaluated, or NULL */
	int			capacity;
	int			n;
	int			n_complete;
	HeapTuple  *tuples;
	bool	   *complete;
	float4	   *x;				/* n_complete x in */
	float4	   *out;
} Fill;

/* An executor state for one table, rel, whose column attnum is updated. */
static EState *
fill_estate(Relation rel, AttrNumber attnum, Snapshot snapshot)
{
	EState	   *estate = CreateExecutorState();
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	Bitmapset  *updated = bms_make_singleton(attnum - FirstLowInvalidHeapAttributeNumber);

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = AccessShareLock;
#if PG_VERSION_NUM >= 160000
	{
		List	   *permissions = NIL;

		addRTEPermissionInfo(&permissions, rte)->updatedCols = updated;
#if PG_VERSION_NUM >= 180000
		ExecInitRangeTable(estate, list_make1(rte), permissions, bms_make_singleton(1));
#else
		ExecInitRangeTable(estate, list_make1(rte), permissions);
#endif
	}
#else
	rte->updatedCols = updated;
	ExecInitRangeTable(estate, list_make1(rte));
#endif
	estate->es_snapshot = snapshot;
	estate->es_output_cid = GetCurrentCommandId(true);
	return estate;
}

static void
fill_update(Fill *fill)
{
#if PG_VERSION_NUM >= 140000
	ExecSimpleRelationUpdate(fill->result, fill->estate, NULL, fill->old_slot, fill->new_slot);
#else
	ExecSimpleRelationUpdate(fill->estate, NULL, fill->old_slot, fill->new_slot);
#endif
}

/* Write value to a row of the batch, unless the row has it already. */
static void
fill_write(Fill *fill, HeapTuple tuple, const DmlVector *value)
{
	TupleDesc	desc = RelationGetDescr(fill->rel);
	TupleTableSlot *old = fill->old_slot;
	TupleTableSlot *new = fill->new_slot;
	int			at = fill->attnum - 1;

	ExecStoreHeapTuple(tuple, old, false);
	slot_getallattrs(old);
	if (value == NULL && old->tts_isnull[at])
		return;
	if (value != NULL && !old->tts_isnull[at])
	{
		const DmlVector *stored = DatumGetDmlVectorP(old->tts_values[at]);

		if (VARSIZE(stored) == VARSIZE(value) && memcmp(stored, value, VARSIZE(value)) == 0)
			return;
	}

	ExecClearTuple(new);
	memcpy(new->tts_values, old->tts_values, sizeof(Datum) * desc->natts);
	memcpy(new->tts_isnull, old->tts_isnull, sizeof(bool) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped)
			new->tts_isnull[i] = true;
	}
	new->tts_values[at] = PointerGetDatum(value);
	new->tts_isnull[at] = value == NULL;
	ExecStoreVirtualTuple(new);
	new->tts_tableOid = RelationGetRelid(fill->rel);
	fill_update(fill);
	if (value != NULL)
		fill->counts->embedded++;
}

static void
fill_notice(Fill *fill)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!TimestampDifferenceExceeds(fill->last_notice, now, NOTICE_MS))
		return;
	fill->last_notice = now;
	ereport(NOTICE,
			(errmsg("%lld rows embedded so far", (long long) fill->counts->embedded)));
}

/* Embed the batch and write it, then empty it. */
static void
fill_flush(Fill *fill)
{
	const DmlVersion *version = fill->version;
	const float4 *next = fill->out;

	CHECK_FOR_INTERRUPTS();
	if (fill->n_complete > 0)
		dml_version_embed(version, fill->x, fill->n_complete, fill->out);
	for (int i = 0; i < fill->n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(fill->estate));
		DmlVector  *value = NULL;

		if (fill->complete[i])
		{
			value = dml_vector_new(version->out, version->space);
			memcpy(value->x, next, sizeof(float4) * version->out);
			next += version->out;
		}
		fill_write(fill, fill->tuples[i], value);
		MemoryContextSwitchTo(old);
		ResetPerTupleExprContext(fill->estate);
		CHECK_FOR_INTERRUPTS();
	}
	ExecClearTuple(fill->old_slot);
	ExecClearTuple(fill->new_slot);
	MemoryContextReset(fill->context);
	fill->n = 0;
	fill->n_complete = 0;
	fill_notice(fill);
}

/* Whether the row has an embedding of the space.  Reads only the head of the value. */
static bool
is_fresh(TupleTableSlot *slot, AttrNumber attnum, uint64 space)
{
	bool		isnull;
	Datum		datum = slot_getattr(slot, attnum, &isnull);
	struct varlena *head;
	uint64		stored;

	if (isnull)
		return false;
	head = PG_DETOAST_DATUM_SLICE(datum, 0, offsetof(DmlVector, x) - VARHDRSZ);
	memcpy(&stored, (char *) head + offsetof(DmlVector, space), sizeof(stored));
	if ((Pointer) head != DatumGetPointer(datum))
		pfree(head);
	return stored == space;
}

/* Add a scanned row to the batch. */
static void
fill_add(Fill *fill, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(fill->context);
	int			i = fill->n++;

	fill->evaluating = &slot->tts_tid;
	fill->complete[i] = dml_features_eval(fill->exprs, slot, fill->version,
										  fill->x + (size_t) fill->n_complete * fill->version->in);
	fill->evaluating = NULL;
	if (fill->complete[i])
		fill->n_complete++;
	else
		fill->counts->incomplete++;
	fill->tuples[i] = ExecCopySlotHeapTuple(slot);
	MemoryContextSwitchTo(old);
}

static void
fill_error_context(void *arg)
{
	const Fill *fill = arg;
	const char *column = NameStr(TupleDescAttr(RelationGetDescr(fill->rel), fill->attnum - 1)->attname);
	const char *table = RelationGetRelationName(fill->rel);

	if (fill->evaluating)
		errcontext("embedding by model \"%s@%d\" for column \"%s\" of table \"%s\", row with ctid (%u,%u)",
				   fill->version->name, fill->version->number, column, table,
				   ItemPointerGetBlockNumberNoCheck(fill->evaluating),
				   ItemPointerGetOffsetNumberNoCheck(fill->evaluating));
	else
		errcontext("embedding by model \"%s@%d\" for column \"%s\" of table \"%s\"",
				   fill->version->name, fill->version->number, column, table);
}

void
materialize_fill(Relation rel, AttrNumber attnum, const DmlVersion *version,
				 DmlFeatureExprs *exprs, bool keep_fresh, FillCounts *counts)
{
	Fill		fill = {0};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml fill", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ErrorContextCallback callback;
	TupleTableSlot *scan_slot;
	TableScanDesc scan;
	Snapshot	snapshot;

	fill.rel = rel;
	fill.attnum = attnum;
	fill.version = version;
	fill.exprs = exprs;
	fill.counts = counts;
	fill.last_notice = GetCurrentTimestamp();
	callback.callback = fill_error_context;
	callback.arg = &fill;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	fill.capacity = Max(1, Min(BATCH_ROWS, BATCH_FLOATS / (version->in + version->out)));
	fill.context = AllocSetContextCreate(context, "dml fill batch", ALLOCSET_DEFAULT_SIZES);
	fill.tuples = palloc(sizeof(HeapTuple) * fill.capacity);
	fill.complete = palloc(sizeof(bool) * fill.capacity);
	fill.x = palloc(sizeof(float4) * fill.capacity * version->in);
	fill.out = palloc(sizeof(float4) * fill.capacity * version->out);

	/*
	 * The snapshot sees all rows that were committed before our lock was granted, at any isolation
	 * level, and no row that the filling writes.
	 */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);

	fill.estate = fill_estate(rel, attnum, snapshot);
	fill.result = makeNode(ResultRelInfo);
	InitResultRelInfo(fill.result, rel, 1, NULL, 0);
	fill.result->ri_TrigDesc = NULL;
#if PG_VERSION_NUM < 140000
	fill.estate->es_result_relations = fill.result;
	fill.estate->es_num_result_relations = 1;
	fill.estate->es_result_relation_info = fill.result;
#endif
	ExecOpenIndices(fill.result, false);
	fill.old_slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	fill.new_slot = table_slot_create(rel, NULL);

	scan_slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, scan_slot))
	{
		counts->rows++;
		if (keep_fresh && is_fresh(scan_slot, attnum, version->space))
		{
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		fill_add(&fill, scan_slot);
		if (fill.n == fill.capacity)
			fill_flush(&fill);
	}
	table_endscan(scan);
	fill_flush(&fill);

	error_context_stack = callback.previous;
	ExecDropSingleTupleTableSlot(scan_slot);
	ExecDropSingleTupleTableSlot(fill.old_slot);
	ExecDropSingleTupleTableSlot(fill.new_slot);
	ExecCloseIndices(fill.result);
	ExecResetTupleTable(fill.estate->es_tupleTable, false);
	FreeExecutorState(fill.estate);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	CommandCounterIncrement();
}
