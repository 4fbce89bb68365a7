/*
 * answer_rows.c
 *	  Embeddings gathered from many rows as one matrix.
 *
 * In memory, rows are ordered in place.  What went to a file is read by its mapping in the new
 * order, and written to a second file.
 */
#include "compat.h"

#include "answer/answer_rows.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "call/float_store.h"

#define FIRST_ROWS		64

struct AnswerRows
{
	MemoryContext context;
	ClusterRows rows;
	bool		directions;
	uint64		space;
	int64		added;			/* rows, those without an embedding included */
	float4	   *x;				/* in memory; NULL: in the file */
	int64		room;			/* rows */
	FloatStore *file;
	float4	   *scaled;			/* d: scratch */
	int32	   *origin;
	int64		origin_room;
};

AnswerRows *
answer_rows_begin(ClusterMetric metric, bool directions)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml rows", ALLOCSET_DEFAULT_SIZES);
	AnswerRows *rows = MemoryContextAllocZero(context, sizeof(AnswerRows));

	rows->context = context;
	rows->rows.metric = metric;
	rows->directions = directions;
	return rows;
}

/* The first vector decides on space and dimensions. */
static void
check_vector(AnswerRows *rows, const DmlVector *vector)
{
	if (rows->rows.n == 0)
	{
		rows->rows.d = vector->dim;
		rows->space = vector->space;
		rows->scaled = MemoryContextAlloc(rows->context, sizeof(float4) * vector->dim);
	}
	else if (vector->dim != rows->rows.d || vector->space != rows->space)
	{
		DmlVector  *first = dml_vector_new(rows->rows.d, rows->space);

		dml_vector_check_same(first, vector);
	}
}

/* Move what is in memory to a file. */
static void
spill(AnswerRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	size_t		floats = (size_t) rows->rows.n * rows->rows.d;

	rows->file = float_store_new(SIZE_MAX, true);
	MemoryContextSwitchTo(old);
	float_store_append(rows->file, rows->x, floats);
	pfree(rows->x);
	rows->x = NULL;
}

/* An array in rows->context with room for more elements. */
static void *
grow(AnswerRows *rows, void *array, int64 room, size_t size)
{
	return array == NULL ? MemoryContextAllocHuge(rows->context, room * size) : repalloc_huge(array, room * size);
}

static void
store(AnswerRows *rows, const float4 *x)
{
	size_t		row_size = sizeof(float4) * rows->rows.d;

	if (rows->file == NULL && rows->rows.n == rows->room)
	{
		int64		room = rows->room == 0 ? FIRST_ROWS : rows->room * 2;
		int64		most = (int64) ((Size) work_mem * 1024 / row_size);

		if (rows->room == 0 || rows->room < most)
		{
			rows->room = rows->room == 0 ? room : Min(room, most);
			rows->x = grow(rows, rows->x, rows->room, row_size);
		}
		else
			spill(rows);
	}
	if (rows->file != NULL)
		float_store_append(rows->file, x, rows->rows.d);
	else
		memcpy(rows->x + rows->rows.n * rows->rows.d, x, row_size);
}

void
answer_rows_add(AnswerRows *rows, const DmlVector *vector)
{
	const float4 *x;

	if (rows->added == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d rows", PG_INT32_MAX)));
	rows->added++;
	if (vector == NULL)
		return;
	check_vector(rows, vector);
	x = vector->x;
	if (rows->rows.metric == CLUSTER_COSINE)
	{
		if (!clusters_direction(vector->x, vector->dim, rows->scaled))
			return;
		if (rows->directions)
			x = rows->scaled;
	}
	if (rows->rows.n == rows->origin_room)
	{
		rows->origin_room = rows->origin_room == 0 ? FIRST_ROWS : rows->origin_room * 2;
		rows->origin = grow(rows, rows->origin, rows->origin_room, sizeof(int32));
	}
	store(rows, x);
	rows->origin[rows->rows.n++] = (int32) (rows->added - 1);
}

/* A file with the rows in this order. */
static void
rewrite(AnswerRows *rows, const int32 *order)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	FloatStore *ordered = float_store_new(SIZE_MAX, true);
	const float4 *x = float_store_map(rows->file);

	MemoryContextSwitchTo(old);
	for (int64 i = 0; i < rows->rows.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		float_store_append(ordered, x + (int64) order[i] * rows->rows.d, rows->rows.d);
	}
	float_store_free(rows->file);
	rows->file = ordered;
}

const ClusterRows *
answer_rows_finish(AnswerRows *rows, LearnEnv *env, const int32 **origin)
{
	int64		n = rows->rows.n;
	ArenaMark	mark = arena_mark(env->arena);
	int32	   *order;
	int32	   *ordered;

	*origin = rows->origin;
	if (n == 0)
		return &rows->rows;
	rows->rows.x = rows->file != NULL ? float_store_map(rows->file) : rows->x;
	order = arena_alloc(env->arena, n, sizeof(int32));
	ordered = MemoryContextAllocHuge(rows->context, sizeof(int32) * n);
	if (order == NULL)
		dml_learn_check(env, learn_fail(env, LEARN_NO_MEMORY, "not enough memory to order %lld rows", (long long) n));
	dml_learn_check(env, clusters_order(env, &rows->rows, order));
	if (rows->file != NULL)
	{
		rewrite(rows, order);
		rows->rows.x = float_store_map(rows->file);
	}
	else
		dml_learn_check(env, clusters_arrange(env, rows->x, n, rows->rows.d, order));
	for (int64 i = 0; i < n; i++)
		ordered[i] = rows->origin[order[i]];
	pfree(rows->origin);
	*origin = rows->origin = ordered;
	arena_reset(env->arena, mark);
	return &rows->rows;
}

int64
answer_rows_added(const AnswerRows *rows)
{
	return rows->added;
}

bool
answer_rows_space(const AnswerRows *rows, uint64 *space)
{
	*space = rows->space;
	return rows->rows.n > 0;
}

void
answer_rows_end(AnswerRows *rows)
{
	if (rows->file != NULL)
		float_store_free(rows->file);
	MemoryContextDelete(rows->context);
}

void
answer_check_memory(size_t bytes, const char *what)
{
	size_t		kilobytes = bytes / 1024 + 1;

	if (bytes <= (size_t) work_mem * 1024)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("%s needs %zu kB of memory, and work_mem is %d kB", what, kilobytes, work_mem),
			 errhint("SET work_mem = '%zukB';", kilobytes)));
}
