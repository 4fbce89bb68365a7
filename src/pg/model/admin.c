/*
 * admin.c
 *	  What an owner does with a model: grant, revoke, activate, drop; reading its weights;
 *	  and the list of methods.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "catalog.h"
#include "learn/methods.h"

PG_FUNCTION_INFO_V1(dml_grant);
PG_FUNCTION_INFO_V1(dml_revoke);
PG_FUNCTION_INFO_V1(dml_drop_model);
PG_FUNCTION_INFO_V1(dml_activate);
PG_FUNCTION_INFO_V1(dml_weights);
PG_FUNCTION_INFO_V1(dml_methods);

/* Find a model for its owner to change. */
static void
find_own(const char *name, const CatalogAccess *access, CatalogModel *model)
{
	if (!catalog_find_model(name, true, model))
		catalog_no_model(name);
	if (!catalog_is_owner(access->user, model))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", name)));
}

static void
change_privilege(FunctionCallInfo fcinfo, const char *sql)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *role = NameStr(*PG_GETARG_NAME(1));
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	CatalogAccess access;
	CatalogModel model;
	Oid			types[3] = {INT8OID, NAMEOID, TEXTOID};
	Datum		values[3];

	if (strcmp(privilege, "embed") != 0 && strcmp(privilege, "weights") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", privilege),
				 errhint("Valid privileges are: embed, weights.")));
	if (strcmp(role, "public") != 0)
		(void) get_role_oid(role, false);

	catalog_begin(&access);
	find_own(name, &access, &model);
	values[0] = Int64GetDatum(model.id);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = PG_GETARG_DATUM(2);
	catalog_execute(sql, 3, types, values, NULL, false);
	catalog_end(&access);
}

/* dml_grant(model, role or 'public', 'embed' or 'weights'). */
Datum
dml_grant(PG_FUNCTION_ARGS)
{
	change_privilege(fcinfo, "INSERT INTO dml_catalog.privilege VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
	PG_RETURN_VOID();
}

/* dml_revoke, of what dml_grant gave. */
Datum
dml_revoke(PG_FUNCTION_ARGS)
{
	change_privilege(fcinfo, "DELETE FROM dml_catalog.privilege WHERE model_id = $1 AND grantee = $2 AND privilege = $3");
	PG_RETURN_VOID();
}

/* dml_drop_model(model): with all versions; refused while a column is made with one of them. */
Datum
dml_drop_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CatalogAccess access;
	CatalogModel model;
	Oid			types[1] = {INT8OID};
	Datum		values[1];
	char	   *used;

	catalog_begin(&access);
	find_own(name, &access, &model);
	values[0] = Int64GetDatum(model.id);

	/* records of tables and columns that are gone do not count */
	catalog_execute("DELETE FROM dml_catalog.column_info c WHERE model_id = $1 AND NOT EXISTS "
					"(SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.relation "
					"AND a.attname = c.\"column\" AND NOT a.attisdropped)", 1, types, values, NULL, false);
	catalog_execute("SELECT string_agg(relation::text || '.' || quote_ident(\"column\"), ', ' ORDER BY 1) "
					"FROM (SELECT relation, \"column\" FROM dml_catalog.column_info WHERE model_id = $1) c "
					"(relation, \"column\")", 1, types, values, NULL, false);
	used = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (used)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop model \"%s\" because columns are made with it", name),
				 errdetail("Columns: %s.", used),
				 errhint("Drop the columns, or materialise them with another model, first.")));
	catalog_execute("DELETE FROM dml_catalog.model WHERE id = $1", 1, types, values, NULL, false);
	catalog_end(&access);
	PG_RETURN_VOID();
}

/* dml_activate(model, version): the name means this version from now on. */
Datum
dml_activate(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CatalogAccess access;
	CatalogModel model;
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2];

	catalog_begin(&access);
	find_own(name, &access, &model);
	values[0] = Int64GetDatum(model.id);
	values[1] = PG_GETARG_DATUM(1);
	if (catalog_execute("UPDATE dml_catalog.model SET active = $2 WHERE id = $1 AND EXISTS "
						"(SELECT FROM dml_catalog.version WHERE model_id = $1 AND number = $2)",
						2, types, values, NULL, false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", name, PG_GETARG_INT32(1))));
	catalog_end(&access);
	PG_RETURN_VOID();
}

/* dml_weights(model or model@version): the safetensors blob. */
Datum
dml_weights(PG_FUNCTION_ARGS)
{
	int32		number;
	char	   *name = catalog_split_name(text_to_cstring(PG_GETARG_TEXT_PP(0)), &number);
	MemoryContext caller = CurrentMemoryContext;
	CatalogAccess access;
	CatalogModel model;
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2];
	bytea	   *weights;
	bytea	   *result;
	bool		isnull;

	catalog_begin(&access);
	if (!catalog_find_model(name, false, &model))
		catalog_no_model(name);
	if (!catalog_may(access.user, &model, "weights"))
		catalog_denied(name);
	values[0] = Int64GetDatum(model.id);
	values[1] = Int32GetDatum(number > 0 ? number : model.active);
	if (catalog_execute("SELECT weights FROM dml_catalog.version WHERE model_id = $1 AND number = $2",
						2, types, values, NULL, true) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", name, number)));
	weights = DatumGetByteaP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	result = MemoryContextAlloc(caller, VARSIZE(weights));
	memcpy(result, weights, VARSIZE(weights));
	catalog_end(&access);
	PG_RETURN_BYTEA_P(result);
}

/* One row a method of the registry. */
Datum
dml_methods(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"choice", "closed form", "gradient"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	desc;
	Tuplestorestate *store;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || !(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	desc = CreateTupleDescCopy(desc);
	store = tuplestore_begin_heap(true, false, work_mem);
	for (int i = 0; i < method_count(); i++)
	{
		const Method *m = method_at(i);
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(m->name);
		values[1] = CStringGetTextDatum(kinds[m->kind]);
		values[2] = CStringGetTextDatum(m->supervision);
		nulls[3] = m->parameters == NULL || m->parameters[0] == '\0';
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(m->parameters);
		values[4] = CStringGetTextDatum(m->description);
		nulls[5] = m->paper == NULL;
		values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(m->paper);
		tuplestore_putvalues(store, desc, values, nulls);
	}
	MemoryContextSwitchTo(old);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = store;
	rsinfo->setDesc = desc;
	return (Datum) 0;
}
