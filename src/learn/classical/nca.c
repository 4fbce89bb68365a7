/*
 * nca.c
 *	  Neighbourhood components analysis over all rows (Goldberger, Roweis, Hinton and Salakhutdinov
 *	  2004) and metric learning for kernel regression (Weinberger and Tesauro 2007): L-BFGS over
 *	  soft.h's objectives.
 *
 * An evaluation costs n^2 m.  The map is first learned on a part of the rows, then on four times as
 * many from there on, and so on to all: a start that is nearly right needs few iterations on all
 * rows.
 */
#include <math.h>
#include <string.h>

#include "math/lbfgs.h"
#include "metric.h"
#include "near.h"
#include "soft.h"
#include "solver.h"
#include "learn/data/split.h"
#include "learn/data/target.h"

#define FIRST_ROWS		4000	/* of the first stage */
#define STAGE			4		/* times as many in the next, and as many iterations fewer */
#define WARM_ROWS		200		/* the fewest of a stage in front of the first */
#define WARM			6		/* its iterations: more would learn these rows by heart */
#define FEWEST			4		/* iterations of a stage */
#define NOISE			1e-7	/* of sums of float probabilities */

typedef struct Stage
{
	Soft		soft;			/* first, so that a Stage is soft_evaluate's Soft */
	const LinearPlan *plan;
	int			done;
	double		share;			/* rows of this stage over all: of the value that is reported */
} Stage;

static void
iterated(LearnEnv *env, void *ctx, int iteration, double value)
{
	Stage	   *stage = ctx;

	solver_report(env, stage->plan, stage->done + iteration, value / stage->share);
}

/* Rows `some` (rising) of points, and what belongs to them. */
static LearnStatus
take_rows(LearnEnv *env, const Points *points, const int64_t *classes, int n_classes, const double *target,
		  const int64_t *some, int64_t n, Soft *soft)
{
	int			d = points->d;
	real	   *x;
	real	   *y = NULL;
	int64_t    *start = NULL;

	x = points->x;
	if (n < points->n)
	{
		LEARN_ALLOC(env, x, (size_t) n * d);
		for (int64_t i = 0; i < n; i++)
			memcpy(x + i * d, points->x + some[i] * d, d * sizeof(real));
	}
	if (classes != NULL)
	{
		int64_t		at = 0;

		LEARN_ALLOC(env, start, n_classes + 1);
		for (int c = 0; c <= n_classes; c++)
		{
			while (at < n && some[at] < classes[c])
				at++;
			start[c] = at;
		}
	}
	else
	{
		LEARN_ALLOC(env, y, n);
		for (int64_t i = 0; i < n; i++)
			y[i] = (real) target[some[i]];
	}
	soft->n = n;
	soft->d = d;
	soft->x = x;
	soft->start = start;
	soft->n_classes = n_classes;
	soft->target = y;
	return soft_create(env, soft);
}

/* The map of points in stages, by their classes (where each starts) or the target. */
static LearnStatus
learn_map(LearnEnv *env, const LinearPlan *plan, const Points *points, const int64_t *classes, int n_classes,
		  const double *target, int m, double *map, LinearFit *fit)
{
	int64_t		n = points->n < FIRST_ROWS ? points->n : FIRST_ROWS;
	int64_t		next = n;		/* rows of the stage behind */
	int			divisor = 1;
	bool		warm = n / STAGE >= WARM_ROWS;
	int64_t    *all;

	LEARN_ALLOC(env, all, points->n);
	for (int64_t i = 0; i < points->n; i++)
		all[i] = i;
	fit->converged = fit->cut = false;
	if (warm)
		n /= STAGE;
	for (;;)
	{
		ArenaMark	mark = arena_mark(env->arena);
		Stage		stage = {.soft.m = m, .plan = plan, .done = fit->iterations,
		.share = (double) n / (double) points->n};
		LbfgsPlan	round = {.tolerance = plan->params.tolerance, .deadline = plan->deadline, .iterated = iterated};
		LbfgsResult result;
		int64_t    *some;
		int64_t		count;

		LEARN_TRY(split_sample(env, all, points->n, n, (int64_t) plan->seed, &some, &count));
		LEARN_TRY(take_rows(env, points, classes, n_classes, target, some, count, &stage.soft));
		round.iterations = plan->params.iterations / divisor;
		if (round.iterations < FEWEST && divisor > 1)
			round.iterations = FEWEST;
		if (warm && round.iterations > WARM)
			round.iterations = WARM;

		/* rows whose value is counted in rows, or in their target's variance, which is 1 */
		round.scale = (double) n * 1e-2;
		round.noise = NOISE;
		LEARN_TRY(lbfgs_minimize(env, soft_evaluate, &stage, (size_t) m * points->d, map, &round, &result));
		fit->iterations += result.iterations;
		fit->objective = result.value;
		fit->converged = result.converged;
		fit->cut = result.cut;
		arena_reset(env->arena, mark);
		if (n == points->n || result.cut)
			break;
		if (!warm)
		{
			next = n * STAGE * 3 / 2 > points->n ? points->n : n * STAGE;
			divisor *= STAGE;
		}
		warm = false;
		n = next;
	}
	return LEARN_OK;
}

