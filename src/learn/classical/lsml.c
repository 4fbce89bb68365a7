/*
 * lsml.c
 *	  Metric learning from relative comparisons by minimising squared residuals (Liu et al.
 *	  2012, ICDM): a and b shall be nearer than c and d.
 *
 *	tr(A P) - log det A + sum over quadruplets of weight [d(a, b) - d(c, d)]+^2
 *
 * with weights that add up to 1, and distances, not their squares.  The residual is convex in A as
 * the paper shows, and logdet.h minimises the sum; the paper's steepest descent with ten trial
 * steps of fixed lengths stops far from the minimum.
 */
#include <math.h>

#include "logdet.h"

/* A distance below this is 0: its root has no slope. */
#define TINY	1e-12

typedef struct Lsml
{
	const Constraints *c;
	double		total;
} Lsml;

static double
lsml_loss(void *ctx, int64_t i, const double *distance, double *slope)
{
	const Lsml *m = ctx;
	double		weight = (m->c->weight != NULL ? m->c->weight[i] : 1) / m->total;
	double		near = sqrt(distance[0]);
	double		far = sqrt(distance[1]);

	if (!(near > far))
		return 0;
	slope[0] = near > TINY ? weight * (1 - far / near) : 0;
	slope[1] = weight * (1 - near / fmax(far, TINY));
	return weight * (near - far) * (near - far);
}

LearnStatus
solve_lsml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	Constraints *c = &job->constraints;
	Lsml		m = {.c = c};
	Points		points;
	LogDet		problem = {.points = &points, .pairs = 2, .loss = lsml_loss, .ctx = &m};
	int32_t    *place;
	double	   *p;

	LEARN_TRY(points_of_constraints(env, job->rows, job->prep, c, &points, &place));
	m.total = constraints_weight(c);
	problem.place = place;
	problem.n = c->n;
	LEARN_ALLOC(env, p, (size_t) points.d * points.d);
	LEARN_TRY(logdet_prior(env, &points, job->plan->params.prior, p));
	fit->rows = points.n;
	return logdet_minimize(env, job->plan, &problem, p, a, fit);
}
