/*
 * blas.c
 *	  Opens OpenBLAS at run time and calls it through pointers.
 */
#include "blas.h"

#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CBLAS's enumerations, which are part of its binary interface. */
#define ROW_MAJOR		101
#define NO_TRANS		111
#define TRANS			112
#define UPPER			121

/* Multiplications of one piece of a long product: 20 ms at 25 GFLOP/s, the slowest core we think of. */
#define PIECE_PRODUCTS	2.5e8

#define PARALLEL_OPENMP	2		/* what openblas_get_parallel() says of an OpenMP build */

/* Debian's and Arch's name (any variant), Fedora's name of the pthread build. */
static const char *const sonames[] = {"libopenblas.so.0", "libopenblasp.so.0"};

static struct
{
	void	   *handle;
	int			threads;
	void		(*sgemm) (int order, int trans_a, int trans_b, int m, int n, int k,
						  float alpha, const float *a, int lda, const float *b, int ldb,
						  float beta, float *c, int ldc);
	void		(*dgemm) (int order, int trans_a, int trans_b, int m, int n, int k,
						  double alpha, const double *a, int lda, const double *b, int ldb,
						  double beta, double *c, int ldc);
	void		(*dsyrk) (int order, int uplo, int trans, int n, int k,
						  double alpha, const double *a, int lda,
						  double beta, double *c, int ldc);
	void		(*set_threads) (int threads);
	int			(*get_parallel) (void);
}			blas;

static bool
find_symbols(void *handle)
{
	*(void **) &blas.sgemm = dlsym(handle, "cblas_sgemm");
	*(void **) &blas.dgemm = dlsym(handle, "cblas_dgemm");
	*(void **) &blas.dsyrk = dlsym(handle, "cblas_dsyrk");
	*(void **) &blas.set_threads = dlsym(handle, "openblas_set_num_threads");
	*(void **) &blas.get_parallel = dlsym(handle, "openblas_get_parallel");
	return blas.sgemm && blas.dgemm && blas.dsyrk && blas.set_threads && blas.get_parallel;
}

/*
 * Open the library with OPENBLAS_NUM_THREADS = 1, for it reads the variable when it is
 * loaded and would start a thread for each core; the variable is put back afterwards.
 * Returns NULL with the loader's words in reason.
 */
static void *
open_library(char *reason, size_t size)
{
	const char *old = getenv("OPENBLAS_NUM_THREADS");
	char	   *saved = NULL;
	void	   *handle = NULL;

	if (old != NULL && (saved = strdup(old)) == NULL)
	{
		snprintf(reason, size, "out of memory");
		return NULL;
	}
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	for (size_t i = 0; i < sizeof(sonames) / sizeof(sonames[0]) && handle == NULL; i++)
	{
		handle = dlopen(sonames[i], RTLD_NOW | RTLD_LOCAL);
		if (handle == NULL && i == 0)
			snprintf(reason, size, "%s", dlerror());
	}
	if (saved != NULL)
		setenv("OPENBLAS_NUM_THREADS", saved, 1);
	else
		unsetenv("OPENBLAS_NUM_THREADS");
	free(saved);
	return handle;
}

LearnStatus
blas_load(LearnEnv *env)
{
	int			threads = env->threads > 0 ? env->threads : 1;
	char		reason[256];
	sigset_t	all;
	sigset_t	before;

	if (blas.handle == NULL)
	{
		void	   *handle;

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, &before);
		handle = open_library(reason, sizeof(reason));
		sigprocmask(SIG_SETMASK, &before, NULL);
		if (handle != NULL && !find_symbols(handle))
		{
			dlclose(handle);
			handle = NULL;
			snprintf(reason, sizeof(reason), "it lacks the CBLAS functions");
		}
		if (handle == NULL)
		{
			learn_fail(env, LEARN_NO_BLAS, "could not load OpenBLAS: %s", reason);
			learn_hint(env, "Install OpenBLAS, on Debian and Ubuntu the package libopenblas0-pthread.");
			return LEARN_NO_BLAS;
		}
		blas.handle = handle;
		blas.threads = 1;
	}

	/* OpenMP starts threads whenever it likes, with whatever signal mask holds then. */
	if (blas.get_parallel() == PARALLEL_OPENMP)
		threads = 1;
	if (threads != blas.threads)
	{
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, &before);
		blas.set_threads(threads);
		sigprocmask(SIG_SETMASK, &before, NULL);
		blas.threads = threads;
	}
	return LEARN_OK;
}

