/*
 * column.c
 *	  The records of materialised columns.
 *
 * A record holds its column as a value of the type dml_catalog.stored_column: the table's OID and
 * the column's number.  So a renaming changes nothing, and a new column never takes over the record
 * of a dropped one.  A dump is restored with other OIDs and numbers.  So the type's text is the
 * column's name at the time of the dump, and reading the text looks the name up.  A name that leads
 * nowhere is no error: otherwise one table that a dump leaves out would keep all records from being
 * restored.
 *
 * A record can be stale: its table or column was dropped, or the column has another type now.  For
 * such a record column_number is NULL, so only a dml_vector is ever read from a record.  A dump
 * leaves stale records out, and the next record of the table deletes them.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "catalog.h"

#define GONE_TEXT		"-"

/* A value of the type. */
typedef struct StoredColumn
{
	Oid			relid;			/* InvalidOid: the name in the dump was not found */
	int32		attnum;
} StoredColumn;

PG_FUNCTION_INFO_V1(dml_catalog_stored_column_in);
PG_FUNCTION_INFO_V1(dml_catalog_stored_column_out);
PG_FUNCTION_INFO_V1(dml_catalog_column_of);
PG_FUNCTION_INFO_V1(dml_catalog_column_table);
PG_FUNCTION_INFO_V1(dml_catalog_column_number);

/* Whether there is such a column of the type dml_vector. */
static bool
is_vector_column(const StoredColumn *column)
{
	return OidIsValid(column->relid) && column->attnum > 0 && column->attnum <= MaxAttrNumber &&
		get_atttype(column->relid, column->attnum) == dml_vector_type_oid();
}

static StoredColumn *
stored_column(Oid relid, AttrNumber attnum)
{
	StoredColumn *result = palloc(sizeof(StoredColumn));

	result->relid = relid;
	result->attnum = attnum;
	return result;
}

/* schema.table.column, or "-" */
Datum
dml_catalog_stored_column_out(PG_FUNCTION_ARGS)
{
	const StoredColumn *column = (StoredColumn *) PG_GETARG_POINTER(0);
	char	   *table;
	char	   *name;

	if (!is_vector_column(column))
		PG_RETURN_CSTRING(pstrdup(GONE_TEXT));
	table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(column->relid)), get_rel_name(column->relid));
	name = get_attname(column->relid, column->attnum, false);
	PG_RETURN_CSTRING(psprintf("%s.%s", table, quote_identifier(name)));
}

Datum
dml_catalog_stored_column_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	List	   *names;
	Oid			schema;
	Oid			relid;

	if (strcmp(text, GONE_TEXT) == 0)
		PG_RETURN_POINTER(stored_column(InvalidOid, InvalidAttrNumber));
	if (!SplitIdentifierString(pstrdup(text), '.', &names) || list_length(names) != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid name of a column: \"%s\"", text),
				 errdetail("It is schema.table.column.")));
	schema = get_namespace_oid(linitial(names), true);
	relid = OidIsValid(schema) ? get_relname_relid(lsecond(names), schema) : InvalidOid;
	PG_RETURN_POINTER(stored_column(relid, OidIsValid(relid) ? get_attnum(relid, lthird(names)) : InvalidAttrNumber));
}

/* dml_catalog.column_of(regclass, smallint) */
Datum
dml_catalog_column_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(stored_column(PG_GETARG_OID(0), PG_GETARG_INT16(1)));
}

/* dml_catalog.column_table(stored_column): the table, which may have been dropped. */
Datum
dml_catalog_column_table(PG_FUNCTION_ARGS)
{
	const StoredColumn *column = (StoredColumn *) PG_GETARG_POINTER(0);

	PG_RETURN_OID(column->relid);
}

/* dml_catalog.column_number(stored_column): the column's number; NULL: the record is stale. */
Datum
dml_catalog_column_number(PG_FUNCTION_ARGS)
{
	const StoredColumn *column = (StoredColumn *) PG_GETARG_POINTER(0);

	if (!is_vector_column(column))
		PG_RETURN_NULL();
	PG_RETURN_INT16((int16) column->attnum);
}

/*
 * Within catalog_begin: delete the record of a column and the stale records of its table.  The
 * caller has locked the table, so no other session deletes them at the same time.  Stale records of
 * other tables are deleted if nobody else holds them, but not under a transaction's snapshot, in
 * which a row that another session has just deleted is an error.
 */
