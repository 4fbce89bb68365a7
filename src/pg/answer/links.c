/*
 * links.c
 *	  All pairs of rows within a radius, of one source or of two.
 *
 * It is a join, made in portions.  The rows of the outer source come through a cursor.  For each
 * portion of them a second query, planned once, joins the inner source by dml_within, so that an
 * index on the inner source's embedding serves each row of the portion.  The planner decides
 * whether it does.  Of two sources the one becomes the inner one for which the planner expects the
 * smaller cost.
 *
 * Of one source both queries read the same rows, and a row is joined to rows with larger keys only.
 * The comparison of keys costs less than a distance, so without an index it halves the work, too.
 *
 * Everything runs in SPI as the caller, with one snapshot.  dml.recall is 1 meanwhile, which makes
 * an index search exact.
 */
#include "compat.h"

#include "answer/links.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "answer/answer_source.h"
#include "call/arguments.h"
#include "model/model.h"
#include "read/query.h"
#include "vector/vector.h"

/* Outer rows of a portion, and rows of one fetch. */
#define PORTION_FIRST	10
#define PORTION_ROWS	1000
#define PORTION_BYTES	(1024 * 1024)
#define PORTION_MS		1000
#define FETCH_ROWS		1000

/* For how many rows of an unnested parameter the planner plans. */
#define PLANNED_ROWS	10


/* One way to join: which source is the outer one. */
typedef struct Direction
{
	SPIPlanPtr	outer;
	SPIPlanPtr	inner;
	CachedPlan *outer_plan;
	CachedPlan *inner_plan;
	double		rows;			/* outer ones */
	double		cost;
} Direction;

/* Rows of the outer source that are joined at once. */
typedef struct Portion
{
	int			n;
	size_t		bytes;			/* of the embeddings */
	Datum	   *keys;
	Datum	   *embeddings;
} Portion;

double
links_radius(FunctionCallInfo fcinfo, int i)
{
	double		radius;

	if (PG_ARGISNULL(i))
		return NAN;
	radius = PG_GETARG_FLOAT8(i);
	dml_check_radius(radius);
	return radius;
}

void
links_arguments(FunctionCallInfo fcinfo, LinkSearch *search, const char *hint)
{
	LinkSource *of = &search->of[0];

	of->source = text_argument(fcinfo, 0);
	of->embedding = text_argument(fcinfo, 1);
	of->key = text_argument(fcinfo, 3);
	of->key_name = "key";
	search->within = links_radius(fcinfo, 2);
	search->metric = answer_metric(text_argument(fcinfo, 4));
	need_argument(of->source, "source", hint);
	need_argument(of->embedding, "embedding", hint);
}

static SPIPlanPtr
prepare(const char *sql, int n, Oid *types, int options)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, n, types, options);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* In SPI: the query of a source's keys and embeddings, as a subquery.  Settles the type of keys. */
static char *
source_query(const LinkSource *of, AnswerKey *key)
{
	const char *given = of->key != NULL ? of->key :
		answer_source_key(of->source, of->key_name, psprintf(ANSWER_KEY_HINT, of->key_name));
	AnswerSource source = answer_source(of->source, of->embedding, "embedding", given, of->key_name);

	answer_source_check(&source, true);
	answer_key_settle(key, source.other_type);
	return psprintf("(SELECT key, embedding FROM (SELECT %s AS key, CAST((%s\n) AS %s.dml_vector) AS embedding FROM %s) AS rows "
					"WHERE key IS NOT NULL AND embedding IS NOT NULL)",
					answer_key_sql(key, source.other), source.embedding, quote_identifier(dml_vector_schema()), source.from);
}

