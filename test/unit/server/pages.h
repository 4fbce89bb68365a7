/*
 * pages.h
 *	  An index in memory, run by the index's own code of src/pg/index: what that code asks of
 *	  PostgreSQL (buffers, locks, WAL, memory, errors) is stood in for by pages.c.
 *
 * Each block is an allocation of its own, so that AddressSanitizer sees whoever leaves it.
 */
#ifndef UNIT_PAGES_H
#define UNIT_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define PAGES_BLOCK		8192

typedef enum PagesOp
{
	PAGES_NEAR,					/* the leaves nearest to a query, a few */
	PAGES_ALL,					/* all leaves, nearest first */
	PAGES_EXACT,				/* all rows, by exact search */
	PAGES_INSERT,				/* five rows: three as others are, two far away */
	PAGES_VACUUM,				/* takes every third row */
	PAGES_CHECK,				/* dml_index_check, without the table */
	PAGES_OPS
} PagesOp;

typedef enum PagesResult
{
	PAGES_OK,
	PAGES_ERROR,				/* a report of level ERROR; pages_message() has its text */
	PAGES_ENDLESS				/* more pages were read than any run can need */
} PagesResult;

/*
 * A new index of n rows, put in one by one, by a TreeMetric; column: with an int4 behind the
 * vector.
 */
extern void pages_make(int dims, int n, int metric, bool column, uint64_t seed);
extern void pages_free(void);

extern int	pages_count(void);
extern uint8_t *pages_block(int block);

/* Remember all pages and the free space; go back to that. */
extern void pages_save(void);
extern void pages_restore(void);

extern PagesResult pages_run(PagesOp op, uint64_t seed);
extern const char *pages_message(void);

/* Rows that the last PAGES_ALL or PAGES_EXACT met; how many times a row was met more than once. */
extern int	pages_rows_met(int *twice);

#endif							/* UNIT_PAGES_H */
