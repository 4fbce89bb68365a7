/*
 * cluster_window.c
 *	  Clusters as window functions: the partition is read at its first row, and all its clusters
 *	  are kept until it ends.
 */
#include "compat.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "answer/answer_partition.h"
#include "answer/cluster_task.h"

PG_FUNCTION_INFO_V1(dml_cluster_kmeans);
PG_FUNCTION_INFO_V1(dml_cluster_dbscan);
PG_FUNCTION_INFO_V1(dml_cluster_hdbscan);

/* What a partition keeps. */
typedef struct PartitionClusters
{
	const int32 *cluster;		/* by the row's place in the partition; NULL: not computed yet */
} PartitionClusters;

static const char *
text_value(WindowObject window, int i)
{
	Datum		value;

	return answer_window_argument(window, i, &value) ? TextDatumGetCString(value) : NULL;
}

static const int32 *
integer_value(WindowObject window, int i, int32 *room)
{
	Datum		value;

	if (!answer_window_argument(window, i, &value))
		return NULL;
	*room = DatumGetInt32(value);
	return room;
}

static const int64 *
bigint_value(WindowObject window, int i, int64 *room)
{
	Datum		value;

	if (!answer_window_argument(window, i, &value))
		return NULL;
	*room = DatumGetInt64(value);
	return room;
}

static const double *
double_value(WindowObject window, int i, double *room)
{
	Datum		value;

	if (!answer_window_argument(window, i, &value))
		return NULL;
	*room = DatumGetFloat8(value);
	return room;
}

/* The cluster of the current row. */
static Datum
current_cluster(FunctionCallInfo fcinfo, ClusterTask (*read_task) (WindowObject window))
{
	WindowObject window = PG_WINDOW_OBJECT();
	PartitionClusters *kept = WinGetPartitionLocalMemory(window, sizeof(PartitionClusters));
	int32		cluster;

	if (kept->cluster == NULL)
	{
		MemoryContext partition = GetMemoryChunkContext(kept);
		MemoryContext working = AllocSetContextCreate(CurrentMemoryContext, "dml clusters", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(working);
		ClusterTask task = read_task(window);
		AnswerRows *rows = answer_rows_partition(window, task.metric, task.method == CLUSTER_KMEANS);

		MemoryContextSwitchTo(partition);
		kept->cluster = cluster_run(&task, rows, NULL, NULL);
		MemoryContextSwitchTo(old);
		answer_rows_end(rows);
		MemoryContextDelete(working);
	}
	cluster = kept->cluster[WinGetCurrentPosition(window)];
	if (cluster == CLUSTERS_NOISE)
		PG_RETURN_NULL();
	PG_RETURN_INT32(cluster);
}

static ClusterTask
kmeans_task(WindowObject window)
{
	int32		k;
	int32		starts;
	int32		iterations;
	int64		seed;
	ClusterArguments arguments = {
		.k = integer_value(window, 1, &k),
		.metric = text_value(window, 2),
		.seed = bigint_value(window, 3, &seed),
		.max_iterations = integer_value(window, 4, &iterations),
	.starts = integer_value(window, 5, &starts)};

	return cluster_task(CLUSTER_KMEANS, &arguments);
}

/* dml_cluster_kmeans(embedding, k, metric, seed, max_iterations, starts) */
Datum
dml_cluster_kmeans(PG_FUNCTION_ARGS)
{
	return current_cluster(fcinfo, kmeans_task);
}

static ClusterTask
dbscan_task(WindowObject window)
{
	double		eps;
	double		rate;
	int32		min_points;
	ClusterArguments arguments = {
		.eps = double_value(window, 1, &eps),
		.min_points = integer_value(window, 2, &min_points),
		.metric = text_value(window, 3),
	.false_merge_rate = double_value(window, 4, &rate)};

	return cluster_task(CLUSTER_DBSCAN, &arguments);
}

/* dml_cluster_dbscan(embedding, eps, min_points, metric, false_merge_rate) */
Datum
dml_cluster_dbscan(PG_FUNCTION_ARGS)
{
	return current_cluster(fcinfo, dbscan_task);
}

static ClusterTask
hdbscan_task(WindowObject window)
{
	int32		min_points;
	int32		min_cluster_size;
	ClusterArguments arguments = {
		.min_points = integer_value(window, 1, &min_points),
		.min_cluster_size = integer_value(window, 2, &min_cluster_size),
	.metric = text_value(window, 3)};

	return cluster_task(CLUSTER_HDBSCAN, &arguments);
}

/* dml_cluster_hdbscan(embedding, min_points, min_cluster_size, metric) */
Datum
dml_cluster_hdbscan(PG_FUNCTION_ARGS)
{
	return current_cluster(fcinfo, hdbscan_task);
}
