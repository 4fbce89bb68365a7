/*
 * tuples.h
 *	  A source of constraints (pairs, triplets, ...) read once: the rows that occur, each once, and the
 *	  constraints as numbers of rows.
 *
 * Rows are kept as those of a matrix are (matrix.h), and numbered by their content; equal
 * rows are one row.  Constraints are put in the order of their numbers, so that neither the
 * heap's order nor the plan shows.
 *
 * Where weights count copies, a constraint of weight 0 is as good as absent: its rows are not
 * read, and a NOTICE says how many there are.  Equal constraints become one whose weight is the
 * sum of theirs, so that weight 2 and two copies are the same thing to everything that follows.
 */
#ifndef DML_TUPLES_H
#define DML_TUPLES_H

#include "compat.h"

#include "learn/data/constraints.h"

#include "model/model.h"

#define TUPLES_MAX_SIZE	4

/* What to read of each row of the source. */
typedef struct DmlTupleSource
{
	const char *source;
	int			size;			/* places: 1 to TUPLES_MAX_SIZE */
	const char *name[TUPLES_MAX_SIZE];	/* of the places, for messages: "anchor", ... */
	const char *features[TUPLES_MAX_SIZE];
	int			inputs;			/* 1: all places hold the same kind of row; 2: the second place holds another; 0: that where widths differ */
	bool		embedded;		/* the second place may hold embeddings */
	const char *same;			/* a boolean expression, or NULL */
	const char *weight;			/* a number, or NULL */
	bool		merge;			/* weights count copies: see below */
	bool		place;			/* the source is a table, and its rows' places are wanted */
	const char *weight_name;	/* how messages call it; NULL: "weight" */
} DmlTupleSource;

typedef struct DmlTupleInput
{
	Rows		rows;
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
	double	   *weight;			/* n, or NULL; merged ones: above 0, and NULL where all are 1 */
	double	   *place;			/* n: dml_extra_place(); or NULL */
	int64		skipped;		/* rows of the source with a NULL */
	int64		weightless;		/* rows of the source of weight 0, which count as absent */
	uint64		space;			/* embedded: that of the second place's vectors, 0 for plain ones */
	void	   *state;			/* private */
} DmlTuples;

/*
 * Read as dml_matrix_read does.  Errors beside its own: places whose rows differ in length where they are of
 * one kind, same that is not a boolean, a weight that is negative or not finite, embeddings of two spaces.
 */
extern DmlTuples *dml_tuples_read(const DmlTupleSource *source, size_t limit,
								  void (*progress) (void *ctx, int64 rows), void *ctx);

/*
 * Leave out constraints that no metric can change: of a row with itself, and those whose opposite is given,
 * too.  NOTICEs count them; an error if none is left.
 */
extern void dml_tuples_drop_impossible(DmlTuples *tuples, ConstraintKind kind);

extern void dml_tuples_free(DmlTuples *tuples);

#endif							/* DML_TUPLES_H */
