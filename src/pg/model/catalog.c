/*
 * catalog.c
 *	  Access to the tables in dml_catalog: scans, models by name, statements that write.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "catalog.h"

#define CATALOG_SCHEMA	"dml_catalog"

/* The most names in a hint. */
#define HINT_NAMES		10

/* ---------- reading ---------- */

/* The OID of a table or index of the catalogue; InvalidOid: there is none. */
static Oid
catalog_relation(const char *name)
{
	Oid			schema = get_namespace_oid(CATALOG_SCHEMA, true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

static Relation
open_table(const char *name)
{
	Oid			relid = catalog_relation(name);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the extension dml is not installed in this database"),
				 errhint("CREATE EXTENSION dml;")));
	return table_open(relid, AccessShareLock);
}

void
catalog_key(CatalogScan *scan, int i, AttrNumber column, RegProcedure equal, Datum value)
{
	ScanKeyInit(&scan->key[i], column, BTEqualStrategyNumber, equal, value);
}

void
catalog_scan_begin(CatalogScan *scan, const char *table, const char *index, int n_keys, Snapshot snapshot)
{
	Oid			index_oid = catalog_relation(index);

	scan->table = open_table(table);
	scan->scan = systable_beginscan(scan->table, index_oid, OidIsValid(index_oid), snapshot, n_keys, scan->key);
}

HeapTuple
catalog_scan_next(CatalogScan *scan)
{
	return systable_getnext(scan->scan);
}

void
catalog_scan_end(CatalogScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->table, AccessShareLock);
}

void
catalog_damaged(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the catalogue of models is damaged"),
			 errdetail("%s", detail),
			 errhint("Tables of the schema dml_catalog have been changed by hand: restore them from a backup.")));
}

Datum
catalog_value_or_null(HeapTuple row, TupleDesc desc, AttrNumber column, Oid type, bool *isnull)
{
	Form_pg_attribute attribute = column <= desc->natts ? TupleDescAttr(desc, column - 1) : NULL;

	if (attribute == NULL || attribute->attisdropped || attribute->atttypid != type)
		catalog_damaged(psprintf("Column %d of a table, which should be of type %s, is gone or of another type.",
								 column, format_type_be(type)));
	return heap_getattr(row, column, desc, isnull);
}

Datum
catalog_value(HeapTuple row, TupleDesc desc, AttrNumber column, Oid type)
{
	bool		isnull;
	Datum		value = catalog_value_or_null(row, desc, column, type, &isnull);

	if (isnull)
		catalog_damaged(psprintf("Column \"%s\" is NULL.", NameStr(TupleDescAttr(desc, column - 1)->attname)));
	return value;
}

Snapshot
catalog_statement_snapshot(void)
{
	return ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;
}

/* Read a row of dml_catalog.model; its values are copied. */
static void
read_model(HeapTuple row, TupleDesc desc, CatalogModel *model)
{
	model->id = DatumGetInt64(catalog_value(row, desc, MODEL_ID, INT8OID));
	model->name = TextDatumGetCString(catalog_value(row, desc, MODEL_NAME, TEXTOID));
	model->owner = catalog_role_find((CatalogRole *) DatumGetPointer(catalog_value(row, desc, MODEL_OWNER, catalog_role_type())));
	model->active = DatumGetInt32(catalog_value(row, desc, MODEL_ACTIVE, INT4OID));
}

bool
catalog_find_model(const char *name, int64 id, Snapshot snapshot, CatalogModel *model)
{
	CatalogScan scan;
	HeapTuple	row;

	/* the column's collation is "C", which is what ScanKeyInit gives to a key */
	if (name)
		catalog_key(&scan, 0, MODEL_NAME, F_TEXTEQ, CStringGetTextDatum(name));
	else
		catalog_key(&scan, 0, MODEL_ID, F_INT8EQ, Int64GetDatum(id));
	catalog_scan_begin(&scan, "model", name ? "model_name_key" : "model_pkey", 1, snapshot);
	row = catalog_scan_next(&scan);
	if (HeapTupleIsValid(row))
		read_model(row, RelationGetDescr(scan.table), model);
	catalog_scan_end(&scan);
	return HeapTupleIsValid(row);
}

char *
catalog_split_name(const char *text, int32 *number, char *side)
{
	size_t		length = strlen(text);
	char	   *name;
	char	   *at;
	char	   *end;
	long		value;

	*number = 0;
	*side = 0;
	if (length > 2 && text[length - 2] == '/' && (text[length - 1] == 'a' || text[length - 1] == 'b'))
	{
		*side = text[length - 1];
		length -= 2;
	}
	name = pnstrdup(text, length);
	at = strrchr(name, '@');
	if (at == NULL)
		return name;
	errno = 0;
	value = strtol(at + 1, &end, 10);
	if (at[1] < '1' || at[1] > '9' || *end != '\0' || errno != 0 || value > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not the name of a model", text),
				 errhint("Write name for the active version, or name@3 for version 3.")));
	*number = (int32) value;
	*at = '\0';
	return name;
}

/* Names for a hint: the model's name nearest to name, or NULL; and the first few names. */
static char *
near_names(const char *name, StringInfo some)
{
	CatalogScan scan;
	HeapTuple	row;
	char	   *nearest = NULL;
	int			length = Min(strlen(name), NAMEDATALEN);
	int			best = length / 2 + 1;	/* beyond that it is a different word */
	int			n = 0;

	catalog_scan_begin(&scan, "model", "model_name_key", 0, NULL);
	while (HeapTupleIsValid(row = catalog_scan_next(&scan)))
	{
		char	   *other = TextDatumGetCString(catalog_value(row, RelationGetDescr(scan.table), MODEL_NAME, TEXTOID));
		int			distance = varstr_levenshtein_less_equal(name, length, other, strlen(other), 1, 1, 1, best, true);

		if (distance < best)
		{
			best = distance;
			nearest = other;
		}
		if (n++ < HINT_NAMES)
			appendStringInfo(some, "%s%s", n > 1 ? ", " : "", other);
	}
	catalog_scan_end(&scan);
	if (n > HINT_NAMES)
		appendStringInfo(some, ", and %d more in dml_models", n - HINT_NAMES);
	return nearest;
}

void
catalog_no_model(const char *name)
{
	StringInfoData some;
	char	   *nearest;

	initStringInfo(&some);
	nearest = near_names(name, &some);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", name),
			 nearest ? errhint("Perhaps you meant the model \"%s\".", nearest) :
			 some.len > 0 ? errhint("Existing models: %s.", some.data) :
			 errhint("This database has no models yet: dml_train makes one.")));
}

void
catalog_no_version(const CatalogModel *model, int32 number)
{
	if (number == model->active)
		catalog_damaged(psprintf("Model \"%s\" version %d: it is the active one, and is missing.", model->name, number));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no version %d", model->name, number),
			 errhint("SELECT version FROM dml_model_versions WHERE model = %s lists its versions.",
					 quote_literal_cstr(model->name))));
}

/* ---------- writing ---------- */

void
catalog_begin(CatalogAccess *access)
{
	Relation	model = open_table("model");
	Oid			owner = model->rd_rel->relowner;

	table_close(model, AccessShareLock);
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

bool
catalog_lock_model(const char *name, CatalogModel *model)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};

	if (catalog_execute("SELECT * FROM dml_catalog.model WHERE name = $1 FOR UPDATE", 1, types, values, NULL, false) == 0)
		return false;
	read_model(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, model);
	return true;
}
