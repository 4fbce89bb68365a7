/*
 * mmr_window.c
 *	  dml_mmr: ranks of candidates by maximal marginal relevance, as a window function.  The
 *	  partition is read at its first row.
 */
#include "compat.h"

#include "fmgr.h"
#include "utils/memutils.h"

#include "answer/answer_partition.h"
#include "answer/candidates.h"
#include "call/learn_env.h"
#include "learn/cluster/mmr.h"

PG_FUNCTION_INFO_V1(dml_mmr);

/* What a partition keeps: a rank by the row's place, 0 for none; NULL: not computed yet. */
typedef struct PartitionRanks
{
	int32	   *rank;
} PartitionRanks;

static int32 *
compute_ranks(WindowObject window, MemoryContext partition)
{
	Datum		value;
	double		lambda = candidates_lambda(window, 2);
	int32		k = answer_window_argument(window, 3, &value) ? DatumGetInt32(value) : PG_INT32_MAX;
	ClusterMetric metric = candidates_metric(window, 4);
	Candidates	candidates;
	int32	   *rank;
	int32	   *chosen;
	LearnEnv   *env;

	if (k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at least 1, not %d", k)));
	candidates = candidates_read(window, metric, "maximal marginal relevance");
	k = Min(k, candidates.n);
	chosen = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(k, 1));
	env = dml_learn_env(0);
	dml_learn_check(env, mmr_choose(env, metric, candidates.x, candidates.d, candidates.distance, candidates.n, lambda, k, chosen));
	rank = MemoryContextAllocExtended(partition, sizeof(int32) * candidates.rows, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
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
