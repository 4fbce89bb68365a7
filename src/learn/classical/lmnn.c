/*
 * lmnn.c
 *	  The objective of large-margin nearest neighbours (Weinberger, Blitzer and Saul 2005) and its
 *	  gradient.
 *
 * The gradient by the map is dz^T x, and dz is a sum over pairs of rows: 2 w (z_a - z_b), where w
 * counts the active triplets that a pair takes part in.  So a triplet costs an addition, a pair m,
 * and no d x d matrix is formed for any.
 */
#include "lmnn.h"

#include <string.h>

#include "base/blas.h"

#define BLOCK		256			/* rows at once in products */
#define POLL_PAIRS	(1 << 20)	/* numbers of pairs between polls */
#define MAX_TARGETS	1000

LearnStatus
lmnn_create(LearnEnv *env, Lmnn *l)
{
	LEARN_TRY(blas_load(env));
	LEARN_ALLOC(env, l->z, (size_t) l->n * l->m);
	LEARN_ALLOC(env, l->dz, (size_t) l->n * l->m);
	LEARN_ALLOC(env, l->block, (size_t) BLOCK * l->d);
	return LEARN_OK;
}

/* Rows first on, count of them, as doubles. */
static void
widen(const Lmnn *l, int64_t first, int count)
{
	for (size_t i = 0; i < (size_t) count * l->d; i++)
		l->block[i] = l->x[first * l->d + i];
}

static double
distance(const double *a, const double *b, int m)
{
	double		sum[4] = {0};
	int			k = 0;

	for (; k + 4 <= m; k += 4)
		for (int j = 0; j < 4; j++)
			sum[j] += (a[k + j] - b[k + j]) * (a[k + j] - b[k + j]);
	for (; k < m; k++)
		sum[0] += (a[k] - b[k]) * (a[k] - b[k]);
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* dF/dd of the pair is w */
static void
add_pair(Lmnn *l, int64_t a, int64_t b, double w)
{
	const double *za = l->z + a * l->m;
	const double *zb = l->z + b * l->m;
	double	   *da = l->dz + a * l->m;
	double	   *db = l->dz + b * l->m;

	for (int k = 0; k < l->m; k++)
	{
		double		step = 2 * w * (za[k] - zb[k]);

		da[k] += step;
		db[k] -= step;
	}
}

/* Row i's share of the value; its pairs go into dz. */
static double
add_row(Lmnn *l, int64_t i)
{
	const int32_t *target = l->target + i * l->k;
	double		push = 1 - l->pull;
	double		near[MAX_TARGETS];
	double		weight[MAX_TARGETS];
	double		farthest = 0;
	double		value = 0;
	int			targets = 0;

	for (; targets < l->k && target[targets] >= 0; targets++)
	{
		near[targets] = distance(l->z + i * l->m, l->z + (int64_t) target[targets] * l->m, l->m);
		weight[targets] = l->pull;
		value += l->pull * near[targets];
		farthest = near[targets] > farthest ? near[targets] : farthest;
	}
	if (targets == 0)
		return 0;
	for (int64_t at = l->start[i]; at < l->start[i + 1]; at++)
	{
		double		far = distance(l->z + i * l->m, l->z + (int64_t) l->impostor[at] * l->m, l->m);
		double		active = 0;

		if (far >= 1 + farthest)
			continue;
		for (int t = 0; t < targets; t++)
		{
			double		excess = 1 + near[t] - far;
			double		slope = excess < l->smooth ? excess / l->smooth : 1;

			if (!(excess > 0))
				continue;
			value += push * (excess < l->smooth ? excess * slope / 2 : excess - l->smooth / 2);
			weight[t] += push * slope;
			active += push * slope;
		}
		add_pair(l, i, l->impostor[at], -active);
	}
	for (int t = 0; t < targets; t++)
		add_pair(l, i, target[t], weight[t]);
	return value;
}

LearnStatus
lmnn_evaluate(LearnEnv *env, void *ctx, const double *map, double *value, double *gradient)
{
	Lmnn	   *l = ctx;
	int64_t		work = 0;

	for (int64_t i = 0; i < l->n; i += BLOCK)
	{
		int			count = l->n - i < BLOCK ? (int) (l->n - i) : BLOCK;

		widen(l, i, count);
		LEARN_TRY(blas_dgemm_polled(env, false, true, count, l->m, l->d, 1, l->block, l->d, map, l->d,
									0, l->z + i * l->m, l->m));
	}
	memset(l->dz, 0, (size_t) l->n * l->m * sizeof(double));
	*value = 0;
	for (int64_t i = 0; i < l->n; i++)
	{
		*value += add_row(l, i);
		work += (l->start[i + 1] - l->start[i] + l->k) * l->m;
		if (work > POLL_PAIRS)
		{
			LEARN_TRY(learn_poll(env));
			work = 0;
		}
	}
	memset(gradient, 0, (size_t) l->m * l->d * sizeof(double));
	for (int64_t i = 0; i < l->n; i += BLOCK)
	{
		int			count = l->n - i < BLOCK ? (int) (l->n - i) : BLOCK;

		widen(l, i, count);
		LEARN_TRY(blas_dgemm_polled(env, true, false, l->m, l->d, count, 1, l->dz + i * l->m, l->m, l->block, l->d,
									1, gradient, l->d));
	}
	return LEARN_OK;
}
