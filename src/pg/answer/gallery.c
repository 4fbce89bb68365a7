/*
 * gallery.c
 *	  The rows of a gallery, which is read once, and questions, which come through a cursor and are
 *	  answered a chunk at a time.
 */
#include "compat.h"

#include "answer/gallery.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "dml.h"
#include "learn/cluster/nearest.h"

#define LEAST_CHUNK		256		/* questions, unless their vectors alone exceed work_mem */
#define MOST_CHUNK		16384
#define FIRST_ROOM		1024

/* ---------- the gallery ---------- */

/* Memory of texts and their numbers, given that of the texts alone. */
static size_t
gallery_memory(const Gallery *gallery, size_t texts)
{
	return texts + sizeof(int32) * (gallery->room + 2 * answer_rows_added(gallery->gathered));
}

/*
 * AnswerTake.  Beyond work_mem, texts are only counted, for the error that says how much is needed.
 */
static void
take_gallery_row(void *state, Datum embedding, bool isnull, const char *text)
{
	Gallery    *gallery = state;
	int64		added = answer_rows_added(gallery->gathered);

	if (isnull && gallery->labelled)
		return;
	answer_rows_add(gallery->gathered, isnull ? NULL : DatumGetDmlVectorP(embedding));
	gallery->most_memory += text ? text_set_most(text) : 0;
	if (gallery->full)
		return;
	if (added == gallery->room)
	{
		gallery->room *= 2;
		gallery->text = repalloc_huge(gallery->text, sizeof(int32) * gallery->room);
	}
	gallery->text[added] = text ? text_set_add(gallery->texts, text) : -1;
	gallery->full = gallery_memory(gallery, text_set_memory(gallery->texts)) > (Size) work_mem * 1024;
}

void
gallery_read(Gallery *gallery, AnswerSource *source, bool labelled)
{
	LearnEnv   *env;

	*gallery = (Gallery) {.labelled = labelled};
	gallery->gathered = answer_rows_begin(CLUSTER_L2, false);
	gallery->texts = text_set_new();
	gallery->room = FIRST_ROOM;
	gallery->text = palloc(sizeof(int32) * gallery->room);
	answer_source_read(source, true, labelled, take_gallery_row, gallery);
	if (gallery->full)
	{
		gallery->room = Max(gallery->room, 2 * answer_rows_added(gallery->gathered));
		answer_check_memory(gallery_memory(gallery, gallery->most_memory),
							psprintf("the %s of %lld rows", source->other_what, (long long) answer_rows_added(gallery->gathered)));
	}
	env = dml_learn_env(0);
	gallery->rows = answer_rows_finish(gallery->gathered, env, &gallery->origin);
	MemoryContextDelete(GetMemoryChunkContext(env));
	(void) answer_rows_space(gallery->gathered, &gallery->space);
}

int32 *
gallery_ranks(const Gallery *gallery)
{
	const int32 *rank = text_set_ranks(gallery->texts);
	int32	   *result = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(gallery->rows->n, 1));

	for (int64 i = 0; i < gallery->rows->n; i++)
		result[i] = rank[gallery->text[gallery->origin[i]]];
	return result;
}

/* ---------- questions ---------- */

/* A chunk of questions. */
typedef struct Chunk
{
	NearestTask task;			/* query: room x d */
	uint64		space;
	Oid			type;			/* of questions */
	LearnEnv   *env;
	QuestionTake take;
	void	   *state;

	MemoryContext context;		/* of the keys; reset after each chunk */
	char	  **key;			/* NULL for a NULL key */
	int32	   *place;			/* the question's vector; -1: it is NULL */
	float4	   *x;
	int			room;
	int			n;				/* questions that wait for an answer */
	int32	   *row;			/* what nearest_rows() finds */
	double	   *distance;
} Chunk;

/* Answer the questions that wait. */
static void
answer_chunk(Chunk *chunk)
{
	int			k = nearest_count(&chunk->task);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "dml answer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	if (k > 0)
		dml_learn_check(chunk->env, nearest_rows(chunk->env, &chunk->task, chunk->row, chunk->distance));
	old = MemoryContextSwitchTo(row_context);
	for (int i = 0; i < chunk->n; i++)
	{
		int64		place = Max(chunk->place[i], 0);

		CHECK_FOR_INTERRUPTS();
		chunk->take(chunk->state, chunk->key[i], chunk->row + place * k, chunk->distance + place * k, chunk->place[i] < 0 ? 0 : k);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
	chunk->n = chunk->task.nq = 0;
	MemoryContextReset(chunk->context);
}

/* AnswerTake */
static void
take_question(void *state, Datum value, bool isnull, const char *text)
{
	Chunk	   *chunk = state;
	int			d = chunk->task.d;
	const DmlVector *vector = NULL;

	if (chunk->task.n == 0 && !isnull)
	{
		Oid			type;
		Datum		query;

		(void) answer_query(value, chunk->type, &type, &query);
	}
	else if (!isnull)
		vector = answer_query_vector(value, chunk->type, chunk->space, d);
	chunk->key[chunk->n] = text ? MemoryContextStrdup(chunk->context, text) : NULL;
	chunk->place[chunk->n] = vector ? (int32) chunk->task.nq : -1;
	if (vector)
		memcpy(chunk->x + chunk->task.nq++ * d, vector->x, sizeof(float4) * d);
	if (++chunk->n == chunk->room)
		answer_chunk(chunk);
}

void
questions_answer(AnswerSource *questions, const ClusterRows *rows, uint64 space, const int32 *rank,
				 int k, QuestionTake take, void *state)
{
	Chunk		chunk = {.space = space,.take = take,.state = state,
	.task = {.gallery = rows->x,.n = rows->n,.d = rows->d,.k = k,.rank = rank}};
	int			found = nearest_count(&chunk.task);
	size_t		size = sizeof(float4) * rows->d + (sizeof(int32) + sizeof(double)) * found + 64;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer_source_check(questions, false);
	SPI_finish();
	chunk.type = questions->type;
	chunk.room = (int) Min(Max((int64) ((Size) work_mem * 1024 / 2 / size), LEAST_CHUNK), MOST_CHUNK);
	chunk.context = AllocSetContextCreate(CurrentMemoryContext, "dml questions", ALLOCSET_DEFAULT_SIZES);
	chunk.key = palloc(sizeof(char *) * chunk.room);
	chunk.place = palloc(sizeof(int32) * chunk.room);
	chunk.task.query = chunk.x = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float4) * chunk.room * Max(rows->d, 1));
	chunk.row = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * chunk.room * Max(found, 1));
	chunk.distance = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * chunk.room * Max(found, 1));
	chunk.env = dml_learn_env(0);
	chunk.env->threads = dml_thread_count();
	answer_source_read(questions, false, false, take_question, &chunk);
	if (chunk.n > 0)
		answer_chunk(&chunk);
	MemoryContextDelete(GetMemoryChunkContext(chunk.env));
	MemoryContextDelete(chunk.context);
}
