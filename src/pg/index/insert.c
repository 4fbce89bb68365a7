/*
 * insert.c
 *	  A row finds its leaf, one page lock at a time.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "ann/distance.h"
#include "tree.h"

/* Nodes of a level that are looked into for the nearest child. */
#define INSERT_BEAM			3

/*
 * Attempts to put a row into a leaf. Others may change the tree meanwhile, and each change may
 * cost an attempt. After TURNS_BESIDE_OTHERS the structure lock keeps them out; if TURNS_ALONE
 * more do not help, the tree is damaged.
 */
#define TURNS_BESIDE_OTHERS	20
#define TURNS_ALONE			(8 * TREE_MAX_HEIGHT)

/* Bytes of a node's codes that are on their way from memory while another one is scored. */
#define PREFETCH_CODES		2048

/* What the rows of one statement share (IndexInfo.ii_AmCache). */
typedef struct InsertState
{
	TreeMeta	meta;			/* as it was read last; others may have changed it */
	const TreeShape *shape;		/* NULL: not known yet, nor the following */
	AnnScratch	scratch;
	float	   *rotated;		/* width floats for the row's vector, as many for scratch */
	MemoryContext context;		/* reset with each row */
} InsertState;

/* A node that may lead to the nearest leaf. */
typedef struct Candidate
{
	float		key;
	TreeStep	step;
	int			parent;			/* which candidate of the level above */
} Candidate;

/* Take in among the best of a level, which are kept sorted, one that may be. */
static void
offer(Candidate *best, int *n, Candidate candidate)
{
	int			at = *n < INSERT_BEAM ? (*n)++ : *n - 1;

	for (; at > 0 && candidate.key < best[at - 1].key; at--)
		best[at] = best[at - 1];
	best[at] = candidate;
}

/* Have what a node's children are scored with on its way from memory. */
static void
expect_node(Relation index, const TreeLayout *layout, BlockNumber block)
{
	const char *page = block == InvalidBlockNumber ? NULL : tree_recent(index, block);

	if (page == NULL)
		return;
	tree_prefetch(page, BLCKSZ - 1, 1);
	tree_prefetch(page, 0, layout->frame + layout->width);
	tree_prefetch(page, layout->norm, layout->error - layout->norm);
	tree_prefetch(page, layout->codes, PREFETCH_CODES);
}

/* The way to the leaf for the row's vector.  False: the tree changed meanwhile; try again. */
static bool
find_leaf(Relation index, InsertState *state, TreePath *path)
{
	const TreeShape *shape = state->shape;
	const TreeMeta *meta = &state->meta;
	const float *estimates = state->scratch.estimates;
	Candidate	best[TREE_MAX_HEIGHT][INSERT_BEAM];
	int			n[TREE_MAX_HEIGHT] = {0};
	int			at = 0;

	offer(best[meta->root_level], &n[meta->root_level],
		  (Candidate) {.key = 0, .step = {meta->root, meta->root_birth}});
	for (int level = meta->root_level; level > 0; level--)
		for (int i = 0; i < n[level]; i++)
		{
			TreeStep   *step = &best[level][i].step;
			Candidate  *below = best[level - 1];
			int		   *n_below = &n[level - 1];
			Buffer		buffer = tree_read_pointer(index, step->block);
			Page		page = BufferGetPage(buffer);
			const TreeChild *children;
			AnnBlock	block;

			if (i + 1 < n[level])
				expect_node(index, &shape->inner, best[level][i + 1].step.block);
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			if (!tree_is_still(index, page, shape, step, level))
			{
				UnlockReleaseBuffer(buffer);
				return false;
			}
			children = tree_children(page, &shape->inner);
			tree_block(page, &shape->inner, &block);
			ann_score_block(state->rotated, &block, &state->scratch);
			for (int j = 0; j < block.n; j++)
				if (*n_below < INSERT_BEAM || estimates[j] < below[INSERT_BEAM - 1].key)
					offer(below, n_below, (Candidate)
					{
						.key = estimates[j], .step = {children[j].block, children[j].birth}, .parent = i
					});
			UnlockReleaseBuffer(buffer);
		}
	if (n[0] == 0)
		tree_corrupted(index, meta->root, "No way leads to a leaf.");
	path->n = meta->root_level + 1;
	for (int level = 0; level <= meta->root_level; level++)
	{
		path->step[meta->root_level - level] = best[level][at].step;
		at = best[level][at].parent;
	}
	return true;
}

