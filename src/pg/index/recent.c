/*
 * recent.c
 *	  Pages by the buffers that they were in last time.
 *
 * A search reads dozens of pages and does little with each: to find a page in the shared
 * buffer table is several cache misses, and the page itself is some more.  So this process
 * remembers in which buffer it saw a page (ReadRecentBuffer() sees whether it is still
 * there), and can have the page of the next step on its way from memory while it works on
 * the page at hand.  What is remembered may be wrong at any time; nothing rests on it.
 */
#include "compat.h"

#include "pgstat.h"
#include "storage/buf_internals.h"
#include "utils/memutils.h"

#include "tree.h"

static void
check_block(Relation index, BlockNumber block)
{
	if (block == InvalidBlockNumber)
		tree_corrupted(index, TREE_META_BLOCK, "A pointer of the index points to nothing.");
}

#if PG_VERSION_NUM >= 140000

#if PG_VERSION_NUM >= 160000
#define FILE_OF(index)		((index)->rd_locator)
#define NUMBER_OF(index)	((index)->rd_locator.relNumber)
#else
#define FILE_OF(index)		((index)->rd_node)
#define NUMBER_OF(index)	((index)->rd_node.relNode)
#endif

#define ENTRIES			16384	/* a power of two; 256 kB */
#define CACHE_LINE		64

/* Every so many visits go by the buffer table, which counts them: pages in use stay in memory. */
#define COUNTED_VISITS	8

typedef struct Recent
{
	Oid			file;
	BlockNumber block;
	Buffer		buffer;			/* 0: none */
	uint32		visits;
} Recent;

static Recent *recent = NULL;

static Recent *
entry_of(Relation index, BlockNumber block)
{
	if (recent == NULL)
		recent = MemoryContextAllocZero(TopMemoryContext, sizeof(Recent) * ENTRIES);
	return &recent[(block + NUMBER_OF(index) * 0x9e3779b1U) % ENTRIES];
}

static bool
is_of(const Recent *entry, Relation index, BlockNumber block)
{
	return entry->buffer > 0 && entry->block == block && entry->file == NUMBER_OF(index);
}

Buffer
tree_read(Relation index, BlockNumber block)
{
	Recent	   *entry;
	Buffer		buffer;

	check_block(index, block);
	if (RelationUsesLocalBuffers(index))
		return ReadBuffer(index, block);
	entry = entry_of(index, block);
	if (is_of(entry, index, block) && ++entry->visits % COUNTED_VISITS != 0 &&
		ReadRecentBuffer(FILE_OF(index), MAIN_FORKNUM, block, entry->buffer))
	{
		pgstat_count_buffer_read(index);
		pgstat_count_buffer_hit(index);
		return entry->buffer;
	}
	buffer = ReadBuffer(index, block);
	if (!is_of(entry, index, block))
		*entry = (Recent) {.file = NUMBER_OF(index), .block = block};
	entry->buffer = buffer;
	return buffer;
}

void
tree_prefetch(Relation index, BlockNumber block, int bytes)
{
	const Recent *entry;
	const char *page;

	if (RelationUsesLocalBuffers(index))
		return;
	entry = entry_of(index, block);
	if (!is_of(entry, index, block) || entry->buffer > NBuffers)
		return;
	__builtin_prefetch(GetBufferDescriptor(entry->buffer - 1), 1);
	page = (const char *) BufferGetPage(entry->buffer);
	for (int at = 0; at < bytes; at += CACHE_LINE)
		__builtin_prefetch(page + at);
	__builtin_prefetch(page + BLCKSZ - CACHE_LINE);
}

#else

Buffer
tree_read(Relation index, BlockNumber block)
{
	check_block(index, block);
	return ReadBuffer(index, block);
}

void
tree_prefetch(Relation index, BlockNumber block, int bytes)
{
}

#endif							/* PG_VERSION_NUM */
