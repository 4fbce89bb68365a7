/*
 * build.c
 *	  CREATE INDEX: sample, cluster, sort the rows by cluster, write the pages from the
 *	  leaves up.
 *
 * Memory: shares of maintenance_work_mem, build.h.  At least a few pages' worth of vectors
 * is taken where that is more.
 */
#include "compat.h"

#include <math.h>

#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/shmem.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

#include "build.h"
#include "model/model.h"

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
#define ORIGIN_ROWS			1000	/* tell how far rows lie from the middle, in the median ... */
/* ... rows this many times as far do not count for the origin */
#define ORIGIN_REACH		8
#define SAMPLE_PER_LEAF		30
#define SAMPLE_LEAST		10000	/* rows, of a small table too, if memory has room */
#define SAMPLE_FEWEST		64		/* whatever memory has room for */
#define SAMPLE_MOST			10000000
#define PILOT_BLOCKS		32	/* tell how many rows a block has */

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

void
build_learn(Build *build, LearnStatus status)
{
	if (status != LEARN_OK)
		dml_learn_error(build->env, status);
}

const DmlVector *
build_row_vector(Build *build, Datum value, bool alive)
{
	MemoryContext old = MemoryContextSwitchTo(build->context);
	const DmlVector *vector = DatumGetDmlVectorP(value);

	MemoryContextSwitchTo(old);
	if (!alive && (vector->dim != build->meta.dims || vector->space != build->meta.space))
	{
		build->left_out = true;
		return NULL;
	}
	if (build->meta.dims == 0)
		tree_meta_init(&build->meta, build->index, vector->dim, vector->space, true);
	tree_check_vector(build->index, &build->meta, vector, false);
	return vector;
}

/*
 * One row of a sampled block: the sample is a uniform choice of all rows seen (Vitter's algorithm
 * R).
 */
static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	Build	   *build = state;
	const DmlVector *vector;
	int			at;

	if (isnull[0])
		return;
	vector = build_row_vector(build, values[0], alive);
	if (vector == NULL)
	{
		MemoryContextReset(build->context);
		return;
	}
	if (build->sample == NULL)
	{
		Size		row_bytes = ann_width(vector->dim) * sizeof(float);

		build->sample_room = (int) Min(build_bytes(BUILD_SAMPLE_SHARE) / row_bytes, SAMPLE_MOST);
		build->sample_room = Max(build->sample_room, SAMPLE_FEWEST);
		build->sample = MemoryContextAllocHuge(build->memory, mul_size(build->sample_room, row_bytes));
	}
	build->sampled++;

	/* the clusters are made without calibration's questions, where there are others */
	if (build->sample_n >= SAMPLE_FEWEST && tree_is_question(tid))
	{
		MemoryContextReset(build->context);
		return;
	}
	build->offered++;
	at = build->sample_n;
	if (at < build->sample_room)
		build->sample_n++;
	else
		at = (int) Min(rng_below(&build->rng, (uint64) build->offered), (uint64) PG_INT32_MAX);
	if (at < build->sample_room)
		memcpy(build->sample + (Size) at * build->meta.dims, vector->x, build->meta.dims * sizeof(float));
	MemoryContextReset(build->context);
}

/* Sample all rows of `count` blocks, chosen at random. */
static void
sample_blocks(Build *build, BlockNumber blocks, BlockNumber count)
{
	BlockSamplerData sampler;

	BlockSampler_Init(&sampler, blocks, (int) Min(count, (BlockNumber) PG_INT32_MAX), (int) build->meta.seed + 1);
	while (BlockSampler_HasMore(&sampler))
	{
		CHECK_FOR_INTERRUPTS();
		build->seen += table_index_build_range_scan(build->heap, build->index, build->info, false,
													!build->info->ii_Concurrent, false,
													BlockSampler_Next(&sampler), 1, sample_row, build, NULL);
	}
}

static int
leaves_for(const Build *build, double rows)
{
	double		leaves = ceil(rows / (build->meta.leaf_room * BUILD_FILL));

	/* as many as memory has room for; larger clusters are divided when they are written */
	leaves = Min(leaves, (double) build_bytes(BUILD_CENTERS_SHARE) / (ann_width(build->meta.dims) * sizeof(float)));
	return (int) Max(leaves, 1);
}

/*
 * Fill build->sample; estimates the table's rows with a vector. 0: there is none in the blocks
 * that were seen.
 */
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
	build->seen = 0;
	build->sampled = 0;
	build->offered = 0;
	build->sample_n = 0;
	wanted = Min(wanted, (double) blocks);
	sample_blocks(build, blocks, (BlockNumber) wanted);
	return build->sampled / wanted * blocks;
}

/* The length that a vector of the sample counts as 1 with: its own for cosine, else 1. */
static double
sample_scale(const Build *build, const float *x)
{
	double		square = 0;

	if (build->meta.metric != TREE_COSINE)
		return 1;
	for (int j = 0; j < build->meta.dims; j++)
		square += (double) x[j] * x[j];
	return square > 0 ? 1 / sqrt(square) : 0;
}

static double
square_from(const Build *build, const float *x, const double *center)
{
	double		scale = sample_scale(build, x);
	double		square = 0;

	for (int j = 0; j < build->meta.dims; j++)
		square += (x[j] * scale - center[j]) * (x[j] * scale - center[j]);
	return square;
}

/*
 * The mean of the sample's rows whose square_from(center) is up to limit; of all without a
 * center.
 */
