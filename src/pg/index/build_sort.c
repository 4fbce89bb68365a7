/*
 * build_sort.c
 *	  The table's rows, each with its cluster, in the order of clusters and TIDs: by this
 *	  process alone or with parallel workers, as nbtree builds.
 *
 * In parallel, every participant scans blocks of the table, finds the clusters of their rows and
 * sorts them into a tape; the leader merges the tapes. The clusters are the leader's, and the
 * order does not depend on which participant saw a row. So the index is that of a serial build,
 * except for rows between two centers that a matrix product of another batch rounds differently.
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/instrument.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "build.h"
#include "model/model.h"

#define ASSIGN_BEAM			4
#define MOST_IN_BATCH		2048	/* rows that meet the clusters together */
#define LEAST_IN_BATCH		64

/* Keys of the shared memory's table of contents. */
enum
{
	KEY_SHARED = 0xd3100001,
	KEY_SORT,
	KEY_GRID,
	KEY_QUERY,
	KEY_WAL_USAGE,
	KEY_BUFFER_USAGE
};

/* What the participants share; behind it the parallel scan of the table. */
typedef struct BuildShared
{
	Oid			heap;
	Oid			index;
	bool		concurrent;
	int			participants;	/* who sort, the leader too */
	TreeMeta	meta;
	int			groups;			/* of the grid */
	int			k;

	ConditionVariable done;
	slock_t		mutex;
	int			finished;
	double		seen;			/* rows of the table */
	double		rows;			/* of the index */
	bool		broken_hot_chain;
} BuildShared;

#define shared_scan(shared)	\
	((ParallelTableScanDesc) ((char *) (shared) + BUFFERALIGN(sizeof(BuildShared))))

/* The leader's. */
typedef struct BuildParallel
{
	ParallelContext *context;
	BuildShared *shared;
	Sharedsort *sort;
	Snapshot	snapshot;
	WalUsage   *wal;
	BufferUsage *buffers;
} BuildParallel;

extern PGDLLEXPORT void dml_build_worker(dsm_segment *segment, shm_toc *toc);

/* ---------- the sort ---------- */

static Tuplesortstate *
begin_sort(Build *build, int kilobytes, SortCoordinate coordinate)
{
	TupleDesc	desc = CreateTemplateTupleDesc(3);
	AttrNumber	keys[] = {1, 2};
	Oid			operators[] = {Int4LessOperator, TIDLessOperator};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};

	TupleDescInitEntry(desc, 1, "cluster", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 2, "row", TIDOID, -1, 0);
	TupleDescInitEntry(desc, 3, "vector and columns", BYTEAOID, -1, 0);
	if (build->slot)
		ExecDropSingleTupleTableSlot(build->slot);
	build->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	return tuplesort_begin_heap(desc, 2, keys, operators, collations, nulls_first, kilobytes, coordinate, 0);
}

bool
build_next_row(Build *build, int32 *cluster, ItemPointer tid, const char **bytes)
{
	bool		isnull;

	if (!tuplesort_gettupleslot(build->sort, true, false, build->slot, NULL))
		return false;
	*cluster = DatumGetInt32(slot_getattr(build->slot, 1, &isnull));
	*tid = *(ItemPointer) DatumGetPointer(slot_getattr(build->slot, 2, &isnull));
	*bytes = VARDATA_ANY(DatumGetPointer(slot_getattr(build->slot, 3, &isnull)));
	return true;
}

/* ---------- rows on their way ---------- */

/* Give the batch's rows their clusters, and hand them to the sort. */
static void
assign_batch(Build *build)
{
	Size		vector_bytes = build->shape->width * sizeof(float);
	int			packed_bytes = build->columns.packed_bytes;
	ArenaMark	mark = arena_mark(build->env->arena);
	int32_t    *nearest = palloc(build->batch_room * sizeof(int32_t));
	struct varlena *bytes = palloc(VARHDRSZ + vector_bytes + packed_bytes);

	SET_VARSIZE(bytes, VARHDRSZ + vector_bytes + packed_bytes);
	build_learn(build, kmeans_grid_nearest(build->env, &build->grid, build->batch, build->batch_n, ASSIGN_BEAM, nearest));
	for (int i = 0; i < build->batch_n; i++)
	{
		TupleTableSlot *slot = build->slot;

		memcpy(VARDATA(bytes), (char *) build->batch + i * vector_bytes, vector_bytes);
		memcpy(VARDATA(bytes) + vector_bytes, build->batch_packed + (Size) i * packed_bytes, packed_bytes);
		ExecClearTuple(slot);
		slot->tts_values[0] = Int32GetDatum(nearest[i]);
		slot->tts_values[1] = PointerGetDatum(&build->batch_tids[i]);
		slot->tts_values[2] = PointerGetDatum(bytes);
		memset(slot->tts_isnull, false, 3 * sizeof(bool));
		ExecStoreVirtualTuple(slot);
		tuplesort_puttupleslot(build->sort, slot);
	}
	build->batch_n = 0;
	arena_reset(build->env->arena, mark);
	pfree(nearest);
	pfree(bytes);
}

