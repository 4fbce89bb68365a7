/*
 * materialize.c
 *	  dml_materialize and dml_dematerialize: what may become a materialised column,
 *	  and the DDL around the filling.
 *
 * The README of this room says which locks are taken and why.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Sorts behind what users call their triggers, so that it sees what they did to the row. */
#define TRIGGER_PREFIX	"zz_dml"

PG_FUNCTION_INFO_V1(dml_materialize);
PG_FUNCTION_INFO_V1(dml_dematerialize);

/* What is being materialised. */
typedef struct Target
{
	Oid			relid;
	char	   *column;
	Oid			owner;
	Oid			function;		/* dml_embed_trigger's OID */
	const DmlVersion *version;
	List	   *members;		/* OIDs: the table, its partitions and inheritance children */
	AttrNumber	attnum;			/* of the column; InvalidAttrNumber: to be added */
	bool		retype;			/* its number of dimensions is another model's */
} Target;

void
owner_scope_begin(OwnerScope *scope, Oid owner, bool restrict_path)
{
	GetUserIdAndSecContext(&scope->user, &scope->security);
	SetUserIdAndSecContext(owner, scope->security | SECURITY_RESTRICTED_OPERATION);
	scope->guc_level = NewGUCNestLevel();
	if (restrict_path)
		restrict_search_path();
}

void
owner_scope_end(OwnerScope *scope)
{
	AtEOXact_GUC(false, scope->guc_level);
	SetUserIdAndSecContext(scope->user, scope->security);
}

/* A statement of DDL, as the current user. */
static void
run(const char *sql)
{
	int			status;

	SPI_connect();
	status = SPI_execute(sql, false, 0);
	if (status < 0)
		elog(ERROR, "%s: %s", SPI_result_code_string(status), sql);
	SPI_finish();
}

static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

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

/* Can a relation of this kind have a column that a row trigger fills? */
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

/* Checks of a locked table; the one that was named or one below it. */
static void
check_table(Relation rel, const char *function)
{
	if (IsSystemRelation(rel))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: \"%s\" is a system catalog", RelationGetRelationName(rel))));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" is a temporary table of another session", RelationGetRelationName(rel))));
	CheckTableNotInUse(rel, function);
}

/* The trigger that fills a column, or NULL.  A copy: the relcache may be rebuilt at any look-up. */
static const Trigger *
find_trigger(Relation rel, AttrNumber attnum, Oid function)
{
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == function && trigger->tgnattr > 0 &&
			trigger->tgattr[trigger->tgnattr - 1] == attnum &&
			trigger->tgnargs == EMBED_TRIGGER_NAMES + trigger->tgnattr)
			return trigger;
	}
	return NULL;
}

/* The partition's column belongs to the partitioned table, if that has it materialised. */
static void
check_partition(Relation rel, const Target *target)
{
	ListCell   *cell;

	if (!rel->rd_rel->relispartition)
		return;
	foreach(cell, get_partition_ancestors(RelationGetRelid(rel)))
	{
		Relation	parent = table_open(lfirst_oid(cell), AccessShareLock);
		AttrNumber	attnum = get_attnum(RelationGetRelid(parent), target->column);

		if (target->attnum == InvalidAttrNumber ||
			(attnum != InvalidAttrNumber && find_trigger(parent, attnum, target->function)))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is a partition of \"%s\"",
							RelationGetRelationName(rel), RelationGetRelationName(parent)),
					 errhint("Call the function for \"%s\".", RelationGetRelationName(parent))));
		table_close(parent, NoLock);
	}
}

/* A key is chosen by the user; an embedding is not. */
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

/*
 * Find the column and say in target what is to be done to it.  Errors: a column that
 * exists and cannot hold the model's embeddings.
 */
