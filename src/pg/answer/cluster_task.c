/*
 * cluster_task.c
 *	  Arguments of clustering, and one run of a method over rows that were gathered.
 */
#include "compat.h"

#include "answer/cluster_task.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#define KMEANS_STARTS		10
#define KMEANS_ITERATIONS	300
#define MOST_ITERATIONS		1000000

static ClusterMetric
metric_of(const char *name)
{
	if (name == NULL || strcmp(name, "l2") == 0)
		return CLUSTER_L2;
	if (strcmp(name, "cosine") == 0)
		return CLUSTER_COSINE;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown metric \"%s\"", name),
			 errhint("Valid metrics are l2 and cosine.")));
}

/* A whole number of at least 1; without a value it must have a default. */
static int
count_of(const int32 *value, int standard, int least, int most, const char *name)
{
	if (value == NULL && standard == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must be given", name)));
	if (value != NULL && (*value < least || *value > most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 most == PG_INT32_MAX ? errmsg("%s must be at least %d, not %d", name, least, *value) :
				 errmsg("%s must be from %d to %d, not %d", name, least, most, *value)));
	return value != NULL ? *value : standard;
}

ClusterTask
cluster_task(ClusterMethod method, const ClusterArguments *arguments)
{
	ClusterTask task = {.method = method,.metric = metric_of(arguments->metric)};

	switch (method)
	{
		case CLUSTER_KMEANS:
			task.kmeans.k = count_of(arguments->k, 0, 1, PG_INT32_MAX, "k");
			task.kmeans.starts = count_of(arguments->starts, KMEANS_STARTS, 1, 1000, "starts");
			task.kmeans.max_iterations = count_of(arguments->max_iterations, KMEANS_ITERATIONS, 1, MOST_ITERATIONS, "max_iterations");
			task.kmeans.seed = arguments->seed != NULL ? (uint64) *arguments->seed : 0;
			break;
	}
	return task;
}

/* The most memory that a method takes of rows, beside the vectors. */
static size_t
memory_needed(const ClusterTask *task, const ClusterRows *rows)
{
	switch (task->method)
	{
		case CLUSTER_KMEANS:
			return clusters_kmeans_memory(rows->n, rows->d, (int) Min(task->kmeans.k, rows->n));
	}
	return 0;
}

int32 *
cluster_run(const ClusterTask *task, AnswerRows *gathered, void (*report) (void *ctx, const LearnReport *report))
{
	int64		added = answer_rows_added(gathered);
	int32	   *result = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int32) * Max(added, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	LearnEnv   *env = dml_learn_env(0);
	const int32 *origin;
	const ClusterRows *rows = answer_rows_finish(gathered, env, &origin);
	int32	   *label;
	LearnStatus status = LEARN_OK;
	double		inertia;

	env->report = report;
	answer_check_memory(memory_needed(task, rows), psprintf("clustering %lld rows", (long long) rows->n));
	label = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(rows->n, 1));
	switch (task->method)
	{
		case CLUSTER_KMEANS:
			status = clusters_kmeans(env, rows, &task->kmeans, label, &inertia);
			break;
	}
	dml_learn_check(env, status);
	for (int64 i = 0; i < rows->n; i++)
		result[origin[i]] = label[i];
	pfree(label);
	MemoryContextDelete(GetMemoryChunkContext(env));
	return result;
}
