/*
 * matrix_store.h
 *	  Where the numbers of a matrix lie: bytes or floats, in memory or in a file.  For
 *	  matrix*.c alone.
 */
#ifndef DML_MATRIX_STORE_H
#define DML_MATRIX_STORE_H

#include "compat.h"

typedef struct MatrixStore MatrixStore;

/* For rows of d numbers; in the current memory context.  Keeps at most limit bytes in memory, but one block always. */
extern MatrixStore *matrix_store_new(int d, size_t limit);

/* Append a row of d finite numbers.  Errors: the temporary file cannot be written, temp_file_limit. */
extern void matrix_store_add(MatrixStore *store, const float4 *row);

/* To be called once after the last row, before the first read. */
extern void matrix_store_finish(MatrixStore *store);

/* Copy rows place[index[0..count)], numbered in the order in which they were added, to out (count x d). */
extern void matrix_store_read(MatrixStore *store, const int64 *place, const int64 *index, int count, float4 *out);

/* Close the file, if there is one; the memory goes with its context. */
extern void matrix_store_close(MatrixStore *store);

/* A hash of a row's numbers, and a second one of as many bits, unless NULL: matrix.c. */
extern uint64 matrix_hash_row(const float4 *row, int d, uint64 *second);

#endif							/* DML_MATRIX_STORE_H */
