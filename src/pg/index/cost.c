/*
 * cost.c
 *	  amcostestimate: what a search costs, for the planner.
 *
 * Before the first row there is the first stage of a search: the leaves that it visits and the
 * rows that it measures, both known from calibration.  A condition on columns of the index
 * makes it visit as many leaves as for all the rows that are met for those that pass.  Each
 * further row is measured in the table by the search, and read by PostgreSQL, which counts that
 * itself.  Stages begin anew, so a row is measured 4/3 times.
 */
#include "compat.h"

#include <math.h>

#include "access/genam.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "tree.h"

#define WANTED				10	/* rows of the first stage */
#define STAGES				(4 / 3.0)

/* What measuring a row takes beside reading it: distances have this procost. */
#define DISTANCE_OPERATORS	10

/* An exact search reads this share of the leaves, more or less. */
#define EXACT_SHARE			(1 / 3.0)

/*
 * Is there a dml_within()?  Are rows without a vector asked for?  And which share of rows passes the conditions on further
 * columns?
 */
static bool
read_conditions(PlannerInfo *root, IndexPath *path, bool *nulls, double *passing)
{
	List	   *filter = NIL;
	bool		ball = false;
	ListCell   *cell;

	*nulls = false;
	foreach(cell, path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, cell);
		ListCell   *qual;

		foreach(qual, clause->indexquals)
		{
			RestrictInfo *info = lfirst_node(RestrictInfo, qual);

			if (clause->indexcol > 0)
				filter = lappend(filter, info);
			else if (IsA(info->clause, OpExpr))
				ball = true;
			else if (IsA(info->clause, NullTest) && ((NullTest *) info->clause)->nulltesttype == IS_NULL)
				*nulls = true;
		}
	}
	*passing = clauselist_selectivity(root, filter, path->indexinfo->rel->relid, JOIN_INNER, NULL);
	return ball;
}

/* Pages that are read again in each of many searches come from the cache, mostly. */
static double
pages_once(PlannerInfo *root, const IndexOptInfo *index, double visited, double loops)
{
	if (loops <= 1)
		return visited;
	return index_pages_fetched(visited * loops, index->pages, index->pages, root) / loops;
}

void
tree_cost(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total,
		  Selectivity *selectivity, double *correlation, double *index_pages)
{
	const IndexOptInfo *info = path->indexinfo;
	GenericCosts generic;
	TreeEffort	effort = {.probes = 1, .exact = 1};
	TreeMeta	meta;
	Relation	index;
	double		passing;
	bool		nulls;
	bool		ball = read_conditions(root, path, &nulls, &passing);
	double		pages = Max(info->pages, 1);
	double		rows = Max(info->tuples, 1);
	double		found;			/* rows that come out, if all are asked for */
	double		visited = 1;
	double		page_rows;
	double		random_page;
	double		seq_page;
	Cost		measure;

	*correlation = 0;
	*selectivity = 0;
	*index_pages = 0;
	*startup = *total = get_float8_infinity();

	/* rows without a vector would be missed; a ball has none */
	if (!ball && (path->indexorderbys == NIL || nulls))
	{
#if PG_VERSION_NUM >= 180000
		path->path.disabled_nodes = 2;
#endif
		return;
	}
	memset(&generic, 0, sizeof(generic));
	genericcostestimate(root, path, loops, &generic);
	get_tablespace_page_costs(info->reltablespace, &random_page, &seq_page);
	index = index_open(info->indexoid, NoLock);
	tree_meta_read(index, &meta);
	found = rows * generic.indexSelectivity;
	if (meta.root != InvalidBlockNumber)
	{
		const TreeShape *shape = tree_shape(index, &meta, CurrentMemoryContext);
		double		recall = tree_recall(index);
		double		wanted = path->indexorderbys == NIL ? Max(found, WANTED) : WANTED / Max(passing, 1 / rows);

		tree_effort(&meta, shape, recall, (int) Min(wanted, PG_INT32_MAX / 2), &effort);
		visited = Min((double) effort.probes, (double) meta.leaves);
		if (recall >= 1)
			visited = Max(visited, meta.leaves * EXACT_SHARE);
		visited = Min(visited * 1.25 + meta.root_level + 1, pages);
		tree_effort(&meta, shape, recall, WANTED, &effort);
	}
	index_close(index, NoLock);

	page_rows = rows / pages;
	measure = cpu_tuple_cost + cpu_index_tuple_cost + DISTANCE_OPERATORS * cpu_operator_cost;
	visited = pages_once(root, info, visited, loops);
	*startup = visited * (seq_page + page_rows * cpu_operator_cost / 4) +
		Min((double) effort.exact, rows) * (random_page + measure);
	*total = *startup + STAGES * found * measure +
		index_pages_fetched(found, info->rel->pages, info->pages, root) * random_page / 2;
	if (path->indexorderbys != NIL)
		*total += Max(pages - visited, 0) * seq_page;
	*selectivity = generic.indexSelectivity;
	*index_pages = visited;
}
