/*
 * feature_confined.c
 *	  Features of another user, restricted to columns and to functions of PostgreSQL and dml.
 *
 * The features that a model was trained with are the default of every function that reads rows for
 * it.  The model's owner wrote their text, and it would run with the rights of the caller.  So it
 * is checked twice.  First the raw text, because analysing an expression can already run code: a
 * literal of type mal.d[] calls the CHECK of the domain mal.d.  The text may name columns, types of
 * PostgreSQL and dml, and functions and operators without a schema or with theirs.  Then the
 * analysed expression, for the objects that the names refer to and for implicit casts.
 *
 * That a function is PostgreSQL's does not make it harmless: query_to_xml runs a query,
 * table_to_xml reads a view, pg_input_is_valid tests a domain.  Functions that only compute are
 * immutable, or they are stable because they read the time zone.
 */
#include "compat.h"

#include "read/feature_confined.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/readfuncs.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

struct DmlConfined
{
	const DmlVersion *version;	/* NULL: they are not those of a version */
	const DmlFeatures *features;
	int			n_columns;
	char	  **columns;
	Oid			extension;
	Oid			schema;			/* the schema of dml */
	Oid			owner;			/* its and superusers' objects are allowed; InvalidOid: none */
	bool		uses_dml;		/* a name of dml's, or a column of a type of dml's */
	bool		has_literal;	/* whose type follows from the context */
	bool		has_foreign;	/* a name that others also use in dml's schema */
	const char *why;			/* the reason for an error; NULL: confined so far */

	EState	   *estate;
	ExprState **states;
	TupleTableSlot *slot;
};

/* ---------- what is PostgreSQL's or dml's ---------- */

static bool
is_builtin(Oid object, Oid schema)
{
	return object < FirstNormalObjectId && schema == PG_CATALOG_NAMESPACE;
}

static bool
is_dml(const DmlConfined *confined, Oid class, Oid object)
{
	return OidIsValid(confined->extension) && getExtensionOfObject(class, object) == confined->extension;
}

/* Whether a function or type of this owner is allowed, if it is not a built-in one. */
static bool
is_owners(const DmlConfined *confined, Oid object, Oid owner)
{
	return OidIsValid(confined->owner) && object >= FirstNormalObjectId && (owner == confined->owner || superuser_arg(owner));
}

/*
 * Whether values of the type are made without running another user's code.  A domain runs its
 * CHECK.
 */
static bool
type_is_own(const DmlConfined *confined, Oid type)
{
	Oid			element = get_element_type(type);
	HeapTuple	tuple;
	bool		own;

	if (OidIsValid(element))
		type = element;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return false;
	own = is_owners(confined, type, ((Form_pg_type) GETSTRUCT(tuple))->typowner) ||
		(((Form_pg_type) GETSTRUCT(tuple))->typtype != TYPTYPE_DOMAIN &&
		 (is_builtin(type, ((Form_pg_type) GETSTRUCT(tuple))->typnamespace) ||
		  is_dml(confined, TypeRelationId, type)));
	ReleaseSysCache(tuple);
	return own;
}

/* Whether a column of the type is allowed: its values exist already, so it may be a domain. */
static bool
column_type_is_own(const DmlConfined *confined, Oid type)
{
	type = getBaseType(type);
	return type_is_own(confined, type) || OidIsValid(dml_feature_cast(type));
}

static bool
is_time(Oid type)
{
	return type == DATEOID || type == TIMEOID || type == TIMETZOID || type == TIMESTAMPOID ||
		type == TIMESTAMPTZOID || type == INTERVALOID;
}

/* Whether the function only computes. */
static bool
function_is_own(const DmlConfined *confined, Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	bool		own;

	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (is_builtin(function, proc->pronamespace))
	{
		own = proc->provolatile == PROVOLATILE_IMMUTABLE;
		if (proc->provolatile == PROVOLATILE_STABLE)
		{
			own = is_time(proc->prorettype);
			for (int i = 0; i < proc->pronargs; i++)
				own |= is_time(proc->proargtypes.values[i]);
		}
	}
	else if (is_owners(confined, function, proc->proowner))
		own = true;
	else
		own = proc->provolatile != PROVOLATILE_VOLATILE && is_dml(confined, ProcedureRelationId, function);
	ReleaseSysCache(tuple);
	return own;
}

/* ---------- the raw text ---------- */

/*
 * Look a name up among the functions, or operators, of PostgreSQL and dml.  Sets uses_dml for a
 * function of dml, and has_foreign if another user has given the name to an object in dml's schema.
 * Sets why if nothing has the name.
 */
