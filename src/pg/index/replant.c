/*
 * replant.c
 *	  An index without a live row takes the space of the next row.
 *
 * A tree holds vectors of one space and one number of dimensions. If a row of another space
 * comes, and every row of the tree was rolled back or deleted by a committed transaction, the
 * meta page gets a new tree: an empty leaf of the next planting. The pages of the old tree stay
 * for the searches that are in it, until VACUUM takes them.
 *
 * An insert takes no lock of the whole tree, so one may be putting a row into the old tree
 * meanwhile. Hence two steps under the structure lock: the meta page says that the tree may be
 * left; then the rows are looked at, and the meta page changes. An insert looks at the meta page
 * after it has put its row (tree_is_kept()). Either it did so before the first step, and its row
 * is met alive. Or it sees the mark, waits for the structure lock, and puts its row again if the
 * tree was left.
 *
 * A snapshot may be older than the deletes. The meta page keeps which transactions deleted rows,
 * and a search by such a snapshot is an error (tree_misses_rows()), as it would miss rows.
 */
#include "compat.h"

#include <math.h>

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#include "ann/distance.h"
#include "tree.h"

/* A transaction this many transactions ago is older than any snapshot. */
#define OLDEST_SNAPSHOT		((uint64) 1 << 31)

/* What is done with each row of a tree; false: that is enough. */
typedef bool (*RowVisitor) (ItemPointer tid, void *state);

bool
tree_fits(const TreeMeta *meta, const DmlVector *vector)
{
	return meta->space == vector->space && meta->dims == vector->dim;
}

/* Visit the rows of all leaves of the tree that the meta page names; false: a visit said so. */
static bool
visit_rows(Relation index, const TreeMeta *meta, RowVisitor visitor, void *state)
{
	const TreeShape *shape = tree_shape(index, meta, CurrentMemoryContext);
	BlockNumber blocks = 0;
	ItemPointerData *tids = palloc(shape->leaf.room * sizeof(ItemPointerData));
	bool		all = true;

	for (BlockNumber block = TREE_META_BLOCK + 1; all; block++)
	{
		Buffer		buffer;
		Page		page;
		int			n = 0;

		/* rows that move meanwhile move to the end */
		if (block >= blocks && block >= (blocks = RelationGetNumberOfBlocks(index)))
			break;
		buffer = ReadBuffer(index, block);
		page = BufferGetPage(buffer);
		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (tree_page_kind(page) == TREE_NODE && tree_special(page)->level == 0 && tree_is_of(page, shape))
		{
			tree_check_node(index, block, page, shape);
			for (int j = 0; j < tree_node(page)->n; j++)
				if (!tree_rows(page, &shape->leaf)[j].dead)
					tids[n++] = tree_rows(page, &shape->leaf)[j].tid;
		}
		UnlockReleaseBuffer(buffer);
		for (int j = 0; all && j < n; j++)
			all = visitor(&tids[j], state);
	}
	pfree(tids);
	return all;
}

typedef struct Look
{
	TreeFetch  *fetch;
	TreeGone	gone;
} Look;

static bool
is_gone(ItemPointer tid, void *state)
{
	Look	   *look = state;

	return tree_fetch_gone(look->fetch, tid, &look->gone);
}

/* Are all rows of the tree gone for good?  Then *gone says who deleted them. */
static bool
all_gone(Relation index, Relation heap, const TreeMeta *meta, TreeGone *gone)
{
	Look		look = {.fetch = tree_fetch_begin(heap, index)};
	bool		result = visit_rows(index, meta, is_gone, &look);

	tree_fetch_end(look.fetch);
	*gone = look.gone;
	return result;
}

