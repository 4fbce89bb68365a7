/*
 * recent.c
 *	  Pages by the buffers that they were in last time.
 *
 * A search reads dozens of pages of the index and of the table and does little with each: to
 * find a page in the shared buffer table is several cache misses, and the page itself is some
 * more.  So this process remembers in which buffer it saw a page (ReadRecentBuffer() sees
 * whether it is still there), and can have the page of the next step on its way from memory
 * while it works on the page at hand.  What is remembered may be wrong at any time, or be
 * of another page that shares the entry; nothing rests on it.
 */
#include "compat.h"

#include "pgstat.h"
#include "storage/buf_internals.h"
#include "utils/memutils.h"

#include "tree.h"

#if PG_VERSION_NUM >= 140000

#if PG_VERSION_NUM >= 160000
#define FILE_OF(relation)	((relation)->rd_locator)
#define NUMBER_OF(relation) ((relation)->rd_locator.relNumber)
#else
#define FILE_OF(relation)	((relation)->rd_node)
#define NUMBER_OF(relation) ((relation)->rd_node.relNode)
#endif

#define ENTRIES			65536	/* a power of two; 256 kB */
#define CACHE_LINE		64

/*
 * One read in this many goes through the buffer table, which counts it: pages in use stay in
 * memory.
 */
#define COUNTED_READS	32

/* By file and block: the buffer that one of them was in last; 0: none was seen. */
static Buffer *recent = NULL;

static Buffer *
entry_of(Relation relation, BlockNumber block)
{
	if (recent == NULL)
		recent = MemoryContextAllocZero(TopMemoryContext, sizeof(Buffer) * ENTRIES);
	return &recent[(block + NUMBER_OF(relation) * 0x9e3779b1U) % ENTRIES];
}

Buffer
tree_read(Relation relation, BlockNumber block)
{
	static uint32 reads = 0;
	Buffer	   *entry;

	if (RelationUsesLocalBuffers(relation))
		return ReadBuffer(relation, block);
	entry = entry_of(relation, block);
	if (*entry > 0 && ++reads % COUNTED_READS != 0 &&
		ReadRecentBuffer(FILE_OF(relation), MAIN_FORKNUM, block, *entry))
	{
		pgstat_count_buffer_read(relation);
		pgstat_count_buffer_hit(relation);
		return *entry;
	}
	return *entry = ReadBuffer(relation, block);
}

const char *
tree_recent(Relation relation, BlockNumber block)
{
	Buffer		buffer;

	if (RelationUsesLocalBuffers(relation))
		return NULL;
	buffer = *entry_of(relation, block);
	if (buffer <= 0 || buffer > NBuffers)
		return NULL;
	__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
	return (const char *) BufferGetPage(buffer);
}

void
tree_prefetch(const char *page, int from, int bytes)
{
	for (int at = from / CACHE_LINE * CACHE_LINE; at < from + bytes && at < BLCKSZ; at += CACHE_LINE)
		__builtin_prefetch(page + at);
}

#else

Buffer
tree_read(Relation relation, BlockNumber block)
{
	return ReadBuffer(relation, block);
}

const char *
tree_recent(Relation relation, BlockNumber block)
{
	return NULL;
}

void
tree_prefetch(const char *page, int from, int bytes)
{
}

#endif							/* PG_VERSION_NUM */
