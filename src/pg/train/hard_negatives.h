/*
 * hard_negatives.h
 *	  Hard negatives from an index: the option hard_negatives of training on labels.
 */
#ifndef DML_HARD_NEGATIVES_H
#define DML_HARD_NEGATIVES_H

#include "compat.h"

#include "storage/fd.h"
#include "utils/rel.h"

#include "read/matrix.h"
#include "train/training.h"

/* Rows that were read from the table, or constraints, one a row. */
typedef struct HardRows
{
	int64		n;
	const double *place;		/* n: places as an extra or tuples.h has them */
	bool		(*is_negative) (const void *ctx, int32 row, int32 other);
	const void *ctx;
} HardRows;

typedef struct HardNegatives
{
	Relation	table;
	Relation	index;
	char	   *source;			/* the table's name, qualified: what is to be read */
	/* after hard_negatives_find */
	int64		rows;			/* that have hard negatives */
	int64		searched;		/* rows that there was time for, */
	int64		all;			/* of so many */
	int			k;
	int32	   *list;			/* all x k, or NULL: in file */
	File		file;
} HardNegatives;

/*
 * Open the index that the options name, and its table, until hard_negatives_close.  Errors: the source is no
 * table of its own rows, the caller may not read it, there is no such index on it, it is no dml index, or not valid.
 */
extern void hard_negatives_open(HardNegatives *hard, const Training *training);

/*
 * For each row the nearest negatives: option hard_neighbors numbers of rows, -1 where there are no more, in the current
 * memory context or, where maintenance_work_mem does not allow that, in a temporary file.  The search ends after a part
 * of the option time_limit; rows that it did not come to have none.
 */
extern void hard_negatives_find(HardNegatives *hard, Training *training, const HardRows *rows, HardLists *lists);

/* is_negative of rows with labels; ctx: their DmlMatrix. */
extern bool hard_negatives_by_label(const void *ctx, int32 row, int32 other);

/* What was found, behind the result's reason. */
extern void hard_negatives_reason(const HardNegatives *hard, TrainResult *result);

extern void hard_negatives_close(HardNegatives *hard);

#endif							/* DML_HARD_NEGATIVES_H */
