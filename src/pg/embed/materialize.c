/*
 * materialize.c
 *	  dml_materialize and dml_dematerialize: the steps in their order, and the DDL.
 *
 * The README of this room says which locks are taken and why.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "read/feature_confined.h"
#include "read/owner.h"

PG_FUNCTION_INFO_V1(dml_materialize);
PG_FUNCTION_INFO_V1(dml_dematerialize);

/*
 * Look the column up; set attnum and retype of target.  Errors: the column exists and cannot hold
 * the model's embeddings.  version is NULL when a column is dropped, and then any type will do.
 */
static void
find_column(MaterializeTarget *target)
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
	if (target->version != NULL && attribute->atttypid != dml_vector_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, not dml_vector",
						target->column, get_rel_name(target->relid), format_type_be(attribute->atttypid)),
				 errhint("Give a new name, and dml_materialize adds the column.")));
	if (target->version != NULL && attribute->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" of \"%s\" is a generated column",
						target->column, get_rel_name(target->relid))));
	target->attnum = attribute->attnum;
	target->retype = target->version != NULL &&
		attribute->atttypmod >= 0 && attribute->atttypmod != target->version->out;
	ReleaseSysCache(tuple);
}

/* Whether the column will be added or altered, or an index rebuilt: readers must wait for that. */
static bool
is_rebuilt(const MaterializeTarget *target)
{
	return target->attnum == InvalidAttrNumber || target->retype || materialize_other_indexes(target) != NIL;
}

/*
 * Lock the table and all tables below it.  ALTER TABLE and REINDEX need ACCESS EXCLUSIVE.  A lock
 * is never raised, because two sessions that did so would deadlock.  So the mode is chosen before
 * the lock is taken, and the choice is checked under the lock.
 */
static void
lock_tables(MaterializeTarget *target)
{
	for (;;)
	{
		LOCKMODE	mode;
		ListCell   *cell;

		find_column(target);
		mode = is_rebuilt(target) ? AccessExclusiveLock : ExclusiveLock;
		LockRelationOid(target->relid, mode);
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(target->relid)))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("the table was concurrently dropped")));
		find_column(target);
		target->members = find_all_inheritors(target->relid, mode, NULL);
		if (mode == AccessExclusiveLock || !is_rebuilt(target))
			return;
		foreach(cell, target->members)
			UnlockRelationOid(lfirst_oid(cell), mode);
	}
}

/* Check the features against a model that takes named columns: their number, and their order. */
static void
check_order(const DmlFeatures *features, const DmlVersion *version)
{
	const Encoder *encoder = version->model->encoder;
	int			expected = encoder ? encoder->n : version->in;
	bool		other_order = false;

	if ((features->n > 1 || encoder) && features->n != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 encoder ? errmsg("model \"%s\" takes %d features, not %d", version->name, expected, features->n) :
				 errmsg("model \"%s\" takes %d numbers, and there are %d features",
						version->name, expected, features->n),
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
				 errmsg("the features are not in the order of model \"%s\"", version->name),
				 errdetail("It was trained with the features %s.", version->features)));
}

/* Error context: the features were not typed by the user. */
static void
default_features_context(void *arg)
{
	const DmlVersion *version = arg;

	errcontext("features \"%s\" that model \"%s\" was trained with; name others by features => '...'",
			   version->features, version->name);
}

/*
 * The text of the features that is stored: the user's, else that of the column's trigger, else that
 * of the model.  Names in the user's text are looked up by the user's search_path; the result means
 * the same under any path.  The other two will run with the rights of the table's owner.  So the
 * model's text must be confined unless that owner wrote it, and the trigger's must be such as the
 * trigger evaluates, since anybody with the right TRIGGER can make a trigger.
 */