/* The start's scale, from the first FIRST_ROWS rows of each class or so. */
static LearnStatus
scale_start(LearnEnv *env, const Points *points, const int64_t *start, int n_classes, int m, double *map)
{
	ArenaMark	mark = arena_mark(env->arena);
	int64_t		most = FIRST_ROWS / n_classes + 2;
	int32_t    *near;
	int64_t    *own;
	int32_t    *some;

	LEARN_ALLOC(env, near, points->n);
	LEARN_ALLOC(env, own, 2);
	LEARN_ALLOC(env, some, most);
	for (int64_t i = 0; i < points->n; i++)
		near[i] = -1;
	for (int c = 0; c < n_classes; c++)
	{
		int64_t		n = start[c + 1] - start[c] < most ? start[c + 1] - start[c] : most;

		own[0] = 0;
		own[1] = n;
		if (n > 0)
			LEARN_TRY(near_rows(env, points->x + start[c] * points->d, n, points->d, own, 1, true, 1, some));
		for (int64_t i = 0; i < n; i++)
			near[start[c] + i] = some[i] < 0 ? -1 : (int32_t) (start[c] + some[i]);
	}
	LEARN_TRY(solver_scale(env, points, near, 1, m, map));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
solve_nca(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	int			m = solver_width(job);
	int			d = job->prep->out;
	Points		points;
	int64_t    *classes;
	double	   *map;

	LEARN_TRY(points_by_class(env, job, &points, &classes));
	LEARN_ALLOC(env, map, (size_t) m * d);
	LEARN_TRY(solver_start(env, &points, m, map));
	LEARN_TRY(scale_start(env, &points, classes, job->rows->n_classes, m, map));
	LEARN_TRY(learn_map(env, job->plan, &points, classes, job->rows->n_classes, NULL, m, map, fit));
	fit->objective = -fit->objective;
	fit->rows = points.n;
	return metric_of_factor(env, map, m, d, a);
}

LearnStatus
solve_mlkr(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	int			m = solver_width(job);
	int			d = job->prep->out;
	Points		points;
	double	   *target;
	TargetScale scale;
	int64_t		one[2] = {0};
	double	   *map;

	LEARN_TRY(points_load(env, job, &points));
	one[1] = points.n;

	/*
	 * in units of its deviation, which float and the line search like; the objective is in its own
	 */
	LEARN_TRY(target_scale(env, job->rows, points.row, points.n, &scale));
	LEARN_ALLOC(env, target, points.n);
	for (int64_t i = 0; i < points.n; i++)
		target[i] = target_of(job->rows, &scale, points.row[i]);
	LEARN_ALLOC(env, map, (size_t) m * d);
	LEARN_TRY(solver_start(env, &points, m, map));
	LEARN_TRY(scale_start(env, &points, one, 1, m, map));
	LEARN_TRY(learn_map(env, job->plan, &points, NULL, 0, target, m, map, fit));
	fit->objective *= scale.deviation * scale.deviation;
	fit->rows = points.n;
	return metric_of_factor(env, map, m, d, a);
}
