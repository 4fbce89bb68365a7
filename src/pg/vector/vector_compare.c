/*
 * vector_compare.c
 *	  The order of dml_vector for btree, and its hash.
 *
 * The order is total.  It compares the space (as an unsigned number, so plain vectors come first),
 * then the number of dimensions, then the elements from the first to the last.  Unlike a distance
 * it accepts any two vectors, since DISTINCT, GROUP BY and indexes meet them. -0 equals 0, in the
 * order and in the hash.
 */
#include "compat.h"

#include "vector/vector.h"

#include "common/hashfn.h"

PG_FUNCTION_INFO_V1(dml_vector_lt);
PG_FUNCTION_INFO_V1(dml_vector_le);
PG_FUNCTION_INFO_V1(dml_vector_eq);
PG_FUNCTION_INFO_V1(dml_vector_ne);
PG_FUNCTION_INFO_V1(dml_vector_ge);
PG_FUNCTION_INFO_V1(dml_vector_gt);
PG_FUNCTION_INFO_V1(dml_vector_cmp);
PG_FUNCTION_INFO_V1(dml_vector_hash);
PG_FUNCTION_INFO_V1(dml_vector_hash_extended);

/* -1, 0 or 1 */
static int
compare(const DmlVector *a, const DmlVector *b)
{
	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	if (a->dim != b->dim)
		return a->dim < b->dim ? -1 : 1;
	for (int i = 0; i < a->dim; i++)
		if (a->x[i] != b->x[i])
			return a->x[i] < b->x[i] ? -1 : 1;
	return 0;
}

/* compare() of the function's two arguments. */
static int
compare_args(FunctionCallInfo fcinfo)
{
	DmlVector  *a = PG_GETARG_DML_VECTOR_P(0);
	DmlVector  *b = PG_GETARG_DML_VECTOR_P(1);
	int			result = compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
dml_vector_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

Datum
dml_vector_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

Datum
dml_vector_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

Datum
dml_vector_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

Datum
dml_vector_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

Datum
dml_vector_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}

Datum
dml_vector_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_args(fcinfo));
}

/* Equal vectors have equal hashes: -0 is hashed as 0.  A few elements at a time. */
static uint64
hash_vector(const DmlVector *v, uint64 seed)
{
	float4		chunk[64];
	uint64		hash = hash_bytes_extended((const unsigned char *) &v->space, sizeof(v->space), seed);

	for (int start = 0; start < v->dim; start += lengthof(chunk))
	{
		int			n = Min(v->dim - start, (int) lengthof(chunk));

		for (int i = 0; i < n; i++)
			chunk[i] = v->x[start + i] == 0 ? 0 : v->x[start + i];
		hash = hash_bytes_extended((const unsigned char *) chunk, n * sizeof(float4), hash);
	}
	return hash;
}

/*
 * dml_vector_hash(dml_vector): the low half of the extended hash with seed 0, as PostgreSQL
 * requires
 */
Datum
dml_vector_hash(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	uint64		hash = hash_vector(v, 0);

	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_UINT32((uint32) hash);
}

/* dml_vector_hash_extended(dml_vector, bigint) */
Datum
dml_vector_hash_extended(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	uint64		hash = hash_vector(v, (uint64) PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_UINT64(hash);
}
