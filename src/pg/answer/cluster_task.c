/*
 * cluster_task.c
 *	  Arguments of clustering, and one run of a method over rows that were gathered.
 */
#include "compat.h"

#include "answer/cluster_task.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "model/model.h"

#define KMEANS_STARTS		10
#define KMEANS_ITERATIONS	300
#define MOST_ITERATIONS		1000000
#define MIN_POINTS			5
#define KEPT_FOR_A_ROW		(3 * sizeof(int32)) /* its origin, and its label in both orders */

ClusterMetric
answer_metric(const char *name)
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

/* The value of an argument.  Without one it is NaN, which cannot be given. */
static double
number_of(const double *value, const char *name)
{
	if (value != NULL && isnan(*value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a number, not NaN", name)));
	return value != NULL ? *value : NAN;
}

static void
check_radius(const ClusterTask *task)
{
	if (!isnan(task->radius) && !(task->radius >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("eps must be at least 0, not %g", task->radius)));
	if (isnan(task->radius) && task->metric != CLUSTER_L2)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("eps must be given for metric cosine"),
				 errdetail("Thresholds of dml_calibrate are Euclidean distances.")));
	if (!isnan(task->false_merge_rate) && !(task->false_merge_rate > 0 && task->false_merge_rate < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("false_merge_rate must be between 0 and 1, not %g", task->false_merge_rate)));
	if (!isnan(task->false_merge_rate) && !isnan(task->radius))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("eps and false_merge_rate exclude each other"),
				 errhint("With eps => NULL the threshold that dml_calibrate found is the radius.")));
}

double
cluster_radius(const ClusterTask *task, uint64 space)
{
	const DmlVersion *version;
	double		radius;
	double		far;
	bool		calibrated;

	if (!isnan(task->radius))
		return task->radius;
	if (space == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("eps must be given for plain vectors"),
				 errdetail("Only embeddings have a model whose threshold could be taken.")));
	version = dml_version_calibrated(space);
	calibrated = dml_calibration_find_rate(version, &radius, &far);
	if (!calibrated)
		dml_not_calibrated(version);
	if (!isnan(task->false_merge_rate) && !(far <= task->false_merge_rate))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 isnan(far) ? errmsg("version %d of model \"%s\" is calibrated without pairs of two classes", version->number, version->name) :
				 errmsg("version %d of model \"%s\" is calibrated for a false accept rate of %g, not %g",
						version->number, version->name, far, task->false_merge_rate),
				 errhint("SELECT * FROM dml_calibrate('%s@%d', 'table or query', label => 'column', false_accept_rate => %g);",
						 version->name, version->number, task->false_merge_rate)));
	return radius;
}

ClusterMethod
cluster_method(const char *name)
{
	static const char *const names[] = {"kmeans", "dbscan", "hdbscan"};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (ClusterMethod) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown method \"%s\"", name),
			 errhint("Valid methods are dbscan, hdbscan and kmeans.")));
}

ClusterTask
cluster_task(ClusterMethod method, const ClusterArguments *arguments)
{
	ClusterTask task = {.method = method,.metric = answer_metric(arguments->metric),.radius = NAN,.false_merge_rate = NAN};

	switch (method)
	{
		case CLUSTER_KMEANS:
			task.kmeans.k = count_of(arguments->k, 0, 1, PG_INT32_MAX, "k");
			task.kmeans.starts = count_of(arguments->starts, KMEANS_STARTS, 1, 1000, "starts");
			task.kmeans.max_iterations = count_of(arguments->max_iterations, KMEANS_ITERATIONS, 1, MOST_ITERATIONS, "max_iterations");
			task.kmeans.seed = arguments->seed != NULL ? (uint64) *arguments->seed : 0;
			break;
		case CLUSTER_DBSCAN:
			task.min_points = count_of(arguments->min_points, MIN_POINTS, 1, PG_INT32_MAX, "min_points");
			task.radius = number_of(arguments->eps, "eps");
			task.false_merge_rate = number_of(arguments->false_merge_rate, "false_merge_rate");
			check_radius(&task);
			break;
		case CLUSTER_HDBSCAN:
			task.min_points = count_of(arguments->min_points, MIN_POINTS, 1, PG_INT32_MAX, "min_points");
			task.min_cluster_size = count_of(arguments->min_cluster_size, Max(task.min_points, 2), 2, PG_INT32_MAX, "min_cluster_size");
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
		case CLUSTER_DBSCAN:
			return clusters_dbscan_memory(rows->n, task->min_points);
		case CLUSTER_HDBSCAN:
			return clusters_hdbscan_memory(rows->n, task->min_points, task->min_cluster_size);
	}
	return 0;
}

int32 *
cluster_run(const ClusterTask *task, AnswerRows *gathered,
			void (*report) (void *ctx, const LearnReport *report), void *ctx)
{
	int64		added = answer_rows_added(gathered);
	int32	   *result = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int32) * Max(added, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	LearnEnv   *env = dml_learn_env(0);
	const int32 *origin;
	const ClusterRows *rows = answer_rows_finish(gathered, env, &origin);
	int32	   *label;
	LearnStatus status = LEARN_OK;
	double		inertia;
	uint64		space;

	env->report = report;
	env->ctx = ctx;
	answer_check_memory(memory_needed(task, rows) + KEPT_FOR_A_ROW * added, psprintf("clustering %lld rows", (long long) rows->n));
	label = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(rows->n, 1));
	switch (task->method)
	{
		case CLUSTER_KMEANS:
			status = clusters_kmeans(env, rows, &task->kmeans, label, &inertia);
			break;
		case CLUSTER_DBSCAN:
			if (answer_rows_space(gathered, &space))
				status = clusters_dbscan(env, rows, cluster_radius(task, space), task->min_points, label);
			break;
		case CLUSTER_HDBSCAN:
			status = clusters_hdbscan(env, rows, task->min_points, task->min_cluster_size, label);
			break;
	}
	dml_learn_check(env, status);
	for (int64 i = 0; i < rows->n; i++)
		result[origin[i]] = label[i];
	pfree(label);
	MemoryContextDelete(GetMemoryChunkContext(env));
	return result;
}