static void
find_column(Target *target)
{
	HeapTuple	tuple = SearchSysCacheAttName(target->relid, target->column);
	Form_pg_attribute attribute;

	target->attnum = InvalidAttrNumber;
	target->retype = false;
	if (!HeapTupleIsValid(tuple))
		return;

	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	if (attribute->attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("\"%s\" is the name of a system column", target->column)));
	if (attribute->atttypid != dml_vector_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, not dml_vector",
						target->column, get_rel_name(target->relid), format_type_be(attribute->atttypid)),
				 errhint("Name a new column, and it is added.")));
	if (attribute->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" of \"%s\" is a generated column",
						target->column, get_rel_name(target->relid))));
	target->attnum = attribute->attnum;
	target->retype = target->version != NULL &&
		attribute->atttypmod >= 0 && attribute->atttypmod != target->version->out;
	ReleaseSysCache(tuple);
}

/*
 * Lock the table and all below it.  An ALTER TABLE of ours needs ACCESS EXCLUSIVE, and a
 * lock is never raised: two sessions that both did would wait for each other.  So
 * what is needed is guessed, and seen under the lock to be enough.
 */
static void
lock_tables(Target *target)
{
	for (;;)
	{
		LOCKMODE	mode;

		find_column(target);
		mode = target->attnum == InvalidAttrNumber || target->retype ? AccessExclusiveLock : ExclusiveLock;
		LockRelationOid(target->relid, mode);
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(target->relid)))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("the table was dropped meanwhile")));
		find_column(target);
		if (mode == AccessExclusiveLock || !(target->attnum == InvalidAttrNumber || target->retype))
		{
			target->members = find_all_inheritors(target->relid, mode, NULL);
			return;
		}
		UnlockRelationOid(target->relid, mode);
	}
}

/* The names of a model that takes named columns are to come in its order. */
static void
check_order(const DmlFeatures *features, const DmlVersion *version)
{
	bool		other_order = false;

	if (features->n > 1 && features->n != version->in)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" takes %d numbers, and there are %d features",
						version->name, version->in, features->n),
				 errdetail("It was trained with the features %s.", version->features)));
	if (version->input_kind != DML_INPUT_COLUMNS || features->n != version->n_columns)
		return;
	for (int i = 0; i < features->n; i++)
	{
		bool		found = false;

		for (int j = 0; j < version->n_columns; j++)
			found |= strcmp(features->names[i], version->columns[j]) == 0;
		if (!found)
			return;
		other_order |= strcmp(features->names[i], version->columns[i]) != 0;
	}
	if (other_order)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the features come in another order than those of model \"%s\"", version->name),
				 errdetail("It was trained with the features %s.", version->features)));
}

/* An error in features that the user did not type. */
static void
default_features_context(void *arg)
{
	const DmlVersion *version = arg;

	errcontext("features \"%s\" that model \"%s\" was trained with; name others by features => '...'",
			   version->features, version->name);
}

/*
 * The features' text, to be stored: what the user gave, else what the column has, else
 * what the model was trained with.  The user's names are looked up by the user's
 * search_path; the result means the same under any.
 */
static char *
choose_features(const Target *target, Relation rel, const Trigger *trigger, const char *given)
{
	ErrorContextCallback callback;
	OwnerScope	scope;
	char	   *result;

	owner_scope_begin(&scope, target->owner, false);
	callback.callback = default_features_context;
	callback.arg = unconstify(DmlVersion *, target->version);
	callback.previous = error_context_stack;
	if (given == NULL && trigger == NULL)
		error_context_stack = &callback;
	if (given == NULL && trigger != NULL)
		result = dml_features_qualified(embed_trigger_compile(trigger, rel), rel);
	else
	{
		DmlFeatures *features = dml_features_parse(given ? given : target->version->features);

		check_order(features, target->version);
		result = dml_features_qualified(dml_features_compile(features, rel), rel);
	}
	error_context_stack = callback.previous;
	owner_scope_end(&scope);
	return result;
}

/* The features compiled for one of the tables; the caller has become the owner. */
static DmlFeatureExprs *
compile_qualified(const char *features, Relation rel)
{
	return dml_features_compile(dml_features_parse(features), rel);
}

