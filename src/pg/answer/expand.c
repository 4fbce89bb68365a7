/*
 * expand.c
 *	  Query expansion: a query moved towards rows that are right, and away from rows that are
 *	  not.
 *
 * The weights are divided by their sum.  So the result does not depend on where the origin of the
 * space is, which distances do not know of.  For embeddings of length 1 this changes the length of
 * the result and nothing about the order of rows by distance.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"

#include "vector/vector.h"

PG_FUNCTION_INFO_V1(dml_expand_query);
PG_FUNCTION_INFO_V1(dml_rocchio);

/*
 * The mean of an array's vectors.  Returns how many there are; NULLs are left out, and a NULL array
 * has none.
 */
static int
mean_of(FunctionCallInfo fcinfo, int argument, const DmlVector *like, double *mean)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			count = 0;

	memset(mean, 0, sizeof(double) * like->dim);
	if (PG_ARGISNULL(argument))
		return 0;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), dml_vector_type_oid(), -1, false, TYPALIGN_DOUBLE, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		const DmlVector *vector;

		if (nulls[i])
			continue;
		vector = DatumGetDmlVectorP(values[i]);
		dml_vector_check_same(like, vector);
		for (int j = 0; j < like->dim; j++)
			mean[j] += vector->x[j];
		count++;
	}
	for (int j = 0; j < like->dim && count > 0; j++)
		mean[j] /= count;
	return count;
}

/* dml_expand_query(query, neighbours): the mean of the query and its neighbours */
Datum
dml_expand_query(PG_FUNCTION_ARGS)
{
	const DmlVector *query = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *result = dml_vector_new(query->dim, query->space);
	double	   *mean = palloc(sizeof(double) * query->dim);
	int			n = mean_of(fcinfo, 1, query, mean);

	for (int j = 0; j < query->dim; j++)
		result->x[j] = (float4) ((query->x[j] + n * mean[j]) / (n + 1));
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}

static double
weight(FunctionCallInfo fcinfo, int argument, const char *name)
{
	double		value = PG_ARGISNULL(argument) ? NAN : PG_GETARG_FLOAT8(argument);

	if (!(value >= 0 && value <= 1e6))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from 0 to 1000000, not %g", name, value)));
	return value;
}

/* dml_rocchio(query, relevant, irrelevant, alpha, beta, gamma) */
Datum
dml_rocchio(PG_FUNCTION_ARGS)
{
	const DmlVector *query;
	DmlVector  *result;
	double	   *relevant;
	double	   *irrelevant;
	double		alpha = weight(fcinfo, 3, "alpha");
	double		beta = weight(fcinfo, 4, "beta");
	double		gamma = weight(fcinfo, 5, "gamma");
	double		sum;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query = PG_GETARG_DML_VECTOR_P(0);
	result = dml_vector_new(query->dim, query->space);
	relevant = palloc(sizeof(double) * query->dim);
	irrelevant = palloc(sizeof(double) * query->dim);
	if (mean_of(fcinfo, 1, query, relevant) == 0)
		beta = 0;
	if (mean_of(fcinfo, 2, query, irrelevant) == 0)
		gamma = 0;
	sum = alpha + beta - gamma;
	if (!(sum > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("alpha + beta must be more than gamma"),
				 errdetail("They are %g, %g and %g. A weight whose array has no vector counts as 0.", alpha, beta, gamma)));
	for (int j = 0; j < query->dim; j++)
		result->x[j] = (float4) ((alpha * query->x[j] + beta * relevant[j] - gamma * irrelevant[j]) / sum);
	PG_RETURN_DML_VECTOR_P(dml_vector_check_range(result));
}
