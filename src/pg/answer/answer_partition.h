/*
 * answer_partition.h
 *	  The embeddings of a window function's partition, and its arguments.
 */
#ifndef DML_ANSWER_PARTITION_H
#define DML_ANSWER_PARTITION_H

#include "compat.h"

#include "windowapi.h"

#include "answer/answer_rows.h"

/*
 * All embeddings of the partition, which are argument 0; one call of answer_rows_add() for each
 * row.
 */
extern AnswerRows *answer_rows_partition(WindowObject window, ClusterMetric metric, bool directions);

/* The value of an argument at the current row; false: NULL. */
extern bool answer_window_argument(WindowObject window, int i, Datum *value);

#endif							/* DML_ANSWER_PARTITION_H */
