/*
 * split.c
 *	  What changes the tree's structure: a wider radius, a split, a new root.
 *
 * All of it happens under the structure lock, one change at a time in an index; readers and
 * writers of rows take page locks only, one at a time, and see each change whole or not at
 * all, as each is one WAL record.  A function here makes one change, or finds that the path it
 * was given is out of date and makes none: the inserter then finds its way again.
 */
#include "compat.h"

#include <math.h>

#include "access/transam.h"
#include "miscadmin.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "ann/distance.h"
#include "ann/halve.h"
#include "tree.h"

/* Of equal rows, as many go to the first half. */
#define EQUAL_SHARE			16

/* Hints to memory before a leaf's row is read: for its page, and for the row in it. */
#define PAGES_AHEAD			6
#define ROWS_AHEAD			3

/* A tree of at least this many leaves is calibrated again when its leaves have doubled. */
#define CALIBRATE_LEAVES	16

/*
 * A page for a node: one that vacuum found free, or a new one at the end.  Vacuum holds the
 * recycle lock while it passes over the blocks, and rows that move to a block behind it
 * would be missed: then the page is always a new one.
 */
void
tree_new_page(Relation index, TreeNewPage *result)
{
	result->recycling = ConditionalLockPage(index, TREE_RECYCLE_LOCK, ExclusiveLock);
	while (result->recycling)
	{
		BlockNumber block = GetFreeIndexPage(index);
		Page		page;

		if (block == InvalidBlockNumber)
			break;
		result->buffer = ReadBuffer(index, block);
		page = BufferGetPage(result->buffer);

		/*
		 * after a crash the free space map may still have the very page that the caller is
		 * splitting
		 */
		if (!ConditionalLockBuffer(result->buffer))
		{
			ReleaseBuffer(result->buffer);
			continue;
		}
		if (PageIsNew(page) || tree_page_is_free(index, page))
		{
			result->birth = PageIsNew(page) ? 1 : tree_special(page)->birth + 1;
			return;
		}
		UnlockReleaseBuffer(result->buffer);
	}
	if (!RELATION_IS_LOCAL(index))
		LockRelationForExtension(index, ExclusiveLock);
	result->buffer = ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	if (!RELATION_IS_LOCAL(index))
		UnlockRelationForExtension(index, ExclusiveLock);
	result->birth = 1;
}

void
tree_new_page_done(Relation index, TreeNewPage *page)
{
	UnlockReleaseBuffer(page->buffer);
	if (page->recycling)
		UnlockPage(index, TREE_RECYCLE_LOCK, ExclusiveLock);
}

/* A copy of a node of a path if it is in use and what the path says; else NULL. */
Page
tree_copy_node(Relation index, const TreeShape *shape, const TreeStep *step, int level)
{
	Buffer		buffer = tree_read_pointer(index, step->block);
	Page		page = BufferGetPage(buffer);
	Page		copy = NULL;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (tree_is_still(index, page, shape, step, level))
	{
		copy = palloc(BLCKSZ);
		memcpy(copy, page, BLCKSZ);
	}
	UnlockReleaseBuffer(buffer);
	return copy;
}

/* The entry of a child in its parent; -1: it is not there. */
int
tree_find_child(Page parent, const TreeShape *shape, const TreeStep *child)
{
	const TreeChild *children = tree_children(parent, &shape->inner);

	for (int j = 0; j < tree_node(parent)->n; j++)
		if (children[j].block == child->block && children[j].birth == child->birth)
			return j;
	return -1;
}

/*
 * Is the path from root to its end still one?  pages gets copies of its nodes (room for
 * TREE_MAX_HEIGHT).
 */
bool
tree_copy_path(Relation index, const TreeShape *shape, const TreePath *path, Page *pages)
{
	TreeMeta	meta;

	tree_meta_read(index, &meta);
	if (path->step[0].block != meta.root || path->step[0].birth != meta.root_birth)
		return false;
	for (int i = 0; i < path->n; i++)
	{
		pages[i] = tree_copy_node(index, shape, &path->step[i], meta.root_level - i);
		if (pages[i] == NULL || (i > 0 && tree_find_child(pages[i - 1], shape, &path->step[i]) < 0))
			return false;
	}
	return true;
}