/* No embedding may be made from another: triggers on UPDATE OF do not see what triggers write. */
static void
check_columns_read(const Target *target, Relation rel, Bitmapset *columns)
{
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	if (target->attnum != InvalidAttrNumber && bms_is_member(target->attnum, columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("the features read the column \"%s\" that is to be materialised", target->column)));
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		AttrNumber	embedding;

		if (trigger->tgfoid != target->function || trigger->tgnattr == 0)
			continue;
		embedding = trigger->tgattr[trigger->tgnattr - 1];
		if (bms_is_member(embedding, columns))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
					 errmsg("the features read \"%s\", which is a materialised column itself",
							get_attname(RelationGetRelid(rel), embedding, false)),
					 errhint("Train a model on the features of that column.")));
		for (int j = 0; j < trigger->tgnattr - 1; j++)
		{
			if (target->attnum != InvalidAttrNumber && trigger->tgattr[j] == target->attnum)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
						 errmsg("column \"%s\" is a feature of the materialised column \"%s\"", target->column,
								get_attname(RelationGetRelid(rel), embedding, false))));
		}
	}
}

static char *
vector_type(int dims)
{
	return format_type_extended(dml_vector_type_oid(), dims,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/* Add the column, or give it the model's number of dimensions (and no values yet). */
static void
alter_column(Target *target)
{
	const char *table = qualified_name(target->relid);
	const char *column = quote_identifier(target->column);
	int			dims = target->version->out;
	HeapTuple	tuple;

	if (target->attnum == InvalidAttrNumber)
		run(psprintf("ALTER TABLE %s ADD COLUMN %s %s", table, column, vector_type(dims)));
	else
	{
		const char *value = "NULL";

		tuple = SearchSysCacheAttNum(target->relid, target->attnum);
		if (((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull)
			value = psprintf("pg_catalog.array_fill(0::pg_catalog.float4, ARRAY[%d])::%s", dims, vector_type(dims));
		ReleaseSysCache(tuple);
		run(psprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s", table, column, vector_type(dims), value));
	}
	target->attnum = get_attnum(target->relid, target->column);
}

/* Drop the column's trigger on one table and forget the record; was there one? */
static bool
drop_trigger(Oid relid, const char *column, Oid function)
{
	Relation	rel = table_open(relid, NoLock);
	AttrNumber	attnum = get_attnum(relid, column);
	const Trigger *trigger = attnum == InvalidAttrNumber ? NULL : find_trigger(rel, attnum, function);
	char	   *sql = NULL;
	char	   *recorded = NULL;

	if (trigger)
	{
		sql = psprintf("DROP TRIGGER %s ON %s", quote_identifier(trigger->tgname), qualified_name(relid));
		recorded = pstrdup(trigger->tgargs[trigger->tgnargs - 1]);
	}
	table_close(rel, NoLock);
	if (sql == NULL)
		return false;
	run(sql);
	dml_column_forget(relid, recorded);
	return true;
}

static void
append_trigger_column(StringInfo columns, StringInfo names, Oid relid, AttrNumber attnum)
{
	char	   *name = get_attname(relid, attnum, false);

	appendStringInfo(columns, "%s%s", columns->len > 0 ? ", " : "", quote_identifier(name));
	appendStringInfo(names, ", %s", quote_literal_cstr(name));
}

/* Make the trigger on one table and record the column. */
static void
create_trigger(const Target *target, Oid relid, Bitmapset *columns_read, const char *features)
{
	const char *table = qualified_name(relid);
	const char *name = quote_identifier(makeObjectName(TRIGGER_PREFIX, target->column, NULL));
	const char *function = quote_qualified_identifier(get_namespace_name(get_func_namespace(target->function)),
													  EMBED_TRIGGER_FUNCTION);
	const char *model = psprintf("%s@%d", target->version->name, target->version->number);
	DmlColumn	record = {0};
	StringInfoData columns;
	StringInfoData names;
	int			attnum = -1;

	initStringInfo(&columns);
	initStringInfo(&names);
	while ((attnum = bms_next_member(columns_read, attnum)) >= 0)
		append_trigger_column(&columns, &names, relid, attnum);
	append_trigger_column(&columns, &names, relid, get_attnum(relid, target->column));

	run(psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION %s(%s, %s%s)",
				 name, columns.data, table, function,
				 quote_literal_cstr(model), quote_literal_cstr(features), names.data));
	run(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, name));

	record.relid = relid;
	record.attnum = get_attnum(relid, target->column);
	record.column = target->column;
	record.model_id = target->version->model_id;
	record.number = target->version->number;
	record.space = target->version->space;
	record.features = unconstify(char *, features);
	dml_column_record(&record);
}

/* Is every row that has an embedding of the version's space certain to have the right one? */
static bool
can_keep(const Trigger *trigger, const DmlVersion *version, const char *features)
{
	return trigger != NULL &&
		strcmp(trigger->tgargs[EMBED_TRIGGER_MODEL], psprintf("%s@%d", version->name, version->number)) == 0 &&
		strcmp(trigger->tgargs[EMBED_TRIGGER_FEATURES], features) == 0 &&
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/* Fill the tables that hold rows. */
static void
fill_tables(const Target *target, const char *features, bool keep_fresh, FillCounts *counts)
{
	ListCell   *cell;

	foreach(cell, target->members)
	{
		Relation	rel = table_open(lfirst_oid(cell), NoLock);
		OwnerScope	scope;

		if (rel->rd_rel->relkind == RELKIND_RELATION)
		{
			owner_scope_begin(&scope, target->owner, true);
			materialize_fill(rel, get_attnum(RelationGetRelid(rel), target->column), target->version,
							 compile_qualified(features, rel), keep_fresh, counts);
			owner_scope_end(&scope);
		}
		table_close(rel, NoLock);
	}
}

/* Look up what both functions work on; the table is not locked yet. */
static void
target_init(Target *target, FunctionCallInfo fcinfo, const char *what)
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

/* The version, with the rights of the table's owner, who will hold it for everyone that writes. */
static const DmlVersion *
owner_version(Oid owner, const char *model)
{
	OwnerScope	scope;
	const DmlVersion *version;

	owner_scope_begin(&scope, owner, true);
	version = dml_version_by_name(model);
	dml_version_pin(version, CurrentMemoryContext);
	owner_scope_end(&scope);
	return version;
}

static void
check_members(const Target *target, const char *function)
{
	ListCell   *cell;

	if (table_owner(target->relid) != target->owner)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the owner of \"%s\" changed meanwhile", get_rel_name(target->relid))));
	foreach(cell, target->members)
	{
		Oid			relid = lfirst_oid(cell);
		Relation	rel;

		check_owner(relid);
		check_kind(relid, relid != target->relid);
		rel = table_open(relid, NoLock);
		check_table(rel, function);
		if (target->attnum != InvalidAttrNumber)
			check_no_key(rel, get_attnum(relid, target->column));
		if (relid == target->relid)
			check_partition(rel, target);
		table_close(rel, NoLock);
	}
}

/* dml_materialize("table" regclass, "column" name, model text, features text, refresh boolean) */
Datum
dml_materialize(PG_FUNCTION_ARGS)
{
	Target		target = {0};
	FillCounts	counts = {0};
	Relation	rel;
	const Trigger *trigger;
	Bitmapset  *columns_read;
	char	   *features;
	bool		refresh = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	bool		keep_fresh;
	bool		inheritance;
	instr_time	start;
	instr_time	end;
	ListCell   *cell;
	TupleDesc	desc;
	Datum		values[9];
	bool		nulls[9] = {0};

	INSTR_TIME_SET_CURRENT(start);
	target_init(&target, fcinfo, "dml_materialize()");
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model must not be NULL")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	target.version = owner_version(target.owner, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	lock_tables(&target);
	check_members(&target, "materialise a column of");

	rel = table_open(target.relid, NoLock);
	inheritance = rel->rd_rel->relkind == RELKIND_RELATION;
	trigger = target.attnum == InvalidAttrNumber ? NULL : find_trigger(rel, target.attnum, target.function);
	if (target.retype && trigger == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" has another number of dimensions than the %d of model \"%s\"",
						target.column, RelationGetRelationName(rel), target.version->out, target.version->name),
				 errhint("Name a new column, and it is added.")));
	features = choose_features(&target, rel, trigger, PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)));
	{
		OwnerScope	scope;

		owner_scope_begin(&scope, target.owner, true);
		columns_read = dml_features_columns(compile_qualified(features, rel));
		owner_scope_end(&scope);
	}
	check_columns_read(&target, rel, columns_read);
	keep_fresh = !refresh && can_keep(trigger, target.version, features);
	table_close(rel, NoLock);

	foreach(cell, target.members)
	{
		if (inheritance || lfirst_oid(cell) == target.relid)
			(void) drop_trigger(lfirst_oid(cell), target.column, target.function);
	}
	if (target.attnum == InvalidAttrNumber || target.retype)
		alter_column(&target);
	fill_tables(&target, features, keep_fresh, &counts);
	foreach(cell, target.members)
	{
		Oid			relid = lfirst_oid(cell);

		if (relid == target.relid)
			create_trigger(&target, relid, columns_read, features);
		else if (inheritance)
		{
			Relation	child = table_open(relid, NoLock);
			OwnerScope	scope;
			Bitmapset  *columns;

			owner_scope_begin(&scope, target.owner, true);
			columns = dml_features_columns(compile_qualified(features, child));
			owner_scope_end(&scope);
			table_close(child, NoLock);
			create_trigger(&target, relid, columns, features);
		}
	}

	if (counts.incomplete > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row has a NULL among its features and so a NULL embedding",
							   "%lld rows have a NULL among their features and so a NULL embedding",
							   counts.incomplete, (long long) counts.incomplete)));
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	values[0] = ObjectIdGetDatum(target.relid);
	values[1] = NameGetDatum(PG_GETARG_NAME(1));
	values[2] = CStringGetTextDatum(target.version->name);
	values[3] = Int32GetDatum(target.version->number);
	values[4] = Int32GetDatum(target.version->out);
	values[5] = Int64GetDatum(counts.rows);
	values[6] = Int64GetDatum(counts.embedded);
	values[7] = Int64GetDatum(counts.incomplete);
	values[8] = Float8GetDatum(INSTR_TIME_GET_DOUBLE(end));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* dml_dematerialize("table" regclass, "column" name, drop_column boolean) */