static void
look_for_name(DmlConfined *confined, const char *name, bool is_operator)
{
	CatCList   *list = is_operator ? SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name)) :
		SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members; i++)
	{
		HeapTuple	tuple = &list->members[i]->tuple;
		Oid			schema = is_operator ? ((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace :
			((Form_pg_proc) GETSTRUCT(tuple))->pronamespace;
		Oid			object = is_operator ? ((Form_pg_operator) GETSTRUCT(tuple))->oid :
			((Form_pg_proc) GETSTRUCT(tuple))->oid;

		if (is_builtin(object, schema))
			found = true;
		else if (schema != confined->schema)
			continue;
		else if (!is_dml(confined, is_operator ? OperatorRelationId : ProcedureRelationId, object))
			confined->has_foreign = true;
		else
		{
			found = true;
			confined->uses_dml |= !is_operator;
		}
	}
	ReleaseSysCacheList(list);
	if (!found)
		confined->why = psprintf("%s %s", is_operator ? "operator" : "function", name);
}

/*
 * Check a function or an operator as it is written: without a schema, or with one of the two that
 * are allowed.
 */
static void
check_name(DmlConfined *confined, List *name, bool is_operator)
{
	if (list_length(name) == 2)
	{
		Oid			schema = get_namespace_oid(strVal(linitial(name)), true);

		if (schema == PG_CATALOG_NAMESPACE)
			return;
		if (schema == confined->schema)
			confined->uses_dml = true;
		else
			confined->why = psprintf("%s %s", is_operator ? "operator" : "function", NameListToString(name));
	}
	else if (list_length(name) > 2)
		confined->why = psprintf("%s %s", is_operator ? "operator" : "function", NameListToString(name));
	if (confined->why == NULL && name != NIL)
		look_for_name(confined, strVal(llast(name)), is_operator);
}

static void
check_type(DmlConfined *confined, const TypeName *name)
{
	bool		may_look = list_length(name->names) == 1;
	Oid			type = InvalidOid;

	if (list_length(name->names) == 2)
	{
		Oid			schema = get_namespace_oid(strVal(linitial(name->names)), true);

		may_look = schema == PG_CATALOG_NAMESPACE || schema == confined->schema;
	}
	if (may_look && !name->pct_type && !name->setof)
		type = LookupTypeNameOid(NULL, name, true);
	if (!OidIsValid(type) || !type_is_own(confined, type))
		confined->why = psprintf("type %s", TypeNameToString(name));
	else if (!is_builtin(type, PG_CATALOG_NAMESPACE))
		confined->uses_dml = true;
}

static void
add_column(DmlConfined *confined, const char *name)
{
	for (int i = 0; i < confined->n_columns; i++)
		if (strcmp(confined->columns[i], name) == 0)
			return;
	confined->columns = confined->columns ?
		repalloc(confined->columns, sizeof(char *) * (confined->n_columns + 1)) : palloc(sizeof(char *));
	confined->columns[confined->n_columns++] = pstrdup(name);
}

/* Check the raw text: sets why, or collects the columns. */
static bool
raw_walker(Node *node, void *context)
{
	DmlConfined *confined = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_ColumnRef:
			{
				List	   *fields = ((ColumnRef *) node)->fields;

				/* "t.f" is the function f of the row t if there is no such column */
				if (list_length(fields) != 1)
					confined->why = psprintf("the qualified name %s", NameListToString(fields));
				else
					add_column(confined, strVal(linitial(fields)));
				return confined->why != NULL;
			}
		case T_FuncCall:
			check_name(confined, ((FuncCall *) node)->funcname, false);
			break;
		case T_A_Expr:
			switch (((A_Expr *) node)->kind)
			{
				case AEXPR_BETWEEN:
				case AEXPR_NOT_BETWEEN:
				case AEXPR_BETWEEN_SYM:
				case AEXPR_NOT_BETWEEN_SYM:
					look_for_name(confined, "<", true);
					look_for_name(confined, "<=", true);
					look_for_name(confined, ">", true);
					look_for_name(confined, ">=", true);
					break;
				default:
					check_name(confined, ((A_Expr *) node)->name, true);
			}
			break;
		case T_TypeCast:
			check_type(confined, ((TypeCast *) node)->typeName);
			if (confined->why == NULL && IsA(((TypeCast *) node)->arg, A_Const))
				return false;
			break;
		case T_A_Indirection:
			{
				ListCell   *cell;

				/* (x).f can be a function, too */
				foreach(cell, ((A_Indirection *) node)->indirection)
					if (IsA(lfirst(cell), String))
						check_name(confined, list_make1(lfirst(cell)), false);
				break;
			}
		case T_A_Const:
			if (nodeTag(&((A_Const *) node)->val) == T_String)
				confined->has_literal = true;
			return false;
		case T_A_ArrayExpr:
		case T_A_Indices:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CoalesceExpr:
		case T_CollateClause:
		case T_List:
		case T_MinMaxExpr:
		case T_NamedArgExpr:
		case T_NullTest:
		case T_RowExpr:
		case T_SQLValueFunction:
		case T_TypeName:
		case T_Integer:
		case T_String:
			break;
		default:
			confined->why = "an expression of another kind";
	}
	return confined->why != NULL || raw_expression_tree_walker(node, raw_walker, confined);
}

