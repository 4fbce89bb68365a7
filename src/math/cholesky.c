/*
 * cholesky.c
 *	  Blocked Cholesky factorisation and triangular solves.
 *
 * Right-looking: a block column is factored by plain loops, and taken off what is
 * to its right by matrix products.
 */
#include "cholesky.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"

#define BLOCK		64
#define TILE		512			/* rows and columns of one product: 33 MFLOP */

static int
at_most(int n, int limit)
{
	return n < limit ? n : limit;
}

/*
 * c (m x n) -= a b (k <= BLOCK), or a^T b, or a b^T: tile by tile.
 */
static LearnStatus
subtract_product(LearnEnv *env, bool trans_a, bool trans_b, int m, int n, int k,
				 const double *a, int lda, const double *b, int ldb, double *c, int ldc)
{
	for (int i = 0; i < m; i += TILE)
		for (int j = 0; j < n; j += TILE)
		{
			LEARN_TRY(learn_poll(env));
			blas_dgemm(trans_a, trans_b, at_most(m - i, TILE), at_most(n - j, TILE), k, -1,
					   trans_a ? a + i : a + (size_t) i * lda, lda,
					   trans_b ? b + (size_t) j * ldb : b + j, ldb,
					   1, c + (size_t) i * ldc + j, ldc);
		}
	return LEARN_OK;
}

/* Columns begin to begin + width of L, from what the columns before have left of a. */
static bool
factor_columns(double *a, int n, int begin, int width, const double *least)
{
	for (int j = begin; j < begin + width; j++)
	{
		double	   *row_j = a + (size_t) j * n;
		double		pivot = row_j[j];

		for (int k = begin; k < j; k++)
			pivot -= row_j[k] * row_j[k];
		if (!(pivot > least[j]))
			return false;
		pivot = sqrt(pivot);
		row_j[j] = pivot;
		for (int i = j + 1; i < n; i++)
		{
			double	   *row_i = a + (size_t) i * n;
			double		sum = row_i[j];

			for (int k = begin; k < j; k++)
				sum -= row_i[k] * row_j[k];
			row_i[j] = sum / pivot;
		}
	}
	return true;
}

LearnStatus
cholesky_factor(LearnEnv *env, double *a, int n, double tolerance, bool *definite)
{
	ArenaMark	mark = arena_mark(env->arena);
	double	   *least;

	*definite = false;
	LEARN_ALLOC(env, least, n);
	for (int j = 0; j < n; j++)
	{
		double		diagonal = a[(size_t) j * n + j];

		least[j] = tolerance * (diagonal > 0 ? diagonal : 0);
	}
	for (int begin = 0; begin < n; begin += BLOCK)
	{
		int			width = at_most(n - begin, BLOCK);
		int			rest = begin + width;
		double	   *panel = a + (size_t) rest * n + begin;

		LEARN_TRY(learn_poll(env));
		if (!factor_columns(a, n, begin, width, least))
		{
			arena_reset(env->arena, mark);
			return LEARN_OK;
		}
		if (rest < n)
			LEARN_TRY(subtract_product(env, false, true, n - rest, n - rest, width, panel, n, panel, n,
									   a + (size_t) rest * n + rest, n));
	}
	for (int i = 0; i < n; i++)
		memset(a + (size_t) i * n + i + 1, 0, (n - i - 1) * sizeof(double));
	*definite = true;
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* x[i] -= factor * x[k], rows of m numbers. */
static void
subtract_row(double *x, int m, int i, int k, double factor)
{
	double	   *row_i = x + (size_t) i * m;
	const double *row_k = x + (size_t) k * m;

	for (int c = 0; c < m; c++)
		row_i[c] -= factor * row_k[c];
}

static void
divide_row(double *x, int m, int i, double divisor)
{
	for (int c = 0; c < m; c++)
		x[(size_t) i * m + c] /= divisor;
}

LearnStatus
cholesky_solve(LearnEnv *env, const double *l, int n, bool transposed, double *x, int m)
{
	int			blocks = (n + BLOCK - 1) / BLOCK;

	for (int b = 0; b < blocks; b++)
	{
		int			begin = (transposed ? blocks - 1 - b : b) * BLOCK;
		int			end = at_most(begin + BLOCK, n);
		const double *diagonal = l + (size_t) begin * n + begin;

		LEARN_TRY(learn_poll(env));
		if (!transposed)
		{
			for (int i = begin; i < end; i++)
			{
				for (int k = begin; k < i; k++)
					subtract_row(x, m, i, k, l[(size_t) i * n + k]);
				divide_row(x, m, i, l[(size_t) i * n + i]);
			}
			if (end < n)
				LEARN_TRY(subtract_product(env, false, false, n - end, m, end - begin,
										   diagonal + (size_t) (end - begin) * n, n,
										   x + (size_t) begin * m, m, x + (size_t) end * m, m));
		}
		else
		{
			for (int i = end - 1; i >= begin; i--)
			{
				for (int k = i + 1; k < end; k++)
					subtract_row(x, m, i, k, l[(size_t) k * n + i]);
				divide_row(x, m, i, l[(size_t) i * n + i]);
			}
			if (begin > 0)
				LEARN_TRY(subtract_product(env, true, false, begin, m, end - begin,
										   l + (size_t) begin * n, n,
										   x + (size_t) begin * m, m, x, m));
		}
	}
	return LEARN_OK;
}