/* In SPI: plan the join of an outer and an inner source, each a subquery. */
static void
plan_direction(const LinkSearch *search, const char *outer, const char *inner, const AnswerKey *key, bool one_source,
			   Direction *direction)
{
	const char *schema = quote_identifier(dml_vector_schema());
	Oid			types[] = {get_array_type(dml_vector_type_oid()), FLOAT8OID, get_array_type(key->type)};
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT q.n, r.key, r.embedding OPERATOR(%s.%s) q.embedding FROM ", schema, search->metric == CLUSTER_COSINE ? "<=>" : "<->");
	if (one_source)
		appendStringInfoString(&sql, "ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($3)) WITH ORDINALITY AS q(embedding, key, n)");
	else
		appendStringInfoString(&sql, "pg_catalog.unnest($1) WITH ORDINALITY AS q(embedding, n)");
	appendStringInfo(&sql, " JOIN %s AS r ON %s.%s(r.embedding, q.embedding, $2)", inner, schema,
					 search->metric == CLUSTER_COSINE ? "dml_within_cosine" : "dml_within");
	if (one_source)
		appendStringInfo(&sql, " AND r.key %s q.key", answer_key_greater(key));
	direction->outer = prepare(psprintf("SELECT key, embedding FROM %s AS rows", outer), 0, NULL, 0);
	direction->inner = prepare(sql.data, one_source ? 3 : 2, types, CURSOR_OPT_GENERIC_PLAN);
	direction->outer_plan = SPI_plan_get_cached_plan(direction->outer);
	direction->inner_plan = SPI_plan_get_cached_plan(direction->inner);
	if (direction->outer_plan == NULL || direction->inner_plan == NULL)
		elog(ERROR, "no plan for a join");
	direction->rows = linitial_node(PlannedStmt, direction->outer_plan->stmt_list)->planTree->plan_rows;
	direction->cost = direction->rows / PLANNED_ROWS *
		linitial_node(PlannedStmt, direction->inner_plan->stmt_list)->planTree->total_cost;
}

/* The threshold of the model that made an embedding. */
static double
calibrated_radius(const LinkSearch *search, const DmlVector *embedding)
{
	const DmlVersion *version;
	double		threshold;

	if (search->metric == CLUSTER_COSINE || embedding->space == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("within must be given"),
				 search->metric == CLUSTER_COSINE ? errdetail("A calibrated threshold is a Euclidean distance.") :
				 errdetail("The vectors of \"%s\" are plain, so no model has a threshold for them.", search->of[0].source),
				 errhint("within => 0.1")));
	version = dml_version_calibrated(embedding->space);
	if (!dml_calibration_find(version, &threshold))
		dml_not_calibrated(version);
	return threshold;
}

/*
 * Read the next rows, at most `rows` of them, into the current memory context.  Embeddings that are
 * stored compressed or out of line are read here, once.  Returns false if there is no row left.
 */
static bool
read_portion(Portal portal, const AnswerKey *key, int rows, Portion *portion)
{
	SPI_cursor_fetch(portal, true, rows);
	portion->n = (int) SPI_processed;
	portion->bytes = 0;
	portion->keys = palloc(sizeof(Datum) * Max(portion->n, 1));
	portion->embeddings = palloc(sizeof(Datum) * Max(portion->n, 1));
	for (int i = 0; i < portion->n; i++)
	{
		bool		isnull;
		HeapTuple	row = SPI_tuptable->vals[i];
		DmlVector  *embedding;

		CHECK_FOR_INTERRUPTS();
		embedding = (DmlVector *) PG_DETOAST_DATUM_COPY(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
		portion->keys[i] = datumCopy(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull), key->byval, key->len);
		portion->embeddings[i] = PointerGetDatum(embedding);
		portion->bytes += VARSIZE(embedding);
	}
	SPI_freetuptable(SPI_tuptable);
	return portion->n > 0;
}

