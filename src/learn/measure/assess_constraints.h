/*
 * assess_constraints.h
 *	  How good an embedding is by constraints: judged pairs, comparisons, matches.
 *
 * The result is an Assessment (assess.h) in which each distinct first row is a class of its own.
 * The bootstrap draws classes, so constraints with a common first row are drawn together.
 */
#ifndef ASSESS_CONSTRAINT_H
#define ASSESS_CONSTRAINT_H

#include "assess.h"

/* The most classes. If there are more distinct first rows, several share a class. */
#define CONSTRAINT_CLASSES	20000

/* Rows of either side, embedded; side b may be side a. */
typedef struct ConstraintRows
{
	const float *a;
	const float *b;
	int			d;
} ConstraintRows;

/*
 * Number classes by first rows, which rise. class[i] is the class of constraint i of n, whose first
 * row is row[i * size]. Returns how many classes there are.
 */
extern int	constraint_classes(const int64_t *row, int size, int64_t n, int32_t *class);

/* Judged pairs. */
typedef struct JudgedPairs
{
	int64_t		n;
	const int64_t *row;			/* n x 2, of sides a and b */
	const int32_t *same;
	const int32_t *class;
	int			n_classes;
	double		threshold;		/* what is decided by; NaN: none */

	/* What the threshold does: NaN without one, or without such pairs. */
	double		far;
	double		tar;
	double		accuracy;
} JudgedPairs;

extern LearnStatus assess_judged_pairs(LearnEnv *env, const ConstraintRows *rows, JudgedPairs *pairs, Assessment *out);

/*
 * Comparisons: the first two rows are nearer than the last two. A triplet (a, p, n) is (a, p, a,
 * n). All rows are of side a.
 */
typedef struct Comparisons
{
	int64_t		n;
	const int64_t *row;			/* n x size */
	int			size;			/* 3 or 4 */
	const double *weight;		/* n, or NULL: all 1 */
	const int32_t *class;
	int			n_classes;
} Comparisons;

/* ASSESS_SATISFIED, ASSESS_TIED. */
extern LearnStatus assess_comparisons(LearnEnv *env, const ConstraintRows *rows, const Comparisons *comparisons, Assessment *out);

/*
 * Matches: row q of side a belongs to the rows right[begin[q] .. begin[q + 1]) of side b, at least
 * one and each once. They are searched among all ng rows of side b. A wrong row that is exactly as
 * near as a right one comes before it.
 */
typedef struct MatchTask
{
	int64_t		nq;
	int64_t		ng;
	const int64_t *begin;		/* nq + 1 */
	const int32_t *right;
	const double *grade;		/* of each of right: its gain, >= 0; NULL: 1 */
	/* nq: a row that the query may not find since it is itself, or -1; may be NULL */
	const int32_t *self;
	int			n_recall;
	int			recall_at[ASSESS_MAX_RECALLS];
	void		(*progress) (void *ctx, int64_t done);
	void	   *progress_ctx;
} MatchTask;

/*
 * Measures everything except k-NN and identification. Verification is of all pairs of a query and a
 * row.
 */
extern LearnStatus assess_matches(LearnEnv *env, const ConstraintRows *rows, const MatchTask *task, Assessment *out);

#endif							/* ASSESS_CONSTRAINTS_H */
