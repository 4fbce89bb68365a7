/*
 * materialize.h
 *	  A materialised column: its trigger, and how it is filled.
 *
 * What fills a column follows from its trigger, not from the record in dml_columns.  The trigger's
 * UPDATE OF list holds the feature columns and last the embedding's column, by number, so a renamed
 * column is still found.  Its arguments are
 *
 *		model@version, features, name of UPDATE OF column 1, name of column 2, ...
 *
 * with the names that the columns had when features was written.  Its WHEN clause holds the
 * features as expressions (dml_features_condition).  These are evaluated, and PostgreSQL records
 * the functions, types and operators that they depend on.
 */
#ifndef DML_MATERIALIZE_H
#define DML_MATERIALIZE_H

#include "compat.h"

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "read/feature.h"
#include "model/model.h"

#define EMBED_TRIGGER_FUNCTION	"dml_embed_trigger"

/* Arguments of the trigger before the columns' names. */
enum
{
	EMBED_TRIGGER_MODEL,
	EMBED_TRIGGER_FEATURES,
	EMBED_TRIGGER_SPACE,		/* of the model's weights, in hexadecimal; empty: the name alone */
	EMBED_TRIGGER_NAMES
};

/*
 * The features of a trigger, compiled for its table.  Errors: the trigger was not made by
 * dml_materialize.
 */
extern DmlFeatureExprs *embed_trigger_compile(const Trigger *trigger, Relation rel);

/*
 * The role that evaluates the features of a trigger:
 *
 *	InvalidOid, the current user: the features only compute
 *	the table's owner: they call functions of that owner or of a superuser, or
 *		dml_materialize recorded them
 *	the owner of a table above a partition: dml_materialize recorded them for that table
 *
 * Errors: any other features, which anybody with the right TRIGGER may have written.
 */
extern Oid	embed_trigger_owner(const Trigger *trigger, Relation rel);

/* What is being materialised. */
typedef struct MaterializeTarget
{
	Oid			relid;
	char	   *column;
	Oid			owner;
	Oid			function;		/* dml_embed_trigger's OID */
	const DmlVersion *version;
	List	   *members;		/* OIDs of the table, its partitions and inheritance children */
	AttrNumber	attnum;			/* of the column; InvalidAttrNumber: it will be added */
	bool		retype;			/* the column's number of dimensions will change */
} MaterializeTarget;

/* ---------- materialize_check.c ---------- */

/*
 * Look up what both functions work on, and set relid, column, owner and function.  The table is not
 * locked yet.  what: the function's name, for the error in a read-only transaction.
 */
extern void materialize_target_init(MaterializeTarget *target, FunctionCallInfo fcinfo, const char *what);

/* Check the locked tables.  doing: what is being done, for messages. */
extern void materialize_check_members(const MaterializeTarget *target, const char *doing);

/* ---------- materialize_trigger.c ---------- */

/* Run a DDL statement as the current user; a table's qualified name for it. */
extern void materialize_run(const char *sql);
extern char *materialize_table_name(Oid relid);

/*
 * The trigger that fills a column, or NULL.  A copy, since the relcache may be rebuilt at any
 * look-up.
 */
extern const Trigger *column_trigger_find(Relation rel, AttrNumber attnum, Oid function);

/*
 * Drop a column's triggers on one table, also those that others made, and delete its record.
 * Returns whether there was a trigger.
 */
extern bool column_trigger_drop(Oid relid, const char *column, Oid function);

/*
 * Make the trigger of a column on one table and record the column.  The caller sets all of record
 * except features.  Runs as the owner of the table: parsing the condition can run code, such as the
 * CHECK of a domain for a literal of an array of it.
 */
extern void column_trigger_create(Oid relid, AttrNumber attnum, Oid function, const DmlVersion *version,
								  const DmlFeatureExprs *exprs, const char *features, DmlColumn *record);

/* ---------- materialize_index.c ---------- */

/*
 * OIDs of the dml indexes on the table and all tables below it that hold vectors of a space other
 * than the version's, in the target column or in an expression that reads it.  The caller need not
 * lock the tables.
 */
extern List *materialize_other_indexes(const MaterializeTarget *target);

/*
 * Keep rows out of the indexes until materialize_indexes_rebuild() has built them again, in the
 * same transaction.  The caller holds ACCESS EXCLUSIVE on their tables.
 */
extern void materialize_indexes_suspend(List *indexes);
extern void materialize_indexes_rebuild(List *indexes);

/* ---------- materialize_fill.c ---------- */

typedef struct FillCounts
{
	int64		rows;			/* rows seen */
	int64		embedded;		/* rows written with an embedding */
	int64		incomplete;		/* rows with a NULL feature, hence a NULL embedding */
} FillCounts;

/*
 * Write the embedding of every row of one table or leaf partition, which the caller has locked
 * against writers and row locks.  keep_fresh: leave rows that have an embedding of the version's
 * space as they are.  Adds to counts.  It runs the user's expressions, so the caller has taken on
 * the owner's identity.
 */
extern void materialize_fill(Relation rel, AttrNumber attnum, const DmlVersion *version,
							 DmlFeatureExprs *exprs, bool keep_fresh, FillCounts *counts);

#endif							/* DML_MATERIALIZE_H */
