/*
 * vector_text.c
 *	  Casts between dml_vector and jsonb, and from arrays of text.
 *
 * The text of a plain vector is a JSON array, and the text of a JSON array of numbers is that of a
 * plain vector.  So both casts use the input and output functions of the type.
 */
#include "compat.h"

#include "vector/vector.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(dml_vector_from_jsonb);
PG_FUNCTION_INFO_V1(dml_vector_to_jsonb);
PG_FUNCTION_INFO_V1(dml_vector_from_texts);

extern Datum dml_vector_in(PG_FUNCTION_ARGS);
extern Datum dml_vector_out(PG_FUNCTION_ARGS);

static Datum
vector_from_text(const char *text)
{
	return DirectFunctionCall3(dml_vector_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* Cast of jsonb to dml_vector */
Datum
dml_vector_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);

	if (!JB_ROOT_IS_ARRAY(jsonb) || JB_ROOT_IS_SCALAR(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a dml_vector is a JSON array of numbers, not another JSON value")));
	return vector_from_text(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
}

/* Cast of dml_vector to jsonb: an array of numbers, without the space */
Datum
dml_vector_to_jsonb(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *plain = dml_vector_new(v->dim, 0);

	memcpy(plain->x, v->x, sizeof(float4) * v->dim);
	return DirectFunctionCall1(jsonb_in, DirectFunctionCall1(dml_vector_out, PointerGetDatum(plain)));
}

/* Cast of text[] to dml_vector */
Datum
dml_vector_from_texts(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	StringInfoData joined;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	DmlVector  *result;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array must have one dimension, not %d", ARR_NDIM(array))));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must not be empty")));
	initStringInfo(&joined);
	for (int i = 0; i < n; i++)
	{
		const char *element;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("array must not contain NULL")));
		element = TextDatumGetCString(values[i]);
		/* otherwise the text could hold several elements, the closing bracket, or none */
		if (strpbrk(element, ",]") != NULL || element[strspn(element, " \t\n\v\f\r")] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type %s: \"%s\"", "dml_vector", element),
					 errdetail("Element %d is not a number.", i + 1)));
		appendStringInfo(&joined, "%c%s", i == 0 ? '[' : ',', element);
	}
	appendStringInfoChar(&joined, ']');
	result = DatumGetDmlVectorP(vector_from_text(joined.data));
	PG_RETURN_DML_VECTOR_P(result);
}
