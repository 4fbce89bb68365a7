/*
 * catalogue.h
 *	  What the catalogue says of a version, read as the current user from the views of the
 *	  extension.
 */
#ifndef DML_PICTURE_CATALOGUE_H
#define DML_PICTURE_CATALOGUE_H

#include "compat.h"

#include "model/model.h"

/* Reading the catalogue: SPI, with search_path = pg_catalog, pg_temp between these two. */
typedef struct CatalogueScope
{
	int			guc_level;
} CatalogueScope;

extern void catalogue_begin(CatalogueScope *scope);
extern void catalogue_end(CatalogueScope *scope);

/*
 * Run a SELECT about a version, within catalogue_begin: $1 is the name of the model, $2 the number,
 * and each @ is the schema of the extension with a dot behind it. Returns the number of rows, which
 * are in SPI_tuptable.
 */
extern uint64 catalogue_select(const DmlVersion *version, const char *sql);

/*
 * A value of a row of SPI's result: text, or a float8; NULL and NaN for NULL. Text lives until
 * catalogue_end.
 */
extern char *catalogue_text(uint64 row, int column);
extern double catalogue_number(uint64 row, int column);

#endif							/* DML_PICTURE_CATALOGUE_H */
