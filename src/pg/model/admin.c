/*
 * admin.c
 *	  What the owner of a model can do: grant, revoke, change the owner, activate, drop.
 *
 * Each change locks the model's row first, so that changes of one model are made in succession.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"

PG_FUNCTION_INFO_V1(dml_grant);
PG_FUNCTION_INFO_V1(dml_revoke);
PG_FUNCTION_INFO_V1(dml_set_owner);
PG_FUNCTION_INFO_V1(dml_drop_model);
PG_FUNCTION_INFO_V1(dml_drop_version);
PG_FUNCTION_INFO_V1(dml_activate);

/* Within catalog_begin: find and lock a model for its owner to change. */
static void
lock_own(const char *name, const CatalogAccess *access, CatalogModel *model)
{
	if (!catalog_lock_model(name, model))
		catalog_no_model(name);
	catalog_check_owner(access->user, model);
}

/* The grantee; InvalidOid for public, in upper or lower case, unless a role has that name. */
static Oid
grantee_oid(const char *name)
{
	return get_role_oid(name, pg_strcasecmp(name, "public") == 0);
}

/*
 * Arguments: model, role, privilege.  Delete the role's privilege, and insert it again if grant is
 * set.
 */
static void
change_privilege(FunctionCallInfo fcinfo, bool grant)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	CatalogAccess access;
	CatalogModel model;
	CatalogRole role;
	Oid			types[4] = {INT8OID, TEXTOID, OIDOID, catalog_role_type()};
	Datum		values[4];

	if (strcmp(privilege, "embed") != 0 && strcmp(privilege, "weights") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", privilege),
				 errhint("Valid privileges are: embed, weights.")));
	catalog_role_store(grantee_oid(NameStr(*PG_GETARG_NAME(1))), &role);

	catalog_begin(&access);
	lock_own(name, &access, &model);
	values[0] = Int64GetDatum(model.id);
	values[1] = CStringGetTextDatum(privilege);
	values[2] = ObjectIdGetDatum(role.oid);
	values[3] = PointerGetDatum(&role);
	catalog_execute("DELETE FROM dml_catalog.privilege WHERE model_id = $1 AND privilege = $2 "
					"AND dml_catalog.role_id(grantee) = $3", 3, types, values, NULL, false);
	if (grant)
		catalog_execute("INSERT INTO dml_catalog.privilege (model_id, privilege, grantee) VALUES ($1, $2, $4)",
						4, types, values, NULL, false);
	catalog_end(&access);
}

/* dml_grant(model, role or 'public', 'embed' or 'weights').  Granting twice is no error. */
Datum
dml_grant(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("dml_grant()");
	change_privilege(fcinfo, true);
	PG_RETURN_VOID();
}

/*
 * dml_revoke(model, role or 'public', privilege): undoes dml_grant.  It is no error if there is
 * nothing to undo.
 */
Datum
dml_revoke(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("dml_revoke()");
	change_privilege(fcinfo, false);
	PG_RETURN_VOID();
}

/*
 * dml_set_owner(model, role): as ALTER ...  OWNER TO.  The caller must be a member of the new role.
 */
Datum
dml_set_owner(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			owner = get_role_oid(NameStr(*PG_GETARG_NAME(1)), false);
	CatalogAccess access;
	CatalogModel model;
	CatalogRole role;
	Oid			types[2] = {INT8OID, catalog_role_type()};
	Datum		values[2];

	PreventCommandIfReadOnly("dml_set_owner()");
#if PG_VERSION_NUM >= 160000
	check_can_set_role(GetUserId(), owner);
#else
	check_is_member_of_role(GetUserId(), owner);
#endif
	catalog_role_store(owner, &role);
	catalog_begin(&access);
	lock_own(name, &access, &model);
	values[0] = Int64GetDatum(model.id);
	values[1] = PointerGetDatum(&role);
	catalog_execute("UPDATE dml_catalog.model SET owner = $2 WHERE id = $1", 2, types, values, NULL, false);
	catalog_end(&access);
	PG_RETURN_VOID();
}

/*
 * Within catalog_begin: the materialised columns that use a model, or one version (0: all), as
 * text, as the active snapshot sees them; NULL if there are none.  Only those count that are on
 * record for a table whose owner may embed with the model.  Anybody can make a trigger that names a
 * model, which must not keep the model from being dropped.
 */
