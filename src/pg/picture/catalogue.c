/*
 * catalogue.c
 *	  What the catalogue says of a version.
 */
#include "compat.h"

#include "catalogue.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "vector/vector.h"

void
catalogue_begin(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
catalogue_end(void)
{
	SPI_finish();
}

void
catalogue_query(const char *sql, int n, Oid *types, Datum *values, const char *nulls)
{
	int			result = SPI_execute_with_args(sql, n, types, values, nulls, true, 0);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
}

void
catalogue_select(const DmlVersion *version, const char *targets, const char *further)
{
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2] = {CStringGetTextDatum(version->name), Int32GetDatum(version->number)};
	const char *schema = quote_identifier(dml_vector_schema());

	catalogue_query(psprintf("SELECT %s FROM (SELECT * FROM %s.dml_model_versions w "
							 "WHERE w.model OPERATOR(pg_catalog.=) $1 AND w.version OPERATOR(pg_catalog.=) $2) v%s",
							 targets, schema, further), 2, types, values, NULL);
	if (SPI_processed == 0 && further[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" is gone", version->number, version->name)));
}