static void
assign_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	Build	   *build = state;
	const DmlVector *vector;

	if (isnull[0])
		return;
	vector = build_row_vector(build, values[0], alive);
	if (vector != NULL &&
		tree_rotate(build->shape, vector->x, build->scratch,
					build->batch + (Size) build->batch_n * build->shape->width))
	{
		tree_columns_pack(&build->columns, values, isnull, build->batch_packed + (Size) build->batch_n * build->columns.packed_bytes);
		build->batch_tids[build->batch_n++] = *tid;
		build->rows++;
	}
	MemoryContextReset(build->context);
	if (build->batch_n == build->batch_room)
		assign_batch(build);
}

/*
 * The rows of a scan (NULL: of one of our own, of the whole table) into build->sort; returns how
 * many the table has.
 */
static double
assign_rows(Build *build, IndexInfo *info, TableScanDesc scan, bool progress, int participants)
{
	Size		row_bytes = build->shape->width * sizeof(float);
	double		seen;

	build->batch_room = (int) Min(build_bytes(BUILD_BATCH_SHARE) / participants / row_bytes, MOST_IN_BATCH);
	build->batch_room = Max(build->batch_room, LEAST_IN_BATCH);
	build->batch = MemoryContextAllocHuge(build->memory, mul_size(build->batch_room, row_bytes));
	build->batch_tids = palloc(build->batch_room * sizeof(ItemPointerData));
	build->batch_packed = palloc(mul_size(build->batch_room, build->columns.packed_bytes) + 1);
	build->scratch = palloc(row_bytes);
	seen = table_index_build_scan(build->heap, build->index, info, true, progress, assign_row, build, scan);
	if (build->batch_n > 0)
		assign_batch(build);
	pfree(build->batch);
	pfree(build->batch_tids);
	pfree(build->batch_packed);
	pfree(build->scratch);
	return seen;
}

/* ---------- parallel ---------- */

/* What a participant of a parallel build does, the leader too. */
static void
participate(Build *build, BuildShared *shared, Sharedsort *sort, bool progress)
{
	SortCoordinate coordinate = palloc0(sizeof(SortCoordinateData));
	IndexInfo  *info = BuildIndexInfo(build->index);
	double		seen;

	coordinate->isWorker = true;
	coordinate->nParticipants = -1;
	coordinate->sharedsort = sort;
	info->ii_Concurrent = shared->concurrent;
	build->sort = begin_sort(build, (int) (build_bytes(BUILD_SORT_SHARE) / 1024 / shared->participants), coordinate);
	seen = assign_rows(build, info, table_beginscan_parallel(build->heap, shared_scan(shared)), progress,
					   shared->participants);
	tuplesort_performsort(build->sort);

	SpinLockAcquire(&shared->mutex);
	shared->finished++;
	shared->seen += seen;
	shared->rows += build->rows;
	shared->broken_hot_chain |= info->ii_BrokenHotChain || build->left_out;
	SpinLockRelease(&shared->mutex);
	ConditionVariableSignal(&shared->done);
	tuplesort_end(build->sort);
}

/*
 * The grid and the origin as the workers have it: floats, then groups' beginnings; all that it
 * points to.
 */
static Size
grid_bytes(const BuildShared *shared)
{
	Size		width = ann_width(shared->meta.dims);
	Size		floats = add_size(mul_size(add_size(shared->groups, shared->k), width), add_size(shared->k, shared->meta.dims));

	return add_size(mul_size(floats, sizeof(float)), mul_size(add_size(shared->groups, 1), sizeof(int)));
}

/* Where the parts of a grid are in that memory; returns where the origin is. */
static float *
grid_settle(const BuildShared *shared, float *memory, KmeansGrid *grid)
{
	int			width = ann_width(shared->meta.dims);

	grid->width = width;
	grid->groups = shared->groups;
	grid->k = shared->k;
	grid->tops = memory;
	grid->centers = grid->tops + (Size) grid->groups * width;
	grid->bias = grid->centers + (Size) grid->k * width;
	memory = grid->bias + grid->k;
	grid->first = (int *) (memory + shared->meta.dims);
	return memory;
}

