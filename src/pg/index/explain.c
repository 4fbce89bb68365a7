/*
 * explain.c
 *	  What EXPLAIN (ANALYZE) says of a search, from PostgreSQL 18 on, where an extension may add to
 *	  a node.  On older versions dml_index_stats() tells of the session's last search.
 */
#include "compat.h"

#if PG_VERSION_NUM >= 180000

#include "access/amapi.h"
#include "access/relscan.h"
#include "commands/explain.h"
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#include "nodes/execnodes.h"

#include "dml.h"
#include "walk.h"

static explain_per_node_hook_type previous_hook = NULL;

/* The scan of an index node; NULL: another node, or one that did not run. */
static IndexScanDesc
scan_of(PlanState *node)
{
	if (IsA(node, IndexScanState))
		return ((IndexScanState *) node)->iss_ScanDesc;
	if (IsA(node, BitmapIndexScanState))
		return ((BitmapIndexScanState *) node)->biss_ScanDesc;
	return NULL;
}

static void
explain_node(PlanState *node, List *ancestors, const char *relationship, const char *plan_name, ExplainState *es)
{
	IndexScanDesc scan = es->analyze ? scan_of(node) : NULL;

	if (previous_hook)
		previous_hook(node, ancestors, relationship, plan_name, es);
	if (scan != NULL && scan->indexRelation->rd_indam->ambeginscan == tree_begin_scan)
	{
		const TreeCounts *counts = tree_scan_counts(scan);

		ExplainPropertyInteger("Inner Pages", NULL, counts->inner, es);
		ExplainPropertyInteger("Leaves", NULL, counts->leaves, es);
		ExplainPropertyInteger("Codes Scored", NULL, counts->codes, es);
		ExplainPropertyInteger("Exact Distances", NULL, counts->exact, es);
	}
}

void
index_explain_init(void)
{
	previous_hook = explain_per_node_hook;
	explain_per_node_hook = explain_node;
}

#endif