static void
forget(Oid relid, AttrNumber attnum, uint64 *records, uint64 *stale)
{
	Oid			types[2] = {OIDOID, INT2OID};
	Datum		values[2];

	values[0] = ObjectIdGetDatum(relid);
	values[1] = Int16GetDatum(attnum);
	*records = catalog_execute("DELETE FROM dml_catalog.column_info WHERE dml_catalog.column_table(place) = $1 "
							   "AND dml_catalog.column_number(place) = $2", 2, types, values, NULL, false);
	*stale = catalog_execute("DELETE FROM dml_catalog.column_info WHERE dml_catalog.column_table(place) = $1 "
							 "AND dml_catalog.column_number(place) IS NULL", 1, types, values, NULL, false);
	if (!IsolationUsesXactSnapshot())
		catalog_execute("DELETE FROM dml_catalog.column_info WHERE ctid = ANY (ARRAY(SELECT ctid FROM dml_catalog.column_info "
						"WHERE dml_catalog.column_number(place) IS NULL FOR UPDATE SKIP LOCKED))", 0, NULL, NULL, NULL, false);
}

bool		(*dml_index_space) (Relation index, uint64 *space) = NULL;

/*
 * Insert the record.  Only a record refers to a version; it locks the version until the transaction
 * ends.
 */
void
dml_column_record(const DmlColumn *column)
{
	CatalogAccess access;
	uint64		records;
	uint64		stale;
	Oid			types[5] = {INT8OID, INT4OID, REGCLASSOID, INT2OID, TEXTOID};
	Datum		values[5];

	values[0] = Int64GetDatum(column->model_id);
	values[1] = Int32GetDatum(column->number);
	values[2] = ObjectIdGetDatum(column->relid);
	values[3] = Int16GetDatum(column->attnum);
	values[4] = CStringGetTextDatum(column->features);
	catalog_begin(&access);
	/* as a foreign key would: this and dml_drop_model wait for each other */
	if (catalog_execute("SELECT FROM dml_catalog.version WHERE model_id = $1 AND number = $2 FOR KEY SHARE",
						2, types, values, NULL, false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the model of column \"%s\" was concurrently dropped", get_attname(column->relid, column->attnum, false))));
	forget(column->relid, column->attnum, &records, &stale);
	catalog_execute("INSERT INTO dml_catalog.column_info (place, model_id, number, features) "
					"VALUES (dml_catalog.column_of($3, $4), $1, $2, $5)", 5, types, values, NULL, false);
	catalog_end(&access);
}

bool
dml_column_forget(Oid relid, AttrNumber attnum, bool *stale)
{
	CatalogAccess access;
	uint64		records;
	uint64		stale_records;

	catalog_begin(&access);
	forget(relid, attnum, &records, &stale_records);
	catalog_end(&access);
	*stale = stale_records > 0;
	return records > 0;
}

bool
dml_column_copy(Oid from_relid, AttrNumber from, Oid relid, AttrNumber attnum)
{
	CatalogAccess access;
	uint64		records;
	uint64		stale;
	uint64		copied;
	Oid			types[4] = {OIDOID, INT2OID, REGCLASSOID, INT2OID};
	Datum		values[4];

	values[0] = ObjectIdGetDatum(from_relid);
	values[1] = Int16GetDatum(from);
	values[2] = ObjectIdGetDatum(relid);
	values[3] = Int16GetDatum(attnum);
	catalog_begin(&access);
	forget(relid, attnum, &records, &stale);
	copied = catalog_execute("INSERT INTO dml_catalog.column_info (place, model_id, number, features) "
							 "SELECT dml_catalog.column_of($3, $4), model_id, number, features FROM dml_catalog.column_info "
							 "WHERE dml_catalog.column_table(place) = $1 AND dml_catalog.column_number(place) = $2",
							 4, types, values, NULL, false);
	catalog_end(&access);
	return copied > 0;
}

char *
dml_column_features(Oid relid, AttrNumber attnum)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogAccess access;
	Oid			types[2] = {OIDOID, INT2OID};
	Datum		values[2];
	char	   *features = NULL;

	values[0] = ObjectIdGetDatum(relid);
	values[1] = Int16GetDatum(attnum);
	catalog_begin(&access);
	/* the transaction's snapshot may be older than the trigger that calls this */
	PushActiveSnapshot(GetLatestSnapshot());
	if (catalog_execute("SELECT features FROM dml_catalog.column_info WHERE dml_catalog.column_table(place) = $1 "
						"AND dml_catalog.column_number(place) = $2", 2, types, values, NULL, true) > 0)
		features = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	PopActiveSnapshot();
	catalog_end(&access);
	return features;
}
