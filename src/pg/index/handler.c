/*
 * handler.c
 *	  The access method as PostgreSQL sees it: what it can do, what it costs.
 */
#include "compat.h"

#include <float.h>
#include <math.h>

#include "access/amapi.h"
#include "access/reloptions.h"
#include "access/stratnum.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "commands/vacuum.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "dml.h"
#include "tree.h"

PG_FUNCTION_INFO_V1(dml_handler);
PG_FUNCTION_INFO_V1(dml_index_metric_l2);
PG_FUNCTION_INFO_V1(dml_index_metric_cosine);

/* GUC dml.recall */
double		dml_index_recall = 0.95;

#define LEAST_RECALL		0.5

void
index_init(void)
{
	DefineCustomRealVariable("dml.recall",
							 "The share of the true nearest rows that a search with a dml index is to find.",
							 "1 is exact: the same rows as a sequential scan.",
							 &dml_index_recall, 0.95, LEAST_RECALL, 1, PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Support function 1 of the operator classes: which distance the index is of */
Datum
dml_index_metric_l2(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(TREE_L2);
}

Datum
dml_index_metric_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(TREE_COSINE);
}

/* amoptions: there are none */
static bytea *
tree_options(Datum reloptions, bool validate)
{
	return (bytea *) build_reloptions(reloptions, validate, 0, 0, NULL, 0);
}

/*
 * amcostestimate: what the first stage of a search visits is paid before the first row, and
 * each row costs a page of the table.  Without an ORDER BY there is no search.
 */
static void
tree_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
		  Selectivity *selectivity, double *correlation, double *index_pages)
{
	GenericCosts generic;
	TreeMeta	meta;
	Relation	index;
	TreeEffort	effort;
	double		pages;
	double		rows;
	double		random_page;
	double		seq_page;
	double		visited;

	if (path->indexorderbys == NIL)
	{
		*startup = *total = get_float8_infinity();
		*selectivity = 0;
		*correlation = 0;
		*index_pages = 0;
#if PG_VERSION_NUM >= 180000
		path->path.disabled_nodes = 2;
#endif
		return;
	}
	memset(&generic, 0, sizeof(generic));
	genericcostestimate(root, path, loop_count, &generic);
	index = index_open(path->indexinfo->indexoid, NoLock);
	tree_meta_read(index, &meta);
	get_tablespace_page_costs(path->indexinfo->reltablespace, &random_page, &seq_page);
	rows = Max(path->indexinfo->rel->tuples, 1);
	pages = Max(path->indexinfo->pages, 1);
	if (meta.root == InvalidBlockNumber)
		visited = effort.exact = 1;
	else
	{
		const TreeShape *shape = tree_shape(index, &meta, CurrentMemoryContext);

		tree_effort(&meta, shape, dml_index_recall, 10, &effort);
		visited = effort.probes + effort.probes / 4 + meta.root_level + 2;
		if (dml_index_recall >= 1)
			visited = Max(visited, meta.leaves / 3.0);
		visited = Min(visited, pages);
	}
	index_close(index, NoLock);

	/* what a search reads again and again is cached, mostly */
	*startup = visited * (seq_page + rows / pages * cpu_operator_cost / 4) +
		effort.exact * (random_page + cpu_tuple_cost + 10 * cpu_operator_cost);
	*total = *startup + rows * generic.indexSelectivity * (cpu_index_tuple_cost + cpu_operator_cost) +
		(pages - visited) * seq_page;
	*selectivity = generic.indexSelectivity;
	*correlation = 0;
	*index_pages = visited;
}

/* amproperty: ORDER BY distance is what its first column is for */
static bool
tree_property(Oid index, int attno, IndexAMProperty prop, const char *name, bool *res, bool *isnull)
{
	if (prop != AMPROP_DISTANCE_ORDERABLE || attno == 0)
		return false;
	*res = attno == 1;
	*isnull = false;
	return true;
}

/* dml_handler(internal) */
Datum
dml_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = BTMaxStrategyNumber;
	am->amsupport = TREE_COMPARE_PROC;
	am->amcanorderbyop = true;
	am->amcanmulticol = true;
	am->amsearcharray = true;
	am->amsearchnulls = true;
	am->amoptionalkey = true;
#if PG_VERSION_NUM >= 170000
	am->amcanbuildparallel = true;
#endif
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL | VACUUM_OPTION_PARALLEL_CLEANUP;
	am->amkeytype = InvalidOid;
	am->ambuild = tree_build;
	am->ambuildempty = tree_build_empty;
	am->aminsert = tree_insert;
	am->ambulkdelete = tree_bulk_delete;
	am->amvacuumcleanup = tree_vacuum_cleanup;
	am->amcostestimate = tree_cost;
	am->amoptions = tree_options;
	am->amproperty = tree_property;
	am->ambuildphasename = tree_phase_name;
	am->amvalidate = tree_validate;
	am->ambeginscan = tree_begin_scan;
	am->amrescan = tree_rescan;
	am->amgettuple = tree_next;
	am->amendscan = tree_end_scan;
	PG_RETURN_POINTER(am);
}
