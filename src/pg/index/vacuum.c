/*
 * vacuum.c
 *	  VACUUM: one pass over the blocks in order; rows that are gone are marked, leaves that
 *	  are empty are taken out, and pages that nobody can come by any more are given back.
 */
#include "compat.h"

#include "access/transam.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "tree.h"

typedef struct Vacuum
{
	Relation	index;
	const TreeShape *shape;
	IndexBulkDeleteCallback callback;	/* NULL: nothing to delete */
	void	   *state;
	IndexBulkDeleteResult *stats;
	BufferAccessStrategy strategy;
	TreeCensus	census;
	int64		empty;			/* leaves without a row ... */
	int64		removed;		/* ... and of these, taken out of the tree */
	MemoryContext context;		/* of a parent */
} Vacuum;

/* A page that went so long ago that nobody who runs has seen a pointer to it. */
bool
tree_page_is_free(Relation index, Page page)
{
	FullTransactionId gone;

	if (tree_page_kind(page) != TREE_GONE)
		return false;
	gone = FullTransactionIdFromU64(tree_node(page)->gone_at);
#if PG_VERSION_NUM >= 140000
	return GlobalVisCheckRemovableFullXid(NULL, gone);
#else
	return TransactionIdPrecedes(XidFromFullTransactionId(gone), RecentGlobalXmin);
#endif
}

/* Mark the rows of a leaf that are gone. */
static void
vacuum_leaf(Vacuum *vacuum, Buffer buffer)
{
	const TreeLayout *layout = &vacuum->shape->leaf;
	Page		page = BufferGetPage(buffer);
	TreeRow    *rows = tree_rows(page, layout);
	int			n = tree_node(page)->n;
	bool	   *gone = palloc0(Max(n, 1) * sizeof(bool));
	int			found = 0;

	for (int j = 0; j < n; j++)
		if (!rows[j].dead)
		{
			gone[j] = vacuum->callback != NULL && vacuum->callback(&rows[j].tid, vacuum->state);
			found += gone[j];
			vacuum->stats->num_index_tuples += !gone[j];
		}
	if (found > 0)
	{
		GenericXLogState *state = GenericXLogStart(vacuum->index);

		page = GenericXLogRegisterBuffer(state, buffer, 0);
		rows = tree_rows(page, layout);
		for (int j = 0; j < n; j++)
			if (gone[j])
				rows[j].dead = 1;
		tree_node(page)->dead += found;
		tree_node(page)->changes += found;

		/* the end of a page need not be marked */
		while (tree_node(page)->n > 0 && rows[tree_node(page)->n - 1].dead)
		{
			tree_node(page)->n--;
			tree_node(page)->dead--;
		}
		GenericXLogFinish(state);
		vacuum->stats->tuples_removed += found;
		page = BufferGetPage(buffer);
	}
	if (tree_node(page)->n == tree_node(page)->dead)
		vacuum->empty++;
	pfree(gone);
}

