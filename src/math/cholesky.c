/*
 * cholesky.c
 *	  Cholesky factorisation by LAPACK's dpotrf, and triangular solves by BLAS's dtrsm.
 *
 * LAPACK stores matrices by columns.  The lower triangle of a matrix by rows is the upper
 * triangle of the same symmetric matrix by columns, and U^T U there is L L^T here.
 */
#include "cholesky.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"

/* Columns of x that are solved for between two polls. */
#define COLUMNS		256

LearnStatus
cholesky_factor(LearnEnv *env, double *a, int n, double tolerance, bool *definite)
{
	ArenaMark	mark = arena_mark(env->arena);
	void		(*dpotrf) (const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);
	double	   *least;
	int			info;

	*definite = false;
	LEARN_TRY(blas_lapack(env, "dpotrf_", (void **) &dpotrf));
	LEARN_ALLOC(env, least, n);
	for (int j = 0; j < n; j++)
		least[j] = tolerance * fmax(a[(size_t) j * n + j], 0);
	LEARN_TRY(learn_poll(env));
	dpotrf("U", &n, a, &n, &info, 1);
	*definite = info == 0;
	for (int j = 0; j < n && *definite; j++)
	{
		double		root = a[(size_t) j * n + j];

		*definite = isfinite(root) && root * root > least[j];
	}
	for (int i = 0; i < n && *definite; i++)
		memset(a + (size_t) i * n + i + 1, 0, (n - i - 1) * sizeof(double));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
cholesky_solve(LearnEnv *env, const double *l, int n, bool transposed, double *x, int m)
{
	for (int begin = 0; begin < m; begin += COLUMNS)
	{
		int			count = m - begin < COLUMNS ? m - begin : COLUMNS;

		LEARN_TRY(learn_poll(env));
		blas_dtrsm(transposed, n, count, l, n, x + begin, m);
	}
	return LEARN_OK;
}
