/*
 * progress_slot.h
 *	  Progress of a function of dml in the slot that PostgreSQL keeps for commands.
 */
#ifndef DML_PROGRESS_SLOT_H
#define DML_PROGRESS_SLOT_H

#include "compat.h"

#include "fmgr.h"

/* Column values of one backend's numbers; all nulls are false before. */
typedef void (*ProgressFill) (const int64 *param, Datum *values, bool *nulls);

/* Columns that every such view begins with: pid, database, user. */
#define PROGRESS_SLOT_COLUMNS	3

/*
 * The result of a set-returning function: a row for each backend whose slot is of this command, which
 * pgstat_progress_start_command took.  columns includes the first three; the others, which fill writes, are NULL
 * where the caller may not see what that user does.
 */
extern void progress_slot_rows(FunctionCallInfo fcinfo, int command, int columns, ProgressFill fill);

#endif							/* DML_PROGRESS_SLOT_H */
