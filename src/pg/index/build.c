/*
 * build.c
 *	  CREATE INDEX: sample, cluster, sort the rows by cluster, write the pages from the
 *	  leaves up.
 *
 * Memory: the sample, its clusters' centers and the rows at hand take a quarter of
 * maintenance_work_mem each, as much again while they are worked on, and the sort takes all
 * of it before it spills to temporary files.  What grows with the table is the leaves'
 * centers, which the pages above are made from: twice 4 bytes a dimension for each leaf, a
 * fiftieth of the vectors or less.
 */
#include "compat.h"

#include <math.h>

#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/sampling.h"
#include "utils/tuplesort.h"

#include "ann/kmeans.h"
#include "learn/blas.h"
#include "model/model.h"
#include "tree.h"

/* Phases of pg_stat_progress_create_index; 1 is PostgreSQL's own. */
enum
{
	PHASE_SAMPLE = 2,
	PHASE_CLUSTER,
	PHASE_ASSIGN,
	PHASE_WRITE,
	PHASE_CALIBRATE
};

#define BUILD_FILL			0.7	/* of a leaf's room: the next inserts find theirs */
#define SAMPLE_PER_LEAF		30
#define SAMPLE_LEAST		10000
#define PILOT_BLOCKS		32	/* tell how many rows a block has */
#define ASSIGN_BEAM			4
#define BATCH				2048	/* rows that meet the clusters together */

typedef struct Build
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	LearnEnv   *env;
	MemoryContext memory;		/* of what lives as long as the build */
	MemoryContext context;		/* of a row's value */
	TreeMeta	meta;
	const TreeShape *shape;
	TreeColumns columns;

	/* what the sample is taken of */
	double		sampled;		/* rows that were seen */
	float	   *sample;			/* dims floats each, then width */
	int			sample_room;
	int			sample_n;
	Rng			rng;

	/* clusters, and the rows on their way to them */
	KmeansGrid	grid;
	float	   *batch;			/* BATCH x width */
	ItemPointerData *batch_tids;
	char	   *batch_packed;	/* the rows' columns */
	int			batch_n;
	float	   *scratch;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
	double		rows;			/* of the index */

	/* the nodes of the level that was written last */
	float	   *centers;
	float	   *radii;
	TreeChild  *children;
	int64		nodes;
	int64		nodes_room;
} Build;

char *
tree_phase_name(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case PHASE_SAMPLE:
			return "sampling rows";
		case PHASE_CLUSTER:
			return "clustering the sample";
		case PHASE_ASSIGN:
			return "assigning rows";
		case PHASE_WRITE:
			return "writing pages";
		case PHASE_CALIBRATE:
			return "calibrating";
	}
	return NULL;
}

static void
phase(int which)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, which);
}

static void
learn(Build *build, LearnStatus status)
{
	if (status != LEARN_OK)
		dml_learn_error(build->env, status);
}

/* The vector of a row, in build->context; the first one says what the index holds. */
static const DmlVector *
row_vector(Build *build, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(build->context);
	const DmlVector *vector = DatumGetDmlVectorP(value);

	MemoryContextSwitchTo(old);
	if (build->meta.dims == 0)
		tree_meta_init(&build->meta, build->index, vector->dim, vector->space, true);
	tree_check_vector(build->index, &build->meta, vector);
	return vector;
}

/* One row of a sampled block: the sample is a uniform choice of all rows seen (Vitter's algorithm R). */
static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	Build	   *build = state;
	const DmlVector *vector;
	int			at;

	if (isnull[0])
		return;
	vector = row_vector(build, values[0]);
	if (build->sample == NULL)
	{
		Size		bytes = (Size) maintenance_work_mem * 1024 / 4;

		build->sample_room = (int) Min(bytes / (ann_width(vector->dim) * sizeof(float)), 10000000);
		build->sample_room = Max(build->sample_room, 256);
		build->sample = MemoryContextAllocHuge(build->memory,
											   (Size) build->sample_room * ann_width(vector->dim) * sizeof(float));
	}
	build->sampled++;
	at = build->sample_n;
	if (at < build->sample_room)
		build->sample_n++;
	else
		at = (int) Min(rng_below(&build->rng, (uint64) build->sampled), (uint64) PG_INT32_MAX);
	if (at < build->sample_room)
		memcpy(build->sample + (Size) at * build->meta.dims, vector->x, build->meta.dims * sizeof(float));
	MemoryContextReset(build->context);
}