/* Say on the meta page whether the tree may be left.  The caller holds the structure lock. */
static void
set_leaving(Relation index, bool leaving)
{
	Buffer		buffer = ReadBuffer(index, TREE_META_BLOCK);
	GenericXLogState *state;
	TreeMeta	meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	tree_meta_copy(index, BufferGetPage(buffer), &meta);
	meta.leaving = leaving;
	state = GenericXLogStart(index);
	tree_meta_page(GenericXLogRegisterBuffer(state, buffer, 0), &meta);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

void
tree_plant(Relation index, TreeMeta *meta, const DmlVector *vector)
{
	const TreeShape *shape;
	float	   *rotated;
	float	   *scratch;
	TreeNewPage leaf;
	Buffer		buffer;
	GenericXLogState *state;
	Page		page;

	if (!tree_fits(meta, vector))
	{
		TreeMeta	before = *meta;

		tree_meta_init(meta, index, vector->dim, vector->space, false);
		if (meta->metric != TREE_COSINE)
			meta->exponent = tree_exponent(sqrt(distance_inner_product(vector->x, vector->x, vector->dim)),
										   TREE_FIRST_EXPONENT);
		meta->planting = before.planting + (before.dims > 0 ? 1 : 0);
		meta->gone_least = before.gone_least;
		meta->gone_most = before.gone_most;
	}
	meta->leaving = false;
	shape = tree_shape(index, meta, CurrentMemoryContext);
	rotated = palloc0(2 * shape->width * sizeof(float));
	scratch = rotated + shape->width;
	tree_rotate(shape, vector->x, scratch, rotated);

	tree_new_page(index, &leaf);
	buffer = ReadBuffer(index, TREE_META_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(index);
	page = GenericXLogRegisterBuffer(state, leaf.buffer, GENERIC_XLOG_FULL_IMAGE);
	tree_page_init(page, TREE_NODE, 0, leaf.birth);
	tree_special(page)->planting = shape->planting;
	if (!tree_node_frame(page, &shape->leaf, rotated))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a vector is too large for an index"),
				 errhint("Scale the vectors.")));
	meta->root = BufferGetBlockNumber(leaf.buffer);
	meta->root_birth = leaf.birth;
	meta->root_level = 0;
	meta->leaves = 1;
	tree_meta_page(GenericXLogRegisterBuffer(state, buffer, 0), meta);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
	tree_new_page_done(index, &leaf);
}

bool
tree_give_up(Relation index, Relation heap, const DmlVector *vector)
{
	TreeGone	gone;
	TreeMeta	meta;
	bool		done;

	/* mostly a row lives, and nobody needs to wait until that is found out */
	tree_meta_read(index, &meta);
	if (meta.root != InvalidBlockNumber && !all_gone(index, heap, &meta, &gone))
		return false;
	LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	tree_meta_read(index, &meta);

	/* somebody else may have been quicker */
	done = meta.root == InvalidBlockNumber || tree_fits(&meta, vector);
	if (!done)
	{
		set_leaving(index, true);
		done = all_gone(index, heap, &meta, &gone);
		tree_meta_read(index, &meta);
		if (done && gone.most > 0)
		{
			meta.gone_least = meta.gone_least == 0 ? gone.least : Min(meta.gone_least, gone.least);
			meta.gone_most = Max(meta.gone_most, gone.most);
		}
		if (done)
			tree_plant(index, &meta, vector);
		else
			set_leaving(index, false);
	}
	UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	return done;
}

bool
tree_is_kept(Relation index, uint32 planting)
{
	TreeMeta	meta;

	tree_meta_read(index, &meta);
	if (meta.leaving)
	{
		LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
		tree_meta_read(index, &meta);

		/* an error ended who looked at the rows */
		if (meta.leaving)
			set_leaving(index, false);
		UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	}
	return meta.planting == planting;
}

typedef struct See
{
	TreeFetch  *fetch;
	Snapshot	snapshot;
} See;

static bool
is_not_seen(ItemPointer tid, void *state)
{
	See		   *see = state;

	return tree_fetch(see->fetch, tid, see->snapshot) == NULL;
}

bool
tree_any_visible(Relation index, Relation heap, const TreeMeta *meta, Snapshot snapshot)
{
	See			see = {tree_fetch_begin(heap, index), snapshot};
	bool		result = !visit_rows(index, meta, is_not_seen, &see);

	tree_fetch_end(see.fetch);
	return result;
}

/* Is one of these running, for a snapshot, that deleted rows of a tree that was given up? */
static bool
any_between(const TransactionId *xids, int n, TransactionId least, TransactionId most)
{
	for (int i = 0; i < n; i++)
		if (TransactionIdFollowsOrEquals(xids[i], least) && TransactionIdPrecedesOrEquals(xids[i], most))
			return true;
	return false;
}

bool
tree_misses_rows(const TreeMeta *meta, Snapshot snapshot)
{
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());
	TransactionId least = (TransactionId) meta->gone_least;
	TransactionId most = (TransactionId) meta->gone_most;

	if (meta->gone_most == 0 || meta->gone_most + OLDEST_SNAPSHOT < next)
		return false;
	if (meta->gone_least + OLDEST_SNAPSHOT < next)
		least = (TransactionId) (next - OLDEST_SNAPSHOT + 1);
	if (TransactionIdFollows(snapshot->xmin, most))
		return false;
	return TransactionIdPrecedesOrEquals(snapshot->xmax, most) || snapshot->suboverflowed ||
		any_between(snapshot->xip, (int) snapshot->xcnt, least, most) ||
		any_between(snapshot->subxip, snapshot->subxcnt, least, most);
}
