/*
 * meta.c
 *	  The meta page, and what of it is kept in memory: the shape of the vectors.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "utils/memutils.h"

#include "ann/distance.h"
#include "tree.h"

/*
 * Lengths of 2^-30 have squares far from both ends of float's range, with more room above than
 * below.
 */
#define MIDDLE_EXPONENT		(-30)

const double tree_targets[TREE_TARGETS] = {0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999};

int
tree_origin_blocks(int dims)
{
	return (dims + TREE_ORIGIN_FLOATS - 1) / TREE_ORIGIN_FLOATS;
}

TreeMetric
tree_metric(Relation index)
{
	FmgrInfo   *proc = index_getprocinfo(index, 1, TREE_METRIC_PROC);

	return (TreeMetric) DatumGetInt32(FunctionCall0Coll(proc, InvalidOid));
}

static double
negative_inner_product(const float *a, const float *b, int n)
{
	return 0 - distance_inner_product(a, b, n);
}

DmlKernel
tree_kernel(TreeMetric metric)
{
	switch (metric)
	{
		case TREE_COSINE:
			return distance_cosine;
		case TREE_IP:
			return negative_inner_product;
		default:
			return distance_l2;
	}
}

void
tree_meta_init(TreeMeta *meta, Relation index, int dims, uint64 space, bool origin)
{
	TreeLayout	layout;
	TreeColumns columns;

	tree_columns(index, &columns);
	memset(meta, 0, sizeof(*meta));
	meta->magic = TREE_MAGIC;
	meta->version = TREE_VERSION;
	meta->space = space;
	meta->seed = 1;
	meta->dims = dims;
	meta->metric = tree_metric(index);
	meta->root = InvalidBlockNumber;
	meta->planting = 1;
	meta->columns = columns.n;
	for (int i = 0; i < columns.n; i++)
		meta->column_bytes[i] = columns.column[i].bytes;
	if (dims == 0)
		return;
	meta->leaf_bits = tree_leaf_bits(dims);
	meta->inner_bits = tree_inner_bits(dims);
	meta->origin_blocks = origin && meta->metric != TREE_IP ? tree_origin_blocks(dims) : 0;
	tree_layout(&layout, meta->metric, ann_width(dims), meta->inner_bits, true, NULL);
	meta->inner_room = layout.room;
	if (layout.room < TREE_LEAST_ROOM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("vectors of %d dimensions are too long for an index", dims),
				 errhint("Learn an embedding of fewer dimensions, e.g. with dml_train(..., method => 'pca', dims => 256).")));
	tree_layout(&layout, meta->metric, ann_width(dims), meta->leaf_bits, false, &columns);
	meta->leaf_room = layout.room;
	if (layout.room < TREE_LEAST_ROOM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("rows of index \"%s\" are too long", RelationGetRelationName(index)),
				 errdetail("A page has no room for %d rows of %d dimensions with %d bytes of further columns.",
						   TREE_LEAST_ROOM, dims, columns.packed_bytes),
				 errhint("Leave columns out of the index.")));
}

/* Whether the pages were laid out for these columns. */
static void
check_columns(Relation index, const TreeMeta *meta)
{
	TupleDesc	desc = RelationGetDescr(index);

	if (meta->columns != desc->natts - 1)
		tree_corrupted(index, TREE_META_BLOCK, "It has another number of columns.");
	for (int i = 0; i < meta->columns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i + 1);

		if (meta->column_bytes[i] != att_align_nominal(att->attlen, att->attalign))
			tree_corrupted(index, TREE_META_BLOCK, "Its columns have other lengths.");
	}
}