/* The first row of an index. */
static void
plant(Relation index, const DmlVector *vector)
{
	TreeMeta	meta;

	LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	tree_meta_read(index, &meta);
	if (meta.root == InvalidBlockNumber)
		tree_plant(index, &meta, vector);
	UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
}

typedef enum Placed
{
	PLACED,
	PLACE_AGAIN,				/* the leaf is gone */
	PLACE_FULL,
	PLACE_TOO_FAR				/* the leaf's radius does not reach */
} Placed;

/* All that an entry has on a leaf. */
static void
patch_entry(TreePatch *patch, Page page, const TreeShape *shape, int slot)
{
	const TreeLayout *layout = &shape->leaf;
	TreeNode   *node = tree_node(page);

	StaticAssertStmt(offsetof(TreeNode, changes) == offsetof(TreeNode, n) + sizeof(node->n) + sizeof(node->dead),
					 "the counts are one piece");
	tree_patch_add(patch, page, &node->n, sizeof(node->n) + sizeof(node->dead) + sizeof(node->changes));
	tree_patch_add(patch, page, &tree_rows(page, layout)[slot], sizeof(TreeRow));
	tree_patch_add(patch, page, page + layout->norm + slot * sizeof(float4), sizeof(float4));
	tree_patch_add(patch, page, page + layout->scale + slot * sizeof(float4), sizeof(float4));
	tree_patch_add(patch, page, page + layout->error + slot * sizeof(float4), sizeof(float4));
	if (layout->square != 0)
		tree_patch_add(patch, page, &tree_squares(page, layout)[slot], sizeof(float4));
	tree_patch_add(patch, page, page + layout->codes + slot * layout->code_bytes, layout->code_bytes);
	for (int i = 0; i < shape->columns.n; i++)
	{
		const TreeColumn *column = &shape->columns.column[i];

		tree_patch_add(patch, page, tree_range(page, column), sizeof(TreeRange) + 2 * column->bytes);
		tree_patch_add(patch, page, tree_column_value(page, column, slot), column->bytes);
		tree_patch_add(patch, page, page + column->nulls + slot / 8, 1);
	}
}

/* Put the row into the leaf, if it may be put there. */
static Placed
place(Relation index, const InsertState *state, const TreeStep *step, const char *packed, ItemPointer tid)
{
	const TreeShape *shape = state->shape;
	Buffer		buffer = tree_read_pointer(index, step->block);
	Page		page = BufferGetPage(buffer);
	const TreeLayout *layout = &shape->leaf;
	TreeEntry	entry = {.code = palloc(layout->code_bytes), .tid = *tid};
	TreePatch	patch = {0};
	PGAlignedBlock image;		/* of the page, where the patch has places */
	const TreeNode *node;
	int			slot;

	tree_prefetch(page, BLCKSZ - 1, 1);
	tree_prefetch(page, 0, layout->frame + layout->width);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!tree_is_still(index, page, shape, step, 0))
	{
		UnlockReleaseBuffer(buffer);
		return PLACE_AGAIN;
	}
	node = tree_node(page);
	if (node->n == layout->room && node->dead == 0)
	{
		UnlockReleaseBuffer(buffer);
		return PLACE_FULL;
	}
	for (slot = 0; node->dead > 0 && slot < node->n; slot++)
		if (tree_rows(page, layout)[slot].dead)
			break;
	if (node->dead == 0 || slot == node->n)
		slot = node->n;
	if (slot == layout->room)
		tree_corrupted(index, step->block, "Its number of dead entries is wrong.");

	/* the places come from memory while the row is encoded */
	patch_entry(&patch, image.data, shape, slot);
	for (int i = 0; i < patch.n; i++)
		tree_prefetch(page, patch.at[i], patch.bytes[i]);
	tree_encode(page, layout, state->rotated, state->rotated + shape->width, &entry);
	if (sqrtf(entry.factors.norm) * TREE_RADIUS_ROUNDING > node->radius)
	{
		UnlockReleaseBuffer(buffer);
		return PLACE_TOO_FAR;
	}
	tree_patch_begin(&patch, page, image.data);
	if (slot < node->n)
		tree_node(image.data)->dead--;
	else
		tree_node(image.data)->n++;
	tree_node(image.data)->changes++;
	tree_put(image.data, layout, slot, &entry, false);
	tree_columns_put(index, image.data, &shape->columns, slot, packed);
	tree_patch_finish(index, buffer, image.data, &patch);
	UnlockReleaseBuffer(buffer);
	return PLACED;
}

