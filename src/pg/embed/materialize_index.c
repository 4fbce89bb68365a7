/*
 * materialize_index.c
 *	  Rebuilds the indexes on a column that moves to another version.
 *
 * A dml index holds vectors of one space, and old row versions stay in it until VACUUM. So an index
 * of another space gets no row while the column is filled, and is then built again from the table.
 * Meanwhile its row in pg_index says that it is neither ready for inserts nor valid.  REINDEX of
 * such an index sets pg_index.indcheckxmin.  A transaction with an older snapshot then does not
 * search the index, which lacks the row versions that it sees.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "optimizer/optimizer.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Whether the index reads the table's column, as a column or in an expression. */
static bool
index_reads(Relation index, AttrNumber attnum)
{
	Bitmapset  *read = NULL;

	for (int i = 0; i < index->rd_index->indnatts; i++)
	{
		if (index->rd_index->indkey.values[i] == attnum)
			return true;
	}
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &read);
	return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, read) ||
		bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, read);
}

List *
materialize_other_indexes(const MaterializeTarget *target)
{
	List	   *result = NIL;
	ListCell   *member;
	ListCell   *cell;

	foreach(member, find_all_inheritors(target->relid, NoLock, NULL))
	{
		Relation	rel = try_relation_open(lfirst_oid(member), AccessShareLock);
		AttrNumber	attnum = rel == NULL ? InvalidAttrNumber : get_attnum(RelationGetRelid(rel), target->column);

		if (rel == NULL)
			continue;
		foreach(cell, attnum == InvalidAttrNumber ? NIL : RelationGetIndexList(rel))
		{
			Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
			uint64		space;

			if (index->rd_index->indisready && dml_index_space(index, &space) &&
				space != target->version->space && index_reads(index, attnum))
				result = lappend_oid(result, RelationGetRelid(index));
			index_close(index, AccessShareLock);
		}
		relation_close(rel, AccessShareLock);
	}
	return result;
}

void
materialize_indexes_suspend(List *indexes)
{
	Relation	catalog = table_open(IndexRelationId, RowExclusiveLock);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCacheCopy1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index form;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for index %u", lfirst_oid(cell));
		form = (Form_pg_index) GETSTRUCT(tuple);
		form->indisready = false;
		form->indisvalid = false;
		CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
		CacheInvalidateRelcacheByRelid(form->indrelid);
		heap_freetuple(tuple);
	}
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

void
materialize_indexes_rebuild(List *indexes)
{
	ListCell   *cell;

	foreach(cell, indexes)
		materialize_run(psprintf("REINDEX INDEX %s", materialize_table_name(lfirst_oid(cell))));
}
