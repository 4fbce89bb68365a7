/*
 * feature.c
 *	  Parses the text of features, and turns their values into floats.
 */
#include "compat.h"

#include "read/feature.h"

#include <ctype.h>
#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "learn/encode/encode.h"

/* PostgreSQL 13 defines names for some array types only. */
#ifndef INT8ARRAYOID
#define INT8ARRAYOID	1016
#endif
#ifndef FLOAT8ARRAYOID
#define FLOAT8ARRAYOID	1022
#endif
#ifndef NUMERICARRAYOID
#define NUMERICARRAYOID	1231
#endif

#define SELECT_PREFIX	"SELECT "

typedef struct ParseErrorText
{
	const char *text;
	int			prefix;			/* characters before text in what is parsed */
} ParseErrorText;

/*
 * Makes the position of a syntax error refer to the features, not to the statement that calls us.
 */
static void
parse_error_callback(void *arg)
{
	ParseErrorText *text = arg;
	int			position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	internalerrposition(Max(position - text->prefix, 1));
	internalerrquery(text->text);
}

List *
dml_raw_parse(const char *prefix, const char *text)
{
	ParseErrorText error_text = {text, pg_mbstrlen(prefix)};
	ErrorContextCallback callback;
	char	   *statement = psprintf("%s%s", prefix, text);
	List	   *result;

	callback.callback = parse_error_callback;
	callback.arg = &error_text;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
#if PG_VERSION_NUM >= 140000
	result = raw_parser(statement, RAW_PARSE_DEFAULT);
#else
	result = raw_parser(statement);
#endif
	error_context_stack = callback.previous;
	return result;
}

/* Refuse what an expression over the columns of one row cannot contain. */
static bool
forbidden_walker(Node *node, void *what)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot hold a subquery", (char *) what),
				 errhint("Put the subquery into the source: source => 'SELECT ... FROM ...'.")));
	if (IsA(node, A_Star))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s cannot be *", (char *) what),
				 errhint("Name the columns, e.g. 'a, b, c'.")));
	if (IsA(node, ColumnRef))
	{
		/* the tree walker does not visit its fields */
		return forbidden_walker(llast(((ColumnRef *) node)->fields), what);
	}
	if (IsA(node, A_Indirection))
	{
		ListCell   *cell;

		foreach(cell, ((A_Indirection *) node)->indirection)
		{
			if (IsA(lfirst(cell), A_Star))
				return forbidden_walker(lfirst(cell), what);
		}
	}
	if (IsA(node, FuncCall) && ((FuncCall *) node)->over != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot hold a window function", (char *) what),
				 errhint("Put it into the source: source => 'SELECT ... FROM ...'.")));
	return raw_expression_tree_walker(node, forbidden_walker, what);
}

/* Whether there is anything besides a target list. */
static bool
has_other_clauses(const SelectStmt *select)
{
	return select->op != SETOP_NONE || select->distinctClause != NIL || select->intoClause != NULL ||
		select->fromClause != NIL || select->whereClause != NULL || select->groupClause != NIL ||
		select->havingClause != NULL || select->windowClause != NIL || select->valuesLists != NIL ||
		select->sortClause != NIL || select->limitOffset != NULL || select->limitCount != NULL ||
		select->lockingClause != NIL || select->withClause != NULL;
}

/*
 * The name of target i: its alias, its column, or its own text, which begins at its location and
 * ends before the comma in front of the next target.
 */
