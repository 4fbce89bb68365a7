/*
 * role.c
 *	  Roles in the catalogue, and what they may do with a model.
 *
 * A dump carries names, since a role's OID means nothing in another cluster; but a name
 * alone would give a dropped role's models to whoever is next called so, and would take
 * them from a role that is renamed.  So each role is stored with its name, its OID and
 * its home, which says where the OID holds: this cluster and this database.  At home
 * the OID counts; elsewhere, which is after a restore, the name does.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "catalog.h"

#define PUBLIC_NAME		"public"	/* no role can be called so */

PG_FUNCTION_INFO_V1(dml_catalog_role_id);
PG_FUNCTION_INFO_V1(dml_catalog_role_name);

/* A restored database has another OID, even in the cluster that the dump was taken from. */
static int64
home(void)
{
	return (int64) (GetSystemIdentifier() ^ ((uint64) MyDatabaseId << 32));
}

void
catalog_role_store(Oid role, CatalogRole *stored)
{
	namestrcpy(&stored->name, OidIsValid(role) ? GetUserNameFromId(role, false) : PUBLIC_NAME);
	stored->oid = role;
	stored->home = home();
}

Oid
catalog_role_find(const char *name, Oid oid, int64 stored_home)
{
	if (stored_home == home())
		return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(oid)) ? oid : InvalidOid;
	return get_role_oid(name, true);
}

bool
catalog_is_owner(Oid user, const CatalogModel *model)
{
	return superuser_arg(user) || (OidIsValid(model->owner) && has_privs_of_role(user, model->owner));
}

void
catalog_check_owner(Oid user, const CatalogModel *model)
{
	if (!catalog_is_owner(user, model))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model->name),
				 errhint("The view dml_models shows the owners.")));
}

/* Does this row of dml_catalog.privilege give the privilege to the user? */
static bool
gives(CatalogScan *scan, HeapTuple row, Oid user, const char *privilege)
{
	bool		isnull;
	Datum		constraints = catalog_column(scan, row, PRIVILEGE_PRIVILEGE, &isnull);
	char	   *grantee = NameStr(*DatumGetName(catalog_column(scan, row, PRIVILEGE_GRANTEE, &isnull)));
	Oid			grantee_id = DatumGetObjectId(catalog_column(scan, row, PRIVILEGE_GRANTEE_ID, &isnull));
	int64		grantee_home = DatumGetInt64(catalog_column(scan, row, PRIVILEGE_GRANTEE_HOME, &isnull));
	Oid			role;

	if (strcmp(TextDatumGetCString(constraints), privilege) != 0)
		return false;
	if (strcmp(grantee, PUBLIC_NAME) == 0)
		return true;
	role = catalog_role_find(grantee, grantee_id, grantee_home);
	return OidIsValid(role) && has_privs_of_role(user, role);
}

bool
catalog_may(Oid user, int64 model_id, const char *privilege)
{
	CatalogModel model;
	CatalogScan scan;
	HeapTuple	row;
	bool		found = false;

	if (superuser_arg(user))
		return true;
	if (!catalog_find_model(NULL, model_id, NULL, &model))
		return false;
	if (catalog_is_owner(user, &model))
		return true;

	catalog_key(&scan, 0, PRIVILEGE_MODEL_ID, F_INT8EQ, Int64GetDatum(model_id));
	catalog_scan_begin(&scan, "privilege", "privilege_pkey", 1, NULL);
	while (!found && HeapTupleIsValid(row = catalog_scan_next(&scan)))
		found = gives(&scan, row, user, privilege);
	catalog_scan_end(&scan);
	return found;
}

void
catalog_denied(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for model \"%s\"", name),
			 errhint("Its owner can give it with dml_grant.")));
}

/* dml_catalog.role_id(name, oid, home): 0 for public, NULL for a role that is gone. */
Datum
dml_catalog_role_id(PG_FUNCTION_ARGS)
{
	char	   *name = NameStr(*PG_GETARG_NAME(0));
	Oid			role;

	if (strcmp(name, PUBLIC_NAME) == 0)
		PG_RETURN_OID(InvalidOid);
	role = catalog_role_find(name, PG_GETARG_OID(1), PG_GETARG_INT64(2));
	if (!OidIsValid(role))
		PG_RETURN_NULL();
	PG_RETURN_OID(role);
}

/*
 * dml_catalog.role_name(name, oid, home): what the role is called now; "unknown (OID=...)"
 * as PostgreSQL has it, when it was dropped; the dump's name when it was never created here.
 */
Datum
dml_catalog_role_name(PG_FUNCTION_ARGS)
{
	Name		name = PG_GETARG_NAME(0);
	Oid			oid = PG_GETARG_OID(1);
	Name		result;

	if (strcmp(NameStr(*name), PUBLIC_NAME) == 0 || PG_GETARG_INT64(2) != home())
		PG_RETURN_NAME(name);
	result = DatumGetName(DirectFunctionCall1(pg_get_userbyid, ObjectIdGetDatum(oid)));
	PG_RETURN_NAME(result);
}
