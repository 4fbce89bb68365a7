/*
 * feature_eval.c
 *	  Features over one table's columns: analysed, compiled, evaluated for each row.
 */
#include "compat.h"

#include "read/feature.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/bitmapset.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

#include "read/kinds.h"

struct DmlFeatureExprs
{
	int			n;
	char	  **names;
	char	  **aliases;		/* NULL: the user gave none */
	Node	  **exprs;			/* analysed, varno 1 */
	ExprState **states;
	Oid		   *types;			/* base types */
	Bitmapset  *columns;		/* attnums */
	EState	   *estate;
	MemoryContext context;		/* of this struct */
	DmlKindReader *reader;		/* for a version with an encoder; NULL: not bound to one */
	bool		numbers;		/* the features are numbers, for a version without */
	Datum	   *values;
	bool	   *nulls;
};

/* The attnums that exprs read.  Errors: columns that a BEFORE trigger does not see. */
static Bitmapset *
columns_read(const DmlFeatures *features, List *exprs, Relation rel)
{
	Bitmapset  *shifted = NULL;
	Bitmapset  *columns = NULL;
	int			member = -1;

	pull_varattnos((Node *) exprs, 1, &shifted);
	while ((member = bms_next_member(shifted, member)) >= 0)
	{
		AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 attnum == 0 ?
					 errmsg("features cannot use the whole row of \"%s\"", RelationGetRelationName(rel)) :
					 errmsg("features cannot use system columns"),
					 errhint("Name the columns that they read.")));
		if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated != '\0')
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("features cannot use the generated column \"%s\"",
							NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname)),
					 errdetail("A generated column is computed after the embedding."),
					 errhint("Use its expression instead of its name.")));
		columns = bms_add_member(columns, attnum);
	}
	bms_free(shifted);
	return columns;
}

DmlFeatureExprs *
dml_features_compile(const DmlFeatures *features, Relation rel)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	List	   *analysed = NIL;
	ListCell   *cell;

	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL, false, true);
	addNSItemToQuery(pstate, item, false, true, true);
	foreach(cell, features->targets)
	{
		/* the analyser changes its input */
		Node	   *expr = transformExpr(pstate, copyObject(lfirst_node(ResTarget, cell)->val),
										 EXPR_KIND_GENERATED_COLUMN);

		assign_expr_collations(pstate, expr);
		analysed = lappend(analysed, expr);
	}
	free_parsestate(pstate);
	return dml_features_prepare(features, analysed, rel);
}

DmlFeatureExprs *
dml_features_prepare_row(const DmlFeatures *features, List *analysed)
{
	DmlFeatureExprs *result = palloc0(sizeof(DmlFeatureExprs));
	ParseState *pstate = make_parsestate(NULL);
	ListCell   *target;
	ListCell   *cell;
	int			i = 0;

	result->n = features->n;
	result->names = features->names;
	result->aliases = palloc(sizeof(char *) * features->n);
	result->exprs = palloc(sizeof(Node *) * features->n);
	result->states = palloc(sizeof(ExprState *) * features->n);
	result->types = palloc(sizeof(Oid) * features->n);
	result->values = palloc(sizeof(Datum) * features->n);
	result->nulls = palloc(sizeof(bool) * features->n);
	result->context = CurrentMemoryContext;

	forboth(target, features->targets, cell, analysed)
	{
		Node	   *expr = lfirst(cell);

		if (OidIsValid(dml_feature_cast(getBaseType(exprType(expr)))))
			expr = coerce_to_target_type(pstate, expr, exprType(expr), FLOAT4ARRAYOID, -1,
										 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
		if (contain_volatile_functions(expr))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("feature \"%s\" uses a volatile function", features->names[i]),
					 errdetail("The embedding of a row must follow from the row alone."),
					 errhint("Declare the function IMMUTABLE if its result depends on its arguments alone.")));
		result->aliases[i] = lfirst_node(ResTarget, target)->name;
		result->exprs[i] = expr;
		result->types[i] = getBaseType(exprType(expr));
		i++;
	}
	free_parsestate(pstate);
	result->estate = CreateExecutorState();
	for (i = 0; i < result->n; i++)
		result->states[i] = ExecPrepareExpr((Expr *) result->exprs[i], result->estate);
	return result;
}