static char *
target_name(const DmlFeatures *features, int i)
{
	ResTarget  *target = list_nth(features->targets, i);
	const char *begin;
	const char *end;

	if (target->name)
		return pstrdup(target->name);
	if (IsA(target->val, ColumnRef))
	{
		Node	   *last = llast(((ColumnRef *) target->val)->fields);

		return pstrdup(strVal(last));
	}

	begin = features->text + target->location - strlen(SELECT_PREFIX);
	if (i + 1 < features->n)
	{
		ResTarget  *next = list_nth(features->targets, i + 1);

		end = features->text + next->location - strlen(SELECT_PREFIX);
		while (end > begin && end[-1] != ',')
			end--;
		end = Max(end - 1, begin);
	}
	else
		end = features->text + strlen(features->text);
	while (end > begin && isspace((unsigned char) end[-1]))
		end--;
	return pnstrdup(begin, end - begin);
}

/* Parse a target list.  what: its name in messages. */
static DmlFeatures *
parse_targets(const char *text, const char *what)
{
	DmlFeatures *features = palloc0(sizeof(DmlFeatures));
	List	   *parsed = dml_raw_parse(SELECT_PREFIX, text);
	RawStmt    *raw = list_length(parsed) == 1 ? linitial_node(RawStmt, parsed) : NULL;
	SelectStmt *select;
	ListCell   *cell;
	int			i = 0;

	/* Only a statement that a semicolon ends has a length. */
	if (raw == NULL || raw->stmt_len != 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s cannot hold a semicolon", what)));
	select = castNode(SelectStmt, raw->stmt);
	if (has_other_clauses(select))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s must be columns or expressions and nothing else, not \"%s\"", what, text),
				 errhint("Put FROM, WHERE and other clauses into the source: source => 'SELECT ... FROM ... WHERE ...'.")));
	if (select->targetList == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s must not be empty", what),
				 strcmp(what, "target") == 0 ? errhint("Name a column or an expression.") :
				 errhint("Name a column, or several separated by commas.")));

	features->text = pstrdup(text);
	features->targets = select->targetList;
	features->n = list_length(features->targets);
	features->names = palloc(sizeof(char *) * features->n);
	foreach(cell, features->targets)
	{
		forbidden_walker(lfirst_node(ResTarget, cell)->val, unconstify(char *, what));
		features->names[i] = target_name(features, i);
		i++;
	}
	return features;
}

/* ---------- words ---------- */

#define WORD_SKIP	"skip"

static const struct
{
	const char *name;
	DmlWord		word;
	const char *size;			/* the name of its option, or NULL */
	int			least;
	int			most;
}			words[] = {
	{"number", DML_WORD_NUMBER},
	{"category", DML_WORD_CATEGORY, "keep", 1, ENCODE_MAX_VALUES},
	{"text", DML_WORD_TEXT, "buckets", ENCODE_MIN_BUCKETS, ENCODE_MAX_BUCKETS},
	{WORD_SKIP, DML_WORD_NONE}
};

/* The word that a target is a call of, as a number in words; -1: none. */
static int
word_of(const ResTarget *target)
{
	const FuncCall *call = (const FuncCall *) target->val;

	if (call == NULL || !IsA(call, FuncCall) || list_length(call->funcname) != 1)
		return -1;
	for (int w = 0; w < lengthof(words); w++)
		if (strcmp(strVal(linitial(call->funcname)), words[w].name) == 0)
			return w;
	return -1;
}

static void
blank(char *text, int from, int to)
{
	for (int i = from; i < to; i++)
		if (text[i] != '\n')
			text[i] = ' ';
}

static void
word_usage(const char *text, int w)
{
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("features have a call of %s() that cannot be understood: \"%s\"", words[w].name, text),
			 words[w].size ? errhint("Write %s(x) or %s(x, %s => %d), without comments inside.", words[w].name, words[w].name,
									 words[w].size, words[w].word == DML_WORD_TEXT ? ENCODE_BUCKETS : ENCODE_VALUES) :
			 errhint("Write %s(x), without comments inside.", words[w].name)));
}

/*
 * Blank the option of a word, ", buckets => 1024", in text, and return its value; 0: there is none.
 * prefix: bytes before text in what was parsed.
 */
