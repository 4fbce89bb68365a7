/*
 * index_search.c
 *	  SELECT ... ORDER BY embedding <-> query LIMIT k, prepared once.
 */
#include "compat.h"

#include "answer/index_search.h"

#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "read/query.h"

struct IndexSearch
{
	MemoryContext caller;
	MemoryContext context;		/* of one search's result */
	AnswerSource *source;
	SPIPlanPtr	plan;
	bool		indexed;
};

/* Whether a plan's rows come from an index in order of distance. */
static bool
is_indexed(const Plan *plan)
{
	List	   *children = NIL;
	ListCell   *cell;

	if (plan == NULL)
		return false;
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return ((const IndexScan *) plan)->indexorderby != NIL;
		case T_MergeAppend:
			children = ((const MergeAppend *) plan)->mergeplans;
			break;
		case T_Append:
			children = ((const Append *) plan)->appendplans;
			break;
		case T_SubqueryScan:
			return is_indexed(((const SubqueryScan *) plan)->subplan);
		case T_Limit:
		case T_Result:
			return is_indexed(plan->lefttree);
		default:
			return false;
	}
	foreach(cell, children)
		if (!is_indexed(lfirst(cell)))
			return false;
	return children != NIL;
}

IndexSearch *
index_search_begin(AnswerSource *source, int k)
{
	IndexSearch *search = palloc0(sizeof(IndexSearch));
	Oid			type = dml_vector_type_oid();
	char	   *sql = psprintf("SELECT embedding, distance FROM ("
							   "SELECT embedding, embedding OPERATOR(%s.<->) $1 AS distance FROM ("
							   "SELECT (%s\n) AS embedding FROM %s) rows) distances "
							   "WHERE embedding IS NOT NULL ORDER BY distance LIMIT %d",
							   quote_identifier(dml_vector_schema()), source->embedding, source->from, k);
	CachedPlan *planned;

	search->caller = CurrentMemoryContext;
	search->context = AllocSetContextCreate(CurrentMemoryContext, "dml search", ALLOCSET_DEFAULT_SIZES);
	search->source = source;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer_source_check(source, true);
	/* one plan for all searches: the plan of a given query would be made anew for each */
	search->plan = SPI_prepare_cursor(sql, 1, &type, CURSOR_OPT_GENERIC_PLAN);
	if (search->plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	dml_push_later_snapshot();
	planned = SPI_plan_get_cached_plan(search->plan);
	if (planned != NULL)
	{
		search->indexed = is_indexed(linitial_node(PlannedStmt, planned->stmt_list)->planTree);
		dml_release_cached_plan(planned);
	}
	MemoryContextSwitchTo(search->caller);
	return search;
}

bool
index_search_indexed(const IndexSearch *search)
{
	return search->indexed;
}

/* A vector of the latest result in a memory context. */
static DmlVector *
result_vector(uint64 i, bool *isnull, MemoryContext context)
{
	Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, isnull);
	MemoryContext old = MemoryContextSwitchTo(context);
	DmlVector  *vector = *isnull ? NULL : (DmlVector *) PG_DETOAST_DATUM_COPY(value);

	MemoryContextSwitchTo(old);
	return vector;
}

DmlVector *
index_search_any(IndexSearch *search)
{
	char	   *sql = psprintf("SELECT embedding FROM (SELECT (%s\n) AS embedding FROM %s) rows WHERE embedding IS NOT NULL LIMIT 1",
							   search->source->embedding, search->source->from);
	MemoryContext old = CurrentMemoryContext;
	bool		isnull;
	DmlVector  *vector;

	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute failed");
	vector = SPI_processed > 0 ? result_vector(0, &isnull, search->caller) : NULL;
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old);	/* SPI leaves another one */
	return vector;
}

int
index_search_nearest(IndexSearch *search, const DmlVector *query, const DmlVector **vector, double *distance)
{
	MemoryContext old = CurrentMemoryContext;
	Datum		value = PointerGetDatum(query);
	int			n = 0;

	MemoryContextReset(search->context);
	if (SPI_execute_plan(search->plan, &value, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan failed");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		vector[n] = result_vector(i, &isnull, search->context);
		if (isnull)
			continue;			/* an expression whose value changes */
		distance[n] = DatumGetFloat8(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		n += !isnull;
	}
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old);
	return n;
}

void
index_search_end(IndexSearch *search)
{
	PopActiveSnapshot();
	SPI_finish();
	MemoryContextDelete(search->context);
	pfree(search);
}
