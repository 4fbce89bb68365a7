/*
 * vector_arith.c
 *	  Dimensions, norm, parts and arithmetic of dml_vector.
 *
 * Sums, differences and multiples of embeddings are points of their space and keep it.  Elementwise
 * products, parts and concatenations are not, so they give plain vectors.
 */
#include "compat.h"

#include "vector/vector.h"

#include <math.h>

#include "ann/distance.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(dml_dims);
PG_FUNCTION_INFO_V1(dml_space);
PG_FUNCTION_INFO_V1(dml_norm);
PG_FUNCTION_INFO_V1(dml_normalize);
PG_FUNCTION_INFO_V1(dml_subvector);
PG_FUNCTION_INFO_V1(dml_vector_concat);
PG_FUNCTION_INFO_V1(dml_vector_add);
PG_FUNCTION_INFO_V1(dml_vector_sub);
PG_FUNCTION_INFO_V1(dml_vector_mul);
PG_FUNCTION_INFO_V1(dml_vector_neg);
PG_FUNCTION_INFO_V1(dml_vector_add_scalar);
PG_FUNCTION_INFO_V1(dml_scalar_add_vector);
PG_FUNCTION_INFO_V1(dml_vector_sub_scalar);
PG_FUNCTION_INFO_V1(dml_scalar_sub_vector);
PG_FUNCTION_INFO_V1(dml_vector_mul_scalar);
PG_FUNCTION_INFO_V1(dml_scalar_mul_vector);
PG_FUNCTION_INFO_V1(dml_vector_div_scalar);
PG_FUNCTION_INFO_V1(dml_vector_div_numeric);
PG_FUNCTION_INFO_V1(dml_vector_div_bigint);

/* dml_dims(dml_vector): fetches only the header of a vector that is stored out of line */
Datum
dml_dims(PG_FUNCTION_ARGS)
{
	DmlVector  *v = (DmlVector *) PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, DML_VECTOR_SIZE(0) - VARHDRSZ);

	PG_RETURN_INT32(v->dim);
}

/* dml_space(dml_vector): 16 hexadecimal digits; NULL for a plain vector */
Datum
dml_space(PG_FUNCTION_ARGS)
{
	DmlVector  *v = (DmlVector *) PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, DML_VECTOR_SIZE(0) - VARHDRSZ);

	if (v->space == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%016llx", (unsigned long long) v->space)));
}

/* dml_norm(dml_vector): the Euclidean length */
Datum
dml_norm(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);

	PG_RETURN_FLOAT8(sqrt(distance_inner_product(v->x, v->x, v->dim)));
}

/* dml_normalize(dml_vector): scaled to Euclidean length 1; a zero vector stays as it is */
Datum
dml_normalize(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *result = dml_vector_new(v->dim, v->space);
	double		norm = sqrt(distance_inner_product(v->x, v->x, v->dim));

	for (int i = 0; i < v->dim; i++)
		result->x[i] = norm > 0 ? (float4) (v->x[i] / norm) : v->x[i];
	PG_RETURN_DML_VECTOR_P(result);
}

/* dml_subvector(dml_vector, start, count): start counts from 1 */
Datum
dml_subvector(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	int32		start = PG_GETARG_INT32(1);
	int32		count = PG_GETARG_INT32(2);
	DmlVector  *result;

	if (count < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("count must be at least 1, not %d", count)));
	if (start < 1 || start > v->dim || count > v->dim - start + 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("subvector is not inside the vector"),
				 errdetail("It starts at element %d and has %d elements; the vector has %d.", start, count, v->dim)));

	result = dml_vector_new(count, 0);
	memcpy(result->x, v->x + start - 1, sizeof(float4) * count);
	PG_RETURN_DML_VECTOR_P(result);
}

/* dml_vector || dml_vector */
Datum
dml_vector_concat(PG_FUNCTION_ARGS)
{
	DmlVector  *a = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *b = PG_GETARG_DML_VECTOR_P(1);
	DmlVector  *result = dml_vector_new(a->dim + b->dim, 0);

	memcpy(result->x, a->x, sizeof(float4) * a->dim);
	memcpy(result->x + a->dim, b->x, sizeof(float4) * b->dim);
	PG_RETURN_DML_VECTOR_P(result);
}

