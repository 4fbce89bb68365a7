/*
 * rerank_window.c
 *	  dml_rerank: new distances of candidates by k-reciprocal neighbours, as a window function.
 *	  The partition is read at its first row.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "utils/memutils.h"

#include "answer/answer_partition.h"
#include "answer/candidates.h"
#include "call/learn_env.h"
#include "learn/cluster/k_reciprocal.h"

/* The work for a row is the cube of it. */
#define MOST_NEIGHBOURS	100

#define WHAT			"re-ranking"

PG_FUNCTION_INFO_V1(dml_rerank);

/* What a partition keeps: a distance by the row's place, NaN for none; NULL: not computed yet. */
typedef struct PartitionDistances
{
	double	   *distance;
} PartitionDistances;

static int
neighbours(WindowObject window, int i, const char *name)
{
	Datum		value;
	int			k = answer_window_argument(window, i, &value) ? DatumGetInt32(value) : 0;

	if (k < 1 || k > MOST_NEIGHBOURS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from 1 to %d, not %d", name, MOST_NEIGHBOURS, k)));
	return k;
}

static double *
compute_distances(WindowObject window, MemoryContext partition)
{
	int			k1 = neighbours(window, 2, "k1");
	int			k2 = neighbours(window, 3, "k2");
	double		lambda = candidates_lambda(window, 4);
	ClusterMetric metric = candidates_metric(window, 5);
	Candidates	candidates = candidates_read(window, metric, WHAT);
	double	   *found = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(candidates.n, 1));
	double	   *result;
	LearnEnv   *env;

	answer_check_memory(candidates.bytes + k_reciprocal_memory(candidates.n, k1, k2), WHAT);
	for (int32 i = 0; i < candidates.n; i++)
		if (candidates.distance[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a distance must be at least 0, not %g", candidates.distance[i])));
	env = dml_learn_env(0);
	dml_learn_check(env, k_reciprocal(env, metric, candidates.x, candidates.d, candidates.distance, candidates.n, k1, k2, lambda, found));
	result = MemoryContextAllocHuge(partition, sizeof(double) * candidates.rows);
	for (int32 i = 0; i < candidates.rows; i++)
		result[i] = NAN;
	for (int32 i = 0; i < candidates.n; i++)
		result[candidates.place[i]] = found[i];
	return result;
}

/* dml_rerank(embedding, distance, k1, k2, lambda, metric) OVER (...) */
Datum
dml_rerank(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	PartitionDistances *kept = WinGetPartitionLocalMemory(window, sizeof(PartitionDistances));
	double		distance;

	if (kept->distance == NULL)
	{
		MemoryContext working = AllocSetContextCreate(CurrentMemoryContext, "dml rerank", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(working);

		kept->distance = compute_distances(window, GetMemoryChunkContext(kept));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(working);
	}
	distance = kept->distance[WinGetCurrentPosition(window)];
	if (isnan(distance))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(distance);
}