/* Sample all rows of so many blocks, chosen at random. */
static void
sample_blocks(Build *build, BlockNumber blocks, BlockNumber count)
{
	BlockSamplerData sampler;

	BlockSampler_Init(&sampler, blocks, (int) Min(count, (BlockNumber) PG_INT32_MAX), (int) build->meta.seed + 1);
	while (BlockSampler_HasMore(&sampler))
	{
		CHECK_FOR_INTERRUPTS();
		table_index_build_range_scan(build->heap, build->index, build->info, false, !build->info->ii_Concurrent, false,
									 BlockSampler_Next(&sampler), 1, sample_row, build, NULL);
	}
}

static int
leaves_for(const Build *build, double rows)
{
	double		leaves = ceil(rows / (build->meta.leaf_room * BUILD_FILL));

	/* centers in memory, as many as a quarter of it holds; larger clusters are divided when they are written */
	leaves = Min(leaves, (double) maintenance_work_mem * 1024 / 4 / (ann_width(build->meta.dims) * sizeof(float)));
	return (int) Max(leaves, 1);
}

/* Fill build->sample; estimates the table's rows with a vector.  0: there is none in the blocks that were seen. */
static double
take_sample(Build *build)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(build->heap);
	BlockNumber pilot = Min(blocks, PILOT_BLOCKS);
	double		rows;
	double		wanted;

	if (blocks == 0)
		return 0;
	sample_blocks(build, blocks, pilot);
	if (build->sampled > 0)
	{
		rows = build->sampled / pilot * blocks;
		wanted = Max(SAMPLE_LEAST, (double) SAMPLE_PER_LEAF * leaves_for(build, rows));
		wanted = ceil(wanted / build->sampled * pilot);
	}
	else
		wanted = blocks;		/* NULLs, or a partial index of few rows */
	if (pilot == blocks)
		return build->sampled;
	build->sampled = 0;
	build->sample_n = 0;
	wanted = Min(wanted, (double) blocks);
	sample_blocks(build, blocks, (BlockNumber) wanted);
	return build->sampled / wanted * blocks;
}

/* The origin is the sample's mean; then the sample is rotated where it is. */
static void
rotate_sample(Build *build)
{
	int			dims = build->meta.dims;
	int			width = ann_width(dims);
	float	   *origin = palloc0(dims * sizeof(float));
	float	   *row = palloc(2 * width * sizeof(float));
	int			kept = 0;

	for (int i = 0; i < build->sample_n; i++)
	{
		const float *x = build->sample + (Size) i * dims;
		double		scale = 1;

		if (build->meta.metric == TREE_COSINE)
		{
			double		square = 0;

			for (int j = 0; j < dims; j++)
				square += (double) x[j] * x[j];
			scale = square > 0 ? 1 / sqrt(square) : 0;
		}
		for (int j = 0; j < dims; j++)
			origin[j] += (float) (x[j] * scale / build->sample_n);
	}
	build->meta.origin_blocks = tree_origin_blocks(dims);
	build->shape = tree_shape_new(build->index, &build->meta, origin, build->memory);

	/* from the end: a rotated row takes more room than the row */
	for (int i = build->sample_n - 1; i >= 0; i--)
	{
		memcpy(row, build->sample + (Size) i * dims, dims * sizeof(float));
		if (!tree_rotate(build->shape, row, row + width, build->sample + (Size) i * width))
			memset(build->sample + (Size) i * width, 0, width * sizeof(float));
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; i < build->sample_n; i++)
	{
		const float *x = build->sample + (Size) i * width;
		bool		zero = build->meta.metric == TREE_COSINE;

		for (int j = 0; zero && j < width; j++)
			zero = x[j] == 0;
		if (!zero && kept++ != i)
			memcpy(build->sample + (Size) (kept - 1) * width, x, width * sizeof(float));
	}
	build->sample_n = kept;
	pfree(origin);
	pfree(row);
}

