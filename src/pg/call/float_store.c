/*
 * float_store.c
 *	  Floats in memory or in a mapped temporary file.
 *
 * The file is written before it is mapped, never through the mapping: a full disk is then
 * an error of a write and not a SIGBUS.
 */
#include "compat.h"

#include "call/float_store.h"

#include <sys/mman.h>

#include "storage/fd.h"
#include "utils/memutils.h"
#if PG_VERSION_NUM >= 140000
#include "utils/wait_event.h"
#else
#include "pgstat.h"
#endif

struct FloatStore
{
	MemoryContext context;		/* of the store itself; its deletion unmaps */
	MemoryContextCallback callback;
	float4	   *memory;			/* NULL: in the file */
	File		file;
	size_t		bytes;			/* room */
	size_t		written;
	void	   *mapping;		/* NULL: not mapped */
};

/* Reset callback of the store's context. The transaction closes the file itself. */
static void
unmap(void *arg)
{
	FloatStore *store = arg;

	if (store->mapping)
		(void) munmap(store->mapping, store->written);
	store->mapping = NULL;
}

FloatStore *
float_store_new(size_t bytes, bool in_file)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml floats", ALLOCSET_SMALL_SIZES);
	FloatStore *store = MemoryContextAllocZero(context, sizeof(FloatStore));

	store->context = context;
	store->bytes = bytes;
	if (in_file)
		store->file = OpenTemporaryFile(false);
	else
		store->memory = MemoryContextAllocHuge(context, bytes);
	store->callback.func = unmap;
	store->callback.arg = store;
	MemoryContextRegisterResetCallback(context, &store->callback);
	return store;
}

void
float_store_append(FloatStore *store, const float4 *x, size_t count)
{
	size_t		bytes = count * sizeof(float4);
	const char *from = (const char *) x;

	if (store->mapping != NULL || bytes > store->bytes - store->written)
		elog(ERROR, "float store is full");
	if (store->memory)
	{
		memcpy((char *) store->memory + store->written, from, bytes);
		store->written += bytes;
		return;
	}
	while (bytes > 0)
	{
		int			part = (int) Min(bytes, (size_t) 1 << 20);
		int			done = FileWrite(store->file, unconstify(char *, from), part,
									 (off_t) store->written, WAIT_EVENT_BUFFILE_WRITE);

		if (done != part)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to temporary file: %m")));
		store->written += part;
		from += part;
		bytes -= part;
	}
}

const float4 *
float_store_map(FloatStore *store)
{
	void	   *mapping;

	if (store->memory)
		return store->memory;
	if (store->mapping)
		return store->mapping;

	/* makes sure that the file is open, since fd.c closes files behind our back */
	if (FileSize(store->file) < (off_t) store->written)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("temporary file is too short")));
	mapping = mmap(NULL, store->written, PROT_READ, MAP_SHARED, FileGetRawDesc(store->file), 0);
	if (mapping == MAP_FAILED)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not map a temporary file of %zu bytes: %m", store->written)));
	store->mapping = mapping;
	return mapping;
}

void
float_store_free(FloatStore *store)
{
	if (store->memory == NULL)
	{
		unmap(store);
		FileClose(store->file);
	}
	MemoryContextDelete(store->context);
}