/*
 * Widen the nodes of a path, from the root down, so that each covers what is below: the last one
 * reaches `reach`.  Between two of the records a node covers more than it needs to.
 */
void
tree_widen_path(Relation index, const TreeShape *shape, const TreePath *path, Page *pages, float reach)
{
	int			level_of_first = tree_special(pages[0])->level;
	float		need[TREE_MAX_HEIGHT];
	float	   *centers = palloc(2 * shape->width * sizeof(float));

	need[path->n - 1] = reach;
	for (int i = path->n - 2; i >= 0; i--)
	{
		tree_node_center(pages[i], tree_layout_of(shape, level_of_first - i), centers);
		tree_node_center(pages[i + 1], tree_layout_of(shape, level_of_first - i - 1), centers + shape->width);
		need[i] = (float) ((distance_l2(centers, centers + shape->width, shape->width) + need[i + 1]) * TREE_RADIUS_ROUNDING);
	}
	if (isinf(need[0]) || isnan(need[0]))
		tree_corrupted(index, path->step[0].block, "What is below it is at no finite distance.");
	for (int i = 0; i < path->n; i++)
	{
		Buffer		buffer = ReadBuffer(index, path->step[i].block);
		Page		page = BufferGetPage(buffer);
		PGAlignedBlock image;	/* of the page, where it changes */
		TreePatch	patch = {0};
		int			child;

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		child = i + 1 < path->n ? tree_find_child(page, shape, &path->step[i + 1]) : -1;
		if (tree_node(page)->radius < need[i])
		{
			tree_node(image.data)->radius = need[i];
			tree_patch_add(&patch, image.data, &tree_node(image.data)->radius, sizeof(float4));
		}
		if (child >= 0 && tree_radii(page, &shape->inner)[child] < need[i + 1])
		{
			tree_radii(image.data, &shape->inner)[child] = need[i + 1];
			tree_patch_add(&patch, image.data, &tree_radii(image.data, &shape->inner)[child], sizeof(float4));
		}
		if (patch.n > 0)
			tree_patch_finish(index, buffer, image.data, &patch);
		UnlockReleaseBuffer(buffer);
	}
	pfree(centers);
}

void
tree_widen(Relation index, const TreeShape *shape, const TreePath *path, const float *rotated)
{
	Page		pages[TREE_MAX_HEIGHT];

	LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	if (tree_copy_path(index, shape, path, pages))
	{
		TreeEntry	entry = {.code = palloc(shape->leaf.code_bytes)};
		float	   *scratch = palloc(shape->width * sizeof(float));

		tree_encode(pages[path->n - 1], &shape->leaf, rotated, scratch, &entry);
		tree_widen_path(index, shape, path, pages, sqrtf(entry.factors.norm) * TREE_RADIUS_ROUNDING * TREE_RADIUS_ROUNDING);
	}
	UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
}

