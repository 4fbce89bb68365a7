/*
 * lda.c
 *	  LDA and whitening as matrices, to be shrunk; linear.c has them as they are.
 */
#include "discriminant.h"
#include "learn/data/moments.h"
#include "learn/data/scatter.h"
#include "metric.h"
#include "shrink.h"

#define TOLERANCE	1e-9

LearnStatus
lda_directions(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, int most, const Prep *prep,
			   double **vector, int *rank, int64_t *used)
{
	int			d = prep->out;
	double	   *value;
	Scatter		s;
	Discriminant problem = {.d = d, .scale = prep->scale};

	LEARN_TRY(scatter_fit(env, rows, index, n, prep->mean, prep->scale, 0, "discriminant analysis", &s));
	problem.within = s.within;
	problem.between = s.between;
	problem.shrinkage = s.shrinkage;
	problem.varying = s.varying;
	problem.trusted = scatter_trusted(&s);
	if (s.classes - 1 < most)
		most = s.classes - 1;
	LEARN_ALLOC(env, value, most);
	LEARN_ALLOC(env, *vector, (size_t) most * d);
	LEARN_TRY(discriminant_directions(env, &problem, most, TOLERANCE, value, *vector, rank));
	if (*rank == 0)
		return learn_fail(env, LEARN_DATA, "discriminant analysis needs classes whose means differ");
	*used = s.n;
	return LEARN_OK;
}

/*
 * Directions in which class means differ most, which few classes do not know well: the matrix is
 * shrunk by the caller.
 */
LearnStatus
solve_lda(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	double	   *vector;
	int			rank;

	LEARN_TRY(lda_directions(env, job->rows, job->index, job->n, job->most, job->prep, &vector, &rank, &fit->rows));
	fit->converged = true;
	return metric_of_factor(env, vector, rank, job->prep->out, a);
}

/* The inverse of the covariance, which is shrunk before it is inverted. */
LearnStatus
solve_whiten(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	size_t		d = job->prep->out;
	const float *scale = job->prep->scale;
	Moments		m;
	double	   *target;
	double	   *value;
	double	   *vector;
	double	   *within;
	int			rank;
	Discriminant problem = {.d = (int) d, .scale = scale, .trusted = true};

	LEARN_TRY(moments_fit(env, job->rows, job->index, job->n, true, &m));
	LEARN_ALLOC(env, target, d);
	LEARN_ALLOC(env, within, d * d);
	for (size_t i = 0; i < d; i++)
	{
		problem.varying += scale[i] != 0;
		for (size_t j = 0; j < d; j++)
			within[i * d + j] = m.cov[i * d + j] *= (double) scale[i] * scale[j];
	}
	shrink_target(job, target);
	shrink_scatter(job, target, within);
	problem.within = within;
	problem.between = m.cov;
	LEARN_ALLOC(env, value, job->most);
	LEARN_ALLOC(env, vector, (size_t) job->most * d);
	LEARN_TRY(discriminant_directions(env, &problem, job->most, TOLERANCE, value, vector, &rank));
	fit->rows = m.n;
	fit->converged = true;
	return metric_of_factor(env, vector, rank, (int) d, a);
}
