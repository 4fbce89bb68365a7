/*
 * classify.c
 *	  dml_classify: the label of a row by a vote of its nearest neighbours in a table.
 *
 * The neighbours come from SELECT ... ORDER BY embedding <-> query LIMIT k, run as the caller: an
 * index on the embedding serves it, and nobody sees a row that they could not select.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "answer/answer_source.h"
#include "answer/vote.h"
#include "call/arguments.h"
#include "read/query.h"

#define RESULT_COLUMNS	4
#define FETCH_ROWS		1000
#define HINT			"SELECT * FROM dml_classify('table', 'embedding column', 'label column', query);"

PG_FUNCTION_INFO_V1(dml_classify);

typedef struct Arguments
{
	char	   *source;
	char	   *embedding;
	char	   *label;
	VoteRule	rule;
} Arguments;

typedef struct Vote
{
	char	   *label;
	double		distance;
} Vote;

static void
read_arguments(FunctionCallInfo fcinfo, Arguments *arguments)
{
	arguments->source = text_argument(fcinfo, 0);
	arguments->embedding = text_argument(fcinfo, 1);
	arguments->label = text_argument(fcinfo, 2);
	arguments->rule = vote_rule(fcinfo, 4);
	need_argument(arguments->source, "source", HINT);
	need_argument(arguments->embedding, "embedding", HINT);
	need_argument(arguments->label, "label", HINT);
}

/* For qsort: nearest first, equally distant votes by label. */
static int
compare_votes(const void *a, const void *b)
{
	const Vote *x = a;
	const Vote *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return strcmp(x->label, y->label);
}

/*
 * Read the k nearest rows that have a label and an embedding, into the current memory context.
 * Of rows that are as far away as the k-th, those whose labels come first are taken.  Returns how
 * many there are.
 */
static int
find_votes(const Arguments *arguments, Oid query_type, Datum query, Vote **votes)
{
	MemoryContext caller = CurrentMemoryContext;
	AnswerSource source = answer_source(arguments->source, arguments->embedding, "embedding", arguments->label, "label");
	char	   *operator = psprintf("OPERATOR(%s.<->)", quote_identifier(dml_vector_schema()));
	/*
	 * Each expression is evaluated once for each row, so that a volatile label, or one whose cast
	 * gives NULL, has one value throughout. The planner flattens these SELECTs unless something in
	 * them is volatile, so an index serves the order. There may be any number of ties.
	 */
	char	   *sql = psprintf("SELECT text, distance FROM ("
							   "SELECT label::pg_catalog.text AS text, distance FROM ("
							   "SELECT (%s\n) AS label, (%s\n) %s $1 AS distance FROM %s) rows "
							   "WHERE label IS NOT NULL) labels "
							   "WHERE text IS NOT NULL AND distance IS NOT NULL ORDER BY distance FETCH FIRST %d ROWS WITH TIES",
							   source.other, source.embedding, operator, source.from, arguments->rule.k);
	int			k = arguments->rule.k;
	int			n = 0;
	uint64		fetched;
	Portal		portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer_source_check(&source, true);
	dml_push_later_snapshot();
	portal = SPI_cursor_open_with_args(NULL, sql, 1, &query_type, &query, NULL, true, 0);
	*votes = MemoryContextAlloc(caller, sizeof(Vote) * (k + FETCH_ROWS));
	do
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			HeapTuple	row = SPI_tuptable->vals[i];

			(*votes)[n].distance = DatumGetFloat8(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
			(*votes)[n++].label = MemoryContextStrdup(caller, SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
		}
		fetched = SPI_processed;
		SPI_freetuptable(SPI_tuptable);
		qsort(*votes, n, sizeof(Vote), compare_votes);
		while (n > k)
			pfree((*votes)[--n].label);
	} while (fetched == FETCH_ROWS);
	SPI_cursor_close(portal);
	PopActiveSnapshot();
	SPI_finish();
	return n;
}

/* The label that wins, and its share of all weight. */
static const char *
winner(const VoteRule *rule, const Vote *votes, int n, double *confidence)
{
	int32	   *label = palloc(sizeof(int32) * n);
	double	   *distance = palloc(sizeof(double) * n);

	for (int i = 0; i < n; i++)
	{
		distance[i] = votes[i].distance;
		for (label[i] = 0; strcmp(votes[label[i]].label, votes[i].label) != 0; label[i]++)
			;
	}
	return votes[vote_winner(rule, label, distance, n, confidence)].label;
}

/* dml_classify(source, embedding, label, query, k, max_distance, min_confidence, weights) */
Datum
dml_classify(PG_FUNCTION_ARGS)
{
	Arguments	arguments;
	TupleDesc	desc;
	Vote	   *votes = NULL;
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS];
	int			n = 0;
	Oid			type;
	Datum		query;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	read_arguments(fcinfo, &arguments);
	if (!PG_ARGISNULL(3) && answer_query(PG_GETARG_DATUM(3), get_fn_expr_argtype(fcinfo->flinfo, 3), &type, &query))
		n = find_votes(&arguments, type, query, &votes);

	memset(nulls, true, sizeof(nulls));
	if (n > 0)
	{
		double		confidence;
		const char *label = winner(&arguments.rule, votes, n, &confidence);

		values[0] = CStringGetTextDatum(label);
		nulls[0] = vote_unknown(&arguments.rule, votes[0].distance, confidence);
		values[1] = Float8GetDatum(confidence);
		values[2] = Float8GetDatum(votes[0].distance);
		nulls[1] = nulls[2] = false;
	}
	values[3] = Int32GetDatum(n);
	nulls[3] = false;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
