/*
 * temp_file.c
 *	  Reads and writes at a position of a temporary file, with errors that say what failed.
 */
#include "compat.h"

#include "read/temp_file.h"

#include "pgstat.h"
#if PG_VERSION_NUM >= 140000
#include "utils/wait_event.h"
#endif

void
temp_file_write(File file, const void *data, size_t bytes, off_t offset)
{
	errno = 0;
	if (FileWrite(file, unconstify(void *, data), bytes, offset, WAIT_EVENT_BUFFILE_WRITE) != bytes)
	{
		/* a short write without an error is a full disk */
		if (errno == 0)
			errno = ENOSPC;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to a temporary file: %m"),
				 errhint("A larger maintenance_work_mem keeps more in memory.")));
	}
}

void
temp_file_read(File file, void *data, size_t bytes, off_t offset)
{
	int			got = FileRead(file, data, bytes, offset, WAIT_EVENT_BUFFILE_READ);

	if (got < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file: %m")));
	if (got != bytes)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a temporary file ended after %d of %zu bytes", got, bytes)));
}
