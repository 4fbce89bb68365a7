/*
 * mmr_window.c
 *	  dml_mmr: ranks of candidates by maximal marginal relevance, as a window function.  The
 *	  partition is read at its first row.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "answer/answer_rows.h"
#include "answer/cluster_task.h"
#include "call/learn_env.h"
#include "learn/cluster/mmr.h"

PG_FUNCTION_INFO_V1(dml_mmr);

/* What a partition keeps: a rank by the row's place, 0 for none; NULL: not computed yet. */
typedef struct PartitionRanks
{
	int32	   *rank;
} PartitionRanks;

/* Rows that can have a rank. */
typedef struct Candidates
{
	int32		n;
	int32	   *place;			/* in the partition */
	const float **x;
	double	   *distance;
	const DmlVector *first;
	size_t		bytes;
} Candidates;

static bool
has_direction(const DmlVector *vector)
{
	for (int i = 0; i < vector->dim; i++)
		if (vector->x[i] != 0)
			return true;
	return false;
}

static void
add_candidate(Candidates *rows, ClusterMetric metric, int32 place, DmlVector *vector, double distance)
{
	if (isinf(distance))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a distance must be finite, not %g", distance)));
	if (rows->first == NULL)
		rows->first = vector;
	dml_vector_check_same(rows->first, vector);
	if (isnan(distance) || (metric == CLUSTER_COSINE && !has_direction(vector)))
		return;
	rows->bytes += VARSIZE(vector);
	answer_check_memory(rows->bytes, "maximal marginal relevance");
	rows->place[rows->n] = place;
	rows->x[rows->n] = vector->x;
	rows->distance[rows->n++] = distance;
}

static Candidates
read_candidates(WindowObject window, ClusterMetric metric, int32 n)
{
	Candidates	rows = {0};

	rows.bytes = n * (sizeof(int32) + sizeof(float *) + 2 * sizeof(double));
	answer_check_memory(rows.bytes, "maximal marginal relevance");
	rows.place = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n);
	rows.x = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float *) * n);
	rows.distance = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n);
	for (int32 i = 0; i < n; i++)
	{
		bool		no_vector;
		bool		no_distance;
		bool		isout;
		DmlVector  *vector;
		Datum		value;

		CHECK_FOR_INTERRUPTS();
		value = WinGetFuncArgInPartition(window, 0, i, WINDOW_SEEK_HEAD, false, &no_vector, &isout);
		if (no_vector || isout)
			continue;
		vector = (DmlVector *) PG_DETOAST_DATUM_COPY(value);
		value = WinGetFuncArgInPartition(window, 1, i, WINDOW_SEEK_HEAD, false, &no_distance, &isout);
		if (!no_distance && !isout)
			add_candidate(&rows, metric, i, vector, DatumGetFloat8(value));
	}
	return rows;
}

/* The value of an argument at the current row; false: NULL. */
static bool
argument(WindowObject window, int i, Datum *value)
{
	bool		isnull;

	*value = WinGetFuncArgCurrent(window, i, &isnull);
	return !isnull;
}

static int32 *
compute_ranks(WindowObject window, MemoryContext partition)
{
	int64		rows = WinGetPartitionRowCount(window);
	Datum		value;
	double		lambda = argument(window, 2, &value) ? DatumGetFloat8(value) : 0.5;
	int64		k = argument(window, 3, &value) ? DatumGetInt32(value) : rows;
	ClusterMetric metric = answer_metric(argument(window, 4, &value) ? TextDatumGetCString(value) : NULL);
	Candidates	candidates;
	int32	   *rank;
	int32	   *chosen;
	LearnEnv   *env;

	if (!(lambda >= 0 && lambda <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lambda must be from 0 to 1, not %g", lambda)));
	if (k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at least 1, not %lld", (long long) k)));
	if (rows > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d rows", PG_INT32_MAX)));
	candidates = read_candidates(window, metric, (int32) rows);
	k = Min(k, candidates.n);
	chosen = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(k, 1));
	env = dml_learn_env(0);
	dml_learn_check(env, mmr_choose(env, metric, candidates.x, candidates.first ? candidates.first->dim : 0,
									candidates.distance, candidates.n, lambda, (int32) k, chosen));
	rank = MemoryContextAllocExtended(partition, sizeof(int32) * rows, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int32 i = 0; i < k; i++)
		rank[candidates.place[chosen[i]]] = i + 1;
	return rank;
}

/* dml_mmr(embedding, distance, lambda, k, metric) OVER (...) */
Datum
dml_mmr(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	PartitionRanks *kept = WinGetPartitionLocalMemory(window, sizeof(PartitionRanks));
	int32		rank;

	if (kept->rank == NULL)
	{
		MemoryContext working = AllocSetContextCreate(CurrentMemoryContext, "dml mmr", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(working);

		kept->rank = compute_ranks(window, GetMemoryChunkContext(kept));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(working);
	}
	rank = kept->rank[WinGetCurrentPosition(window)];
	if (rank == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(rank);
}
