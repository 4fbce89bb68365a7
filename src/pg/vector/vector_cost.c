/*
 * vector_cost.c
 *	  The cost of a distance, for the planner: it rises with the dimensions, and far more if the
 *	  values of a column must be fetched from the TOAST table.
 *
 * Measured in a sequential scan, in nanoseconds for each row, where adding two integers, at a cost
 * of 1, takes 8:
 *
 *		64 dimensions					20
 *		784 dimensions					340
 *		784 dimensions, out of line		2700
 */
#include "compat.h"

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/syscache.h"

#include "vector/vector.h"

PG_FUNCTION_INFO_V1(dml_distance_support);

/* In units of cpu_operator_cost. */
#define BYTES_PER_OPERATOR	75
#define FETCH_OPERATORS		250
#define FETCH_BYTES_PER_OPERATOR	60

/* The size of a vector if the expression tells it, else 0. */
static double
size_of(const Node *node)
{
	int32		typmod = exprTypmod(node);

	if (exprType(node) != dml_vector_type_oid())
		return 0;
	if (IsA(node, Const) && !((const Const *) node)->constisnull)
		return (double) toast_raw_datum_size(((const Const *) node)->constvalue);
	return typmod > 0 ? (double) DML_VECTOR_SIZE(typmod) : 0;
}

/* The mean width of a column's values as stored in its rows; 0: unknown. */
static double
column_width(const RangeTblEntry *rte, AttrNumber attnum)
{
	/* the statistics of a parent are the inherited ones */
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(rte->relid), Int16GetDatum(attnum), BoolGetDatum(rte->inh));
	double		width;

	if (!HeapTupleIsValid(tuple))
		return 0;
	width = ((Form_pg_statistic) GETSTRUCT(tuple))->stawidth;
	ReleaseSysCache(tuple);
	return width;
}

/* Whether a column's values are out of line.  Raises their size to that in the statistics. */
static bool
is_out_of_line(PlannerInfo *root, const Var *var, double *size)
{
	RangeTblEntry *rte;
	HeapTuple	tuple;
	char		storage;
	double		width;

	if (var->varlevelsup != 0 || var->varattno <= 0 || (int) var->varno >= root->simple_rel_array_size)
		return false;
	rte = planner_rt_fetch(var->varno, root);
	if (rte->rtekind != RTE_RELATION)
		return false;
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(rte->relid), Int16GetDatum(var->varattno));
	if (!HeapTupleIsValid(tuple))
		return false;
	storage = ((Form_pg_attribute) GETSTRUCT(tuple))->attstorage;
	ReleaseSysCache(tuple);
	width = column_width(rte, var->varattno);
	if (width > TOAST_POINTER_SIZE)
	{
		*size = Max(*size, width);
		return false;
	}
	if (storage != TYPSTORAGE_EXTERNAL && storage != TYPSTORAGE_EXTENDED)
		return false;
	return width > 0 || *size > TOAST_TUPLE_TARGET;
}

/*
 * The answer to a planner's request.  NULL if nothing is known of the vectors: the planner then
 * uses the function's own COST.
 */
Node *
dml_distance_cost(SupportRequestCost *request)
{
	List	   *args = NIL;
	double		size = 0;
	double		operators = 0;
	double		pages = 0;
	ListCell   *cell;

	if (request->root != NULL && request->node != NULL && IsA(request->node, OpExpr))
		args = ((OpExpr *) request->node)->args;
	else if (request->root != NULL && request->node != NULL && IsA(request->node, FuncExpr))
		args = ((FuncExpr *) request->node)->args;
	foreach(cell, args)
		size = Max(size, size_of(lfirst(cell)));
	foreach(cell, args)
	{
		Node	   *node = lfirst(cell);

		if (IsA(node, Var) && exprType(node) == dml_vector_type_oid() && is_out_of_line(request->root, (Var *) node, &size))
		{
			size = Max(size, TOAST_TUPLE_TARGET);
			operators += FETCH_OPERATORS + size / FETCH_BYTES_PER_OPERATOR;
			pages += size / BLCKSZ;
		}
	}
	if (size == 0)
		return NULL;
	request->startup = 0;
	request->per_tuple = (operators + Max(size / BYTES_PER_OPERATOR, 1)) * cpu_operator_cost + pages * seq_page_cost;
	return (Node *) request;
}

Datum
dml_distance_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	PG_RETURN_POINTER(IsA(request, SupportRequestCost) ? dml_distance_cost((SupportRequestCost *) request) : NULL);
}
