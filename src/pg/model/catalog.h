/*
 * catalog.h
 *	  This room's access to its tables.
 *
 * Reading uses index scans and no SPI: a statement that embeds one row looks its model up, and must
 * not pay for parsing and planning queries.  Writing uses SPI as the catalogue's owner.
 */
#ifndef DML_CATALOG_H
#define DML_CATALOG_H

#include "model.h"

#include "access/genam.h"
#include "executor/spi.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* Columns of dml_catalog.model, in model.sql's order. */
enum
{
	MODEL_ID = 1,
	MODEL_NAME,
	MODEL_OWNER,
	MODEL_ACTIVE
};

/* Columns of dml_catalog.version that are read here. */
enum
{
	VERSION_MODEL_ID = 1,
	VERSION_NUMBER,
	VERSION_SPACE,
	VERSION_INPUTS,
	VERSION_DIMS,
	VERSION_COLUMNS,
	VERSION_FEATURES,
	VERSION_WEIGHTS,
	VERSION_SETTINGS = 25,
	VERSION_FEATURES_B = 33,
	VERSION_COLUMNS_B,
	VERSION_INPUTS_B,
	VERSION_IMPORTED
};

/* Columns of dml_catalog.privilege. */
enum
{
	PRIVILEGE_MODEL_ID = 1,
	PRIVILEGE_GRANTEE,
	PRIVILEGE_PRIVILEGE
};

/* ---------- catalog.c: reading ---------- */

typedef struct CatalogScan
{
	Relation	table;
	SysScanDesc scan;
	ScanKeyData key[2];
} CatalogScan;

/*
 * Scan a table in the order of one of its indexes (names without the schema).  Keys, if any, were
 * set by catalog_key.  snapshot NULL sees what is committed now.
 */
extern void catalog_key(CatalogScan *scan, int i, AttrNumber column, RegProcedure equal, Datum value);
extern void catalog_scan_begin(CatalogScan *scan, const char *table, const char *index, int n_keys, Snapshot snapshot);
/* NULL: no more; valid until the next call */
extern HeapTuple catalog_scan_next(CatalogScan *scan);
extern void catalog_scan_end(CatalogScan *scan);

/*
 * A column of a row, which must be of the given type and, for catalog_value, not NULL.  Error:
 * ERRCODE_DATA_CORRUPTED.  Only a superuser can have changed the table so.
 */
extern Datum catalog_value(HeapTuple row, TupleDesc desc, AttrNumber column, Oid type);
extern Datum catalog_value_or_null(HeapTuple row, TupleDesc desc, AttrNumber column, Oid type, bool *isnull);

/*
 * Raise ERRCODE_DATA_CORRUPTED for a row that no function of the extension has written.  detail is
 * a sentence.
 */
extern void catalog_damaged(const char *detail) pg_attribute_noreturn();

/* The snapshot of the running statement.  All of it, including parallel workers, sees one state. */
extern Snapshot catalog_statement_snapshot(void);

/* A row of dml_catalog.model. */
typedef struct CatalogModel
{
	int64		id;
	char	   *name;
	Oid			owner;			/* InvalidOid: the role is gone */
	int32		active;
} CatalogModel;

/* By name, or by id if name is NULL.  Returns false if there is no such model. */
extern bool catalog_find_model(const char *name, int64 id, Snapshot snapshot, CatalogModel *model);

/* Split "name@3/b" into name, number (0: none given) and side ('a', 'b', 0: none given). */
extern char *catalog_split_name(const char *text, int32 *number, char *side);

extern void catalog_no_model(const char *name) pg_attribute_noreturn();
extern void catalog_no_version(const CatalogModel *model, int32 number) pg_attribute_noreturn();

/* ---------- catalog.c: writing ---------- */

/* Statements on the catalogue run as its owner, with search_path pg_catalog, pg_temp. */
typedef struct CatalogAccess
{
	Oid			user;			/* the caller */
	int			sec_context;
	int			guc_level;
} CatalogAccess;

/* If an error occurs in between, the abort of the (sub)transaction restores everything. */
extern void catalog_begin(CatalogAccess *access);
extern void catalog_end(CatalogAccess *access);

/*
 * SPI_execute_with_args that raises an error if SPI fails.  Values are non-NULL unless nulls says
 * 'n'.  Returns the number of rows; they are in SPI_tuptable until catalog_end.
 */
extern uint64 catalog_execute(const char *sql, int n, Oid *types, Datum *values, const char *nulls, bool read_only);

/* Within catalog_begin: find the newest row of a model and lock it until the transaction ends. */
extern bool catalog_lock_model(const char *name, CatalogModel *model);

/* ---------- role.c: who may do what ---------- */

/*
 * A value of the type dml_catalog.stored_role.  oid: the role.  If oid is invalid, name says what
 * is stored: public, a role that did not exist when a dump was restored and may be created later,
 * or, if name is empty, a dropped role.
 */
typedef struct CatalogRole
{
	Oid			oid;
	NameData	name;
} CatalogRole;

extern Oid	catalog_role_type(void);

/* Make the value for a role; InvalidOid means public. */
extern void catalog_role_store(Oid role, CatalogRole *stored);

/* The stored role; InvalidOid: it is dropped, does not exist yet, or is public. */
extern Oid	catalog_role_find(const CatalogRole *stored);

/*
 * Whether the user (not the catalogue's owner) is the owner, a member of the owner, or a superuser.
 */
extern bool catalog_is_owner(Oid user, const CatalogModel *model);

/* Raise "must be owner" unless the user is. */
extern void catalog_check_owner(Oid user, const CatalogModel *model);

/*
 * Whether the user is the owner, or the privilege ("embed", "weights") was granted to the user, to
 * a role that the user is a member of, or to public.  It is read as committed now, even if the
 * statement's snapshot is older.
 */
extern bool catalog_may(Oid user, int64 model_id, const char *privilege);

/* Raise "permission denied". */
extern void catalog_denied(const char *name) pg_attribute_noreturn();

/* ---------- cache.c ---------- */

/*
 * The version of a model as the snapshot sees it, from the cache or loaded into it.  The pointer is
 * valid until the next call; a caller that keeps it longer pins it.
 */
extern const DmlVersion *cache_get(const CatalogModel *model, int32 number, Snapshot snapshot);

/* ---------- store.c, calibration.c ---------- */

/* The space of weights: the first 8 bytes of their SHA-256; never 0, which means a plain vector. */
extern uint64 store_space(bytea *weights);

/*
 * Store a threshold for a version of a model of the user, in place of an earlier one.  id: of the
 * model, if it is known, else 0.
 */
extern void calibration_store(const char *name, int64 id, int32 number, const DmlCalibration *calibration);

/* ---------- version.c ---------- */

/* 'model "fashion" version 2' for dml_space_name_hook, or NULL. */
extern char *version_space_name(uint64 space);

#endif							/* DML_CATALOG_H */
