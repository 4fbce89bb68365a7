/*
 * solver.h
 *	  Between classical.c, which prepares the rows and makes the model, and the files that each
 *	  solve one method's problem.
 */
#ifndef SOLVER_H
#define SOLVER_H

#include "learn/data/classes.h"
#include "classical.h"
#include "points.h"

typedef struct LinearJob
{
	const LinearPlan *plan;
	const Prep *prep;			/* the solver's rows are what this makes of the job's */
	const Rows *rows;
	const int64_t *index;		/* methods that learn from labels or a target; n of them */
	int64_t		n;
	Constraints constraints;	/* methods that learn from constraints */
	int			most;			/* dimensions of the result, at most: of what is d wide */
} LinearJob;

/*
 * Solve; a (prep->out squared) becomes the matrix of the learned squared distance.  fit's
 * objective, iterations, converged, cut and rows are set.  What is taken from the arena is the
 * caller's to give back.
 */
typedef LearnStatus (*LinearSolver) (LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);

extern LearnStatus solve_lda(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_whiten(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_rca(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_lfda(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_lmnn(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_nca(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_mlkr(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_itml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_mmc(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_sdml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_lsml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);
extern LearnStatus solve_scml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);

/*
 * Dimensions of a map that is learned as such: as asked for, else as many as columns up to 128,
 * then 64.
 */
extern int	solver_width(const LinearJob *job);

/*
 * Where such a map starts: the identity, or the leading principal components of points.  map: m x
 * d.
 */
extern LearnStatus solver_start(LearnEnv *env, const Points *points, int m, double *map);

/*
 * Scale a start down so that a row and its nearest (near[i * k]; -1: none) are no farther apart
 * than 1, on average: margins and soft neighbours are measured by that, and see nothing where all
 * distances are hundreds.
 */
extern LearnStatus solver_scale(LearnEnv *env, const Points *points, const int32_t *near, int k, int m, double *map);

/*
 * The job's rows, in the order of their numbers.  They may take a quarter of the arena's limit, and
 * comparing each with all others a tenth of the time (plan->seconds, else ten minutes; by
 * arithmetic, not the clock): beyond that a random sample of them is taken, and a notice says so.
 */
extern LearnStatus points_load(LearnEnv *env, const LinearJob *job, Points *points);

/*
 * The job's rows, class by class: those of class c are at start[c] .. start[c + 1] - 1.  As
 * points_load, and LEARN_DATA for fewer than two classes or no class of two rows.
 */
extern LearnStatus points_by_class(LearnEnv *env, const LinearJob *job, Points *points, int64_t **start);

/* An iteration is done: say so, and poll. */
extern void solver_report(LearnEnv *env, const LinearPlan *plan, int iteration, double objective);

/* Sum of weights, or the number of constraints. */
extern double constraints_weight(const Constraints *c);

#endif							/* SOLVER_H */
