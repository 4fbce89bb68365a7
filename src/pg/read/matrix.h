/*
 * matrix.h
 *	  A labelled source (table, view, SELECT), read once into one compact matrix, for training
 *	  and evaluation.
 *
 * Values are kept as bytes while all are whole numbers from 0 to 255, else as floats.  They are in
 * memory up to the limit, and in a temporary file beyond it.  The order of the rows follows from
 * their content and not from the heap.
 */
#ifndef DML_MATRIX_H
#define DML_MATRIX_H

#include "compat.h"

#include "storage/itemptr.h"

#include "learn/data/rows.h"

#include "model/model.h"

/* What becomes of a row with a NULL feature. */
typedef enum DmlMissing
{
	/* with one feature it is skipped, with several the NULL is filled in */
	DML_MISSING_CHOOSE = -1,
	DML_MISSING_IMPUTE,
	DML_MISSING_SKIP
} DmlMissing;

/* Class numbers shared by several matrices (a gallery and its queries). */
typedef struct DmlClasses DmlClasses;

extern DmlClasses *dml_classes_new(void);

typedef struct DmlMatrix
{
	Rows		rows;			/* for src/learn; labels are set by dml_matrix_label */
	uint64	   *row_hash;		/* content hash of the row's features, n; splits depend on it */
	int64		skipped;		/* rows with a NULL feature or, unless partly, a NULL label */
	const double *origin;		/* d: subtracted in double before numbers became real; NULL: none */
	const Encoder *encoder;		/* that made the rows' numbers; NULL: the features are numbers */
	DmlInputKind input_kind;
	int			n_columns;
	char	  **columns;
	void	   *store;			/* private */
} DmlMatrix;

/* A value of a row besides features and label. */
typedef struct DmlExtra
{
	const char *text;			/* an expression over the source */
	const char *what;			/* its name in messages: "group" */
	DmlClasses *classes;		/* for values compared for equality; NULL: a number or a time */
	int32	   *class;			/* n, by row, in the order in which classes appeared; or */
	double	   *number;			/* n: numbers, times in their units, block * 2^16 + offset */
	bool		place;			/* text is "ctid": the row's place in its table */
} DmlExtra;

/* From an extra's number to the place of a row, and back. */
extern void dml_extra_place(double number, ItemPointer tid);
extern double dml_extra_number(const ItemPointerData *tid);

/* What to read, and from which source.  Fields that do not apply are 0. */
typedef struct DmlMatrixSource
{
	const char *source;			/* a relation's name, or a query */
	const char *features;
	/*
	 * its encoder is used, or its origin is subtracted.  features NULL: the version's, which must
	 * be confined (feature_confined.h) unless the user owns the model
	 */
	const DmlVersion *version;
	const double *origin;		/* version NULL: n_origin numbers to be subtracted; or NULL */
	int			n_origin;
	const Encoder *encoder;		/* version NULL: makes the numbers; or NULL */
	/*
	 * training: fit an encoder if the features need one, or choose an origin if columns lose
	 * distinct values as real, and read the source again (the classes are of one matrix, then)
	 */
	bool		centres;
	DmlMissing	missing;		/* training: what becomes of rows with a NULL feature */
	const char *label;			/* NULL: so is rows.label */
	bool		partly;			/* keep rows with a NULL label or extra (rows.n_unlabeled) */
	DmlClasses *classes;		/* of the label */
	DmlExtra   *extra;			/* arrays to fill; a row with a NULL among them is skipped */
	int			n_extra;
	size_t		limit;			/* bytes of memory */
	void		(*progress) (void *ctx, int64 rows);	/* rows read so far; or NULL */
	void	   *ctx;
} DmlMatrixSource;

/*
 * Read a source as the current user, read only, with interrupts checked.  A NOTICE says how many
 * rows were skipped for NULLs.  Errors: no rows, rows of different lengths, unsupported types, a
 * label type without equality, NaN, infinity, syntax.
 */
extern DmlMatrix *dml_matrix_read(const DmlMatrixSource *what);

/*
 * The classes' labels as text by class number, once all matrices are read.  Sets rows.label and
 * n_classes.
 */
extern char **dml_matrix_label(DmlMatrix **matrices, int count, DmlClasses *classes, int *n_classes);

/* Free the memory and the temporary file.  Both are freed at the end of the query in any case. */
extern void dml_matrix_free(DmlMatrix *matrix);

#endif							/* DML_MATRIX_H */
