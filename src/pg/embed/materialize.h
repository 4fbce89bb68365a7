/*
 * materialize.h
 *	  A materialised column: its trigger, and the filling of it.
 *
 * The trigger is the truth about a column, not the record in dml_columns: its
 * UPDATE OF list holds the feature columns and last the embedding's, by number, so a
 * renamed column is still found; its arguments are
 *
 *		model@version, features, name of UPDATE OF column 1, name of column 2, ...
 *
 * with the names that the columns had when features was written.  Its WHEN clause holds the
 * features as expressions (dml_features_condition): they are what is evaluated, and PostgreSQL
 * knows through them which functions, types and operators the trigger needs.
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

/* Arguments of the trigger in front of the columns' names. */
enum
{
	EMBED_TRIGGER_MODEL,
	EMBED_TRIGGER_FEATURES,
	EMBED_TRIGGER_NAMES
};

/*
 * Features of a trigger, compiled for its table.
 * Errors also for a trigger that dml_materialize did not make.
 */
extern DmlFeatureExprs *embed_trigger_compile(const Trigger *trigger, Relation rel);

/*
 * Whom the features of a trigger are evaluated as.  InvalidOid, as whoever writes: they only compute.
 * The table's owner: what they call is that owner's or a superuser's, or dml_materialize recorded
 * them.  In a partition, the owner of the table that they were recorded for.  Errors for other
 * features, which may be of anybody who has the right TRIGGER.
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
	List	   *members;		/* OIDs: the table, its partitions and inheritance children */
	AttrNumber	attnum;			/* of the column; InvalidAttrNumber: to be added */
	bool		retype;			/* its number of dimensions is another model's */
} MaterializeTarget;

/* ---------- materialize_check.c ---------- */

/*
 * Look up what both functions work on: relid, column, owner and function are set; the table is
 * not locked yet.  what: the statement's name, for a read-only transaction.
 */
extern void materialize_target_init(MaterializeTarget *target, FunctionCallInfo fcinfo, const char *what);

/* Checks of the locked tables; doing: what is being done, for messages. */
extern void materialize_check_members(const MaterializeTarget *target, const char *doing);

/* ---------- materialize_trigger.c ---------- */

/* A statement of DDL, as the current user; the table's name for it. */
extern void materialize_run(const char *sql);
extern char *materialize_table_name(Oid relid);

/* The trigger that fills a column, or NULL.  A copy: the relcache may be rebuilt at any look-up. */
extern const Trigger *column_trigger_find(Relation rel, AttrNumber attnum, Oid function);

/*
 * Drop a column's triggers on one table, also those that others made, and forget the record.
 * Returns whether there was a trigger.
 */
extern bool column_trigger_drop(Oid relid, const char *column, Oid function);

/*
 * Make the trigger of a column on one table and record the column.  model is "name@number";
 * of record all is set but features.
 */
extern void column_trigger_create(Oid relid, AttrNumber attnum, Oid function, const char *model,
								  const DmlFeatureExprs *exprs, const char *features, DmlColumn *record);

/* ---------- materialize_index.c ---------- */

/*
 * OIDs of the dml indexes, of the table and all below it, that hold vectors of another space
 * than the version's in an expression or a column that is made of the target column.  The caller
 * need not hold a lock on the tables.
 */
extern List *materialize_other_indexes(const MaterializeTarget *target);

/*
 * Keep rows out of indexes until materialize_indexes_rebuild() has built them from the table
 * again, in the same transaction.  The caller holds ACCESS EXCLUSIVE on their tables.
 */
extern void materialize_indexes_suspend(List *indexes);
extern void materialize_indexes_rebuild(List *indexes);

/* ---------- materialize_fill.c ---------- */

typedef struct FillCounts
{
	int64		rows;			/* seen */
	int64		embedded;		/* written with an embedding */
	int64		incomplete;		/* with a NULL feature, hence a NULL embedding */
} FillCounts;

/*
 * Write the embedding of every row of one table (or leaf partition), which the caller
 * has locked against writers and row locks.  keep_fresh: rows that already have an
 * embedding of version's space are left as they are.  Adds to counts.  Runs user
 * expressions: the caller has become the owner.
 */
extern void materialize_fill(Relation rel, AttrNumber attnum, const DmlVersion *version,
							 DmlFeatureExprs *exprs, bool keep_fresh, FillCounts *counts);

#endif							/* DML_MATERIALIZE_H */
