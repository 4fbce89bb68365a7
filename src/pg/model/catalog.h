/*
 * catalog.h
 *	  The room's own access to its tables.
 */
#ifndef DML_CATALOG_H
#define DML_CATALOG_H

#include "model.h"

#include "executor/spi.h"

/* Statements on the catalogue run as its owner, with search_path pg_catalog alone. */
typedef struct CatalogAccess
{
	Oid			user;			/* who called */
	int			sec_context;
	int			guc_level;
} CatalogAccess;

extern void catalog_begin(CatalogAccess *access);
extern void catalog_end(CatalogAccess *access);

/* SPI_execute_with_args that raises what SPI returns; values are non-NULL unless nulls says 'n'. */
extern uint64 catalog_execute(const char *sql, int n, Oid *types, Datum *values, const char *nulls, bool read_only);

/* A row of dml_catalog.model. */
typedef struct CatalogModel
{
	int64		id;
	char	   *owner;
	int32		active;
} CatalogModel;

/* Within catalog_begin: false when there is none.  lock: FOR UPDATE. */
extern bool catalog_find_model(const char *name, bool lock, CatalogModel *model);

/* Is the user (who called, not the catalogue's owner) the owner, or a member of it, or a superuser? */
extern bool catalog_is_owner(Oid user, const CatalogModel *model);

/* Owner, or granted the privilege to the user, to a role that the user is in, or to public. */
extern bool catalog_may(Oid user, const CatalogModel *model, const char *privilege);

extern void catalog_no_model(const char *name) pg_attribute_noreturn();
extern void catalog_denied(const char *name) pg_attribute_noreturn();

/* "name@3" to name and number (0: none given). */
extern char *catalog_split_name(const char *text, int32 *number);

#endif							/* DML_CATALOG_H */
