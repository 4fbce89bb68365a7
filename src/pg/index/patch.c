/*
 * patch.c
 *	  A change of a page whose places are known.
 *
 * GenericXLogFinish() compares the whole page with a copy, byte by byte, to find out what to log.
 * That took half of the time of an insert. Here the caller says which bytes change. The record is
 * the one that generic WAL would have written: of RM_GENERIC_ID, with a run of (offset, length,
 * bytes) as the block's data. generic_redo() copies these into the page. The format is that of
 * access/transam/generic_xlog.c, unchanged since PostgreSQL 9.6.
 */
#include "compat.h"

#include "access/xloginsert.h"
#include "miscadmin.h"

#include "tree.h"

void
tree_patch_add(TreePatch *patch, Page image, const void *at, int bytes)
{
	Assert(patch->n < TREE_MOST_PATCHES);
	patch->at[patch->n] = (OffsetNumber) ((const char *) at - (const char *) image);
	patch->bytes[patch->n++] = (OffsetNumber) bytes;
}

void
tree_patch_begin(const TreePatch *patch, Page page, Page image)
{
	for (int i = 0; i < patch->n; i++)
		memcpy(image + patch->at[i], page + patch->at[i], patch->bytes[i]);
}

void
tree_patch_finish(Relation index, Buffer buffer, Page image, const TreePatch *patch)
{
	Page		page = BufferGetPage(buffer);
	char		data[BLCKSZ + 2 * TREE_MOST_PATCHES * sizeof(OffsetNumber)];
	int			n = 0;

	START_CRIT_SECTION();
	for (int i = 0; i < patch->n; i++)
	{
		memcpy(page + patch->at[i], image + patch->at[i], patch->bytes[i]);
		memcpy(data + n, &patch->at[i], sizeof(OffsetNumber));
		n += sizeof(OffsetNumber);
		memcpy(data + n, &patch->bytes[i], sizeof(OffsetNumber));
		n += sizeof(OffsetNumber);
		memcpy(data + n, image + patch->at[i], patch->bytes[i]);
		n += patch->bytes[i];
	}
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(index))
	{
		XLogRecPtr	lsn;

		XLogBeginInsert();
		XLogRegisterBuffer(0, buffer, REGBUF_STANDARD);
		XLogRegisterBufData(0, data, n);
		lsn = XLogInsert(RM_GENERIC_ID, 0);
		PageSetLSN(page, lsn);
	}
	END_CRIT_SECTION();
}
