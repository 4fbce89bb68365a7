/*
 * classify.c
 *	  dml_classify: the label of a row by a vote of its nearest neighbours in a table.
 *
 * The neighbours come from SELECT ... ORDER BY embedding <-> query LIMIT k, run as the caller: an
 * index on the embedding serves it, and nobody sees a row that they could not select.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "evaluate/space.h"
#include "read/feature.h"
#include "read/query.h"
#include "read/source.h"
#include "vector/vector.h"

#define RESULT_COLUMNS	4
#define MAX_NEIGHBOURS	1000
#define HINT			"SELECT * FROM dml_classify('table', 'embedding column', 'label column', query);"

PG_FUNCTION_INFO_V1(dml_classify);

typedef struct Arguments
{
	char	   *source;
	char	   *embedding;
	char	   *label;
	int			k;
	double		max_distance;	/* infinite: none */
	double		min_confidence;
	bool		weighted;
} Arguments;

typedef struct Vote
{
	char	   *label;
	double		distance;
} Vote;

static void
read_arguments(FunctionCallInfo fcinfo, Arguments *arguments)
{
	char	   *weights = text_argument(fcinfo, 7);

	arguments->source = text_argument(fcinfo, 0);
	arguments->embedding = text_argument(fcinfo, 1);
	arguments->label = text_argument(fcinfo, 2);
	arguments->k = PG_ARGISNULL(4) ? 5 : PG_GETARG_INT32(4);
	arguments->max_distance = PG_ARGISNULL(5) ? INFINITY : PG_GETARG_FLOAT8(5);
	arguments->min_confidence = PG_ARGISNULL(6) ? 0 : PG_GETARG_FLOAT8(6);
	need_argument(arguments->source, "source", HINT);
	need_argument(arguments->embedding, "embedding", HINT);
	need_argument(arguments->label, "label", HINT);
	if (arguments->k < 1 || arguments->k > MAX_NEIGHBOURS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d", MAX_NEIGHBOURS, arguments->k)));
	if (!(arguments->max_distance >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_distance must be at least 0, not %g", arguments->max_distance)));
	if (!(arguments->min_confidence >= 0 && arguments->min_confidence <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_confidence must be from 0 to 1, not %g", arguments->min_confidence)));
	if (weights != NULL && strcmp(weights, "distance") != 0 && strcmp(weights, "uniform") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown weights \"%s\"", weights),
				 errhint("Valid weights are distance and uniform.")));
	arguments->weighted = weights == NULL || strcmp(weights, "distance") == 0;
}

/* In SPI: columns that the source has, and the first of them a dml_vector. */
static void
check_columns(const Arguments *arguments, const char *embedding, const char *label, const char *from)
{
	SPIPlanPtr	plan = SPI_prepare(psprintf("SELECT %s\n, %s\nFROM %s", embedding, label, from), 0, NULL);
	CachedPlanSource *source;
	Oid			type;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	source = linitial(SPI_plan_get_plan_sources(plan));
	dml_query_check_targets(source, "embedding and label");
	type = TupleDescAttr(source->resultDesc, 0)->atttypid;
	if (getBaseType(type) != dml_vector_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("embedding \"%s\" is of type %s, not dml_vector", arguments->embedding, format_type_be(type)),
				 errhint("dml_materialize makes a column of embeddings; to compare arrays as they are, cast them to dml_vector.")));
	SPI_freeplan(plan);
}

/*
 * Read the k nearest rows that have a label and an embedding, into the current memory context.
 * Returns how many there are.
 */
static int
find_votes(const Arguments *arguments, Oid query_type, Datum query, Vote *votes)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *embedding = dml_expression_parse(arguments->embedding, "embedding")->text;
	char	   *label = dml_expression_parse(arguments->label, "label")->text;
	char	   *from = dml_source_from(arguments->source);
	char	   *operator = psprintf("OPERATOR(%s.<->)", quote_identifier(space_schema()));
	/*
	 * Each expression is evaluated once for each row, so that a volatile label, or one whose cast
	 * gives NULL, has one value throughout. The planner flattens these SELECTs unless something in
	 * them is volatile, so an index serves the order.
	 */
	char	   *sql = psprintf("SELECT text, distance FROM ("
							   "SELECT label::pg_catalog.text AS text, distance FROM ("
							   "SELECT (%s\n) AS label, (%s\n) %s $1 AS distance FROM %s) rows "
							   "WHERE label IS NOT NULL) labels "
							   "WHERE text IS NOT NULL ORDER BY distance LIMIT %d",
							   label, embedding, operator, from, arguments->k);
	int			n = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	check_columns(arguments, embedding, label, from);
	dml_push_later_snapshot();
	if (SPI_execute_with_args(sql, 1, &query_type, &query, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		HeapTuple	row = SPI_tuptable->vals[i];
		double		distance = DatumGetFloat8(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));

		char	   *text = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);

		if (isnull || text == NULL)
			continue;			/* a row that has not been embedded, or has no label */
		votes[n].distance = distance;
		votes[n++].label = MemoryContextStrdup(caller, text);
	}
	PopActiveSnapshot();
	SPI_finish();
	return n;
}

