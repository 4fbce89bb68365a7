/*
 * materialize_trigger.c
 *	  Makes, finds and drops the trigger of a materialised column, and its record.
 */
#include "compat.h"

#include "embed/materialize.h"

#include "access/table.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "read/owner.h"

/* Sorts after the names that users give triggers, so that it sees their changes to the row. */
#define TRIGGER_PREFIX	"zz_dml"

/* Run a DDL statement as the current user. */
void
materialize_run(const char *sql)
{
	int			status;

	SPI_connect();
	status = SPI_execute(sql, false, 0);
	if (status < 0)
		elog(ERROR, "%s: %s", SPI_result_code_string(status), sql);
	SPI_finish();
}

char *
materialize_table_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/*
 * The trigger that fills a column, or NULL.  A copy, since the relcache may be rebuilt at any
 * look-up.
 */
const Trigger *
column_trigger_find(Relation rel, AttrNumber attnum, Oid function)
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

/*
 * Drop a column's triggers on one table, also those that others made, and delete its record.
 * Returns whether there was a trigger.
 */
bool
column_trigger_drop(Oid relid, const char *column, Oid function)
{
	AttrNumber	attnum = get_attnum(relid, column);
	bool		found = false;
	bool		stale;

	while (attnum != InvalidAttrNumber)
	{
		Relation	rel = table_open(relid, NoLock);
		const Trigger *trigger = column_trigger_find(rel, attnum, function);

		table_close(rel, NoLock);
		if (trigger == NULL)
			break;
		materialize_run(psprintf("DROP TRIGGER %s ON %s", quote_identifier(trigger->tgname), materialize_table_name(relid)));
		found = true;
	}
	if (found)
		(void) dml_column_forget(relid, attnum, &stale);
	return found;
}

static void
append_trigger_column(StringInfo columns, StringInfo names, Oid relid, AttrNumber attnum)
{
	char	   *name = get_attname(relid, attnum, false);

	appendStringInfo(columns, "%s%s", columns->len > 0 ? ", " : "", quote_identifier(name));
	appendStringInfo(names, ", %s", quote_literal_cstr(name));
}

/* A name for the column's trigger that no trigger of the table has. */
static char *
choose_trigger_name(Oid relid, const char *column)
{
	Relation	rel = table_open(relid, NoLock);
	TriggerDesc *triggers = rel->trigdesc;
	char	   *name = makeObjectName(TRIGGER_PREFIX, column, NULL);

	for (int i = 0, n = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (strcmp(triggers->triggers[i].tgname, name) == 0)
		{
			name = makeObjectName(TRIGGER_PREFIX, column, psprintf("%d", ++n));
			i = -1;
		}
	}
	table_close(rel, NoLock);
	return name;
}

/*
 * Make the trigger of a column on one table and record the column.  The caller sets all of record
 * except features.  Runs as the owner of the table: parsing the condition
 * can run code, such as the CHECK of a domain for a literal of an array of it.
 */
void
column_trigger_create(Oid relid, AttrNumber attnum, Oid function, const DmlVersion *version,
					  const DmlFeatureExprs *exprs, const char *features, DmlColumn *record)
{
	Relation	rel = table_open(relid, NoLock);
	const char *condition = dml_features_condition(exprs, rel);
	const char *table = materialize_table_name(relid);
	const char *name;
	StringInfoData columns;
	StringInfoData names;
	int			read = -1;
	Oid			owner = rel->rd_rel->relowner;
	OwnerScope	scope;

	table_close(rel, NoLock);
	record->features = features;
	name = quote_identifier(choose_trigger_name(relid, get_attname(relid, attnum, false)));
	initStringInfo(&columns);
	initStringInfo(&names);
	while ((read = bms_next_member(dml_features_columns(exprs), read)) >= 0)
		append_trigger_column(&columns, &names, relid, read);
	append_trigger_column(&columns, &names, relid, attnum);

	owner_scope_begin(&scope, owner, true);
	materialize_run(psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE OF %s ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION %s(%s, %s, '%016llx'%s)",
				 name, columns.data, table, condition,
				 quote_qualified_identifier(get_namespace_name(get_func_namespace(function)), EMBED_TRIGGER_FUNCTION),
				 quote_literal_cstr(dml_version_reference(version)), quote_literal_cstr(features),
				 (unsigned long long) version->weights_space, names.data));
	materialize_run(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, name));
	owner_scope_end(&scope);
	dml_column_record(record);
}