bool
blas_loaded(void)
{
	return blas.handle != NULL;
}

void *
blas_symbol(const char *name)
{
	return dlsym(blas.handle, name);
}

void
blas_gemm(bool trans_a, bool trans_b, int m, int n, int k,
		  real alpha, const real *a, int lda, const real *b, int ldb,
		  real beta, real *c, int ldc)
{
#ifdef LEARN_DOUBLE
	blas_dgemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#else
	blas.sgemm(ROW_MAJOR, trans_a ? TRANS : NO_TRANS, trans_b ? TRANS : NO_TRANS, m, n, k,
			   alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}

void
blas_dgemm(bool trans_a, bool trans_b, int m, int n, int k,
		   double alpha, const double *a, int lda, const double *b, int ldb,
		   double beta, double *c, int ldc)
{
	blas.dgemm(ROW_MAJOR, trans_a ? TRANS : NO_TRANS, trans_b ? TRANS : NO_TRANS, m, n, k,
			   alpha, a, lda, b, ldb, beta, c, ldc);
}

/* One product of either width; a, b and c are arrays of its elements, of `size` bytes. */
static void
product(size_t size, bool trans_a, bool trans_b, int m, int n, int k,
		double alpha, const void *a, int lda, const void *b, int ldb, double beta, void *c, int ldc)
{
	if (size == sizeof(double))
		blas_dgemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
	else
		blas_gemm(trans_a, trans_b, m, n, k, (real) alpha, a, lda, b, ldb, (real) beta, c, ldc);
}

/* In pieces of the result's rows, or of its columns, whichever are more. */
static LearnStatus
product_polled(LearnEnv *env, size_t size, bool trans_a, bool trans_b, int m, int n, int k,
			   double alpha, const char *a, int lda, const char *b, int ldb, double beta, char *c, int ldc)
{
	bool		by_rows = m > n;
	int			whole = by_rows ? m : n;
	double		pieces = ceil((double) m * n * k / PIECE_PRODUCTS);
	int			piece = pieces < whole ? (int) ceil(whole / fmax(pieces, 1)) : 1;

	for (int i = 0; i < whole; i += piece)
	{
		int			count = whole - i < piece ? whole - i : piece;

		LEARN_TRY(learn_poll(env));
		if (by_rows)
			product(size, trans_a, trans_b, count, n, k,
					alpha, a + size * (trans_a ? i : (size_t) i * lda), lda, b, ldb,
					beta, c + size * i * ldc, ldc);
		else
			product(size, trans_a, trans_b, m, count, k,
					alpha, a, lda, b + size * (trans_b ? (size_t) i * ldb : i), ldb,
					beta, c + size * i, ldc);
	}
	return LEARN_OK;
}

LearnStatus
blas_gemm_polled(LearnEnv *env, bool trans_a, bool trans_b, int m, int n, int k,
				 real alpha, const real *a, int lda, const real *b, int ldb,
				 real beta, real *c, int ldc)
{
	return product_polled(env, sizeof(real), trans_a, trans_b, m, n, k, alpha, (const char *) a, lda,
						  (const char *) b, ldb, beta, (char *) c, ldc);
}

LearnStatus
blas_dgemm_polled(LearnEnv *env, bool trans_a, bool trans_b, int m, int n, int k,
				  double alpha, const double *a, int lda, const double *b, int ldb,
				  double beta, double *c, int ldc)
{
	return product_polled(env, sizeof(double), trans_a, trans_b, m, n, k, alpha, (const char *) a, lda,
						  (const char *) b, ldb, beta, (char *) c, ldc);
}

void
blas_dsyrk_at_a(int n, int k, double alpha, const double *a, int lda, double *c, int ldc)
{
	blas.dsyrk(ROW_MAJOR, UPPER, TRANS, n, k, alpha, a, lda, 1.0, c, ldc);
	for (int i = 1; i < n; i++)
		for (int j = 0; j < i; j++)
			c[(size_t) i * ldc + j] = c[(size_t) j * ldc + i];
}