static int
take_size(const FuncCall *call, int w, const char *given, char *text, int prefix)
{
	const NamedArgExpr *option = list_length(call->args) == 2 ? lsecond(call->args) : NULL;
	int			from;
	int			to;
	char	   *end;
	long		value;

	if (list_length(call->args) == 1 && !IsA(linitial(call->args), NamedArgExpr))
		return 0;
	if (option == NULL || !IsA(option, NamedArgExpr) || words[w].size == NULL || strcmp(option->name, words[w].size) != 0 ||
		!IsA(option->arg, A_Const))
		word_usage(given, w);
	from = option->location - prefix;
	to = exprLocation((Node *) option->arg) - prefix;
	while (from > 0 && text[from - 1] != ',')
		from--;
	errno = 0;
	value = strtol(text + to, &end, 10);
	if (from == 0 || end == text + to || errno != 0 || value < words[w].least || value > words[w].most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of %s() must be a whole number from %d to %d", words[w].size, words[w].name, words[w].least, words[w].most)));
	blank(text, from - 1, end - text);
	return (int) value;
}

/* From the text of features to that of target i + 1, or to the end.  Returns false at the end. */
static bool
next_target(const DmlFeatures *features, int i, int prefix, int *at)
{
	*at = i + 1 < features->n ? list_nth_node(ResTarget, features->targets, i + 1)->location - prefix : strlen(features->text);
	return i + 1 < features->n;
}

/* The name of a feature that stood in the parentheses of a word. */
static char *
without_parentheses(char *name)
{
	size_t		n = strlen(name);

	if (name[0] != '(' || name[n - 1] != ')')
		return name;				/* a column */
	for (name++, n -= 2; n > 0 && isspace((unsigned char) *name); n--)
		name++;
	while (n > 0 && isspace((unsigned char) name[n - 1]))
		n--;
	return pnstrdup(name, n);
}

/*
 * The features without their words, and the words.  Names and options of words are replaced by
 * blanks, so "text(x, buckets => 64)" becomes "    (x               )".
 */
static DmlFeatures *
take_words(const DmlFeatures *parsed)
{
	DmlFeatures *features;
	char	   *text = pstrdup(parsed->text);
	DmlWord    *found = palloc0(sizeof(DmlWord) * parsed->n);
	int		   *size = palloc0(sizeof(int) * parsed->n);
	int			prefix = strlen(SELECT_PREFIX);
	int			kept = 0;
	int			last = -1;		/* word */

	for (int i = 0; i < parsed->n; i++)
	{
		const ResTarget *target = list_nth_node(ResTarget, parsed->targets, i);
		const FuncCall *call = (const FuncCall *) target->val;
		int			w = word_of(target);
		int			from = target->location - prefix;
		int			to;

		if (w < 0)
		{
			kept++;
			continue;
		}
		last = w;
		if (call->args == NIL || call->agg_order || call->agg_filter || call->agg_star || call->agg_distinct ||
			call->agg_within_group || call->func_variadic || call->over)
			word_usage(parsed->text, w);
		if (strcmp(words[w].name, WORD_SKIP) == 0)
		{
			/* with the comma behind it; the last one with the comma in front */
			if (!next_target(parsed, i, prefix, &to) && kept > 0)
				while (from > 0 && text[from] != ',')
					from--;
			blank(text, from, to);
			continue;
		}
		size[kept] = take_size(call, w, parsed->text, text, prefix);
		found[kept++] = words[w].word;
		blank(text, from, from + strcspn(text + from, "("));
	}
	if (last < 0)
		features = parse_targets(parsed->text, "features");
	else if (kept == 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("features are all skipped")));
	else
		features = parse_targets(text, "features");
	if (features->n != kept)
		word_usage(parsed->text, last);
	features->words = found;
	features->sizes = size;
	for (int i = 0, k = 0; i < parsed->n; i++)
	{
		const ResTarget *target = list_nth_node(ResTarget, parsed->targets, i);
		int			w = word_of(target);
		Node	   *expected = w < 0 ? target->val : linitial(((FuncCall *) target->val)->args);

		if (w >= 0 && strcmp(words[w].name, WORD_SKIP) == 0)
			continue;
		if (!equal(list_nth_node(ResTarget, features->targets, k)->val, expected))
			word_usage(parsed->text, last);
		if (w >= 0 && target->name == NULL)
			features->names[k] = without_parentheses(features->names[k]);
		k++;
	}
	return features;
}

