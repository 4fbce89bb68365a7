/*
 * trigger.c
 *	  dml_embed_trigger: keeps a materialised column fresh, row by row.
 *
 * The session caches compiled features by the trigger's OID until the trigger's table, a function,
 * a type or an operator changes, because compiling takes longer than embedding a row.  The model is
 * looked up once in each statement, as the table's owner: whoever writes to the table needs no
 * right on the model.
 *
 * Features that only compute (feature_confined.h) are evaluated as the current user.  Others are
 * evaluated as the table's owner under SECURITY_RESTRICTED_OPERATION, with a search_path of
 * pg_catalog, as when the column was filled.  But anybody with the right TRIGGER can make or
 * replace a trigger, and must not get the owner's rights by it.  So one of two things must hold:
 * the functions that the features call belong to the owner or to a superuser, or the features are
 * those that dml_materialize recorded when the owner called it.  Anything else is an error.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "read/feature_confined.h"
#include "read/owner.h"

/* The most triggers in the cache.  Beyond that, with many partitions, the cache is emptied. */
#define CACHE_MAX	256

typedef struct CachedTrigger
{
	Oid			trigger;		/* hash key */
	Oid			relid;
	Oid			user;			/* whose EXECUTE rights were checked */
	Oid			owner;			/* evaluates the features; InvalidOid: the current user */
	bool		valid;
	int			busy;			/* evaluations under way */
	MemoryContext context;		/* of exprs; NULL: not compiled */
	DmlFeatureExprs *exprs;
} CachedTrigger;

static HTAB *cache = NULL;

PG_FUNCTION_INFO_V1(dml_embed_trigger);

DmlFeatureExprs *
embed_trigger_compile(const Trigger *trigger, Relation rel)
{
	DmlFeatureExprs *exprs = NULL;

	if (trigger->tgnattr >= 2 && trigger->tgnargs == EMBED_TRIGGER_NAMES + trigger->tgnattr)
		exprs = dml_features_of_condition(dml_features_parse_qualified(trigger->tgargs[EMBED_TRIGGER_FEATURES]),
										  trigger->tgqual, rel);
	if (exprs == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by dml_materialize", trigger->tgname),
				 errhint("Drop it and call dml_materialize.")));
	return exprs;
}

/* Whether a watched column was renamed since dml_materialize wrote its name into the trigger. */
static bool
has_renamed_column(const DmlFormerColumns *columns)
{
	for (int i = 0; i < columns->n; i++)
		if (strcmp(columns->names[i], NameStr(TupleDescAttr(RelationGetDescr(columns->rel), columns->attnums[i] - 1)->attname)) != 0)
			return true;
	return false;
}

/*
 * Whether dml_materialize recorded the trigger's features for the column of this name in table
 * relid.  The table is rel itself or a partitioned table above it; owner owns it.
 */
static bool
is_recorded(Oid relid, Oid owner, const char *column, const char *features, const Trigger *trigger, Relation rel)
{
	const char *recorded = dml_column_features(relid, get_attnum(relid, column));
	DmlFormerColumns columns = {rel, trigger->tgnattr, trigger->tgargs + EMBED_TRIGGER_NAMES, trigger->tgattr};
	OwnerScope	scope;
	bool		same;

	if (recorded == NULL)
		return false;
	if (strcmp(recorded, features) == 0)
		return true;
	if (!has_renamed_column(&columns))
		return false;
	owner_scope_begin(&scope, owner, true);
	same = dml_features_are_of_condition(recorded, &columns, trigger->tgqual);
	owner_scope_end(&scope);
	return same;
}

/* The owner of a table. */
static Oid
table_owner(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			owner = rel->rd_rel->relowner;

	table_close(rel, NoLock);
	return owner;
}

Oid
embed_trigger_owner(const Trigger *trigger, Relation rel)
{
	char	   *column = pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel), trigger->tgattr[trigger->tgnattr - 1] - 1)->attname));
	char	   *features;
	List	   *tables = list_make1_oid(RelationGetRelid(rel));
	ListCell   *cell;

	if (dml_condition_confined(trigger->tgqual, InvalidOid))
		return InvalidOid;
	if (dml_condition_confined(trigger->tgqual, rel->rd_rel->relowner))
		return rel->rd_rel->relowner;
	features = dml_features_text_of_condition(dml_features_parse_qualified(trigger->tgargs[EMBED_TRIGGER_FEATURES]), trigger->tgqual, rel);
	if (rel->rd_rel->relispartition)
		tables = list_concat(tables, get_partition_ancestors(RelationGetRelid(rel)));
	foreach(cell, features != NULL ? tables : NIL)
	{
		Oid			owner = table_owner(lfirst_oid(cell));

		if (is_recorded(lfirst_oid(cell), owner, column, features, trigger, rel))
			return owner;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("trigger \"%s\" has features that dml_materialize did not record", trigger->tgname),
			 errdetail("The features are %s. They call functions of a role that does not own the table.",
					   trigger->tgargs[EMBED_TRIGGER_FEATURES]),
			 errhint("Drop the trigger, or let the owner of the table call dml_materialize with features => '...'.")));
}

