/*
 * vector_array.c
 *	  Arrays of numbers to floats, and the casts between arrays and dml_vector.
 */
#include "compat.h"

#include "vector/vector.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(dml_vector_from_array);
PG_FUNCTION_INFO_V1(dml_vector_to_float4);
PG_FUNCTION_INFO_V1(dml_vector_to_float8);
PG_FUNCTION_INFO_V1(dml_vector_to_int4);
PG_FUNCTION_INFO_V1(dml_vector_to_numeric);

/* Whether dml_floats_from_array accepts the element type. */
static bool
is_number_type(Oid type)
{
	return type == FLOAT4OID || type == FLOAT8OID || type == INT4OID ||
		type == INT2OID || type == INT8OID || type == NUMERICOID;
}

/* One array element as a double.  Errors: a numeric that is out of range. */
static double
element_to_double(Datum value, Oid type)
{
	switch (type)
	{
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
	}
}

/*
 * One array element as a float4, which may be infinite or NaN.  origin: to be subtracted, or NULL.
 */
static float4
element_to_float(Datum value, Oid type, const double *origin)
{
	if (origin != NULL)
		return (float4) (element_to_double(value, type) - *origin);
	switch (type)
	{
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return (float4) DatumGetFloat8(value);
		case INT2OID:
			return (float4) DatumGetInt16(value);
		case INT4OID:
			return (float4) DatumGetInt32(value);
		case INT8OID:
			return (float4) DatumGetInt64(value);
		default:
			{
				/* By way of text: by way of double it would be rounded twice. */
				char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
				float4		result = strtof(text, NULL);

				pfree(text);
				return result;
			}
	}
}

/* Whether the value itself was infinite, rather than too large for a float4. */
static bool
element_is_infinite(Datum value, Oid type)
{
	switch (type)
	{
		case FLOAT4OID:
			return true;
		case FLOAT8OID:
			return isinf(DatumGetFloat8(value));
		case NUMERICOID:
			return strstr(DatumGetCString(DirectFunctionCall1(numeric_out, value)), "Infinity") != NULL;
		default:
			return false;
	}
}

static Datum *
array_elements(ArrayType *array, int *n)
{
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *values;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &values, NULL, n);
	return values;
}

float4 *
dml_floats_from_array(ArrayType *array, const double *origin, int *dim)
{
	Oid			type = ARR_ELEMTYPE(array);
	Datum	   *values;
	int			n;
	float4	   *result;

	if (!is_number_type(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("an array of type %s[] cannot be taken as a vector", format_type_be(type)),
				 errhint("Valid element types are real, double precision, integer, smallint, bigint and numeric.")));
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array must have one dimension, not %d", ARR_NDIM(array))));
	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must not be empty")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain NULL")));

	*dim = n;
	result = palloc(sizeof(float4) * n);
	if (type == FLOAT4OID && origin == NULL)
	{
		memcpy(result, ARR_DATA_PTR(array), sizeof(float4) * n);
		dml_vector_check_elements(result, n);
		return result;
	}

	values = array_elements(array, &n);
	for (int i = 0; i < n; i++)
	{
		result[i] = element_to_float(values[i], type, origin ? &origin[i] : NULL);
		if (isinf(result[i]) && !element_is_infinite(values[i], type))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("value is out of range for an element of dml_vector"),
					 errdetail("It is element %d of %d.", i + 1, n)));
	}
	dml_vector_check_elements(result, n);
	pfree(values);
	return result;
}

double *
dml_doubles_from_array(ArrayType *array, int *dim)
{
	double	   *result;
	Datum	   *values;

	pfree(dml_floats_from_array(array, NULL, dim));
	values = array_elements(array, dim);
	result = palloc(sizeof(double) * *dim);
	for (int i = 0; i < *dim; i++)
		result[i] = element_to_double(values[i], ARR_ELEMTYPE(array));
	pfree(values);
	return result;
}

/* Cast of an array of numbers to dml_vector: a plain vector */
Datum
dml_vector_from_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim;
	float4	   *x = dml_floats_from_array(array, NULL, &dim);
	DmlVector  *result = dml_vector_new(dim, 0);

	memcpy(result->x, x, sizeof(float4) * dim);
	pfree(x);
	PG_FREE_IF_COPY(array, 0);
	PG_RETURN_DML_VECTOR_P(result);
}

/* Cast of dml_vector to real[]; like the casts below it drops the space */
Datum
dml_vector_to_float4(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	Datum	   *values = palloc(sizeof(Datum) * v->dim);

	for (int i = 0; i < v->dim; i++)
		values[i] = Float4GetDatum(v->x[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, v->dim, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

/* Cast of dml_vector to double precision[] */
Datum
dml_vector_to_float8(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	Datum	   *values = palloc(sizeof(Datum) * v->dim);

	for (int i = 0; i < v->dim; i++)
		values[i] = Float8GetDatum(v->x[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, v->dim, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Cast of dml_vector to integer[]: rounds halves to even, as the cast of real to integer does */
Datum
dml_vector_to_int4(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	Datum	   *values = palloc(sizeof(Datum) * v->dim);

	for (int i = 0; i < v->dim; i++)
	{
		float4		rounded = rintf(v->x[i]);

		/* 2^31 is a float4, PG_INT32_MAX is none. */
		if (!(rounded >= -2147483648.0f && rounded < 2147483648.0f))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("integer out of range"),
					 errdetail("It is element %d of %d.", i + 1, v->dim)));
		values[i] = Int32GetDatum((int32) rounded);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(values, v->dim, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* Cast of dml_vector to numeric[]: the shortest decimal that reads back as the same float4 */
Datum
dml_vector_to_numeric(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	Datum	   *values = palloc(sizeof(Datum) * v->dim);

	for (int i = 0; i < v->dim; i++)
	{
		char		text[FLOAT_SHORTEST_DECIMAL_LEN];

		float_to_shortest_decimal_buf(v->x[i], text);
		values[i] = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
										ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(values, v->dim, NUMERICOID, -1, false, TYPALIGN_INT));
}