DmlFeatures *
dml_features_parse(const char *text)
{
	return take_words(parse_targets(text, "features"));
}

DmlFeatures *
dml_features_parse_qualified(const char *text)
{
	DmlFeatures *features = parse_targets(text, "features");

	features->words = palloc0(sizeof(DmlWord) * features->n);
	features->sizes = palloc0(sizeof(int) * features->n);
	return features;
}

void
dml_features_words(const char *text)
{
	DmlFeatures *features = parse_targets(text, "features");

	for (int w = 0; w < lengthof(words); w++)
	{
		CatCList   *list;
		bool		used = false;
		bool		clashes = false;

		for (int i = 0; i < features->n; i++)
			used = used || word_of(list_nth_node(ResTarget, features->targets, i)) == w;
		if (!used)
			continue;
		list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(words[w].name));
		for (int i = 0; i < list->n_members; i++)
		{
			Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

			clashes = clashes || (proc->pronamespace != PG_CATALOG_NAMESPACE && FunctionIsVisible(proc->oid));
		}
		ReleaseSysCacheList(list);
		if (clashes)
			ereport(NOTICE,
					(errmsg("%s() in features says what the column is, and does not call your function of that name", words[w].name),
					 errhint("To call the function, write its schema in front of its name.")));
	}
}

DmlFeatures *
dml_expression_parse(const char *text, const char *what)
{
	DmlFeatures *result = parse_targets(text, what);

	if (result->n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s must be one column or expression, not %d", what, result->n),
				 strcmp(what, "label") == 0 ? errhint("To use several columns as one label, write 'ROW(a, b)'.") : 0));
	return result;
}

char **
dml_expressions_split(const char *text, const char *what, int *n)
{
	DmlFeatures *parsed = parse_targets(text, what);
	char	  **result = palloc(sizeof(char *) * parsed->n);
	int			prefix = strlen(SELECT_PREFIX);

	*n = parsed->n;
	for (int i = 0; i < parsed->n; i++)
	{
		int			from = list_nth_node(ResTarget, parsed->targets, i)->location - prefix;
		int			to = strlen(text);

		if (i + 1 < parsed->n)
		{
			to = list_nth_node(ResTarget, parsed->targets, i + 1)->location - prefix;
			while (to > from && text[to - 1] != ',')
				to--;
			to--;				/* the comma */
		}
		result[i] = pnstrdup(text + from, Max(to - from, 0));
	}
	return result;
}

Oid
dml_feature_cast(Oid type)
{
	HeapTuple	tuple;
	Oid			function;
	Form_pg_proc proc;

	if (type == dml_vector_type_oid())
		return InvalidOid;
	tuple = SearchSysCache2(CASTSOURCETARGET, ObjectIdGetDatum(type), ObjectIdGetDatum(FLOAT4ARRAYOID));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	function = ((Form_pg_cast) GETSTRUCT(tuple))->castfunc;
	ReleaseSysCache(tuple);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;		/* a cast without a function */
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prolang != ClanguageId && proc->prolang != INTERNALlanguageId)
		function = InvalidOid;
	ReleaseSysCache(tuple);
	return function;
}

