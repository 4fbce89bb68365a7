/*
 * within.c
 *	  What the planner is told of dml_within(embedding, query, radius): the index condition
 *	  that it is, the share of rows that it lets pass, and its cost.
 *
 * The condition is embedding <->@ dml_ball(query, radius), with an operator of the index's
 * family.  The share is counted among the histogram's values, about 100 rows of the table.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "ann/distance.h"
#include "tree.h"

PG_FUNCTION_INFO_V1(dml_within_support);
PG_FUNCTION_INFO_V1(dml_within_cosine_support);
PG_FUNCTION_INFO_V1(dml_in_ball_selectivity);
PG_FUNCTION_INFO_V1(dml_in_ball_cosine_selectivity);

/* The share of rows if nothing is known of the query or the rows. */
#define DEFAULT_SHARE		0.001

/* The share of a column's rows within a radius, by its statistics. */
static double
share_within(PlannerInfo *root, Node *column, int relation, Node *query, double radius, Oid function, DmlKernel kernel)
{
	VariableStatData variable;
	AttStatsSlot slot;
	double		share = DEFAULT_SHARE;

	examine_variable(root, column, relation, &variable);
	if (HeapTupleIsValid(variable.statsTuple) && IsA(query, Const) && !((Const *) query)->constisnull &&
		((Const *) query)->consttype == dml_vector_type_oid() && statistic_proc_security_check(&variable, function) &&
		get_attstatsslot(&slot, variable.statsTuple, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES))
	{
		const DmlVector *center = DatumGetDmlVectorP(((Const *) query)->constvalue);
		double		within = 0;

		for (int i = 0; i < slot.nvalues; i++)
		{
			const DmlVector *vector = DatumGetDmlVectorP(slot.values[i]);

			if (vector->dim == center->dim && kernel(vector->x, center->x, center->dim) <= radius)
				within++;
		}

		/* none of them is less than one */
		share = Max(within, 0.25) / Max(slot.nvalues, 1);
		free_attstatsslot(&slot);
	}
	ReleaseVariableStats(variable);
	return share;
}

static bool
constant_radius(Node *node, double *radius)
{
	if (!IsA(node, Const) || ((Const *) node)->constisnull)
		return false;
	*radius = DatumGetFloat8(((Const *) node)->constvalue);
	return true;
}

static double
function_share(const SupportRequestSelectivity *request, DmlKernel kernel)
{
	Node	   *query = estimate_expression_value(request->root, lsecond(request->args));
	Node	   *node = estimate_expression_value(request->root, lthird(request->args));
	double		radius;

	if (request->is_join || !constant_radius(node, &radius))
		return DEFAULT_SHARE;
	return share_within(request->root, linitial(request->args), request->varRelid, query, radius, request->funcid, kernel);
}

/* The condition for an index whose operator family is of the metric: a list of one, or NIL. */
static List *
index_condition(SupportRequestIndexCondition *request, TreeMetric metric)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	Oid			vector = dml_vector_type_oid();
	Oid			proc = get_opfamily_proc(request->opfamily, vector, vector, TREE_METRIC_PROC);
	Oid			types[2];
	Node	   *column;
	Node	   *query;
	Node	   *radius;
	Node	   *ball;
	Oid			make_ball;
	Oid			operator;

	if (!is_funcclause(request->node) || request->indexarg != 0 || list_length(call->args) != 3 ||
		!OidIsValid(proc) || DatumGetInt32(OidFunctionCall0(proc)) != metric)
		return NIL;
	column = linitial(call->args);
	query = lsecond(call->args);
	radius = lthird(call->args);
#if PG_VERSION_NUM >= 140000
	if (!is_pseudo_constant_for_index(request->root, query, request->index) ||
		!is_pseudo_constant_for_index(request->root, radius, request->index))
		return NIL;
#else
	if (!is_pseudo_constant_for_index(query, request->index) ||
		!is_pseudo_constant_for_index(radius, request->index))
		return NIL;
#endif
	types[0] = exprType(query);
	types[1] = FLOAT8OID;
	make_ball = LookupFuncName(list_make2(makeString(get_namespace_name(get_func_namespace(request->funcid))),
										  makeString("dml_ball")), 2, types, true);
	if (!OidIsValid(make_ball))
		return NIL;
	operator = get_opfamily_member(request->opfamily, vector, get_func_rettype(make_ball), TREE_WITHIN_STRATEGY);
	if (!OidIsValid(operator))
		return NIL;
	ball = (Node *) makeFuncExpr(make_ball, get_func_rettype(make_ball), list_make2(query, radius),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	ball = eval_const_expressions(request->root, ball);
	request->lossy = false;
	return list_make1(make_opclause(operator, BOOLOID, false, (Expr *) column, (Expr *) ball, InvalidOid, InvalidOid));
}

static Node *
support(Node *request, TreeMetric metric, DmlKernel kernel)
{
	if (IsA(request, SupportRequestSelectivity))
	{
		SupportRequestSelectivity *selectivity = (SupportRequestSelectivity *) request;

		selectivity->selectivity = function_share(selectivity, kernel);
		return request;
	}
	if (IsA(request, SupportRequestCost))
		return dml_distance_cost((SupportRequestCost *) request);
	if (IsA(request, SupportRequestIndexCondition))
		return (Node *) index_condition((SupportRequestIndexCondition *) request, metric);
	return NULL;
}

Datum
dml_within_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(support((Node *) PG_GETARG_POINTER(0), TREE_L2, distance_l2));
}

Datum
dml_within_cosine_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(support((Node *) PG_GETARG_POINTER(0), TREE_COSINE, distance_cosine));
}

/* The share of rows within a ball, for the operator of the index condition. */
static double
ball_share(FunctionCallInfo fcinfo, DmlKernel kernel)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	Node	   *ball = estimate_expression_value(root, lsecond(args));
	Datum		center;
	double		radius;
	Node	   *query;

	if (!IsA(ball, Const) || ((Const *) ball)->constisnull ||
		!dml_ball_parts(DatumGetHeapTupleHeader(((Const *) ball)->constvalue), &center, &radius))
		return DEFAULT_SHARE;
	if (get_atttype(get_typ_typrelid(exprType(ball)), 1) != dml_vector_type_oid())
		return DEFAULT_SHARE;	/* raw input: the model is not asked here */
	query = (Node *) makeConst(dml_vector_type_oid(), -1, InvalidOid, -1, center, false, false);
	return share_within(root, linitial(args), PG_GETARG_INT32(3), query, radius,
						get_opcode(PG_GETARG_OID(1)), kernel);
}

Datum
dml_in_ball_selectivity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(ball_share(fcinfo, distance_l2));
}

Datum
dml_in_ball_cosine_selectivity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(ball_share(fcinfo, distance_cosine));
}
