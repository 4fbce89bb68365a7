/*
 * gram.c
 *	  See gram.h.
 */
#include "gram.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/eigen.h"
#include "moments.h"

#define BLOCK_NUMBERS	(2 * 1024 * 1024)	/* of rows that are in memory at once, twice; of sums */
#define BYTES_A_NUMBER	20		/* a float and two doubles */
#define FEW_ROWS		2		/* rows are few if there are at least this many columns for each */
#define MOST_ROWS		4096

/*
 * Memory of the matrix, of its eigenvectors and their computation, and of what discriminant
 * analysis adds.
 */
#define BYTES_A_CELL	56

bool
gram_preferred(int64_t n, int d)
{
	return d > MOMENTS_MAX_COV || n <= d / FEW_ROWS;
}

/* Bytes that the arena may still give. Without a limit, a very large number. */
static double
bytes_left(const LearnEnv *env)
{
	const Arena *arena = env->arena;

	if (arena->limit == 0)
		return INFINITY;
	return arena->limit > arena->taken ? (double) (arena->limit - arena->taken) : 0;
}

/*
 * Rows of d numbers that are read at once. Their buffers take at most a quarter of the memory that
 * is left.
 */
static int
block_rows(const LearnEnv *env, int d)
{
	double		numbers = fmin(BLOCK_NUMBERS, bytes_left(env) / 4 / BYTES_A_NUMBER);

	return numbers > d ? (int) (numbers / d) : 1;
}

/* The number of rows whose matrix takes at most half of the memory that is left. */
static int64_t
rows_that_fit(const LearnEnv *env)
{
	return (int64_t) fmax(2, fmin(MOST_ROWS, sqrt(bytes_left(env) / 2 / BYTES_A_CELL)));
}

/* Read rows begin to begin + count of those in use, standardised, into v. */
static LearnStatus
read_rows(LearnEnv *env, const Gram *g, int begin, int count, float *x, double *v)
{
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(g->rows->fetch(env, g->rows->ctx, g->index + begin, count, x));
	for (int i = 0; i < count; i++)
		for (int j = 0; j < g->d; j++)
			v[(size_t) i * g->d + j] = (x[(size_t) i * g->d + j] - g->mean[j]) * g->factor[j];
	return LEARN_OK;
}

static LearnStatus
choose_rows(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, bool unlabeled, Gram *g)
{
	int64_t		all = n + (unlabeled ? rows->n_unlabeled : 0);
	int64_t		most = rows_that_fit(env);

	g->n = (int) (all < most ? all : most);
	LEARN_ALLOC(env, g->index, g->n);
	for (int64_t i = 0; i < g->n; i++)
	{
		int64_t		place = i * all / g->n;

		g->index[i] = place >= n ? rows->n + (place - n) : index != NULL ? index[place] : place;
	}
	if (g->n < all)
		learn_notice(env, "the directions of %d columns are taken from %d of %lld rows", g->d, g->n, (long long) all);
	return LEARN_OK;
}

LearnStatus
gram_fit(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, bool unlabeled,
		 const double *mean, const double *factor, Gram *gram)
{
	int			d = rows->d;
	int			block = block_rows(env, d);
	ArenaMark	mark;
	float	   *x;
	double	   *v;
	double	   *w;

	LEARN_TRY(blas_load(env));
	*gram = (Gram) {.rows = rows, .d = d, .mean = mean, .factor = factor};
	LEARN_TRY(choose_rows(env, rows, index, index == NULL ? rows->n : n, unlabeled, gram));
	block = block < gram->n ? block : gram->n;
	LEARN_ALLOC(env, gram->a, (size_t) gram->n * gram->n);
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, x, (size_t) block * d);
	LEARN_ALLOC(env, v, (size_t) block * d);
	LEARN_ALLOC(env, w, (size_t) block * d);
	for (int i = 0; i < gram->n; i += block)
	{
		int			m = gram->n - i < block ? gram->n - i : block;

		LEARN_TRY(read_rows(env, gram, i, m, x, v));
		for (int j = i; j < gram->n; j += block)
		{
			int			k = gram->n - j < block ? gram->n - j : block;

			if (j > i)
				LEARN_TRY(read_rows(env, gram, j, k, x, w));
			LEARN_TRY(blas_dgemm_polled(env, false, true, m, k, d, 1, v, d, j > i ? w : v, d,
										0, gram->a + (size_t) i * gram->n + j, gram->n));
		}
	}
	LEARN_TRY(moments_mirror(env, gram->a, gram->n));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
gram_combine(LearnEnv *env, const Gram *gram, const double *coefficient, int k, float *out)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			d = gram->d;
	int			most = block_rows(env, d);
	int			block = most < gram->n ? most : gram->n;
	int			at_once = most < k ? most : k;
	float	   *x;
	double	   *v;
	double	   *sum;

	if (k == 0)
		return LEARN_OK;
	LEARN_ALLOC(env, x, (size_t) block * d);
	LEARN_ALLOC(env, v, (size_t) block * d);
	LEARN_ALLOC(env, sum, (size_t) at_once * d);
	for (int first = 0; first < k; first += at_once)
	{
		int			count = k - first < at_once ? k - first : at_once;

		memset(sum, 0, (size_t) count * d * sizeof(double));
		for (int i = 0; i < gram->n; i += block)
		{
			int			m = gram->n - i < block ? gram->n - i : block;

			LEARN_TRY(read_rows(env, gram, i, m, x, v));
			LEARN_TRY(blas_dgemm_polled(env, true, false, count, d, m, 1, coefficient + (size_t) i * k + first, k,
										v, d, 1, sum, d));
		}
		eigen_fix_signs(sum, count, d);
		for (size_t i = 0; i < (size_t) count * d; i++)
			out[(size_t) first * d + i] = (float) sum[i];
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
gram_directions(LearnEnv *env, Gram *gram, int most, double tolerance, bool unit_variance,
				double *value, float *out, int *rank)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			n = gram->n;
	int			degrees = n > 1 ? n - 1 : 1;
	double	   *u;
	double	   *coefficient;

	most = most < n ? most : n;
	LEARN_ALLOC(env, u, (size_t) most * n);
	LEARN_TRY(eigen_symmetric(env, gram->a, n, most, value, u));
	for (*rank = 0; *rank < most && value[*rank] > tolerance * value[0]; (*rank)++)
		;
	if (*rank == 0)
		return learn_fail(env, LEARN_DATA, "the rows do not differ: there is nothing to learn from");
	LEARN_ALLOC(env, coefficient, (size_t) n * *rank);
	for (int i = 0; i < *rank; i++)
	{
		double		length = sqrt(value[i]);

		value[i] /= degrees;
		if (unit_variance)
			length *= sqrt(value[i]);
		for (int r = 0; r < n; r++)
			coefficient[(size_t) r * *rank + i] = u[(size_t) i * n + r] / length;
	}
	LEARN_TRY(gram_combine(env, gram, coefficient, *rank, out));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
