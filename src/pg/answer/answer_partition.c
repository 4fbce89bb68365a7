/*
 * answer_partition.c
 *	  The embeddings of a window function's partition, and its arguments.
 */
#include "compat.h"

#include "answer/answer_partition.h"

#include "miscadmin.h"
#include "utils/memutils.h"

bool
answer_window_argument(WindowObject window, int i, Datum *value)
{
	bool		isnull;

	*value = WinGetFuncArgCurrent(window, i, &isnull);
	return !isnull;
}

AnswerRows *
answer_rows_partition(WindowObject window, ClusterMetric metric, bool directions)
{
	AnswerRows *rows = answer_rows_begin(metric, directions);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "dml row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row_context);
	int64		n = WinGetPartitionRowCount(window);

	for (int64 i = 0; i < n; i++)
	{
		bool		isnull;
		bool		isout;
		Datum		value;

		CHECK_FOR_INTERRUPTS();
		if (i > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("there are more than %d rows", PG_INT32_MAX)));
		value = WinGetFuncArgInPartition(window, 0, (int) i, WINDOW_SEEK_HEAD, false, &isnull, &isout);
		answer_rows_add(rows, isnull || isout ? NULL : DatumGetDmlVectorP(value));
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
	return rows;
}
