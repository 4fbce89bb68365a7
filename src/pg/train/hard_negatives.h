/*
 * hard_negatives.h
 *	  Hard negatives from an index: the option hard_negatives.
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
	/* NULL: a row has no positive in the index */
	bool		(*is_positive) (const void *ctx, int32 row, int32 other);
	const void *ctx;
} HardRows;

typedef struct HardNegatives
{
	Relation	table;
	Relation	index;
	char	   *source;			/* the table's name, qualified: what is to be read */
	/* after hard_negatives_find */
	int64		rows;			/* that have hard negatives */
	int64		searched;		/* rows that there was time for */
	/* negatives that were passed over, since they are as near as a positive */
	int64		guarded;
	int64		all;			/* all rows */
	int			k;
	int32	   *list;			/* all x k, or NULL: in file */
	File		file;
	/* all x k, of the rows in list while they are sought, if list is not NULL */
	float4	   *distance;
	File		distance_file;
} HardNegatives;

/*
 * Open the index that the options name, and its table, until hard_negatives_close. Errors: the
 * source is not a table or has children; the caller may not read it; there is no such index on it;
 * it is not a dml index, or not valid.
 */
extern void hard_negatives_open(HardNegatives *hard, const Training *training);

/*
 * For each row, find the numbers of its nearest negatives, as many as the option hard_neighbors
 * says, -1 if there are no more. The lists are in the current memory context, or in a temporary
 * file if maintenance_work_mem does not allow that. The search ends after a part of the option
 * time_limit; rows that it did not reach have none.
 */
extern void hard_negatives_find(HardNegatives *hard, Training *training, const HardRows *rows, HardLists *lists);

/* is_negative and is_positive of rows with labels; ctx: their DmlMatrix. */
extern bool hard_negatives_by_label(const void *ctx, int32 row, int32 other);
extern bool hard_positives_by_label(const void *ctx, int32 row, int32 other);

/* Append the numbers of the search to the reason of the result. */
extern void hard_negatives_reason(const HardNegatives *hard, TrainResult *result);

extern void hard_negatives_close(HardNegatives *hard);

#endif							/* DML_HARD_NEGATIVES_H */
