/*
 * store.c
 *	  Adding a version to the catalogue.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "catalog.h"

#define LIBRARY_VERSION	"1.0"

void
dml_version_check_name(const char *name)
{
	CatalogModel model;

	int32		number;
	char		side;

	if (name[0] == '\0' || strchr(name, '@') != NULL || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot be the name of a model", name),
				 errdetail("A name has 1 to %d bytes and no \"@\": name@3 means version 3.", NAMEDATALEN - 1)));
	(void) catalog_split_name(name, &number, &side);
	if (side != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot be the name of a model", name),
				 errdetail("A name does not end in \"/a\" or \"/b\": these mean the sides of a model of two inputs.")));
	if (catalog_find_model(name, 0, NULL, &model) && !catalog_is_owner(GetUserId(), &model))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", name),
				 errhint("Train under another name.")));
}

uint64
store_space(bytea *weights)
{
	bytea	   *hash = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(weights)));
	uint64		space = 0;

	for (int i = 0; i < 8; i++)
		space = space << 8 | (unsigned char) VARDATA_ANY(hash)[i];
	return space == 0 ? 1 : space;
}

/* A text parameter that may be NULL. */
static Datum
text_or_null(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* The names of columns, or NULL if the input is an array. */
static Datum
names_or_null(DmlInputKind kind, int n, char **columns, char *null)
{
	Datum	   *names;

	*null = kind == DML_INPUT_COLUMNS ? ' ' : 'n';
	if (kind != DML_INPUT_COLUMNS)
		return (Datum) 0;
	names = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
		names[i] = CStringGetTextDatum(columns[i]);
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
float_or_null(double value, char *null)
{
	*null = isnan(value) ? 'n' : ' ';
	return Float8GetDatum(value);
}

/*
 * Find the model and lock its row, so that trainings of one name that end together take their
 * numbers in turn.  Create the model if there is none, also if it is dropped in between.
 */
static void
make_model(const char *name, Oid user, CatalogModel *model)
{
	CatalogRole owner;
	Oid			types[2] = {TEXTOID, catalog_role_type()};
	Datum		values[2];

	catalog_role_store(user, &owner);
	values[0] = CStringGetTextDatum(name);
	values[1] = PointerGetDatum(&owner);
	while (!catalog_lock_model(name, model))
	{
		CHECK_FOR_INTERRUPTS();
		catalog_execute("INSERT INTO dml_catalog.model (name, owner, active) VALUES ($1, $2, 0) "
						"ON CONFLICT (name) DO NOTHING", 2, types, values, NULL, false);
	}
}

int32
dml_version_add(const DmlNewVersion *v)
{
	CatalogAccess access;
	CatalogModel model;
	Oid			types[34];
	Datum		values[34];
	char		nulls[34];
	int			n = 0;
	bytea	   *blob;
	int32		number;

	dml_version_check_name(v->name);
	if (v->weights_size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model is too large to be stored: %zu bytes", v->weights_size)));
	blob = palloc(VARHDRSZ + v->weights_size);
	SET_VARSIZE(blob, VARHDRSZ + v->weights_size);
	memcpy(VARDATA(blob), v->weights, v->weights_size);
	catalog_begin(&access);
	make_model(v->name, access.user, &model);
	catalog_check_owner(access.user, &model);

#define PARAMETER(type, datum) \
	(types[n] = (type), nulls[n] = ' ', values[n] = (datum), n++)
#define TEXT_PARAMETER(text) \
	(types[n] = TEXTOID, values[n] = text_or_null((text), &nulls[n]), n++)
#define FLOAT_PARAMETER(value) \
	(types[n] = FLOAT8OID, values[n] = float_or_null((value), &nulls[n]), n++)

	PARAMETER(INT8OID, Int64GetDatum(model.id));
	PARAMETER(INT8OID, Int64GetDatum((int64) store_space(blob)));
	TEXT_PARAMETER(v->method);
	TEXT_PARAMETER(v->asked_method);
	TEXT_PARAMETER(v->network);
	TEXT_PARAMETER(v->preprocessing);
	PARAMETER(INT4OID, Int32GetDatum(v->in));
	PARAMETER(INT4OID, Int32GetDatum(v->dims));
	types[n] = TEXTARRAYOID;
	values[n] = names_or_null(v->input_kind, v->n_columns, v->columns, &nulls[n]);
	n++;
	PARAMETER(BYTEAOID, PointerGetDatum(blob));
	TEXT_PARAMETER(v->source);
	TEXT_PARAMETER(v->features);
	TEXT_PARAMETER(v->label);
	PARAMETER(INT8OID, Int64GetDatum(v->rows));
	PARAMETER(INT8OID, Int64GetDatum(v->skipped));
	PARAMETER(INT4OID, Int32GetDatum(v->classes));
	PARAMETER(INT4OID, Int32GetDatum(v->epochs));
	FLOAT_PARAMETER(v->seconds);
	PARAMETER(INT8OID, Int64GetDatum(v->seed));
	TEXT_PARAMETER(v->score_name);
	FLOAT_PARAMETER(v->score_none);
	FLOAT_PARAMETER(v->score_whiten);
	FLOAT_PARAMETER(v->score_model);
	TEXT_PARAMETER(v->settings);
	TEXT_PARAMETER(v->history);
	TEXT_PARAMETER(v->candidates ? v->candidates : "[]");
	TEXT_PARAMETER(v->reason);
	TEXT_PARAMETER(LIBRARY_VERSION);
	TEXT_PARAMETER(v->supervision);
	PARAMETER(INT8OID, Int64GetDatum(v->constraints));
	TEXT_PARAMETER(v->features_b);
	types[n] = TEXTARRAYOID;
	values[n] = names_or_null(v->features_b ? v->input_kind_b : DML_INPUT_ARRAY, v->n_columns_b, v->columns_b, &nulls[n]);
	n++;
	PARAMETER(INT4OID, Int32GetDatum(v->in_b));
	nulls[n - 1] = v->features_b ? ' ' : 'n';
	PARAMETER(BOOLOID, BoolGetDatum(v->imported));
	Assert(n == lengthof(types));

	if (catalog_execute("INSERT INTO dml_catalog.version (model_id, number, space, method, asked_method, network, "
					"preprocessing, inputs, dims, columns, weights, source, features, label, rows, skipped, "
					"classes, epochs, seconds, seed, metric, without_learning, whitened, learned, settings, "
					"history, candidates, reason, library_version, supervision, constraints, features_b, columns_b, inputs_b, imported) "
					"SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
					"$14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24::jsonb, $25::jsonb, $26::jsonb, $27, $28, $29, $30, $31, $32, $33, $34 "
					"FROM dml_catalog.version WHERE model_id = $1 RETURNING number", n, types, values, nulls, false) != 1)
		catalog_damaged("A trigger or a rule keeps rows out of the table \"version\".");
	number = DatumGetInt32(catalog_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, INT4OID));
	types[1] = INT4OID;
	values[1] = Int32GetDatum(number);
	if (!v->inactive || model.active == 0)
		catalog_execute("UPDATE dml_catalog.model SET active = $2 WHERE id = $1", 2, types, values, NULL, false);
	catalog_end(&access);
	return number;
}
