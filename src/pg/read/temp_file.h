/*
 * temp_file.h
 *	  Reads and writes at a position of a temporary file (OpenTemporaryFile): all bytes or an
 *	  error.
 */
#ifndef DML_TEMP_FILE_H
#define DML_TEMP_FILE_H

#include "compat.h"

#include "storage/fd.h"

extern void temp_file_write(File file, const void *data, size_t bytes, off_t offset);
extern void temp_file_read(File file, void *data, size_t bytes, off_t offset);

#endif							/* DML_TEMP_FILE_H */
