/*
 * leaked.c
 *	  Nodes that nothing leads to, left by a crash or an error within regrouping: VACUUM takes
 *	  them back.
 *
 * The pass of VACUUM notes every node in use, and counts nodes and children by level. If each
 * level has as many nodes as the level above has children, nothing leaked: a leaked node of the
 * highest level that has one is counted, and no parent of it is. If not, the inner nodes are read
 * from the root down, and whatever they lead to is crossed out. The rest becomes gone. This is
 * under the structure lock, as every node comes into its parent within one hold of that lock: a
 * node that its writer is about to link cannot be met.
 *
 * The counts also differ if inserts change the tree during the pass. Nobody should wait then
 * while all inner nodes are read. So they are first read without the lock, which nearly always
 * leaves nothing.
 *
 * Memory: one bit per block, 16 MB for an index of a terabyte.
 */
#include "compat.h"

#include "access/transam.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "tree.h"

void
tree_census_begin(TreeCensus *census, Relation index)
{
	memset(census, 0, sizeof(*census));
	census->blocks = RelationGetNumberOfBlocks(index);
	census->used = MemoryContextAllocExtended(CurrentMemoryContext, census->blocks / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

void
tree_census_node(TreeCensus *census, BlockNumber block, Page page)
{
	int			level = tree_special(page)->level;

	census->nodes[level]++;
	if (level > 0)
		census->children[level - 1] += tree_node(page)->n;
	if (block < census->blocks)
		census->used[block / 8] |= 1 << block % 8;
}

/* May there be nodes without a parent?  Changes of the tree during the pass make it true. */
static bool
differs(const TreeCensus *census, const TreeMeta *meta)
{
	for (int level = 0; level < TREE_MAX_HEIGHT; level++)
		if (census->nodes[level] != census->children[level] + (level == meta->root_level ? 1 : 0))
			return true;
	return false;
}

/*
 * Cross out a node and all below it. beside_others: others change the tree meanwhile, so a node
 * may be missing.
 */
static void
cross_out(TreeCensus *census, Relation index, const TreeShape *shape, const TreeStep *step, int level, bool beside_others)
{
	Page		page;

	if (step->block < census->blocks)
		census->used[step->block / 8] &= ~(1 << step->block % 8);
	if (level == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	page = tree_copy_node(index, shape, step, level);
	if (page == NULL)
	{
		if (beside_others)
			return;
		tree_corrupted(index, step->block, "It is not the child that its parent says.");
	}
	for (int j = 0; j < tree_node(page)->n; j++)
	{
		TreeChild	child = tree_children(page, &shape->inner)[j];

		cross_out(census, index, shape, &(TreeStep) {child.block, child.birth}, level - 1, beside_others);
	}
	pfree(page);
}

/*
 * Mark a node that nothing leads to as gone; adds its rows to *rows. False: it is no longer a
 * node in use.
 */
static bool
take_back(Relation index, const TreeShape *shape, BlockNumber block, double *rows)
{
	Buffer		buffer = ReadBuffer(index, block);
	Page		page = BufferGetPage(buffer);
	bool		leaked;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	tree_check_node(index, block, page, shape);
	leaked = tree_special(page)->kind == TREE_NODE;
	if (leaked)
	{
		GenericXLogState *state = GenericXLogStart(index);

		if (tree_special(page)->level == 0)
			*rows += tree_node(page)->n - tree_node(page)->dead;
		page = GenericXLogRegisterBuffer(state, buffer, 0);
		tree_special(page)->kind = TREE_GONE;
		tree_node(page)->gone_at = U64FromFullTransactionId(ReadNextFullTransactionId());
		GenericXLogFinish(state);
	}
	UnlockReleaseBuffer(buffer);
	return leaked;
}

static inline bool
is_left(const TreeCensus *census, BlockNumber block)
{
	return (census->used[block / 8] & (1 << block % 8)) != 0;
}

/*
 * Is a node in use not crossed out? Those that went since the pass met them are crossed out here.
 */
static bool
any_left(TreeCensus *census, Relation index)
{
	for (BlockNumber block = 0; block < census->blocks; block++)
		if (is_left(census, block))
		{
			Buffer		buffer = ReadBuffer(index, block);
			bool		in_use;

			CHECK_FOR_INTERRUPTS();
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			in_use = tree_page_kind(BufferGetPage(buffer)) == TREE_NODE;
			UnlockReleaseBuffer(buffer);
			if (in_use)
				return true;
			census->used[block / 8] &= ~(1 << block % 8);
		}
	return false;
}

int64
tree_census_end(TreeCensus *census, Relation index, const TreeShape *shape, double *rows)
{
	TreeMeta	meta;
	int64		taken = 0;
	bool		leaked = false;

	*rows = 0;
	tree_meta_read(index, &meta);
	if (meta.root != InvalidBlockNumber && meta.planting == shape->planting && differs(census, &meta))
	{
		cross_out(census, index, shape, &(TreeStep) {meta.root, meta.root_birth}, meta.root_level, true);
		leaked = any_left(census, index);
	}
	if (leaked)
	{
		LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
		tree_meta_read(index, &meta);
		leaked = meta.planting == shape->planting;
		if (leaked)
			cross_out(census, index, shape, &(TreeStep) {meta.root, meta.root_birth}, meta.root_level, false);
		for (BlockNumber block = 0; leaked && block < census->blocks; block++)
			if (is_left(census, block))
			{
				CHECK_FOR_INTERRUPTS();
				taken += take_back(index, shape, block, rows);
			}
		UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	}
	pfree(census->used);
	return taken;
}