Datum
dml_dematerialize(PG_FUNCTION_ARGS)
{
	Target		target = {0};
	bool		drop_column = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	bool		inheritance;
	bool		found = false;
	LOCKMODE	mode = drop_column ? AccessExclusiveLock : ShareRowExclusiveLock;
	ListCell   *cell;

	target_init(&target, fcinfo, "dml_dematerialize()");
	LockRelationOid(target.relid, mode);
	find_column(&target);
	target.members = find_all_inheritors(target.relid, mode, NULL);
	if (target.attnum != InvalidAttrNumber)
		check_members(&target, "drop a materialised column of");

	inheritance = get_rel_relkind(target.relid) == RELKIND_RELATION;
	foreach(cell, target.members)
	{
		if (inheritance || lfirst_oid(cell) == target.relid)
			found |= drop_trigger(lfirst_oid(cell), target.column, target.function);
	}
	if (!found)
	{
		if (dml_column_find(target.relid, target.column) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("column \"%s\" of \"%s\" is not materialised",
							target.column, get_rel_name(target.relid)),
					 errhint("The view dml_columns shows those that are.")));
		dml_column_forget(target.relid, target.column);
	}
	if (drop_column && target.attnum != InvalidAttrNumber)
		run(psprintf("ALTER TABLE %s DROP COLUMN %s", qualified_name(target.relid), quote_identifier(target.column)));
	PG_RETURN_VOID();
}
