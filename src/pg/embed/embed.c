/*
 * embed.c
 *	  dml_embed and dml_distance: a model applied to one row, or two.
 *
 * The version that a name means is looked up once per statement and call site, and
 * pinned for as long as the call site lives.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "ann/distance.h"
#include "model/model.h"

PG_FUNCTION_INFO_V1(dml_embed_array);
PG_FUNCTION_INFO_V1(dml_embed_plain);
PG_FUNCTION_INFO_V1(dml_embed_scalars);
PG_FUNCTION_INFO_V1(dml_distance_array);
PG_FUNCTION_INFO_V1(dml_distance_plain);

typedef struct CallSite
{
	char	   *name;
	const DmlVersion *version;
} CallSite;

/* The version that the first argument names. */
static const DmlVersion *
call_version(FunctionCallInfo fcinfo)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	CallSite   *site = fcinfo->flinfo->fn_extra;

	if (site == NULL || strlen(site->name) != VARSIZE_ANY_EXHDR(name) ||
		memcmp(site->name, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) != 0)
	{
		char	   *copy = text_to_cstring(name);
		const DmlVersion *version = dml_version_by_name(copy);

		if (site == NULL)
			site = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		dml_version_pin(version, fcinfo->flinfo->fn_mcxt);
		site->name = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, copy);
		site->version = version;
	}
	return site->version;
}

static DmlVector *
embed_array(const DmlVersion *version, Datum array)
{
	int			dim;
	float4	   *x = dml_floats_from_array(DatumGetArrayTypeP(array), &dim);

	return dml_version_embed_vector(version, x, dim);
}

static DmlVector *
embed_plain(const DmlVersion *version, Datum value)
{
	DmlVector  *v = DatumGetDmlVectorP(value);

	if (v->space != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the input is an embedding already, of %s", dml_space_describe(v->space)),
				 errhint("dml_embed takes a row as it was before embedding.")));
	return dml_version_embed_vector(version, v->x, v->dim);
}

/* dml_embed(model, numbers[]): numbers as many as the model takes, none NULL. */
Datum
dml_embed_array(PG_FUNCTION_ARGS)
{
	PG_RETURN_DML_VECTOR_P(embed_array(call_version(fcinfo), PG_GETARG_DATUM(1)));
}

/* dml_embed(model, plain dml_vector) */
Datum
dml_embed_plain(PG_FUNCTION_ARGS)
{
	PG_RETURN_DML_VECTOR_P(embed_plain(call_version(fcinfo), PG_GETARG_DATUM(1)));
}

/* dml_embed(model, a, b, c, ...) */
Datum
dml_embed_scalars(PG_FUNCTION_ARGS)
{
	int			dim;
	float4	   *rest = dml_floats_from_array(PG_GETARG_ARRAYTYPE_P(2), &dim);
	float4	   *x = palloc(sizeof(float4) * (dim + 1));

	x[0] = (float4) PG_GETARG_FLOAT8(1);
	memcpy(x + 1, rest, sizeof(float4) * dim);
	dml_vector_check_elements(x, dim + 1);
	PG_RETURN_DML_VECTOR_P(dml_version_embed_vector(call_version(fcinfo), x, dim + 1));
}

/* dml_distance(model, a, b): Euclidean distance of the embeddings of two arrays. */
Datum
dml_distance_array(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = call_version(fcinfo);
	DmlVector  *a = embed_array(version, PG_GETARG_DATUM(1));
	DmlVector  *b = embed_array(version, PG_GETARG_DATUM(2));

	PG_RETURN_FLOAT8(distance_l2(a->x, b->x, a->dim));
}

/* The same of two plain vectors. */
Datum
dml_distance_plain(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = call_version(fcinfo);
	DmlVector  *a = embed_plain(version, PG_GETARG_DATUM(1));
	DmlVector  *b = embed_plain(version, PG_GETARG_DATUM(2));

	PG_RETURN_FLOAT8(distance_l2(a->x, b->x, a->dim));
}
