/*
 * test_blas.c
 *	  OpenBLAS through blas.h: products against sums in a loop, pieces and polls, and
 *	  what loading it leaves behind (environment, signal masks).
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/blas.h"
#include "base/rng.h"
#include "unit_env.h"

static int
count_threads(void)
{
	DIR		   *dir = opendir("/proc/self/task");
	int			n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2;
}

/* Run first, in a child without free file descriptors: the loader cannot open the library. */
static void
test_no_library(void **state)
{
	int			status;
	pid_t		child = fork();

	if (child == 0)
	{
		struct rlimit none = {0, 0};
		UnitEnv		u;
		LearnStatus got;

		unit_env_init(&u);
		setrlimit(RLIMIT_NOFILE, &none);
		got = blas_load(&u.env);
		_exit(got == LEARN_NO_BLAS && !blas_loaded() && strstr(u.env.message, "OpenBLAS") != NULL &&
			  strstr(u.env.hint, "libopenblas0-pthread") != NULL &&
			  getenv("OPENBLAS_NUM_THREADS") == NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The address space of this process in bytes. */
static size_t
address_space(void)
{
	FILE	   *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	if (file == NULL || fscanf(file, "%lu", &pages) != 1)
		abort();
	fclose(file);
	return pages * (size_t) sysconf(_SC_PAGESIZE);
}

/* Allow that many megabytes more. */
static void
limit_memory(int megabytes)
{
	struct rlimit limit = {address_space() + megabytes * (size_t) 1048576, RLIM_INFINITY};

	setrlimit(RLIMIT_AS, &limit);
}

static void
unlimit_memory(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_AS, &limit);
}

/*
 * Products of all kinds that are large enough for several threads, in so many megabytes more than
 * there are; are they right?
 */
static bool
products_work(int n, int megabytes)
{
	real	   *a = calloc(n * n, sizeof(real));
	real	   *c = calloc(n * n, sizeof(real));
	double	   *b = calloc(n * n, sizeof(double));
	double	   *d = calloc(n * n, sizeof(double));
	bool		right;

	for (int i = 0; i < n * n; i++)
		b[i] = a[i] = i % 7 - 3;
	limit_memory(megabytes);
	blas_gemm(false, true, n, n, n, 1, a, n, a, n, 0, c, n);
	blas_dsyrk_at_a(n, n, 1, b, n, d, n);
	blas_dgemm(true, false, n, n, n, -1, b, n, b, n, 1, d, n);
	unlimit_memory();
	right = fabs(d[n + 1]) < 1e-6;
	for (int k = 0; k < n; k++)
		c[1] -= a[k] * a[n + k];
	right = right && fabs(c[1]) < 1e-3;
	free(a);
	free(b);
	free(c);
	free(d);
	return right;
}

/* In a child that must end within seconds: what, then the exit status (0: as promised). */
static void
in_child(int (*what) (void))
{
	int			status;
	pid_t		child = fork();

	if (child == 0)
	{
		alarm(20);
		_exit(what());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Too little at every stage: each is an error at once; then with enough all works. */
static int
short_of_memory(void)
{
	UnitEnv		u;

	unit_env_init(&u);
	for (int megabytes = 0; megabytes <= 120; megabytes += 20)
	{
		limit_memory(megabytes);
		if (blas_load(&u.env) != LEARN_NO_MEMORY || strstr(u.env.message, "OpenBLAS") == NULL)
			return 1;
		unlimit_memory();
	}
	if (blas_load(&u.env) != LEARN_OK || !products_work(300, 0))
		return 2;
	u.env.threads = 3;
	for (int megabytes = 0; megabytes <= 240; megabytes += 40)
	{
		limit_memory(megabytes);
		if (blas_load(&u.env) != LEARN_NO_MEMORY || strstr(u.env.hint, "dml.threads") == NULL)
			return 3;
		unlimit_memory();
		if (!products_work(300, 0))
			return 4;
	}
	/* once the buffers are there, little memory does no harm */
	if (blas_load(&u.env) != LEARN_OK)
		return 5;
	if (!products_work(300, 8) || !products_work(700, 8) || !products_work(300, 0))
		return 6;
	limit_memory(0);
	if (blas_load(&u.env) != LEARN_OK)
		return 7;
	unit_env_done(&u);
	return 0;
}

static int
short_of_threads(void)
{
	struct rlimit none = {0, 0};
	UnitEnv		u;

	unit_env_init(&u);
	if (blas_load(&u.env) != LEARN_OK)
		return 1;
	u.env.threads = 2;
	/* the limit holds for users other than root */
	if (setuid(65534) != 0 || setrlimit(RLIMIT_NPROC, &none) != 0)
		return 0;
	if (blas_load(&u.env) != LEARN_NO_MEMORY || !products_work(300, 0))
		return 2;
	unit_env_done(&u);
	return 0;
}

static void
test_no_memory(void **state)
{
	/* a sanitizer's shadow is part of the address space */
	if (address_space() > (size_t) 1 << 40)
		skip();
	in_child(short_of_memory);
	in_child(short_of_threads);
}

static void
test_load(void **state)
{
	UnitEnv		u;
	sigset_t	before,
				after;
	int			threads = count_threads();

	unit_env_init(&u);
	assert_false(blas_loaded());
	setenv("OPENBLAS_NUM_THREADS", "7", 1);
	sigprocmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	sigprocmask(SIG_SETMASK, NULL, &after);
	assert_true(blas_loaded());
	assert_string_equal(getenv("OPENBLAS_NUM_THREADS"), "7");
	for (int i = 1; i < 32; i++)
		assert_int_equal(sigismember(&before, i), sigismember(&after, i));
	assert_int_equal(count_threads(), threads);
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	unit_env_done(&u);
}

/* Of each thread but the first: are the signals that PostgreSQL handles blocked? */
static void
check_threads_blocked(void)
{
	static const int handled[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};
	DIR		   *dir = opendir("/proc/self/task");
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
	{
		char		path[300];
		char		line[300];
		FILE	   *file;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = fopen(path, "r");
		assert_non_null(file);
		while (fgets(line, sizeof(line), file) != NULL)
			if (strncmp(line, "SigBlk:", 7) == 0)
			{
				unsigned long long mask = strtoull(line + 7, NULL, 16);

				for (int i = 0; i < 6; i++)
					assert_true(mask >> (handled[i] - 1) & 1);
			}
		fclose(file);
	}
	closedir(dir);
}

static void
test_threads(void **state)
{
	UnitEnv		u;
	int			n = 256;
	real	   *a = calloc(n * n, sizeof(real));
	real	   *c = calloc(n * n, sizeof(real));

	unit_env_init(&u);
	u.env.threads = 2;
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	blas_gemm(false, false, n, n, n, 1, a, n, a, n, 0, c, n);
	check_threads_blocked();
	u.env.threads = 1;
	assert_int_equal(blas_load(&u.env), LEARN_OK);
	free(a);
	free(c);
	unit_env_done(&u);
}

static double
element(const real *a, bool trans, int lda, int i, int j)
{
	return trans ? a[j * lda + i] : a[i * lda + j];
}

/* Every transposition, with rows longer than the matrices. */
static void
test_gemm(void **state)
{
	enum
	{
		M = 13, N = 21, K = 34, LD = 40
	};
	static real a[LD * LD],
				b[LD * LD],
				c[LD * LD],
				before[LD * LD];
	Rng			rng;

	rng_seed(&rng, 1, 1);
	for (int trans = 0; trans < 4; trans++)
	{
		bool		ta = trans & 1;
		bool		tb = trans >> 1;

		for (int i = 0; i < LD * LD; i++)
		{
			a[i] = rng_normal(&rng);
			b[i] = rng_normal(&rng);
			c[i] = before[i] = rng_normal(&rng);
		}
		blas_gemm(ta, tb, M, N, K, 0.5, a, LD, b, LD, 2, c, LD);
		for (int i = 0; i < LD; i++)
			for (int j = 0; j < LD; j++)
			{
				double		expected = before[i * LD + j];

				if (i < M && j < N)
				{
					expected *= 2;
					for (int k = 0; k < K; k++)
						expected += 0.5 * element(a, ta, LD, i, k) * element(b, tb, LD, k, j);
				}
				assert_true(fabs(c[i * LD + j] - expected) < 1e-4);
			}
	}
}

static void
test_double(void **state)
{
	enum
	{
		N = 9, K = 50, LD = 12
	};
	static double a[K * LD],
				c[N * LD],
				d[N * LD];
	Rng			rng;

	rng_seed(&rng, 2, 1);
	for (int i = 0; i < K * LD; i++)
		a[i] = rng_normal(&rng);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < LD; j++)
			c[i * LD + j] = d[i * LD + j] = i + j;
	blas_dsyrk_at_a(N, K, 3, a, LD, c, LD);
	blas_dgemm(true, false, N, N, K, 3, a, LD, a, LD, 1, d, LD);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < LD; j++)
		{
			assert_true(fabs(c[i * LD + j] - d[i * LD + j]) < 1e-10);
			if (j < N)
				assert_true(c[i * LD + j] == c[j * LD + i]);
		}
	for (int i = 0; i < N; i++)
	{
		double		sum = i + 2;

		for (int k = 0; k < K; k++)
			sum += 3 * a[k * LD + i] * a[k * LD + 2];
		assert_true(fabs(d[i * LD + 2] - sum) < 1e-10);
	}
}

/* A product of several pieces, split by rows and by columns, is the whole product; a poll ends it. */
static void
test_pieces(void **state)
{
	static const int shape[][3] = {{1100, 600, 1000}, {600, 1100, 1000}};
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 3, 1);
	for (int s = 0; s < 2; s++)
		for (int trans = 0; trans < 4; trans++)
		{
			int			m = shape[s][0],
						n = shape[s][1],
						k = shape[s][2];
			bool		ta = trans & 1;
			bool		tb = trans >> 1;
			int			lda = ta ? m : k;
			int			ldb = tb ? k : n;
			real	   *a = malloc(sizeof(real) * m * k);
			real	   *b = malloc(sizeof(real) * k * n);
			real	   *c = malloc(sizeof(real) * m * n);

			for (int i = 0; i < m * k; i++)
				a[i] = rng_uniform(&rng) - 0.5;
			for (int i = 0; i < k * n; i++)
				b[i] = rng_uniform(&rng) - 0.5;
			u.polls = u.cancel_at = 0;
			assert_int_equal(blas_gemm_polled(&u.env, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, n), LEARN_OK);
			assert_true(u.polls >= 3);
			for (int i = 0; i < 2000; i++)
			{
				int			r = rng_below(&rng, m);
				int			o = rng_below(&rng, n);
				double		expected = 0;

				for (int j = 0; j < k; j++)
					expected += element(a, ta, lda, r, j) * element(b, tb, ldb, j, o);
				assert_true(fabs(c[r * n + o] - expected) < 1e-4);
			}
			u.polls = 0;
			u.cancel_at = 2;
			assert_int_equal(blas_gemm_polled(&u.env, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, n), LEARN_CANCELLED);
			free(a);
			free(b);
			free(c);
		}
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_library),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_gemm),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_pieces),
	};

	unsetenv("OPENBLAS_NUM_THREADS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
