/*
 * lmnn_solve.c
 *	  Large-margin nearest neighbours: targets, the active set of impostors, rounds.
 *
 * The hinges that are not zero are few, and change slowly.  A round finds, blockwise, the rows of
 * other classes that are within a row's margin or nearly so, and minimises over these alone; the
 * next round starts with finding them again.  The value that a round starts with is that of the
 * whole objective.  Where it is more than before, rows came in that the round did not see, and the
 * next looks farther.
 *
 * The corners of hinges would stop L-BFGS early: it sees a gradient that jumps as a wall. So hinges
 * are bent, less from round to round, whenever a round has nothing more to gain.
 *
 * There is room for some million pairs: for n rows, 4,000,000 / n impostors a row.  Of more the
 * nearest are taken; up to 2,000 rows that is none left out.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/lbfgs.h"
#include "lmnn.h"
#include "metric.h"
#include "near.h"
#include "solver.h"
#include "math/vmath.h"

#define MOST_PAIRS		4000000
#define PAIRS_SHARE		16			/* of the arena's limit: at most one byte in this many */
#define BLOCK			128			/* rows that impostors are found for at once */
#define BLOCK_PLACES	(2 * 1024 * 1024)
/* iterations; each round has as many as all before it, at most MOST_ROUND */
#define FIRST_ROUND		10
#define MOST_ROUND		50
/* share of its margin within which a row is nearly an impostor, at first */
#define SLACK			0.25
#define MOST_SLACK		8
#define SMOOTH			0.5			/* width in which a hinge bends, at first */
#define SHARPEN			5			/* the next width is the last one divided by this */
#define SHARP			2e-3		/* the last */

typedef struct Found
{
	float		distance;
	int32_t		row;
} Found;

typedef struct Rounds
{
	Lmnn		lmnn;			/* first: a Rounds is lmnn_evaluate's Lmnn */
	const LinearPlan *plan;
	const int64_t *class;		/* starts */
	int			n_classes;
	int			done;
	int64_t		room;			/* of impostors of one row */
	double		slack;
	float	   *z;				/* n x m */
	float	   *half;			/* n */
	float	   *product;		/* block x n */
	Found	   *found;			/* n */
} Rounds;

/* The `keep` nearest of found[0..n) to its front, in no order (Hoare). */
static void
keep_nearest(Found *found, int64_t n, int64_t keep)
{
	int64_t		low = 0;
	int64_t		high = n - 1;

	while (low < high)
	{
		float		pivot = found[low + (high - low) / 2].distance;
		int64_t		i = low - 1;
		int64_t		j = high + 1;

		for (;;)
		{
			Found		swap;

			while (found[++i].distance < pivot)
				;
			while (found[--j].distance > pivot)
				;
			if (i >= j)
				break;
			swap = found[i];
			found[i] = found[j];
			found[j] = swap;
		}
		if (keep - 1 <= j)
			high = j;
		else
			low = j + 1;
	}
}

/* The margin of row i, with slack: rows of other classes beyond do not matter for now. */
static double
reach_of(const Rounds *r, int64_t i)
{
	const Lmnn *l = &r->lmnn;
	double		farthest = 0;
	bool		any = false;

	for (int t = 0; t < l->k && l->target[i * l->k + t] >= 0; t++)
	{
		const float *a = r->z + i * l->m;
		const float *b = r->z + (int64_t) l->target[i * l->k + t] * l->m;
		double		sum = 0;

		for (int k = 0; k < l->m; k++)
			sum += ((double) a[k] - b[k]) * ((double) a[k] - b[k]);
		farthest = fmax(farthest, sum);
		any = true;
	}
	return any ? (1 + farthest) * (1 + r->slack) : -1;
}

/* Row i of class c: its impostors behind those of the rows before. */
static void
collect(Rounds *r, int64_t i, int c, const float *product)
{
	Lmnn	   *l = &r->lmnn;
	float		reach = (float) (reach_of(r, i) / 2 - r->half[i]);
	int64_t		n = 0;

	/* |a|^2 / 2 + |b|^2 / 2 - ab < reach / 2 */
	for (int64_t j = 0; j < l->n; j++)
	{
		float		distance = r->half[j] - product[j];

		r->found[n] = (Found) {distance, (int32_t) j};
		n += distance < reach && (j < r->class[c] || j >= r->class[c + 1]);
	}
	if (n > r->room)
	{
		keep_nearest(r->found, n, r->room);
		n = r->room;
	}
	for (int64_t k = 0; k < n; k++)
		l->impostor[l->start[i] + k] = r->found[k].row;
	l->start[i + 1] = l->start[i] + n;
}

