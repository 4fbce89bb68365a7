/*
 * cluster_table.c
 *	  dml_cluster: the clusters of a source's rows, each by its key.
 *
 * The rows are read once, as the caller.  Keys wait in a tuplestore for the clusters.  For DBSCAN
 * an index gives the neighbours of one row after the other, and only the places of the rows stay in
 * memory.  Everything else takes the vectors.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "answer/answer_progress.h"
#include "answer/answer_source.h"
#include "answer/cluster_task.h"
#include "answer/radius_index.h"
#include "call/arguments.h"
#include "call/result_store.h"
#include "read/query.h"

#include "base/report.h"

#define REPORT_ROWS		1000

#define HINT	"SELECT * FROM dml_cluster('table', 'embedding column', method => 'dbscan', eps => 0.5);"

PG_FUNCTION_INFO_V1(dml_cluster);

typedef struct TableClusters
{
	ClusterTask task;
	Tuplestorestate *keys;		/* of all rows: the key, and whether it has a vector */
	TupleDesc	key_desc;
	int32	   *cluster;		/* of the rows that have a vector, or of all */

	RadiusIndex *index;			/* NULL: the vectors are gathered */
	RadiusRow  *rows;			/* those with a vector */
	uint64	   *hash;
	int64		n;
	int64		room;
	uint64		space;

	AnswerRows *vectors;
} TableClusters;

/* DmlQueryReader.progress */
static void
report_reading(void *ctx, int64 rows)
{
	answer_progress(rows, 0);
}

/*
 * LearnEnv.report.  Of k-means a start counts as rows in the end; HDBSCAN has two passes over the
 * rows.
 */
static void
report_method(void *ctx, const LearnReport *report)
{
	int64		rows = answer_rows_added(((TableClusters *) ctx)->vectors);

	answer_progress(report->epochs > 0 ? rows * (report->epoch - 1) / report->epochs : report->step / 2, 0);
}

/* ---------- reading ---------- */

