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
 * with the names that the columns had when features was written.
 */
#ifndef DML_MATERIALIZE_H
#define DML_MATERIALIZE_H

#include "compat.h"

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "model/feature.h"
#include "model/model.h"

#define EMBED_TRIGGER_FUNCTION	"dml_embed_trigger"

/* Arguments of the trigger in front of the columns' names. */
enum
{
	EMBED_TRIGGER_MODEL,
	EMBED_TRIGGER_FEATURES,
	EMBED_TRIGGER_NAMES
};

/* Another user's identity and a safe search_path, for as long as that user's expressions run. */
typedef struct OwnerScope
{
	Oid			user;
	int			security;
	int			guc_level;
} OwnerScope;

/*
 * Become owner, who can then do nothing but compute (SECURITY_RESTRICTED_OPERATION).
 * restrict_path: names are looked up in pg_catalog alone, as text of
 * dml_features_qualified wants it.  An error in between restores the identity with the
 * (sub)transaction's abort.
 */
extern void owner_scope_begin(OwnerScope *scope, Oid owner, bool restrict_path);
extern void owner_scope_end(OwnerScope *scope);

/* search_path = pg_catalog, pg_temp until AtEOXact_GUC of the current level. */
extern void restrict_search_path(void);

/*
 * Features of a trigger, compiled for its table with today's names of its columns.
 * Errors also for a trigger that dml_materialize did not make.
 */
extern DmlFeatureExprs *embed_trigger_compile(const Trigger *trigger, Relation rel);

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
