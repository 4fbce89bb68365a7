/*
 * cost.c
 *	  amcostestimate: what a search costs, for the planner.
 *
 * The planner interpolates the cost of the first k of n rows linearly between two numbers, for no
 * row and for all rows. A search works in stages. Each is for 3.2 times the rows of the one
 * before, and is complete before it returns a row. So the first number is the first stage. The
 * second is chosen so that the line is right at the rows that the query's LIMIT makes the search
 * return. With a condition outside of the index these are all rows that must be looked at for
 * those that pass.
 *
 * A join may take the first rows or nearly all of them; how many is not known before paths are
 * made for it. There the line goes through the geometric mean of both, beside which the first
 * rows stay cheap.
 *
 * Leaves and exact distances of a stage are what calibration says. docs/design/index_planner.md
 * compares them with what searches took.
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

#include "scan.h"

/* The cost of a leaf beside its codes, and how many codes cost one operator. */
#define LEAF_OPERATORS		50
#define CODES_PER_OPERATOR	4

/* The cost of measuring a row, beside its page and the distance: 0.3 microseconds. */
#define MEASURE_OPERATORS	30

/*
 * A condition outside of the index is assumed if less than this share is left: rounding takes
 * less.
 */
#define SAME_ROWS			0.95

/* A stage of unknown size: this many times the rows that are wanted. */
#define MEAN_STAGE			1.8

/* The share of the exact distances allowed beyond a stage's rows that is taken. */
#define BEYOND_SHARE		(1 / 3.0)

/*
 * Of an index that calibration did not search exactly. An exact search for EXACT_ROWS rows reads
 * about this share of the leaves, and the share grows with the rows. It measures a few more rows
 * than it returns; with codes of one bit, the geometric mean of the rows returned and all rows.
 */
#define EXACT_ROWS			10.0
#define EXACT_SHARE			0.45
#define EXACT_GROWTH		0.15
#define EXACT_MEASURED		2

typedef struct Work
{
	double		leaves;
	double		exact;
} Work;

/*
 * The conditions of a path. True: there is a dml_within(). *nulls: rows without a vector are
 * asked for. *passing: the share of rows that passes the conditions on further columns.
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

/* The work of an exact search that returns `wanted` of the rows that pass. */
static void
work_exact(const TreeMeta *meta, double rows, double passing, double wanted, Work *work)
{
	double		met = Min(Max(wanted, 1) / passing, rows);

	if (meta->calibration.proof_leaves > 0)
	{
		/* as calibration found it for 10 rows */
		double		grown = (double) meta->leaves / meta->calibration.leaves;
		double		measured = meta->calibration.proof_rows * grown;

		work->leaves = Min(meta->calibration.proof_leaves * grown * pow(Max(met / EXACT_ROWS, 1), EXACT_GROWTH), (double) meta->leaves);
		work->exact = Max(measured * sqrt(wanted / EXACT_ROWS * passing), wanted + Max(measured - EXACT_ROWS, 0) * passing);
		work->exact = Min(work->exact, rows * passing);
		return;
	}
	work->leaves = meta->leaves * EXACT_SHARE * pow(Max(met, 1) / EXACT_ROWS, EXACT_GROWTH);
	work->exact = meta->leaf_bits == 1 ? sqrt(wanted * rows * passing) : EXACT_MEASURED * wanted;
}

/*
 * The work of an approximate search: its stages until one covers `wanted` rows (scan_near.c). If
 * a condition outside of the index rejects rows, their number is only roughly known: a mean
 * stage.
 */
static void
work_near(const TreeMeta *meta, const TreeShape *shape, double recall, double found, double passing, double wanted,
		  bool rejected, Work *work)
{
	double		returned = 0;

	if (rejected)
		wanted = Max(wanted * MEAN_STAGE, TREE_FIRST_STAGE);
	for (double next = TREE_FIRST_STAGE;; next *= TREE_STAGE_GROWTH)
	{
		double		stage = rejected ? Min(next, wanted) : next;
		TreeEffort	effort;
		TreeEffort	met;
		double		measured;

		tree_effort(meta, shape, recall, (int) Min(stage, PG_INT32_MAX / 2), &effort);
		tree_effort(meta, shape, recall, (int) Min(stage / passing, PG_INT32_MAX / 2), &met);
		if (returned > 0 && effort.survivors > tree_rows_in_memory())
		{
			/* all that is left, sorted */
			work->leaves += (double) meta->leaves;
			work->exact += Max(found - returned, 0);
			return;
		}
		measured = stage + (effort.exact - stage) * BEYOND_SHARE;
		work->leaves += Min((double) met.probes, (double) meta->leaves);
		work->exact += Min(measured, found) - returned;
		returned = Min(stage, found);
		if (stage >= wanted || returned < stage)
			return;
	}
}

