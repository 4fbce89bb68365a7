/*
 * classify_all.c
 *	  dml_classify_all and dml_match_all: answers to many questions, with one reading of the
 *	  gallery.
 *
 * The gallery is read into memory or a file.  Questions come through a cursor and are answered a
 * chunk at a time, by learn/cluster/nearest.h.  Distances, the order of equally distant rows and
 * the vote are those of dml_classify, so the answers are, too.
 */
#include "compat.h"

#include <math.h>

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "answer/answer_rows.h"
#include "answer/answer_source.h"
#include "answer/text_set.h"
#include "answer/vote.h"
#include "call/arguments.h"
#include "call/result_store.h"
#include "dml.h"
#include "learn/cluster/nearest.h"
#include "model/model.h"

#define LEAST_CHUNK		256		/* questions, unless their vectors alone exceed work_mem */
#define MOST_CHUNK		16384
#define MOST_COLUMNS	5

#define CLASSIFY_HINT	"SELECT * FROM dml_classify_all('gallery table', 'embedding column', 'label column', 'table of questions', 'vector column', key => 'id column');"
#define MATCH_HINT		"SELECT * FROM dml_match_all('gallery table', 'embedding column', 'id column', 'table of questions', 'vector column', key => 'id column');"

PG_FUNCTION_INFO_V1(dml_classify_all);
PG_FUNCTION_INFO_V1(dml_match_all);

/* The rows that answer. */
typedef struct Gallery
{
	AnswerRows *gathered;
	const ClusterRows *rows;
	uint64		space;
	TextSet    *labels;
	int32	   *label;			/* by row: the label's number */
	int32	   *rank;			/* by row: the place of its label among all labels */
	int64		room;			/* of label while the rows are read */
	size_t		most_memory;	/* what the texts take if no two are equal */
	bool		full;			/* labels do not fit into work_mem */
} Gallery;

typedef struct Answering
{
	Gallery    *gallery;
	VoteRule	rule;
	bool		matches;		/* dml_match_all: no votes, unless far away the nearest row */
	Oid			type;			/* of questions */
	LearnEnv   *env;
	Tuplestorestate *store;
	TupleDesc	desc;

	MemoryContext chunk_context;	/* of the keys; reset after each chunk */
	char	  **key;			/* chunk: NULL for a NULL key */
	int32	   *place;			/* chunk: the question's vector; -1: it is NULL */
	float4	   *x;				/* chunk x d */
	int			chunk;
	int			n;				/* questions that wait for an answer */
	int			n_vectors;
	int32	   *row;			/* what nearest_rows() finds */
	double	   *distance;
} Answering;

/* ---------- the gallery ---------- */

/* Memory of labels, given that of their texts, while they are put into the order of the rows. */
static size_t
gallery_memory(const Gallery *gallery, size_t texts)
{
	return texts + sizeof(int32) * (gallery->room + 2 * answer_rows_added(gallery->gathered));
}

/*
 * AnswerTake.  Beyond work_mem, labels are only counted, for the error that says how much is
 * needed.
 */
static void
take_gallery_row(void *state, Datum embedding, bool isnull, const char *text)
{
	Gallery    *gallery = state;
	int64		added = answer_rows_added(gallery->gathered);

	if (isnull)
		return;
	answer_rows_add(gallery->gathered, DatumGetDmlVectorP(embedding));
	gallery->most_memory += text_set_most(text);
	if (gallery->full)
		return;
	if (added == gallery->room)
	{
		gallery->room *= 2;
		gallery->label = repalloc_huge(gallery->label, sizeof(int32) * gallery->room);
	}
	gallery->label[added] = text_set_add(gallery->labels, text);
	gallery->full = gallery_memory(gallery, text_set_memory(gallery->labels)) > (Size) work_mem * 1024;
}

