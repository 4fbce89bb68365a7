/*
 * discriminant.c
 *	  Generalised eigenvectors of two scatters, the second repaired where it is singular.
 */
#include "discriminant.h"

#include <math.h>
#include <string.h>

#include "math/cholesky.h"
#include "math/eigen.h"
#include "metric.h"

/* A pivot of the scatter within below this share of its diagonal: collinear. */
#define PIVOT_TOLERANCE		1e-7

/* The least shrinkage, where there is any: enough to make a singular covariance regular. */
#define LEAST_SHRINKAGE		1e-6

/*
 * L with L L^T the scatter within (which becomes L): as it is where there are rows
 * enough and it is regular, else shrunk towards the mean of its diagonal.  Constant
 * columns, which are zero, get a diagonal of 1.
 */
static LearnStatus
factor_within(LearnEnv *env, const Discriminant *problem)
{
	size_t		d = problem->d;
	double	   *within = problem->within;
	double		share = fmax(problem->shrinkage, LEAST_SHRINKAGE);
	double		mean = 0;
	bool		definite = false;
	ArenaMark	mark = arena_mark(env->arena);
	double	   *shrunk;

	for (size_t j = 0; j < d; j++)
		mean += within[j * d + j];
	mean /= problem->varying;
	if (!(mean > 0))
		return learn_fail(env, LEARN_DATA, "discriminant analysis needs rows that differ within their class, but equal classes have equal rows");
	for (size_t j = 0; j < d; j++)
		if (problem->scale[j] == 0)
			within[j * d + j] = mean;

	LEARN_ALLOC(env, shrunk, d * d);
	if (problem->trusted)
	{
		memcpy(shrunk, within, d * d * sizeof(double));
		LEARN_TRY(cholesky_factor(env, shrunk, (int) d, PIVOT_TOLERANCE, &definite));
	}
	if (!definite)
	{
		for (size_t i = 0; i < d; i++)
			for (size_t j = 0; j < d; j++)
				shrunk[i * d + j] = (1 - share) * within[i * d + j] + (i == j ? share * mean : 0);
		LEARN_TRY(cholesky_factor(env, shrunk, (int) d, 0, &definite));
		if (!definite)
			return learn_fail(env, LEARN_DATA, "the within-class covariance is singular");
	}
	memcpy(within, shrunk, d * d * sizeof(double));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/*
 * With L L^T = within the directions are w = L^-T v for the leading eigenvectors v of
 * L^-1 between L^-T, so that w^T within w = 1 and w^T between w falls.
 */
LearnStatus
discriminant_directions(LearnEnv *env, Discriminant *problem, int most, double tolerance,
						double *value, double *vector, int *rank)
{
	int			d = problem->d;
	double	   *column;

	LEARN_TRY(factor_within(env, problem));
	LEARN_TRY(cholesky_solve(env, problem->within, d, false, problem->between, d));
	LEARN_TRY(metric_transpose(env, problem->between, d));
	LEARN_TRY(cholesky_solve(env, problem->within, d, false, problem->between, d));
	LEARN_TRY(eigen_symmetric(env, problem->between, d, most, value, vector));
	for (*rank = 0; *rank < most && value[*rank] > tolerance * value[0]; (*rank)++)
		;
	if (*rank == 0)
		return LEARN_OK;

	LEARN_ALLOC(env, column, (size_t) d * *rank);
	for (int i = 0; i < *rank; i++)
		for (int j = 0; j < d; j++)
			column[(size_t) j * *rank + i] = vector[(size_t) i * d + j];
	LEARN_TRY(cholesky_solve(env, problem->within, d, true, column, *rank));
	for (int i = 0; i < *rank; i++)
		for (int j = 0; j < d; j++)
			vector[(size_t) i * d + j] = column[(size_t) j * *rank + i];
	eigen_fix_signs(vector, *rank, d);
	return LEARN_OK;
}