/* Give the batch's rows their clusters, and hand them to the sort. */
static void
assign_batch(Build *build)
{
	Size		vector_bytes = build->shape->width * sizeof(float);
	int			packed_bytes = build->columns.packed_bytes;
	ArenaMark	mark = arena_mark(build->env->arena);
	int32_t    *nearest = palloc(BATCH * sizeof(int32_t));
	struct varlena *bytes = palloc(VARHDRSZ + vector_bytes + packed_bytes);

	SET_VARSIZE(bytes, VARHDRSZ + vector_bytes + packed_bytes);
	learn(build, kmeans_grid_nearest(build->env, &build->grid, build->batch, build->batch_n, ASSIGN_BEAM, nearest));
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
	vector = row_vector(build, values[0]);
	if (tree_rotate(build->shape, vector->x, build->scratch,
					build->batch + (Size) build->batch_n * build->shape->width))
	{
		tree_columns_pack(&build->columns, values, isnull, build->batch_packed + (Size) build->batch_n * build->columns.packed_bytes);
		build->batch_tids[build->batch_n++] = *tid;
		build->rows++;
	}
	MemoryContextReset(build->context);
	if (build->batch_n == BATCH)
		assign_batch(build);
}

/* Every row of the table into the sort, by cluster. */
static double
assign_rows(Build *build)
{
	TupleDesc	desc = CreateTemplateTupleDesc(3);
	AttrNumber	keys[] = {1, 2};
	Oid			operators[] = {Int4LessOperator, TIDLessOperator};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};
	double		seen;

	TupleDescInitEntry(desc, 1, "cluster", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 2, "row", TIDOID, -1, 0);
	TupleDescInitEntry(desc, 3, "vector and columns", BYTEAOID, -1, 0);
	build->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	build->sort = tuplesort_begin_heap(desc, 2, keys, operators, collations, nulls_first,
									   maintenance_work_mem, NULL, 0);
	build->batch = MemoryContextAllocHuge(build->memory, (Size) BATCH * build->shape->width * sizeof(float));
	build->batch_tids = palloc(BATCH * sizeof(ItemPointerData));
	build->batch_packed = palloc((Size) BATCH * build->columns.packed_bytes + 1);
	build->scratch = palloc(build->shape->width * sizeof(float));
	seen = table_index_build_scan(build->heap, build->index, build->info, true, true, assign_row, build, NULL);
	if (build->batch_n > 0)
		assign_batch(build);
	tuplesort_performsort(build->sort);
	pfree(build->batch);
	ExecDropSingleTupleTableSlot(build->slot);
	build->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	return seen;
}

