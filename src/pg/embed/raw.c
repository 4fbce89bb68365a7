/*
 * raw.c
 *	  Operators between a dml_vector and raw input.  The vector's own model embeds the input;
 *	  beside a plain vector it is used as it is.
 *
 * The call site keeps the last vector that it made, so an ORDER BY over a table embeds its query
 * once, not for each row.  The vector is valid for its moment (model/model.h): the next statement
 * or user causes a look-up, which checks the right to embed again.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "ann/distance.h"
#include "model/model.h"

PG_FUNCTION_INFO_V1(dml_raw_l2);
PG_FUNCTION_INFO_V1(dml_raw_l2_commuted);
PG_FUNCTION_INFO_V1(dml_raw_cosine);
PG_FUNCTION_INFO_V1(dml_raw_cosine_commuted);
PG_FUNCTION_INFO_V1(dml_raw_negative_inner_product);
PG_FUNCTION_INFO_V1(dml_raw_negative_inner_product_commuted);
PG_FUNCTION_INFO_V1(dml_raw_l1);
PG_FUNCTION_INFO_V1(dml_raw_l1_commuted);
PG_FUNCTION_INFO_V1(dml_raw_within);
PG_FUNCTION_INFO_V1(dml_raw_within_cosine);
PG_FUNCTION_INFO_V1(dml_raw_ball);
PG_FUNCTION_INFO_V1(dml_raw_in_ball);
PG_FUNCTION_INFO_V1(dml_raw_in_ball_cosine);

typedef struct RawCache
{
	DmlMoment	moment;
	MemoryContext context;		/* of the fields below; reset when they are replaced */
	struct varlena *raw;		/* as it was given, also compressed or out of line */
	uint64		space;
	DmlVector  *vector;			/* raw as a vector of space; NULL: nothing is cached */
} RawCache;

/* The raw array as a vector of the space, allocated by palloc. */
static DmlVector *
make_vector(ArrayType *raw, uint64 space)
{
	int			dim;
	float4	   *x;
	DmlVector  *v;

	if (space != 0)
		return dml_version_embed_array(dml_version_by_space(space), raw);
	x = dml_floats_from_array(raw, NULL, &dim);
	v = dml_vector_new(dim, 0);
	memcpy(v->x, x, sizeof(float4) * dim);
	return v;
}

/*
 * The vector for raw, from the call site's cache if it is there; valid until the next call.  A
 * value out of line is compared by its TOAST pointer: within one snapshot, equal pointers mean
 * equal values.  So a query that is a sub-select is fetched once, not for each row.
 */
static const DmlVector *
raw_vector(FunctionCallInfo fcinfo, Datum raw, uint64 space)
{
	struct varlena *constraints = (struct varlena *) DatumGetPointer(raw);
	RawCache   *cache = fcinfo->flinfo->fn_extra;
	bool		in_memory = VARATT_IS_EXTERNAL(constraints) && !VARATT_IS_EXTERNAL_ONDISK(constraints);
	bool		known;
	MemoryContext old;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RawCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "dml raw input", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	if (in_memory)				/* expanded arrays of PL/pgSQL */
		constraints = PG_DETOAST_DATUM(raw);
	known = !dml_moment_passed(&cache->moment) && cache->vector && cache->space == space &&
		VARSIZE_ANY(cache->raw) == VARSIZE_ANY(constraints) && memcmp(cache->raw, constraints, VARSIZE_ANY(constraints)) == 0;
	if (!known)
	{
		cache->vector = NULL;
		MemoryContextReset(cache->context);
		old = MemoryContextSwitchTo(cache->context);
		cache->raw = palloc(VARSIZE_ANY(constraints));
		memcpy(cache->raw, constraints, VARSIZE_ANY(constraints));
		cache->space = space;
		cache->vector = make_vector(DatumGetArrayTypeP(PointerGetDatum(cache->raw)), space);
		MemoryContextSwitchTo(old);
	}
	if (in_memory)
		pfree(constraints);
	return cache->vector;
}