/* A new root above the root, with it as the only child. */
static void
grow(Relation index, const TreeShape *shape, Page root, const TreeStep *step)
{
	int			level = tree_special(root)->level;
	TreeChild	child = {step->block, step->birth};
	float		radius = tree_node(root)->radius;
	float	   *center = palloc(shape->width * sizeof(float));
	int32_t		order = 0;
	TreeMembers members = {.vectors = center, .ids = &child, .radii = &radius};
	PGAlignedBlock image;
	TreeNewPage new_root;
	TreeMeta	meta;
	Buffer		buffer;
	GenericXLogState *state;

	if (level + 1 >= TREE_MAX_HEIGHT)
		elog(ERROR, "tree of index \"%s\" is too high", RelationGetRelationName(index));
	tree_node_center(root, tree_layout_of(shape, level), center);
	tree_new_page(index, &new_root);
	tree_node_make(index, image.data, shape, level + 1, new_root.birth, &members, &order, 1);
	buffer = ReadBuffer(index, TREE_META_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	tree_meta_copy(index, BufferGetPage(buffer), &meta);
	meta.root = BufferGetBlockNumber(new_root.buffer);
	meta.root_birth = new_root.birth;
	meta.root_level = level + 1;
	state = GenericXLogStart(index);
	memcpy(GenericXLogRegisterBuffer(state, new_root.buffer, GENERIC_XLOG_FULL_IMAGE), image.data, BLCKSZ);
	tree_meta_page(GenericXLogRegisterBuffer(state, buffer, 0), &meta);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
	tree_new_page_done(index, &new_root);
	pfree(center);
}

/*
 * The rows of a leaf with their vectors: from the table where a snapshot may see them now,
 * else as well as the codes know them, with how far that can be off.  Returns how many.
 */
int
tree_gather_rows(Relation index, Relation heap, const TreeShape *shape, Page page, float *vectors, TreeRow *ids, float *slack,
			char *packed)
{
	const TreeLayout *layout = &shape->leaf;
	const TreeRow *rows = tree_rows(page, layout);
	TreeFetch  *fetch = tree_fetch_begin(heap, index);
	float	   *scratch = palloc(2 * shape->width * sizeof(float));
	AnnBlock	block;
	int			n = 0;

	tree_block(page, layout, &block);
	for (int j = 0; j < block.n; j++)
	{
		float	   *out = vectors + (size_t) n * shape->width;
		ItemPointerData tid = rows[j].tid;
		const DmlVector *vector;

		if (j + PAGES_AHEAD < block.n)
			tree_fetch_expect_page(fetch, &rows[j + PAGES_AHEAD].tid);
		if (j + ROWS_AHEAD < block.n)
			tree_fetch_expect_row(fetch, &rows[j + ROWS_AHEAD].tid);
		if (rows[j].dead)
			continue;
		vector = tree_fetch(fetch, &tid, SnapshotSelf);
		ids[n] = rows[j];
		tree_columns_get(page, &shape->columns, j, packed + (size_t) n * shape->columns.packed_bytes);
		if (vector != NULL && vector->dim == shape->dims && tree_rotate(shape, vector->x, scratch, out))
			slack[n] = 0;
		else
		{
			float	   *center = scratch;
			double		length = 0;

			tree_node_center(page, layout, center);
			code_decode(block.codes + (size_t) j * block.stride, layout->bits, shape->width, block.scale[j], out);
			for (int i = 0; i < shape->width; i++)
			{
				length += (double) out[i] * out[i];
				out[i] += center[i];
			}

			/* what the code may be off by, or what the radius allows */
			slack[n] = Min(block.error[j], (float) ((sqrt(length) + tree_node(page)->radius) * TREE_RADIUS_ROUNDING));
		}
		n++;
	}
	tree_fetch_end(fetch);
	pfree(scratch);
	return n;
}

/* The children of an inner node with their centers, from their own pages. */
int
tree_gather_children(Relation index, const TreeShape *shape, Page page, float *vectors, TreeChild *ids, float *radii)
{
	const TreeChild *children = tree_children(page, &shape->inner);
	int			level = tree_special(page)->level;

	for (int j = 0; j < tree_node(page)->n; j++)
	{
		TreeStep	step = {children[j].block, children[j].birth};
		Page		child = tree_copy_node(index, shape, &step, level - 1);

		if (child == NULL)
			tree_corrupted(index, step.block, "It is not the child that its parent says.");
		tree_node_center(child, tree_layout_of(shape, level - 1), vectors + (size_t) j * shape->width);
		ids[j] = children[j];
		radii[j] = tree_radii(page, &shape->inner)[j];
		pfree(child);
	}
	return tree_node(page)->n;
}

/* The entry of a new child in its parent's frame. */
void
tree_encode_child(Page parent, const TreeShape *shape, Page child, BlockNumber block, TreeEntry *entry)
{
	float	   *center = palloc(2 * shape->width * sizeof(float));

	tree_node_center(child, tree_layout_of(shape, tree_special(child)->level), center);
	entry->code = palloc(shape->inner.code_bytes);
	tree_encode(parent, &shape->inner, center, center + shape->width, entry);
	entry->child.block = block;
	entry->child.birth = tree_special(child)->birth;
	entry->radius = tree_node(child)->radius;
	pfree(center);
}

static bool
all_equal(const float *vectors, int n, int width)
{
	for (int i = 1; i < n; i++)
		if (memcmp(vectors, vectors + (Size) i * width, width * sizeof(float)) != 0)
			return false;
	return true;
}

/*
 * Split the last node of a path, whose parent has room.  The two halves are written to pages
 * that nobody knows, then one record puts them into the parent and sends those who are on
 * their way to the old page on to them.  False: the page changed meanwhile.
 */
static bool
split_node(Relation index, Relation heap, const TreeShape *shape, const TreePath *path, Page *pages)
{
	const TreeStep *step = &path->step[path->n - 1];
	const TreeStep *parent_step = &path->step[path->n - 2];
	Page		old = pages[path->n - 1];
	int			level = tree_special(old)->level;
	int			room = tree_layout_of(shape, level)->room;
	float	   *vectors = tree_floats(room * shape->width);
	TreeRow    *ids = palloc(room * sizeof(TreeRow));
	float	   *reach = palloc(room * sizeof(float));
	char	   *packed = palloc((size_t) room * shape->columns.packed_bytes + 1);
	int32_t    *order = palloc(room * sizeof(int32_t));
	TreeMembers members = {.vectors = vectors, .ids = ids};
	PGAlignedBlock images[2];
	TreePath	above = *path;
	float		need = 0;
	TreeNewPage fresh[2];
	Buffer		buffer;
	Buffer		parent_buffer;
	GenericXLogState *state;
	Page		page;
	Page		parent;
	int			n;
	int			first;
	float	   *centers = palloc(2 * shape->width * sizeof(float));

	if (level == 0)
	{
		n = tree_gather_rows(index, heap, shape, old, vectors, ids, reach, packed);
		members.slack = reach;
		members.packed = packed;
	}
	else
	{
		n = tree_gather_children(index, shape, old, vectors, (TreeChild *) ids, reach);
		members.radii = reach;
	}
	if (n < 2)
		return false;
	first = ann_halve(vectors, n, shape->width, palloc(ANN_HALVE_FLOATS(n, shape->width) * sizeof(float)), order);

	/*
	 * equal rows go on coming to the first of equal leaves: then the other one had better be full
	 */
	if (all_equal(vectors, n, shape->width))
		first = Max(n / EQUAL_SHARE, 1);
	tree_node_make(index, images[0].data, shape, level, 0, &members, order, first);
	tree_node_make(index, images[1].data, shape, level, 0, &members, order + first, n - first);

	/* the parents must cover the halves, whose balls may stick out of the old one's */
	above.n--;
	tree_node_center(pages[above.n - 1], &shape->inner, centers);
	for (int i = 0; i < 2; i++)
	{
		tree_node_center(images[i].data, tree_layout_of(shape, level), centers + shape->width);
		need = fmaxf(need, (float) ((distance_l2(centers, centers + shape->width, shape->width) +
									 tree_node(images[i].data)->radius) * TREE_RADIUS_ROUNDING));
	}
	if (need > tree_node(pages[above.n - 1])->radius)
		tree_widen_path(index, shape, &above, pages, need);

	buffer = ReadBuffer(index, step->block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (memcmp(BufferGetPage(buffer), old, BLCKSZ) != 0)
	{
		UnlockReleaseBuffer(buffer);
		return false;
	}
	tree_new_page(index, &fresh[0]);
	tree_new_page(index, &fresh[1]);
	parent_buffer = ReadBuffer(index, parent_step->block);
	LockBuffer(parent_buffer, BUFFER_LOCK_EXCLUSIVE);

	state = GenericXLogStart(index);
	page = GenericXLogRegisterBuffer(state, buffer, 0);
	parent = GenericXLogRegisterBuffer(state, parent_buffer, 0);
	for (int i = 0; i < 2; i++)
	{
		BlockNumber block = BufferGetBlockNumber(fresh[i].buffer);
		TreeEntry	entry;

		tree_special(images[i].data)->birth = fresh[i].birth;
		memcpy(GenericXLogRegisterBuffer(state, fresh[i].buffer, GENERIC_XLOG_FULL_IMAGE), images[i].data, BLCKSZ);
		tree_encode_child(parent, shape, images[i].data, block, &entry);
		if (i == 0)
			tree_put(parent, &shape->inner, tree_find_child(parent, shape, step), &entry, true);
		else
			tree_put(parent, &shape->inner, tree_node(parent)->n++, &entry, true);
		tree_node(parent)->changes++;
		tree_node(page)->forward[i] = block;
		tree_node(page)->forward_birth[i] = fresh[i].birth;
	}
	tree_special(page)->kind = TREE_GONE;
	tree_node(page)->gone_at = U64FromFullTransactionId(ReadNextFullTransactionId());
	GenericXLogFinish(state);
	UnlockReleaseBuffer(parent_buffer);
	tree_new_page_done(index, &fresh[1]);
	tree_new_page_done(index, &fresh[0]);
	UnlockReleaseBuffer(buffer);
	return true;
}

void
tree_count_leaves(Relation index, int64 more, TreeMeta *meta)
{
	Buffer		buffer = ReadBuffer(index, TREE_META_BLOCK);
	GenericXLogState *state;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	tree_meta_copy(index, BufferGetPage(buffer), meta);
	meta->leaves = Max(meta->leaves + more, 1);
	state = GenericXLogStart(index);
	tree_meta_page(GenericXLogRegisterBuffer(state, buffer, 0), meta);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

void
tree_calibrate_again(Relation index, Relation heap)
{
	Buffer		buffer;
	TreeCalibration calibration;
	uint32		planting;
	TreeMeta	meta;

	tree_meta_read(index, &meta);
	planting = meta.planting;
	tree_calibrate(index, heap, &meta);
	calibration = meta.calibration;
	buffer = ReadBuffer(index, TREE_META_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	tree_meta_copy(index, BufferGetPage(buffer), &meta);
	if (meta.planting == planting)
	{
		GenericXLogState *state = GenericXLogStart(index);

		meta.calibration = calibration;
		tree_meta_page(GenericXLogRegisterBuffer(state, buffer, 0), &meta);
		GenericXLogFinish(state);
	}
	UnlockReleaseBuffer(buffer);
}

void
tree_remove_child(Page parent, const TreeShape *shape, int j)
{
	const TreeLayout *layout = &shape->inner;
	char	   *base = (char *) parent;
	int			last = --tree_node(parent)->n;

	tree_node(parent)->changes++;
	tree_children(parent, layout)[j] = tree_children(parent, layout)[last];
	tree_radii(parent, layout)[j] = tree_radii(parent, layout)[last];
	if (layout->square != 0)
		tree_squares(parent, layout)[j] = tree_squares(parent, layout)[last];
	((float4 *) (base + layout->norm))[j] = ((float4 *) (base + layout->norm))[last];
	((float4 *) (base + layout->scale))[j] = ((float4 *) (base + layout->scale))[last];
	((float4 *) (base + layout->error))[j] = ((float4 *) (base + layout->error))[last];
	memmove(base + layout->codes + (Size) j * layout->code_bytes,
			base + layout->codes + (Size) last * layout->code_bytes, layout->code_bytes);
}

/* Is it time to calibrate? */
static bool
grown_enough(const TreeMeta *meta)
{
	return meta->leaves >= CALIBRATE_LEAVES && meta->leaves >= 2 * meta->calibration.leaves;
}

void
tree_split(Relation index, Relation heap, const TreeShape *shape, const TreePath *path)
{
	Page		pages[TREE_MAX_HEIGHT];
	TreePath	at = *path;
	TreeMeta	meta = {0};

	LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	if (tree_copy_path(index, shape, &at, pages))
	{
		int			level = tree_special(pages[0])->level - (at.n - 1);

		if (tree_node(pages[at.n - 1])->n == shape->leaf.room && tree_node(pages[at.n - 1])->dead == 0)
		{
			/* the node nearest to the root that is full, on a run of full ones up from the leaf */
			while (at.n > 1 && tree_node(pages[at.n - 2])->n == shape->inner.room)
			{
				at.n--;
				level++;
			}
			if (at.n == 1)
				grow(index, shape, pages[0], &at.step[0]);
			else if (split_node(index, heap, shape, &at, pages) && level == 0)
				tree_count_leaves(index, 1, &meta);
		}
	}
	UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);

	/* a matter of searches, which others need not wait for */
	if (grown_enough(&meta) && ConditionalLockPage(index, TREE_CALIBRATION_LOCK, ExclusiveLock))
	{
		tree_meta_read(index, &meta);
		if (grown_enough(&meta))
			tree_calibrate_again(index, heap);
		UnlockPage(index, TREE_CALIBRATION_LOCK, ExclusiveLock);
	}
}
