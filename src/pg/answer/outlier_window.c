/*
 * outlier_window.c
 *	  dml_outlier_lof: the local outlier factor of a row among its partition, as a window function.
 */
#include "compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "answer/answer_partition.h"
#include "answer/outlier_fit.h"

PG_FUNCTION_INFO_V1(dml_outlier_lof);

/* What a partition keeps. */
typedef struct PartitionFactors
{
	double	   *factor;			/* by the row's place in the partition; NULL: not computed yet */
} PartitionFactors;

/* The factors of a partition by place; NaN: the row has none. */
static double *
partition_factors(WindowObject window, MemoryContext result_context)
{
	bool		isnull;
	int32		k = DatumGetInt32(WinGetFuncArgCurrent(window, 1, &isnull));
	int			neighbours = outlier_k(isnull ? NULL : &k);
	AnswerRows *gathered = answer_rows_partition(window, CLUSTER_L2, false);
	int64		added = answer_rows_added(gathered);
	LearnEnv   *env = dml_learn_env(0);
	const int32 *origin;
	const ClusterRows *rows = answer_rows_finish(gathered, env, &origin);
	double	   *result = MemoryContextAllocHuge(result_context, sizeof(double) * added);
	OutlierFit	fit;

	outlier_fit(&fit, OUTLIER_LOF, rows->x, rows->n, rows->d, neighbours, NULL, 0, sizeof(double) * added);
	for (int64 i = 0; i < added; i++)
		result[i] = NAN;
	for (int64 i = 0; i < rows->n; i++)
		result[origin[i]] = outlier_fit_own(&fit, i);
	answer_rows_end(gathered);
	return result;
}

/* dml_outlier_lof(embedding, k) */
Datum
dml_outlier_lof(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	PartitionFactors *kept = WinGetPartitionLocalMemory(window, sizeof(PartitionFactors));
	double		factor;

	if (kept->factor == NULL)
	{
		MemoryContext working = AllocSetContextCreate(CurrentMemoryContext, "dml outliers", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(working);

		kept->factor = partition_factors(window, GetMemoryChunkContext(kept));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(working);
	}
	factor = kept->factor[WinGetCurrentPosition(window)];
	if (isnan(factor))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(factor);
}
