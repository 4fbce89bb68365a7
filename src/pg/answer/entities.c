/*
 * entities.c
 *	  dml_nearest_entities: the k nearest entities, each by its nearest row.
 *
 * SELECT ... ORDER BY distance LIMIT n runs as the caller, so an index serves it.  If its rows are
 * of fewer than k entities, it runs again with a larger limit.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "answer/answer_source.h"
#include "answer/cluster_task.h"
#include "answer/text_set.h"
#include "call/arguments.h"
#include "call/result_store.h"
#include "read/feature.h"
#include "read/query.h"
#include "read/source.h"

#define HINT			"SELECT * FROM dml_nearest_entities('table', 'embedding column', 'entity column', query);"
#define MAX_ENTITIES	10000

/* Rows that are read first for each entity, and by what the next attempt has more. */
#define ROWS_FIRST		4
#define GROWTH			4

#define FETCH_ROWS		100

PG_FUNCTION_INFO_V1(dml_nearest_entities);

typedef struct Search
{
	AnswerSource source;
	char	   *key;
	const char *operator;
	int			k;
	Oid			type;			/* of the query */
	Datum		query;
	Tuplestorestate *store;
	TupleDesc	desc;
} Search;

/*
 * In SPI: read the nearest limit rows until k entities are stored.  Returns whether there are k, or
 * no row is left.
 */
static bool
read_nearest(const Search *search, int64 limit)
{
	char	   *sql = psprintf("SELECT entity, key, distance FROM ("
							   "SELECT entity::pg_catalog.text AS entity, key::pg_catalog.text AS key, distance FROM ("
							   "SELECT (%s\n) AS entity, (%s\n) AS key, (%s\n) OPERATOR(%s.%s) $1 AS distance FROM %s) rows "
							   "WHERE entity IS NOT NULL) texts WHERE entity IS NOT NULL AND distance IS NOT NULL "
							   "AND distance OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8 ORDER BY distance LIMIT " INT64_FORMAT,
							   search->source.other, search->key, search->source.embedding, quote_identifier(dml_vector_schema()),
							   search->operator, search->source.from, limit);
	Oid			type = search->type;
	Datum		query = search->query;
	Portal		portal = SPI_cursor_open_with_args(NULL, sql, 1, &type, &query, NULL, true, 0);
	TextSet    *entities = text_set_new();
	int			stored = 0;
	int64		rows = 0;
	bool		more = true;

	tuplestore_clear(search->store);	/* of what an attempt with a smaller limit found */
	while (more && stored < search->k)
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		more = SPI_processed > 0;
		rows += SPI_processed;
		for (uint64 i = 0; i < SPI_processed && stored < search->k; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			Datum		values[3];
			bool		nulls[3];
			char	   *entity = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);

			CHECK_FOR_INTERRUPTS();
			if (text_set_add(entities, entity) == stored)
			{
				for (int c = 0; c < 3; c++)
					values[c] = SPI_getbinval(row, SPI_tuptable->tupdesc, c + 1, &nulls[c]);
				tuplestore_putvalues(search->store, search->desc, values, nulls);
				stored++;
			}
			pfree(entity);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	return stored == search->k || rows < limit;
}

/* dml_nearest_entities(source, embedding, entity, query, k, key, metric) */
Datum
dml_nearest_entities(PG_FUNCTION_ARGS)
{
	Search		search = {0};
	char	   *source = text_argument(fcinfo, 0);
	char	   *embedding = text_argument(fcinfo, 1);
	char	   *entity = text_argument(fcinfo, 2);
	char	   *key = text_argument(fcinfo, 5);
	int64		limit;

	need_argument(source, "source", HINT);
	need_argument(embedding, "embedding", HINT);
	need_argument(entity, "entity", HINT);
	search.k = PG_ARGISNULL(4) ? 10 : PG_GETARG_INT32(4);
	if (search.k < 1 || search.k > MAX_ENTITIES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d", MAX_ENTITIES, search.k)));
	search.operator = answer_metric(text_argument(fcinfo, 6)) == CLUSTER_COSINE ? "<=>" : "<->";
	search.source = answer_source(source, embedding, "embedding", entity, "entity");
	if (key != NULL)
		search.key = dml_expression_parse(key, "key")->text;
	else
	{
		int			n;
		char	   *columns = dml_source_key(source, &n);

		search.key = n == 0 ? "NULL" : n == 1 ? columns + 2 : psprintf("ROW(%s)", columns + 2);
	}
	search.store = result_store(fcinfo, &search.desc);
	if (PG_ARGISNULL(3) || !answer_query(PG_GETARG_DATUM(3), get_fn_expr_argtype(fcinfo->flinfo, 3), &search.type, &search.query))
		return (Datum) 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer_source_check(&search.source, true);
	dml_push_later_snapshot();
	for (limit = (int64) search.k * ROWS_FIRST; !read_nearest(&search, limit); limit *= GROWTH)
		;
	PopActiveSnapshot();
	SPI_finish();
	return (Datum) 0;
}
