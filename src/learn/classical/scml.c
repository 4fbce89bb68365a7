/*
 * scml.c
 *	  Sparse compositional metric learning (Shi, Bellet and Sha 2014): a metric that is a sum of few
 *	  out of many given directions, each with a weight.
 *
 *	sparsity * sum of w + mean over triplets of [1 + d_ap - d_an]+,
 *	d = sum over bases of w_b (b . (x - y))^2,  w >= 0
 *
 * The paper takes stochastic steps along all bases.  But d is a Mahalanobis distance with the
 * matrix A = sum of w_b b b^T, and the gradient by w_b is b^T S b, where S sums slope times outer
 * products over those triplets that violate their margin, which are few once something has been
 * learned.  So the whole gradient costs (bases + violations) d^2 and a look at each triplet, and
 * L-BFGS over w = u^2 minimises the objective itself.
 */
#include "scml.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "metric.h"
#include "math/vmath.h"

#define BLOCK			256		/* differences at once */
#define LOOK_BACK		64		/* pairs among which an equal one is looked for */

/*
 * The pairs of the triplets.  Those of one anchor mostly stand together, of `genuine` x `impostors`
 * combinations of which each has only two of genuine + impostors different pairs.
 */
static LearnStatus
find_pairs(LearnEnv *env, Scml *s)
{
	LEARN_ALLOC(env, s->pair, 2 * (size_t) s->n + 1);
	LEARN_ALLOC(env, s->ends, 4 * (size_t) s->n + 1);
	s->pairs = 0;
	for (int64_t i = 0; i < 2 * s->n; i++)
	{
		const int32_t *t = s->place + i / 2 * 3;
		int32_t		anchor = t[0];
		int32_t		other = t[1 + i % 2];
		int64_t		at = s->pairs - 1;

		if ((i & 0xffff) == 0)
			LEARN_TRY(learn_poll(env));
		while (at >= 0 && at >= s->pairs - LOOK_BACK && s->ends[2 * at] == anchor && s->ends[2 * at + 1] != other)
			at--;
		if (at < 0 || at < s->pairs - LOOK_BACK || s->ends[2 * at] != anchor)
		{
			at = s->pairs++;
			s->ends[2 * at] = anchor;
			s->ends[2 * at + 1] = other;
		}
		s->pair[i] = (int32_t) at;
	}
	LEARN_ALLOC(env, s->distance, s->pairs + 1);
	LEARN_ALLOC(env, s->slope, s->pairs + 1);
	return LEARN_OK;
}

LearnStatus
scml_create(LearnEnv *env, Scml *s)
{
	int			d = s->points->d;
	size_t		cells = (size_t) d * d;

	LEARN_TRY(blas_load(env));
	LEARN_TRY(find_pairs(env, s));
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
	LEARN_TRY(blas_gemm_polled(env, false, false, (int) s->points->n, d, d, 1, s->points->x, d, s->narrow, d, 0, s->y, d));
	for (int64_t k = 0; k < s->pairs; k++)
	{
		size_t		i = (size_t) s->ends[2 * k] * d;
		size_t		j = (size_t) s->ends[2 * k + 1] * d;

		if ((k & 0xfff) == 0)
			LEARN_TRY(learn_poll(env));
		s->distance[k] = vm_dot_differences(s->points->x + i, s->points->x + j, s->y + i, s->y + j, d);
	}
	return LEARN_OK;
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
	memset(s->slope, 0, s->pairs * sizeof(double));
	for (int64_t i = 0; i < s->n; i++)
	{
		const int32_t *p = s->pair + 2 * i;
		double		weight = (s->weight != NULL ? s->weight[i] : 1) / s->total;
		double		excess;
		double		slope;

		if ((i & 0xffff) == 0)
			LEARN_TRY(learn_poll(env));
		excess = 1 + s->distance[p[0]] - s->distance[p[1]];
		if (!(excess > 0))
			continue;
		slope = excess < s->smooth ? excess / s->smooth : 1;
		hinges += weight * (excess < s->smooth ? excess * slope / 2 : excess - s->smooth / 2);
		s->slope[p[0]] += weight * slope;
		s->slope[p[1]] -= weight * slope;
	}
	for (int64_t k = 0; k < s->pairs; k++)
		if (s->slope[k] != 0)
			LEARN_TRY(add_difference(env, s, s->ends[2 * k], s->ends[2 * k + 1], s->slope[k], &used));
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
