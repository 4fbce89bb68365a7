/*
 * eigen.c
 *	  Eigenvectors of symmetric matrices by LAPACK.
 */
#include "learn/eigen.h"

#include <math.h>
#include <string.h>

#include "learn/blas.h"

/* Of a vector and its opposite the one whose largest element is positive. */
static void
fix_sign(double *v, int n)
{
	int			largest = 0;

	for (int j = 1; j < n; j++)
		if (fabs(v[j]) > fabs(v[largest]))
			largest = j;
	if (v[largest] < 0)
		for (int j = 0; j < n; j++)
			v[j] = -v[j];
}

LearnStatus
eigen_symmetric(LearnEnv *env, double *a, int n, int k, double *value, double *vector)
{
	void		(*dsyevd) (const char *, const char *, const int *, double *, const int *, double *,
						   double *, const int *, int *, const int *, int *, size_t, size_t);
	int			lwork = 1 + 6 * n + 2 * n * n;
	int			liwork = 3 + 5 * n;
	int			info;
	double	   *w;
	double	   *work;
	int		   *iwork;

	LEARN_TRY(blas_load(env));
	*(void **) &dsyevd = blas_symbol("dsyevd_");
	if (dsyevd == NULL)
		return learn_fail(env, LEARN_NO_BLAS, "this OpenBLAS was built without LAPACK");
	LEARN_ALLOC(env, w, n);
	LEARN_ALLOC(env, work, lwork);
	LEARN_ALLOC(env, iwork, liwork);
	dsyevd("V", "U", &n, a, &n, w, work, &lwork, iwork, &liwork, &info, 1, 1);
	if (info != 0)
		return learn_fail(env, LEARN_DATA, "the eigenvalues of the covariance did not converge");
	for (int i = 0; i < k; i++)
	{
		value[i] = w[n - 1 - i];
		memcpy(vector + (size_t) i * n, a + (size_t) (n - 1 - i) * n, n * sizeof(double));
		fix_sign(vector + (size_t) i * n, n);
	}
	return LEARN_OK;
}