DmlFeatureExprs *
dml_features_prepare(const DmlFeatures *features, List *analysed, Relation rel)
{
	DmlFeatureExprs *result = dml_features_prepare_row(features, analysed);
	List	   *exprs = NIL;

	for (int i = 0; i < result->n; i++)
		exprs = lappend(exprs, result->exprs[i]);
	result->columns = columns_read(features, exprs, rel);
	if (result->columns == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("features use no column of \"%s\"", RelationGetRelationName(rel))));
	return result;
}

Bitmapset *
dml_features_columns(const DmlFeatureExprs *exprs)
{
	return exprs->columns;
}

Node *
dml_features_expr(const DmlFeatureExprs *exprs, int i)
{
	return exprs->exprs[i];
}

/* Analysed features as a target list, with their aliases. */
static char *
target_list(int n, Node **exprs, char **aliases, Relation rel)
{
	StringInfoData text;
	List	   *context = deparse_context_for(RelationGetRelationName(rel), RelationGetRelid(rel));
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&text);
	for (int i = 0; i < n; i++)
	{
		const char *alias = aliases[i] ? quote_identifier(aliases[i]) : NULL;
		char	   *expr = deparse_expression(exprs[i], context, false, false);

		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "", expr);
		if (alias != NULL && strcmp(expr, alias) != 0)
			appendStringInfo(&text, " AS %s", alias);
	}
	AtEOXact_GUC(true, nest_level);
	return text.data;
}

char *
dml_features_qualified(const DmlFeatureExprs *exprs, Relation rel)
{
	return target_list(exprs->n, exprs->exprs, exprs->aliases, rel);
}

char *
dml_features_condition(const DmlFeatureExprs *exprs, Relation rel)
{
	StringInfoData text;
	List	   *context = deparse_context_for("new", RelationGetRelid(rel));
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&text);
	appendStringInfoString(&text, "true");
	for (int i = 0; i < exprs->n; i++)
		appendStringInfo(&text, " OR (%s) IS NULL", deparse_expression(exprs->exprs[i], context, true, false));
	AtEOXact_GUC(true, nest_level);
	return text.data;
}

/* The n expressions of a trigger's condition, over varno 1; NIL: the condition has another form. */
static List *
condition_exprs(const char *condition, int n)
{
	BoolExpr   *either = condition == NULL ? NULL : stringToNode(condition);
	List	   *exprs = NIL;

	if (either == NULL || !IsA(either, BoolExpr) || list_length(either->args) != n + 1)
		return NIL;
	for (int i = 0; i < n; i++)
	{
		NullTest   *test = list_nth(either->args, i + 1);

		if (!IsA(test, NullTest))
			return NIL;
		ChangeVarNodes((Node *) test->arg, PRS2_NEW_VARNO, 1, 0);
		exprs = lappend(exprs, test->arg);
	}
	return exprs;
}

DmlFeatureExprs *
dml_features_of_condition(const DmlFeatures *features, const char *condition, Relation rel)
{
	List	   *analysed = condition_exprs(condition, features->n);
	ListCell   *cell;

	foreach(cell, analysed)
	{
		int			i = foreach_current_index(cell);

		if (IsA(lfirst(cell), Var) && list_nth_node(ResTarget, features->targets, i)->name == NULL)
			features->names[i] = pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel), lfirst_node(Var, cell)->varattno - 1)->attname));
	}
	return analysed == NIL ? NULL : dml_features_prepare(features, analysed, rel);
}

char *
dml_features_text_of_condition(const DmlFeatures *features, const char *condition, Relation rel)
{
	List	   *analysed = condition_exprs(condition, features->n);
	Node	  **exprs = palloc(sizeof(Node *) * features->n);
	char	  **aliases = palloc(sizeof(char *) * features->n);

	if (analysed == NIL)
		return NULL;
	for (int i = 0; i < features->n; i++)
	{
		exprs[i] = list_nth(analysed, i);
		aliases[i] = list_nth_node(ResTarget, features->targets, i)->name;
	}
	return target_list(features->n, exprs, aliases, rel);
}

