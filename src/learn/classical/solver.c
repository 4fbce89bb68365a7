/*
 * solver.c
 *	  What the solvers of classical methods share: reports, and where a map starts.
 */
#include "solver.h"

#include <math.h>
#include <string.h>

#include "math/eigen.h"
#include "logdet.h"
#include "metric.h"
#include "base/report.h"

#define WHOLE			128		/* columns of which as many dimensions are learned */
#define NARROW			64		/* dimensions that are learned of more columns */
#define SCALE_ROWS		1000	/* that the scale of a start is measured on */

double
constraints_weight(const Constraints *c)
{
	double		sum = 0;

	for (int64_t i = 0; i < c->n; i++)
		sum += c->weight != NULL ? c->weight[i] : 1;
	return sum;
}

void
solver_report(LearnEnv *env, const LinearPlan *plan, int iteration, double objective)
{
	LearnReport report = {0};

	if (env->report == NULL)
		return;
	report.phase = plan->phase;
	report.method = plan->method->name;
	report.epoch = iteration;
	report.epochs = plan->params.iterations;
	report.loss = objective;
	report.validation = report.best = report.seconds_left = NAN;
	env->report(env->ctx, &report);
}

int
solver_width(const LinearJob *job)
{
	int			d = job->prep->out;

	if (job->plan->dims > 0)
		return job->plan->dims < d ? job->plan->dims : d;
	return d <= WHOLE ? d : NARROW;
}

LearnStatus
solver_start(LearnEnv *env, const Points *points, int m, double *map)
{
	size_t		d = points->d;
	ArenaMark	mark = arena_mark(env->arena);
	double	   *cov;
	double	   *value;

	if (m == points->d)
	{
		memset(map, 0, d * d * sizeof(double));
		metric_add_diagonal(map, m, 1);
		return LEARN_OK;
	}
	LEARN_ALLOC(env, cov, d * d);
	LEARN_ALLOC(env, value, m);
	LEARN_TRY(logdet_prior(env, points, PRIOR_COVARIANCE, cov));
	LEARN_TRY(eigen_symmetric(env, cov, (int) d, m, value, map));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
solver_scale(LearnEnv *env, const Points *points, const int32_t *near, int k, int m, double *map)
{
	int			d = points->d;
	int64_t		step = 1;
	double		sum = 0;
	int64_t		count = 0;
	int64_t		at = 0;
	double	   *v;

	for (int64_t i = 0; i < points->n; i++)
		count += near[i * k] >= 0;
	step = count / SCALE_ROWS + 1;
	count = 0;
	LEARN_ALLOC(env, v, d);
	for (int64_t i = 0; i < points->n; i++)
	{
		double		square = 0;

		if (near[i * k] < 0 || at++ % step != 0)
			continue;
		LEARN_TRY(learn_poll(env));
		for (int j = 0; j < d; j++)
			v[j] = (double) points->x[i * d + j] - points->x[(int64_t) near[i * k] * d + j];
		for (int r = 0; r < m; r++)
		{
			double		y = 0;

			for (int j = 0; j < d; j++)
				y += map[(size_t) r * d + j] * v[j];
			square += y * y;
		}
		sum += square;
		count++;
	}
	if (sum > (double) count)
		for (size_t i = 0; i < (size_t) m * d; i++)
			map[i] /= sqrt(sum / (double) count);
	return LEARN_OK;
}