/* The state of the statement, made with its first row. */
static InsertState *
insert_state(IndexInfo *info)
{
	InsertState *state = info->ii_AmCache;

	if (state == NULL)
	{
		state = MemoryContextAllocZero(info->ii_Context, sizeof(InsertState));
		state->meta.root = InvalidBlockNumber;
		state->context = AllocSetContextCreate(info->ii_Context, "dml index insert", ALLOCSET_DEFAULT_SIZES);
		info->ii_AmCache = state;
	}
	return state;
}

/* What depends on the index, which has a row by now. */
static void
know_shape(InsertState *state, Relation index, IndexInfo *info)
{
	MemoryContext old = MemoryContextSwitchTo(info->ii_Context);
	const TreeShape *shape = tree_shape(index, &state->meta, info->ii_Context);
	int			room = Max(shape->leaf.room, shape->inner.room);

	ann_scratch_init(&state->scratch, shape->width, room, tree_floats(ann_scratch_bytes(shape->width, room) / sizeof(float)));
	state->rotated = tree_floats(2 * shape->width);
	state->shape = shape;
	MemoryContextSwitchTo(old);
}

bool
tree_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
			IndexUniqueCheck unique,
#if PG_VERSION_NUM >= 140000
			bool unchanged,
#endif
			IndexInfo *info)
{
	InsertState *state;
	const TreeMeta *meta;
	MemoryContext old;
	const DmlVector *vector;
	char	   *packed;
	bool		planted = false;
	bool		alone = false;
	int			turn = 0;

	if (isnull[0])
		return false;
	state = insert_state(info);
	meta = &state->meta;
	old = MemoryContextSwitchTo(state->context);
	vector = DatumGetDmlVectorP(values[0]);
	for (; !planted; turn++)
	{
		TreePath	path;

		CHECK_FOR_INTERRUPTS();
		if (turn == TURNS_BESIDE_OTHERS)
		{
			LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
			alone = true;
		}

		/* that the root of the row before is none any more is noticed on the way */
		if (turn > 0 || meta->root == InvalidBlockNumber)
			tree_meta_read(index, &state->meta);
		if (turn == TURNS_BESIDE_OTHERS + TURNS_ALONE)
			tree_corrupted(index, meta->root, "No way from it leads to a leaf that takes a row.");
		if (meta->root == InvalidBlockNumber)
		{
			plant(index, vector);
			continue;
		}
		if (!tree_fits(meta, vector))
		{
			/* as it was for the row before: it may be another tree by now */
			if (turn > 0 && !tree_give_up(index, heap, vector))
				tree_check_vector(index, meta, vector, false);
			continue;
		}
		if (state->shape == NULL || state->shape->planting != meta->planting)
			know_shape(state, index, info);
		packed = palloc(state->shape->columns.packed_bytes + 1);
		tree_columns_pack(&state->shape->columns, values, isnull, packed);

		/* without a direction there is no distance to be ordered by */
		if (!tree_rotate(state->shape, vector->x, state->rotated + state->shape->width, state->rotated))
			break;
		if (!find_leaf(index, state, &path))
			continue;
		switch (place(index, state, &path.step[path.n - 1], packed, tid))
		{
			case PLACED:
				planted = tree_is_kept(index, meta->planting);
				break;
			case PLACE_AGAIN:
				break;
			case PLACE_FULL:
				tree_split(index, heap, state->shape, &path);
				break;
			case PLACE_TOO_FAR:
				tree_widen(index, state->shape, &path, state->rotated);
				break;
		}
	}
	if (alone)
		UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->context);
	return false;
}
