/*
 * radius_index.c
 *	  The neighbours of a table's rows within a radius, by an index.
 *
 * The index is searched through its access method by the condition of dml_within, with dml.recall
 * at 1, which makes it exact.  A row is known by its place (ctid).  So an answer of the index is
 * one of the caller's rows, or nothing if a policy hides it from the caller.
 */
#include "compat.h"

#include "answer/radius_index.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "read/source.h"
#include "vector/vector.h"

/* Strategy and support function of the operator classes (pg/index/tree.h) */
#define WITHIN_STRATEGY		2
#define METRIC_PROC			1
#define METRIC_L2			1
#define METRIC_COSINE		2

struct RadiusIndex
{
	Relation	table;
	Relation	index;
	AttrNumber	column;
	ClusterMetric metric;
	double		within;
	const RadiusRow *rows;		/* in the order of their places */
	int64		n;

	MemoryContext context;		/* of a search; reset with each */
	TupleDesc	ball;
	IndexScanDesc scan;
	ScanKeyData key;
	TupleTableSlot *row;
	TupleTableSlot *found;
	int			guc_level;
};

/*
 * Whether an open index serves the column and the metric, and all rows that the transaction sees
 * are in it.
 */
static bool
serves(Relation index, AttrNumber column, ClusterMetric metric)
{
	Oid			vector = dml_vector_type_oid();
	Oid			metric_function;

	if (index->rd_rel->relam != get_index_am_oid("dml", true) || !index->rd_index->indisvalid || !index->rd_index->indisready ||
		index->rd_index->indkey.values[0] != column || RelationGetIndexPredicate(index) != NIL)
		return false;

	/* as the planner does: HOT chains may be broken that are older than the index */
	if (index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin))
		return false;
	metric_function = get_opfamily_proc(index->rd_opfamily[0], vector, vector, METRIC_PROC);
	return OidIsValid(metric_function) &&
		DatumGetInt32(OidFunctionCall0(metric_function)) == (metric == CLUSTER_L2 ? METRIC_L2 : METRIC_COSINE);
}