/* Join a portion and hand over the pairs.  swapped: the outer source is the second one. */
static int64
join_portion(LinkSearch *search, const Direction *direction, const AnswerKey *key, const Portion *portion, double radius,
			 bool one_source, bool swapped)
{
	Datum		values[3];
	char		nulls[] = "   ";
	MemoryContext pairs = AllocSetContextCreate(CurrentMemoryContext, "dml pairs", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Portal		portal;
	int64		found = 0;

	values[0] = PointerGetDatum(construct_array(portion->embeddings, portion->n, dml_vector_type_oid(), -1, false, TYPALIGN_DOUBLE));
	values[1] = Float8GetDatum(radius);
	if (one_source)
		values[2] = PointerGetDatum(construct_array(portion->keys, portion->n, key->type, key->len, key->byval, key->align));
	portal = SPI_cursor_open(NULL, direction->inner, values, nulls, true);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		old = MemoryContextSwitchTo(pairs);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			bool		isnull;
			Datum		outer = portion->keys[DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull)) - 1];
			Datum		inner = SPI_getbinval(row, desc, 2, &isnull);
			double		distance = DatumGetFloat8(SPI_getbinval(row, desc, 3, &isnull));

			CHECK_FOR_INTERRUPTS();
			search->take(search->state, swapped ? inner : outer, swapped ? outer : inner, distance);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(pairs);
		found += SPI_processed;
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	return found;
}

/* The rows of the next portion, so that progress is reported every second or so. */
static int
next_rows(int rows, TimestampTz started)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(started, now, PORTION_MS))
		return rows / 2;
	return TimestampDifferenceExceeds(started, now, PORTION_MS / 4) ? rows : Min(rows * 4, PORTION_ROWS);
}

/* In SPI, with all queries planned. */
static void
join_all(LinkSearch *search, const Direction *direction, bool one_source, bool swapped)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml links", ALLOCSET_DEFAULT_SIZES);
	const AnswerKey *key = &search->key[swapped ? 1 : 0];
	double		radius = search->within;
	Portion		portion;
	int			rows = PORTION_FIRST;
	int64		done = 0;
	int64		found = 0;
	Portal		portal = SPI_cursor_open(NULL, direction->outer, NULL, NULL, true);
	MemoryContext old = MemoryContextSwitchTo(context);

	while (read_portion(portal, key, rows, &portion))
	{
		TimestampTz started = GetCurrentTimestamp();

		if (isnan(radius))
			radius = calibrated_radius(search, (DmlVector *) DatumGetPointer(portion.embeddings[0]));
		found += join_portion(search, direction, key, &portion, radius, one_source, swapped);
		done += portion.n;
		rows = (int) Max(Min(next_rows(rows, started), PORTION_BYTES / (portion.bytes / portion.n)), 1);
		MemoryContextReset(context);
		answer_progress(done, found);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	SPI_cursor_close(portal);
}

void
links_find(LinkSearch *search)
{
	bool		one_source = search->of[1].source == NULL;
	int			sources = one_source ? 1 : 2;
	int			guc_level = NewGUCNestLevel();
	Direction	directions[2];
	char	   *queries[2];
	int			outer = 0;

	(void) set_config_option("dml.recall", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (int i = 0; i < sources; i++)
		queries[i] = source_query(&search->of[i], &search->key[i]);
	if (one_source)
		search->key[1] = search->key[0];
	for (int i = 0; i < sources; i++)
		plan_direction(search, queries[i], queries[one_source ? 0 : 1 - i], &search->key[i], one_source, &directions[i]);
	if (!one_source && directions[1].cost < directions[0].cost)
		outer = 1;
	search->rows = directions[outer].rows;
	answer_progress_start(search->function, search->of[outer].source, search->rows);

	/* planning has locked everything; a snapshot from before that may miss rows */
	dml_push_later_snapshot();
	join_all(search, &directions[outer], one_source, outer == 1);
	PopActiveSnapshot();
	for (int i = 0; i < sources; i++)
	{
		dml_release_cached_plan(directions[i].outer_plan);
		dml_release_cached_plan(directions[i].inner_plan);
	}
	SPI_finish();
	answer_progress_end();
	AtEOXact_GUC(false, guc_level);
}
