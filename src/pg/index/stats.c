/*
 * stats.c
 *	  dml_index_stats(): what an index is made of, what searches in it cost, and what the last
 *	  search of this session did.
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "inspect.h"
#include "walk.h"

PG_FUNCTION_INFO_V1(dml_index_stats);

/* The last search of this session, whichever index it was in. */
static Oid	searched_index = InvalidOid;
static TreeCounts searched;

void
tree_note_search(Relation index, const TreeCounts *counts)
{
	searched_index = RelationGetRelid(index);
	searched = *counts;
}

Relation
tree_inspect_open(Oid index_oid, LOCKMODE lock, Relation *heap)
{
	char		kind = get_rel_relkind(index_oid);
	Oid			heap_oid = kind == RELKIND_INDEX ? IndexGetRelation(index_oid, true) : InvalidOid;
	Relation	index;

	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index with OID %u does not exist", index_oid)));
	if (kind == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is partitioned and has no pages", get_rel_name(index_oid)),
				 errhint("Name the index of a partition: SELECT relid FROM pg_partition_tree(%s) WHERE isleaf.",
						 quote_literal_cstr(DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(index_oid)))))));

	/* the table first, as everybody does who locks both */
	*heap = OidIsValid(heap_oid) ? table_open(heap_oid, lock) : NULL;
	index = index_open(index_oid, lock);
	if (*heap == NULL || IndexGetRelation(index_oid, false) != heap_oid)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table of index \"%s\" has gone", RelationGetRelationName(index))));
	if (index->rd_rel->relam != get_index_am_oid("dml", false))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is of access method %s, not dml", RelationGetRelationName(index),
						get_am_name(index->rd_rel->relam))));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" is temporary, of another session", RelationGetRelationName(index))));
	if (!index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
				 errdetail("It is being built, or CREATE INDEX CONCURRENTLY failed."),
				 errhint("REINDEX it, or drop it.")));
	return index;
}

void
tree_inspect_close(Relation index, Relation heap, LOCKMODE lock)
{
	index_close(index, lock);
	table_close(heap, lock);
}

void
tree_check_may_look(Relation heap)
{
	Oid			table = RelationGetRelid(heap);

	if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		!has_privs_of_role(GetUserId(), ROLE_PG_STAT_SCAN_TABLES))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(heap));
}

typedef struct PageCounts
{
	int64		inner;
	int64		leaves;
	int64		gone;
	int64		free;			/* never used */
	int64		rows;			/* in leaves, dead ones not counted */
	int64		dead;
} PageCounts;

/* One pass over the pages. */
static void
count_pages(Relation index, const TreeMeta *meta, const TreeShape *shape, BlockNumber blocks, PageCounts *counts)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);

	for (BlockNumber block = TREE_META_BLOCK + 1 + meta->origin_blocks; block < blocks; block++)
	{
		Buffer		buffer;
		Page		page;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		page = BufferGetPage(buffer);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (PageIsNew(page))
			counts->free++;
		else if (tree_page_kind(page) != 0 && !tree_is_of(page, shape))
			counts->gone++;		/* of a tree that was given up */
		else
		{
			tree_check_node(index, block, page, shape);
			if (tree_special(page)->kind == TREE_GONE)
				counts->gone++;
			else if (tree_special(page)->level > 0)
				counts->inner++;
			else
			{
				counts->leaves++;
				counts->rows += tree_node(page)->n - tree_node(page)->dead;
				counts->dead += tree_node(page)->dead;
			}
		}
		UnlockReleaseBuffer(buffer);
	}
	FreeAccessStrategy(strategy);
}

static Datum
int_array(const int32 *values, int n)
{
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static Datum
targets_array(void)
{
	Datum		elements[TREE_TARGETS];

	for (int i = 0; i < TREE_TARGETS; i++)
		elements[i] = Float8GetDatum(tree_targets[i]);
	return PointerGetDatum(construct_array(elements, TREE_TARGETS, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static const char *
metric_name(TreeMetric metric)
{
	switch (metric)
	{
		case TREE_COSINE:
			return "cosine";
		case TREE_IP:
			return "inner product";
		default:
			return "l2";
	}
}

/*
 * dml_index_stats(index regclass): one row; columns of what is not known yet are NULL.
 * Reads the whole index under AccessShareLock.
 */
Datum
dml_index_stats(PG_FUNCTION_ARGS)
{
	Oid			oid = PG_GETARG_OID(0);
	Relation	heap;
	Relation	index = tree_inspect_open(oid, AccessShareLock, &heap);
	BlockNumber blocks;
	TupleDesc	desc;
	TreeMeta	meta;
	PageCounts	counts = {0};
	const TreeShape *shape;
	Datum		values[24];
	bool		nulls[24] = {false};
	int			at = 0;

	tree_check_may_look(heap);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	tree_meta_read(index, &meta);
	shape = tree_shape(index, &meta, CurrentMemoryContext);
	blocks = RelationGetNumberOfBlocks(index);
	if (shape != NULL)
		count_pages(index, &meta, shape, blocks, &counts);

	nulls[at] = shape == NULL;
	values[at++] = Int32GetDatum(meta.dims);
	nulls[at] = shape == NULL;
	values[at++] = CStringGetTextDatum(shape == NULL ? "" : dml_space_describe(meta.space));
	values[at++] = CStringGetTextDatum(metric_name(tree_metric(index)));
	values[at++] = Int32GetDatum(meta.root == InvalidBlockNumber ? 0 : meta.root_level + 1);
	nulls[at] = shape == NULL;
	values[at++] = Int32GetDatum(meta.leaf_bits);
	nulls[at] = shape == NULL;
	values[at++] = Int32GetDatum(meta.inner_bits);
	values[at++] = Int64GetDatum((int64) blocks);
	values[at++] = Int64GetDatum(counts.inner);
	values[at++] = Int64GetDatum(counts.leaves);
	values[at++] = Int64GetDatum(counts.gone);
	values[at++] = Int64GetDatum(counts.free);
	values[at++] = Int64GetDatum(counts.rows);
	values[at++] = Int64GetDatum(counts.dead);
	nulls[at] = counts.leaves == 0;
	values[at++] = Float8GetDatum(counts.leaves == 0 ? 0 : counts.rows / ((double) counts.leaves * shape->leaf.room));
	nulls[at] = counts.rows == 0;
	values[at++] = Float8GetDatum(counts.rows == 0 ? 0 : (double) blocks * BLCKSZ / counts.rows);

	nulls[at] = meta.calibration.leaves == 0;
	values[at++] = Int64GetDatum(meta.calibration.leaves);
	nulls[at] = nulls[at + 1] = nulls[at + 2] = meta.calibration.leaves == 0;
	values[at++] = targets_array();

	/* of a tail that was prolonged there may be more than the index has */
	for (int i = 0; i < TREE_TARGETS; i++)
		meta.calibration.probes[i] = (int32) Min((int64) meta.calibration.probes[i], Max(counts.leaves, 1));
	values[at++] = int_array(meta.calibration.probes, TREE_TARGETS);
	values[at++] = int_array(meta.calibration.exact, TREE_TARGETS);

	for (int i = 0; i < 4; i++)
		nulls[at + i] = searched_index != oid;
	values[at++] = Int64GetDatum(searched.inner);
	values[at++] = Int64GetDatum(searched.leaves);
	values[at++] = Int64GetDatum(searched.codes);
	values[at++] = Int64GetDatum(searched.exact);

	Assert(at == desc->natts);
	tree_inspect_close(index, heap, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