static void
sample_mean(const Build *build, const double *center, double limit, double *mean)
{
	int			dims = build->meta.dims;
	int			n = 0;

	memset(mean, 0, dims * sizeof(double));
	for (int i = 0; i < build->sample_n; i++)
	{
		const float *x = build->sample + (Size) i * dims;
		double		scale;

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (center != NULL && square_from(build, x, center) > limit)
			continue;
		scale = sample_scale(build, x);
		for (int j = 0; j < dims; j++)
			mean[j] += x[j] * scale;
		n++;
	}
	for (int j = 0; j < dims; j++)
		mean[j] /= Max(n, 1);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

/*
 * The mean of the sample without rows that lie far outside: one of those would draw it away from
 * all others, and frames, whose steps grow with the distance from the origin, would be too coarse
 * for them.
 */
static void
choose_origin(const Build *build, float *origin)
{
	int			dims = build->meta.dims;
	int			n = Min(build->sample_n, ORIGIN_ROWS);
	double	   *all = palloc(2 * dims * sizeof(double));
	double	   *most = all + dims;
	double	   *squares = palloc(n * sizeof(double));

	sample_mean(build, NULL, 0, all);
	for (int i = 0; i < n; i++)
		squares[i] = square_from(build, build->sample + (Size) i * dims, all);
	qsort(squares, n, sizeof(double), compare_doubles);
	sample_mean(build, all, squares[n / 2] * ORIGIN_REACH * ORIGIN_REACH, most);
	for (int j = 0; j < dims; j++)
		origin[j] = (float) most[j];
	pfree(all);
	pfree(squares);
}

/* How far from the origin the rows of the sample reach; with inner products, from zero. */
static double
longest_from(const Build *build, const float *origin)
{
	double	   *center = palloc0(build->meta.dims * sizeof(double));
	double		most = 0;

	for (int j = 0; build->meta.metric != TREE_IP && j < build->meta.dims; j++)
		center[j] = origin[j];
	for (int i = 0; i < build->sample_n; i++)
	{
		most = Max(most, square_from(build, build->sample + (Size) i * build->meta.dims, center));
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(center);
	return sqrt(most);
}

/* The origin is chosen; then the sample is rotated where it is. */
static void
rotate_sample(Build *build)
{
	int			dims = build->meta.dims;
	int			width = ann_width(dims);
	float	   *origin = palloc0(dims * sizeof(float));
	float	   *row = palloc(2 * width * sizeof(float));
	int			kept = 0;

	choose_origin(build, origin);
	build->meta.origin_blocks = build->meta.metric == TREE_IP ? 0 : tree_origin_blocks(dims);
	if (build->meta.metric != TREE_COSINE)
		build->meta.exponent = tree_exponent(longest_from(build, origin), TREE_MOST_EXPONENT);
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

BlockNumber
build_append_page(Build *build, Page page)
{
	Buffer		buffer = ReadBufferExtended(build->index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	BlockNumber block = BufferGetBlockNumber(buffer);

	memcpy(BufferGetPage(buffer), page, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
	return block;
}

/* The meta page and, behind it, the origin's. */
static void
reserve_front(Build *build)
{
	PGAlignedBlock block;

	tree_meta_page(block.data, &build->meta);
	build_append_page(build, block.data);
	for (int b = 0; b < build->meta.origin_blocks; b++)
	{
		int			done = b * TREE_ORIGIN_FLOATS;

		tree_page_init(block.data, TREE_ORIGIN, 0, 1);
		memcpy(PageGetContents(block.data), build->shape->origin + done,
			   Min(TREE_ORIGIN_FLOATS, build->meta.dims - done) * sizeof(float));
		build_append_page(build, block.data);
	}
}

/* The dimensions that the type of the first column asks for, through domains; 0: any. */
static int
declared_dims(Relation index)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(index), 0);
	int32		typmod = attribute->atttypmod;

	(void) getBaseTypeAndTypmod(attribute->atttypid, &typmod);
	return Max(typmod, 0);
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

	/* what has no room on a page is refused before the first row comes */
	tree_meta_init(&build.meta, index, declared_dims(index), 0, false);
	tree_meta_init(&build.meta, index, 0, 0, false);
	rng_seed(&build.rng, build.meta.seed, 0);

	phase(PHASE_SAMPLE);
	rows = take_sample(&build);
	if (build.meta.dims > 0)
	{
		/* all rows come once more; of those before the first that is alive nothing was known */
		build.left_out = false;
		build_learn(&build, kmeans_load(build.env));
		rotate_sample(&build);
		phase(PHASE_CLUSTER);
		if (build.sample_n == 0)	/* only zero vectors, under cosine */
		{
			memset(build.sample, 0, build.shape->width * sizeof(float));
			build.sample_n = 1;
		}
		build_learn(&build, kmeans_grid_fit(build.env, build.sample, build.sample_n, build.shape->width,
											Min(leaves_for(&build, rows), build.sample_n), &build.rng, &build.grid));
		pfree(build.sample);
		phase(PHASE_ASSIGN);
		result->heap_tuples = build_sort_rows(&build);
		result->index_tuples = build.rows;
	}
	else
		result->heap_tuples = build.seen;	/* all of them: no block had a vector */

	phase(PHASE_WRITE);
	reserve_front(&build);
	if (build.meta.dims > 0)
	{
		build_write_tree(&build);
		build_sort_end(&build);
		tree_meta_write(index, &build.meta);
	}
	if (build.meta.root != InvalidBlockNumber)
	{
		phase(PHASE_CALIBRATE);
		tree_calibrate(index, heap, &build.meta);
		tree_meta_write(index, &build.meta);
	}
	/* then older snapshots must not search here */
	info->ii_BrokenHotChain |= build.left_out;
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