/* Relcache callback: entries of the relation are no longer valid. */
static void
forget_relation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS scan;
	CachedTrigger *entry;

	hash_seq_init(&scan, cache);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (!OidIsValid(relid) || entry->relid == relid)
			entry->valid = false;
	}
}

/* Syscache callback: an expression may call a function that has changed. */
static void
forget_all(Datum arg, int cacheid, uint32 hashvalue)
{
	forget_relation((Datum) 0, InvalidOid);
}

static void
cache_init(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(CachedTrigger);
	control.hcxt = CacheMemoryContext;
	cache = hash_create("dml triggers", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, forget_all, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, forget_all, (Datum) 0);
	CacheRegisterSyscacheCallback(OPEROID, forget_all, (Datum) 0);
}

/* Empty the cache, except for triggers that are being evaluated. */
static void
cache_trim(void)
{
	HASH_SEQ_STATUS scan;
	CachedTrigger *entry;

	hash_seq_init(&scan, cache);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->busy > 0)
			continue;
		if (entry->context)
			MemoryContextDelete(entry->context);
		hash_search(cache, &entry->trigger, HASH_REMOVE, NULL);
	}
}

static DmlFeatureExprs *
compile_as(Oid owner, const Trigger *trigger, Relation rel)
{
	DmlFeatureExprs *exprs;
	OwnerScope	scope;

	if (!OidIsValid(owner))
		return embed_trigger_compile(trigger, rel);
	owner_scope_begin(&scope, owner, true);
	exprs = embed_trigger_compile(trigger, rel);
	owner_scope_end(&scope);
	return exprs;
}

static bool
evaluate_as(Oid owner, DmlFeatureExprs *exprs, TupleTableSlot *slot, const DmlVersion *version, float4 *out)
{
	OwnerScope	scope;
	bool		complete;

	if (!OidIsValid(owner))
		return dml_features_eval(exprs, slot, version, out);
	owner_scope_begin(&scope, owner, true);
	complete = dml_features_eval(exprs, slot, version, out);
	owner_scope_end(&scope);
	return complete;
}

/*
 * The cache entry with the compiled features of a trigger.  NULL: they are being evaluated further
 * up the stack, because a function in them writes to the same table, and cannot be used twice.
 */
static CachedTrigger *
cache_find(const Trigger *trigger, Relation rel)
{
	CachedTrigger *entry;
	MemoryContext context;
	MemoryContext old;
	bool		found;

	if (cache == NULL)
		cache_init();
	entry = hash_search(cache, &trigger->tgoid, HASH_FIND, NULL);
	if (entry && entry->busy > 0)
		return NULL;
	if (entry && entry->valid && (OidIsValid(entry->owner) || entry->user == GetUserId()))
		return entry;
	if (entry == NULL && hash_get_num_entries(cache) >= CACHE_MAX)
		cache_trim();

	entry = hash_search(cache, &trigger->tgoid, HASH_ENTER, &found);
	if (!found)
	{
		entry->busy = 0;
		entry->context = NULL;
	}
	entry->valid = false;
	if (entry->context)
		MemoryContextDelete(entry->context);
	entry->context = NULL;

	/*
	 * Stays in the statement's context until it is complete, so that an error leaves nothing
	 * behind.
	 */
	context = AllocSetContextCreate(CurrentMemoryContext, "dml trigger", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	entry->relid = RelationGetRelid(rel);
	entry->user = GetUserId();
	entry->valid = true;		/* an invalidation while compiling resets it */
	entry->busy++;
	PG_TRY();
	{
		entry->owner = embed_trigger_owner(trigger, rel);
		entry->exprs = compile_as(entry->owner, trigger, rel);
	}
	PG_CATCH();
	{
		entry->busy--;
		entry->valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	entry->busy--;
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, CacheMemoryContext);
	entry->context = context;
	return entry;
}

/*
 * Evaluate the features on a row, with the cached expressions, or with new ones if those are busy.
 */
static bool
evaluate(const Trigger *trigger, Relation rel, TupleTableSlot *slot, const DmlVersion *version, float4 *out)
{
	CachedTrigger *volatile entry = cache_find(trigger, rel);
	volatile bool complete;

	if (entry == NULL)
	{
		Oid			owner = embed_trigger_owner(trigger, rel);

		return evaluate_as(owner, compile_as(owner, trigger, rel), slot, version, out);
	}

	entry->busy++;
	PG_TRY();
	{
		complete = evaluate_as(entry->owner, entry->exprs, slot, version, out);
	}
	PG_CATCH();
	{
		/* an error may have left functions in an undefined state */
		entry->busy--;
		entry->valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	entry->busy--;
	return complete;
}

/* The version to embed with, looked up once in each statement. */
static const DmlVersion *
statement_version(FunctionCallInfo fcinfo, const Trigger *trigger, Relation rel)
{
	const DmlVersion *version = fcinfo->flinfo->fn_extra;
	Oid			user;
	int			security;

	if (version)
		return version;
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(rel->rd_rel->relowner, security | SECURITY_LOCAL_USERID_CHANGE);
	version = dml_version_by_reference(trigger->tgargs[EMBED_TRIGGER_MODEL],
									   strtoull(trigger->tgargs[EMBED_TRIGGER_SPACE], NULL, 16));
	SetUserIdAndSecContext(user, security);
	dml_version_pin(version, fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = unconstify(DmlVersion *, version);
	return version;
}

/*
 * Whether the columns that the trigger watches have the same bytes, and the embedding is of space.
 */
static bool
is_unchanged(const Trigger *trigger, TupleDesc desc, HeapTuple old, HeapTuple new, uint64 space)
{
	Datum		embedding = (Datum) 0;
	struct varlena *head;
	uint64		stored;

	for (int i = 0; i < trigger->tgnattr; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, trigger->tgattr[i] - 1);
		bool		old_null;
		bool		new_null;
		Datum		old_value = heap_getattr(old, trigger->tgattr[i], desc, &old_null);
		Datum		new_value = heap_getattr(new, trigger->tgattr[i], desc, &new_null);

		/* with a NULL, computing is cheaper than finding out whether to */
		if (old_null || new_null ||
			!datumIsEqual(old_value, new_value, attribute->attbyval, attribute->attlen))
			return false;
		embedding = new_value;
	}
	head = PG_DETOAST_DATUM_SLICE(embedding, 0, offsetof(DmlVector, x) - VARHDRSZ);
	memcpy(&stored, (char *) head + offsetof(DmlVector, space), sizeof(stored));
	return stored == space;
}

static void
check_call(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s must be called as a trigger", EMBED_TRIGGER_FUNCTION),
				 errhint("dml_materialize makes the trigger.")));
	if (!TRIGGER_FIRED_BEFORE(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!(TRIGGER_FIRED_BY_INSERT(data->tg_event) || TRIGGER_FIRED_BY_UPDATE(data->tg_event)) ||
		data->tg_trigger->tgnattr < 2 ||
		data->tg_trigger->tgnargs != EMBED_TRIGGER_NAMES + data->tg_trigger->tgnattr)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by dml_materialize", data->tg_trigger->tgname),
				 errhint("Drop it and call dml_materialize.")));
}

