/*
 * matrix_store.c
 *	  A growing matrix in blocks of rows.
 *
 * It starts as bytes and is converted to floats, all of it, at the first number that is not a whole
 * number from 0 to 255.  So a table of images takes a quarter of the memory.  When another block
 * would exceed the limit, all blocks go to a temporary file.  Later rows are collected in one block
 * and appended to the file.
 */
#include "compat.h"

#include "read/matrix_store.h"

#include "commands/tablespace.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "read/temp_file.h"

/* Bytes of a block of floats: large enough for cheap I/O, small compared with any limit. */
#define BLOCK_BYTES		(256 * 1024)

struct MatrixStore
{
	MemoryContext context;
	size_t		limit;
	int			d;
	bool		floats;			/* elements are float4, else uint8 */
	int			block_rows;		/* rows in a block of either kind */
	int64		n;				/* rows in all */

	/* in memory: blocks of block_rows rows; spooled: block[0] is the file's tail */
	char	  **block;
	int			n_blocks;
	int			max_blocks;

	bool		spooled;
	File		file;
	int64		written;		/* rows in the file */
	char	   *read_buffer;	/* block_rows rows */
	struct Wanted *wanted;		/* scratch of a read */
	int			max_wanted;
};

/* A row to read, and where to put it. */
typedef struct Wanted
{
	int64		place;
	int			to;
} Wanted;

static inline size_t
row_bytes(const MatrixStore *store)
{
	return (size_t) store->d * (store->floats ? sizeof(float4) : sizeof(uint8));
}

static inline size_t
block_bytes(const MatrixStore *store)
{
	return row_bytes(store) * store->block_rows;
}

MatrixStore *
matrix_store_new(int d, size_t limit)
{
	MatrixStore *store = palloc0(sizeof(MatrixStore));

	store->context = CurrentMemoryContext;
	store->limit = limit;
	store->d = d;
	store->block_rows = Max(BLOCK_BYTES / ((int) sizeof(float4) * d), 1);
	store->max_blocks = 16;
	store->block = palloc(sizeof(char *) * store->max_blocks);
	return store;
}

static void
bytes_to_floats(const uint8 *bytes, float4 *floats, size_t n)
{
	for (size_t i = 0; i < n; i++)
		floats[i] = bytes[i];
}

/* Append rows to the file. */
static void
append_to_file(MatrixStore *store, const char *data, int64 rows)
{
	temp_file_write(store->file, data, rows * row_bytes(store), store->written * row_bytes(store));
	store->written += rows;
}

static void
spool(MatrixStore *store)
{
	int64		left = store->n;

	PrepareTempTablespaces();
	store->file = OpenTemporaryFile(false);
	store->spooled = true;
	for (int i = 0; i < store->n_blocks; i++)
	{
		int64		rows = Min(left, store->block_rows);

		append_to_file(store, store->block[i], rows);
		left -= rows;
		if (i > 0)
			pfree(store->block[i]);
		CHECK_FOR_INTERRUPTS();
	}
	store->n_blocks = 1;
}

/* Convert bytes to floats, in the file, too. */
static void
promote(MatrixStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);
	size_t		block_floats = (size_t) store->block_rows * store->d;

	/* Blocks that fit into the limit as bytes may not fit as floats. */
	if (!store->spooled && store->n_blocks > 1 &&
		store->n_blocks * block_floats * sizeof(float4) > store->limit)
		spool(store);

	if (store->spooled)
	{
		File		narrow = store->file;
		int64		rows = store->written;
		uint8	   *from = palloc(block_floats);
		float4	   *to = palloc(block_floats * sizeof(float4));

		store->file = OpenTemporaryFile(false);
		store->written = 0;
		store->floats = true;
		while (store->written < rows)
		{
			int64		count = Min(rows - store->written, store->block_rows);

			temp_file_read(narrow, (char *) from, count * store->d, store->written * store->d);
			bytes_to_floats(from, to, count * store->d);
			append_to_file(store, (char *) to, count);
			CHECK_FOR_INTERRUPTS();
		}
		FileClose(narrow);
		pfree(from);
		pfree(to);
	}

	for (int i = 0; i < store->n_blocks; i++)
	{
		float4	   *wide = palloc(block_floats * sizeof(float4));

		bytes_to_floats((uint8 *) store->block[i], wide, block_floats);
		pfree(store->block[i]);
		store->block[i] = (char *) wide;
		CHECK_FOR_INTERRUPTS();
	}
	store->floats = true;
	MemoryContextSwitchTo(old);
}

