/*
 * role.c
 *	  Roles in the catalogue, and their rights to a model.
 *
 * A dump carries names, since a role's OID means nothing in another cluster.  The table stores the
 * OID.  A name would give a dropped role's models to the next role with that name, and would take
 * them from a role that is renamed.  The type dml_catalog.stored_role joins the two: its text is
 * the role's name when the text is written, and reading the text looks the name up.  pg_upgrade and
 * base backups copy the OID, which their roles keep.
 *
 * Unlike regrole, the type reads the name of a role that does not exist, so that a dump can be
 * restored without its roles.  Such a name waits for a role of that name.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "catalog.h"

#define ROLE_TYPE		"stored_role"
#define PUBLIC_NAME		"public"	/* no role can have this name */
#define GONE_TEXT		"-"		/* nor this one: it would be in quotes */

PG_FUNCTION_INFO_V1(dml_catalog_stored_role_in);
PG_FUNCTION_INFO_V1(dml_catalog_stored_role_out);
PG_FUNCTION_INFO_V1(dml_catalog_role_id);
PG_FUNCTION_INFO_V1(dml_catalog_role_name);

Oid
catalog_role_type(void)
{
	Oid			schema = get_namespace_oid("dml_catalog", true);

	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(ROLE_TYPE), ObjectIdGetDatum(schema));
}

void
catalog_role_store(Oid role, CatalogRole *stored)
{
	memset(stored, 0, sizeof(CatalogRole));
	stored->oid = role;
	if (!OidIsValid(role))
		namestrcpy(&stored->name, PUBLIC_NAME);
}

static bool
is_public(const CatalogRole *stored)
{
	return !OidIsValid(stored->oid) && strncmp(NameStr(stored->name), PUBLIC_NAME, NAMEDATALEN) == 0;
}

Oid
catalog_role_find(const CatalogRole *stored)
{
	if (OidIsValid(stored->oid))
		return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(stored->oid)) ? stored->oid : InvalidOid;
	if (NameStr(stored->name)[0] == '\0' || is_public(stored))
		return InvalidOid;
	return get_role_oid(pnstrdup(NameStr(stored->name), NAMEDATALEN - 1), true);
}

/* The role's current name, or NULL if it was dropped. */
static const char *
current_name(const CatalogRole *stored)
{
	if (OidIsValid(stored->oid))
		return GetUserNameFromId(stored->oid, true);
	return NameStr(stored->name)[0] == '\0' ? NULL : pnstrdup(NameStr(stored->name), NAMEDATALEN - 1);
}

/*
 * The text of a stored role: its name, quoted as SQL requires; "public"; or "-" for a dropped role.
 */
Datum
dml_catalog_stored_role_out(PG_FUNCTION_ARGS)
{
	const CatalogRole *stored = (CatalogRole *) PG_GETARG_POINTER(0);
	const char *name = current_name(stored);

	if (name == NULL)
		PG_RETURN_CSTRING(pstrdup(GONE_TEXT));
	PG_RETURN_CSTRING(pstrdup(is_public(stored) ? name : quote_identifier(name)));
}

/* A name from text that quote_identifier made, allocated by palloc. */
static char *
unquoted(const char *text)
{
	char	   *result = palloc(strlen(text) + 1);
	char	   *to = result;
	const char *from = text;

	if (*from != '"')
		return strcpy(result, text);
	for (from++; *from != '\0' && !(from[0] == '"' && from[1] != '"'); from++)
	{
		if (*from == '"')
			from++;
		*to++ = *from;
	}
	*to = '\0';
	if (from[0] != '"' || from[1] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid name of a role: \"%s\"", text)));
	return result;
}

Datum
dml_catalog_stored_role_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	CatalogRole *stored = palloc0(sizeof(CatalogRole));
	char	   *name = unquoted(text);

	if (strcmp(text, GONE_TEXT) == 0)
		PG_RETURN_POINTER(stored);
	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid name of a role: \"%s\"", text)));
	if (strcmp(text, PUBLIC_NAME) != 0)
		stored->oid = get_role_oid(name, true);
	if (!OidIsValid(stored->oid))
		namestrcpy(&stored->name, name);
	PG_RETURN_POINTER(stored);
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

/* Whether this row of dml_catalog.privilege gives the privilege to the user. */
static bool
gives(CatalogScan *scan, HeapTuple row, Oid user, const char *privilege)
{
	TupleDesc	desc = RelationGetDescr(scan->table);
	Datum		given = catalog_value(row, desc, PRIVILEGE_PRIVILEGE, TEXTOID);
	const CatalogRole *grantee = (CatalogRole *) DatumGetPointer(catalog_value(row, desc, PRIVILEGE_GRANTEE, catalog_role_type()));
	Oid			role;

	if (strcmp(TextDatumGetCString(given), privilege) != 0)
		return false;
	if (is_public(grantee))
		return true;
	role = catalog_role_find(grantee);
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
	catalog_scan_begin(&scan, "privilege", "privilege_model_idx", 1, NULL);
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
			 errhint("Its owner can grant the right with dml_grant.")));
}

/*
 * dml_catalog.role_id(stored_role): 0 for public, NULL for a role that was dropped or does not
 * exist yet.
 */
Datum
dml_catalog_role_id(PG_FUNCTION_ARGS)
{
	const CatalogRole *stored = (CatalogRole *) PG_GETARG_POINTER(0);
	Oid			role = catalog_role_find(stored);

	if (!OidIsValid(role) && !is_public(stored))
		PG_RETURN_NULL();
	PG_RETURN_OID(role);
}

/*
 * dml_catalog.role_name(stored_role): the role's current name, or the name that a dump had;
 * "unknown (OID=...)", as PostgreSQL writes it, for a dropped role; "unknown" if it was dropped
 * before a dump.
 */
Datum
dml_catalog_role_name(PG_FUNCTION_ARGS)
{
	const CatalogRole *stored = (CatalogRole *) PG_GETARG_POINTER(0);
	const char *name = current_name(stored);
	Name		result = palloc0(sizeof(NameData));

	namestrcpy(result, name ? name : OidIsValid(stored->oid) ? psprintf("unknown (OID=%u)", stored->oid) : "unknown");
	PG_RETURN_NAME(result);
}
