/*
 * materialize_check.c
 *	  What can be materialised: the kinds of tables and columns, and who may ask for it.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static Oid
table_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
check_owner(Oid relid)
{
#if PG_VERSION_NUM >= 160000
	bool		owns = object_ownercheck(RelationRelationId, relid, GetUserId());
#else
	bool		owns = pg_class_ownercheck(relid, GetUserId());
#endif

	if (!owns)
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

/*
 * Refuse relations that cannot have a column filled by a row trigger.  member: it is below the
 * table that was named.
 */
static void
check_kind(Oid relid, bool member)
{
	char		kind = get_rel_relkind(relid);
	const char *what;
	const char *hint;

	switch (kind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			return;
		case RELKIND_VIEW:
			what = "a view";
			hint = "Materialise a column of the table behind it, or call dml_embed in the view.";
			break;
		case RELKIND_MATVIEW:
			what = "a materialized view";
			hint = "Call dml_embed in the view's query.";
			break;
		case RELKIND_FOREIGN_TABLE:
			what = "a foreign table";
			hint = member ? "Materialise the other partitions one by one." :
				"Materialise the column on the server that keeps the rows.";
			break;
		default:
			what = "not a table";
			hint = "Only tables have columns that can be materialised.";
	}
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is %s", get_rel_name(relid), what),
			 errhint("%s", hint)));
}

/* Check one locked table: the table that was named, or one below it. */
static void
check_table(Relation rel, const char *doing)
{
	if (IsSystemRelation(rel))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: \"%s\" is a system catalog", RelationGetRelationName(rel))));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" is a temporary table of another session", RelationGetRelationName(rel))));
	CheckTableNotInUse(rel, doing);
}

/* Refuse a partition whose column belongs to a partitioned table, which has it materialised. */
static void
check_partition(Relation rel, const MaterializeTarget *target)
{
	ListCell   *cell;

	if (!rel->rd_rel->relispartition)
		return;
	foreach(cell, get_partition_ancestors(RelationGetRelid(rel)))
	{
		Relation	parent = table_open(lfirst_oid(cell), AccessShareLock);
		AttrNumber	attnum = get_attnum(RelationGetRelid(parent), target->column);

		if (target->attnum == InvalidAttrNumber ||
			(attnum != InvalidAttrNumber && column_trigger_find(parent, attnum, target->function)))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is a partition of \"%s\"",
							RelationGetRelationName(rel), RelationGetRelationName(parent)),
					 errhint("Call the function for \"%s\".", RelationGetRelationName(parent))));
		table_close(parent, NoLock);
	}
}

/* Refuse a column that is part of a key: the user chooses keys, the model computes embeddings. */
static void
check_no_key(Relation rel, AttrNumber attnum)
{
	const char *key = NULL;
	Bitmapset  *column = bms_make_singleton(attnum - FirstLowInvalidHeapAttributeNumber);
	bool		in_expression;
	ListCell   *cell;

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE && has_partition_attrs(rel, column, &in_expression))
		key = "the partition key";
	foreach(cell, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *info = lfirst(cell);

		for (int i = 0; i < info->nkeys; i++)
		{
			if (info->conkey[i] == attnum)
				key = "a foreign key";
		}
	}
	foreach(cell, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_index->indisunique || index->rd_index->indisexclusion)
		{
			for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			{
				if (index->rd_index->indkey.values[i] == attnum)
					key = index->rd_index->indisprimary ? "the primary key" : "a unique or exclusion constraint";
			}
		}
		index_close(index, NoLock);
	}
	if (key)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" cannot be materialised: it is part of %s of \"%s\"",
						get_attname(RelationGetRelid(rel), attnum, false), key, RelationGetRelationName(rel))));
}

void
materialize_check_members(const MaterializeTarget *target, const char *doing)
{
	ListCell   *cell;

	if (table_owner(target->relid) != target->owner)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the owner of \"%s\" was concurrently changed", get_rel_name(target->relid))));
	foreach(cell, target->members)
	{
		Oid			relid = lfirst_oid(cell);
		Relation	rel;

		check_owner(relid);
		check_kind(relid, relid != target->relid);
		rel = table_open(relid, NoLock);
		check_table(rel, doing);
		if (target->attnum != InvalidAttrNumber)
			check_no_key(rel, get_attnum(relid, target->column));
		if (relid == target->relid)
			check_partition(rel, target);
		table_close(rel, NoLock);
	}
}

/* See materialize.h. */
void
materialize_target_init(MaterializeTarget *target, FunctionCallInfo fcinfo, const char *what)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table and column must not be NULL")));
	PreventCommandIfReadOnly(what);
	target->relid = PG_GETARG_OID(0);
	target->column = pstrdup(NameStr(*PG_GETARG_NAME(1)));
	if (target->column[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the column's name must not be empty")));
	target->owner = table_owner(target->relid);
	check_owner(target->relid);
	check_kind(target->relid, false);
	target->function = LookupFuncName(list_make2(makeString(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid))),
												 makeString(EMBED_TRIGGER_FUNCTION)),
									  0, NULL, false);
}
