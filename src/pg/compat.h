/*
 * compat.h
 *	  What differs between the PostgreSQL versions that dml supports (13 to 18), in one place.
 *	  Every file of src/pg includes it instead of postgres.h.
 */
#ifndef DML_COMPAT_H
#define DML_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 130000
#error "dml needs PostgreSQL 13 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Soft errors of input functions (pg_input_is_valid) exist from 16 on. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* 18 has pg_noreturn, which stands before the declaration. */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* From 18 on, vacuum_delay_point() has an argument: whether it is called for ANALYZE. */
#if PG_VERSION_NUM >= 180000
#define dml_vacuum_delay_point()	vacuum_delay_point(false)
#else
#define dml_vacuum_delay_point()	vacuum_delay_point()
#endif

/* Whether replay of WAL is paused.  With access/xlog.h, from 15 on access/xlogrecovery.h. */
#if PG_VERSION_NUM >= 140000
#define dml_replay_is_paused()	(GetRecoveryPauseState() == RECOVERY_PAUSED)
#else
#define dml_replay_is_paused()	RecoveryIsPaused()
#endif

/* The name of the predefined role in C.  With catalog/pg_authid.h. */
#if PG_VERSION_NUM < 140000
#define ROLE_PG_STAT_SCAN_TABLES	DEFAULT_ROLE_STAT_SCAN_TABLES
#endif

/* The memory of a check hook's extra data, which PostgreSQL frees: its own allocator from 16 on. */
#if PG_VERSION_NUM >= 160000
#define dml_guc_malloc(size)	guc_malloc(LOG, size)
#else
#define dml_guc_malloc(size)	malloc(size)
#endif

/*
 * Release a plan of SPI_plan_get_cached_plan() that no resource owner holds.  With
 * utils/plancache.h.
 */
#if PG_VERSION_NUM >= 140000
#define dml_release_cached_plan(plan)	ReleaseCachedPlan(plan, NULL)
#else
#define dml_release_cached_plan(plan)	ReleaseCachedPlan(plan, false)
#endif

/*
 * The memory that an index may use in VACUUM, in kB, as PostgreSQL's vacuum computes it.  With
 * miscadmin.h and postmaster/autovacuum.h.
 */
#if PG_VERSION_NUM >= 170000
#define dml_in_autovacuum()	AmAutoVacuumWorkerProcess()
#else
#define dml_in_autovacuum()	IsAutoVacuumWorkerProcess()
#endif
#define dml_vacuum_work_mem() \
	(dml_in_autovacuum() && autovacuum_work_mem != -1 ? autovacuum_work_mem : maintenance_work_mem)

/*
 * The transaction before which every deletion is visible to all snapshots.  With
 * storage/procarray.h.
 */
#if PG_VERSION_NUM >= 140000
#define dml_oldest_xmin(heap)	GetOldestNonRemovableTransactionId(heap)
#else
#define dml_oldest_xmin(heap)	GetOldestXmin(heap, PROCARRAY_FLAGS_VACUUM)
#endif

#endif							/* DML_COMPAT_H */
