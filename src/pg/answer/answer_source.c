/*
 * answer_source.c
 *	  Sources of embeddings, and the queries that are looked for among them.
 */
#include "compat.h"

#include "answer/answer_source.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "model/model.h"
#include "read/feature.h"
#include "read/query.h"
#include "read/source.h"

AnswerSource
answer_source(const char *source, const char *embedding, const char *what, const char *other, const char *other_what)
{
	return (AnswerSource) {
		.given = embedding,
		.what = what,
		.embedding = dml_expression_parse(embedding, what)->text,
		.other = other ? dml_expression_parse(other, other_what)->text : NULL,
		.other_what = other_what,
		.from = dml_source_from(source)};
}

char *
answer_source_key(const char *source, const char *name, const char *hint)
{
	int			n;
	char	   *key = dml_source_key(source, &n);

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must be given", name),
				 errdetail("Only a table with a primary key that you may read has a default."),
				 errhint("%s", hint)));
	key += strlen(", ");
	return n == 1 ? key : psprintf("ROW(%s)", key);
}

void
answer_source_check(AnswerSource *source, bool vectors)
{
	SPIPlanPtr	plan = SPI_prepare(psprintf("SELECT %s\n, %s\nFROM %s", source->embedding, source->other ? source->other : "NULL", source->from), 0, NULL);
	CachedPlanSource *planned;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	planned = linitial(SPI_plan_get_plan_sources(plan));
	dml_query_check_targets(planned, source->other ? psprintf("%s and %s", source->what, source->other_what) : source->what);
	source->type = getBaseType(TupleDescAttr(planned->resultDesc, 0)->atttypid);
	if (vectors && source->type != dml_vector_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s \"%s\" is of type %s, not dml_vector", source->what, source->given,
						format_type_be(TupleDescAttr(planned->resultDesc, 0)->atttypid)),
				 errhint("dml_materialize makes a column of embeddings; to compare arrays as they are, cast them to dml_vector.")));
	source->other_type = TupleDescAttr(planned->resultDesc, 1)->atttypid;
	SPI_freeplan(plan);
}

typedef struct Reading
{
	AnswerTake	take;
	void	   *state;
} Reading;

void
answer_check_nothing(void *state, const CachedPlanSource *source)
{
}

/* DmlQueryReader.take */
static void
take_row(void *state, Datum *values, bool *nulls)
{
	Reading    *reading = state;

	reading->take(reading->state, values[0], nulls[0], nulls[1] ? NULL : TextDatumGetCString(values[1]));
}

void
answer_source_read(AnswerSource *source, bool vectors, bool labelled, AnswerTake take, void *state)
{
	Reading		reading = {take, state};
	DmlQueryReader reader = {.check = answer_check_nothing,.take = take_row,.state = &reading};
	char	   *query;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer_source_check(source, vectors);
	SPI_finish();
	/* each expression is evaluated once for a row, as one search does it */
	query = psprintf("SELECT embedding, text FROM ("
					 "SELECT embedding, other::pg_catalog.text AS text FROM ("
					 "SELECT (%s\n) AS embedding, (%s\n) AS other FROM %s) rows%s) texts%s",
					 source->embedding, source->other ? source->other : "NULL::pg_catalog.text", source->from,
					 labelled ? " WHERE other IS NOT NULL" : "", labelled ? " WHERE text IS NOT NULL" : "");
	(void) dml_query_read(query, &reader);
}

bool
answer_query(Datum value, Oid given_type, Oid *type, Datum *query)
{
	Oid			base = getBaseType(given_type);
	ArrayType  *array;
	int			dim;
	Oid			cast;

	*type = base;
	*query = value;
	if (base == dml_vector_type_oid())
		return true;
	cast = dml_feature_cast(base);
	if (OidIsValid(cast))
		array = dml_feature_cast_array(cast, value);
	else if (OidIsValid(get_element_type(base)))
		array = DatumGetArrayTypeP(value);
	else
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query is of type %s", format_type_be(base)),
				 errdetail("A query is an array of numbers or a vector."),
				 errhint("Cast it, e.g. to real[].")));
	if (array == NULL)
		return false;
	pfree(dml_floats_from_array(array, NULL, &dim));	/* an error unless it is one of numbers */
	*type = get_array_type(ARR_ELEMTYPE(array));
	*query = PointerGetDatum(array);
	return true;
}

const DmlVector *
answer_query_vector(Datum value, Oid given_type, uint64 space, int dim)
{
	DmlVector  *like = dml_vector_new(dim, space);
	DmlVector  *vector;
	Oid			type;
	Datum		query;

	if (!answer_query(value, given_type, &type, &query))
		return NULL;
	if (type == dml_vector_type_oid())
	{
		vector = DatumGetDmlVectorP(query);
		dml_vector_check_beside(like, vector);
	}
	else if (space != 0)
		vector = dml_version_embed_array(dml_version_by_space(space), DatumGetArrayTypeP(query));
	else
	{
		int			elements;
		float4	   *x = dml_floats_from_array(DatumGetArrayTypeP(query), NULL, &elements);

		vector = dml_vector_new(elements, 0);
		memcpy(vector->x, x, sizeof(float4) * elements);
		dml_vector_check_same(like, vector);
	}
	return vector;
}