void
tree_meta_copy(Relation index, Page page, TreeMeta *meta)
{
	tree_check_page(index, TREE_META_BLOCK, page);
	memcpy(meta, PageGetContents(page), sizeof(*meta));
	if (tree_special(page)->kind != TREE_META || meta->magic != TREE_MAGIC)
		tree_corrupted(index, TREE_META_BLOCK, "It is not the meta page.");
	if (meta->version != TREE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" has format %u, not %d", RelationGetRelationName(index), meta->version, TREE_VERSION),
				 errhint("REINDEX it.")));
	check_columns(index, meta);
	if (meta->dims == 0 && meta->root == InvalidBlockNumber)
		return;
	if (meta->dims < 1 || meta->dims > ANN_MAX_DIMS || meta->root_level < 0 || meta->root_level >= TREE_MAX_HEIGHT ||
		(meta->leaf_bits != 1 && meta->leaf_bits != 4 && meta->leaf_bits != 8) ||
		(meta->inner_bits != 1 && meta->inner_bits != 4 && meta->inner_bits != 8) ||
		(meta->metric != TREE_L2 && meta->metric != TREE_COSINE && meta->metric != TREE_IP) ||
		(meta->origin_blocks != 0 && meta->origin_blocks != tree_origin_blocks(meta->dims)) ||
		meta->exponent < 0 || meta->exponent > TREE_MOST_EXPONENT)
		tree_corrupted(index, TREE_META_BLOCK, "Its dimensions, bits, metric or height are not possible.");
}

void
tree_meta_page(Page page, const TreeMeta *meta)
{
	tree_page_init(page, TREE_META, 0, 1);
	memcpy(PageGetContents(page), meta, sizeof(*meta));
}

