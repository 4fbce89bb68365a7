/*
 * logdet.c
 *	  The log-determinant divergence to a prior plus a function of distances.
 *
 * The problem is convex in A, but A must stay positive definite, and steps in A would run into the
 * boundary.  So A = (B L)^T (B L) with a fixed L, and L-BFGS in B from the identity: every B is
 * allowed, and around B = 1 the log-determinant's curvature is the same in all directions, however
 * A is conditioned.  After some iterations L becomes B L and B the identity again.  A problem that
 * is convex in A has no other local minimum in a square factor of full rank (Burer and Monteiro
 * 2005).
 */
#include "logdet.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/cholesky.h"
#include "math/lbfgs.h"
#include "metric.h"

#define RIDGE		1e-6		/* of the covariance prior */
#define ROUND		25			/* iterations before B starts again from the identity */
#define BLOCK		512			/* differences at once */

typedef struct Work
{
	const LogDet *problem;
	const LinearPlan *plan;
	int			d;
	double	   *l;				/* the fixed factor */
	double	   *base;			/* l p l^T */
	double		log_det;		/* of l^T l */
	double	   *factor;			/* b l */
	double	   *scatter;		/* sum of slope times difference times difference^T */
	double	   *cholesky;
	double	   *product;		/* scratch, d x d */
	double	   *v;				/* BLOCK x d: differences */
	double	   *y;				/* BLOCK x d: of them, embedded; then weighed */
	double	   *slope;			/* BLOCK */
	int			done;			/* iterations of rounds before */
} Work;

static void
differences(const LogDet *problem, int64_t first, int count, double *v)
{
	const Points *points = problem->points;
	int			d = points->d;

	for (int k = 0; k < count; k++)
	{
		const real *a = points->x + (size_t) problem->place[2 * (first + k)] * d;
		const real *b = points->x + (size_t) problem->place[2 * (first + k) + 1] * d;

		for (int j = 0; j < d; j++)
			v[(size_t) k * d + j] = (double) a[j] - b[j];
	}
}

static double
sum_squares(const double *y, int d)
{
	double		sum[4] = {0};
	int			j = 0;

	for (; j + 4 <= d; j += 4)
		for (int l = 0; l < 4; l++)
			sum[l] += y[j + l] * y[j + l];
	for (; j < d; j++)
		sum[0] += y[j] * y[j];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The constraints at w->factor: their sum, and w->scatter. */
static LearnStatus
evaluate_constraints(LearnEnv *env, Work *w, double *value)
{
	const LogDet *problem = w->problem;
	int			d = w->d;
	int			pairs = problem->pairs;
	int64_t		at_once = BLOCK / pairs;

	memset(w->scatter, 0, (size_t) d * d * sizeof(double));
	for (int64_t i = 0; i < problem->n; i += at_once)
	{
		int			n = problem->n - i < at_once ? (int) (problem->n - i) : (int) at_once;
		int			active = 0;

		differences(problem, i * pairs, n * pairs, w->v);
		LEARN_TRY(blas_dgemm_polled(env, false, true, n * pairs, d, d, 1, w->v, d, w->factor, d, 0, w->y, d));
		for (int k = 0; k < n; k++)
		{
			double		distance[2] = {0};
			double		slope[2] = {0};

			for (int p = 0; p < pairs; p++)
				distance[p] = sum_squares(w->y + (size_t) (k * pairs + p) * d, d);
			*value += problem->loss(problem->ctx, i + k, distance, slope);
			memcpy(w->slope + k * pairs, slope, pairs * sizeof(double));
		}

		/* the ones that count, side by side */
		for (int k = 0; k < n * pairs; k++)
			if (w->slope[k] != 0)
			{
				for (int j = 0; j < d; j++)
				{
					double		v = w->v[(size_t) k * d + j];

					w->v[(size_t) active * d + j] = v;
					w->y[(size_t) active * d + j] = w->slope[k] * v;
				}
				active++;
			}
		if (active > 0)
			LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, active, 1, w->v, d, w->y, d, 1, w->scatter, d));
	}
	return LEARN_OK;
}