static void
grid_write(const Build *build, const BuildShared *shared, float *memory)
{
	const KmeansGrid *from = &build->grid;
	KmeansGrid	to;
	float	   *origin = grid_settle(shared, memory, &to);

	memcpy(to.tops, from->tops, (Size) to.groups * to.width * sizeof(float));
	memcpy(to.centers, from->centers, (Size) to.k * to.width * sizeof(float));
	memcpy(to.bias, from->bias, to.k * sizeof(float));
	memcpy(to.first, from->first, (to.groups + 1) * sizeof(int));
	if (build->shape->origin != NULL)
		memcpy(origin, build->shape->origin, build->meta.dims * sizeof(float));
}

void
dml_build_worker(dsm_segment *segment, shm_toc *toc)
{
	Build		build = {0};
	BuildShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	Sharedsort *sort = shm_toc_lookup(toc, KEY_SORT, false);
	WalUsage   *wal = shm_toc_lookup(toc, KEY_WAL_USAGE, false);
	BufferUsage *buffers = shm_toc_lookup(toc, KEY_BUFFER_USAGE, false);
	float	   *origin;

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	build.heap = table_open(shared->heap, shared->concurrent ? ShareUpdateExclusiveLock : ShareLock);
	build.index = index_open(shared->index, shared->concurrent ? RowExclusiveLock : AccessExclusiveLock);
	InstrStartParallelQuery();
	tuplesort_attach_shared(sort, segment);

	build.memory = CurrentMemoryContext;
	build.context = AllocSetContextCreate(CurrentMemoryContext, "dml index row", ALLOCSET_DEFAULT_SIZES);
	build.env = dml_learn_env(0);
	build.meta = shared->meta;
	tree_columns(build.index, &build.columns);
	origin = grid_settle(shared, shm_toc_lookup(toc, KEY_GRID, false), &build.grid);
	build.shape = tree_shape_new(build.index, &build.meta, origin, build.memory);
	build_learn(&build, kmeans_load(build.env));
	participate(&build, shared, sort, false);

	InstrEndParallelQuery(&buffers[ParallelWorkerNumber], &wal[ParallelWorkerNumber]);
	ExecDropSingleTupleTableSlot(build.slot);
	index_close(build.index, shared->concurrent ? RowExclusiveLock : AccessExclusiveLock);
	table_close(build.heap, shared->concurrent ? ShareUpdateExclusiveLock : ShareLock);
}

/* How many workers to ask for.  Before 17 the core plans them for btree alone. */
static int
workers_wanted(const Build *build)
{
#if PG_VERSION_NUM >= 170000
	return build->info->ii_ParallelWorkers;
#else
	if (!IsNormalProcessingMode() || RelationGetNumberOfBlocks(build->heap) == 0)
		return 0;
	return plan_create_index_workers(RelationGetRelid(build->heap), RelationGetRelid(build->index));
#endif
}

/* Undo begin_parallel(); the workers are done, or there are none. */
static void
end_parallel(Build *build)
{
	BuildParallel *parallel = build->parallel;

	WaitForParallelWorkersToFinish(parallel->context);
	for (int i = 0; i < parallel->context->nworkers_launched; i++)
		InstrAccumParallelQuery(&parallel->buffers[i], &parallel->wal[i]);
	if (IsMVCCSnapshot(parallel->snapshot))
		UnregisterSnapshot(parallel->snapshot);
	DestroyParallelContext(parallel->context);
	ExitParallelMode();
	pfree(parallel);
	build->parallel = NULL;
}

