/*
 * order.c
 *	  Below a recall of 1, when the planner may rely on the order of a search.
 *
 * An approximate search returns rows in the order of their distances until it has seen the whole
 * tree. Rows that it passed over then come at the end. A LIMIT can live with that. A merge join,
 * GROUP BY, DISTINCT, a window function or a cursor over all rows cannot. If anything but a LIMIT
 * would rely on the order, the planner sees a search without an order, and sorts.
 *
 * If the search may end before the LIMIT (conditions outside of the index, joins, many rows), the
 * plan becomes Limit, Sort, Limit. The lower Limit stops the search, and its rows are sorted. So
 * the query's rows are in order, and an outer query may rely on it.
 */
#include "compat.h"

#include "access/genam.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "optimizer/restrictinfo.h"
#include "utils/fmgroids.h"

#include "dml.h"
#include "scan.h"

/*
 * A search that returns no more than this share of the rows does not come to the end of the tree.
 */
#define SURE_SHARE			0.25

/* Both of LIMIT and OFFSET are cut off here, so that their sum is a bigint. */
#define MOST_ROWS			(PG_INT64_MAX / 2)

static set_rel_pathlist_hook_type previous_pathlist_hook = NULL;
static create_upper_paths_hook_type previous_upper_hook = NULL;

/* An approximate search of ours in order of distance? */
static bool
is_near(const Path *path)
{
	const IndexPath *index_path = (const IndexPath *) path;
	Relation	index;
	double		recall;

	if (!IsA(path, IndexPath) || index_path->indexorderbys == NIL ||
		index_path->indexinfo->amcostestimate != tree_cost)
		return false;
	index = index_open(index_path->indexinfo->indexoid, NoLock);
	recall = tree_recall(index);
	index_close(index, NoLock);
	return recall < 1;
}

/* A LIMIT that says how many rows, once for the whole query. */
static bool
has_limit(const Query *parse)
{
	const Node *count = parse->limitCount;

	return count != NULL && !(IsA(count, Const) && ((const Const *) count)->constisnull) &&
		!contain_volatile_functions(parse->limitCount) && !contain_volatile_functions(parse->limitOffset);
}

/* Could a merge join use the order of these keys? */
static bool
may_merge(PlannerInfo *root, RelOptInfo *rel, List *pathkeys)
{
	ListCell   *cell;

	foreach(cell, pathkeys)
	{
		EquivalenceClass *class = lfirst_node(PathKey, cell)->pk_eclass;
		ListCell   *join;

		if (eclass_useful_for_merging(root, class, rel))
			return true;
		foreach(join, rel->joininfo)
		{
			RestrictInfo *info = lfirst_node(RestrictInfo, join);

			if (info->mergeopfamilies == NIL)
				continue;
			update_mergeclause_eclasses(root, info);
			if (info->left_ec == class || info->right_ec == class)
				return true;
		}
	}
	return false;
}

/* True if only the query's LIMIT relies on the order of a relation's rows. */
static bool
only_for_limit(PlannerInfo *root, RelOptInfo *rel, List *pathkeys)
{
	const Query *parse = root->parse;

	return has_limit(parse) && parse->groupClause == NIL && parse->groupingSets == NIL && parse->distinctClause == NIL &&
		!parse->hasAggs && !parse->hasWindowFuncs && parse->havingQual == NULL && parse->setOperations == NULL &&
		!may_merge(root, rel, pathkeys);
}

/*
 * Sort keys that equal no others: the planner compares sort keys and their classes by their
 * addresses. The path keeps their number, since the plan of an index scan finds the operators of
 * its ORDER BY through them.
 */
static List *
unlike_any_others(List *pathkeys)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, pathkeys)
	{
		PathKey    *key = makeNode(PathKey);

		*key = *lfirst_node(PathKey, cell);
		key->pk_eclass = makeNode(EquivalenceClass);
		*key->pk_eclass = *lfirst_node(PathKey, cell)->pk_eclass;
		result = lappend(result, key);
	}
	return result;
}

/* Searches of a base relation whose order something else relies on have none for the planner. */
static void
hide_order(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	ListCell   *cell;

	if (previous_pathlist_hook)
		previous_pathlist_hook(root, rel, rti, rte);
	foreach(cell, rel->pathlist)
	{
		Path	   *path = lfirst(cell);

		if (path->pathkeys != NIL && is_near(path) && !only_for_limit(root, rel, path->pathkeys))
			path->pathkeys = unlike_any_others(path->pathkeys);
	}
}

