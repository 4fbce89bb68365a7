/*
 * catalog.c
 *	  The tables in dml_catalog: who may do what with a model, adding a version,
 *	  recording a column.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "catalog.h"

#define LIBRARY_VERSION	"1.0"

/* The owner of the catalogue's tables. */
static Oid
catalog_owner(void)
{
	Oid			schema = get_namespace_oid("dml_catalog", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("model", schema) : InvalidOid;
	HeapTuple	tuple = OidIsValid(relid) ? SearchSysCache1(RELOID, ObjectIdGetDatum(relid)) : NULL;
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the extension dml is not installed in this database"),
				 errhint("CREATE EXTENSION dml;")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
catalog_begin(CatalogAccess *access)
{
	Oid			owner = catalog_owner();

	GetUserIdAndSecContext(&access->user, &access->sec_context);
	SetUserIdAndSecContext(owner, access->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	access->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
}

void
catalog_end(CatalogAccess *access)
{
	SPI_finish();
	AtEOXact_GUC(false, access->guc_level);
	SetUserIdAndSecContext(access->user, access->sec_context);
}

uint64
catalog_execute(const char *sql, int n, Oid *types, Datum *values, const char *nulls, bool read_only)
{
	int			code = SPI_execute_with_args(sql, n, types, values, nulls, read_only, 0);

	if (code < 0)
		elog(ERROR, "statement on the catalogue of models failed: %s", SPI_result_code_string(code));
	return SPI_processed;
}

void
catalog_no_model(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", name),
			 errhint("SELECT name FROM dml_models lists those that do.")));
}

void
catalog_denied(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for model \"%s\"", name),
			 errhint("Its owner can give it with dml_grant.")));
}

char *
catalog_split_name(const char *text, int32 *number)
{
	const char *at = strrchr(text, '@');
	char	   *end;
	long		value;

	*number = 0;
	if (at == NULL)
		return pstrdup(text);
	errno = 0;
	value = strtol(at + 1, &end, 10);
	if (at[1] < '1' || at[1] > '9' || *end != '\0' || errno != 0 || value > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not the name of a model", text),
				 errhint("Write name for the active version, or name@3 for version 3.")));
	*number = (int32) value;
	return pnstrdup(text, at - text);
}

bool
catalog_find_model(const char *name, bool lock, CatalogModel *model)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	bool		isnull;
	HeapTuple	row;
	TupleDesc	desc;

	if (catalog_execute(lock ? "SELECT id, owner, active FROM dml_catalog.model WHERE name = $1 FOR UPDATE"
						: "SELECT id, owner, active FROM dml_catalog.model WHERE name = $1",
						1, types, values, NULL, !lock) == 0)
		return false;
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	model->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	model->owner = pstrdup(NameStr(*DatumGetName(SPI_getbinval(row, desc, 2, &isnull))));
	model->active = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
	return true;
}

bool
catalog_is_owner(Oid user, const CatalogModel *model)
{
	Oid			owner = get_role_oid(model->owner, true);

	return superuser_arg(user) || (OidIsValid(owner) && has_privs_of_role(user, owner));
}

bool
catalog_may(Oid user, const CatalogModel *model, const char *privilege)
{
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(model->id), CStringGetTextDatum(privilege)};
	uint64		n;

	if (catalog_is_owner(user, model))
		return true;
	n = catalog_execute("SELECT grantee FROM dml_catalog.privilege WHERE model_id = $1 AND privilege = $2",
						2, types, values, NULL, true);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		char	   *grantee = NameStr(*DatumGetName(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
																  1, &isnull)));
		Oid			role;

		if (strcmp(grantee, "public") == 0)
			return true;
		role = get_role_oid(grantee, true);
		if (OidIsValid(role) && has_privs_of_role(user, role))
			return true;
	}
	return false;
}

void
dml_version_check_name(const char *name)
{
	CatalogAccess access;
	CatalogModel model;

	if (name[0] == '\0' || strchr(name, '@') != NULL || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot be the name of a model", name),
				 errdetail("A name has 1 to %d bytes and no \"@\": name@3 means version 3.", NAMEDATALEN - 1)));
	catalog_begin(&access);
	if (catalog_find_model(name, false, &model) && !catalog_is_owner(access.user, &model))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", name),
				 errhint("Train under another name.")));
	catalog_end(&access);
}

/* The first 8 bytes of the SHA-256 of the weights; never 0, which means a plain vector. */
static uint64
space_of(const void *weights, size_t size)
{
	bytea	   *blob = palloc(VARHDRSZ + size);
	bytea	   *hash;
	uint64		space = 0;

	SET_VARSIZE(blob, VARHDRSZ + size);
	memcpy(VARDATA(blob), weights, size);
	hash = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(blob)));
	for (int i = 0; i < 8; i++)
		space = space << 8 | (unsigned char) VARDATA_ANY(hash)[i];
	pfree(blob);
	return space == 0 ? 1 : space;
}

/* A text parameter that may be NULL. */
static Datum
text_or_null(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static Datum
float_or_null(double value, char *null)
{
	*null = isnan(value) ? 'n' : ' ';
	return Float8GetDatum(value);
}

int32
dml_version_add(const DmlNewVersion *v)
{
	CatalogAccess access;
	CatalogModel model;
	Oid			types[28];
	Datum		values[28];
	char		nulls[28];
	int			n = 0;
	bytea	   *blob;
	bool		isnull;
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

	{
		Oid			model_types[2] = {TEXTOID, NAMEOID};
		Datum		model_values[2] = {CStringGetTextDatum(v->name),
			DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(access.user, false)))};

		catalog_execute("INSERT INTO dml_catalog.model (name, owner, active) VALUES ($1, $2, 0) "
						"ON CONFLICT (name) DO NOTHING", 2, model_types, model_values, NULL, false);
	}
	/* the lock makes trainings of one name that end together take their numbers in turn */
	if (!catalog_find_model(v->name, true, &model))
		catalog_no_model(v->name);
	if (!catalog_is_owner(access.user, &model))
		catalog_denied(v->name);