/* a log det by the factor of b b^T, which is left in w->cholesky */
static LearnStatus
factor_b(LearnEnv *env, Work *w, const double *b, bool *definite, double *log_det)
{
	int			d = w->d;

	LEARN_TRY(blas_dgemm_polled(env, false, true, d, d, d, 1, b, d, b, d, 0, w->cholesky, d));
	LEARN_TRY(cholesky_factor(env, w->cholesky, d, 1e-14, definite));
	*log_det = w->log_det;
	for (int j = 0; j < d && *definite; j++)
		*log_det += 2 * log(w->cholesky[(size_t) j * d + j]);
	return LEARN_OK;
}

/* At b: the value, and 2 b (base + l scatter l^T) - 2 b^-T. */
static LearnStatus
evaluate(LearnEnv *env, void *ctx, const double *b, double *value, double *gradient)
{
	Work	   *w = ctx;
	int			d = w->d;
	size_t		cells = (size_t) d * d;
	double		log_det;
	bool		definite;

	*value = INFINITY;
	LEARN_TRY(factor_b(env, w, b, &definite, &log_det));
	if (!definite)
		return LEARN_OK;
	*value = -log_det;
	LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, b, d, w->l, d, 0, w->factor, d));
	LEARN_TRY(evaluate_constraints(env, w, value));

	/* tr(b base b^T) */
	LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, b, d, w->base, d, 0, gradient, d));
	for (size_t i = 0; i < cells; i++)
		*value += b[i] * gradient[i];

	/* factor scatter l^T is b l scatter l^T */
	LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, w->factor, d, w->scatter, d, 0, w->product, d));
	LEARN_TRY(blas_dgemm_polled(env, false, true, d, d, d, 1, w->product, d, w->l, d, 1, gradient, d));

	/* b^-T = (b b^T)^-1 b */
	memcpy(w->product, b, cells * sizeof(double));
	LEARN_TRY(cholesky_solve(env, w->cholesky, d, false, w->product, d));
	LEARN_TRY(cholesky_solve(env, w->cholesky, d, true, w->product, d));
	for (size_t i = 0; i < cells; i++)
		gradient[i] = 2 * (gradient[i] - w->product[i]);
	return LEARN_OK;
}

static void
iterated(LearnEnv *env, void *ctx, int iteration, double value)
{
	Work	   *w = ctx;

	solver_report(env, w->plan, w->done + iteration, value);
}

static void
set_identity(double *a, int d)
{
	memset(a, 0, (size_t) d * d * sizeof(double));
	metric_add_diagonal(a, d, 1);
}

/* base = l p l^T */
static LearnStatus
set_base(LearnEnv *env, Work *w, const double *p)
{
	int			d = w->d;

	LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, w->l, d, p, d, 0, w->product, d));
	return blas_dgemm_polled(env, false, true, d, d, d, 1, w->product, d, w->l, d, 0, w->base, d);
}

/* l with l^T l = p^-1: the inverse of p's Cholesky factor. */
static LearnStatus
set_start(LearnEnv *env, Work *w, const double *p)
{
	int			d = w->d;
	bool		definite;

	memcpy(w->cholesky, p, (size_t) d * d * sizeof(double));
	LEARN_TRY(cholesky_factor(env, w->cholesky, d, 0, &definite));
	if (!definite)
		return learn_fail(env, LEARN_DATA, "the prior is not positive definite");
	set_identity(w->l, d);
	w->log_det = 0;
	for (int j = 0; j < d; j++)
		w->log_det -= 2 * log(w->cholesky[(size_t) j * d + j]);
	return cholesky_solve(env, w->cholesky, d, false, w->l, d);
}

static LearnStatus
create_work(LearnEnv *env, const LinearPlan *plan, const LogDet *problem, Work *w)
{
	int			d = problem->points->d;
	size_t		cells = (size_t) d * d;

	*w = (Work) {.problem = problem, .plan = plan, .d = d};
	LEARN_TRY(blas_load(env));
	LEARN_ALLOC(env, w->l, cells);
	LEARN_ALLOC(env, w->base, cells);
	LEARN_ALLOC(env, w->factor, cells);
	LEARN_ALLOC(env, w->scatter, cells);
	LEARN_ALLOC(env, w->cholesky, cells);
	LEARN_ALLOC(env, w->product, cells);
	LEARN_ALLOC(env, w->v, (size_t) BLOCK * d);
	LEARN_ALLOC(env, w->y, (size_t) BLOCK * d);
	LEARN_ALLOC(env, w->slope, BLOCK);
	return LEARN_OK;
}