/* LIMIT and OFFSET together, if they are known; -1. */
static int64
rows_wanted(const Query *parse)
{
	const Const *count = (const Const *) parse->limitCount;
	const Const *offset = (const Const *) parse->limitOffset;
	int64		skipped = 0;

	if (!IsA(count, Const) || (offset != NULL && !IsA(offset, Const)))
		return -1;
	if (offset != NULL && !offset->constisnull)
		skipped = Max(DatumGetInt64(offset->constvalue), 0);
	return Min(Max(DatumGetInt64(count->constvalue), 0), MOST_ROWS) + Min(skipped, MOST_ROWS);
}

/* True if a search can reach the end of the tree before the LIMIT. */
static bool
may_end(const IndexPath *path, int64 wanted)
{
	const IndexOptInfo *index = path->indexinfo;
	ListCell   *cell;

	if (wanted < 0)
		return true;
	foreach(cell, index->indrestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);

		/* PostgreSQL tests it on what the search returns */
		if (!info->pseudoconstant && !is_redundant_with_indexclauses(info, path->indexclauses))
			return true;
	}

	/* the first stage returns what there is in order */
	return wanted > TREE_FIRST_STAGE && (path->indexclauses != NIL || wanted > index->tuples * SURE_SHARE);
}

/* Is the order of a path that of an approximate search which may come to its end? */
static bool
may_be_late(const Path *path, int64 wanted)
{
	ListCell   *cell;

	switch (nodeTag(path))
	{
		case T_IndexPath:
			return is_near(path) && may_end((const IndexPath *) path, wanted);
		case T_ProjectionPath:
			return may_be_late(((const ProjectionPath *) path)->subpath, wanted);
		case T_IncrementalSortPath:
			return may_be_late(((const IncrementalSortPath *) path)->spath.subpath, wanted);
		case T_MaterialPath:
			return may_be_late(((const MaterialPath *) path)->subpath, wanted);
		case T_GatherMergePath:
			return may_be_late(((const GatherMergePath *) path)->subpath, -1);
		case T_NestPath:
		case T_MergePath:
			/* a join rejects rows */
			return may_be_late(((const JoinPath *) path)->outerjoinpath, -1);
		case T_MergeAppendPath:
			foreach(cell, ((const MergeAppendPath *) path)->subpaths)
				if (may_be_late(lfirst(cell), wanted))
					return true;
			return false;
		case T_AppendPath:
			foreach(cell, ((const AppendPath *) path)->subpaths)
				if (may_be_late(lfirst(cell), wanted))
					return true;
			return false;
		default:
			return false;
	}
}

/* A number of rows, but no more than MOST_ROWS. */
static Node *
cut_off(Node *rows)
{
	MinMaxExpr *least = makeNode(MinMaxExpr);

	least->minmaxtype = INT8OID;
	least->op = IS_LEAST;
	least->args = list_make2(rows, makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(MOST_ROWS), false, FLOAT8PASSBYVAL));
	least->location = -1;
	return (Node *) least;
}

/* The first rows that a path finds, sorted. */
static Path *
sort_first_rows(PlannerInfo *root, RelOptInfo *rel, Path *path, int64 wanted)
{
	const Query *parse = root->parse;
	Node	   *count = parse->limitCount;

	if (wanted >= 0)
		count = (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(wanted), false, FLOAT8PASSBYVAL);
	else if (parse->limitOffset != NULL)
		count = (Node *) makeFuncExpr(F_INT8PL, INT8OID, list_make2(cut_off(count), cut_off(parse->limitOffset)),
									  InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	path = (Path *) create_limit_path(root, rel, path, NULL, count, parse->limitOption, 0, Max(wanted, 0));
	return (Path *) create_sort_path(root, rel, path, root->sort_pathkeys, -1);
}

static void
sort_late_rows(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input, RelOptInfo *output, void *extra)
{
	const Query *parse = root->parse;
	ListCell   *cell;

	if (previous_upper_hook)
		previous_upper_hook(root, stage, input, output, extra);

	/*
	 * a set-returning function or a row lock between them would let the lower LIMIT end too early
	 */
	if (stage != UPPERREL_ORDERED || !has_limit(parse) || parse->hasTargetSRFs || parse->rowMarks != NIL)
		return;
	foreach(cell, output->pathlist)
	{
		int64		wanted = rows_wanted(parse);

		if (may_be_late(lfirst(cell), wanted))
			lfirst(cell) = sort_first_rows(root, output, lfirst(cell), wanted);
	}
}

void
index_order_init(void)
{
	previous_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = hide_order;
	previous_upper_hook = create_upper_paths_hook;
	create_upper_paths_hook = sort_late_rows;
}