/* Read the gallery, in the order of its content. */
static void
read_gallery(Gallery *gallery, AnswerSource *source)
{
	LearnEnv   *env;
	const int32 *origin;
	const int32 *rank;
	int32	   *label;

	gallery->gathered = answer_rows_begin(CLUSTER_L2, false);
	gallery->labels = text_set_new();
	gallery->room = 1024;
	gallery->label = palloc(sizeof(int32) * gallery->room);
	answer_source_read(source, true, true, take_gallery_row, gallery);
	if (gallery->full)
	{
		gallery->room = Max(gallery->room, 2 * answer_rows_added(gallery->gathered));
		answer_check_memory(gallery_memory(gallery, gallery->most_memory),
							psprintf("the %s of %lld rows", source->other_what, (long long) answer_rows_added(gallery->gathered)));
	}
	env = dml_learn_env(0);
	gallery->rows = answer_rows_finish(gallery->gathered, env, &origin);
	MemoryContextDelete(GetMemoryChunkContext(env));
	(void) answer_rows_space(gallery->gathered, &gallery->space);

	rank = text_set_ranks(gallery->labels);
	label = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(gallery->rows->n, 1));
	gallery->rank = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(gallery->rows->n, 1));
	for (int64 i = 0; i < gallery->rows->n; i++)
	{
		label[i] = gallery->label[origin[i]];
		gallery->rank[i] = rank[label[i]];
	}
	pfree(gallery->label);
	gallery->label = label;
}

/* ---------- questions ---------- */

/* The row of the result for question i of the chunk, whose nearest rows are given; n may be 0. */
static void
put_answer(Answering *a, int i, const int32 *row, const double *distance, int n)
{
	Datum		values[MOST_COLUMNS] = {0};
	bool		nulls[MOST_COLUMNS] = {false, true, true, true, true};
	int			column = 0;

	nulls[column] = a->key[i] == NULL;
	if (a->key[i])
		values[column] = CStringGetTextDatum(a->key[i]);
	column++;
	if (n > 0)
	{
		int32		label[MAX_NEIGHBOURS];
		double		confidence;
		int32		winner;

		for (int j = 0; j < n; j++)
			label[j] = a->gallery->label[row[j]];
		winner = vote_winner(&a->rule, label, distance, n, &confidence);
		nulls[column] = vote_unknown(&a->rule, distance[0], confidence);
		values[column++] = CStringGetTextDatum(text_set_get(a->gallery->labels, winner));
		if (!a->matches)
		{
			nulls[column] = false;
			values[column++] = Float8GetDatum(confidence);
		}
		nulls[column] = false;
		values[column] = Float8GetDatum(distance[0]);
	}
	if (!a->matches)
	{
		nulls[4] = false;
		values[4] = Int32GetDatum(n);
	}
	tuplestore_putvalues(a->store, a->desc, values, nulls);
}

/* Answer the questions that wait. */
static void
answer_chunk(Answering *a)
{
	const ClusterRows *rows = a->gallery->rows;
	NearestTask task = {.query = a->x,.nq = a->n_vectors,.gallery = rows->x,.n = rows->n,.d = rows->d,.k = a->rule.k,.rank = a->gallery->rank};
	int			k = nearest_count(&task);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "dml answer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	if (k > 0)
		dml_learn_check(a->env, nearest_rows(a->env, &task, a->row, a->distance, NULL, NULL));
	old = MemoryContextSwitchTo(row_context);
	for (int i = 0; i < a->n; i++)
	{
		int64		place = a->place[i];

		CHECK_FOR_INTERRUPTS();
		put_answer(a, i, a->row + place * k, a->distance + place * k, place < 0 ? 0 : k);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
	a->n = a->n_vectors = 0;
	MemoryContextReset(a->chunk_context);
}

/* AnswerTake */
static void
take_question(void *state, Datum value, bool isnull, const char *text)
{
	Answering  *a = state;
	const ClusterRows *rows = a->gallery->rows;
	const DmlVector *vector = NULL;

	if (rows->n == 0 && !isnull)
	{
		Oid			type;
		Datum		query;

		(void) answer_query(value, a->type, &type, &query);
	}
	else if (!isnull)
		vector = answer_query_vector(value, a->type, a->gallery->space, rows->d);
	a->key[a->n] = text ? MemoryContextStrdup(a->chunk_context, text) : NULL;
	a->place[a->n] = vector ? a->n_vectors : -1;
	if (vector)
		memcpy(a->x + (int64) a->n_vectors++ * rows->d, vector->x, sizeof(float4) * rows->d);
	if (++a->n == a->chunk)
		answer_chunk(a);
}

/* How many questions are answered at once: their vectors and answers take half of work_mem. */
static int
chunk_size(const Gallery *gallery, int k)
{
	size_t		question = sizeof(float4) * gallery->rows->d + (sizeof(int32) + sizeof(double)) * k + 64;
	int64		chunk = (int64) ((Size) work_mem * 1024 / 2 / question);

	return (int) Min(Max(chunk, LEAST_CHUNK), MOST_CHUNK);
}

static void
answer_all(Answering *a, AnswerSource *questions)
{
	int			k = (int) Min(a->rule.k, a->gallery->rows->n);
	MemoryContext old = CurrentMemoryContext;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer_source_check(questions, false);
	SPI_finish();
	MemoryContextSwitchTo(old);
	a->type = questions->type;
	a->chunk = chunk_size(a->gallery, k);
	a->chunk_context = AllocSetContextCreate(CurrentMemoryContext, "dml questions", ALLOCSET_DEFAULT_SIZES);
	a->key = palloc(sizeof(char *) * a->chunk);
	a->place = palloc(sizeof(int32) * a->chunk);
	a->x = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float4) * a->chunk * Max(a->gallery->rows->d, 1));
	a->row = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * a->chunk * Max(k, 1));
	a->distance = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * a->chunk * Max(k, 1));
	a->env = dml_learn_env(0);
	a->env->threads = dml_thread_count();
	answer_source_read(questions, false, false, take_question, a);
	if (a->n > 0)
		answer_chunk(a);
	MemoryContextDelete(GetMemoryChunkContext(a->env));
}