/* ParseState's hook: a column by its former name. */
static Node *
former_column(ParseState *pstate, ColumnRef *ref)
{
	const DmlFormerColumns *columns = pstate->p_ref_hook_state;

	for (int i = 0; list_length(ref->fields) == 1 && i < columns->n; i++)
		if (strcmp(columns->names[i], strVal(linitial(ref->fields))) == 0)
		{
			Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(columns->rel), columns->attnums[i] - 1);

			return (Node *) makeVar(1, columns->attnums[i], attribute->atttypid, attribute->atttypmod, attribute->attcollation, 0);
		}
	return NULL;
}

bool
dml_features_are_of_condition(const char *text, const DmlFormerColumns *columns, const char *condition)
{
	DmlFeatures *features = dml_features_parse_qualified(text);
	List	   *exprs = condition_exprs(condition, features->n);
	ParseState *pstate = make_parsestate(NULL);
	bool		same = exprs != NIL;
	ListCell   *target;
	ListCell   *cell;

	pstate->p_pre_columnref_hook = former_column;
	pstate->p_ref_hook_state = unconstify(DmlFormerColumns *, columns);
	forboth(target, features->targets, cell, exprs)
	{
		Node	   *expr = transformExpr(pstate, lfirst_node(ResTarget, target)->val, EXPR_KIND_GENERATED_COLUMN);

		assign_expr_collations(pstate, expr);
		same = same && equal(expr, lfirst(cell));
	}
	free_parsestate(pstate);
	return same;
}

void
dml_features_bind(DmlFeatureExprs *exprs, const DmlVersion *version)
{
	const Encoder *encoder = version->model->encoder;
	MemoryContext old = MemoryContextSwitchTo(exprs->context);

	if (encoder != NULL)
		exprs->reader = dml_kind_reader_new(encoder, exprs->names, exprs->types, exprs->n, version);
	else
		dml_kinds_check_numbers(exprs->names, exprs->types, exprs->n, version);
	exprs->numbers = encoder == NULL;
	MemoryContextSwitchTo(old);
}

/* Whether the features are bound to a version with this encoder, or to one without. */
static bool
is_bound(const DmlFeatureExprs *exprs, const Encoder *encoder)
{
	return encoder == NULL ? exprs->numbers : exprs->reader != NULL && dml_kind_reader_suits(exprs->reader, encoder);
}

/* The numbers that an encoder makes of the row in econtext. */
static bool
eval_encoded(DmlFeatureExprs *exprs, ExprContext *econtext, const Encoder *encoder, float4 *out)
{
	for (int i = 0; i < exprs->n; i++)
		exprs->values[i] = ExecEvalExpr(exprs->states[i], econtext, &exprs->nulls[i]);
	return dml_kind_row(exprs->reader, encoder, exprs->values, exprs->nulls, out);
}

bool
dml_features_eval(DmlFeatureExprs *exprs, TupleTableSlot *slot, const DmlVersion *version, float4 *out)
{
	const Encoder *encoder = version->model->encoder;
	ExprContext *econtext = GetPerTupleExprContext(exprs->estate);
	const double *origin = version->model->origin;
	MemoryContext old;
	int			filled = 0;
	bool		complete = true;

	if (!is_bound(exprs, encoder))
		dml_features_bind(exprs, version);
	ResetExprContext(econtext);
	econtext->ecxt_scantuple = slot;
	old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	if (encoder != NULL)
	{
		complete = eval_encoded(exprs, econtext, encoder, out);
		MemoryContextSwitchTo(old);
		return complete;
	}
	for (int i = 0; i < exprs->n && complete; i++)
	{
		bool		isnull;
		Datum		value = ExecEvalExpr(exprs->states[i], econtext, &isnull);
		int			at = Min(filled, version->in);
		int			count = dml_feature_floats(value, isnull, exprs->types[i], exprs->names[i],
											   origin ? origin + at : NULL, out + at, version->in - at);

		if (count < 0)
			complete = false;
		else
			filled += count;
	}
	MemoryContextSwitchTo(old);

	if (complete && filled != version->in)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" takes %d numbers, not %d", version->name, version->in, filled),
				 errdetail("It was trained with the features %s.", version->features),
				 errhint("Give those features, or name a model that was trained with these.")));
	return complete;
}
