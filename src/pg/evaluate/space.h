/*
 * space.h
 *	  Rows of a matrix, and the spaces in which they are measured: as they are, whitened,
 *	  learned.
 */
#ifndef DML_SPACE_H
#define DML_SPACE_H

#include "compat.h"

#include "call/arguments.h"

#include "call/float_store.h"
#include "read/matrix.h"
#include "model/model.h"

/* Some rows of a matrix, in an order of their own. */
typedef struct Selection
{
	const DmlMatrix *matrix;
	int64		n;
	int64	   *index;			/* row numbers of the matrix */
	int32	   *label;
} Selection;

/* A function from features to the space that is measured. */
typedef struct Space
{
	const DmlVersion *version;	/* the learned one, or NULL */
	const Model *model;			/* a baseline */
	const char *name;			/* of a baseline, for messages */
	int			in;
	int			out;
} Space;

/* An array that may be larger than a gigabyte; at least one element. */
extern void *huge_array(int64 n, size_t size);

/* The rows of a matrix with taken[class] == value. taken NULL: all rows. */
extern Selection select_rows(const DmlMatrix *matrix, const bool *taken, bool value);

/* The content hashes of the rows of a selection. */
extern uint64 *select_hashes(const Selection *selection);

/* Move max rows of a selection, evenly spaced, to its front. Equal rows give an equal choice. */
extern void select_to_front(Selection *selection, int64 max);

/* At most max rows of a matrix, evenly spaced, without labels. */
extern Selection select_spread(const DmlMatrix *matrix, int64 max);

/* The space of a version. */
extern Space space_learned(const DmlVersion *version);

/*
 * Fit whitening to rows index[0 .. n) with in columns. Returns false after a NOTICE that says why
 * it is left out.
 */
extern bool space_whitened(LearnEnv *env, const Rows *rows, const int64 *index, int64 n, int in, Space *space);

/* A selection's vectors in a space: in memory, or in a file. */
extern FloatStore *space_rows(LearnEnv *env, const Space *space, const Selection *selection, bool in_file);

/* Append the vectors of rows index[0 .. n) to the store. */
extern void space_append(LearnEnv *env, const Space *space, const Rows *rows, const int64 *index, int64 n, FloatStore *store);

/* An error unless the matrix, read from source, has as many columns as the model takes. */
extern void space_check_dims(const DmlMatrix *matrix, const DmlVersion *version, const char *source);


#endif							/* DML_SPACE_H */