static char *
columns_using(const CatalogModel *model, int32 number)
{
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2] = {Int64GetDatum(model->id), Int32GetDatum(number)};
	StringInfoData columns;

	initStringInfo(&columns);
	catalog_execute("SELECT used, relowner FROM ("
					"SELECT a.attrelid::regclass::text || '.' || quote_ident(a.attname) AS used, r.relowner "
					"FROM dml_catalog.column_info c JOIN pg_attribute a "
					"ON a.attrelid = dml_catalog.column_table(c.place) AND a.attnum = dml_catalog.column_number(c.place) "
					"JOIN pg_class r ON r.oid = a.attrelid WHERE c.model_id = $1 AND $2 IN (0, c.number)) u "
					"ORDER BY used COLLATE \"C\"",
					2, types, values, NULL, true);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;
		Oid			owner = DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));

		if (catalog_may(owner, model->id, "embed"))
			appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
							 SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
	}
	return columns.len > 0 ? columns.data : NULL;
}

/*
 * dml_drop_model(model): drop all versions.  It is refused while a column uses one of them.
 *
 * dml_column_record locks the version that it refers to.  So the versions are deleted first, which
 * waits for that lock, and then a new snapshot shows the records.
 */
Datum
dml_drop_model(PG_FUNCTION_ARGS)
{
	static const char *const deletes[] = {
		"DELETE FROM dml_catalog.version WHERE model_id = $1",
		"DELETE FROM dml_catalog.privilege WHERE model_id = $1",
		"DELETE FROM dml_catalog.calibration WHERE model_id = $1",
		"DELETE FROM dml_catalog.model WHERE id = $1",
		/* the records that are left are of columns that are gone, or whose owner lost the right */
		"DELETE FROM dml_catalog.column_info WHERE model_id = $1"
	};
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CatalogAccess access;
	CatalogModel model;
	Oid			types[1] = {INT8OID};
	Datum		values[1];
	char	   *used;

	PreventCommandIfReadOnly("dml_drop_model()");
	catalog_begin(&access);
	lock_own(name, &access, &model);
	values[0] = Int64GetDatum(model.id);
	catalog_execute(deletes[0], 1, types, values, NULL, false);
	PushActiveSnapshot(GetLatestSnapshot());
	used = columns_using(&model, 0);
	PopActiveSnapshot();
	if (used)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop model \"%s\" because columns are made with it", name),
				 errdetail("Columns: %s.", used),
				 errhint("Remove them with dml_dematerialize, or materialise them with another model, first.")));
	for (int i = 1; i < lengthof(deletes); i++)
		catalog_execute(deletes[i], 1, types, values, NULL, false);
	catalog_end(&access);
	PG_RETURN_VOID();
}

/*
 * dml_drop_version(model, version): drop one version, which is not the active one.  It is refused
 * while a column uses it, as dml_drop_model is.
 */
Datum
dml_drop_version(PG_FUNCTION_ARGS)
{
	static const char *const deletes[] = {
		"DELETE FROM dml_catalog.version WHERE model_id = $1 AND number = $2",
		"DELETE FROM dml_catalog.calibration WHERE model_id = $1 AND number = $2",
		"DELETE FROM dml_catalog.column_info WHERE model_id = $1 AND number = $2"
	};
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int32		number = PG_GETARG_INT32(1);
	CatalogAccess access;
	CatalogModel model;
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2];
	char	   *used;

	PreventCommandIfReadOnly("dml_drop_version()");
	catalog_begin(&access);
	lock_own(name, &access, &model);
	if (number == model.active)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("version %d is the active version of model \"%s\"", number, name),
				 errhint("Make another version active by dml_activate first, or drop the model by dml_drop_model.")));
	values[0] = Int64GetDatum(model.id);
	values[1] = Int32GetDatum(number);
	if (catalog_execute(deletes[0], 2, types, values, NULL, false) == 0)
		catalog_no_version(&model, number);
	PushActiveSnapshot(GetLatestSnapshot());
	used = columns_using(&model, number);
	PopActiveSnapshot();
	if (used)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop version %d of model \"%s\" because columns are made with it", number, name),
				 errdetail("Columns: %s.", used),
				 errhint("Remove them with dml_dematerialize, or materialise them with another version, first.")));
	for (int i = 1; i < lengthof(deletes); i++)
		catalog_execute(deletes[i], 2, types, values, NULL, false);
	catalog_end(&access);
	PG_RETURN_VOID();
}

/* dml_activate(model, version): make the version the active one. */
Datum
dml_activate(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int32		number = PG_GETARG_INT32(1);
	CatalogAccess access;
	CatalogModel model;
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2];

	PreventCommandIfReadOnly("dml_activate()");
	catalog_begin(&access);
	lock_own(name, &access, &model);
	values[0] = Int64GetDatum(model.id);
	values[1] = Int32GetDatum(number);
	if (catalog_execute("UPDATE dml_catalog.model SET active = $2 WHERE id = $1 AND EXISTS "
						"(SELECT FROM dml_catalog.version WHERE model_id = $1 AND number = $2)",
						2, types, values, NULL, false) == 0)
		catalog_no_version(&model, number);
	catalog_end(&access);
	PG_RETURN_VOID();
}
