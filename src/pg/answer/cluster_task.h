/*
 * cluster_task.h
 *	  What to cluster and how: shared by the window functions and dml_cluster().
 */
#ifndef DML_CLUSTER_TASK_H
#define DML_CLUSTER_TASK_H

#include "compat.h"

#include "answer/answer_rows.h"

typedef enum ClusterMethod
{
	CLUSTER_KMEANS
} ClusterMethod;

typedef struct ClusterTask
{
	ClusterMethod method;
	ClusterMetric metric;
	KmeansTask	kmeans;
} ClusterTask;

/* The value of an argument as text, integer or double; NULL where it is NULL. */
typedef struct ClusterArguments
{
	const char *metric;
	const int32 *k;
	const int64 *seed;
	const int32 *max_iterations;
	const int32 *starts;
} ClusterArguments;

/* Check the arguments of a method.  Errors: those that the documentation lists. */
extern ClusterTask cluster_task(ClusterMethod method, const ClusterArguments *arguments);

/*
 * The cluster of each row that was added, from 1, 0 for none, in the current memory context.
 * report: see LearnEnv; may be NULL.
 */
extern int32 *cluster_run(const ClusterTask *task, AnswerRows *rows,
						  void (*report) (void *ctx, const LearnReport *report));

#endif							/* DML_CLUSTER_TASK_H */