#define PARAMETER(type, datum) \
	(types[n] = (type), nulls[n] = ' ', values[n] = (datum), n++)
#define TEXT_PARAMETER(text) \
	(types[n] = TEXTOID, values[n] = text_or_null((text), &nulls[n]), n++)
#define FLOAT_PARAMETER(value) \
	(types[n] = FLOAT8OID, values[n] = float_or_null((value), &nulls[n]), n++)

	PARAMETER(INT8OID, Int64GetDatum(model.id));
	PARAMETER(INT8OID, Int64GetDatum((int64) space_of(v->weights, v->weights_size)));
	TEXT_PARAMETER(v->method);
	TEXT_PARAMETER(v->asked_method);
	TEXT_PARAMETER(v->network);
	TEXT_PARAMETER(v->preprocessing);
	PARAMETER(INT4OID, Int32GetDatum(v->in));
	PARAMETER(INT4OID, Int32GetDatum(v->dims));
	if (v->input_kind == DML_INPUT_COLUMNS)
	{
		Datum	   *names = palloc(sizeof(Datum) * v->n_columns);

		for (int i = 0; i < v->n_columns; i++)
			names[i] = CStringGetTextDatum(v->columns[i]);
		PARAMETER(TEXTARRAYOID, PointerGetDatum(construct_array(names, v->n_columns, TEXTOID, -1, false, TYPALIGN_INT)));
	}
	else
	{
		PARAMETER(TEXTARRAYOID, (Datum) 0);
		nulls[n - 1] = 'n';
	}
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
	Assert(n == lengthof(types));

	catalog_execute("INSERT INTO dml_catalog.version (model_id, number, space, method, asked_method, network, "
					"preprocessing, inputs, dims, columns, weights, source, features, label, rows, skipped, "
					"classes, epochs, seconds, seed, metric, without_learning, whitened, learned, settings, "
					"history, candidates, reason, library_version) "
					"SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
					"$14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24::jsonb, $25::jsonb, $26::jsonb, $27, $28 "
					"FROM dml_catalog.version WHERE model_id = $1", n, types, values, nulls, false);
	catalog_execute("UPDATE dml_catalog.model SET active = (SELECT max(number) FROM dml_catalog.version "
					"WHERE model_id = $1) WHERE id = $1", 1, types, values, NULL, false);
	catalog_execute("SELECT active FROM dml_catalog.model WHERE id = $1", 1, types, values, NULL, false);
	number = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	catalog_end(&access);
	return number;
}

/* ---------- materialised columns ---------- */

void
dml_column_record(const DmlColumn *column)
{
	CatalogAccess access;
	NameData	name;
	Oid			types[5] = {REGCLASSOID, NAMEOID, INT8OID, INT4OID, TEXTOID};
	Datum		values[5];

	namestrcpy(&name, column->column);
	values[0] = ObjectIdGetDatum(column->relid);
	values[1] = NameGetDatum(&name);
	values[2] = Int64GetDatum(column->model_id);
	values[3] = Int32GetDatum(column->number);
	values[4] = CStringGetTextDatum(column->features);
	catalog_begin(&access);
	catalog_execute("INSERT INTO dml_catalog.column_info VALUES ($1, $2, $3, $4, $5) "
					"ON CONFLICT (relation, \"column\") DO UPDATE SET model_id = excluded.model_id, "
					"number = excluded.number, features = excluded.features",
					5, types, values, NULL, false);
	catalog_end(&access);
}

DmlColumn *
dml_column_find(Oid relid, const char *column)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogAccess access;
	NameData	name;
	Oid			types[2] = {REGCLASSOID, NAMEOID};
	Datum		values[2];
	DmlColumn  *found = NULL;

	namestrcpy(&name, column);
	values[0] = ObjectIdGetDatum(relid);
	values[1] = NameGetDatum(&name);
	catalog_begin(&access);
	if (catalog_execute("SELECT c.model_id, c.number, v.space, c.features FROM dml_catalog.column_info c "
						"JOIN dml_catalog.version v ON v.model_id = c.model_id AND v.number = c.number "
						"WHERE c.relation = $1 AND c.\"column\" = $2", 2, types, values, NULL, false) > 0)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		found = MemoryContextAllocZero(caller, sizeof(DmlColumn));
		found->relid = relid;
		found->attnum = get_attnum(relid, column);
		found->column = MemoryContextStrdup(caller, column);
		found->model_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		found->number = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
		found->space = (uint64) DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
		found->features = MemoryContextStrdup(caller, SPI_getvalue(row, desc, 4));
	}
	catalog_end(&access);
	return found;
}

void
dml_column_forget(Oid relid, const char *column)
{
	CatalogAccess access;
	NameData	name;
	Oid			types[2] = {REGCLASSOID, NAMEOID};
	Datum		values[2];

	namestrcpy(&name, column);
	values[0] = ObjectIdGetDatum(relid);
	values[1] = NameGetDatum(&name);
	catalog_begin(&access);
	catalog_execute("DELETE FROM dml_catalog.column_info WHERE relation = $1 AND \"column\" = $2",
					2, types, values, NULL, false);
	catalog_end(&access);
}
