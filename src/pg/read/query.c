/*
 * query.c
 *	  A query's rows, one after the other, through a read-only cursor.
 */
#include "compat.h"

#include "read/query.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Rows fetched at a time: enough to make a fetch cheap, few enough to stay in the cache. */
#define FETCH_FIRST		8
#define FETCH_ROWS		1000
#define FETCH_BYTES		(1024 * 1024)

/* All rows of the cursor, with a context that is reset after each. */
static void
read_all(const DmlQueryReader *reader, Portal portal)
{
	Datum	   *values = palloc(sizeof(Datum) * portal->tupDesc->natts);
	bool	   *nulls = palloc(sizeof(bool) * portal->tupDesc->natts);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "dml row", ALLOCSET_DEFAULT_SIZES);
	long		batch = FETCH_FIRST;
	int64		rows = 0;

	for (;;)
	{
		MemoryContext old;
		uint64		fetched;
		Size		bytes = 0;

		SPI_cursor_fetch(portal, true, batch);
		fetched = SPI_processed;
		if (fetched == 0)
			break;
		old = MemoryContextSwitchTo(row_context);
		for (uint64 i = 0; i < fetched; i++)
		{
			HeapTuple	tuple = SPI_tuptable->vals[i];

			CHECK_FOR_INTERRUPTS();
			bytes += tuple->t_len;
			heap_deform_tuple(tuple, SPI_tuptable->tupdesc, values, nulls);
			reader->take(reader->state, values, nulls);
			MemoryContextReset(row_context);
		}
		MemoryContextSwitchTo(old);
		SPI_freetuptable(SPI_tuptable);
		batch = Max(Min(FETCH_ROWS, FETCH_BYTES / Max(bytes / fetched, 1)), 1);
		rows += fetched;
		if (reader->progress)
			reader->progress(reader->ctx, rows);
	}
	MemoryContextDelete(row_context);
}

void
dml_query_check_targets(const CachedPlanSource *source, const char *what)
{
	Query	   *query = linitial_node(Query, source->query_list);

	if (query->hasAggs || query->hasWindowFuncs || query->hasTargetSRFs)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot use %s functions", what,
						query->hasAggs ? "aggregate" : query->hasWindowFuncs ? "window" : "set-returning"),
				 errhint("Put them into the source: source => 'SELECT ... FROM ...'.")));
}

void
dml_push_later_snapshot(void)
{
	CommandId	seen = GetActiveSnapshot()->curcid;

	PushCopiedSnapshot(GetTransactionSnapshot());
	GetActiveSnapshot()->curcid = seen;
}

void
dml_query_read(const char *query, const DmlQueryReader *reader)
{
	SPIPlanPtr	plan;
	CachedPlan *planned;
	Portal		portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	reader->check(reader->state, linitial(SPI_plan_get_plan_sources(plan)));
	/* planning locks what parsing did not: partitions and child tables */
	planned = SPI_plan_get_cached_plan(plan);
	dml_push_later_snapshot();
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	read_all(reader, portal);
	SPI_cursor_close(portal);
	PopActiveSnapshot();
	if (planned)
		dml_release_cached_plan(planned);
	SPI_finish();
}