/* ---------- the functions ---------- */

/* What both have: the gallery (arguments 0 to 2), the questions (3 to 5). */
static void
read_sources(FunctionCallInfo fcinfo, const char *label_name, const char *hint, AnswerSource *gallery, AnswerSource *questions)
{
	char	   *text[6];
	const char *const names[] = {"source", "embedding", label_name, "questions", "query"};

	for (int i = 0; i < lengthof(text); i++)
		text[i] = text_argument(fcinfo, i);
	for (int i = 0; i < lengthof(names); i++)
		need_argument(text[i], names[i], hint);
	*gallery = answer_source(text[0], text[1], "embedding", text[2], label_name);
	*questions = answer_source(text[3], text[4], "query", text[5] ? text[5] : answer_source_key(text[3], "key", hint), "key");
}

/*
 * dml_classify_all(source, embedding, label, questions, query, key, k, max_distance,
 * min_confidence, weights)
 */
Datum
dml_classify_all(PG_FUNCTION_ARGS)
{
	Gallery		gallery = {0};
	Answering	a = {.gallery = &gallery};
	AnswerSource source;
	AnswerSource questions;

	a.rule = vote_rule(fcinfo, 6);
	read_sources(fcinfo, "label", CLASSIFY_HINT, &source, &questions);
	a.store = result_store(fcinfo, &a.desc);
	read_gallery(&gallery, &source);
	answer_all(&a, &questions);
	answer_rows_end(gallery.gathered);
	return (Datum) 0;
}

/* The calibrated threshold of the version that made the gallery's vectors. */
static double
calibrated_threshold(const Gallery *gallery)
{
	const DmlVersion *version;
	double		threshold;

	if (gallery->rows->n == 0)
		return INFINITY;
	if (gallery->space == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("max_distance must be given"),
				 errdetail("Only a model has a calibrated threshold, and the vectors are plain ones.")));
	version = dml_version_calibrated(gallery->space);
	if (!dml_calibration_find(version, &threshold))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" is not calibrated", version->number, version->name),
				 errhint("Give max_distance, or calibrate: SELECT * FROM dml_calibrate(%s, 'table or query', label => 'column', false_accept_rate => 0.001);",
						 quote_literal_cstr(dml_version_reference(version)))));
	return threshold;
}

/* dml_match_all(source, embedding, id, questions, query, key, max_distance) */
Datum
dml_match_all(PG_FUNCTION_ARGS)
{
	Gallery		gallery = {0};
	Answering	a = {.gallery = &gallery,.rule = {.k = 1},.matches = true};
	AnswerSource source;
	AnswerSource questions;

	a.rule.max_distance = PG_ARGISNULL(6) ? NAN : PG_GETARG_FLOAT8(6);
	if (!PG_ARGISNULL(6))
		vote_check_distance(a.rule.max_distance);
	read_sources(fcinfo, "id", MATCH_HINT, &source, &questions);
	a.store = result_store(fcinfo, &a.desc);
	read_gallery(&gallery, &source);
	if (PG_ARGISNULL(6))
		a.rule.max_distance = calibrated_threshold(&gallery);
	answer_all(&a, &questions);
	answer_rows_end(gallery.gathered);
	return (Datum) 0;
}
