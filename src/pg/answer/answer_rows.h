/*
 * answer_rows.h
 *	  Embeddings gathered from many rows as one matrix, in the order that the mathematics wants.
 */
#ifndef DML_ANSWER_ROWS_H
#define DML_ANSWER_ROWS_H

#include "compat.h"

#include "call/learn_env.h"
#include "learn/cluster/clusters.h"
#include "vector/vector.h"

typedef struct AnswerRows AnswerRows;

/*
 * Begin with none, in a child of the current memory context.  Vectors take up to work_mem, and
 * beyond that a temporary file.  directions: they are scaled to length 1.
 */
extern AnswerRows *answer_rows_begin(ClusterMetric metric, bool directions);

/*
 * Add a row; NULL: it has no embedding.  Under cosine a vector of zeros counts as none, since it
 * has no direction.  Errors: a vector of another space or other dimensions than the first; more
 * than INT32_MAX rows.
 */
extern void answer_rows_add(AnswerRows *rows, const DmlVector *vector);

/*
 * The rows that have an embedding, ordered by clusters_order().  (*origin)[i] is the number, from
 * 0, of the call that added row i.  Both are valid until answer_rows_end().  Nothing can be added
 * afterwards.
 */
extern const ClusterRows *answer_rows_finish(AnswerRows *rows, LearnEnv *env, const int32 **origin);

/* How many were added, those without an embedding included. */
extern int64 answer_rows_added(const AnswerRows *rows);

/* The space of the vectors; false: there is none. */
extern bool answer_rows_space(const AnswerRows *rows, uint64 *space);

/* Free all, and close the file. */
extern void answer_rows_end(AnswerRows *rows);

/*
 * Raise an error unless bytes fit into work_mem.  It says what needs them ("clustering 1000 rows")
 * and how much work_mem must be.
 */
extern void answer_check_memory(size_t bytes, const char *what);

#endif							/* DML_ANSWER_ROWS_H */
