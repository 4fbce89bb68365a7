/*
 * embed.c
 *	  dml_embed, dml_embed_pinned and dml_distance: a model applied to one row or to two.
 *
 * The functions free what they allocate, because an index build or a PL/pgSQL loop calls them many
 * times in one memory context.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "ann/distance.h"
#include "model/call_site.h"
#include "model/model.h"
#include "read/feature_row.h"

PG_FUNCTION_INFO_V1(dml_embed_array);
PG_FUNCTION_INFO_V1(dml_embed_plain);
PG_FUNCTION_INFO_V1(dml_embed_row);
PG_FUNCTION_INFO_V1(dml_embed_pinned_array);
PG_FUNCTION_INFO_V1(dml_embed_pinned_plain);
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

/* dml_embed(model, row) */
Datum
dml_embed_row(PG_FUNCTION_ARGS)
{
	DmlVector  *result = dml_call_embed_row(fcinfo, 1, dml_call_version(fcinfo));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DML_VECTOR_P(result);
}

/*
 * dml_call_version for functions that are IMMUTABLE: an error unless the name has a version.  A
 * name of a model has no "@", and dml_call_version checks what follows it.
 */
static const DmlVersion *
pinned_version(FunctionCallInfo fcinfo)
{
	text	   *name = PG_GETARG_TEXT_PP(0);

	if (memchr(VARDATA_ANY(name), '@', VARSIZE_ANY_EXHDR(name)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" does not name a version", text_to_cstring(name)),
				 errdetail("A name alone means the active version, which the next training changes."),
				 errhint("Write name@3 for version 3. The view dml_model_versions lists the versions.")));
	return dml_call_version(fcinfo);
}

/* dml_embed_pinned(name@version, numbers[]), and number by number, as for dml_embed. */
Datum
dml_embed_pinned_array(PG_FUNCTION_ARGS)
{
	DmlVector  *result = embed_array(pinned_version(fcinfo), PG_GETARG_DATUM(1));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DML_VECTOR_P(result);
}

/* dml_embed_pinned(name@version, plain dml_vector) */
Datum
dml_embed_pinned_plain(PG_FUNCTION_ARGS)
{
	PG_RETURN_DML_VECTOR_P(embed_plain(pinned_version(fcinfo), PG_GETARG_DATUM(1)));
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
	DmlVector  *a = dml_call_embed_row(fcinfo, 1, version);

	return distance(fcinfo, a, dml_call_embed_row(fcinfo, 2, version->side[1] ? version->side[1] : version));
}