ArrayType *
dml_feature_cast_array(Oid function, Datum value)
{
	LOCAL_FCINFO(call, 3);
	FmgrInfo	info;

	/* a cast's function may take a typmod and whether the cast is explicit, too */
	fmgr_info(function, &info);
	InitFunctionCallInfoData(*call, &info, info.fn_nargs, InvalidOid, NULL, NULL);
	call->args[0] = (NullableDatum) {value, false};
	call->args[1] = (NullableDatum) {Int32GetDatum(-1), false};
	call->args[2] = (NullableDatum) {BoolGetDatum(true), false};
	value = FunctionCallInvoke(call);
	return call->isnull ? NULL : DatumGetArrayTypeP(value);
}

bool
dml_feature_type_ok(Oid type, bool *is_array)
{
	type = getBaseType(type);
	switch (type)
	{
		case FLOAT4OID:
		case FLOAT8OID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case BOOLOID:
			*is_array = false;
			return true;
		case FLOAT4ARRAYOID:
		case FLOAT8ARRAYOID:
		case INT2ARRAYOID:
		case INT4ARRAYOID:
		case INT8ARRAYOID:
		case NUMERICARRAYOID:
			*is_array = true;
			return true;
		default:
			*is_array = true;
			return type == dml_vector_type_oid() || OidIsValid(dml_feature_cast(type));
	}
}

void
dml_feature_type_error(const char *name, Oid type)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("feature \"%s\" is of type %s", name, format_type_be(type)),
			 errdetail("A feature is a number, a text, a date or time, an enum, a list of these, or a vector."),
			 errhint("Cast it, e.g. to real, real[] or text.")));
}

/* value is NaN or infinite, or was before it was made a float; element from 1, 0: a scalar. */
static void
not_finite(const char *name, int element, double value)
{
	ereport(ERROR,
			(errcode(isnan(value) || isinf(value) ? ERRCODE_DATA_EXCEPTION : ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 isnan(value) ? errmsg("feature \"%s\" is NaN", name) :
			 isinf(value) ? errmsg("feature \"%s\" is infinite", name) :
			 errmsg("feature \"%s\" is out of range for real", name),
			 element > 0 ? errdetail("It is element %d of the array.", element) : 0,
			 errhint("Make the value NULL or leave the row out: rows with NULL features are skipped.")));
}

void
dml_feature_check_number(double x, const char *name, int element)
{
	if (unlikely(!isfinite((float4) x)))
		not_finite(name, element, x);
}

void
dml_feature_check_plain(const DmlVector *vector, const char *name)
{
	if (vector->space != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("feature \"%s\" is an embedding by %s, not raw input",
						name, dml_space_describe(vector->space)),
				 errhint("Cast it to real[] to take its elements as plain numbers.")));
}

void
dml_feature_check_array(const ArrayType *array, const char *name)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("feature \"%s\" is an array of %d dimensions", name, ARR_NDIM(array)),
				 errdetail("A feature is an array of one dimension.")));
	if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("feature \"%s\" is an empty array", name)));
}

static float4
float_from_double(double value, const char *name, int element)
{
	float4		result = (float4) value;

	if (unlikely(!isfinite(result)))
		not_finite(name, element, value);
	return result;
}

/* By way of text: by way of double they would be rounded twice. */
static float4
float_from_numeric(Datum value, const char *name, int element)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	float4		result = strtof(text, NULL);

	if (unlikely(!isfinite(result)))
		not_finite(name, element, strpbrk(text, "Nn") != NULL ? result : DBL_MAX);
	pfree(text);
	return result;
}

/* The same with an origin, unless it is NULL. */
static float4
float_from_numeric_less(Datum value, const double *origin, const char *name, int element)
{
	if (origin == NULL)
		return float_from_numeric(value, name, element);
	return float_from_double(DatumGetFloat8(DirectFunctionCall1(numeric_float8, value)) - *origin, name, element);
}

/* A bigint, which a real holds no better by way of double. */
static float4
float_from_int8(int64 value, const double *origin)
{
	return origin ? (float4) ((double) value - *origin) : (float4) value;
}

