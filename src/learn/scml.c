/*
 * scml.c
 *	  Sparse compositional metric learning (Shi, Bellet and Sha 2014): a metric that is a sum of few out of many given
 *	  directions, each with a weight.
 *
 *	sparsity * sum of w + mean over triplets of [1 + d_ap - d_an]+,   d = sum over bases of w_b (b . (x - y))^2,  w >= 0
 *
 * The paper takes stochastic steps along all bases.  But d is a Mahalanobis distance with the matrix A = sum of w_b b b^T,
 * and the gradient by w_b is b^T S b, where S sums slope times outer products over those triplets that violate their margin,
 * which are few once something has been learned.  So the whole gradient costs (bases + violations) d^2 and a look at each triplet,
 * and L-BFGS over w = u^2 minimises the objective itself.
 */
#include "scml.h"

#include <math.h>
#include <string.h>

#include "blas.h"
#include "metric.h"

#define BLOCK			256		/* differences at once */

LearnStatus
scml_create(LearnEnv *env, Scml *s)
{
	int			d = s->points->d;
	size_t		cells = (size_t) d * d;

	LEARN_TRY(blas_load(env));
	s->total = 0;
	for (int64_t i = 0; i < s->n; i++)
		s->total += s->weight != NULL ? s->weight[i] : 1;
	LEARN_ALLOC(env, s->a, cells);
	LEARN_ALLOC(env, s->scatter, cells);
	LEARN_ALLOC(env, s->narrow, cells);
	LEARN_ALLOC(env, s->y, (size_t) s->points->n * d);
	LEARN_ALLOC(env, s->wide, (size_t) s->bases * d);
	LEARN_ALLOC(env, s->scaled, (size_t) s->bases * d);
	LEARN_ALLOC(env, s->v, (size_t) BLOCK * d);
	LEARN_ALLOC(env, s->w, (size_t) BLOCK * d);
	for (size_t i = 0; i < (size_t) s->bases * d; i++)
		s->wide[i] = s->basis[i];
	return LEARN_OK;
}

double
scml_distance(const Scml *s, int32_t i, int32_t j)
{
	int			d = s->points->d;
	const real *x0 = s->points->x + (size_t) i * d;
	const real *x1 = s->points->x + (size_t) j * d;
	const real *y0 = s->y + (size_t) i * d;
	const real *y1 = s->y + (size_t) j * d;
	real		sum[8] = {0};
	int			k = 0;

	for (; k + 8 <= d; k += 8)
		for (int l = 0; l < 8; l++)
			sum[l] += (x0[k + l] - x1[k + l]) * (y0[k + l] - y1[k + l]);
	for (; k < d; k++)
		sum[0] += (x0[k] - x1[k]) * (y0[k] - y1[k]);
	return (((double) sum[0] + sum[1]) + ((double) sum[2] + sum[3])) +
		(((double) sum[4] + sum[5]) + ((double) sum[6] + sum[7]));
}

LearnStatus
scml_set_metric(LearnEnv *env, Scml *s, const double *u)
{
	int			d = s->points->d;
	int			used = 0;

	for (int b = 0; b < s->bases; b++)
	{
		if (u[b] == 0)
			continue;
		for (int j = 0; j < d; j++)
			s->scaled[(size_t) used * d + j] = u[b] * s->wide[(size_t) b * d + j];
		used++;
	}
	LEARN_TRY(metric_of_factor(env, s->scaled, used, d, s->a));
	for (size_t i = 0; i < (size_t) d * d; i++)
		s->narrow[i] = (real) s->a[i];
	return blas_gemm_polled(env, false, false, (int) s->points->n, d, d, 1, s->points->x, d, s->narrow, d, 0, s->y, d);
}

/* scatter += factor (x_i - x_j)(x_i - x_j)^T, when a block is full. */
static LearnStatus
add_difference(LearnEnv *env, Scml *s, int32_t i, int32_t j, double factor, int *used)
{
	int			d = s->points->d;
	const real *a = s->points->x + (size_t) i * d;
	const real *b = s->points->x + (size_t) j * d;

	for (int k = 0; k < d; k++)
	{
		double		t = (double) a[k] - b[k];

		s->v[(size_t) *used * d + k] = t;
		s->w[(size_t) *used * d + k] = factor * t;
	}
	if (++*used < BLOCK)
		return LEARN_OK;
	*used = 0;
	return blas_dgemm_polled(env, true, false, d, d, BLOCK, 1, s->v, d, s->w, d, 1, s->scatter, d);
}

LearnStatus
scml_evaluate(LearnEnv *env, void *ctx, const double *u, double *value, double *gradient)
{
	Scml	   *s = ctx;
	int			d = s->points->d;
	int			used = 0;
	double		hinges = 0;

	LEARN_TRY(scml_set_metric(env, s, u));
	memset(s->scatter, 0, (size_t) d * d * sizeof(double));
	for (int64_t i = 0; i < s->n; i++)
	{
		const int32_t *t = s->place + 3 * i;
		double		weight = (s->weight != NULL ? s->weight[i] : 1) / s->total;
		double		excess;
		double		slope;

		if ((i & 0xfff) == 0)
			LEARN_TRY(learn_poll(env));
		excess = 1 + scml_distance(s, t[0], t[1]) - scml_distance(s, t[0], t[2]);
		if (!(excess > 0))
			continue;
		slope = excess < s->smooth ? excess / s->smooth : 1;
		hinges += weight * (excess < s->smooth ? excess * slope / 2 : excess - s->smooth / 2);
		LEARN_TRY(add_difference(env, s, t[0], t[1], weight * slope, &used));
		LEARN_TRY(add_difference(env, s, t[0], t[2], -weight * slope, &used));
	}
	if (used > 0)
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, used, 1, s->v, d, s->w, d, 1, s->scatter, d));

	*value = hinges;
	LEARN_TRY(blas_dgemm_polled(env, false, false, s->bases, d, d, 1, s->wide, d, s->scatter, d, 0, s->scaled, d));
	for (int b = 0; b < s->bases; b++)
	{
		double		g = s->sparsity;

		*value += s->sparsity * u[b] * u[b];
		for (int j = 0; j < d; j++)
			g += s->wide[(size_t) b * d + j] * s->scaled[(size_t) b * d + j];
		gradient[b] = 2 * u[b] * g;
	}
	return LEARN_OK;
}