/* Pages of the table that `rows` rows in no order fetch, in each of many searches. */
static double
table_pages(PlannerInfo *root, const IndexOptInfo *index, double rows, double loops)
{
	return index_pages_fetched(rows * loops, index->rel->pages, index->pages, root) / loops;
}

/*
 * The cost of reading leaves and of measuring rows; `measure` is that of one row beside its page.
 * PostgreSQL counts the pages of rows that are returned.
 */
static Cost
cost_of(PlannerInfo *root, const IndexOptInfo *index, const Work *work, double rows, Cost measure, double returned_pages, double loops)
{
	double		random_page;
	double		seq_page;
	double		leaf_rows = rows / Max(index->pages, 1);
	double		pages = Min(work->leaves, Max(index->pages, 1));

	/* pages that are read again in each of many searches come from the cache, mostly */
	if (loops > 1)
		pages = index_pages_fetched(pages * loops, index->pages, index->pages, root) / loops;

	/*
	 * leaves that are near each other lie beside each other, and all of them are a fraction of
	 * the table
	 */
	get_tablespace_page_costs(index->reltablespace, NULL, &seq_page);
	get_tablespace_page_costs(index->rel->reltablespace, &random_page, NULL);
	return pages * seq_page + work->leaves * (LEAF_OPERATORS + leaf_rows / CODES_PER_OPERATOR) * cpu_operator_cost +
		Max(table_pages(root, index, work->exact, loops) - returned_pages, 0) * random_page + work->exact * measure;
}

/* The cost of a row's distances: to order by, and from the centers of balls. */
static Cost
distance_cost(PlannerInfo *root, IndexPath *path)
{
	QualCost	cost;
	Cost		result = 0;
	ListCell   *cell;

	cost_qual_eval(&cost, path->indexorderbys, root);
	result += cost.per_tuple;
	foreach(cell, path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, cell);

		if (clause->indexcol == 0)
		{
			cost_qual_eval(&cost, clause->indexquals, root);
			result += cost.per_tuple;
		}
	}
	return result;
}

void
tree_cost(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total,
		  Selectivity *selectivity, double *correlation, double *index_pages)
{
	const IndexOptInfo *info = path->indexinfo;
	GenericCosts generic;
	TreeMeta	meta;
	Relation	index;
	double		passing;
	bool		nulls;
	bool		ball = read_conditions(root, path, &nulls, &passing);
	double		rows = Max(info->tuples, 1);
	double		found;			/* rows that come out, if all are asked for */
	double		share = 1;		/* of them, asked for */
	double		wanted;
	bool		rejected;		/* are there conditions outside of the index, or joins? */
	Work		first = {0};
	Work		some = {0};
	Work		all = {0};
	double		returned;		/* pages of the table */
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

	/* the selectivity includes a partial index's predicate */
	found = Min(rows, info->rel->tuples * generic.indexSelectivity);
	rejected = path->path.rows < found * SAME_ROWS;
	wanted = found;
	if (path->indexorderbys != NIL && root->limit_tuples > 0 && root->limit_tuples < path->path.rows)
	{
		share = root->limit_tuples / path->path.rows;
		if (bms_membership(root->all_baserels) == BMS_MULTIPLE)
		{
			/* what the join will reject is not known yet */
			share = sqrt(share);
			rejected = true;
		}
		wanted = rejected ? found * share : root->limit_tuples;
	}
	passing = Max(passing, 1 / rows);
	index = index_open(info->indexoid, NoLock);
	tree_meta_read(index, &meta);
	if (meta.root != InvalidBlockNumber)
	{
		const TreeShape *shape = tree_shape(index, &meta, CurrentMemoryContext);
		double		recall = tree_recall(index);

		if (recall >= 1)
		{
			work_exact(&meta, rows, passing, 1, &first);
			work_exact(&meta, rows, passing, wanted, &some);
			work_exact(&meta, rows, passing, found, &all);
		}
		else
		{
			work_near(&meta, shape, recall, found, passing, 1, false, &first);
			work_near(&meta, shape, recall, found, passing, wanted, rejected, &some);
			work_near(&meta, shape, recall, found, passing, found, false, &all);
		}
	}
	index_close(index, NoLock);

	measure = cpu_tuple_cost + cpu_index_tuple_cost + MEASURE_OPERATORS * cpu_operator_cost + distance_cost(root, path);
	returned = table_pages(root, info, found, loops);
	*startup = cost_of(root, info, &first, rows, measure, share == 1 ? returned : 0, loops);
	*total = Max(*startup, cost_of(root, info, &all, rows, measure, returned, loops));
	if (share < 1)
		*total = Max(*total, *startup + (cost_of(root, info, &some, rows, measure, returned * share, loops) - *startup) / share);
	*selectivity = generic.indexSelectivity;
	*index_pages = Min(some.leaves, info->pages);
}
