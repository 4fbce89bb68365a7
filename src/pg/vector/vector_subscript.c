/*
 * vector_subscript.c
 *	  v[1]: an element of a dml_vector, from PostgreSQL 14 on.
 *
 * As in arrays, elements count from 1, and an element that does not exist is NULL.  If the vector
 * is stored out of line, only the pages with its header and the element are read.
 */
#include "compat.h"

#include "vector/vector.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#if PG_VERSION_NUM >= 140000
#include "executor/execExpr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"

PG_FUNCTION_INFO_V1(dml_vector_subscript);

static void
subscript_transform(SubscriptingRef *ref, List *indirection, ParseState *pstate, bool is_slice, bool is_assignment)
{
	A_Indices  *indices = linitial_node(A_Indices, indirection);
	Node	   *index;

	if (is_assignment)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot assign to an element of a dml_vector"),
				 errhint("Assign the whole vector, e.g. an array of numbers.")));
	if (is_slice)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a dml_vector has no slices"),
				 errhint("Use dml_subvector(vector, start, count), or cast it to real[].")));
	if (list_length(indirection) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("a dml_vector has one subscript, not %d", list_length(indirection))));
	index = transformExpr(pstate, indices->uidx, pstate->p_expr_kind);
	ref->refupperindexpr = list_make1(coerce_to_target_type(pstate, index, exprType(index), INT4OID, -1,
															COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1));
	if (linitial(ref->refupperindexpr) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the subscript of a dml_vector must be an integer, not %s", format_type_be(exprType(index)))));
	ref->reflowerindexpr = NIL;
	ref->refrestype = FLOAT4OID;
	ref->reftypmod = -1;
}

/* Returns false if the subscript is NULL: then the element is NULL, too. */
static bool
subscript_check(ExprState *state, ExprEvalStep *op, ExprContext *econtext)
{
	if (!op->d.sbsref_subscript.state->upperindexnull[0])
		return true;
	*op->resnull = true;
	return false;
}

static void
subscript_fetch(ExprState *state, ExprEvalStep *op, ExprContext *econtext)
{
	int32		index = DatumGetInt32(op->d.sbsref.state->upperindex[0]);
	DmlVector  *head = (DmlVector *) PG_DETOAST_DATUM_SLICE(*op->resvalue, 0, DML_VECTOR_SIZE(0) - VARHDRSZ);
	struct varlena *element;
	float4		x;

	if (index < 1 || index > head->dim)
	{
		*op->resnull = true;
		return;
	}
	element = PG_DETOAST_DATUM_SLICE(*op->resvalue, DML_VECTOR_SIZE(index - 1) - VARHDRSZ, sizeof(float4));
	memcpy(&x, VARDATA_ANY(element), sizeof(x));
	*op->resvalue = Float4GetDatum(x);
}

static void
subscript_setup(const SubscriptingRef *ref, SubscriptingRefState *state, SubscriptExecSteps *steps)
{
	steps->sbs_check_subscripts = subscript_check;
	steps->sbs_fetch = subscript_fetch;
}

/* dml_vector_subscript(internal): the type's subscripting handler */
Datum
dml_vector_subscript(PG_FUNCTION_ARGS)
{
	static const SubscriptRoutines routines = {
		.transform = subscript_transform,
		.exec_setup = subscript_setup,
		.fetch_strict = true,
		.fetch_leakproof = true,
		.store_leakproof = false
	};

	PG_RETURN_POINTER(&routines);
}
#endif