static char *
choose_features(const MaterializeTarget *target, Relation rel, const Trigger *trigger, const char *given)
{
	ErrorContextCallback callback = {error_context_stack, default_features_context, unconstify(DmlVersion *, target->version)};
	DmlFeatures *features;
	DmlConfined *confined = NULL;
	OwnerScope	scope;
	char	   *result;

	owner_scope_begin(&scope, target->owner, false);
	if (given == NULL && trigger != NULL)
	{
		(void) embed_trigger_owner(trigger, rel);
		result = dml_features_qualified(embed_trigger_compile(trigger, rel), rel);
	}
	else
	{
		features = dml_features_parse(given ? given : target->version->features);
		check_order(features, target->version);
		if (given == NULL)
		{
			confined = dml_confined_features(target->version, features, target->owner);
			error_context_stack = &callback;
		}
		result = confined ? dml_confined_qualified(confined, rel) :
			dml_features_qualified(dml_features_compile(features, rel), rel);
		if (given == NULL)
			error_context_stack = callback.previous;
	}
	owner_scope_end(&scope);
	return result;
}

/* Compile the features for one of the tables.  The caller has taken on the owner's identity. */
static DmlFeatureExprs *
compile_qualified(const char *features, Relation rel, const DmlVersion *version)
{
	DmlFeatureExprs *exprs = dml_features_compile(dml_features_parse_qualified(features), rel);

	dml_features_bind(exprs, version);
	return exprs;
}

/*
 * Refuse features that read a materialised column: a trigger on UPDATE OF does not fire for a
 * column that another trigger writes.
 */
static void
check_columns_read(const MaterializeTarget *target, Relation rel, Bitmapset *columns)
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

/*
 * Add the column, or change its number of dimensions, which removes its values.  Runs as the owner,
 * because rewriting a table evaluates its constraints and generated columns.
 */
static void
alter_column(MaterializeTarget *target)
{
	const char *table = materialize_table_name(target->relid);
	const char *column = quote_identifier(target->column);
	int			dims = target->version->out;
	HeapTuple	tuple;
	OwnerScope	scope;

	owner_scope_begin(&scope, target->owner, true);
	if (target->attnum == InvalidAttrNumber)
		materialize_run(psprintf("ALTER TABLE %s ADD COLUMN %s %s", table, column, vector_type(dims)));
	else
	{
		const char *value = "NULL";

		tuple = SearchSysCacheAttNum(target->relid, target->attnum);
		if (((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull)
			value = psprintf("pg_catalog.array_fill(0::pg_catalog.float4, ARRAY[%d])::%s", dims, vector_type(dims));
		ReleaseSysCache(tuple);
		materialize_run(psprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s", table, column, vector_type(dims), value));
	}
	owner_scope_end(&scope);
	target->attnum = get_attnum(target->relid, target->column);
}

/* Make the trigger and the record of the column on one table. */
static void
create_target_trigger(const MaterializeTarget *target, Oid relid, const DmlFeatureExprs *exprs, const char *features)
{
	DmlColumn	record = {0};

	record.relid = relid;
	record.attnum = get_attnum(relid, target->column);
	record.model_id = target->version->model_id;
	record.number = target->version->number;
	column_trigger_create(relid, record.attnum, target->function, target->version, exprs, features, &record);
}

/* Whether each row that has an embedding of the version's space is sure to have the right one. */
static bool
can_keep(const Trigger *trigger, const DmlVersion *version, const char *features)
{
	return trigger != NULL &&
		strcmp(trigger->tgargs[EMBED_TRIGGER_MODEL], dml_version_reference(version)) == 0 &&
		strcmp(trigger->tgargs[EMBED_TRIGGER_FEATURES], features) == 0 &&
		strtoull(trigger->tgargs[EMBED_TRIGGER_SPACE], NULL, 16) == version->weights_space &&
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/* Fill the tables that hold rows. */
static void
fill_tables(const MaterializeTarget *target, const char *features, bool keep_fresh, FillCounts *counts)
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
							 compile_qualified(features, rel, target->version), keep_fresh, counts);
			owner_scope_end(&scope);
		}
		table_close(rel, NoLock);
	}
}

/*
 * The version, looked up with the rights of the table's owner, as the trigger will do for everybody
 * who writes to the table.
 */
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

