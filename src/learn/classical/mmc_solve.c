/*
 * mmc_solve.c
 *	  Mahalanobis metric for clustering: L-BFGS over mmc.h's objectives.
 *
 * In coordinates in which the scatter of same pairs is the identity: there the first sum is the
 * squared norm of the map, however differently columns vary.
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/cholesky.h"
#include "math/lbfgs.h"
#include "metric.h"
#include "mmc.h"

typedef struct Iterate
{
	Mmc			mmc;			/* first */
	const LinearPlan *plan;
	const double *inverse;		/* map = b inverse: of the factor of same */
	double	   *map;
	double	   *gradient;
} Iterate;

/* At b = map factor. */
static LearnStatus
evaluate_scaled(LearnEnv *env, void *ctx, const double *b, double *value, double *gradient)
{
	Iterate    *it = ctx;
	int			d = it->mmc.d;

	LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, b, d, it->inverse, d, 0, it->map, d));
	LEARN_TRY(mmc_evaluate(env, &it->mmc, it->map, value, it->gradient));
	if (!isfinite(*value))
		return LEARN_OK;
	return blas_dgemm_polled(env, false, true, d, d, d, 1, it->gradient, d, it->inverse, d, 0, gradient, d);
}

static LearnStatus
evaluate_diagonal_scaled(LearnEnv *env, void *ctx, const double *b, double *value, double *gradient)
{
	Iterate    *it = ctx;
	int			d = it->mmc.d;

	for (int j = 0; j < d; j++)
		it->map[j] = b[j] * it->inverse[j];
	LEARN_TRY(mmc_evaluate_diagonal(env, &it->mmc, it->map, value, gradient));
	for (int j = 0; j < d; j++)
		gradient[j] *= it->inverse[j];
	return LEARN_OK;
}

static void
iterated(LearnEnv *env, void *ctx, int iteration, double value)
{
	solver_report(env, ((Iterate *) ctx)->plan, iteration, value);
}

/*
 * inverse of same's factor: full, or of its diagonal's roots; b: where it starts, relevant
 * component analysis' metric.
 */
static LearnStatus
scale(LearnEnv *env, const Mmc *m, bool diagonal, double *inverse, double *b)
{
	size_t		d = m->d;
	double	   *factor;
	bool		definite;

	if (diagonal)
	{
		for (size_t j = 0; j < d; j++)
		{
			inverse[j] = 1 / sqrt(m->same[j * d + j]);
			b[j] = 1;
		}
		return LEARN_OK;
	}
	LEARN_ALLOC(env, factor, d * d);
	memcpy(factor, m->same, d * d * sizeof(double));
	LEARN_TRY(cholesky_factor(env, factor, (int) d, 0, &definite));
	if (!definite)
		return learn_fail(env, LEARN_DATA, "the scatter of pairs that are the same is singular");
	memset(inverse, 0, d * d * sizeof(double));
	metric_add_diagonal(inverse, (int) d, 1);
	memset(b, 0, d * d * sizeof(double));
	metric_add_diagonal(b, (int) d, 1);
	return cholesky_solve(env, factor, (int) d, false, inverse, (int) d);
}

LearnStatus
solve_mmc(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	const LinearPlan *plan = job->plan;
	bool		diagonal = plan->params.diagonal > 0;
	int			d = job->prep->out;
	size_t		cells = (size_t) d * (diagonal ? 1 : d);
	LbfgsPlan	all = {.iterations = plan->params.iterations, .tolerance = plan->params.tolerance,
	.deadline = plan->deadline, .iterated = iterated};
	Iterate		it = {.mmc.d = d, .mmc.c = &job->constraints, .plan = plan};
	LbfgsResult result;
	Points		points;
	int32_t    *place;
	double	   *b;
	double	   *inverse;
	double		near = 0;		/* the sum over same pairs of squared distances, by weight */
	double		weight = 0;		/* of same pairs */

	LEARN_TRY(points_of_constraints(env, job->rows, job->prep, &job->constraints, &points, &place));
	it.mmc.points = &points;
	it.mmc.place = place;
	LEARN_TRY(mmc_create(env, &it.mmc));
	LEARN_ALLOC(env, b, cells);
	LEARN_ALLOC(env, inverse, cells);
	LEARN_ALLOC(env, it.map, cells);
	LEARN_ALLOC(env, it.gradient, cells);
	LEARN_TRY(scale(env, &it.mmc, diagonal, inverse, b));
	it.inverse = inverse;
	LEARN_TRY(lbfgs_minimize(env, diagonal ? evaluate_diagonal_scaled : evaluate_scaled, &it, cells, b, &all, &result));
	fit->objective = result.value;
	fit->iterations = result.iterations;
	fit->converged = result.converged;
	fit->cut = result.cut;
	fit->rows = points.n;

	/*
	 * the objective leaves the scale open: the weighted mean of same pairs' squared distances shall
	 * be 1
	 */
	for (size_t i = 0; i < cells; i++)
		near += b[i] * b[i];
	for (int64_t i = 0; i < job->constraints.n; i++)
		if (job->constraints.label[i] != 0)
			weight += job->constraints.weight != NULL ? job->constraints.weight[i] : 1;
	for (size_t i = 0; i < cells && near > 0; i++)
		b[i] *= sqrt(weight / near);
	if (!diagonal)
	{
		LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, b, d, inverse, d, 0, it.map, d));
		return metric_of_factor(env, it.map, d, d, a);
	}
	memset(a, 0, (size_t) d * d * sizeof(double));
	for (int j = 0; j < d; j++)
		a[(size_t) j * d + j] = b[j] * inverse[j] * b[j] * inverse[j];
	return LEARN_OK;
}
