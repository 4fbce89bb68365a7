/*
 * answer_partition.h
 *	  The embeddings of a window function's partition.
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

#endif							/* DML_ANSWER_PARTITION_H */
