/*
 * classical.h
 *	  The classical methods: each learns a linear map, whose Euclidean distance is a
 *	  Mahalanobis distance of the rows.
 *
 * A method states one objective, which docs/methods.md has as a formula; `objective` below is its
 * value for the rows (or constraints) that were learned from.  Memory: what is stated at each
 * solver, never more than some numbers a row and neighbour, and some d x d matrices.
 */
#ifndef CLASSICAL_H
#define CLASSICAL_H

#include "constraint_draw.h"
#include "learn/methods/methods.h"
#include "learn/net/model.h"
#include "learn/data/rows.h"

typedef struct LinearPlan
{
	const Method *method;
	LinearParams params;		/* resolved: linear_params() */
	PrepKind	prep;			/* in front of the map */
	/* of preprocessing pca and whiten; 0: all that carry variance, 512 at most */
	int			components;
	int			dims;			/* of the result; 0: chosen */
	uint64_t	seed;
	double		deadline;		/* of env->now; INFINITY: none */
	double		seconds;		/* of work that is planned for at most, by arithmetic; 0: any */
	int			phase;			/* a TrainPhase, for reports */
} LinearPlan;

typedef struct LinearFit
{
	Model	   *model;			/* in env's arena; all else is given back */
	/* what the method minimises or maximises, see docs/methods.md; NaN: a closed form */
	double		objective;
	int			iterations;
	/* to the tolerance; false: by the number of iterations or the deadline */
	bool		converged;
	bool		cut;			/* by the deadline */
	/* learned from: fewer than there are where memory does not allow more */
	int64_t		rows;
} LinearFit;

/*
 * What a user gave (fields that are negative or NaN: nothing) over the method's defaults,
 * and what neither says from the number of classes.
 */
extern LinearParams linear_params(const Method *method, const LinearParams *constraints, int n_classes);

/* Does the method learn from constraints of this kind? */
extern bool classical_accepts(const Method *method, ConstraintKind kind);

/*
 * Learn from the labels (methods of supervision "target": from rows->target; "none": from the rows
 * alone) of rows index[0..n) (NULL: all of them).  LEARN_DATA: the labels do not allow it;
 * LEARN_INVALID: more columns than MOMENTS_MAX_COV where the method has a d x d matrix.
 */
extern LearnStatus classical_fit(LearnEnv *env, const LinearPlan *plan, const Rows *rows,
								 const int64_t *index, int64_t n, LinearFit *fit);

/*
 * Learn from constraints on rows; labels are not read.  classical_accepts(plan->method, c->kind).
 */
extern LearnStatus constraints_fit(LearnEnv *env, const LinearPlan *plan, const Rows *rows,
								   const Constraints *c, LinearFit *fit);

#endif							/* CLASSICAL_H */
