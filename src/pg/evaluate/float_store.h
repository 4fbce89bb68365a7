/*
 * float_store.h
 *	  A matrix of floats written once from top to bottom and then read at any place: in
 *	  memory, or in a temporary file that is mapped.
 */
#ifndef DML_FLOAT_STORE_H
#define DML_FLOAT_STORE_H

#include "compat.h"

typedef struct FloatStore FloatStore;

/*
 * Room for bytes.  in_file: a temporary file of PostgreSQL's (it counts for
 * temp_file_limit, lies in temp_tablespaces and is removed by the end of the transaction),
 * whose pages the kernel may drop and read again: no memory of the backend's.
 * Lives in the current memory context.
 */
extern FloatStore *float_store_new(size_t bytes, bool in_file);

/* Add count floats. */
extern void float_store_append(FloatStore *store, const float4 *x, size_t count);

/* All floats that were added, good until the store is freed; nothing can be added any more. */
extern const float4 *float_store_map(FloatStore *store);

extern void float_store_free(FloatStore *store);

#endif							/* DML_FLOAT_STORE_H */