static void restrict_lookups(const DmlConfined *confined);

static Oid
type_schema(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			schema;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	schema = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return schema;
}

/* Check the raw text; sets why, and the columns. */
static DmlConfined *
confined_parse(const DmlFeatures *features)
{
	DmlConfined *confined = palloc0(sizeof(DmlConfined));
	int			guc_level = NewGUCNestLevel();
	ListCell   *cell;

	confined->features = features;
	confined->extension = get_extension_oid("dml", true);
	confined->schema = type_schema(dml_vector_type_oid());
	confined->uses_dml = true;
	restrict_lookups(confined);
	confined->uses_dml = false;
	foreach(cell, features->targets)
		if (confined->why == NULL)
			(void) raw_walker(lfirst_node(ResTarget, cell)->val, confined);
	AtEOXact_GUC(true, guc_level);
	return confined;
}

/* ---------- the analysed expressions ---------- */

/* Set the search_path until AtEOXact_GUC of the current level. */
static void
restrict_lookups(const DmlConfined *confined)
{
	const char *path = "pg_catalog, pg_temp";

	if (confined->uses_dml)
		path = psprintf("pg_catalog, %s, pg_temp", quote_identifier(get_namespace_name(confined->schema)));
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* For check_functions_in_node. */
static bool
function_is_foreign(Oid function, void *context)
{
	DmlConfined *confined = context;

	if (!function_is_own(confined, function))
		confined->why = psprintf("function %s", format_procedure(function));
	return confined->why != NULL;
}

static bool
expr_walker(Node *node, void *context)
{
	DmlConfined *confined = context;
	Oid			type = InvalidOid;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			if (!column_type_is_own(confined, ((Var *) node)->vartype))
				confined->why = psprintf("type %s", format_type_be(((Var *) node)->vartype));
			return confined->why != NULL;
		case T_FuncExpr:
			{
				FuncExpr   *call = (FuncExpr *) node;

				type = call->funcresulttype;
				if (call->args != NIL && dml_feature_cast(getBaseType(exprType(linitial(call->args)))) == call->funcid)
					break;
				if (function_is_foreign(call->funcid, confined))
					return true;
				break;
			}
		case T_CoerceViaIO:
			/* input and output of these types */
			type = exprType((Node *) ((CoerceViaIO *) node)->arg);
			if (type_is_own(confined, getBaseType(type)))
				type = exprType(node);
			break;
		case T_List:
		case T_CaseWhen:
		case T_NamedArgExpr:
		case T_CaseTestExpr:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_NullTest:
		case T_CollateExpr:
			break;
		case T_RowCompareExpr:
			if (check_functions_in_node(node, function_is_foreign, confined))
				return true;
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
			if (check_functions_in_node(node, function_is_foreign, confined))
				return true;
			type = exprType(node);
			break;
		case T_ArrayCoerceExpr:
		case T_ArrayExpr:
		case T_CaseExpr:
		case T_CoalesceExpr:
		case T_CoerceToDomain:
		case T_Const:
		case T_ConvertRowtypeExpr:
		case T_FieldSelect:
		case T_MinMaxExpr:
		case T_RelabelType:
		case T_RowExpr:
		case T_SQLValueFunction:
		case T_SubscriptingRef:
			type = exprType(node);
			break;
		default:
			confined->why = "an expression of another kind";
			return true;
	}
	if (OidIsValid(type) && !type_is_own(confined, type))
		confined->why = psprintf("type %s", format_type_be(type));
	return confined->why != NULL || expression_tree_walker(node, expr_walker, confined);
}

/* Sets why unless an analysed feature is a column or only computes. */
static void
check_expr(DmlConfined *confined, Node *expr)
{
	if (!IsA(expr, Var))
		(void) expr_walker(expr, confined);
}