/* Append a page to the index.  Logged later, all at once. */
static BlockNumber
append_page(Build *build, Page page)
{
	Buffer		buffer = ReadBufferExtended(build->index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	BlockNumber block = BufferGetBlockNumber(buffer);

	memcpy(BufferGetPage(buffer), page, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
	return block;
}

static void
remember_node(Build *build, Page page, BlockNumber block, int level)
{
	int			width = build->shape->width;

	if (build->nodes == build->nodes_room)
	{
		build->nodes_room = Max(2 * build->nodes_room, 1024);
		build->centers = repalloc_huge(build->centers, (Size) build->nodes_room * width * sizeof(float));
		build->radii = repalloc_huge(build->radii, (Size) build->nodes_room * sizeof(float));
		build->children = repalloc_huge(build->children, (Size) build->nodes_room * sizeof(TreeChild));
	}
	tree_node_center(page, tree_layout_of(build->shape, level), build->centers + (Size) build->nodes * width);
	build->radii[build->nodes] = tree_node(page)->radius;
	build->children[build->nodes].block = block;
	build->children[build->nodes].birth = tree_special(page)->birth;
	build->nodes++;
}

static void
forget_nodes(Build *build)
{
	build->nodes = 0;
	build->nodes_room = 0;
	build->centers = MemoryContextAlloc(build->memory, sizeof(float));
	build->radii = MemoryContextAlloc(build->memory, sizeof(float));
	build->children = MemoryContextAlloc(build->memory, sizeof(TreeChild));
}

/* Nodes of one level over n members. */
static void
write_nodes(Build *build, int level, const TreeMembers *members, int64 n)
{
	const TreeLayout *layout = tree_layout_of(build->shape, level);
	PGAlignedBlock block;
	int32_t    *order;
	int64_t    *first;
	int64_t		parts;
	ArenaMark	mark = arena_mark(build->env->arena);

	order = MemoryContextAllocHuge(build->memory, n * sizeof(int32_t));
	first = MemoryContextAllocHuge(build->memory, (n + 1) * sizeof(int64_t));
	for (int64 i = 0; i < n; i++)
		order[i] = (int32_t) i;
	learn(build, kmeans_divide(build->env, members->vectors, build->shape->width, order, n, layout->room,
							   &build->rng, first, &parts));

	/* clusters of one or two would make a tree of any height: then rather even runs */
	if (level > 0 && parts > 1 && parts > n / 2)
	{
		parts = (n + layout->room - 1) / layout->room;
		for (int64 p = 0; p <= parts; p++)
			first[p] = p * n / parts;
	}
	for (int64 p = 0; p < parts; p++)
	{
		CHECK_FOR_INTERRUPTS();
		tree_node_make(build->index, block.data, build->shape, level, 1, members, order + first[p], (int) (first[p + 1] - first[p]));
		remember_node(build, block.data, append_page(build, block.data), level);
	}
	arena_reset(build->env->arena, mark);
	pfree(order);
	pfree(first);
}

/* Leaves, from the sorted rows: cluster by cluster, a large one in pieces that memory holds. */
static void
write_leaves(Build *build)
{
	int			width = build->shape->width;
	int			packed_bytes = build->columns.packed_bytes;
	int64		room = Max((int64) maintenance_work_mem * 1024 / 8 / (width * sizeof(float)),
						   4 * build->shape->leaf.room);
	int64		n = 0;
	int32		cluster = -1;
	float	   *vectors;
	TreeRow    *rows;
	char	   *packed;
	TreeMembers members = {0};

	room = Min(room, (int64) build->rows + 1);
	vectors = MemoryContextAllocHuge(build->memory, room * width * sizeof(float));
	rows = MemoryContextAllocHuge(build->memory, room * sizeof(TreeRow));
	packed = MemoryContextAllocHuge(build->memory, room * packed_bytes + 1);
	members.vectors = vectors;
	members.ids = rows;
	members.packed = packed;
	for (;;)
	{
		bool		more = tuplesort_gettupleslot(build->sort, true, false, build->slot, NULL);
		bool		isnull;
		int32		next = more ? DatumGetInt32(slot_getattr(build->slot, 1, &isnull)) : -1;
		const char *bytes;

		if (n > 0 && (n == room || next != cluster))
		{
			write_nodes(build, 0, &members, n);
			n = 0;
		}
		if (!more)
			break;
		cluster = next;
		rows[n].tid = *(ItemPointer) DatumGetPointer(slot_getattr(build->slot, 2, &isnull));
		rows[n].dead = 0;
		bytes = VARDATA_ANY(DatumGetPointer(slot_getattr(build->slot, 3, &isnull)));
		memcpy(vectors + n * width, bytes, width * sizeof(float));
		memcpy(packed + n * packed_bytes, bytes + width * sizeof(float), packed_bytes);
		n++;
		CHECK_FOR_INTERRUPTS();
	}
	tuplesort_end(build->sort);
	ExecDropSingleTupleTableSlot(build->slot);
	pfree(vectors);
	pfree(rows);
	pfree(packed);
}

/* Levels above the leaves, until there is one node: the root. */
static void
write_inner(Build *build)
{
	int			level = 0;

	build->meta.leaves = build->nodes;
	while (build->nodes > 1)
	{
		TreeMembers members = {.vectors = build->centers, .ids = build->children, .radii = build->radii};
		int64		n = build->nodes;

		if (++level == TREE_MAX_HEIGHT)
			elog(ERROR, "tree of index \"%s\" is too high", RelationGetRelationName(build->index));
		forget_nodes(build);
		write_nodes(build, level, &members, n);
		pfree(unconstify(float *, members.vectors));
		pfree(unconstify(float *, members.radii));
		pfree(unconstify(void *, members.ids));
	}
	build->meta.root = build->children[0].block;
	build->meta.root_birth = build->children[0].birth;
	build->meta.root_level = level;
}

/* The meta page and, behind it, the origin's. */
static void
reserve_front(Build *build)
{
	PGAlignedBlock block;

	tree_meta_page(block.data, &build->meta);
	append_page(build, block.data);
	for (int b = 0; b < build->meta.origin_blocks; b++)
	{
		int			done = b * TREE_ORIGIN_FLOATS;

		tree_page_init(block.data, TREE_ORIGIN, 0, 1);
		memcpy(PageGetContents(block.data), build->shape->origin + done,
			   Min(TREE_ORIGIN_FLOATS, build->meta.dims - done) * sizeof(float));
		append_page(build, block.data);
	}
}

IndexBuildResult *
tree_build(Relation heap, Relation index, IndexInfo *info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	Build		build = {0};
	double		rows;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
	build.heap = heap;
	build.index = index;
	build.info = info;
	build.memory = CurrentMemoryContext;
	build.context = AllocSetContextCreate(CurrentMemoryContext, "dml index row", ALLOCSET_DEFAULT_SIZES);
	build.env = dml_learn_env(0);
	tree_columns(index, &build.columns);
	tree_meta_init(&build.meta, index, 0, 0, false);
	rng_seed(&build.rng, build.meta.seed, 0);

	phase(PHASE_SAMPLE);
	rows = take_sample(&build);
	if (build.meta.dims > 0)
	{
		learn(&build, blas_load(build.env));
		rotate_sample(&build);
		phase(PHASE_CLUSTER);
		if (build.sample_n == 0)	/* nothing but zero vectors under cosine */
		{
			memset(build.sample, 0, build.shape->width * sizeof(float));
			build.sample_n = 1;
		}
		learn(&build, kmeans_grid_fit(build.env, build.sample, build.sample_n, build.shape->width,
									  Min(leaves_for(&build, rows), build.sample_n), &build.rng, &build.grid));
		pfree(build.sample);
		phase(PHASE_ASSIGN);
		result->heap_tuples = assign_rows(&build);
		result->index_tuples = build.rows;
	}
	else
		result->heap_tuples = rows;

	phase(PHASE_WRITE);
	reserve_front(&build);
	if (build.meta.dims > 0)
	{
		forget_nodes(&build);
		write_leaves(&build);
		if (build.nodes > 0)
			write_inner(&build);
		tree_meta_write(index, &build.meta);
	}
	if (build.meta.root != InvalidBlockNumber)
	{
		phase(PHASE_CALIBRATE);
		tree_calibrate(index, heap, &build.meta);
		tree_meta_write(index, &build.meta);
	}
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
	MemoryContextDelete(build.context);
	return result;
}

void
tree_build_empty(Relation index)
{
	Buffer		buffer = ReadBufferExtended(index, INIT_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	TreeMeta	meta;

	tree_meta_init(&meta, index, 0, 0, false);
	START_CRIT_SECTION();
	tree_meta_page(BufferGetPage(buffer), &meta);
	MarkBufferDirty(buffer);
	log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}
