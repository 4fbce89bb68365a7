/*
 * constraints.h
 *	  Constraints: what is known about rows without labels, as tuples of row numbers.
 *
 * Pairs, triplets, quadruplets, chunklets, matches, or rows alone. Rows are numbered once for all
 * constraints, and equal rows are one row, so "the same row" means the same content. If there are
 * labels, constraints can be drawn from them (learn/classical/constraint_draw.h).
 */
#ifndef CONSTRAINTS_H
#define CONSTRAINTS_H

#include "rows.h"

typedef enum ConstraintKind
{
	CONSTRAINT_PAIRS,			/* (a, b): the same, or different */
	CONSTRAINT_TRIPLETS,		/* (a, p, n): a is nearer to p than to n */
	CONSTRAINT_QUADRUPLETS,		/* (a, b, c, d): a and b are nearer than c and d */
	CONSTRAINT_CHUNKLETS,		/* (a): belongs to a chunklet of rows of one, unknown, class */
	CONSTRAINT_MATCHES,			/* (a, b) belong together */
	CONSTRAINT_NONE				/* (a): rows alone */
} ConstraintKind;

#define CONSTRAINT_MAX_SIZE	4

typedef struct Constraints
{
	ConstraintKind kind;
	const Rows *rows;			/* labels are not read */
	const Rows *rows_b;			/* matches: rows of the second number; == rows: one input */
	int64_t		n;				/* constraints; chunklets: rows that are in one */
	const int64_t *row;			/* n x constraint_size(kind) numbers of rows */
	/*
	 * n.  Pairs: 1 same, 0 different.  Chunklets: the number of the chunklet, from 0. Others: NULL
	 */
	const int32_t *label;
	int			n_chunklets;
	/* matches: of each constraint others whose sides are to be told from its own most of all */
	HardLists	hard_negatives;
	/*
	 * n, finite, > 0: copies of the constraint, which itself occurs once; NULL: all 1.  Chunklets:
	 * NULL
	 */
	const double *weight;
	bool		adapter;		/* matches: side b stays as it is, side a learns to meet it */
} Constraints;

/* row numbers in a constraint: 2, 3, 4, 1, 2, 1 */
extern int	constraint_size(ConstraintKind kind);
/* "pairs", ...: the supervision of methods.h */
extern const char *constraint_name(ConstraintKind kind);
extern const char *constraint_score_name(ConstraintKind kind);

/*
 * Are these matches or views? They are scored by search, and all rows of a batch are negatives of
 * each other.
 */
extern bool constraint_searched(ConstraintKind kind);

/* Are there two inputs, each with a network of its own? */
extern bool constraint_two_towers(const Constraints *constraints);

/*
 * Matches: the row of side b that is the row of side a, or -1. With one input it is the row itself.
 * With an adapter it is the row of equal content, which is found because the hashes of side b rise.
 * Two towers embed two kinds of row, so equal numbers mean nothing: -1.
 */
extern int64_t constraint_twin(const Constraints *constraints, int64_t row);

/* The numbers of the distinct rows of a side in constraints index[0..n), rising. */
extern LearnStatus constraint_rows(LearnEnv *env, const Constraints *constraints, int side, const int64_t *index, int64_t n,
							  int64_t **rows, int64_t *n_rows);

#endif							/* CONSTRAINTS_H */