static LearnStatus
find_impostors(LearnEnv *env, Rounds *r, const double *map)
{
	Lmnn	   *l = &r->lmnn;
	int			block = BLOCK;
	int			c = 0;
	ArenaMark	mark = arena_mark(env->arena);
	float	   *narrow;
	double	   *mean;

	LEARN_ALLOC(env, narrow, (size_t) l->m * l->d);
	LEARN_ALLOC(env, mean, l->m);
	for (size_t i = 0; i < (size_t) l->m * l->d; i++)
		narrow[i] = (float) map[i];
	LEARN_TRY(blas_gemm_polled(env, false, true, (int) l->n, l->m, l->d, 1, l->x, l->d, narrow, l->d, 0, r->z, l->m));
	memset(mean, 0, l->m * sizeof(double));
	for (int64_t i = 0; i < l->n; i++)
		for (int k = 0; k < l->m; k++)
			mean[k] += r->z[i * l->m + k] / (double) l->n;
	for (int64_t i = 0; i < l->n; i++)
	{
		for (int k = 0; k < l->m; k++)
			r->z[i * l->m + k] -= (float) mean[k];
		r->half[i] = vm_dot(r->z + i * l->m, r->z + i * l->m, l->m) / 2;
	}
	while (block > 1 && (int64_t) block * l->n > BLOCK_PLACES)
		block /= 2;
	l->start[0] = 0;
	for (int64_t first = 0; first < l->n; first += block)
	{
		int			count = l->n - first < block ? (int) (l->n - first) : block;

		LEARN_TRY(blas_gemm_polled(env, false, true, count, (int) l->n, l->m, 1, r->z + first * l->m, l->m, r->z, l->m,
								   0, r->product, (int) l->n));
		for (int i = 0; i < count; i++)
		{
			while (first + i >= r->class[c + 1])
				c++;
			if ((int64_t) i * l->n % (1 << 20) < l->n)
				LEARN_TRY(learn_poll(env));
			collect(r, first + i, c, r->product + (size_t) i * l->n);
		}
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

static void
iterated(LearnEnv *env, void *ctx, int iteration, double value)
{
	Rounds	   *r = ctx;

	solver_report(env, r->plan, r->done + iteration, value);
}

static LearnStatus
create_rounds(LearnEnv *env, const LinearJob *job, const Points *points, const int64_t *start, int m, Rounds *r)
{
	Lmnn	   *l = &r->lmnn;
	int64_t		n = points->n;
	int64_t		block = BLOCK;
	int64_t		pairs = MOST_PAIRS;

	while (block > 1 && block * n > BLOCK_PLACES)
		block /= 2;
	if (env->arena->limit > 0 && pairs > (int64_t) (env->arena->limit / PAIRS_SHARE / sizeof(int32_t)))
		pairs = (int64_t) (env->arena->limit / PAIRS_SHARE / sizeof(int32_t));
	*r = (Rounds) {.plan = job->plan, .class = start, .n_classes = job->rows->n_classes,
		.slack = SLACK, .room = n < pairs / n ? n : pairs / n > 0 ? pairs / n : 1};
	*l = (Lmnn) {.n = n, .d = points->d, .m = m, .x = points->x, .pull = job->plan->params.pull,
		.k = job->plan->params.neighbors};
	LEARN_ALLOC(env, l->target, (size_t) n * l->k);
	LEARN_ALLOC(env, l->start, n + 1);
	LEARN_ALLOC(env, l->impostor, n * r->room);
	LEARN_ALLOC(env, r->z, (size_t) n * m);
	LEARN_ALLOC(env, r->half, n);
	LEARN_ALLOC(env, r->product, block * n);
	LEARN_ALLOC(env, r->found, n + 1);
	return lmnn_create(env, l);
}

LearnStatus
solve_lmnn(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	const LinearPlan *plan = job->plan;
	int			m = solver_width(job);
	int			d = job->prep->out;
	size_t		cells = (size_t) m * d;
	LbfgsPlan	round = {.tolerance = plan->params.tolerance, .deadline = plan->deadline, .iterated = iterated};
	Points		points;
	int64_t    *start;
	double	   *map;
	double	   *best;
	double	   *gradient;
	double		whole;
	double		last = INFINITY;
	Rounds		r;

	LEARN_TRY(points_by_class(env, job, &points, &start));
	LEARN_TRY(create_rounds(env, job, &points, start, m, &r));
	LEARN_TRY(near_rows(env, points.x, points.n, d, start, r.n_classes, true, r.lmnn.k, r.lmnn.target));
	LEARN_ALLOC(env, map, cells);
	LEARN_ALLOC(env, best, cells);
	LEARN_ALLOC(env, gradient, cells);
	LEARN_TRY(solver_start(env, &points, m, map));
	LEARN_TRY(solver_scale(env, &points, r.lmnn.target, r.lmnn.k, m, map));
	memcpy(best, map, cells * sizeof(double));
	fit->objective = INFINITY;
	r.lmnn.smooth = SMOOTH;
	for (;;)
	{
		double		smooth = r.lmnn.smooth;
		LbfgsResult result;
		double		gain;

		/* the whole objective where the last round ended */
		LEARN_TRY(find_impostors(env, &r, map));
		r.lmnn.smooth = 0;
		LEARN_TRY(lmnn_evaluate(env, &r, map, &whole, gradient));
		r.lmnn.smooth = smooth;
		gain = last - whole;
		last = whole;
		if (whole < fit->objective)
		{
			fit->objective = whole;
			memcpy(best, map, cells * sizeof(double));
		}
		if (fit->cut || r.done >= plan->params.iterations)
			break;
		if (gain < 0 && r.slack < MOST_SLACK)
			r.slack *= 2;
		if (r.done > 0 && fabs(gain) <= plan->params.tolerance * whole * round.iterations)
		{
			if (r.lmnn.smooth <= SHARP)
			{
				fit->converged = true;
				break;
			}
			r.lmnn.smooth /= SHARPEN;
		}
		round.iterations = r.done < FIRST_ROUND ? FIRST_ROUND : r.done > MOST_ROUND ? MOST_ROUND : r.done;
		if (round.iterations > plan->params.iterations - r.done)
			round.iterations = plan->params.iterations - r.done;
		LEARN_TRY(lbfgs_minimize(env, lmnn_evaluate, &r, cells, map, &round, &result));
		r.done += result.iterations > 0 ? result.iterations : 1;
		fit->cut = result.cut;
	}
	fit->iterations = r.done;
	fit->rows = points.n;
	return metric_of_factor(env, best, m, d, a);
}
