/*
 * ddl.c
 *	  dml_watch_ddl: an event trigger that tells when DDL leaves a materialised column that
 *	  nothing keeps fresh.
 *
 * PostgreSQL gives the triggers of a partitioned table to its partitions, and takes them back from
 * a partition that is detached.  The detached table keeps the column, but nothing fills it any
 * more.  It gets a record of its own, so that dml_columns shows it.  A table that is attached
 * brings rows that may have no embedding.  A child table of INHERITS has the column without the
 * trigger.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(dml_watch_ddl);

typedef enum Change
{
	ATTACHED,
	DETACHED,
	INHERITS
} Change;

/*
 * The statement that fills a column and keeps it fresh, for a hint.  refresh: some rows may have an
 * embedding of the right version that was made from older values.
 */
static char *
materialize_call(Oid relid, const char *column, const Trigger *trigger, bool refresh)
{
	List	   *ancestors = get_rel_relispartition(relid) ? get_partition_ancestors(relid) : NIL;

	if (ancestors != NIL)
		relid = llast_oid(ancestors);
	return psprintf("SELECT * FROM dml_materialize(%s, %s, model => %s, features => %s%s);",
					quote_literal_cstr(materialize_table_name(relid)), quote_literal_cstr(column),
					quote_literal_cstr(trigger->tgargs[EMBED_TRIGGER_MODEL]),
					quote_literal_cstr(trigger->tgargs[EMBED_TRIGGER_FEATURES]),
					refresh ? ", refresh => true" : "");
}

/* The number of triggers of the table that fill the column. */
static int
count_triggers(Oid relid, AttrNumber attnum, Oid function)
{
	Relation	rel = table_open(relid, AccessShareLock);
	int			n = 0;

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		n += trigger->tgfoid == function && trigger->tgnattr > 0 && trigger->tgattr[trigger->tgnattr - 1] == attnum;
	}
	table_close(rel, AccessShareLock);
	return n;
}

/*
 * Give the column of a detached partition a record: a copy of the partitioned table's, or of the
 * nearest table above it that has one.
 */
static void
record_detached(Oid parent, Oid child, const char *column)
{
	ListCell   *cell;

	if (dml_column_copy(parent, get_attnum(parent, column), child, get_attnum(child, column)) ||
		!get_rel_relispartition(parent))
		return;
	foreach(cell, get_partition_ancestors(parent))
	{
		if (dml_column_copy(lfirst_oid(cell), get_attnum(lfirst_oid(cell), column), child, get_attnum(child, column)))
			return;
	}
}

/* Whether the relation has rows, or partitions that may have some. */
static bool
may_have_rows(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		result = rel->rd_rel->relkind != RELKIND_RELATION || RelationGetNumberOfBlocks(rel) > 0;

	table_close(rel, AccessShareLock);
	return result;
}

/*
 * Report how the change affects one materialised column of parent in child, and update its record.
 */
static void
watch_column(Oid parent, Oid child, Change change, const Trigger *trigger, Oid function)
{
	const char *column = get_attname(parent, trigger->tgattr[trigger->tgnattr - 1], false);
	AttrNumber	attnum = get_attnum(child, column);
	int			triggers = attnum == InvalidAttrNumber ? 0 : count_triggers(child, attnum, function);

	if (attnum == InvalidAttrNumber)
		return;
	if (change == ATTACHED)
	{
		bool		stale;

		if (triggers == 1)		/* the trigger of the partitioned table */
			(void) dml_column_forget(child, attnum, &stale);
		if (may_have_rows(child))
			ereport(NOTICE,
					(errmsg("rows that \"%s\" brings may have no embedding, or an outdated one, in column \"%s\"",
							get_rel_name(child), column),
					 errhint("%s", materialize_call(parent, column, trigger, true))));
	}
	else if (triggers == 0)
	{
		if (change == DETACHED)
			record_detached(parent, child, column);
		ereport(NOTICE,
				(errmsg("column \"%s\" of \"%s\" is not kept fresh", column, get_rel_name(child)),
				 change == DETACHED ?
				 errdetail("The trigger is that of the partitioned table \"%s\".", get_rel_name(parent)) :
				 errdetail("The trigger of \"%s\" is not inherited.", get_rel_name(parent)),
				 errhint("%s", change == DETACHED ? materialize_call(child, column, trigger, false) :
						 materialize_call(parent, column, trigger, may_have_rows(child)))));
	}
}

/* Do so for every materialised column of parent, when a table became its child or ceased to be. */
static void
watch(const RangeVar *parent_name, const RangeVar *child_name, Change change, Oid function)
{
	Oid			parent = RangeVarGetRelid(parent_name, NoLock, true);
	Oid			child = RangeVarGetRelid(child_name, NoLock, true);
	TriggerDesc *triggers;
	Relation	rel;

	if (!OidIsValid(parent) || !OidIsValid(child))
		return;
	rel = table_open(parent, AccessShareLock);
	triggers = CopyTriggerDesc(rel->trigdesc);
	table_close(rel, AccessShareLock);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == function && trigger->tgnattr > 0 &&
			trigger->tgnargs == EMBED_TRIGGER_NAMES + trigger->tgnattr)
			watch_column(parent, child, change, trigger, function);
	}
}

/* DETACH PARTITION, and the FINALIZE of one that was interrupted. */
static bool
is_detach(AlterTableType subtype)
{
#if PG_VERSION_NUM >= 140000
	if (subtype == AT_DetachPartitionFinalize)
		return true;
#endif
	return subtype == AT_DetachPartition;
}

/* The event trigger: ddl_command_end of ALTER TABLE and CREATE TABLE. */
Datum
dml_watch_ddl(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	ListCell   *cell;
	Oid			function;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("dml_watch_ddl must be called as an event trigger")));
	function = LookupFuncName(list_make2(makeString(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid))),
										 makeString(EMBED_TRIGGER_FUNCTION)),
							  0, NULL, true);
	if (!OidIsValid(function))
		PG_RETURN_NULL();		/* DROP EXTENSION is under way */
	if (IsA(data->parsetree, AlterTableStmt))
	{
		AlterTableStmt *alter = (AlterTableStmt *) data->parsetree;

		foreach(cell, alter->cmds)
		{
			AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

			if (command->subtype == AT_AttachPartition && IsA(command->def, PartitionCmd))
				watch(alter->relation, ((PartitionCmd *) command->def)->name, ATTACHED, function);
			else if (is_detach(command->subtype) && IsA(command->def, PartitionCmd))
				watch(alter->relation, ((PartitionCmd *) command->def)->name, DETACHED, function);
			else if (command->subtype == AT_AddInherit && IsA(command->def, RangeVar))
				watch((RangeVar *) command->def, alter->relation, INHERITS, function);
		}
	}
	else if (IsA(data->parsetree, CreateStmt) && ((CreateStmt *) data->parsetree)->partbound == NULL)
	{
		CreateStmt *create = (CreateStmt *) data->parsetree;

		foreach(cell, create->inhRelations)
			watch(lfirst_node(RangeVar, cell), create->relation, INHERITS, function);
	}
	PG_RETURN_NULL();
}
