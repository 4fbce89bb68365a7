/*
 * check.c
 *	  dml_index_check(): is an index what README.md promises, and does it say what its table
 *	  says?
 *
 * The tree is walked from the root, every node once, and then the pages that were not met. Nobody
 * may change who is whose child meanwhile: without the table that is the structure lock (an
 * insert that would split a page waits, all others go on), with it ShareLock on both. On a
 * standby no lock stops replay, so it must be paused.
 *
 * With the table, the rows of both go through one sort by TID. What is needed at the same time is
 * a bit a block, a page a level, and maintenance_work_mem for the sort.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xlog.h"
#if PG_VERSION_NUM >= 150000
#include "access/xlogrecovery.h"
#endif
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "ann/distance.h"
#include "check.h"
#include "read/owner.h"

PG_FUNCTION_INFO_V1(dml_index_check);

void
check_complain(const Check *check, BlockNumber block, const char *format,...)
{
	char		what[512];
	va_list		args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	tree_corrupted(check->index, block, what);
}

/* A copy of a page, so that nothing is locked while it is looked at. */
static void
copy_page(Check *check, BlockNumber block, Page copy)
{
	Buffer		buffer;

	CHECK_FOR_INTERRUPTS();
	buffer = ReadBufferExtended(check->index, MAIN_FORKNUM, block, RBM_NORMAL, check->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(copy, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
}

/* A node and all below it; its page and its center stay in the places of its level. */
static void
check_node(Check *check, BlockNumber from, TreeChild pointer, int level)
{
	const TreeLayout *layout = tree_layout_of(check->shape, level);
	BlockNumber block = pointer.block;
	Page		page = check->pages[level].data;
	float	   *center = check->center + (Size) level * check->shape->width;
	const TreeNode *node = tree_node(page);
	AnnBlock	entries;

	if (block >= check->blocks)
		check_complain(check, from, "It points to block %u, and there are %u.", block, check->blocks);
	if (check->met[block / 8] & (1 << block % 8))
		check_complain(check, block, "It has more than one parent; one is block %u.", from);
	check->met[block / 8] |= 1 << block % 8;
	copy_page(check, block, page);
	tree_check_reached(check->index, block, page, check->shape, pointer.birth);
	if (tree_special(page)->kind != TREE_NODE)
		check_complain(check, block, "It is gone, and block %u points to it.", from);
	if (tree_special(page)->birth != pointer.birth)
		check_complain(check, block, "It was born as %u, and block %u points to %u.", tree_special(page)->birth, from, pointer.birth);
	if (tree_special(page)->level != level)
		check_complain(check, block, "It is of level %d, and block %u points to level %d.", tree_special(page)->level, from, level);
	check->nodes++;
	tree_node_center(page, layout, center);
	if (level == 0)
	{
		check_leaf(check, block, page, center);
		return;
	}

	if (node->n == 0)
		check_complain(check, block, "It has no child.");
	if (node->dead != 0)
		check_complain(check, block, "It says that %d children are dead.", node->dead);
	tree_block(page, layout, &entries);
	for (int j = 0; j < entries.n; j++)
	{
		TreeChild	child = tree_children(page, layout)[j];
		float		radius = tree_radii(page, layout)[j];
		const TreeNode *below = tree_node(check->pages[level - 1].data);
		const float *child_center = center - check->shape->width;

		check_factors(check, block, &entries, j);
		if (!(radius >= 0) || isinf(radius))
			check_complain(check, block, "The radius of child %d is not possible: %g.", j, radius);
		check_node(check, block, child, level - 1);
		if (radius < below->radius)
			check_complain(check, block, "It says that block %u has radius %g, which has %g.", child.block, radius, below->radius);
		if (!check_covers(check, center, node->radius, child_center, below->radius))
			check_complain(check, block, "Its radius %g does not cover block %u, at distance %g with radius %g.", node->radius,
					 child.block, distance_l2(center, child_center, check->shape->width), below->radius);
		check_code(check, block, &entries, center, j, child_center);
	}
}

/* A page that is gone: where its entries went is, or was, a node of its level. */
static void
check_forwards(Check *check, BlockNumber block, Page page)
{
	const TreeNode *node = tree_node(page);
	PGAlignedBlock target;

	if (node->gone_at > U64FromFullTransactionId(ReadNextFullTransactionId()))
		check_complain(check, block, "It went in a transaction to come.");
	for (int i = 0; i < 2; i++)
	{
		const TreeSpecial *special;

		if (node->forward[i] == InvalidBlockNumber)
			continue;
		if (node->forward[i] >= check->blocks)
			check_complain(check, block, "It forwards to block %u, and there are %u.", node->forward[i], check->blocks);
		copy_page(check, node->forward[i], target.data);
		tree_check_reached(check->index, node->forward[i], target.data, check->shape, node->forward_birth[i]);
		special = tree_special(target.data);
		if (special->birth < node->forward_birth[i] ||
			(special->birth == node->forward_birth[i] && special->level != tree_special(page)->level))
			check_complain(check, block, "It forwards to block %u, which is not what it became.", node->forward[i]);
	}
}

/* The pages that the root does not lead to. */
static void
check_others(Check *check)
{
	PGAlignedBlock copy;
	Page		page = copy.data;

	for (BlockNumber block = TREE_META_BLOCK + 1; block < check->blocks; block++)
	{
		if (check->met[block / 8] & (1 << block % 8))
			continue;
		copy_page(check, block, page);
		if (PageIsNew(page))
		{
			check->free++;
			continue;
		}
		tree_check_page(check->index, block, page);
		if (block <= TREE_META_BLOCK + check->meta.origin_blocks)
		{
			if (tree_special(page)->kind != TREE_ORIGIN)
				check_complain(check, block, "It is not a page of the origin.");
			continue;
		}
		if (check->shape == NULL)
			check_complain(check, block, "The index has no row, and this is a page of one.");
		if (check->meta.planting > 1 && tree_special(page)->kind == TREE_ORIGIN)
			continue;			/* of a tree that was given up */
		if (tree_special(page)->planting < check->meta.planting)
		{
			if (tree_special(page)->kind == TREE_GONE)
				check->gone++;
			else
				check->leaked++;
			continue;
		}
		tree_check_node(check->index, block, page, check->shape);
		if (tree_special(page)->kind == TREE_GONE)
		{
			check->gone++;
			check_forwards(check, block, page);
		}
		else
			check->leaked++;
	}
}

static void
check_meta(const Check *check)
{
	const TreeCalibration *calibration = &check->meta.calibration;

	if (check->meta.root == InvalidBlockNumber)
		return;
	if (check->meta.leaves < 1 || calibration->leaves < 0)
		check_complain(check, TREE_META_BLOCK, "Its number of leaves is not possible.");
	for (int i = 0; calibration->leaves > 0 && i < TREE_TARGETS; i++)
		if (calibration->probes[i] < 1 || calibration->deep[i] < 1 || calibration->exact[i] < 1)
			check_complain(check, TREE_META_BLOCK, "Its calibration is not possible.");
}

/* What the lock of a caller is to be; on a standby nothing moves while replay is paused. */
static LOCKMODE
lock_for(bool with_table)
{
	if (!RecoveryInProgress())
		return with_table ? ShareLock : AccessShareLock;
	if (!dml_replay_is_paused())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("an index of a standby can be checked only while replay is paused"),
				 errhint("Call pg_wal_replay_pause() before and pg_wal_replay_resume() afterwards.")));
	return AccessShareLock;
}