/* Start `workers` workers; build->parallel stays NULL if none can be had. */
static void
begin_parallel(Build *build, int workers)
{
	BuildParallel *parallel = palloc0(sizeof(BuildParallel));
	bool		concurrent = build->info->ii_Concurrent;
	Size		shared_bytes;
	Size		sort_bytes;
	Size		query_bytes = debug_query_string ? strlen(debug_query_string) + 1 : 0;
	ParallelContext *context;
	BuildShared *shared;
	BuildShared sizes = {.meta = build->meta, .groups = build->grid.groups, .k = build->grid.k};
	float	   *grid;

	EnterParallelMode();
	context = CreateParallelContext("dml", "dml_build_worker", workers);
	parallel->context = context;
	parallel->snapshot = concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;

	shared_bytes = add_size(BUFFERALIGN(sizeof(BuildShared)), table_parallelscan_estimate(build->heap, parallel->snapshot));
	sort_bytes = tuplesort_estimate_shared(workers + 1);
	shm_toc_estimate_chunk(&context->estimator, shared_bytes);
	shm_toc_estimate_chunk(&context->estimator, sort_bytes);
	shm_toc_estimate_chunk(&context->estimator, grid_bytes(&sizes));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(WalUsage), workers));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(BufferUsage), workers));
	if (query_bytes > 0)
		shm_toc_estimate_chunk(&context->estimator, query_bytes);
	shm_toc_estimate_keys(&context->estimator, query_bytes > 0 ? 6 : 5);
	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		/* no shared memory */
		if (IsMVCCSnapshot(parallel->snapshot))
			UnregisterSnapshot(parallel->snapshot);
		DestroyParallelContext(context);
		ExitParallelMode();
		pfree(parallel);
		return;
	}

	shared = shm_toc_allocate(context->toc, shared_bytes);
	*shared = sizes;
	shared->heap = RelationGetRelid(build->heap);
	shared->index = RelationGetRelid(build->index);
	shared->concurrent = concurrent;
	shared->participants = workers + 1;
	ConditionVariableInit(&shared->done);
	SpinLockInit(&shared->mutex);
	table_parallelscan_initialize(build->heap, shared_scan(shared), parallel->snapshot);
	parallel->sort = shm_toc_allocate(context->toc, sort_bytes);
	tuplesort_initialize_shared(parallel->sort, workers + 1, context->seg);
	grid = shm_toc_allocate(context->toc, grid_bytes(shared));
	grid_write(build, shared, grid);
	parallel->wal = shm_toc_allocate(context->toc, mul_size(sizeof(WalUsage), workers));
	parallel->buffers = shm_toc_allocate(context->toc, mul_size(sizeof(BufferUsage), workers));
	shm_toc_insert(context->toc, KEY_SHARED, shared);
	shm_toc_insert(context->toc, KEY_SORT, parallel->sort);
	shm_toc_insert(context->toc, KEY_GRID, grid);
	shm_toc_insert(context->toc, KEY_WAL_USAGE, parallel->wal);
	shm_toc_insert(context->toc, KEY_BUFFER_USAGE, parallel->buffers);
	if (query_bytes > 0)
	{
		char	   *query = shm_toc_allocate(context->toc, query_bytes);

		memcpy(query, debug_query_string, query_bytes);
		shm_toc_insert(context->toc, KEY_QUERY, query);
	}
	parallel->shared = shared;
	build->parallel = parallel;

	LaunchParallelWorkers(context);
	if (context->nworkers_launched == 0)
		end_parallel(build);
}

/* The leader's part of the scan, and the merge of all parts. */
static double
sort_parallel(Build *build)
{
	BuildParallel *parallel = build->parallel;
	BuildShared *shared = parallel->shared;
	SortCoordinate coordinate = palloc0(sizeof(SortCoordinateData));
	int			participants = parallel->context->nworkers_launched + 1;
	double		seen = 0;
	int			finished = 0;

	/* a worker that does not start is an error now, not a wait forever */
	WaitForParallelWorkersToAttach(parallel->context);
	participate(build, shared, parallel->sort, true);
	for (;;)
	{
		SpinLockAcquire(&shared->mutex);
		finished = shared->finished;
		seen = shared->seen;
		build->rows = shared->rows;
		build->info->ii_BrokenHotChain |= shared->broken_hot_chain;
		SpinLockRelease(&shared->mutex);
		if (finished == participants)
			break;
		ConditionVariableSleep(&shared->done, WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
	}
	ConditionVariableCancelSleep();

	coordinate->isWorker = false;
	coordinate->nParticipants = participants;
	coordinate->sharedsort = parallel->sort;
	build->sort = begin_sort(build, (int) (build_bytes(BUILD_SORT_SHARE) / 1024), coordinate);
	return seen;
}

/* ---------- both ---------- */

double
build_sort_rows(Build *build)
{
	int			workers = workers_wanted(build);
	TupleDesc	desc;
	double		seen;

	if (workers > 0)
		begin_parallel(build, workers);
	if (build->parallel != NULL)
		seen = sort_parallel(build);
	else
	{
		build->sort = begin_sort(build, (int) (build_bytes(BUILD_SORT_SHARE) / 1024), NULL);
		seen = assign_rows(build, build->info, NULL, true, 1);
	}
	tuplesort_performsort(build->sort);
	desc = build->slot->tts_tupleDescriptor;
	ExecDropSingleTupleTableSlot(build->slot);
	build->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	return seen;
}

void
build_sort_end(Build *build)
{
	tuplesort_end(build->sort);
	ExecDropSingleTupleTableSlot(build->slot);
	build->slot = NULL;
	if (build->parallel != NULL)
		end_parallel(build);
}
