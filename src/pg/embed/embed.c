/*
 * embed.c
 *	  dml_embed and dml_distance: a model applied to one row or to two.
 *
 * The functions free what they allocate, because an index build or a PL/pgSQL loop calls them many
 * times in one memory context.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "ann/distance.h"
#include "model/call_site.h"
#include "model/model.h"
#include "read/feature.h"

PG_FUNCTION_INFO_V1(dml_embed_array);
PG_FUNCTION_INFO_V1(dml_embed_plain);
PG_FUNCTION_INFO_V1(dml_embed_row);
PG_FUNCTION_INFO_V1(dml_distance_array);
PG_FUNCTION_INFO_V1(dml_distance_plain);
PG_FUNCTION_INFO_V1(dml_distance_row);

/* The embedding of an array, or NULL if an element is NULL. */
static DmlVector *
embed_array(const DmlVersion *version, Datum datum)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	DmlVector  *result;

	if (array_contains_nulls(array))
		return NULL;
	result = dml_version_embed_array(version, array);
	if ((Pointer) array != DatumGetPointer(datum))
		pfree(array);
	return result;
}

static DmlVector *
embed_plain(const DmlVersion *version, Datum value)
{
	DmlVector  *v = DatumGetDmlVectorP(value);
	DmlVector  *result;

	if (v->space != 0)
	{
		char	   *space = dml_space_describe(v->space);

		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the input is an embedding already, of %s", space),
				 errhint("dml_embed takes raw input: the row before it was embedded.")));
	}
	result = dml_version_embed_vector(version, v->x, v->dim);
	if ((Pointer) v != DatumGetPointer(value))
		pfree(v);
	return result;
}

/* dml_embed(model, numbers[]), and dml_embed(model, a, b, ...), whose numbers come as an array. */
Datum
dml_embed_array(PG_FUNCTION_ARGS)
{
	DmlVector  *result = embed_array(dml_call_version(fcinfo), PG_GETARG_DATUM(1));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DML_VECTOR_P(result);
}

/* dml_embed(model, plain dml_vector) */
Datum
dml_embed_plain(PG_FUNCTION_ARGS)
{
	PG_RETURN_DML_VECTOR_P(embed_plain(dml_call_version(fcinfo), PG_GETARG_DATUM(1)));
}

/* What a call site keeps for its row arguments. */
typedef struct RowArguments
{
	DmlRowFeatures *features[2];
	MemoryContext context[2];	/* of features[i] */
} RowArguments;

/*
 * The features for row argument i, of the type of row, from what the call site keeps; features for
 * another type before it are freed.
 */
static DmlRowFeatures *
row_features(FunctionCallInfo fcinfo, const DmlVersion *version, int i, HeapTupleHeader row)
{
	DmlCallData *data = dml_call_data(fcinfo);
	RowArguments *arguments = data->data;
	Oid			type = HeapTupleHeaderGetTypeId(row);
	int32		typmod = HeapTupleHeaderGetTypMod(row);
	TupleDesc	desc;
	MemoryContext context;
	MemoryContext old;

	if (arguments == NULL)
		data->data = arguments = MemoryContextAllocZero(data->context, sizeof(RowArguments));
	if (arguments->features[i] && dml_row_features_suit(arguments->features[i], type, typmod))
		return arguments->features[i];
	arguments->features[i] = NULL;
	if (arguments->context[i])
		MemoryContextDelete(arguments->context[i]);
	context = arguments->context[i] = AllocSetContextCreate(data->context, "dml row", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	desc = lookup_rowtype_tupdesc(type, typmod);
	arguments->features[i] = dml_row_features(version, desc);
	ReleaseTupleDesc(desc);
	MemoryContextSwitchTo(old);
	return arguments->features[i];
}

/*
 * The embedding of row argument i, or NULL if a feature is NULL and the model does not fill it in.
 */
static DmlVector *
embed_row(FunctionCallInfo fcinfo, const DmlVersion *version, int i)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(1 + i);
	float4	   *x = palloc(sizeof(float4) * version->in);
	DmlVector  *result = NULL;

	if (dml_row_features_eval(row_features(fcinfo, version, i, row), row, version, x))
		result = dml_version_embed_row(version, x);
	pfree(x);
	PG_FREE_IF_COPY(row, 1 + i);
	return result;
}

/* dml_embed(model, row) */
Datum
dml_embed_row(PG_FUNCTION_ARGS)
{
	DmlVector  *result = embed_row(fcinfo, dml_call_version(fcinfo), 0);

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DML_VECTOR_P(result);
}

/* The distance of two embeddings, which it frees; NULL if one of them is NULL. */
static Datum
distance(FunctionCallInfo fcinfo, DmlVector *a, DmlVector *b)
{
	double		result;

	if (a == NULL || b == NULL)
		PG_RETURN_NULL();
	result = distance_l2(a->x, b->x, a->dim);
	pfree(a);
	pfree(b);
	PG_RETURN_FLOAT8(result);
}

/* dml_distance(model, a, b): Euclidean distance of the embeddings of two arrays. */
Datum
dml_distance_array(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = dml_call_version(fcinfo);

	return distance(fcinfo, embed_array(version, PG_GETARG_DATUM(1)), embed_array(dml_second_side(version), PG_GETARG_DATUM(2)));
}

/* dml_distance(model, a, b) of two plain vectors. */
Datum
dml_distance_plain(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = dml_call_version(fcinfo);

	return distance(fcinfo, embed_plain(version, PG_GETARG_DATUM(1)), embed_plain(dml_second_side(version), PG_GETARG_DATUM(2)));
}

/*
 * dml_distance(model, a, b): of two rows with the columns of the features; b by side b if there are
 * two.
 */
Datum
dml_distance_row(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = dml_call_version(fcinfo);
	DmlVector  *a = embed_row(fcinfo, version, 0);

	return distance(fcinfo, a, embed_row(fcinfo, version->side[1] ? version->side[1] : version, 1));
}
