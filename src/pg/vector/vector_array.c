/*
 * vector_array.c
 *	  Arrays of numbers to floats, and the casts between arrays and dml_vector.
 */
#include "compat.h"

#include "vector/vector.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Is this an element type of dml_floats_from_array? */
static bool
is_number_type(Oid type)
{
	return type == FLOAT4OID || type == FLOAT8OID || type == INT4OID ||
		type == INT2OID || type == INT8OID || type == NUMERICOID;
}

/* One array element as a float4; may come out infinite or NaN. */
static float4
element_to_float(Datum value, Oid type)
{
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
				/* By way of text, since by way of double would round twice. */
				char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
				float4		result = strtof(text, NULL);

				pfree(text);
				return result;
			}
	}
}

/* Was the value itself infinite, rather than too large for a float4? */
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

float4 *
dml_floats_from_array(ArrayType *array, int *dim)
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
	if (type == FLOAT4OID)
	{
		memcpy(result, ARR_DATA_PTR(array), sizeof(float4) * n);
		dml_vector_check_elements(result, n);
		return result;
	}

	{
		int16		length;
		bool		by_value;
		char		align;

		get_typlenbyvalalign(type, &length, &by_value, &align);
		deconstruct_array(array, type, length, by_value, align, &values, NULL, &n);
	}
	for (int i = 0; i < n; i++)
	{
		result[i] = element_to_float(values[i], type);
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
