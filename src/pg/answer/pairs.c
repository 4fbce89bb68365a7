/*
 * pairs.c
 *	  dml_pairs: all pairs of rows within a radius.
 */
#include "compat.h"

#include "utils/memutils.h"

#include "answer/links.h"
#include "call/arguments.h"
#include "call/result_store.h"

#define ONE_HINT	"SELECT * FROM dml_pairs('table', 'embedding column', within => 0.1);"
#define TWO_HINT	"SELECT * FROM dml_pairs('table a', 'embedding column of a', 'table b', 'embedding column of b', within => 0.1);"

PG_FUNCTION_INFO_V1(dml_pairs_one);
PG_FUNCTION_INFO_V1(dml_pairs_two);

typedef struct PairStore
{
	LinkSearch *search;
	Tuplestorestate *store;
	TupleDesc	desc;
} PairStore;

/* LinkSearch.take */
static void
store_pair(void *state, Datum a, Datum b, double distance)
{
	PairStore  *pairs = state;
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = answer_key_result(&pairs->search->key[0], a);
	values[1] = answer_key_result(&pairs->search->key[1], b);
	values[2] = Float8GetDatum(distance);
	tuplestore_putvalues(pairs->store, pairs->desc, values, nulls);
}

static Datum
find_pairs(FunctionCallInfo fcinfo, LinkSearch *search)
{
	PairStore	pairs = {.search = search};

	pairs.store = result_store(fcinfo, &pairs.desc);
	search->function = ANSWER_PAIRS;
	search->take = store_pair;
	search->state = &pairs;
	links_find(search);
	return (Datum) 0;
}

/* dml_pairs(source, embedding, within, key, metric) */
Datum
dml_pairs_one(PG_FUNCTION_ARGS)
{
	LinkSearch	search = {0};

	links_arguments(fcinfo, &search, ONE_HINT);
	return find_pairs(fcinfo, &search);
}

/* dml_pairs(source_a, embedding_a, source_b, embedding_b, within, key_a, key_b, metric) */
Datum
dml_pairs_two(PG_FUNCTION_ARGS)
{
	LinkSearch	search = {0};

	search.of[0] = (LinkSource) {text_argument(fcinfo, 0), text_argument(fcinfo, 1), text_argument(fcinfo, 5), "key_a"};
	search.of[1] = (LinkSource) {text_argument(fcinfo, 2), text_argument(fcinfo, 3), text_argument(fcinfo, 6), "key_b"};
	need_argument(search.of[0].source, "source_a", TWO_HINT);
	need_argument(search.of[0].embedding, "embedding_a", TWO_HINT);
	need_argument(search.of[1].source, "source_b", TWO_HINT);
	need_argument(search.of[1].embedding, "embedding_b", TWO_HINT);
	search.within = links_radius(fcinfo, 4);
	search.metric = answer_metric(text_argument(fcinfo, 7));
	return find_pairs(fcinfo, &search);
}
