/*
 * candidates.c
 *	  Candidates of a query: the rows of a window function's partition.
 */
#include "compat.h"

#include "answer/answer_partition.h"
#include "answer/candidates.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

double
candidates_lambda(WindowObject window, int i)
{
	Datum		value;
	double		lambda = answer_window_argument(window, i, &value) ? DatumGetFloat8(value) : NAN;

	if (!(lambda >= 0 && lambda <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lambda must be from 0 to 1, not %g", lambda)));
	return lambda;
}

ClusterMetric
candidates_metric(WindowObject window, int i)
{
	Datum		value;

	return answer_metric(answer_window_argument(window, i, &value) ? TextDatumGetCString(value) : NULL);
}

static bool
has_direction(const DmlVector *vector)
{
	for (int i = 0; i < vector->dim; i++)
		if (vector->x[i] != 0)
			return true;
	return false;
}

static void
add_candidate(Candidates *rows, ClusterMetric metric, int32 place, const DmlVector *vector, double distance, const char *what)
{
	if (isinf(distance))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a distance must be finite, not %g", distance)));
	if (isnan(distance) || (metric == CLUSTER_COSINE && !has_direction(vector)))
		return;
	rows->bytes += VARSIZE(vector);
	answer_check_memory(rows->bytes, what);
	rows->place[rows->n] = place;
	rows->x[rows->n] = vector->x;
	rows->distance[rows->n++] = distance;
}

Candidates
candidates_read(WindowObject window, ClusterMetric metric, const char *what)
{
	int64		n = WinGetPartitionRowCount(window);
	Candidates	rows = {0};
	const DmlVector *first = NULL;

	if (n > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d rows", PG_INT32_MAX)));
	rows.rows = (int32) n;
	rows.bytes = n * (sizeof(int32) + sizeof(float *) + 2 * sizeof(double));
	answer_check_memory(rows.bytes, what);
	rows.place = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n);
	rows.x = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float *) * n);
	rows.distance = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n);
	for (int32 i = 0; i < rows.rows; i++)
	{
		bool		isnull;
		bool		isout;
		DmlVector  *vector;
		Datum		value;

		CHECK_FOR_INTERRUPTS();
		value = WinGetFuncArgInPartition(window, 0, i, WINDOW_SEEK_HEAD, false, &isnull, &isout);
		if (isnull || isout)
			continue;
		vector = (DmlVector *) PG_DETOAST_DATUM_COPY(value);
		if (first == NULL)
			first = vector;
		dml_vector_check_same(first, vector);
		value = WinGetFuncArgInPartition(window, 1, i, WINDOW_SEEK_HEAD, false, &isnull, &isout);
		if (!isnull && !isout)
			add_candidate(&rows, metric, i, vector, DatumGetFloat8(value), what);
	}
	rows.d = first ? first->dim : 0;
	return rows;
}
