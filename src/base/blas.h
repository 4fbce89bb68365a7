/*
 * blas.h
 *	  OpenBLAS, opened when the first training or evaluation needs it.
 *
 * A backend that only stores, compares and embeds vectors never loads it: hence
 * dlopen of the library's soname and not a link dependency.  The pthread build of
 * OpenBLAS starts its threads when it is loaded, so OPENBLAS_NUM_THREADS is set
 * around the load, and all signals are blocked for threads that it starts later: a
 * PostgreSQL signal handler must run in the backend's own thread.
 */
#ifndef BLAS_H
#define BLAS_H

#include "learn.h"

/*
 * Load the library if need be, let it use env->threads threads, and reserve the memory that it
 * works in, so that no later call waits for memory.  LEARN_NO_BLAS: there is no library.
 * LEARN_NO_MEMORY: no room for it, for its threads or for their buffers (128 MB each); a later
 * call tries again.
 */
extern LearnStatus blas_load(LearnEnv *env);
extern bool blas_loaded(void);

/*
 * A LAPACK function of the loaded library, by its Fortran name ("dpotrf_"); its integers are int.
 * LEARN_NO_BLAS if the library lacks it.  Get it anew for each use.
 */
extern LearnStatus blas_lapack(LearnEnv *env, const char *name, void **function);

/*
 * Row-major C (m x n) = alpha * op(A) op(B) + beta * C, op(A) m x k, op(B) k x n.
 * lda, ldb, ldc are the row lengths of the arrays as stored.  blas_load() first.
 * One call is at most about 20 ms of work; the caller splits larger ones.
 */
extern void blas_gemm(bool trans_a, bool trans_b, int m, int n, int k,
					  real alpha, const real *a, int lda, const real *b, int ldb,
					  real beta, real *c, int ldc);

/* As above, for a product of any size: split, with a poll of env before each piece. */
extern LearnStatus blas_gemm_polled(LearnEnv *env, bool trans_a, bool trans_b, int m, int n, int k,
									real alpha, const real *a, int lda, const real *b, int ldb,
									real beta, real *c, int ldc);

extern void blas_dgemm(bool trans_a, bool trans_b, int m, int n, int k,
					   double alpha, const double *a, int lda, const double *b, int ldb,
					   double beta, double *c, int ldc);

/* A product of doubles of any size, split and polled as blas_gemm_polled. */
extern LearnStatus blas_dgemm_polled(LearnEnv *env, bool trans_a, bool trans_b, int m, int n, int k,
									 double alpha, const double *a, int lda, const double *b, int ldb,
									 double beta, double *c, int ldc);

/* Upper or lower, row-major: C (n x n) += alpha * A^T A for A k x n; the full matrix is written. */
extern void blas_dsyrk_at_a(int n, int k, double alpha, const double *a, int lda, double *c, int ldc);

/* Row-major x (n x m, rows of ldx) = L^-1 x, or L^-T x, L the lower triangle of l (n x n). */
extern void blas_dtrsm(bool trans, int n, int m, const double *l, int ldl, double *x, int ldx);

#endif							/* BLAS_H */
