/*
 * constraints.h
 *	  Weak supervision: what is known of some rows is not their class, but how they
 *	  relate.  Pairs, triplets, quadruplets and chunklets, as arrays of row numbers, and a
 *	  way to make each of them from labels.
 *
 * Methods that learn from constraints do so from these and from nothing else: where a
 * user has labels, constraints are drawn from them and the same solver is called.
 */
#ifndef CONSTRAINTS_H
#define CONSTRAINTS_H

#include "learn.h"
#include "rows.h"

typedef enum ConstraintKind
{
	CONSTRAINT_PAIRS,			/* (a, b): same or different */
	CONSTRAINT_TRIPLETS,		/* (a, p, n): a is nearer to p than to n */
	CONSTRAINT_QUADRUPLETS,		/* (a, b, c, d): a and b are nearer than c and d */
	CONSTRAINT_CHUNKLETS		/* (a): belongs to a chunklet of rows of one, unknown, class */
} ConstraintKind;

typedef struct Constraints
{
	ConstraintKind kind;
	int64_t		n;				/* constraints; chunklets: rows that are in one */
	const int64_t *row;			/* n x constraint_size(kind) numbers of rows */
	const int32_t *label;		/* n.  Pairs: 1 same, 0 different.  Chunklets: the number of the chunklet,
								 * from 0.  Others: NULL */
	const double *weight;		/* n, finite and not negative, or NULL: all 1.  Chunklets: NULL */
	int			n_chunklets;
} Constraints;

/* Row numbers in one constraint: 2, 3, 4 and 1. */
extern int	constraint_size(ConstraintKind kind);

/* "pairs", "triplets", "quadruplets", "chunklets" */
extern const char *constraint_name(ConstraintKind kind);

/*
 * LEARN_DATA: no constraint at all, no weight above 0, or constraints that cannot be
 * learned from: pairs all same or all different, no chunklet of two rows.  LEARN_INVALID: a row
 * number that rows has not got, or a weight that is negative or not finite.
 */
extern LearnStatus constraints_check(LearnEnv *env, const Rows *rows, const Constraints *c);

/*
 * Draw constraints from the labels of rows index[0..n) (NULL: all).  Pairs: count of rows of one class and
 * count of two classes.  Triplets: count, an anchor, another row of its class, a row of another.
 * Quadruplets: count, two of a class, and two of different classes.  Chunklets: the classes of
 * two rows and more, whole; count is not read.
 * A row is drawn with the same chance, whatever the size of its class; the two rows of a constraint differ,
 * no pair is drawn twice, and there are fewer constraints where the rows do not give as many.
 * LEARN_DATA: fewer than two classes, or no class of two rows.
 */
extern LearnStatus constraints_from_labels(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
										   ConstraintKind kind, int64_t count, uint64_t seed, Constraints *c);

#endif							/* CONSTRAINTS_H */
