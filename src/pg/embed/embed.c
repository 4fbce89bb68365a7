/*
 * embed.c
 *	  dml_embed and dml_distance: a model applied to one row, or two.
 *
 * The version that a name means is looked up once per statement and call site, and
 * pinned until the call site looks up another.  What is worked with on the way is freed: an
 * index build or a PL/pgSQL loop calls many times in one memory context.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "ann/distance.h"
#include "model/model.h"

PG_FUNCTION_INFO_V1(dml_embed_array);
PG_FUNCTION_INFO_V1(dml_embed_plain);
PG_FUNCTION_INFO_V1(dml_distance_array);
PG_FUNCTION_INFO_V1(dml_distance_plain);

/* Longest name of a model, "@" and the longest number of a version, and a side. */
#define CALL_NAME_SIZE	(NAMEDATALEN + 14)

typedef struct CallSite
{
	DmlMoment	moment;
	char		name[CALL_NAME_SIZE];
	const DmlVersion *version;	/* what name means at that moment */
	DmlPin	   *pin;
} CallSite;

/* The version that the first argument names. */
static const DmlVersion *
call_version(FunctionCallInfo fcinfo)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	size_t		length = VARSIZE_ANY_EXHDR(name);
	CallSite   *site = fcinfo->flinfo->fn_extra;
	const DmlVersion *version;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		site->pin = dml_pin_new(fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = site;
	}
	if (!dml_moment_passed(&site->moment) && site->version != NULL &&
		strlen(site->name) == length && memcmp(site->name, VARDATA_ANY(name), length) == 0)
		return site->version;

	site->version = NULL;
	version = dml_version_by_name(text_to_cstring(name));
	dml_pin_move(site->pin, version);
	if (length < sizeof(site->name))
	{
		memcpy(site->name, VARDATA_ANY(name), length);
		site->name[length] = '\0';
		site->version = version;
	}
	return version;
}

/* The embedding of an array; NULL where an element is. */
static DmlVector *
embed_array(const DmlVersion *version, Datum datum)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	DmlVector  *result;
	float4	   *x;
	int			dim;

	if (array_contains_nulls(array))
		return NULL;
	x = dml_floats_from_array(array, &dim);
	result = dml_version_embed_vector(version, x, dim);
	pfree(x);
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
				 errhint("dml_embed takes a row as it was before embedding.")));
	}
	result = dml_version_embed_vector(version, v->x, v->dim);
	if ((Pointer) v != DatumGetPointer(value))
		pfree(v);
	return result;
}

/* dml_embed(model, numbers[]) and dml_embed(model, a, b, ...), whose numbers come as an array too */
Datum
dml_embed_array(PG_FUNCTION_ARGS)
{
	DmlVector  *result = embed_array(call_version(fcinfo), PG_GETARG_DATUM(1));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DML_VECTOR_P(result);
}

/* dml_embed(model, plain dml_vector) */
Datum
dml_embed_plain(PG_FUNCTION_ARGS)
{
	PG_RETURN_DML_VECTOR_P(embed_plain(call_version(fcinfo), PG_GETARG_DATUM(1)));
}

/* The distance of two embeddings, which it frees; either may be NULL. */
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

/*
 * What embeds the second of two inputs: of a model of two inputs side b, unless their widths
 * tell.
 */
static const DmlVersion *
second_side(const DmlVersion *version)
{
	return version->side[1] && version->side[0]->in == version->side[1]->in ? version->side[1] : version;
}

/* dml_distance(model, a, b): Euclidean distance of the embeddings of two arrays. */
Datum
dml_distance_array(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = call_version(fcinfo);

	return distance(fcinfo, embed_array(version, PG_GETARG_DATUM(1)), embed_array(second_side(version), PG_GETARG_DATUM(2)));
}

/* The same of two plain vectors. */
Datum
dml_distance_plain(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = call_version(fcinfo);

	return distance(fcinfo, embed_plain(version, PG_GETARG_DATUM(1)), embed_plain(second_side(version), PG_GETARG_DATUM(2)));
}