/* ParseState's hook: a column is an attribute of desc, in the order of the columns. */
typedef struct ColumnScope
{
	const DmlConfined *confined;
	TupleDesc	desc;
	const AttrNumber *attnums;	/* NULL: the columns come first in desc */
} ColumnScope;

static AttrNumber
scope_attnum(const ColumnScope *scope, int column)
{
	return scope->attnums ? scope->attnums[column] : column + 1;
}

static Node *
column_hook(ParseState *pstate, ColumnRef *ref)
{
	const ColumnScope *scope = pstate->p_ref_hook_state;

	for (int i = 0; i < scope->confined->n_columns; i++)
	{
		AttrNumber	attnum = scope_attnum(scope, i);
		Form_pg_attribute attribute = TupleDescAttr(scope->desc, attnum - 1);

		if (strcmp(scope->confined->columns[i], strVal(linitial(ref->fields))) == 0)
			return (Node *) makeVar(1, attnum, attribute->atttypid, attribute->atttypmod, attribute->attcollation, 0);
	}
	return NULL;
}

/*
 * Check the columns' types, which decide, with the names, where functions are looked up; sets why.
 */
static void
check_columns(DmlConfined *confined, const ColumnScope *scope)
{
	bool		plain = true;
	ListCell   *cell;

	foreach(cell, confined->features->targets)
		plain &= IsA(lfirst_node(ResTarget, cell)->val, ColumnRef);
	for (int i = 0; i < confined->n_columns; i++)
	{
		Oid			type = TupleDescAttr(scope->desc, scope_attnum(scope, i) - 1)->atttypid;

		if (!plain && !column_type_is_own(confined, type))
			confined->why = psprintf("column \"%s\" of type %s", confined->columns[i], format_type_be(type));
		if (type_is_own(confined, getBaseType(type)) && !is_builtin(getBaseType(type), PG_CATALOG_NAMESPACE))
			confined->uses_dml = true;
	}
	if (confined->why == NULL && confined->uses_dml && confined->has_foreign)
		confined->why = psprintf("a name that others have used in schema \"%s\", too", get_namespace_name(confined->schema));
	if (confined->why == NULL && confined->uses_dml && confined->has_literal)
		confined->why = "a literal without a type beside functions of dml";
}

/* The analysed features as a list of expressions; NIL: why is set. */
static List *
confined_analyse(DmlConfined *confined, const ColumnScope *scope)
{
	ParseState *pstate = make_parsestate(NULL);
	List	   *exprs = NIL;
	int			guc_level;
	ListCell   *cell;

	check_columns(confined, scope);
	if (confined->why)
		return NIL;
	guc_level = NewGUCNestLevel();
	restrict_lookups(confined);
	pstate->p_pre_columnref_hook = column_hook;
	pstate->p_ref_hook_state = unconstify(ColumnScope *, scope);
	foreach(cell, confined->features->targets)
	{
		Node	   *expr = transformExpr(pstate, copyObject(lfirst_node(ResTarget, cell)->val), EXPR_KIND_GENERATED_COLUMN);

		assign_expr_collations(pstate, expr);
		exprs = lappend(exprs, expr);
	}
	free_parsestate(pstate);
	AtEOXact_GUC(true, guc_level);
	foreach(cell, exprs)
		if (confined->why == NULL)
			check_expr(confined, lfirst(cell));
	return confined->why ? NIL : exprs;
}

/* ---------- the default features of a model ---------- */

static void
check_confined(const DmlConfined *confined)
{
	const char *features = confined->features->text;

	if (confined->why == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("features must be given for model \"%s\"", confined->version->name),
			 errdetail("It was trained with the features %s, which use %s.", features, confined->why),
			 errhint("They would run with your rights. If you trust everything that they call, write features => %s.",
					 quote_literal_cstr(features))));
}

/* Error context: the features were not typed by the user. */
static void
confined_context(void *arg)
{
	const DmlConfined *confined = arg;

	errcontext("features \"%s\" that model \"%s\" was trained with; name others by features => '...'",
			   confined->features->text, confined->version->name);
}

DmlConfined *
dml_confined_features(const DmlVersion *version, const DmlFeatures *features, Oid user)
{
	DmlConfined *confined;

	if (dml_version_owner(version) == user && !version->imported)
		return NULL;
	confined = confined_parse(features);
	confined->version = version;
	check_confined(confined);
	return confined;
}

