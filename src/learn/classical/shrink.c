/*
 * shrink.c
 *	  Shrinkage: between the metric that a method learns and the metric of the rows as they are.
 *
 * With strength s in [0, 1], a matrix A that a method learned becomes (1 - s) c A + s T.  T is the
 * metric of the rows as they are, and c makes A as large as T on average over the rows.  What few
 * rows or few classes say of a direction then does little harm.  A method that inverts a scatter S
 * (rca, whiten) inverts (1 - s) S + s c / T in its place, which is the regularised discriminant
 * analysis of Friedman (1989), with the metric of the rows in place of the identity.
 */
#include "shrink.h"

#include <math.h>

#include "metric.h"

/* Rows that the size of a matrix is measured on. */
#define MEASURED	1000

/*
 * Rows are standardised for a method whose result does not depend on units.  Rows as they are have
 * the columns' variances for their metric there; if the columns do not share a scale, standardised
 * rows are the better start.
 */
void
shrink_target(const LinearJob *job, double *target)
{
	const Prep *prep = job->prep;
	bool		raw = prep->kind == PREP_STANDARDIZE && (job->plan->prep == PREP_SCALE || job->plan->prep == PREP_NONE);
	double		mean = 0;
	int			varying = 0;

	for (int j = 0; j < prep->out; j++)
	{
		target[j] = raw ? prep->scale[j] != 0 ? 1 / ((double) prep->scale[j] * prep->scale[j]) : 0 : 1;
		mean += target[j];
		varying += target[j] > 0;
	}
	for (int j = 0; j < prep->out; j++)
		target[j] *= varying / mean;
}

void
shrink_scatter(const LinearJob *job, const double *target, double *scatter)
{
	size_t		d = job->prep->out;
	double		s = job->plan->params.shrink;
	double		trace = 0;
	double		inverse = 0;

	for (size_t j = 0; j < d; j++)
	{
		trace += scatter[j * d + j];
		inverse += target[j] > 0 ? 1 / target[j] : 0;
	}
	for (size_t i = 0; i < d * d; i++)
		scatter[i] *= 1 - s;
	for (size_t j = 0; j < d; j++)
		if (target[j] > 0)
			scatter[j * d + j] += s * trace / inverse / target[j];
}

/*
 * Adds the means over a sample of the job's rows of their squared lengths under a (d x d) and under
 * target.
 */
static LearnStatus
mean_lengths(LearnEnv *env, const LinearJob *job, const double *target, const double *a, double *of_a, double *of_target)
{
	const Prep *prep = job->prep;
	int			d = prep->out;
	int64_t		n = job->n < MEASURED ? job->n : MEASURED;
	float	   *x;
	float	   *z;
	float	   *scratch;

	LEARN_ALLOC(env, x, prep->in);
	LEARN_ALLOC(env, z, d);
	LEARN_ALLOC(env, scratch, prep->in);
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		place = i * job->n / n;
		int64_t		row = job->index ? job->index[place] : place;

		LEARN_TRY(learn_poll(env));
		LEARN_TRY(job->rows->fetch(env, job->rows->ctx, &row, 1, x));
		prep_apply(prep, x, 1, z, scratch);
		for (int j = 0; j < d; j++)
		{
			const double *line = a + (size_t) j * d;
			double		sum = 0;

			for (int k = 0; k < d; k++)
				sum += line[k] * z[k];
			*of_a += sum * z[j] / (double) n;
			*of_target += target[j] * z[j] * z[j] / (double) n;
		}
	}
	return LEARN_OK;
}

LearnStatus
shrink_metric(LearnEnv *env, const LinearJob *job, double *a)
{
	size_t		d = job->prep->out;
	double		s = job->plan->params.shrink;
	ArenaMark	mark = arena_mark(env->arena);
	double	   *target;
	double		of_a = 0;
	double		of_target = 0;

	LEARN_ALLOC(env, target, d);
	shrink_target(job, target);
	LEARN_TRY(mean_lengths(env, job, target, a, &of_a, &of_target));
	if (of_a > 0)
		for (size_t i = 0; i < d * d; i++)
			a[i] *= (1 - s) * of_target / of_a;
	for (size_t j = 0; j < d; j++)
		a[j * d + j] += s * target[j];
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
