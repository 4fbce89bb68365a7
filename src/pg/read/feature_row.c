/*
 * feature_row.c
 *	  The features of a model over a row that a caller hands over: dml_embed('m', t).
 */
#include "compat.h"

#include "read/feature_row.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "model/call_site.h"
#include "read/feature_confined.h"

struct DmlRowFeatures
{
	uint64		type;			/* assign_record_type_identifier() */
	DmlFeatureExprs *exprs;
	TupleTableSlot *slot;
};

/* The columns of a row, as a hook of ParseState looks them up. */
typedef struct RowScope
{
	const DmlVersion *version;
	TupleDesc	desc;
} RowScope;

/* The attribute of a name, or 0. */
static AttrNumber
find_attribute(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped && strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return i + 1;
	return 0;
}

static void
missing_column(const DmlVersion *version, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the row has no column \"%s\"", name),
			 errdetail("Model \"%s\" was trained with the features %s.", version->name, version->features),
			 errhint("Give a row that has these columns: SELECT dml_embed('%s', t) FROM (SELECT ... AS %s) t.",
					 version->name, quote_identifier(name))));
}

static Node *
attribute_var(TupleDesc desc, AttrNumber attnum)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, attnum - 1);

	return (Node *) makeVar(1, attnum, attribute->atttypid, attribute->atttypmod, attribute->attcollation, 0);
}

static Node *
row_column(ParseState *pstate, ColumnRef *ref)
{
	const RowScope *scope = pstate->p_ref_hook_state;
	const char *name = strVal(llast(ref->fields));
	AttrNumber	attnum = find_attribute(scope->desc, name);

	if (attnum == 0)
		missing_column(scope->version, name);
	return attribute_var(scope->desc, attnum);
}

/* The user's own features, looked up by the search_path. */
static List *
analyse(const DmlFeatures *features, RowScope *scope)
{
	ParseState *pstate = make_parsestate(NULL);
	List	   *exprs = NIL;
	ListCell   *cell;

	pstate->p_pre_columnref_hook = row_column;
	pstate->p_ref_hook_state = scope;
	foreach(cell, features->targets)
	{
		Node	   *expr = transformExpr(pstate, copyObject(lfirst_node(ResTarget, cell)->val), EXPR_KIND_GENERATED_COLUMN);

		assign_expr_collations(pstate, expr);
		exprs = lappend(exprs, expr);
	}
	free_parsestate(pstate);
	return exprs;
}

/* Features that another user wrote. */
static List *
analyse_confined(DmlConfined *confined, const RowScope *scope)
{
	int			n = dml_confined_n_columns(confined);
	AttrNumber *attnums = palloc(sizeof(AttrNumber) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		attnums[i] = find_attribute(scope->desc, dml_confined_column(confined, i));
		if (attnums[i] == 0)
			missing_column(scope->version, dml_confined_column(confined, i));
	}
	return dml_confined_exprs(confined, scope->desc, attnums);
}

/*
 * Whether the row is one of ROW(), whose columns are called f1, f2, and has one for each feature.
 */
static bool
has_no_names(const DmlFeatures *features, TupleDesc desc)
{
	if (desc->tdtypeid != RECORDOID || desc->natts != features->n)
		return false;
	for (int i = 0; i < desc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), psprintf("f%d", i + 1)) != 0)
			return false;
	return true;
}

DmlRowFeatures *
dml_row_features(const DmlVersion *version, TupleDesc desc)
{
	DmlRowFeatures *result = palloc0(sizeof(DmlRowFeatures));
	DmlFeatures *features = dml_features_parse(version->features);
	DmlConfined *confined;
	RowScope	scope = {version, CreateTupleDescCopy(desc)};
	List	   *exprs = NIL;

	if (has_no_names(features, desc))
		for (int i = 0; i < features->n; i++)
			exprs = lappend(exprs, attribute_var(scope.desc, i + 1));
	else
	{
		confined = dml_confined_features(version, features, GetUserId());
		exprs = confined ? analyse_confined(confined, &scope) : analyse(features, &scope);
	}
	result->type = assign_record_type_identifier(desc->tdtypeid, desc->tdtypmod);
	result->exprs = dml_features_prepare_row(features, exprs);
	dml_features_bind(result->exprs, version);
	result->slot = MakeSingleTupleTableSlot(scope.desc, &TTSOpsHeapTuple);
	return result;
}

bool
dml_row_features_suit(const DmlRowFeatures *features, Oid type, int32 typmod)
{
	return features->type == assign_record_type_identifier(type, typmod);
}

bool
dml_row_features_eval(DmlRowFeatures *features, HeapTupleHeader row, const DmlVersion *version, float4 *out)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row),.t_data = row};
	bool		complete;

	ItemPointerSetInvalid(&tuple.t_self);
	ExecStoreHeapTuple(&tuple, features->slot, false);
	complete = dml_features_eval(features->exprs, features->slot, version, out);
	ExecClearTuple(features->slot);
	return complete;
}

/* ---------- rows as arguments ---------- */

#define ROW_ARGUMENTS	2

/* What a call site keeps for its row arguments. */
typedef struct RowArguments
{
	DmlRowFeatures *features[ROW_ARGUMENTS];
	MemoryContext context[ROW_ARGUMENTS];	/* of features[i] */
} RowArguments;

/*
 * The features for row argument i, of the type of row, from what the call site keeps; features for
 * another type before it are freed.
 */
static DmlRowFeatures *
row_features(FunctionCallInfo fcinfo, const DmlVersion *version, int i, HeapTupleHeader row)
{
	DmlCallData *data = dml_call_data(fcinfo);
	RowArguments *arguments = data->data;
	Oid			type = HeapTupleHeaderGetTypeId(row);
	int32		typmod = HeapTupleHeaderGetTypMod(row);
	TupleDesc	desc;
	MemoryContext old;

	if (arguments == NULL)
		data->data = arguments = MemoryContextAllocZero(data->context, sizeof(RowArguments));
	if (arguments->features[i] && dml_row_features_suit(arguments->features[i], type, typmod))
		return arguments->features[i];
	arguments->features[i] = NULL;
	if (arguments->context[i])
		MemoryContextDelete(arguments->context[i]);
	arguments->context[i] = AllocSetContextCreate(data->context, "dml row", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(arguments->context[i]);
	desc = lookup_rowtype_tupdesc(type, typmod);
	arguments->features[i] = dml_row_features(version, desc);
	ReleaseTupleDesc(desc);
	MemoryContextSwitchTo(old);
	return arguments->features[i];
}

DmlVector *
dml_call_embed_row(FunctionCallInfo fcinfo, int arg, const DmlVersion *version)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(arg);
	float4	   *x = palloc(sizeof(float4) * version->in);
	DmlVector  *result = NULL;

	if (dml_row_features_eval(row_features(fcinfo, version, arg - 1, row), row, version, x))
		result = dml_version_embed_row(version, x);
	pfree(x);
	PG_FREE_IF_COPY(row, arg);
	return result;
}