/* dml_materialize("table" regclass, "column" name, model text, features text, refresh boolean) */
Datum
dml_materialize(PG_FUNCTION_ARGS)
{
	MaterializeTarget		target = {0};
	FillCounts	counts = {0};
	Relation	rel;
	const Trigger *trigger;
	DmlFeatureExprs *exprs;
	List	   *rebuilt;
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
	materialize_target_init(&target, fcinfo, "dml_materialize()");
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model must not be NULL")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	target.version = owner_version(target.owner, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	lock_tables(&target);
	materialize_check_members(&target, "materialise a column of");

	rel = table_open(target.relid, NoLock);
	inheritance = rel->rd_rel->relkind == RELKIND_RELATION;
	trigger = target.attnum == InvalidAttrNumber ? NULL : column_trigger_find(rel, target.attnum, target.function);
	if (target.retype && trigger == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" has another number of dimensions than the %d of model \"%s\"",
						target.column, RelationGetRelationName(rel), target.version->out, target.version->name),
				 errhint("Give a new name, and dml_materialize adds the column.")));
	features = choose_features(&target, rel, trigger, PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)));
	{
		OwnerScope	scope;

		owner_scope_begin(&scope, target.owner, true);
		exprs = compile_qualified(features, rel, target.version);
		owner_scope_end(&scope);
	}
	check_columns_read(&target, rel, dml_features_columns(exprs));
	keep_fresh = !refresh && can_keep(trigger, target.version, features);
	table_close(rel, NoLock);

	foreach(cell, target.members)
	{
		if (inheritance || lfirst_oid(cell) == target.relid)
			(void) column_trigger_drop(lfirst_oid(cell), target.column, target.function);
	}
	if (target.attnum == InvalidAttrNumber || target.retype)
		alter_column(&target);
	rebuilt = materialize_other_indexes(&target);
	materialize_indexes_suspend(rebuilt);
	fill_tables(&target, features, keep_fresh, &counts);
	materialize_indexes_rebuild(rebuilt);
	foreach(cell, target.members)
	{
		Oid			relid = lfirst_oid(cell);

		if (relid == target.relid)
			create_target_trigger(&target, relid, exprs, features);
		else if (inheritance)
		{
			Relation	child = table_open(relid, NoLock);
			OwnerScope	scope;
			DmlFeatureExprs *child_exprs;

			owner_scope_begin(&scope, target.owner, true);
			child_exprs = compile_qualified(features, child, target.version);
			owner_scope_end(&scope);
			table_close(child, NoLock);
			create_target_trigger(&target, relid, child_exprs, features);
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
	MaterializeTarget		target = {0};
	bool		drop_column = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	bool		inheritance;
	bool		found = false;
	bool		stale;
	LOCKMODE	mode = drop_column ? AccessExclusiveLock : ShareRowExclusiveLock;
	ListCell   *cell;

	materialize_target_init(&target, fcinfo, "dml_dematerialize()");
	LockRelationOid(target.relid, mode);
	find_column(&target);
	target.members = find_all_inheritors(target.relid, mode, NULL);
	if (target.attnum != InvalidAttrNumber)
		materialize_check_members(&target, "drop a materialised column of");

	inheritance = get_rel_relkind(target.relid) == RELKIND_RELATION;
	foreach(cell, target.members)
	{
		if (inheritance || lfirst_oid(cell) == target.relid)
			found |= column_trigger_drop(lfirst_oid(cell), target.column, target.function);
	}
	if (!found && !dml_column_forget(target.relid, target.attnum, &stale))
	{
		if (!stale)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("column \"%s\" of \"%s\" is not materialised",
							target.column, get_rel_name(target.relid)),
					 errhint("The view dml_columns lists the materialised columns.")));
		ereport(NOTICE,
				(errmsg("column \"%s\" of \"%s\" is not materialised and stays as it is",
						target.column, get_rel_name(target.relid)),
				 errdetail("A record of a materialised column that was dropped or has another type now was removed.")));
		PG_RETURN_VOID();
	}
	if (drop_column && target.attnum != InvalidAttrNumber && get_atttype(target.relid, target.attnum) == dml_vector_type_oid())
		materialize_run(psprintf("ALTER TABLE %s DROP COLUMN %s", materialize_table_name(target.relid), quote_identifier(target.column)));
	PG_RETURN_VOID();
}
