/*
 * tuples.h
 *	  A source of constraints (pairs, triplets, ...), read once: each distinct row once, and the
 *	  constraints as numbers of rows.
 *
 * Rows are kept as those of a matrix are (matrix.h), and numbered by their content; equal rows are
 * one row.  Constraints are ordered by the numbers of their rows, so the result does not depend on
 * the heap's order or on the plan.
 *
 * If weights count copies, a constraint of weight 0 is treated as absent: its rows are not read,
 * and a NOTICE says how many there are.  Equal constraints become one whose weight is the sum of
 * theirs.  So a constraint of weight 2 and two copies have the same effect.
 */
#ifndef DML_TUPLES_H
#define DML_TUPLES_H

#include "compat.h"

#include "learn/data/constraints.h"

#include "model/model.h"
#include "read/matrix.h"

#define TUPLES_MAX_SIZE	4

/* What to read from each row of the source. */
typedef struct DmlTupleSource
{
	const char *source;
	int			size;			/* places: 1 to TUPLES_MAX_SIZE */
	const char *name[TUPLES_MAX_SIZE];	/* names of the places in messages: "anchor", ... */
	const char *features[TUPLES_MAX_SIZE];
	int			inputs;			/* 1: one kind of row; 2: two kinds; 0: 2 if widths differ */
	bool		embedded;		/* the second place may hold embeddings */
	const char *same;			/* a boolean expression, or NULL */
	const char *weight;			/* a number, or NULL */
	bool		merge;			/* weights count copies: see below */
	bool		place;			/* the source is a table, and the places of its rows are needed */
	const char *weight_name;	/* its name in messages; NULL: "weight" */
	/* training: as in matrix.h; embeddings have neither origin nor encoder */
	bool		centres;
	DmlMissing	missing;		/* training: what becomes of rows with a NULL feature */
	const double *origin[2];	/* of each input, n_origin numbers, to be subtracted; NULL: none */
	int			n_origin[2];
	const Encoder *encoder[2];	/* of each input; NULL: the features are numbers */
} DmlTupleSource;

typedef struct DmlTupleInput
{
	Rows		rows;
	const double *origin;		/* rows.d numbers that were taken off the rows; NULL: nothing was */
	const Encoder *encoder;		/* that made the rows' numbers; NULL: the features are numbers */
	DmlInputKind kind;
	int			n_columns;
	char	  **columns;
} DmlTupleInput;

typedef struct DmlTuples
{
	int			inputs;			/* 1 or 2 */
	DmlTupleInput input[2];
	int64		n;
	int64	   *row;			/* n x size */
	int32	   *same;			/* n, or NULL */
	double	   *weight;			/* n, or NULL; if merged: above 0, and NULL if all are 1 */
	double	   *place;			/* n: dml_extra_place(); or NULL */
	int64		skipped;		/* rows of the source with a NULL */
	int64		weightless;		/* rows of the source with weight 0, treated as absent */
	uint64		space;			/* if embedded: the space of the second place, 0: plain */
	void	   *state;			/* private */
} DmlTuples;

/*
 * Read as dml_matrix_read does.  Further errors: rows of one kind whose lengths differ between
 * places, same that is not a boolean, a weight that is negative or not finite, embeddings of two
 * spaces.
 */
extern DmlTuples *dml_tuples_read(const DmlTupleSource *source, size_t limit,
								  void (*progress) (void *ctx, int64 rows), void *ctx);

/*
 * Leave out constraints that no metric can change: those of a row with itself, and those whose
 * opposite is also given.  NOTICEs count them.  Error: none is left.
 */
extern void dml_tuples_drop_impossible(DmlTuples *tuples, ConstraintKind kind);

extern void dml_tuples_free(DmlTuples *tuples);

#endif							/* DML_TUPLES_H */
