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
 * Create a store with room for this many bytes, in the current memory context.
 *
 * in_file: it is a temporary file of PostgreSQL, which counts for temp_file_limit, lies in
 * temp_tablespaces and is removed at the end of the transaction. The kernel may drop and read again
 * its pages, so it takes no memory of the backend.
 */
extern FloatStore *float_store_new(size_t bytes, bool in_file);

/* Add count floats. */
extern void float_store_append(FloatStore *store, const float4 *x, size_t count);

/* All floats that were added. Valid until the store is freed. Nothing can be added afterwards. */
extern const float4 *float_store_map(FloatStore *store);

extern void float_store_free(FloatStore *store);

#endif							/* DML_FLOAT_STORE_H */
