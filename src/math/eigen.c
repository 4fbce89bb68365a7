/*
 * eigen.c
 *	  Eigenvectors of symmetric matrices: to tridiagonal form by LAPACK's panels, divide and
 *	  conquer there (tridiagonal.c), and back.
 */
#include "eigen.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "tridiagonal.h"

/* A panel's products read the rest of the matrix once a column: so many bytes at a time. */
#define PANEL_BYTES		((size_t) 128 * 1024 * 1024)
#define MAX_PANEL		32

/* Columns that are transformed back at once: 4 * n * n flops each. */
#define BACK_FLOPS		5e8

typedef struct Lapack
{
	void		(*dlatrd) (const char *uplo, const int *n, const int *nb, double *a, const int *lda,
						   double *e, double *tau, double *w, const int *ldw, size_t uplo_length);
	void		(*dsyr2k) (const char *uplo, const char *trans, const int *n, const int *k, const double *alpha,
						   const double *a, const int *lda, const double *b, const int *ldb,
						   const double *beta, double *c, const int *ldc, size_t uplo_length, size_t trans_length);
	void		(*dsytd2) (const char *uplo, const int *n, double *a, const int *lda, double *d,
						   double *e, double *tau, int *info, size_t uplo_length);
	void		(*dormtr) (const char *side, const char *uplo, const char *trans, const int *m, const int *n,
						   double *a, const int *lda, const double *tau, double *c, const int *ldc,
						   double *work, const int *lwork, int *info,
						   size_t side_length, size_t uplo_length, size_t trans_length);
} Lapack;

static LearnStatus
load(LearnEnv *env, Lapack *lapack)
{
	LEARN_TRY(blas_load(env));
	*(void **) &lapack->dlatrd = blas_symbol("dlatrd_");
	*(void **) &lapack->dsyr2k = blas_symbol("dsyr2k_");
	*(void **) &lapack->dsytd2 = blas_symbol("dsytd2_");
	*(void **) &lapack->dormtr = blas_symbol("dormtr_");
	if (lapack->dlatrd == NULL || lapack->dsyr2k == NULL || lapack->dsytd2 == NULL || lapack->dormtr == NULL)
		return learn_fail(env, LEARN_NO_BLAS, "this OpenBLAS was built without LAPACK");
	return LEARN_OK;
}

void
eigen_fix_signs(double *a, int rows, int n)
{
	for (int i = 0; i < rows; i++)
	{
		double	   *row = a + (size_t) i * n;
		int			largest = 0;

		for (int j = 1; j < n; j++)
			if (fabs(row[j]) > fabs(row[largest]))
				largest = j;
		if (row[largest] < 0)
			for (int j = 0; j < n; j++)
				row[j] = -row[j];
	}
}

/* Columns of the next panel for a rest of m rows. */
static int
panel_width(int m)
{
	size_t		width = PANEL_BYTES / ((size_t) m * m * sizeof(double) / 2 + 1);

	return width < 2 ? 2 : width > MAX_PANEL ? MAX_PANEL : (int) width;
}

/*
 * a = Q T Q^T: LAPACK's dsytrd panel by panel, lower triangle.  diagonal (n) and off (n - 1) are
 * T; Q is left in a and tau.
 */
static LearnStatus
reduce(LearnEnv *env, const Lapack *lapack, double *a, int n, double *diagonal, double *off, double *tau)
{
	static const double one = 1;
	static const double minus = -1;
	double	   *w;
	int			begin = 0;
	int			rest;
	int			info;

	LEARN_ALLOC(env, w, (size_t) n * MAX_PANEL);
	while (n - begin > 2 * MAX_PANEL)
	{
		int			m = n - begin;
		int			width = panel_width(m);
		double	   *corner = a + (size_t) begin * n + begin;

		LEARN_TRY(learn_poll(env));
		rest = m - width;
		lapack->dlatrd("L", &m, &width, corner, &n, off + begin, tau + begin, w, &n, 1);
		LEARN_TRY(learn_poll(env));
		lapack->dsyr2k("L", "N", &rest, &width, &minus, corner + width, &n, w + width, &n,
					   &one, corner + (size_t) width * n + width, &n, 1, 1);
		for (int j = 0; j < width; j++)
		{
			diagonal[begin + j] = corner[(size_t) j * n + j];
			corner[(size_t) j * n + j + 1] = off[begin + j];
		}
		begin += width;
	}
	rest = n - begin;
	lapack->dsytd2("L", &rest, a + (size_t) begin * n + begin, &n, diagonal + begin, off + begin,
				   tau + begin, &info, 1);
	return LEARN_OK;
}

/* Rows of vector (k x n) become Q times them. */
static LearnStatus
transform_back(LearnEnv *env, const Lapack *lapack, double *a, int n, const double *tau, double *vector, int k)
{
	int			step = (int) (BACK_FLOPS / 4 / n / n) + 1;
	int			lwork;
	double	   *work;

	/* dormtr asks for one block of 64 reflectors and its factor, of columns together */
	if (step > k)
		step = k;
	lwork = step * 64 + 65 * 64;
	LEARN_ALLOC(env, work, lwork);
	for (int begin = 0; begin < k; begin += step)
	{
		int			count = k - begin < step ? k - begin : step;
		int			info;

		LEARN_TRY(learn_poll(env));
		lapack->dormtr("L", "L", "N", &n, &count, a, &n, tau, vector + (size_t) begin * n, &n,
					   work, &lwork, &info, 1, 1, 1);
	}
	return LEARN_OK;
}

LearnStatus
eigen_symmetric(LearnEnv *env, double *a, int n, int k, double *value, double *vector)
{
	ArenaMark	mark = arena_mark(env->arena);
	size_t		cells = (size_t) n * n;
	double		scale = 0;
	Lapack		lapack;
	double	   *diagonal;
	double	   *off;
	double	   *tau;
	double	   *all;

	if (k == 0)
		return LEARN_OK;
	LEARN_TRY(load(env, &lapack));
	LEARN_ALLOC(env, diagonal, n);
	LEARN_ALLOC(env, off, n);
	LEARN_ALLOC(env, tau, n);
	LEARN_ALLOC(env, all, cells);

	for (size_t i = 0; i < cells; i++)
		scale = fmax(scale, fabs(a[i]));
	if (scale == 0)
		scale = 1;
	for (size_t i = 0; i < cells; i++)
		a[i] /= scale;
	LEARN_TRY(reduce(env, &lapack, a, n, diagonal, off, tau));
	LEARN_TRY(tridiagonal_eigen(env, diagonal, off, n, k, all));
	for (int i = 0; i < k; i++)
	{
		value[i] = diagonal[n - 1 - i] * scale;
		memcpy(vector + (size_t) i * n, all + (size_t) (n - 1 - i) * n, n * sizeof(double));
	}
	LEARN_TRY(transform_back(env, &lapack, a, n, tau, vector, k));
	eigen_fix_signs(vector, k, n);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
