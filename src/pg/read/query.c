/*
 * query.c
 *	  The rows of a query, in sequence, through a read-only cursor.
 */
#include "compat.h"

#include "read/query.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Rows in one fetch: enough to make a fetch cheap, few enough to stay in the processor's cache. */
#define FETCH_FIRST		8
#define FETCH_ROWS		1000
#define FETCH_BYTES		(1024 * 1024)

/* The current row, for the context of an error. */
typedef struct RowKey
{
	TupleDesc	desc;
	int			first;			/* first column of the key; natts: there is none */
	const Datum *values;
	const bool *nulls;
} RowKey;

/* An error context callback: the row's key. */
static void
name_row(void *arg)
{
	const RowKey *key = arg;
	StringInfoData names;
	StringInfoData values;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = key->first; i < key->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(key->desc, i);
		const char *comma = i > key->first ? ", " : "";
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(attribute->atttypid, &output, &varlena);
		appendStringInfo(&names, "%s%s", comma, NameStr(attribute->attname));
		appendStringInfo(&values, "%s%s", comma, key->nulls[i] ? "NULL" : OidOutputFunctionCall(output, key->values[i]));
	}
	errcontext("row with key (%s)=(%s)", names.data, values.data);
}

/* Read all rows of the cursor, with a memory context that is reset after each row. */
static void
read_all(const DmlQueryReader *reader, Portal portal, bool *has_value)
{
	Datum	   *values = palloc(sizeof(Datum) * portal->tupDesc->natts);
	bool	   *nulls = palloc(sizeof(bool) * portal->tupDesc->natts);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "dml row", ALLOCSET_DEFAULT_SIZES);
	int			natts = portal->tupDesc->natts;
	RowKey		key = {portal->tupDesc, natts - (reader->keyed ? reader->n_key : 0), values, nulls};
	ErrorContextCallback callback = {error_context_stack, name_row, &key};
	int			empty = natts;	/* columns without a value so far */
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
			for (int c = 0; c < natts && empty > 0; c++)
				if (!nulls[c] && !has_value[c])
				{
					has_value[c] = true;
					empty--;
				}
			if (reader->keyed)
				error_context_stack = &callback;
			reader->take(reader->state, values, nulls);
			error_context_stack = callback.previous;
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

static SPIPlanPtr
prepare(const char *query)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

char *
dml_null_columns_detail(const bool *has_value, const char *const *names, int n)
{
	StringInfoData list;
	int			count = 0;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		if (!has_value[i])
			appendStringInfo(&list, "%s\"%s\"", count++ > 0 ? ", " : "", names[i]);
	if (count == 0)
		return pstrdup("Each row has a NULL, or an array with a NULL element, but none of them is NULL in every row.");
	return psprintf("%s %s NULL in every row.", list.data, count == 1 ? "is" : "are");
}

bool *
dml_query_read(const char *query, const DmlQueryReader *reader)
{
	MemoryContext caller = CurrentMemoryContext;
	SPIPlanPtr	plan;
	CachedPlan *planned;
	Portal		portal;
	bool	   *has_value;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = prepare(query);
	reader->check(reader->state, linitial(SPI_plan_get_plan_sources(plan)));
	if (reader->keyed)
		plan = prepare(reader->keyed);
	/* planning locks what parsing did not: partitions and child tables */
	planned = SPI_plan_get_cached_plan(plan);
	dml_push_later_snapshot();
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	has_value = MemoryContextAllocZero(caller, sizeof(bool) * Max(portal->tupDesc->natts, 1));
	read_all(reader, portal, has_value);
	SPI_cursor_close(portal);
	if (reader->after)
		reader->after(reader->state);
	PopActiveSnapshot();
	if (planned)
		dml_release_cached_plan(planned);
	SPI_finish();
	return has_value;
}
