/*
 * vector_distance.c
 *	  The distances of dml_vector: thin functions over ann/distance.h.
 */
#include "compat.h"

#include "vector/vector.h"

#include "ann/distance.h"

PG_FUNCTION_INFO_V1(dml_l2_distance);
PG_FUNCTION_INFO_V1(dml_cosine_distance);
PG_FUNCTION_INFO_V1(dml_inner_product);
PG_FUNCTION_INFO_V1(dml_negative_inner_product);
PG_FUNCTION_INFO_V1(dml_l1_distance);

/* Apply a kernel to the function's two arguments, after the check that they match. */
static double
measure(FunctionCallInfo fcinfo, double (*kernel) (const float *, const float *, int))
{
	DmlVector  *a = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *b = PG_GETARG_DML_VECTOR_P(1);
	double		result;

	dml_vector_check_beside(a, b);
	result = kernel(a->x, b->x, a->dim);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* dml_l2_distance(dml_vector, dml_vector), <-> */
Datum
dml_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, distance_l2));
}

/* dml_cosine_distance(dml_vector, dml_vector), <=>: NaN beside a zero vector */
Datum
dml_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, distance_cosine));
}

/* dml_inner_product(dml_vector, dml_vector) */
Datum
dml_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, distance_inner_product));
}

/* dml_negative_inner_product(dml_vector, dml_vector), <#>: smallest for the nearest; never -0 */
Datum
dml_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(0 - measure(fcinfo, distance_inner_product));
}

/* dml_l1_distance(dml_vector, dml_vector), <+> */
Datum
dml_l1_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, distance_l1));
}
