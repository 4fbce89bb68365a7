/*
 * hard_negatives.h
 *	  Hard negatives from an index: the option hard_negatives of training on labels.
 */
#ifndef DML_HARD_NEGATIVES_H
#define DML_HARD_NEGATIVES_H

#include "compat.h"

#include "utils/rel.h"

#include "model/matrix.h"
#include "train/training.h"

typedef struct HardNegatives
{
	Relation	table;
	Relation	index;
	char	   *source;			/* the table's name, qualified: what is to be read */
	int64		rows;			/* that have hard negatives, after hard_negatives_find */
} HardNegatives;

/*
 * Open the index that the options name, and its table, until hard_negatives_close.  Errors: the source is no
 * table of its own rows, the caller may not read it, there is no such index on it, it is no dml index, or not valid.
 */
extern void hard_negatives_open(HardNegatives *hard, const Training *training);

/*
 * For each row of the matrix, which has labels, the nearest rows of other labels to matrix->rows.hard, in the current
 * memory context.  place: by row, what an extra "ctid" has read (matrix.h).
 */
extern void hard_negatives_find(HardNegatives *hard, Training *training, DmlMatrix *matrix, const double *place);

/* What was found, behind the result's reason. */
extern void hard_negatives_reason(const HardNegatives *hard, TrainResult *result);

extern void hard_negatives_close(HardNegatives *hard);

#endif							/* DML_HARD_NEGATIVES_H */