/*
 * The label with the most weight, and its share of all weight. If two labels have equal weight, the
 * one whose row is nearest wins. A row at distance 0 has infinite weight: if there are such rows,
 * only they vote, as in scikit-learn.
 */
static const char *
winner(const Arguments *arguments, const Vote *votes, int n, double *confidence)
{
	bool		exact = arguments->weighted && votes[0].distance == 0;
	const char *best = NULL;
	double		best_weight = 0;
	double		total = 0;

	for (int i = 0; i < n; i++)
	{
		double		weight = 0;

		for (int j = 0; j < n; j++)
		{
			double		one = !arguments->weighted ? 1 : exact ? votes[j].distance == 0 : votes[0].distance / votes[j].distance;

			if (i == 0)
				total += one;
			if (strcmp(votes[i].label, votes[j].label) == 0)
				weight += one;
		}
		if (weight > best_weight * (1 + 1e-12))
		{
			best = votes[i].label;
			best_weight = weight;
		}
	}
	*confidence = best_weight / total;
	return best;
}

/*
 * The query as real[], whatever numbers its array has, or as the vector that it is. False if it is
 * NULL or its cast gives NULL.
 */
static bool
query_value(FunctionCallInfo fcinfo, Oid *type, Datum *query)
{
	ArrayType  *array;
	int			dim;
	Oid			cast;

	if (PG_ARGISNULL(3))
		return false;
	*query = PG_GETARG_DATUM(3);
	*type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 3));
	if (*type == dml_vector_type_oid())
		return true;
	cast = dml_feature_cast(*type);
	if (OidIsValid(cast))
		array = dml_feature_cast_array(cast, *query);
	else if (OidIsValid(get_element_type(*type)))
		array = DatumGetArrayTypeP(*query);
	else
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query is of type %s", format_type_be(*type)),
				 errdetail("A query is an array of numbers or a vector."),
				 errhint("Cast it, e.g. to real[].")));
	if (array == NULL)
		return false;
	pfree(dml_floats_from_array(array, NULL, &dim));	/* an error unless it is one of numbers */
	*type = get_array_type(ARR_ELEMTYPE(array));
	*query = PointerGetDatum(array);
	return true;
}

/* dml_classify(source, embedding, label, query, k, max_distance, min_confidence, weights) */
Datum
dml_classify(PG_FUNCTION_ARGS)
{
	Arguments	arguments;
	TupleDesc	desc;
	Vote	   *votes;
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS];
	int			n = 0;
	Oid			type;
	Datum		query;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	read_arguments(fcinfo, &arguments);
	votes = palloc(sizeof(Vote) * arguments.k);
	if (query_value(fcinfo, &type, &query))
		n = find_votes(&arguments, type, query, votes);

	memset(nulls, true, sizeof(nulls));
	if (n > 0)
	{
		double		confidence;
		const char *label = winner(&arguments, votes, n, &confidence);

		values[0] = CStringGetTextDatum(label);
		nulls[0] = votes[0].distance > arguments.max_distance || confidence < arguments.min_confidence;
		values[1] = Float8GetDatum(confidence);
		values[2] = Float8GetDatum(votes[0].distance);
		nulls[1] = nulls[2] = false;
	}
	values[3] = Int32GetDatum(n);
	nulls[3] = false;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
