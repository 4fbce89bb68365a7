/*
 * groups.c
 *	  dml_groups and dml_duplicates: connected components of pairs.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/plancache.h"

#include "answer/key_groups.h"
#include "answer/links.h"
#include "call/arguments.h"
#include "call/result_store.h"
#include "read/feature.h"
#include "read/query.h"
#include "read/source.h"

#define DUPLICATES_HINT	"SELECT * FROM dml_duplicates('table', 'embedding column', within => 0.1);"
#define GROUPS_HINT		"SELECT * FROM dml_groups('table or query of pairs', a => 'column', b => 'column');"

PG_FUNCTION_INFO_V1(dml_duplicates);
PG_FUNCTION_INFO_V1(dml_groups);

/* ---------- dml_duplicates ---------- */

typedef struct Duplicates
{
	LinkSearch *search;
	MemoryContext context;
	KeyGroups  *groups;			/* NULL until there is a pair */
} Duplicates;

/* LinkSearch.take */
static void
take_link(void *state, Datum a, Datum b, double distance)
{
	Duplicates *duplicates = state;

	if (duplicates->groups == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(duplicates->context);

		duplicates->groups = key_groups_new(&duplicates->search->key[0], duplicates->search->rows);
		MemoryContextSwitchTo(old);
	}
	key_groups_link(duplicates->groups, a, b);
}

/* dml_duplicates(source, embedding, within, key, metric) */
Datum
dml_duplicates(PG_FUNCTION_ARGS)
{
	LinkSearch	search = {.function = ANSWER_DUPLICATES,.take = take_link};
	Duplicates	duplicates = {&search, CurrentMemoryContext, NULL};
	TupleDesc	desc;
	Tuplestorestate *store = result_store(fcinfo, &desc);

	links_arguments(fcinfo, &search, DUPLICATES_HINT);
	search.state = &duplicates;
	links_find(&search);
	if (duplicates.groups != NULL)
		key_groups_store(duplicates.groups, store, desc);
	return (Datum) 0;
}

/* ---------- dml_groups ---------- */

typedef struct PairReader
{
	AnswerKey	key;
	KeyGroups  *groups;
} PairReader;

/* DmlQueryReader.check */
static void
check_pairs(void *state, const CachedPlanSource *source)
{
	dml_query_check_targets(source, "a and b");
}

/* DmlQueryReader.take */
static void
take_pair(void *state, Datum *values, bool *nulls)
{
	PairReader *reader = state;

	if (nulls[0] && nulls[1])
		return;
	key_groups_link(reader->groups, values[nulls[0] ? 1 : 0], values[nulls[1] ? 0 : 1]);
}

/* DmlQueryReader.progress */
static void
report_pairs(void *ctx, int64 rows)
{
	PairReader *reader = ctx;

	answer_progress(rows, key_groups_count(reader->groups));
}

/* The types of two expressions over a source. */
static void
expression_types(const char *a, const char *b, const char *from, Oid *types)
{
	SPIPlanPtr	plan;
	CachedPlanSource *source;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(psprintf("SELECT %s\n, %s\nFROM %s", a, b, from), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	source = linitial(SPI_plan_get_plan_sources(plan));
	check_pairs(NULL, source);
	for (int i = 0; i < 2; i++)
		types[i] = TupleDescAttr(source->resultDesc, i)->atttypid;
	SPI_finish();
}

/* dml_groups(source, a, b) */
Datum
dml_groups(PG_FUNCTION_ARGS)
{
	char	   *source = text_argument(fcinfo, 0);
	char	   *a = text_argument(fcinfo, 1);
	char	   *b = text_argument(fcinfo, 2);
	PairReader	pairs;
	DmlQueryReader reader = {.check = check_pairs,.take = take_pair,.state = &pairs,.progress = report_pairs,.ctx = &pairs};
	TupleDesc	desc;
	Tuplestorestate *store = result_store(fcinfo, &desc);
	Oid			types[2];
	char	   *from;

	need_argument(source, "source", GROUPS_HINT);
	need_argument(a, "a", GROUPS_HINT);
	need_argument(b, "b", GROUPS_HINT);
	a = dml_expression_parse(a, "a")->text;
	b = dml_expression_parse(b, "b")->text;
	from = dml_source_from(source);
	expression_types(a, b, from, types);
	answer_key_settle(&pairs.key, types[0] == types[1] ? types[0] : TEXTOID);
	pairs.groups = key_groups_new(&pairs.key, 0);
	answer_progress_start(ANSWER_GROUPS, source, 0);
	dml_query_read(psprintf("SELECT %s, %s FROM %s", answer_key_sql(&pairs.key, a), answer_key_sql(&pairs.key, b), from), &reader);
	key_groups_store(pairs.groups, store, desc);
	answer_progress_end();
	return (Datum) 0;
}
