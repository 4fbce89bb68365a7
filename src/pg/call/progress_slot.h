/*
 * progress_slot.h
 *	  Progress of a function of dml in the slot that PostgreSQL has for commands.
 */
#ifndef DML_PROGRESS_SLOT_H
#define DML_PROGRESS_SLOT_H

#include "compat.h"

#include "fmgr.h"

/* Turn one backend's numbers into column values.  All nulls are false before the call. */
typedef void (*ProgressFill) (const int64 *param, Datum *values, bool *nulls);

/* The first columns of every such view: pid, database, user. */
#define PROGRESS_SLOT_COLUMNS	3

/*
 * The result of a set-returning function: a row for each backend whose slot belongs to this
 * command, as given to pgstat_progress_start_command.  columns includes the first three.  fill
 * writes the others; they are NULL if the caller may not see what that user does.
 */
extern void progress_slot_rows(FunctionCallInfo fcinfo, int command, int columns, ProgressFill fill);

#endif							/* DML_PROGRESS_SLOT_H */
