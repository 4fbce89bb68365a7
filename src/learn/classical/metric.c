/*
 * metric.c
 *	  From a Mahalanobis matrix to the weights of a linear layer.
 */
#include "metric.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/eigen.h"

#define RANK_TOLERANCE	1e-12
#define STRIP			64		/* rows of a factor at once: 64 x 4096 x 4096 is 2 GFLOP */

LearnStatus
metric_weights(LearnEnv *env, double *a, int d, int most, float *weight, int *rank)
{
	ArenaMark	mark = arena_mark(env->arena);
	double	   *value;
	double	   *vector;

	LEARN_ALLOC(env, value, most);
	LEARN_ALLOC(env, vector, (size_t) most * d);
	LEARN_TRY(eigen_symmetric(env, a, d, most, value, vector));
	for (*rank = 0; *rank < most && value[*rank] > 0 && value[*rank] > RANK_TOLERANCE * value[0]; (*rank)++)
		for (int j = 0; j < d; j++)
			weight[(size_t) *rank * d + j] = (float) (sqrt(value[*rank]) * vector[(size_t) *rank * d + j]);
	arena_reset(env->arena, mark);
	if (*rank == 0)
	{
		learn_fail(env, LEARN_DATA, "what was learned takes all rows for equal");
		learn_hint(env, "No direction tells the rows apart as asked: look at the data, or use another method.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}

LearnStatus
metric_of_factor(LearnEnv *env, const double *l, int m, int d, double *a)
{
	memset(a, 0, (size_t) d * d * sizeof(double));
	for (int i = 0; i < m; i += STRIP)
	{
		LEARN_TRY(learn_poll(env));
		blas_dsyrk_at_a(d, m - i < STRIP ? m - i : STRIP, 1, l + (size_t) i * d, d, a, d);
	}
	return LEARN_OK;
}

void
metric_add_diagonal(double *a, int d, double factor)
{
	for (int j = 0; j < d; j++)
		a[(size_t) j * d + j] += factor;
}

LearnStatus
metric_transpose(LearnEnv *env, double *a, int n)
{
	for (int i = 1; i < n; i++)
	{
		if (i % 128 == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < i; j++)
		{
			double		swap = a[(size_t) i * n + j];

			a[(size_t) i * n + j] = a[(size_t) j * n + i];
			a[(size_t) j * n + i] = swap;
		}
	}
	return LEARN_OK;
}