static int
array_floats(ArrayType *array, const char *name, const double *origin, float4 *out, int max)
{
	Oid			type = ARR_ELEMTYPE(array);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const void *data = ARR_DATA_PTR(array);

	dml_feature_check_array(array, name);
	if (array_contains_nulls(array))
		return -1;
	if (n > max)
		return n;

	/* x - 0 is x */
	switch (type)
	{
		case FLOAT4OID:
			for (int i = 0; i < n; i++)
				out[i] = float_from_double(((const float4 *) data)[i] - (origin ? origin[i] : 0), name, i + 1);
			break;
		case FLOAT8OID:
			for (int i = 0; i < n; i++)
				out[i] = float_from_double(((const float8 *) data)[i] - (origin ? origin[i] : 0), name, i + 1);
			break;
		case INT2OID:
			for (int i = 0; i < n; i++)
				out[i] = (float4) (((const int16 *) data)[i] - (origin ? origin[i] : 0));
			break;
		case INT4OID:
			for (int i = 0; i < n; i++)
				out[i] = (float4) (((const int32 *) data)[i] - (origin ? origin[i] : 0));
			break;
		case INT8OID:
			for (int i = 0; i < n; i++)
				out[i] = float_from_int8(((const int64 *) data)[i], origin ? &origin[i] : NULL);
			break;
		case NUMERICOID:
			{
				Datum	   *values;

				deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
				for (int i = 0; i < n; i++)
					out[i] = float_from_numeric_less(values[i], origin ? &origin[i] : NULL, name, i + 1);
				pfree(values);
				break;
			}
		default:
			dml_feature_type_error(name, get_array_type(type));
	}
	return n;
}

int
dml_feature_floats(Datum value, bool isnull, Oid type, const char *name, const double *origin, float4 *out, int max)
{
	double		less = origin != NULL && max >= 1 ? *origin : 0;
	float4		x = 0;
	Oid			cast;
	ArrayType  *array;

	if (isnull)
		return -1;
	switch (type)
	{
		case FLOAT4ARRAYOID:
		case FLOAT8ARRAYOID:
		case INT2ARRAYOID:
		case INT4ARRAYOID:
		case INT8ARRAYOID:
		case NUMERICARRAYOID:
			return array_floats(DatumGetArrayTypeP(value), name, origin, out, max);
		case FLOAT4OID:
			x = float_from_double(DatumGetFloat4(value) - less, name, 0);
			break;
		case FLOAT8OID:
			x = float_from_double(DatumGetFloat8(value) - less, name, 0);
			break;
		case INT2OID:
			x = (float4) (DatumGetInt16(value) - less);
			break;
		case INT4OID:
			x = (float4) (DatumGetInt32(value) - less);
			break;
		case INT8OID:
			x = float_from_int8(DatumGetInt64(value), origin && max >= 1 ? origin : NULL);
			break;
		case NUMERICOID:
			x = float_from_numeric_less(value, origin && max >= 1 ? origin : NULL, name, 0);
			break;
		case BOOLOID:
			x = (float4) ((DatumGetBool(value) ? 1 : 0) - less);
			break;
		default:
			if (type == dml_vector_type_oid())
			{
				DmlVector  *vector = DatumGetDmlVectorP(value);

				dml_feature_check_plain(vector, name);
				for (int i = 0; i < vector->dim && vector->dim <= max; i++)
					out[i] = (float4) (vector->x[i] - (origin ? origin[i] : 0));
				return vector->dim;
			}
			if (getBaseType(type) != type)
				return dml_feature_floats(value, isnull, getBaseType(type), name, origin, out, max);
			cast = dml_feature_cast(type);
			if (!OidIsValid(cast))
				dml_feature_type_error(name, type);
			array = dml_feature_cast_array(cast, value);
			return array ? array_floats(array, name, origin, out, max) : -1;
	}
	if (max >= 1)
		out[0] = x;
	return 1;
}