char *
dml_confined_columns(const DmlConfined *confined, int *n)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < confined->n_columns; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "", quote_identifier(confined->columns[i]));
	*n = confined->n_columns;
	return text.data;
}

int
dml_confined_n_columns(const DmlConfined *confined)
{
	return confined->n_columns;
}

const char *
dml_confined_column(const DmlConfined *confined, int i)
{
	return confined->columns[i];
}

List *
dml_confined_exprs(DmlConfined *confined, TupleDesc desc, const AttrNumber *attnums)
{
	ColumnScope scope = {confined, desc, attnums};
	ErrorContextCallback callback = {error_context_stack, confined_context, confined};
	List	   *exprs;

	error_context_stack = &callback;
	exprs = confined_analyse(confined, &scope);
	error_context_stack = callback.previous;
	check_confined(confined);
	return exprs;
}

void
dml_confined_compile(DmlConfined *confined, TupleDesc desc, Oid *types)
{
	TupleDesc	columns = CreateTemplateTupleDesc(confined->n_columns);
	List	   *exprs = dml_confined_exprs(confined, desc, NULL);
	ListCell   *cell;
	int			i = 0;

	for (int c = 0; c < confined->n_columns; c++)
		TupleDescCopyEntry(columns, c + 1, desc, c + 1);
	confined->slot = MakeSingleTupleTableSlot(columns, &TTSOpsVirtual);
	confined->estate = CreateExecutorState();
	confined->states = palloc(sizeof(ExprState *) * confined->features->n);
	foreach(cell, exprs)
	{
		types[i] = getBaseType(exprType(lfirst(cell)));
		confined->states[i] = ExecPrepareExpr(lfirst(cell), confined->estate);
		i++;
	}
}

void
dml_confined_eval(DmlConfined *confined, const Datum *columns, const bool *column_nulls, Datum *values, bool *nulls)
{
	ExprContext *econtext = GetPerTupleExprContext(confined->estate);
	TupleTableSlot *slot = confined->slot;
	MemoryContext old;

	ResetExprContext(econtext);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, columns, sizeof(Datum) * confined->n_columns);
	memcpy(slot->tts_isnull, column_nulls, sizeof(bool) * confined->n_columns);
	ExecStoreVirtualTuple(slot);
	econtext->ecxt_scantuple = slot;
	old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	for (int i = 0; i < confined->features->n; i++)
		values[i] = ExecEvalExpr(confined->states[i], econtext, &nulls[i]);
	MemoryContextSwitchTo(old);
}

/* ---------- features over a table ---------- */

/* The columns' numbers in a table.  Returns false if the table lacks one. */
static bool
find_columns(const DmlConfined *confined, Relation rel, AttrNumber *attnums)
{
	for (int i = 0; i < confined->n_columns; i++)
	{
		attnums[i] = get_attnum(RelationGetRelid(rel), confined->columns[i]);
		if (attnums[i] <= 0)
			return false;
	}
	return true;
}

/*
 * Check the features over a table; sets why.  A missing column is left to the caller's compilation.
 */
static void
check_over_table(DmlConfined *confined, Relation rel)
{
	AttrNumber *attnums = palloc(sizeof(AttrNumber) * Max(confined->n_columns, 1));
	ColumnScope scope = {confined, RelationGetDescr(rel), attnums};

	if (confined->why == NULL && find_columns(confined, rel, attnums))
		(void) confined_analyse(confined, &scope);
}

char *
dml_confined_qualified(DmlConfined *confined, Relation rel)
{
	DmlFeatureExprs *exprs;
	int			guc_level;

	check_over_table(confined, rel);
	check_confined(confined);
	guc_level = NewGUCNestLevel();
	restrict_lookups(confined);
	exprs = dml_features_compile(confined->features, rel);
	AtEOXact_GUC(true, guc_level);

	/* a name may mean another object by now */
	for (int i = 0; i < confined->features->n; i++)
		check_expr(confined, dml_features_expr(exprs, i));
	check_confined(confined);
	return dml_features_qualified(exprs, rel);
}

bool
dml_condition_confined(const char *condition, Oid owner)
{
	BoolExpr   *either = condition == NULL ? NULL : stringToNode(condition);
	DmlConfined confined = {.extension = get_extension_oid("dml", true),.owner = owner};
	ListCell   *cell;

	if (either == NULL || !IsA(either, BoolExpr))
		return true;
	foreach(cell, either->args)
		check_expr(&confined, IsA(lfirst(cell), NullTest) ? (Node *) lfirst_node(NullTest, cell)->arg : lfirst(cell));
	return confined.why == NULL;
}
