/*
 * rca.c
 *	  Relevant component analysis (Bar-Hillel, Hertz, Shental and Weinshall 2005): the metric in
 *	  which rows of one chunklet scatter equally in all directions.
 *
 * The inverse of the mean covariance within chunklets.  With fewer dimensions, the paper's
 * reduction: the directions in which all rows of chunklets scatter most against those within.  The
 * generalised eigenvectors of the two are both at once: all of them give W^-1, some of them the
 * reduction.
 */
#include "discriminant.h"
#include "base/blas.h"
#include "metric.h"
#include "learn/data/scatter.h"
#include "shrink.h"

#define TOLERANCE	1e-9

LearnStatus
solve_rca(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	const Constraints *c = &job->constraints;
	int			d = job->prep->out;
	Rows		rows = *job->rows;
	int32_t    *label;
	double	   *value;
	double	   *vector;
	int			rank;
	Scatter		s;
	Discriminant problem = {.d = d};

	/* chunklets as classes: labels by the row's number */
	LEARN_ALLOC(env, label, rows.n);
	for (int64_t i = 0; i < c->n; i++)
		label[c->row[i]] = c->label[i];
	rows.label = label;
	rows.n_classes = c->n_chunklets;
	LEARN_TRY(scatter_fit(env, &rows, c->row, c->n, job->prep->mean, job->prep->scale, 0, NULL, &s));

	/* all of what varies within chunklets or between them; "within" is about the means, by n */
	for (size_t i = 0; i < (size_t) d * d; i++)
	{
		s.within[i] *= (double) (s.n - s.classes) / (double) s.n;
		s.between[i] += s.within[i];
	}
	problem.within = s.within;
	problem.between = s.between;
	problem.scale = job->prep->scale;
	problem.shrinkage = s.shrinkage;
	problem.varying = s.varying;
	problem.trusted = scatter_trusted(&s);
	if (job->plan->params.shrink > 0)
	{
		double	   *target;

		LEARN_ALLOC(env, target, d);
		shrink_target(job, target);
		shrink_scatter(job, target, problem.within);
		problem.trusted = true;
	}
	LEARN_ALLOC(env, value, job->most);
	LEARN_ALLOC(env, vector, (size_t) job->most * d);
	LEARN_TRY(discriminant_directions(env, &problem, job->most, TOLERANCE, value, vector, &rank));
	fit->rows = c->n;
	fit->converged = true;
	return metric_of_factor(env, vector, rank, d, a);
}
