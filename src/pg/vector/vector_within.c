/*
 * vector_within.c
 *	  Whether a vector is within a radius of another: functions of three arguments for users,
 *	  and operators with a ball for indexes, which know operators only.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"

#include "ann/distance.h"
#include "vector/vector.h"

PG_FUNCTION_INFO_V1(dml_within);
PG_FUNCTION_INFO_V1(dml_within_cosine);
PG_FUNCTION_INFO_V1(dml_ball);
PG_FUNCTION_INFO_V1(dml_in_ball);
PG_FUNCTION_INFO_V1(dml_in_ball_cosine);

void
dml_check_radius(double radius)
{
	if (isnan(radius))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a radius must be a number, not NaN")));
}

bool
dml_ball_parts(HeapTupleHeader ball, Datum *center, double *radius)
{
	bool		isnull[2];
	Datum		value;

	*center = GetAttributeByNum(ball, 1, &isnull[0]);
	value = GetAttributeByNum(ball, 2, &isnull[1]);
	if (isnull[0] || isnull[1])
		return false;
	*radius = DatumGetFloat8(value);
	dml_check_radius(*radius);
	return true;
}

/* A distance from a zero vector can be NaN, and is not within any radius. */
static bool
within(const DmlVector *a, const DmlVector *b, double radius, DmlKernel kernel)
{
	dml_vector_check_beside(a, b);
	dml_check_radius(radius);
	return kernel(a->x, b->x, a->dim) <= radius;
}

static bool
within_arguments(FunctionCallInfo fcinfo, DmlKernel kernel)
{
	DmlVector  *a = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *b = PG_GETARG_DML_VECTOR_P(1);
	bool		result = within(a, b, PG_GETARG_FLOAT8(2), kernel);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* dml_within(dml_vector, dml_vector, double precision) */
Datum
dml_within(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(within_arguments(fcinfo, distance_l2));
}

/* dml_within_cosine(dml_vector, dml_vector, double precision) */
Datum
dml_within_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(within_arguments(fcinfo, distance_cosine));
}

/* dml_ball(dml_vector, double precision), and of raw input: a composite of center and radius */
Datum
dml_ball(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	bool		nulls[2] = {false, false};

	dml_check_radius(PG_GETARG_FLOAT8(1));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a ball is a composite");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static Datum
in_ball(FunctionCallInfo fcinfo, DmlKernel kernel)
{
	DmlVector  *a = PG_GETARG_DML_VECTOR_P(0);
	Datum		center;
	double		radius;

	if (!dml_ball_parts(PG_GETARG_HEAPTUPLEHEADER(1), &center, &radius))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(within(a, DatumGetDmlVectorP(center), radius, kernel));
}

/* dml_in_ball(dml_vector, dml_ball), <->@ */
Datum
dml_in_ball(PG_FUNCTION_ARGS)
{
	return in_ball(fcinfo, distance_l2);
}

/* dml_in_ball_cosine(dml_vector, dml_ball), <=>@ */
Datum
dml_in_ball_cosine(PG_FUNCTION_ARGS)
{
	return in_ball(fcinfo, distance_cosine);
}
