/*
 * catalogue.h
 *	  What the catalogue says of a version, read as the current user from the view
 *	  dml_model_versions.
 */
#ifndef DML_PICTURE_CATALOGUE_H
#define DML_PICTURE_CATALOGUE_H

#include "compat.h"

#include "model/model.h"

/* SPI, between these two. */
extern void catalogue_begin(void);
extern void catalogue_end(void);

/*
 * SELECT targets FROM dml_model_versions v ... for the version; further: what stands behind the view ("" or
 * ", function(v.column) ... ORDER BY ..."). Names in both are qualified. The rows are in SPI_tuptable; without further
 * there is one.
 */
extern void catalogue_select(const DmlVersion *version, const char *targets, const char *further);

/* Any SELECT as the current user, read only. Its rows are in SPI_tuptable. */
extern void catalogue_query(const char *sql, int n, Oid *types, Datum *values, const char *nulls);

#endif							/* DML_PICTURE_CATALOGUE_H */