/* Apply a kernel to the vector in one argument and raw input. */
static double
measure_raw(FunctionCallInfo fcinfo, int vector_arg, Datum raw, DmlKernel kernel)
{
	DmlVector  *a = PG_GETARG_DML_VECTOR_P(vector_arg);
	const DmlVector *b = raw_vector(fcinfo, raw, a->space);
	double		result;

	dml_vector_check_same(a, b);
	result = kernel(a->x, b->x, a->dim);
	PG_FREE_IF_COPY(a, vector_arg);
	return result;
}

/* Apply a kernel to the vector in one argument and the raw input in the other one. */
static double
measure(FunctionCallInfo fcinfo, int vector_arg, DmlKernel kernel)
{
	return measure_raw(fcinfo, vector_arg, PG_GETARG_DATUM(1 - vector_arg), kernel);
}

/* dml_vector <-> raw */
Datum
dml_raw_l2(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, 0, distance_l2));
}

/* raw <-> dml_vector */
Datum
dml_raw_l2_commuted(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, 1, distance_l2));
}

/* dml_vector <=> raw */
Datum
dml_raw_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, 0, distance_cosine));
}

/* raw <=> dml_vector */
Datum
dml_raw_cosine_commuted(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, 1, distance_cosine));
}

/* dml_vector <#> raw */
Datum
dml_raw_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(0 - measure(fcinfo, 0, distance_inner_product));
}

/* raw <#> dml_vector */
Datum
dml_raw_negative_inner_product_commuted(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(0 - measure(fcinfo, 1, distance_inner_product));
}

/* dml_vector <+> raw */
Datum
dml_raw_l1(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, 0, distance_l1));
}

/* raw <+> dml_vector */
Datum
dml_raw_l1_commuted(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, 1, distance_l1));
}

static bool
within(FunctionCallInfo fcinfo, DmlKernel kernel)
{
	dml_check_radius(PG_GETARG_FLOAT8(2));
	return measure(fcinfo, 0, kernel) <= PG_GETARG_FLOAT8(2);
}

/* dml_within(dml_vector, raw, double precision) */
Datum
dml_raw_within(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(within(fcinfo, distance_l2));
}

/* dml_within_cosine(dml_vector, raw, double precision) */
Datum
dml_raw_within_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(within(fcinfo, distance_cosine));
}

/*
 * dml_ball(array of numbers, double precision): the center stays double, since a model with an
 * origin takes that off in double.
 */
Datum
dml_raw_ball(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	int			dim;
	double	   *x = dml_doubles_from_array(PG_GETARG_ARRAYTYPE_P(0), &dim);
	Datum	   *elements = palloc(dim * sizeof(Datum));
	Datum		values[2];
	bool		nulls[2] = {false, false};

	dml_check_radius(PG_GETARG_FLOAT8(1));
	for (int i = 0; i < dim; i++)
		elements[i] = Float8GetDatum(x[i]);
	values[0] = PointerGetDatum(construct_array(elements, dim, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[1] = PG_GETARG_DATUM(1);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a ball is a composite");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static Datum
in_ball(FunctionCallInfo fcinfo, DmlKernel kernel)
{
	Datum		center;
	double		radius;

	if (!dml_ball_parts(PG_GETARG_HEAPTUPLEHEADER(1), &center, &radius))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(measure_raw(fcinfo, 0, center, kernel) <= radius);
}

/* dml_in_ball(dml_vector, dml_raw_ball), <->@ */
Datum
dml_raw_in_ball(PG_FUNCTION_ARGS)
{
	return in_ball(fcinfo, distance_l2);
}

/* dml_in_ball_cosine(dml_vector, dml_raw_ball), <=>@ */
Datum
dml_raw_in_ball_cosine(PG_FUNCTION_ARGS)
{
	return in_ball(fcinfo, distance_cosine);
}
