/*
 * mmc.c
 *	  Mahalanobis metric for clustering (Xing, Ng, Jordan and Russell 2002): pairs that are the same
 *	  near, the others far.
 *
 * The paper maximises the sum of distances d of different pairs while the sum of squared distances
 * of same pairs is at most 1. Both scale with the matrix, so that is to minimise
 *
 *	F(A) = log(sum over same of d^2) - 2 log(sum over different of d)
 *
 * without a constraint.  With A = L^T L the matrix stays positive semi-definite by itself: no
 * projections, which are what the paper's algorithm is slow by.  The diagonal metric minimises the
 * same F over one weight a column: the paper's Newton objective is F / 2 and a constant at its best
 * scale.
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "mmc.h"

#define BLOCK	512
/* of the same pairs' scatter: directions in which none of them differs are not free */
#define RIDGE	1e-6
#define TINY	1e-12			/* a distance below has no slope */

static void
difference(const Mmc *m, int64_t i, double *v)
{
	const real *a = m->points->x + (size_t) m->place[2 * i] * m->d;
	const real *b = m->points->x + (size_t) m->place[2 * i + 1] * m->d;

	for (int j = 0; j < m->d; j++)
		v[j] = (double) a[j] - b[j];
}

static double
weight(const Mmc *m, int64_t i)
{
	return m->c->weight != NULL ? m->c->weight[i] : 1;
}

/* Up to BLOCK differences of pairs of one kind from *at on; their weights. */
static int
next_pairs(Mmc *m, int32_t label, int64_t *at)
{
	int			n = 0;

	for (; *at < m->c->n && n < BLOCK; (*at)++)
		if ((m->c->label[*at] != 0) == (label != 0))
		{
			difference(m, *at, m->v + (size_t) n * m->d);
			m->weight[n++] = weight(m, *at);
		}
	return n;
}

LearnStatus
mmc_create(LearnEnv *env, Mmc *m)
{
	size_t		cells = (size_t) m->d * m->d;
	double		trace = 0;
	int64_t		at = 0;
	int			n;

	LEARN_TRY(blas_load(env));
	LEARN_ALLOC(env, m->same, cells);
	LEARN_ALLOC(env, m->map, cells);
	LEARN_ALLOC(env, m->v, (size_t) BLOCK * m->d);
	LEARN_ALLOC(env, m->y, (size_t) BLOCK * m->d);
	LEARN_ALLOC(env, m->weight, BLOCK);
	memset(m->same, 0, cells * sizeof(double));
	while ((n = next_pairs(m, 1, &at)) > 0)
	{
		for (int k = 0; k < n; k++)
			for (int j = 0; j < m->d; j++)
				m->y[(size_t) k * m->d + j] = m->weight[k] * m->v[(size_t) k * m->d + j];
		LEARN_TRY(blas_dgemm_polled(env, true, false, m->d, m->d, n, 1, m->v, m->d, m->y, m->d, 1, m->same, m->d));
	}
	for (int j = 0; j < m->d; j++)
		trace += m->same[(size_t) j * m->d + j];
	if (!(trace > 0))
	{
		learn_fail(env, LEARN_DATA, "rows of pairs that are the same are equal");
		learn_hint(env, "The method learns how rows that belong together differ.");
		return LEARN_DATA;
	}

	/* each column in its own unit */
	for (int j = 0; j < m->d; j++)
	{
		double	   *own = m->same + (size_t) j * m->d + j;

		*own += RIDGE * (*own > 0 ? *own : trace / m->d);
	}
	return LEARN_OK;
}

LearnStatus
mmc_evaluate(LearnEnv *env, void *ctx, const double *map, double *value, double *gradient)
{
	Mmc		   *m = ctx;
	int			d = m->d;
	size_t		cells = (size_t) d * d;
	double		near = 0;
	double		far = 0;
	int64_t		at = 0;
	int			n;

	/* the sum over different pairs of d, and its gradient: map (v v^T) / d */
	memset(gradient, 0, cells * sizeof(double));
	while ((n = next_pairs(m, 0, &at)) > 0)
	{
		LEARN_TRY(blas_dgemm_polled(env, false, true, n, d, d, 1, m->v, d, map, d, 0, m->y, d));
		for (int k = 0; k < n; k++)
		{
			double	   *y = m->y + (size_t) k * d;
			double		square = 0;
			double		factor;

			for (int j = 0; j < d; j++)
				square += y[j] * y[j];
			far += m->weight[k] * sqrt(square);
			factor = square > TINY * TINY ? m->weight[k] / sqrt(square) : 0;
			for (int j = 0; j < d; j++)
				y[j] *= factor;
		}
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, n, 1, m->y, d, m->v, d, 1, gradient, d));
	}
	*value = INFINITY;
	if (!(far > 0))
		return LEARN_OK;
	LEARN_TRY(blas_dgemm_polled(env, false, false, d, d, d, 1, map, d, m->same, d, 0, m->map, d));
	for (size_t i = 0; i < cells; i++)
		near += map[i] * m->map[i];
	if (!(near > 0))
		return LEARN_OK;
	for (size_t i = 0; i < cells; i++)
		gradient[i] = 2 * m->map[i] / near - 2 * gradient[i] / far;
	*value = log(near) - 2 * log(far);
	return LEARN_OK;
}

/* weight times the distance of a pair that differs by v; gradient += weight v^2 / distance. */
static double
add_diagonal(const double *restrict column, const double *restrict v, double weight, int d, double *restrict gradient)
{
	double		sum[4] = {0};
	double		distance;
	double		factor;
	int			j = 0;

	for (; j + 4 <= d; j += 4)
		for (int l = 0; l < 4; l++)
			sum[l] += column[j + l] * (v[j + l] * v[j + l]);
	for (; j < d; j++)
		sum[0] += column[j] * (v[j] * v[j]);
	distance = sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
	factor = distance > TINY ? weight / distance : 0;
	for (j = 0; j < d; j++)
		gradient[j] += factor * (v[j] * v[j]);
	return weight * distance;
}

LearnStatus
mmc_evaluate_diagonal(LearnEnv *env, void *ctx, const double *root, double *value, double *gradient)
{
	Mmc		   *m = ctx;
	int			d = m->d;
	double		near = 0;
	double		far = 0;
	int64_t		at = 0;
	int			n;

	/* the columns' weights */
	for (int j = 0; j < d; j++)
	{
		m->y[j] = root[j] * root[j];
		near += m->y[j] * m->same[(size_t) j * d + j];
	}
	memset(gradient, 0, d * sizeof(double));
	while ((n = next_pairs(m, 0, &at)) > 0)
	{
		LEARN_TRY(learn_poll(env));
		for (int k = 0; k < n; k++)
			far += add_diagonal(m->y, m->v + (size_t) k * d, m->weight[k], d, gradient);
	}
	for (int j = 0; j < d; j++)
		gradient[j] *= root[j];
	*value = INFINITY;
	if (!(far > 0) || !(near > 0))
		return LEARN_OK;
	for (int j = 0; j < d; j++)
		gradient[j] = 2 * root[j] * m->same[(size_t) j * d + j] / near - 2 * gradient[j] / far;
	*value = log(near) - 2 * log(far);
	return LEARN_OK;
}
