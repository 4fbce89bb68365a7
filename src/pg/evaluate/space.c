/*
 * space.c
 *	  Selections of rows, and their vectors in a space.
 */
#include "compat.h"

#include "evaluate/space.h"
#include "learn/classical/linear.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define BATCH_ROWS		256

void *
huge_array(int64 n, size_t size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max((size_t) n, 1) * size);
}

Selection
select_rows(const DmlMatrix *matrix, const bool *taken, bool value)
{
	Selection	result;

	result.matrix = matrix;
	result.n = 0;
	result.index = huge_array(matrix->rows.n, sizeof(int64));
	result.label = huge_array(matrix->rows.n, sizeof(int32));
	for (int64 i = 0; i < matrix->rows.n; i++)
	{
		int32		label = matrix->rows.label[i];

		if (taken != NULL && taken[label] != value)
			continue;
		result.index[result.n] = i;
		result.label[result.n] = label;
		result.n++;
	}
	return result;
}

uint64 *
select_hashes(const Selection *selection)
{
	uint64	   *hash = huge_array(selection->n, sizeof(uint64));

	for (int64 i = 0; i < selection->n; i++)
		hash[i] = selection->matrix->row_hash[selection->index[i]];
	return hash;
}

void
select_to_front(Selection *selection, int64 max)
{
	int64	   *index = huge_array(selection->n, sizeof(int64));
	int32	   *label = huge_array(selection->n, sizeof(int32));
	int64		front = 0;
	int64		back = max;

	for (int64 i = 0; i < selection->n; i++)
	{
		bool		chosen = front < max && i == (int64) ((double) front * selection->n / max);
		int64		to = chosen ? front++ : back++;

		index[to] = selection->index[i];
		label[to] = selection->label[i];
	}
	pfree(selection->index);
	pfree(selection->label);
	selection->index = index;
	selection->label = label;
}

Selection
select_spread(const DmlMatrix *matrix, int64 max)
{
	int64		n = Min(matrix->rows.n, max);
	Selection	result = {matrix, n, huge_array(n, sizeof(int64)), NULL};

	for (int64 i = 0; i < n; i++)
		result.index[i] = (int64) ((double) i * matrix->rows.n / n);
	return result;
}

Space
space_learned(const DmlVersion *version)
{
	return (Space) {.version = version,.in = version->in,.out = version->out};
}

/* Map n features rows into a space. */
static void
space_apply(LearnEnv *env, const Space *space, const float4 *x, int n, float4 *out, float4 *scratch)
{
	int			bad = -1;

	if (space->version)
	{
		dml_version_embed(space->version, x, n, out);
		return;
	}
	model_embed(space->model, x, n, out, scratch, &bad);
	if (bad >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a row is out of float4's range when %s", space->name),
				 errhint("Scale the features down.")));
}

bool
space_whitened(LearnEnv *env, const Rows *rows, const int64 *index, int64 n, int in, Space *space)
{
	ArenaMark	mark = arena_mark(env->arena);
	LearnStatus status;
	Model	   *model;

	if (in > LINEAR_MAX_WHITENED)
	{
		ereport(NOTICE,
				(errmsg("whitening is left out: there are %d columns, and it takes %d at most", in, LINEAR_MAX_WHITENED)));
		return false;
	}
	status = linear_whiten(env, rows, index, n, 0, &model);
	if (status == LEARN_DATA || status == LEARN_NO_MEMORY)
	{
		arena_reset(env->arena, mark);
		ereport(NOTICE,
				(errmsg("rows cannot be whitened: %s", env->message),
				 status == LEARN_NO_MEMORY ? errhint("Raise maintenance_work_mem.") : 0));
		return false;
	}
	dml_learn_check(env, status);
	*space = (Space) {.model = model,.name = "whitened",.in = in,.out = model_out(model)};
	return true;
}

FloatStore *
space_rows(LearnEnv *env, const Space *space, const Selection *selection, bool in_file)
{
	FloatStore *store = float_store_new((size_t) selection->n * space->out * sizeof(float4), in_file);

	space_append(env, space, &selection->matrix->rows, selection->index, selection->n, store);
	return store;
}

void
space_append(LearnEnv *env, const Space *space, const Rows *rows, const int64 *index, int64 n_rows, FloatStore *store)
{
	float4	   *x = palloc(sizeof(float4) * BATCH_ROWS * space->in);
	float4	   *out = palloc(sizeof(float4) * BATCH_ROWS * space->out);
	float4	   *scratch = NULL;

	if (space->model)
		scratch = MemoryContextAllocHuge(CurrentMemoryContext,
										 sizeof(float4) * Max(model_scratch(space->model, BATCH_ROWS), 1));
	for (int64 i = 0; i < n_rows; i += BATCH_ROWS)
	{
		int			n = (int) Min(n_rows - i, BATCH_ROWS);
		LearnStatus status;

		CHECK_FOR_INTERRUPTS();
		status = rows->fetch(env, rows->ctx, index + i, n, x);
		if (status != LEARN_OK)
			dml_learn_error(env, status);
		space_apply(env, space, x, n, out, scratch);
		float_store_append(store, out, (size_t) n * space->out);
	}
	pfree(x);
	pfree(out);
	if (scratch)
		pfree(scratch);
}

void
space_check_dims(const DmlMatrix *matrix, const DmlVersion *version, const char *source)
{
	if (matrix->rows.d != version->in)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" takes %d numbers, and the rows of \"%s\" have %d",
						version->name, version->in, source, matrix->rows.d),
				 errdetail("The model was trained with the features %s.", version->features)));
}