/* Before anything is locked: others may not stop writers. */
static void
check_owner(Oid index_oid)
{
#if PG_VERSION_NUM >= 160000
	bool		owns = object_ownercheck(RelationRelationId, index_oid, GetUserId());
#else
	bool		owns = pg_class_ownercheck(index_oid, GetUserId());
#endif

	if (!owns)
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(index_oid)), get_rel_name(index_oid));
}

/*
 * dml_index_check(index regclass, heap boolean): an error of SQLSTATE XX002 that names the block if
 * anything is wrong, else a row of what there is.  For the table's owner.
 */
Datum
dml_index_check(PG_FUNCTION_ARGS)
{
	bool		with_table = PG_GETARG_BOOL(1);
	LOCKMODE	lock = lock_for(with_table);
	Check		check = {0};
	TupleDesc	desc;
	Datum		values[7];
	bool		nulls[7] = {false};
	OwnerScope	scope;
	int			width;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (get_rel_relkind(PG_GETARG_OID(0)) != '\0')
		check_owner(PG_GETARG_OID(0));
	check.index = tree_inspect_open(PG_GETARG_OID(0), lock, &check.heap);

	/* expressions of the index are the owner's code */
	owner_scope_begin(&scope, check.heap->rd_rel->relowner, INDEX_PATH_RESTRICTED);
	if (!RecoveryInProgress())
		LockPage(check.index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	tree_meta_read(check.index, &check.meta);
	check.shape = tree_shape(check.index, &check.meta, CurrentMemoryContext);
	check.blocks = RelationGetNumberOfBlocks(check.index);
	check.met = MemoryContextAllocExtended(CurrentMemoryContext, check.blocks / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check.strategy = GetAccessStrategy(BAS_BULKREAD);
	width = check.shape == NULL ? 0 : check.shape->width;
	check.pages = palloc((check.meta.root_level + 1) * sizeof(PGAlignedBlock));
	check.center = palloc((Size) (check.meta.root_level + 3) * width * sizeof(float));
	check.rotated = check.center + (Size) (check.meta.root_level + 1) * width;
	check.scratch = check.rotated + width;
	check_meta(&check);
	if (with_table)
		check_table_begin(&check);
	if (check.meta.root != InvalidBlockNumber)
		check_node(&check, TREE_META_BLOCK, (TreeChild) {check.meta.root, check.meta.root_birth}, check.meta.root_level);
	check_others(&check);
	if (!RecoveryInProgress())
		UnlockPage(check.index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	if (with_table)
		check_table_compare(&check);

	owner_scope_end(&scope);
	FreeAccessStrategy(check.strategy);
	tree_inspect_close(check.index, check.heap, lock);
	values[0] = Int32GetDatum(check.meta.root == InvalidBlockNumber ? 0 : check.meta.root_level + 1);
	values[1] = Int64GetDatum(check.nodes);
	values[2] = Int64GetDatum(check.rows);
	values[3] = Int64GetDatum(check.dead);
	values[4] = Int64GetDatum(check.gone);
	values[5] = Int64GetDatum(check.free);
	values[6] = Int64GetDatum(check.leaked);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
