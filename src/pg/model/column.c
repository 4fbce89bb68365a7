/*
 * column.c
 *	  The records of materialised columns.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "catalog.h"

/* The only place that refers to a version, which it locks until the transaction ends. */
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
	/* as a foreign key would: dml_drop_model waits, or is waited for */
	if (catalog_execute("SELECT FROM dml_catalog.version WHERE model_id = $1 AND number = $2 FOR KEY SHARE",
						2, types + 2, values + 2, NULL, false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the model of column \"%s\" was dropped meanwhile", column->column)));
	catalog_execute("INSERT INTO dml_catalog.column_info (relation, \"column\", model_id, number, features) VALUES ($1, $2, $3, $4, $5) "
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