RadiusIndex *
radius_index_open(const char *source, const char *embedding, ClusterMetric metric)
{
	Oid			relid = dml_source_relation(source);
	char		kind = OidIsValid(relid) ? get_rel_relkind(relid) : '\0';
	RadiusIndex *radius;
	List	   *names;
	AttrNumber	column;
	ListCell   *cell;
	Relation	table;

	if ((kind != RELKIND_RELATION && kind != RELKIND_MATVIEW) || pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return NULL;
	if (!SplitIdentifierString(pstrdup(embedding), '.', &names) || list_length(names) != 1)
		return NULL;
	column = get_attnum(relid, linitial(names));
	if (column == InvalidAttrNumber)
		return NULL;
	table = relation_open(relid, AccessShareLock);
	if (find_inheritance_children(relid, NoLock) == NIL)
		foreach(cell, RelationGetIndexList(table))
		{
			Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

			if (serves(index, column, metric))
			{
				radius = palloc0(sizeof(RadiusIndex));
				radius->table = table;
				radius->index = index;
				radius->column = column;
				radius->metric = metric;
				return radius;
			}
			index_close(index, AccessShareLock);
		}
	relation_close(table, NoLock);
	return NULL;
}

/* The type of balls around vectors, by the function that makes one. */
static Oid
ball_type(void)
{
	Oid			types[] = {dml_vector_type_oid(), FLOAT8OID};

	return get_func_rettype(LookupFuncName(list_make2(makeString(dml_vector_schema()), makeString("dml_ball")), 2, types, false));
}

/* A place as a number that sorts alike. */
static inline uint64
place_number(const ItemPointerData *place)
{
	return (uint64) ItemPointerGetBlockNumberNoCheck(place) << 16 | ItemPointerGetOffsetNumberNoCheck(place);
}

static int
compare_places(const void *a, const void *b)
{
	uint64		left = place_number(&((const RadiusRow *) a)->place);
	uint64		right = place_number(&((const RadiusRow *) b)->place);

	CHECK_FOR_INTERRUPTS();
	return left < right ? -1 : left > right;
}

/* A scan of the table mostly has them in order already. */
static void
sort_rows(RadiusRow *rows, int64 n)
{
	int64		i = 1;

	while (i < n && compare_places(&rows[i - 1], &rows[i]) < 0)
		i++;
	if (i < n)
		qsort(rows, n, sizeof(RadiusRow), compare_places);
}

void
radius_index_begin(RadiusIndex *radius, RadiusRow *rows, int64 n, double within)
{
	Oid			vector = dml_vector_type_oid();
	Oid			ball = ball_type();
	Oid			operator = get_opfamily_member(radius->index->rd_opfamily[0], vector, ball, WITHIN_STRATEGY);
	Snapshot	snapshot = GetActiveSnapshot();

	if (!OidIsValid(operator))
		elog(ERROR, "index \"%s\" has no condition on a radius", RelationGetRelationName(radius->index));
	sort_rows(rows, n);
	radius->rows = rows;
	radius->n = n;
	radius->within = within;
	radius->guc_level = NewGUCNestLevel();
	(void) set_config_option("dml.recall", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	radius->context = AllocSetContextCreate(CurrentMemoryContext, "dml ball", ALLOCSET_DEFAULT_SIZES);
	radius->ball = lookup_rowtype_tupdesc_copy(ball, -1);
	radius->row = table_slot_create(radius->table, NULL);
	radius->found = table_slot_create(radius->table, NULL);
#if PG_VERSION_NUM >= 180000
	radius->scan = index_beginscan(radius->table, radius->index, snapshot, NULL, 1, 0);
#else
	radius->scan = index_beginscan(radius->table, radius->index, snapshot, 1, 0);
#endif
	ScanKeyEntryInitialize(&radius->key, 0, 1, WITHIN_STRATEGY, ball, InvalidOid, get_opcode(operator), (Datum) 0);
}

/* The number of the row at a place; -1: it is none of the caller's. */
static int32
row_at(const RadiusIndex *radius, const ItemPointerData *place)
{
	int64		low = 0;
	int64		high = radius->n;
	uint64		wanted = place_number(place);

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (place_number(&radius->rows[middle].place) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < radius->n && place_number(&radius->rows[low].place) == wanted)
		return radius->rows[low].number;
	return -1;
}

/* The distance of a vector to that of the found row. */
static double
distance_to_found(const RadiusIndex *radius, const DmlVector *vector)
{
	bool		isnull;
	Datum		value = slot_getattr(radius->found, radius->column, &isnull);
	DmlVector  *found = DatumGetDmlVectorP(value);
	double		distance = clusters_distance(radius->metric, vector->x, found->x, vector->dim);

	if ((Pointer) found != DatumGetPointer(value))
		pfree(found);
	return distance;
}

void
radius_index_neighbours(RadiusIndex *radius, const RadiusRow *row, Dbscan *scan)
{
	MemoryContext old = MemoryContextSwitchTo(radius->context);
	ItemPointerData place = row->place;

	dbscan_row(scan, row->number);
	if (table_tuple_fetch_row_version(radius->table, &place, GetActiveSnapshot(), radius->row))
	{
		bool		nulls[2] = {false, false};
		DmlVector  *vector = DatumGetDmlVectorP(slot_getattr(radius->row, radius->column, &nulls[0]));
		Datum		values[2] = {PointerGetDatum(vector), Float8GetDatum(radius->within)};

		radius->key.sk_argument = HeapTupleGetDatum(heap_form_tuple(radius->ball, values, nulls));
		index_rescan(radius->scan, &radius->key, 1, NULL, 0);
		while (index_getnext_slot(radius->scan, ForwardScanDirection, radius->found))
		{
			int32		other = row_at(radius, &radius->found->tts_tid);

			CHECK_FOR_INTERRUPTS();
			if (other >= 0)
				dbscan_neighbour(scan, other, dbscan_wants_distance(scan, other) ? distance_to_found(radius, vector) : 0);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(radius->context);
}

void
radius_index_end(RadiusIndex *radius)
{
	index_endscan(radius->scan);
	ExecDropSingleTupleTableSlot(radius->row);
	ExecDropSingleTupleTableSlot(radius->found);
	MemoryContextDelete(radius->context);
	AtEOXact_GUC(false, radius->guc_level);
}

void
radius_index_close(RadiusIndex *radius)
{
	index_close(radius->index, NoLock);
	relation_close(radius->table, NoLock);
}