/* The block that the next row goes to. */
static char *
block_with_room(MatrixStore *store)
{
	if (!store->spooled && store->n == (int64) store->n_blocks * store->block_rows &&
		store->n_blocks > 0 && (store->n_blocks + 1) * block_bytes(store) > store->limit)
		spool(store);

	if (store->spooled)
	{
		if (store->n - store->written == store->block_rows)
			append_to_file(store, store->block[0], store->block_rows);
		return store->block[0];
	}

	if (store->n == (int64) store->n_blocks * store->block_rows)
	{
		if (store->n_blocks == store->max_blocks)
		{
			store->max_blocks *= 2;
			store->block = repalloc_huge(store->block, sizeof(char *) * store->max_blocks);
		}
		/* zeroed, since promotion converts whole blocks */
		store->block[store->n_blocks++] = MemoryContextAllocZero(store->context, block_bytes(store));
	}
	return store->block[store->n_blocks - 1];
}

/* Write the row as bytes.  Returns false if a number is not a byte. */
static bool
row_to_bytes(const float4 *row, uint8 *bytes, int d)
{
	bool		fits = true;

	for (int i = 0; i < d; i++)
	{
		float4		x = row[i] < 0 ? 0 : row[i] > 255 ? 255 : row[i];

		bytes[i] = (uint8) x;
		fits &= bytes[i] == row[i];
	}
	return fits;
}

void
matrix_store_add(MatrixStore *store, const float4 *row)
{
	char	   *block = block_with_room(store);
	int64		place = (store->n - store->written) % store->block_rows;

	if (!store->floats && !row_to_bytes(row, (uint8 *) block + place * store->d, store->d))
	{
		promote(store);
		block = block_with_room(store);
		place = (store->n - store->written) % store->block_rows;
	}
	if (store->floats)
		memcpy((float4 *) block + place * store->d, row, sizeof(float4) * store->d);
	store->n++;
}

void
matrix_store_finish(MatrixStore *store)
{
	if (!store->spooled)
		return;
	append_to_file(store, store->block[0], store->n - store->written);
	store->read_buffer = store->block[0];
	store->n_blocks = 0;
}

static void
copy_rows(const MatrixStore *store, const char *from, float4 *out, int rows)
{
	if (store->floats)
		memcpy(out, from, sizeof(float4) * store->d * rows);
	else
		bytes_to_floats((const uint8 *) from, out, (size_t) store->d * rows);
}

static int
compare_wanted(const void *a, const void *b)
{
	const Wanted *x = a;
	const Wanted *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

/* Read in the file's order, and neighbours in one read. */
static void
read_spooled(MatrixStore *store, const int64 *place, const int64 *index, int count, float4 *out)
{
	if (count > store->max_wanted)
	{
		if (store->wanted)
			pfree(store->wanted);
		store->wanted = NULL;
		store->max_wanted = count;
		store->wanted = MemoryContextAllocHuge(store->context, sizeof(Wanted) * count);
	}
	for (int i = 0; i < count; i++)
		store->wanted[i] = (Wanted) {place[index[i]], i};
	qsort(store->wanted, count, sizeof(Wanted), compare_wanted);

	for (int i = 0; i < count;)
	{
		int64		first = store->wanted[i].place;
		int			end = i + 1;

		while (end < count && store->wanted[end].place <= store->wanted[end - 1].place + 1 &&
			   store->wanted[end].place - first < store->block_rows)
			end++;
		temp_file_read(store->file, store->read_buffer,
				  (store->wanted[end - 1].place - first + 1) * row_bytes(store), first * row_bytes(store));
		for (; i < end; i++)
			copy_rows(store, store->read_buffer + (store->wanted[i].place - first) * row_bytes(store),
					  out + (size_t) store->wanted[i].to * store->d, 1);
		CHECK_FOR_INTERRUPTS();
	}
}

void
matrix_store_read(MatrixStore *store, const int64 *place, const int64 *index, int count, float4 *out)
{
	if (store->spooled)
	{
		read_spooled(store, place, index, count, out);
		return;
	}
	for (int i = 0; i < count; i++)
	{
		int64		row = place[index[i]];

		copy_rows(store, store->block[row / store->block_rows] + (row % store->block_rows) * row_bytes(store),
				  out + (size_t) i * store->d, 1);
	}
}

void
matrix_store_close(MatrixStore *store)
{
	if (store->spooled)
		FileClose(store->file);
}
