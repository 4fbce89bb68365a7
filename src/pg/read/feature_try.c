/*
 * feature_try.c
 *	  Whether features that are about to be trained on would also work in a materialised column.
 *
 * Training looks names up by the user's search_path, also those in the bodies of functions that the
 * features call.  dml_materialize and its trigger look them up in pg_catalog only, because they run
 * for whoever writes to the table.  So the features are tried on one row under that path before a
 * long training starts.
 */
#include "compat.h"

#include "read/feature.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "read/owner.h"
#include "read/source.h"

/* Whether all features are columns, which call no function. */
static bool
are_columns(const DmlFeatures *features)
{
	ListCell   *cell;

	foreach(cell, features->targets)
		if (!IsA(lfirst_node(ResTarget, cell)->val, ColumnRef))
			return false;
	return true;
}

/*
 * Evaluate for one row of the table under dml_materialize's search_path.  Sets compiled once the
 * part that uses the user's path is done.
 */
static void
evaluate_one_row(const DmlFeatures *features, Oid relid, volatile bool *compiled)
{
	Relation	rel = table_open(relid, AccessShareLock);
	char	   *text = dml_features_qualified(dml_features_compile(features, rel), rel);
	char	   *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel));

	*compiled = true;
	restrict_search_path();
	SPI_connect();
	(void) SPI_execute(psprintf("SELECT %s FROM %s LIMIT 1", text, table), true, 1);
	SPI_finish();
	table_close(rel, NoLock);
}

void
dml_features_try(const char *source, const char *text)
{
	DmlFeatures *features = dml_features_parse(text);
	Oid			relid = dml_source_relation(source);
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool compiled = false;
	int			guc_level;

	if (are_columns(features) || !OidIsValid(relid) ||
		(get_rel_relkind(relid) != RELKIND_RELATION && get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE))
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		guc_level = NewGUCNestLevel();
		evaluate_one_row(features, relid, &compiled);
		AtEOXact_GUC(true, guc_level);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);

		/* training itself reports errors that do not concern names */
		if (compiled && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION)
			ereport(WARNING,
					(errmsg("features \"%s\" cannot be materialised: %s", text, error->message),
					 errdetail("dml_materialize looks names up in pg_catalog only, also those in functions that the features call."),
					 errhint("Write the schema in front of names in the function, or give it a path: ALTER FUNCTION ... SET search_path = ...")));
		FreeErrorData(error);
	}
	PG_END_TRY();
}