LearnStatus
logdet_minimize(LearnEnv *env, const LinearPlan *plan, const LogDet *problem, const double *p,
				double *a, LinearFit *fit)
{
	int			d = problem->points->d;
	size_t		cells = (size_t) d * d;
	LbfgsPlan	round = {.tolerance = plan->params.tolerance, .deadline = plan->deadline, .iterated = iterated};
	double	   *b;
	Work		w;

	LEARN_TRY(create_work(env, plan, problem, &w));
	LEARN_ALLOC(env, b, cells);
	LEARN_TRY(set_start(env, &w, p));
	fit->objective = INFINITY;
	fit->converged = fit->cut = false;
	while (w.done < plan->params.iterations && !fit->converged && !fit->cut)
	{
		LbfgsResult result;
		double		log_det;
		bool		definite;

		LEARN_TRY(set_base(env, &w, p));
		set_identity(b, d);
		round.iterations = plan->params.iterations - w.done < ROUND ? plan->params.iterations - w.done : ROUND;
		LEARN_TRY(lbfgs_minimize(env, evaluate, &w, cells, b, &round, &result));
		w.done += result.iterations;
		fit->cut = result.cut;

		/* a round that ends at once has nothing more to gain */
		fit->converged = result.converged && result.iterations <= 2;
		fit->objective = result.value;
		LEARN_TRY(factor_b(env, &w, b, &definite, &log_det));
		w.log_det = log_det;
		LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, b, d, w.l, d, 0, w.factor, d));
		memcpy(w.l, w.factor, cells * sizeof(double));
	}
	fit->iterations = w.done;
	return metric_of_factor(env, w.l, d, d, a);
}

LearnStatus
logdet_evaluate(LearnEnv *env, const LogDet *problem, const double *p, const double *b, double *value, double *gradient)
{
	int			d = problem->points->d;
	Work		w;

	LEARN_TRY(create_work(env, NULL, problem, &w));
	set_identity(w.l, d);
	LEARN_TRY(set_base(env, &w, p));
	w.log_det = 0;
	return evaluate(env, &w, b, value, gradient);
}

LearnStatus
logdet_prior(LearnEnv *env, const Points *points, int prior, double *p)
{
	int			d = points->d;
	size_t		cells = (size_t) d * d;
	double	   *mean;
	double	   *v;
	double		trace = 0;

	if (prior == PRIOR_IDENTITY)
	{
		set_identity(p, d);
		return LEARN_OK;
	}
	LEARN_TRY(blas_load(env));
	LEARN_ALLOC(env, mean, d);
	LEARN_ALLOC(env, v, (size_t) BLOCK * d);
	memset(mean, 0, d * sizeof(double));
	memset(p, 0, cells * sizeof(double));
	for (int64_t i = 0; i < points->n; i++)
		for (int j = 0; j < d; j++)
			mean[j] += points->x[i * d + j] / (double) points->n;
	for (int64_t i = 0; i < points->n; i += BLOCK)
	{
		int			count = points->n - i < BLOCK ? (int) (points->n - i) : BLOCK;

		for (int k = 0; k < count; k++)
			for (int j = 0; j < d; j++)
				v[(size_t) k * d + j] = points->x[(i + k) * d + j] - mean[j];
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, count, 1.0 / fmax((double) points->n - 1, 1), v, d, v, d, 1, p, d));
	}
	for (int j = 0; j < d; j++)
		trace += p[(size_t) j * d + j];
	if (!(trace > 0))
		return learn_fail(env, LEARN_DATA, "all rows are equal");
	metric_add_diagonal(p, d, RIDGE * trace / d);
	return LEARN_OK;
}
