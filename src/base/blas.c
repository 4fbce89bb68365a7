/*
 * blas.c
 *	  Opens OpenBLAS at run time and calls it through pointers.
 *
 * Memory.  OpenBLAS maps a work buffer for each thread and keeps it.  If the mapping fails, it
 * tries again without end, deaf to signals.  So blas_load() asks the system for the memory first,
 * and lets OpenBLAS map its buffers only while the memory is known to be there.  Later calls
 * reuse these buffers.
 */
#include "blas.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* CBLAS's enumerations, which are part of its binary interface. */
#define ROW_MAJOR		101
#define NO_TRANS		111
#define TRANS			112
#define UPPER			121
#define LOWER			122
#define NON_UNIT		131
#define LEFT			141

/*
 * Multiplications of one piece of a long product: 20 ms at 25 GFLOP/s, the slowest core we think
 * of.
 */
#define PIECE_PRODUCTS	2.5e8

#define PARALLEL_OPENMP	2		/* what openblas_get_parallel() says of an OpenMP build */

#define MEGABYTE		((size_t) 1024 * 1024)
#define LIBRARY_BYTES	(64 * MEGABYTE)		/* of OpenBLAS and libgfortran, with room to spare */
#define BUFFER_BYTES	(128 * MEGABYTE)	/* OpenBLAS's BUFFER_SIZE, at most */

/*
 * A product on several threads keeps a table in malloc's memory, and OpenBLAS ends the process if
 * there is none: this many bytes for the square of the threads that the library can have.
 */
#define TABLE_BYTES		256

/* Multiplications of the smallest product that may run on several threads. */
#define PARALLEL_LEAST	1e4

/* Debian's and Arch's name (any variant), Fedora's name of the pthread build. */
static const char *const sonames[] = {"libopenblas.so.0", "libopenblasp.so.0"};

static struct
{
	void	   *handle;
	int			threads;
	/* threads that the library has started, those in use and idle ones */
	int			started;
	int			most_threads;	/* that the library was built for */
	int			buffers;		/* that the library holds for later calls */
	void		(*sgemm) (int order, int trans_a, int trans_b, int m, int n, int k,
						  float alpha, const float *a, int lda, const float *b, int ldb,
						  float beta, float *c, int ldc);
	void		(*dgemm) (int order, int trans_a, int trans_b, int m, int n, int k,
						  double alpha, const double *a, int lda, const double *b, int ldb,
						  double beta, double *c, int ldc);
	void		(*dsyrk) (int order, int uplo, int trans, int n, int k,
						  double alpha, const double *a, int lda,
						  double beta, double *c, int ldc);
	void		(*dtrsm) (int order, int side, int uplo, int trans, int diagonal, int m, int n,
						  double alpha, const double *a, int lda, double *b, int ldb);
	void		(*set_threads) (int threads);
	int			(*get_parallel) (void);
	char	   *(*get_config) (void);
	void	   *(*memory_alloc) (int purpose);	/* may be NULL */
	void		(*memory_free) (void *buffer);	/* may be NULL */
}			blas;

static bool
find_symbols(void *handle)
{
	*(void **) &blas.sgemm = dlsym(handle, "cblas_sgemm");
	*(void **) &blas.dgemm = dlsym(handle, "cblas_dgemm");
	*(void **) &blas.dsyrk = dlsym(handle, "cblas_dsyrk");
	*(void **) &blas.dtrsm = dlsym(handle, "cblas_dtrsm");
	*(void **) &blas.set_threads = dlsym(handle, "openblas_set_num_threads");
	*(void **) &blas.get_parallel = dlsym(handle, "openblas_get_parallel");
	*(void **) &blas.get_config = dlsym(handle, "openblas_get_config");
	*(void **) &blas.memory_alloc = dlsym(handle, "blas_memory_alloc");
	*(void **) &blas.memory_free = dlsym(handle, "blas_memory_free");
	return blas.sgemm && blas.dgemm && blas.dsyrk && blas.dtrsm && blas.set_threads && blas.get_parallel && blas.get_config;
}

/* Can this process have that much more memory now? */
static bool
memory_left(size_t bytes)
{
	void	   *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return false;
	munmap(map, bytes);
	return true;
}

static LearnStatus
no_memory(LearnEnv *env, size_t bytes, int threads)
{
	learn_fail(env, LEARN_NO_MEMORY, "not enough memory for OpenBLAS: it needs %zu MB more for %d %s",
			   bytes / MEGABYTE, threads, threads == 1 ? "thread" : "threads");
	learn_hint(env, "Raise the limit on the server's address space or free memory%s.",
			   threads > 1 ? ", or set dml.threads = 1" : "");
	return LEARN_NO_MEMORY;
}

/* What a thread that is started on trial does: it ends when the starter unlocks. */
static void *
trial_thread(void *lock)
{
	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
	return NULL;
}

/*
 * Can that many more threads run together?  OpenBLAS answers a thread that does not start with
 * SIGINT to its own process, so they are started on trial first.  All signals are blocked.
 */
static bool
threads_left(int count)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t  *thread = malloc(count * sizeof(pthread_t));
	int			started = 0;

	if (thread == NULL)
		return false;
	pthread_mutex_lock(&lock);
	while (started < count && pthread_create(&thread[started], NULL, trial_thread, &lock) == 0)
		started++;
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	free(thread);
	return started == count;
}

/*
 * Let the library map as many free buffers as it has threads, each only after the memory for it
 * was there.  Later calls find them and map none.
 */
