/*
 * toast.c
 *	  Values out of line, by the dozen.
 *
 * Long vectors lie in the table's TOAST table, and a search reads some dozen of them. Each
 * PG_DETOAST_DATUM() opens that table and its index, begins a scan, and closes all of it again,
 * which takes longer than the reading. Here they stay open, as long as the scan that fetches, and
 * chunks are read from the buffers that they were in last time. Any other value is left to
 * PG_DETOAST_DATUM(): compressed, expanded, of another table, or with chunks that do not add up.
 */
#include "compat.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "tree.h"

struct TreeToast
{
	Oid			relid;
	Relation	table;
	Relation   *indexes;
	int			n_indexes;
	bool		heap;			/* is the table one? */
	IndexScanDesc scan;
	SnapshotData snapshot;
};

static TreeToast *
open_toast(Oid relid)
{
	TreeToast  *toast = palloc0(sizeof(TreeToast));
	int			valid;

	toast->relid = relid;
	toast->table = table_open(relid, AccessShareLock);
	valid = toast_open_indexes(toast->table, AccessShareLock, &toast->indexes, &toast->n_indexes);
	toast->heap = toast->table->rd_tableam == GetHeapamTableAmRoutine();
#if PG_VERSION_NUM >= 180000
	toast->snapshot = *get_toast_snapshot();
	toast->scan = index_beginscan(toast->table, toast->indexes[valid], &toast->snapshot, NULL, 1, 0);
#else
	init_toast_snapshot(&toast->snapshot);
	toast->scan = index_beginscan(toast->table, toast->indexes[valid], &toast->snapshot, 1, 0);
#endif
	return toast;
}

void
tree_toast_close(TreeToast *toast)
{
	index_endscan(toast->scan);
	toast_close_indexes(toast->indexes, toast->n_indexes, AccessShareLock);
	table_close(toast->table, AccessShareLock);
	pfree(toast);
}

/*
 * Append the chunk of a row to the `done` bytes of a value of size bytes; false: it is not chunk
 * number `number`.
 */
static bool
append_chunk(TreeToast *toast, HeapTuple row, int32 number, char *out, Size *done, Size size)
{
	TupleDesc	desc = RelationGetDescr(toast->table);
	bool		isnull[2];
	Datum		chunk = heap_getattr(row, 2, desc, &isnull[0]);
	struct varlena *data = (struct varlena *) DatumGetPointer(heap_getattr(row, 3, desc, &isnull[1]));
	Size		bytes;

	if (isnull[0] || isnull[1] || DatumGetInt32(chunk) != number || VARATT_IS_EXTENDED(data) != VARATT_IS_SHORT(data))
		return false;
	bytes = VARSIZE_ANY_EXHDR(data);
	if (bytes > size - *done)
		return false;
	memcpy(out + *done, VARDATA_ANY(data), bytes);
	*done += bytes;
	return true;
}

/* The chunks of a value, put together at out; false if they are not exactly size bytes. */
static bool
read_chunks(TreeToast *toast, Oid value, char *out, Size size)
{
	ScanKeyData key;
	ItemPointer tid;
	Size		done = 0;
	int32		number = 0;
	bool		right = true;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	index_rescan(toast->scan, &key, 1, NULL, 0);
	while (right && done < size && (tid = index_getnext_tid(toast->scan, ForwardScanDirection)) != NULL)
	{
		Buffer		buffer = tree_read(toast->table, ItemPointerGetBlockNumber(tid));
		HeapTupleData row;
		bool		found;

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		found = heap_hot_search_buffer(tid, toast->table, buffer, &toast->snapshot, &row, NULL, true);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		if (found)
			right = append_chunk(toast, &row, number++, out, &done, size);
		ReleaseBuffer(buffer);
	}

	/* no pin stays while the caller of the search is at work */
	index_rescan(toast->scan, &key, 1, NULL, 0);
	return right && done == size;
}

struct varlena *
tree_detoast(TreeToast **toast, MemoryContext context, Datum value)
{
	struct varlena *attr = (struct varlena *) DatumGetPointer(value);
	struct varatt_external pointer;
	struct varlena *result;

	if (!VARATT_IS_EXTERNAL_ONDISK(attr))
		return PG_DETOAST_DATUM(value);
	VARATT_EXTERNAL_GET_POINTER(pointer, attr);
	if (VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		return PG_DETOAST_DATUM(value);
	if (*toast == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		*toast = open_toast(pointer.va_toastrelid);
		MemoryContextSwitchTo(old);
	}
	result = palloc(pointer.va_rawsize);
	SET_VARSIZE(result, pointer.va_rawsize);
	if ((*toast)->relid != pointer.va_toastrelid || !(*toast)->heap ||
		!read_chunks(*toast, pointer.va_valueid, VARDATA(result), pointer.va_rawsize - VARHDRSZ))
		return PG_DETOAST_DATUM(value);
	return result;
}