/*
 * Check the number of dimensions.  The executor does not check a trigger's result against the
 * column's type, but COPY does when a dump is restored.
 */
static void
check_dimensions(const TriggerData *data, AttrNumber attnum, const DmlVersion *version)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(data->tg_relation), attnum - 1);

	if (attribute->atttypmod >= 0 && attribute->atttypmod != version->out)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" has %d dimensions, and the embedding has %d",
						NameStr(attribute->attname), RelationGetRelationName(data->tg_relation),
						attribute->atttypmod, version->out),
				 errhint("Drop trigger \"%s\" and call dml_materialize.", data->tg_trigger->tgname)));
}

static void
trigger_error_context(void *arg)
{
	const TriggerData *data = arg;
	const Trigger *trigger = data->tg_trigger;

	errcontext("embedding by model \"%s\" for column \"%s\" of table \"%s\"",
			   trigger->tgargs[EMBED_TRIGGER_MODEL],
			   NameStr(TupleDescAttr(RelationGetDescr(data->tg_relation),
									 trigger->tgattr[trigger->tgnattr - 1] - 1)->attname),
			   RelationGetRelationName(data->tg_relation));
}

Datum
dml_embed_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	ErrorContextCallback callback;
	const Trigger *trigger;
	Relation	rel;
	TupleDesc	desc;
	TupleTableSlot *slot;
	HeapTuple	tuple;
	const DmlVersion *version;
	float4	   *x;
	int			attnum;
	Datum		value = (Datum) 0;
	bool		isnull;

	check_call(fcinfo);
	trigger = data->tg_trigger;
	rel = data->tg_relation;
	desc = RelationGetDescr(rel);
	attnum = trigger->tgattr[trigger->tgnattr - 1];
	if (TupleDescAttr(desc, attnum - 1)->atttypid != dml_vector_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" is no longer of type dml_vector",
						NameStr(TupleDescAttr(desc, attnum - 1)->attname), RelationGetRelationName(rel)),
				 errhint("Drop trigger \"%s\", or change the column's type back.", trigger->tgname)));

	callback.callback = trigger_error_context;
	callback.arg = data;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	version = statement_version(fcinfo, trigger, rel);
	check_dimensions(data, attnum, version);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		slot = data->tg_newslot;
		tuple = data->tg_newtuple;
		if (is_unchanged(trigger, desc, data->tg_trigtuple, tuple, version->space))
		{
			error_context_stack = callback.previous;
			return PointerGetDatum(tuple);
		}
	}
	else
	{
		slot = data->tg_trigslot;
		tuple = data->tg_trigtuple;
	}

	x = palloc(sizeof(float4) * version->in);
	isnull = !evaluate(trigger, rel, slot, version, x);
	if (!isnull)
		value = PointerGetDatum(dml_version_embed_row(version, x));
	tuple = heap_modify_tuple_by_cols(tuple, desc, 1, &attnum, &value, &isnull);
	error_context_stack = callback.previous;
	return PointerGetDatum(tuple);
}