void
tree_meta_write(Relation index, const TreeMeta *meta)
{
	Buffer		buffer = ReadBuffer(index, TREE_META_BLOCK);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	tree_meta_page(BufferGetPage(buffer), meta);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

void
tree_meta_read(Relation index, TreeMeta *meta)
{
	Buffer		buffer;

	/* what was read before is there */
	if (tree_recent(index, TREE_META_BLOCK) == NULL && RelationGetNumberOfBlocks(index) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has no pages", RelationGetRelationName(index)),
				 errdetail("Its file is empty: it was damaged, or the rows of its table are stored elsewhere."),
				 errhint("REINDEX it, or name the index of the table that has the rows.")));
	buffer = tree_read(index, TREE_META_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	tree_meta_copy(index, BufferGetPage(buffer), meta);
	UnlockReleaseBuffer(buffer);
}

/* The origin's numbers from their pages. */
static void
read_origin(Relation index, const TreeMeta *meta, float *origin)
{
	for (int b = 0; b < meta->origin_blocks; b++)
	{
		Buffer		buffer = ReadBuffer(index, TREE_META_BLOCK + 1 + b);
		Page		page = BufferGetPage(buffer);
		int			done = b * TREE_ORIGIN_FLOATS;
		int			n = Min(TREE_ORIGIN_FLOATS, meta->dims - done);

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		tree_check_page(index, TREE_META_BLOCK + 1 + b, page);
		if (tree_special(page)->kind != TREE_ORIGIN)
			tree_corrupted(index, TREE_META_BLOCK + 1 + b, "It is not a page of the origin.");
		memcpy(origin + done, PageGetContents(page), n * sizeof(float4));
		UnlockReleaseBuffer(buffer);
	}
	for (int i = 0; meta->origin_blocks > 0 && i < meta->dims; i++)
		if (!isfinite(origin[i]))
			tree_corrupted(index, TREE_META_BLOCK + 1, "The origin is not finite.");
}

static size_t
shape_bytes(int dims)
{
	return offsetof(TreeShape, memory) + (ann_rotation_floats(dims) + dims) * sizeof(float);
}

/* A shape that was copied points into its own memory. */
static TreeShape *
shape_settle(TreeShape *shape, bool origin)
{
	shape->rotation.signs = shape->memory;
	shape->origin = origin ? shape->memory + ann_rotation_floats(shape->dims) : NULL;
	return shape;
}

/* The shape without its origin's numbers, which the caller fills in. */
static TreeShape *
shape_make(Relation index, const TreeMeta *meta, MemoryContext context)
{
	TreeShape  *shape = MemoryContextAllocZero(context, shape_bytes(meta->dims));

	shape->dims = meta->dims;
	shape->width = ann_width(meta->dims);
	shape->metric = meta->metric;
	shape->planting = meta->planting;
	tree_columns(index, &shape->columns);
	tree_layout(&shape->leaf, shape->metric, shape->width, meta->leaf_bits, false, &shape->columns);
	tree_layout(&shape->inner, shape->metric, shape->width, meta->inner_bits, true, NULL);
	ann_rotation_init(&shape->rotation, meta->dims, meta->seed, shape->memory);
	shape->rotation.scale = ldexpf(1, meta->exponent);
	return shape_settle(shape, meta->origin_blocks > 0);
}

const TreeShape *
tree_shape_new(Relation index, const TreeMeta *meta, const float *origin, MemoryContext context)
{
	TreeShape  *shape = shape_make(index, meta, context);

	if (shape->origin != NULL)
		memcpy(shape->memory + ann_rotation_floats(meta->dims), origin, meta->dims * sizeof(float));
	return shape;
}

/*
 * The relcache entry keeps one, as a single chunk that any invalidation may free at any lock
 * that is taken: hence the copy.
 */
const TreeShape *
tree_shape(Relation index, const TreeMeta *meta, MemoryContext context)
{
	size_t		bytes;
	TreeShape  *shape;
	TreeShape  *kept = index->rd_amcache;

	if (meta->dims == 0)
		return NULL;
	bytes = shape_bytes(meta->dims);
	if (kept != NULL && kept->dims == meta->dims && kept->planting == meta->planting)
	{
		shape = MemoryContextAlloc(context, bytes);
		memcpy(shape, kept, bytes);
		return shape_settle(shape, kept->origin != NULL);
	}
	shape = shape_make(index, meta, context);
	if (shape->inner.room < TREE_LEAST_ROOM || shape->leaf.room < TREE_LEAST_ROOM)
		tree_corrupted(index, TREE_META_BLOCK, "Its pages have no room for entries.");
	if (shape->inner.room != meta->inner_room || shape->leaf.room != meta->leaf_room)
		tree_corrupted(index, TREE_META_BLOCK, "Its pages are laid out in another way.");
	read_origin(index, meta, shape->memory + ann_rotation_floats(meta->dims));

	kept = MemoryContextAlloc(index->rd_indexcxt, bytes);
	memcpy(kept, shape, bytes);
	shape_settle(kept, meta->origin_blocks > 0);
	if (index->rd_amcache != NULL)
		pfree(index->rd_amcache);
	index->rd_amcache = kept;
	return shape;
}

int
tree_exponent(double length, int most)
{
	return length > 0 ? Max(Min(MIDDLE_EXPONENT - ilogb(length), most), 0) : 0;
}

bool
tree_rotate(const TreeShape *shape, const float *x, float *scratch, float *out)
{
	if (shape->metric == TREE_COSINE)
	{
		double		square = 0;

		for (int i = 0; i < shape->dims; i++)
			square += (double) x[i] * x[i];
		if (square == 0)
			return false;
		for (int i = 0; i < shape->dims; i++)
			scratch[i] = (float) (x[i] / sqrt(square));
		x = scratch;
	}
	ann_rotate(&shape->rotation, x, shape->origin, out);
	return true;
}

void
tree_check_vector(Relation index, const TreeMeta *meta, const DmlVector *vector, bool query)
{
	if (vector->space != meta->space)
	{
		char	   *theirs = dml_space_describe(vector->space);
		char	   *ours = dml_space_describe(meta->space);

		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("index \"%s\" holds vectors of one space", RelationGetRelationName(index)),
				 errdetail("The index is of %s, the %s of %s.", ours, query ? "query" : "vector", theirs),
				 errhint("%s", !query ? "Embed all rows with one version of one model, then create the index." :
						 meta->space == 0 ? "Search by a plain vector." :
						 vector->space == 0 ? DML_HINT_ARRAY " Embed a plain vector by dml_embed()." :
						 "Embed the query with the version of the model that made the rows.")));
	}
	if (vector->dim != meta->dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("index \"%s\" holds vectors of %d dimensions, not %d",
						RelationGetRelationName(index), meta->dims, vector->dim),
				 errhint("%s", query ? "Search by a vector of the rows' length." :
						 "dml_vector(n) as the type of the column keeps one length.")));
}
