/*
 * eigen.c
 *	  Eigenvectors of symmetric matrices by LAPACK: to tridiagonal form, divide and conquer there
 *	  (dstedc), and back.
 *
 * The way there is LAPACK's dsytrd, called panel by panel: its one call would take some seconds for
 * 4,096 rows, and nobody could cancel it.
 */
#include "eigen.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"

/*
 * A panel's products read the rest of the matrix once for each column: this many bytes at a time.
 */
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
	void		(*dstedc) (const char *compz, const int *n, double *d, double *e, double *z, const int *ldz,
						   double *work, const int *lwork, int *iwork, const int *liwork, int *info,
						   size_t compz_length);
	void		(*dormtr) (const char *side, const char *uplo, const char *trans, const int *m, const int *n,
						   double *a, const int *lda, const double *tau, double *c, const int *ldc,
						   double *work, const int *lwork, int *info,
						   size_t side_length, size_t uplo_length, size_t trans_length);
} Lapack;

static LearnStatus
load(LearnEnv *env, Lapack *lapack)
{
	LEARN_TRY(blas_load(env));
	LEARN_TRY(blas_lapack(env, "dlatrd_", (void **) &lapack->dlatrd));
	LEARN_TRY(blas_lapack(env, "dsyr2k_", (void **) &lapack->dsyr2k));
	LEARN_TRY(blas_lapack(env, "dsytd2_", (void **) &lapack->dsytd2));
	LEARN_TRY(blas_lapack(env, "dstedc_", (void **) &lapack->dstedc));
	return blas_lapack(env, "dormtr_", (void **) &lapack->dormtr);
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

/* diagonal becomes the eigenvalues, rising; vector (n x n): a row the eigenvector of each. */
static LearnStatus
solve_tridiagonal(LearnEnv *env, const Lapack *lapack, double *diagonal, double *off, int n, double *vector)
{
	int			lwork = 1 + 4 * n + n * n;
	int			liwork = 3 + 5 * n;
	ArenaMark	mark = arena_mark(env->arena);
	double	   *work;
	int		   *iwork;
	int			info;

	LEARN_ALLOC(env, work, lwork);
	LEARN_ALLOC(env, iwork, liwork);
	LEARN_TRY(learn_poll(env));
	lapack->dstedc("I", &n, diagonal, off, vector, &n, work, &lwork, iwork, &liwork, &info, 1);
	if (info != 0)
		return learn_fail(env, LEARN_DATA, "an eigenvalue did not converge");
	arena_reset(env->arena, mark);
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

/*
 * The last k of n rows in falling order into the first k of another matrix, which may be the same
 * one.
 */
static void
take_last_rows(const double *from, int n, int k, double *to)
{
	if (from != to)
		for (int i = 0; i < k; i++)
			memcpy(to + (size_t) i * n, from + (size_t) (n - 1 - i) * n, n * sizeof(double));
	else
		for (int i = 0; i < n / 2; i++)
			for (int j = 0; j < n; j++)
			{
				double		t = to[(size_t) i * n + j];

				to[(size_t) i * n + j] = to[(size_t) (n - 1 - i) * n + j];
				to[(size_t) (n - 1 - i) * n + j] = t;
			}
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
	all = vector;
	if (k < n)
		LEARN_ALLOC(env, all, cells);

	for (size_t i = 0; i < cells; i++)
		scale = fmax(scale, fabs(a[i]));
	if (scale == 0)
		scale = 1;
	for (size_t i = 0; i < cells; i++)
		a[i] /= scale;
	LEARN_TRY(reduce(env, &lapack, a, n, diagonal, off, tau));
	LEARN_TRY(solve_tridiagonal(env, &lapack, diagonal, off, n, all));
	for (int i = 0; i < k; i++)
		value[i] = diagonal[n - 1 - i] * scale;
	take_last_rows(all, n, k, vector);
	LEARN_TRY(transform_back(env, &lapack, a, n, tau, vector, k));
	eigen_fix_signs(vector, k, n);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