static LearnStatus
reserve_buffers(LearnEnv *env)
{
	void	   *held[256];
	int			n = 0;
	bool		enough = true;

	if (blas.buffers >= blas.threads)
		return LEARN_OK;
	if (blas.memory_alloc == NULL || blas.memory_free == NULL)
	{
		/* a build that hides them: the calls map the buffers */
		if (!memory_left(BUFFER_BYTES * (blas.threads - blas.buffers)))
			return no_memory(env, BUFFER_BYTES * (blas.threads - blas.buffers), blas.threads);
		return LEARN_OK;
	}
	while (enough && n < blas.threads && n < (int) (sizeof(held) / sizeof(held[0])))
	{
		enough = n < blas.buffers || memory_left(BUFFER_BYTES);
		if (enough)
			enough = (held[n++] = blas.memory_alloc(0)) != NULL;
	}
	blas.buffers = n > blas.buffers ? n : blas.buffers;
	for (int i = 0; i < n; i++)
		if (held[i] != NULL)
			blas.memory_free(held[i]);
	if (!enough)
		return no_memory(env, BUFFER_BYTES * (blas.threads - blas.buffers), blas.threads);
	return LEARN_OK;
}

/* The threads that the library can have, from its description of itself. */
static int
most_threads(void)
{
	const char *text = strstr(blas.get_config(), "MAX_THREADS=");
	int			most = text != NULL ? atoi(text + strlen("MAX_THREADS=")) : 0;

	return most > 0 ? most : 1;
}

static LearnStatus
use_threads(LearnEnv *env, int threads)
{
	int			more = threads - blas.started;
	sigset_t	all;
	sigset_t	before;
	bool		enough = true;

	if (threads == blas.threads)
		return LEARN_OK;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (more > 0)
		enough = memory_left(BUFFER_BYTES * more) && threads_left(more);
	if (enough)
	{
		blas.set_threads(threads);
		blas.threads = threads;
		blas.started += more > 0 ? more : 0;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return enough ? LEARN_OK : no_memory(env, BUFFER_BYTES * more, threads);
}

/*
 * In front of a call of that many multiplications: a single thread from here on if the table that
 * several of them need would not fit.
 */
static void
guard_threads(double products)
{
	size_t		table = (size_t) blas.most_threads * blas.most_threads * TABLE_BYTES;

	if (blas.threads > 1 && products >= PARALLEL_LEAST && !memory_left(table + MEGABYTE))
	{
		blas.set_threads(1);
		blas.threads = 1;
	}
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

		/* newer versions map a buffer while they are loaded */
		if (!memory_left(LIBRARY_BYTES + BUFFER_BYTES))
			return no_memory(env, LIBRARY_BYTES + BUFFER_BYTES, 1);
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
		if (handle != NULL && strstr(blas.get_config(), "USE64BITINT") != NULL)
		{
			dlclose(handle);
			handle = NULL;
			snprintf(reason, sizeof(reason), "its integers have 64 bits");
		}
		if (handle == NULL)
		{
			learn_fail(env, LEARN_NO_BLAS, "could not load OpenBLAS: %s", reason);
			learn_hint(env, "Install OpenBLAS, on Debian and Ubuntu the package libopenblas0-pthread.");
			return LEARN_NO_BLAS;
		}
		blas.handle = handle;
		blas.threads = 1;
		blas.started = 1;
		blas.most_threads = most_threads();
	}

	/* OpenMP starts threads whenever it likes, with whatever signal mask holds then. */
	if (blas.get_parallel() == PARALLEL_OPENMP)
		threads = 1;
	LEARN_TRY(use_threads(env, threads < blas.most_threads ? threads : blas.most_threads));
	return reserve_buffers(env);
}

bool
blas_loaded(void)
{
	return blas.handle != NULL;
}

LearnStatus
blas_lapack(LearnEnv *env, const char *name, void **function)
{
	*function = dlsym(blas.handle, name);
	if (*function == NULL)
	{
		learn_fail(env, LEARN_NO_BLAS, "this OpenBLAS was built without LAPACK: it lacks %s", name);
		learn_hint(env, "Install a complete OpenBLAS, on Debian and Ubuntu the package libopenblas0-pthread.");
		return LEARN_NO_BLAS;
	}
	guard_threads(INFINITY);
	return LEARN_OK;
}

void
blas_gemm(bool trans_a, bool trans_b, int m, int n, int k,
		  real alpha, const real *a, int lda, const real *b, int ldb,
		  real beta, real *c, int ldc)
{
#ifdef LEARN_DOUBLE
	blas_dgemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#else
	guard_threads((double) m * n * k);
	blas.sgemm(ROW_MAJOR, trans_a ? TRANS : NO_TRANS, trans_b ? TRANS : NO_TRANS, m, n, k,
			   alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}

void
blas_dgemm(bool trans_a, bool trans_b, int m, int n, int k,
		   double alpha, const double *a, int lda, const double *b, int ldb,
		   double beta, double *c, int ldc)
{
	guard_threads((double) m * n * k);
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
	guard_threads((double) n * n * k);
	blas.dsyrk(ROW_MAJOR, UPPER, TRANS, n, k, alpha, a, lda, 1.0, c, ldc);
	for (int i = 1; i < n; i++)
		for (int j = 0; j < i; j++)
			c[(size_t) i * ldc + j] = c[(size_t) j * ldc + i];
}

void
blas_dtrsm(bool trans, int n, int m, const double *l, int ldl, double *x, int ldx)
{
	guard_threads((double) n * n * m / 2);
	blas.dtrsm(ROW_MAJOR, LEFT, LOWER, trans ? TRANS : NO_TRANS, NON_UNIT, n, m, 1.0, l, ldl, x, ldx);
}