/* A new vector for the result of an operation on the two arguments, once they are checked. */
static DmlVector *
operands(FunctionCallInfo fcinfo, DmlVector **a, DmlVector **b)
{
	*a = PG_GETARG_DML_VECTOR_P(0);
	*b = PG_GETARG_DML_VECTOR_P(1);
	dml_vector_check_same(*a, *b);
	return dml_vector_new((*a)->dim, (*a)->space);
}

/* dml_vector + dml_vector */
Datum
dml_vector_add(PG_FUNCTION_ARGS)
{
	DmlVector  *a;
	DmlVector  *b;
	DmlVector  *result = operands(fcinfo, &a, &b);

	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] + b->x[i];
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}

/* dml_vector - dml_vector */
Datum
dml_vector_sub(PG_FUNCTION_ARGS)
{
	DmlVector  *a;
	DmlVector  *b;
	DmlVector  *result = operands(fcinfo, &a, &b);

	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] - b->x[i];
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}

/* dml_vector * dml_vector, element by element: a plain vector */
Datum
dml_vector_mul(PG_FUNCTION_ARGS)
{
	DmlVector  *a;
	DmlVector  *b;
	DmlVector  *result = operands(fcinfo, &a, &b);

	result->space = 0;
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] * b->x[i];
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}

/* scale * v + shift on every element, in double. */
static Datum
scale_shift(const DmlVector *v, float8 scale, float8 shift)
{
	DmlVector  *result;

	if (!isfinite(scale) || !isfinite(shift))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arithmetic with a dml_vector needs a finite number")));
	result = dml_vector_new(v->dim, v->space);
	for (int i = 0; i < v->dim; i++)
		result->x[i] = (float4) (scale * v->x[i] + shift);
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}

/* - dml_vector */
Datum
dml_vector_neg(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *result = dml_vector_new(v->dim, v->space);

	for (int i = 0; i < v->dim; i++)
		result->x[i] = -v->x[i];
	PG_RETURN_DML_VECTOR_P(result);
}

Datum
dml_vector_add_scalar(PG_FUNCTION_ARGS)
{
	return scale_shift(PG_GETARG_DML_VECTOR_P(0), 1, PG_GETARG_FLOAT8(1));
}

Datum
dml_scalar_add_vector(PG_FUNCTION_ARGS)
{
	return scale_shift(PG_GETARG_DML_VECTOR_P(1), 1, PG_GETARG_FLOAT8(0));
}

Datum
dml_vector_sub_scalar(PG_FUNCTION_ARGS)
{
	return scale_shift(PG_GETARG_DML_VECTOR_P(0), 1, -PG_GETARG_FLOAT8(1));
}

Datum
dml_scalar_sub_vector(PG_FUNCTION_ARGS)
{
	return scale_shift(PG_GETARG_DML_VECTOR_P(1), -1, PG_GETARG_FLOAT8(0));
}

Datum
dml_vector_mul_scalar(PG_FUNCTION_ARGS)
{
	return scale_shift(PG_GETARG_DML_VECTOR_P(0), PG_GETARG_FLOAT8(1), 0);
}

Datum
dml_scalar_mul_vector(PG_FUNCTION_ARGS)
{
	return scale_shift(PG_GETARG_DML_VECTOR_P(1), PG_GETARG_FLOAT8(0), 0);
}

/* Divide every element by a number, in double precision, as avg does. */
static Datum
divide(const DmlVector *v, float8 divisor)
{
	DmlVector  *result;

	if (divisor == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DIVISION_BY_ZERO),
				 errmsg("division by zero")));
	if (!isfinite(divisor))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arithmetic with a dml_vector needs a finite number")));
	result = dml_vector_new(v->dim, v->space);
	for (int i = 0; i < v->dim; i++)
		result->x[i] = (float4) (v->x[i] / divisor);
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}

Datum
dml_vector_div_scalar(PG_FUNCTION_ARGS)
{
	return divide(PG_GETARG_DML_VECTOR_P(0), PG_GETARG_FLOAT8(1));
}

Datum
dml_vector_div_numeric(PG_FUNCTION_ARGS)
{
	return divide(PG_GETARG_DML_VECTOR_P(0), DatumGetFloat8(DirectFunctionCall1(numeric_float8, PG_GETARG_DATUM(1))));
}

Datum
dml_vector_div_bigint(PG_FUNCTION_ARGS)
{
	return divide(PG_GETARG_DML_VECTOR_P(0), (float8) PG_GETARG_INT64(1));
}
