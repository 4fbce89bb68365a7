/*
 * solver.h
 *	  Between classical.c, which prepares the rows and makes the model, and the files that each
 *	  solve one method's problem.
 */
#ifndef SOLVER_H
#define SOLVER_H

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
 * Solve; a (prep->out squared) becomes the matrix of the learned squared distance.  fit's objective, iterations,
 * converged, cut and rows are set.  What is taken from the arena is the caller's to give back.
 */
typedef LearnStatus (*LinearSolver) (LearnEnv *env, LinearJob *job, double *a, LinearFit *fit);

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

/* An iteration is done: say so, and poll. */
extern void solver_report(LearnEnv *env, const LinearPlan *plan, int iteration, double objective);

/* Sum of weights, or the number of constraints. */
extern double constraints_weight(const Constraints *c);

#endif							/* SOLVER_H */
