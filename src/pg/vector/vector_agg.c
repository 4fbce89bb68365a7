/*
 * vector_agg.c
 *	  sum and avg of dml_vector, summed in double precision, also by parallel workers.
 */
#include "compat.h"

#include "vector/vector.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"

PG_FUNCTION_INFO_V1(dml_vector_accum);
PG_FUNCTION_INFO_V1(dml_vector_combine);
PG_FUNCTION_INFO_V1(dml_vector_serialize);
PG_FUNCTION_INFO_V1(dml_vector_deserialize);
PG_FUNCTION_INFO_V1(dml_vector_sum);
PG_FUNCTION_INFO_V1(dml_vector_avg);

typedef struct SumState
{
	int			dim;
	uint64		space;
	int64		count;			/* number of vectors added */
	float8		sum[FLEXIBLE_ARRAY_MEMBER];
} SumState;

static SumState *
new_state(MemoryContext context, int dim, uint64 space)
{
	SumState   *state = MemoryContextAllocZero(context, offsetof(SumState, sum) + sizeof(float8) * dim);

	state->dim = dim;
	state->space = space;
	return state;
}

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/* Raise the error of dml_vector_check_same unless a vector of these dims and space can be added. */
static void
check_state(const SumState *state, int dim, uint64 space)
{
	DmlVector	seen = {.dim = state->dim,.space = state->space};
	DmlVector	next = {.dim = dim,.space = space};

	dml_vector_check_same(&seen, &next);
}

/* dml_vector_accum(internal, dml_vector): NULL vectors are skipped */
Datum
dml_vector_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	SumState   *state = PG_ARGISNULL(0) ? NULL : (SumState *) PG_GETARG_POINTER(0);
	DmlVector  *v;

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	v = PG_GETARG_DML_VECTOR_P(1);
	if (state == NULL)
		state = new_state(context, v->dim, v->space);
	check_state(state, v->dim, v->space);
	for (int i = 0; i < v->dim; i++)
		state->sum[i] += v->x[i];
	state->count++;
	PG_RETURN_POINTER(state);
}

/* dml_vector_combine(internal, internal) */
Datum
dml_vector_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	SumState   *state = PG_ARGISNULL(0) ? NULL : (SumState *) PG_GETARG_POINTER(0);
	SumState   *other = PG_ARGISNULL(1) ? NULL : (SumState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = new_state(context, other->dim, other->space);
	check_state(state, other->dim, other->space);
	for (int i = 0; i < state->dim; i++)
		state->sum[i] += other->sum[i];
	state->count += other->count;
	PG_RETURN_POINTER(state);
}

/* dml_vector_serialize(internal) */
Datum
dml_vector_serialize(PG_FUNCTION_ARGS)
{
	SumState   *state;
	StringInfoData buf;

	(void) aggregate_context(fcinfo);
	state = (SumState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buf);
	pq_sendint32(&buf, state->dim);
	pq_sendint64(&buf, state->space);
	pq_sendint64(&buf, state->count);
	for (int i = 0; i < state->dim; i++)
		pq_sendfloat8(&buf, state->sum[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* dml_vector_deserialize(bytea, internal) */
Datum
dml_vector_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes;
	StringInfoData buf;
	SumState   *state;
	int			dim;
	uint64		space;

	(void) aggregate_context(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(0);
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	dim = pq_getmsgint(&buf, 4);
	space = pq_getmsgint64(&buf);
	if (dim < 1 || dim > DML_MAX_DIM)
		elog(ERROR, "invalid state of an aggregate of dml_vector");
	state = new_state(CurrentMemoryContext, dim, space);
	state->count = pq_getmsgint64(&buf);
	for (int i = 0; i < dim; i++)
		state->sum[i] = pq_getmsgfloat8(&buf);
	pq_getmsgend(&buf);
	pfree(buf.data);
	PG_RETURN_POINTER(state);
}

/* The sums divided by a number, as a vector of their space. */
static Datum
divided(const SumState *state, float8 divisor)
{
	DmlVector  *result = dml_vector_new(state->dim, state->space);

	for (int i = 0; i < state->dim; i++)
		result->x[i] = (float4) (state->sum[i] / divisor);
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}

/* Final function of sum(dml_vector); NULL for no rows */
Datum
dml_vector_sum(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return divided((SumState *) PG_GETARG_POINTER(0), 1);
}

/* Final function of avg(dml_vector); NULL for no rows */
Datum
dml_vector_avg(PG_FUNCTION_ARGS)
{
	SumState   *state;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SumState *) PG_GETARG_POINTER(0);
	return divided(state, (float8) state->count);
}
