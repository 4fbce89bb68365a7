/*
 * catalogue.c
 *	  What the catalogue says of a version.
 */
#include "compat.h"

#include "catalogue.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "read/owner.h"
#include "vector/vector.h"

void
catalogue_begin(CatalogueScope *scope)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope->guc_level = NewGUCNestLevel();
	restrict_search_path();
}

void
catalogue_end(CatalogueScope *scope)
{
	AtEOXact_GUC(false, scope->guc_level);
	SPI_finish();
}

uint64
catalogue_select(const DmlVersion *version, const char *sql)
{
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2] = {CStringGetTextDatum(version->name), Int32GetDatum(version->number)};
	const char *schema = quote_identifier(dml_vector_schema());
	StringInfoData text;
	int			result;

	initStringInfo(&text);
	for (; *sql; sql++)
	{
		if (*sql == '@')
			appendStringInfo(&text, "%s.", schema);
		else
			appendStringInfoChar(&text, *sql);
	}
	result = SPI_execute_with_args(text.data, 2, types, values, NULL, true, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

char *
catalogue_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

double
catalogue_number(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}