static void
take_place(TableClusters *table, const DmlVector *vector, const ItemPointerData *place)
{
	if (table->n == 0)
		table->space = vector->space;
	if (table->n == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d rows", PG_INT32_MAX)));
	if (table->n == table->room)
	{
		table->room = table->room == 0 ? 64 : table->room * 2;
		table->rows = repalloc_huge(table->rows, sizeof(RadiusRow) * table->room);
		table->hash = repalloc_huge(table->hash, sizeof(uint64) * table->room);
	}
	table->rows[table->n] = (RadiusRow) {*place, (int32) table->n};
	table->hash[table->n++] = clusters_hash(vector->x, vector->dim);
}

/* DmlQueryReader.take: embedding, key as text and, with an index, the place */
static void
take_row(void *state, Datum *values, bool *nulls)
{
	TableClusters *table = state;
	const DmlVector *vector = nulls[0] ? NULL : DatumGetDmlVectorP(values[0]);
	Datum		kept[2];
	bool		kept_nulls[2] = {nulls[1], false};

	if (table->index != NULL)
	{
		if (vector != NULL && table->task.metric == CLUSTER_COSINE &&
			!clusters_direction(vector->x, vector->dim, palloc(sizeof(float4) * vector->dim)))
			vector = NULL;
		if (vector != NULL)
			take_place(table, vector, (ItemPointer) DatumGetPointer(values[2]));
	}
	else
		answer_rows_add(table->vectors, vector);
	kept[0] = values[1];
	kept[1] = BoolGetDatum(vector != NULL);
	tuplestore_putvalues(table->keys, table->key_desc, kept, kept_nulls);
}

/* DmlQueryReader.after: the snapshot of the reading is active */
static void
search_index(void *state)
{
	TableClusters *table = state;
	LearnEnv   *env = dml_learn_env(0);
	Dbscan		scan;
	double		within;
	int64		found = 0;
	int32		clusters;

	if (table->index == NULL || table->n == 0)
		return;
	answer_progress_rows(table->n);
	within = cluster_radius(&table->task, table->space);
	answer_check_memory(dbscan_memory(table->n, table->task.min_points) +
						table->n * (sizeof(RadiusRow) + sizeof(uint64) + sizeof(int32)),
						psprintf("clustering %lld rows", (long long) table->n));
	table->cluster = MemoryContextAllocHuge(GetMemoryChunkContext(table->rows), sizeof(int32) * table->n);
	dml_learn_check(env, dbscan_begin(env, table->n, table->task.min_points, table->hash, &scan));
	radius_index_begin(table->index, table->rows, table->n, within);
	for (int64 i = 0; i < table->n; i++)
	{
		if (i % REPORT_ROWS == 0)
			answer_progress(i, found);
		radius_index_neighbours(table->index, &table->rows[i], &scan);
		found += scan.found;
	}
	radius_index_end(table->index);
	dml_learn_check(env, dbscan_end(env, &scan, table->cluster, &clusters));
	MemoryContextDelete(GetMemoryChunkContext(env));
}

static void
read_source(TableClusters *table, const AnswerSource *source)
{
	DmlQueryReader reader = {.check = answer_check_nothing,.take = take_row,.after = search_index,.state = table,.progress = report_reading};

	/* each expression is evaluated once for a row */
	(void) dml_query_read(psprintf("SELECT (%s\n) AS embedding, (%s\n)::pg_catalog.text AS key%s FROM %s%s",
								   source->embedding, source->other, table->index != NULL ? ", ctid" : "",
								   table->index != NULL ? "ONLY " : "", source->from), &reader);
}

/* ---------- arguments and result ---------- */

static const int32 *
integer_argument(FunctionCallInfo fcinfo, int i, int32 *room)
{
	*room = PG_ARGISNULL(i) ? 0 : PG_GETARG_INT32(i);
	return PG_ARGISNULL(i) ? NULL : room;
}

static const double *
double_argument(FunctionCallInfo fcinfo, int i, double *room)
{
	*room = PG_ARGISNULL(i) ? 0 : PG_GETARG_FLOAT8(i);
	return PG_ARGISNULL(i) ? NULL : room;
}

static ClusterTask
task_of(FunctionCallInfo fcinfo)
{
	const char *method = text_argument(fcinfo, 2);
	int32		integers[5];
	double		doubles[2];
	int64		seed = PG_ARGISNULL(8) ? 0 : PG_GETARG_INT64(8);
	ClusterArguments arguments = {
		.k = integer_argument(fcinfo, 3, &integers[0]),
		.eps = double_argument(fcinfo, 4, &doubles[0]),
		.min_points = integer_argument(fcinfo, 5, &integers[1]),
		.min_cluster_size = integer_argument(fcinfo, 6, &integers[2]),
		.metric = text_argument(fcinfo, 7),
		.seed = &seed,
		.max_iterations = integer_argument(fcinfo, 9, &integers[3]),
		.starts = integer_argument(fcinfo, 10, &integers[4]),
	.false_merge_rate = double_argument(fcinfo, 11, &doubles[1])};

	return cluster_task(method == NULL ? CLUSTER_DBSCAN : cluster_method(method), &arguments);
}

/* Each key with its cluster, in the order of reading. */
static void
put_result(FunctionCallInfo fcinfo, TableClusters *table)
{
	TupleDesc	desc;
	Tuplestorestate *result = result_store(fcinfo, &desc);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(table->key_desc, &TTSOpsMinimalTuple);
	int64		next = 0;

	tuplestore_rescan(table->keys);
	while (tuplestore_gettupleslot(table->keys, true, false, slot))
	{
		bool		nulls[2];
		bool		isnull;
		Datum		values[2];
		bool		has_vector = DatumGetBool(slot_getattr(slot, 2, &isnull));
		int32		cluster = CLUSTERS_NOISE;

		CHECK_FOR_INTERRUPTS();
		/* gathered vectors are counted with the rows that have none */
		if (has_vector || table->index == NULL)
			cluster = table->cluster[next++];
		values[0] = slot_getattr(slot, 1, &nulls[0]);
		values[1] = Int32GetDatum(cluster);
		nulls[1] = cluster == CLUSTERS_NOISE;
		tuplestore_putvalues(result, desc, values, nulls);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * dml_cluster(source, embedding, method, k, eps, min_points, min_cluster_size, metric, seed,
 * max_iterations, starts, false_merge_rate, key)
 */
Datum
dml_cluster(PG_FUNCTION_ARGS)
{
	TableClusters table = {.task = task_of(fcinfo)};
	const char *source_text = text_argument(fcinfo, 0);
	const char *embedding = text_argument(fcinfo, 1);
	const char *key = text_argument(fcinfo, 12);
	AnswerSource source;

	need_argument(source_text, "source", HINT);
	need_argument(embedding, "embedding", HINT);
	source = answer_source(source_text, embedding, "embedding", key != NULL ? key : answer_source_key(source_text, "key", psprintf(ANSWER_KEY_HINT, "key")), "key");
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer_source_check(&source, true);
	SPI_finish();

	table.key_desc = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(table.key_desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(table.key_desc, 2, "has_vector", BOOLOID, -1, 0);
	table.keys = tuplestore_begin_heap(false, false, work_mem);
	if (table.task.method == CLUSTER_DBSCAN)
	{
		table.index = radius_index_open(source_text, embedding, table.task.metric);
		if (table.index == NULL)
			ereport(NOTICE,
					(errmsg("DBSCAN runs without an index: all vectors are read first"),
					 errhint("It uses an index on a column of a table without partitions whose rows you may read: CREATE INDEX ON table USING dml (column%s);",
							 table.task.metric == CLUSTER_COSINE ? " dml_cosine_ops" : "")));
	}
	if (table.index != NULL)
	{
		table.rows = palloc(sizeof(RadiusRow));
		table.hash = palloc(sizeof(uint64));
	}
	else
		table.vectors = answer_rows_begin(table.task.metric, table.task.method == CLUSTER_KMEANS);
	answer_progress_start(ANSWER_CLUSTER, source_text, 0);
	read_source(&table, &source);
	if (table.index == NULL)
	{
		answer_progress_rows(answer_rows_added(table.vectors));
		table.cluster = cluster_run(&table.task, table.vectors, report_method, &table);
		answer_rows_end(table.vectors);
	}
	answer_progress_end();
	put_result(fcinfo, &table);
	tuplestore_end(table.keys);
	if (table.index != NULL)
		radius_index_close(table.index);
	return (Datum) 0;
}
