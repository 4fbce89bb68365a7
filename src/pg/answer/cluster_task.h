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
	CLUSTER_KMEANS,
	CLUSTER_DBSCAN,
	CLUSTER_HDBSCAN
} ClusterMethod;

typedef struct ClusterTask
{
	ClusterMethod method;
	ClusterMetric metric;
	KmeansTask	kmeans;
	/* of DBSCAN; NaN: what the embeddings' model was calibrated for ... */
	double		radius;
	double		false_merge_rate;	/* ... at this rate or a lower one; NaN: at any */
	int			min_points;
	int			min_cluster_size;	/* of HDBSCAN */
} ClusterTask;

/* Values of arguments; NULL where they are NULL, or where the method has none of that name. */
typedef struct ClusterArguments
{
	const char *metric;
	const int32 *k;
	const int64 *seed;
	const int32 *max_iterations;
	const int32 *starts;
	const double *eps;
	const double *false_merge_rate;
	const int32 *min_points;
	const int32 *min_cluster_size;
} ClusterArguments;

/* The method of this name.  Errors: there is none. */
extern ClusterMethod cluster_method(const char *name);

/* The metric that an argument names; NULL: L2.  Error: an unknown one. */
extern ClusterMetric answer_metric(const char *name);

/* Check the arguments of a method.  Errors: those that the documentation lists. */
extern ClusterTask cluster_task(ClusterMethod method, const ClusterArguments *arguments);

/*
 * The radius of DBSCAN for embeddings of this space: the task's, or the threshold that
 * dml_calibrate() found for their model.  Errors: it found none, or one with a higher false accept
 * rate.
 */
extern double cluster_radius(const ClusterTask *task, uint64 space);

/*
 * The cluster of each row that was added, from 1, 0 for none, in the current memory context.
 * report, ctx: see LearnEnv; report may be NULL.
 */
extern int32 *cluster_run(const ClusterTask *task, AnswerRows *rows,
						  void (*report) (void *ctx, const LearnReport *report), void *ctx);

#endif							/* DML_CLUSTER_TASK_H */
