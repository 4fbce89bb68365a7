/*
 * matrix_store.h
 *	  Where the numbers of a matrix are stored: as bytes or floats, in memory or in a file.
 *	  Used only by matrix*.c and tuples.c.
 */
#ifndef DML_MATRIX_STORE_H
#define DML_MATRIX_STORE_H

#include "compat.h"

typedef struct MatrixStore MatrixStore;

/*
 * A store for rows of d numbers, in the current memory context.  It keeps at most limit bytes in
 * memory, but always one block.
 */
extern MatrixStore *matrix_store_new(int d, size_t limit);

/*
 * Append a row of d finite numbers.  Errors: the temporary file cannot be written, temp_file_limit.
 */
extern void matrix_store_add(MatrixStore *store, const float4 *row);

/* Call once after the last row and before the first read. */
extern void matrix_store_finish(MatrixStore *store);

/*
 * Copy rows place[index[0..count)] to out (count x d).  Rows are numbered in the order in which
 * they were added.
 */
extern void matrix_store_read(MatrixStore *store, const int64 *place, const int64 *index, int count, float4 *out);

/* Close the file, if there is one.  The memory is freed with its context. */
extern void matrix_store_close(MatrixStore *store);

/* A hash of a row's numbers and, unless NULL, a second one of 64 bits; in matrix.c. */
extern uint64 matrix_hash_row(const float4 *row, int d, uint64 *second);

#endif							/* DML_MATRIX_STORE_H */