static void
vacuum_block(Vacuum *vacuum, BlockNumber block)
{
	Buffer		buffer;
	Page		page;

	dml_vacuum_delay_point();
	buffer = ReadBufferExtended(vacuum->index, MAIN_FORKNUM, block, RBM_NORMAL, vacuum->strategy);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	if (PageIsNew(page))
	{
		/* from a crash between the extension of the file and the first record */
		RecordFreeIndexPage(vacuum->index, block);
		vacuum->stats->pages_free++;
	}
	else if (tree_page_kind(page) != TREE_ORIGIN)
	{
		tree_check_page(vacuum->index, block, page);
		if (tree_is_of(page, vacuum->shape))
			tree_check_node(vacuum->index, block, page, vacuum->shape);
		if (tree_special(page)->planting > vacuum->shape->planting)
			;					/* the index got another tree since the pass began */
		else if (tree_page_kind(page) == TREE_NODE && !tree_is_of(page, vacuum->shape))
		{
			/* of a tree that was given up; a search may be in it still */
			GenericXLogState *state = GenericXLogStart(vacuum->index);

			page = GenericXLogRegisterBuffer(state, buffer, 0);
			tree_special(page)->kind = TREE_GONE;
			tree_node(page)->gone_at = U64FromFullTransactionId(ReadNextFullTransactionId());
			GenericXLogFinish(state);
			vacuum->stats->pages_deleted++;
		}
		else if (tree_page_is_free(vacuum->index, page))
		{
			RecordFreeIndexPage(vacuum->index, block);
			vacuum->stats->pages_deleted++;
			vacuum->stats->pages_free++;
		}
		else if (tree_special(page)->kind == TREE_GONE)
			vacuum->stats->pages_deleted++;
		else
		{
			tree_census_node(&vacuum->census, block, page);
			if (tree_special(page)->level == 0)
				vacuum_leaf(vacuum, buffer);
		}
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * Take the j'th child out of its parent if it is an empty leaf. The caller holds the structure
 * lock.
 */
static bool
remove_leaf(Vacuum *vacuum, BlockNumber parent_block, int j)
{
	const TreeLayout *layout = &vacuum->shape->inner;
	Buffer		parent_buffer = ReadBuffer(vacuum->index, parent_block);
	Page		parent;
	TreeChild	child;
	TreeStep	step;
	Buffer		buffer;
	Page		page;
	bool		empty;

	LockBuffer(parent_buffer, BUFFER_LOCK_SHARE);
	child = tree_children(BufferGetPage(parent_buffer), layout)[j];
	LockBuffer(parent_buffer, BUFFER_LOCK_UNLOCK);

	buffer = tree_read_pointer(vacuum->index, child.block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	step = (TreeStep) {child.block, child.birth};
	empty = tree_is_still(vacuum->index, page, vacuum->shape, &step, 0) && tree_node(page)->n == tree_node(page)->dead;
	if (empty)
	{
		GenericXLogState *state;

		LockBuffer(parent_buffer, BUFFER_LOCK_EXCLUSIVE);
		state = GenericXLogStart(vacuum->index);
		page = GenericXLogRegisterBuffer(state, buffer, 0);
		parent = GenericXLogRegisterBuffer(state, parent_buffer, 0);
		tree_remove_child(parent, vacuum->shape, j);
		tree_special(page)->kind = TREE_GONE;
		tree_node(page)->gone_at = U64FromFullTransactionId(ReadNextFullTransactionId());
		GenericXLogFinish(state);
		LockBuffer(parent_buffer, BUFFER_LOCK_UNLOCK);
	}
	UnlockReleaseBuffer(buffer);
	ReleaseBuffer(parent_buffer);
	return empty;
}

/*
 * Take empty leaves out of the parent at the end of a path, if it is one still; it keeps one
 * child at least.
 */
static void
remove_from_parent(Vacuum *vacuum, const TreePath *path)
{
	MemoryContext old = MemoryContextSwitchTo(vacuum->context);
	Page		pages[TREE_MAX_HEIGHT];

	LockPage(vacuum->index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	if (tree_copy_path(vacuum->index, vacuum->shape, path, pages))
	{
		int			n = tree_node(pages[path->n - 1])->n;
		int			j = 0;

		while (n > 1 && j < n)
		{
			CHECK_FOR_INTERRUPTS();
			if (remove_leaf(vacuum, path->step[path->n - 1].block, j))
			{
				vacuum->removed++;
				n--;
			}
			else
				j++;
		}
	}
	UnlockPage(vacuum->index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	MemoryContextSwitchTo(old);
	MemoryContextReset(vacuum->context);
}

/* The node at the end of a path, and those below it. */
static void
remove_below(Vacuum *vacuum, TreePath *path, int level)
{
	Page		page;

	dml_vacuum_delay_point();
	if (level == 1)
	{
		remove_from_parent(vacuum, path);
		return;
	}
	page = tree_copy_node(vacuum->index, vacuum->shape, &path->step[path->n - 1], level);
	if (page == NULL)
		return;
	path->n++;
	for (int j = 0; j < tree_node(page)->n && vacuum->removed < vacuum->empty; j++)
	{
		TreeChild	child = tree_children(page, &vacuum->shape->inner)[j];

		path->step[path->n - 1] = (TreeStep) {child.block, child.birth};
		remove_below(vacuum, path, level - 1);
	}
	path->n--;
	pfree(page);
}

/*
 * Take empty leaves out of the tree, from the root down. A crash within regrouping leaves nodes
 * that nothing leads to, and their children are also those of other nodes.
 */
static void
remove_empty(Vacuum *vacuum)
{
	TreePath	path = {.n = 1};
	TreeMeta	meta;

	tree_meta_read(vacuum->index, &meta);
	if (meta.root == InvalidBlockNumber || meta.root_level == 0 || meta.planting != vacuum->shape->planting)
		return;
	vacuum->context = AllocSetContextCreate(CurrentMemoryContext, "dml index vacuum", ALLOCSET_DEFAULT_SIZES);
	path.step[0] = (TreeStep) {meta.root, meta.root_birth};
	remove_below(vacuum, &path, meta.root_level);
	MemoryContextDelete(vacuum->context);
	if (vacuum->removed > 0)
	{
		LockPage(vacuum->index, TREE_STRUCTURE_LOCK, ExclusiveLock);
		tree_meta_read(vacuum->index, &meta);
		if (meta.planting == vacuum->shape->planting)
			tree_count_leaves(vacuum->index, -vacuum->removed, &meta);
		UnlockPage(vacuum->index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	}
}

static IndexBulkDeleteResult *
vacuum_pass(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback, void *state)
{
	Vacuum		vacuum = {0};
	TreeMeta	meta;
	BlockNumber block = TREE_META_BLOCK + 1;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	tree_meta_read(info->index, &meta);
	vacuum.index = info->index;
	vacuum.shape = tree_shape(info->index, &meta, CurrentMemoryContext);
	vacuum.callback = callback;
	vacuum.state = state;
	vacuum.stats = stats;
	vacuum.strategy = info->strategy;
	stats->num_index_tuples = 0;
	stats->estimated_count = false;
	stats->pages_deleted = 0;
	stats->pages_free = 0;
	if (vacuum.shape != NULL)
	{
		double		rows;

		tree_census_begin(&vacuum.census, info->index);

		/* rows that move while we pass move to the end, where we come by last */
		LockPage(info->index, TREE_RECYCLE_LOCK, ExclusiveLock);
		while (block < RelationGetNumberOfBlocks(info->index))
		{
			BlockNumber blocks = RelationGetNumberOfBlocks(info->index);

			for (; block < blocks; block++)
				vacuum_block(&vacuum, block);
		}
		UnlockPage(info->index, TREE_RECYCLE_LOCK, ExclusiveLock);
		stats->pages_deleted += tree_census_end(&vacuum.census, info->index, vacuum.shape, &rows);
		stats->num_index_tuples -= rows;
		if (callback != NULL && vacuum.empty > 0)
			remove_empty(&vacuum);
	}
	IndexFreeSpaceMapVacuum(info->index);
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}

IndexBulkDeleteResult *
tree_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback, void *state)
{
	return vacuum_pass(info, stats, callback, state);
}

IndexBulkDeleteResult *
tree_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;

	/* nothing was deleted: the pass is for the pages that became free */
	if (stats == NULL)
		stats = vacuum_pass(info, NULL, NULL, NULL);
	tree_regroup(info->index, info->message_level);
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
