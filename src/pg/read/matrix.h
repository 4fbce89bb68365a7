/*
 * matrix.h
 *	  A labelled source (table, view, SELECT) read once into one compact matrix, for
 *	  training and evaluation.
 *
 * Values are kept as bytes while all are whole numbers from 0 to 255, else as floats; in
 * memory up to the limit, beyond it in a temporary file.  Rows are put in an order
 * that depends on their content and not on the heap's.
 */
#ifndef DML_MATRIX_H
#define DML_MATRIX_H

#include "compat.h"

#include "storage/itemptr.h"

#include "learn/data/rows.h"

#include "model/model.h"

/* Class numbers shared by several matrices (a gallery and its queries). */
typedef struct DmlClasses DmlClasses;

extern DmlClasses *dml_classes_new(void);

typedef struct DmlMatrix
{
	Rows		rows;			/* to hand to src/learn; labels set once dml_matrix_label was called */
	uint64	   *row_hash;		/* content hash of the row's features, n: splits are made by it */
	int64		skipped;		/* rows with a NULL feature or label; where these are kept, with a NULL feature */
	DmlInputKind input_kind;
	int			n_columns;
	char	  **columns;
	void	   *store;			/* private */
} DmlMatrix;

/* What else a row has, beside features and label. */
typedef struct DmlExtra
{
	const char *text;			/* an expression over the source */
	const char *what;			/* how messages call it: "group" */
	DmlClasses *classes;		/* of values that are compared for equality; NULL: a number or a time */
	int32	   *class;			/* n, by row, in the order in which classes appeared; or */
	double	   *number;			/* n: numbers as they are, times in units of their own, places as block * 2^16 + offset */
	bool		place;			/* text is "ctid", the row's place in its table */
} DmlExtra;

/* The place of a row that an extra has, and the number that stands for it. */
extern void dml_extra_place(double number, ItemPointer tid);
extern double dml_extra_number(const ItemPointerData *tid);

/* What to read, and of which source; what is not said is 0. */
typedef struct DmlMatrixSource
{
	const char *source;			/* a relation's name, or a query */
	const char *features;
	const DmlVersion *version;	/* features NULL: those that it was trained with, which must be confined
								 * (feature_confined.h) unless the current user owns the model */
	const char *label;			/* NULL: rows.label will be, too */
	bool		partly;			/* rows with a NULL label, or extra, stand behind the others as rows without a label
								 * (rows.n_unlabeled) */
	DmlClasses *classes;		/* of the label */
	DmlExtra   *extra;			/* whose arrays are filled; a row with a NULL among them is skipped, too */
	int			n_extra;
	size_t		limit;			/* bytes of memory */
	void		(*progress) (void *ctx, int64 rows);	/* rows read so far; or NULL */
	void	   *ctx;
} DmlMatrixSource;

/*
 * Read a source as the current user, read only, with interrupts checked.  Errors: no rows, rows of different lengths,
 * unsupported types, a label type without equality, NaN, infinity, syntax.  A NOTICE says how many rows were skipped for
 * NULLs.
 */
extern DmlMatrix *dml_matrix_read(const DmlMatrixSource *what);

/* The classes' labels as text by class number, after all matrices were read; fills rows.label, n_classes. */
extern char **dml_matrix_label(DmlMatrix **matrices, int count, DmlClasses *classes, int *n_classes);

/* Free the memory and the temporary file; at the latest both go with the query. */
extern void dml_matrix_free(DmlMatrix *matrix);

#endif							/* DML_MATRIX_H */
