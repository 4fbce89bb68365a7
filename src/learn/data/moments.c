/*
 * moments.c
 *	  Moments of streamed rows.
 *
 * Values are taken relative to the mean of the first chunk, so that large values do not drown
 * small differences when squares are added up (Chan, Golub and LeVeque 1983). The rest of the mean
 * is subtracted at the end.
 */
#include "moments.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/blas.h"

#define CHUNK_FLOATS	(512 * 1024)	/* some milliseconds of reading */
#define CHUNK_ROWS		512
#define MIRROR_ROWS		128
#define WHOLE_MOST		16777216	/* 2^24 */
#define COV_TILE		256		/* columns: a tile of a chunk is 67 MFLOP, some milliseconds */

typedef struct Stream
{
	int			chunk;			/* rows */
	int64_t    *index;			/* chunk */
	float	   *x;				/* chunk x d */
	double	   *v;				/* chunk x d: x - shift; NULL without a covariance */
	double	   *shift;			/* d */
	float	   *min;			/* d */
	float	   *max;			/* d */
} Stream;

/*
 * count numbers of index from position begin on, for Rows.fetch. NULL index: the positions
 * themselves. The rows without a label come behind the n rows.
 */
static void
chunk_index(const Rows *rows, const int64_t *index, int64_t n, int64_t begin, int count, int64_t *out)
{
	for (int i = 0; i < count; i++)
		out[i] = begin + i >= n ? rows->n + (begin + i - n) : index != NULL ? index[begin + i] : begin + i;
}

int
moments_chunk(int d)
{
	return CHUNK_FLOATS / d < CHUNK_ROWS ? CHUNK_FLOATS / d : CHUNK_ROWS;
}

static LearnStatus
stream_create(LearnEnv *env, int64_t n, int d, bool with_cov, Stream *s)
{
	s->chunk = moments_chunk(d);
	if (s->chunk > n)
		s->chunk = (int) n;
	LEARN_ALLOC(env, s->index, s->chunk);
	LEARN_ALLOC(env, s->x, (size_t) s->chunk * d);
	LEARN_ALLOC(env, s->shift, d);
	LEARN_ALLOC(env, s->min, d);
	LEARN_ALLOC(env, s->max, d);
	s->v = NULL;
	if (with_cov)
		LEARN_ALLOC(env, s->v, (size_t) s->chunk * d);
	return LEARN_OK;
}

/* The first chunk sets the shift and the first extremes. */
static void
stream_start(Stream *s, int count, int d)
{
	for (int j = 0; j < d; j++)
		s->shift[j] = 0;
	for (int i = 0; i < count; i++)
		for (int j = 0; j < d; j++)
			s->shift[j] += s->x[(size_t) i * d + j];
	for (int j = 0; j < d; j++)
		s->shift[j] /= count;
	memcpy(s->min, s->x, d * sizeof(float));
	memcpy(s->max, s->x, d * sizeof(float));
}

/* Add the shifted values of a chunk to sum and sumsq (d each). */
static void
add_chunk(Stream *s, int count, int d, double *sum, double *sumsq)
{
	for (int i = 0; i < count; i++)
	{
		const float *x = s->x + (size_t) i * d;
		double	   *v = s->v != NULL ? s->v + (size_t) i * d : NULL;

		for (int j = 0; j < d; j++)
		{
			double		t = x[j] - s->shift[j];

			sum[j] += t;
			sumsq[j] += t * t;
			s->min[j] = x[j] < s->min[j] ? x[j] : s->min[j];
			s->max[j] = x[j] > s->max[j] ? x[j] : s->max[j];
		}
		if (v != NULL)
			for (int j = 0; j < d; j++)
				v[j] = x[j] - s->shift[j];
	}
}

LearnStatus
moments_add_products(LearnEnv *env, const double *v, int count, int d, double *sum)
{
	for (int i = 0; i < d; i += COV_TILE)
		for (int j = i; j < d; j += COV_TILE)
		{
			int			rows = d - i < COV_TILE ? d - i : COV_TILE;
			int			cols = d - j < COV_TILE ? d - j : COV_TILE;

			LEARN_TRY(learn_poll(env));
			blas_dgemm(true, false, rows, cols, count, 1, v + i, d, v + j, d,
					   1, sum + (size_t) i * d + j, d);
		}
	return LEARN_OK;
}

/*
 * Are the least and the largest value of a column whole numbers that float holds exactly? It then
 * holds all whole numbers between them.
 */
static bool
whole_numbers(float min, float max)
{
	return fabsf(min) <= WHOLE_MOST && fabsf(max) <= WHOLE_MOST && min == floorf(min) && max == floorf(max);
}

/* Turn sums about the shift into moments about the mean. */
static void
finish_columns(Moments *m, const Stream *s, const double *sum, const double *sumsq)
{
	int			d = m->d;

	m->n_constant = 0;
	m->n_rounding = 0;
	for (int j = 0; j < d; j++)
	{
		double		sd;
		double		largest = fmax(fabs((double) s->min[j]), fabs((double) s->max[j]));

		m->mean[j] = s->shift[j] + sum[j] / m->n;
		m->var[j] = fmax(0, (sumsq[j] - sum[j] * sum[j] / m->n) / m->n);
		sd = sqrt(m->var[j]);

		/*
		 * Columns that vary only by the rounding of float are constant, too, and columns that float
		 * cannot divide by. Whole numbers that float holds are not rounded, however little they
		 * differ.
		 */
		m->constant[j] = s->min[j] == s->max[j] || !(1 / sd <= FLT_MAX) ||
			(sd <= FLT_EPSILON * largest && !whole_numbers(s->min[j], s->max[j]));
		m->n_rounding += m->constant[j] && s->min[j] != s->max[j];
		if (s->min[j] == s->max[j])
			m->mean[j] = s->min[j];
		if (m->constant[j])
		{
			m->var[j] = 0;
			m->n_constant++;
		}
	}
}

/* As above, for the covariance. Its upper triangle has sums of products. */
static LearnStatus
finish_covariance(LearnEnv *env, Moments *m, const double *sum)
{
	int			d = m->d;

	for (int i = 0; i < d; i++)
		for (int j = i; j < d; j++)
		{
			double	   *c = &m->cov[(size_t) i * d + j];

			if (m->constant[i] || m->constant[j])
				*c = 0;
			else
				*c = (*c - sum[i] * sum[j] / m->n) / (m->n > 1 ? m->n - 1 : 1);
		}
	return moments_mirror(env, m->cov, d);
}

LearnStatus
moments_mirror(LearnEnv *env, double *a, int d)
{
	for (int i = 0; i < d; i++)
	{
		if (i % MIRROR_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < i; j++)
			a[(size_t) i * d + j] = a[(size_t) j * d + i];
	}
	return LEARN_OK;
}

LearnStatus
moments_check(LearnEnv *env, const Moments *m)
{
	if (m->n == 1)
		return learn_fail(env, LEARN_DATA, "there is only one row to learn from");
	if (m->n_constant == m->d)
		return learn_fail(env, LEARN_DATA, "no column varies: there is nothing to learn from");
	if (m->n_rounding > 0)
		learn_notice(env, "%d of %d columns are constant or differ by no more than the rounding to real, and get no weight",
					 m->n_constant, m->d);
	else if (m->n_constant > 0 && !m->balanced)
		learn_notice(env, "%d of %d columns are constant and get no weight", m->n_constant, m->d);
	return LEARN_OK;
}

LearnStatus
moments_fit(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
			bool with_cov, Moments *m)
{
	int			d = rows->d;
	int64_t		all;
	ArenaMark	mark;
	Stream		stream = {0};
	double	   *sum;
	double	   *sumsq;

	if (index == NULL)
		n = rows->n;
	all = n + rows->n_unlabeled;
	if (all < 1)
		return learn_fail(env, LEARN_DATA, "there are no rows to learn from");
	m->n = all;
	m->d = d;
	m->balanced = rows->balanced;
	LEARN_ALLOC(env, m->constant, d);
	LEARN_ALLOC(env, m->mean, d);
	LEARN_ALLOC(env, m->var, d);
	m->cov = NULL;
	if (with_cov)
	{
		if (d > MOMENTS_MAX_COV)
			return learn_fail(env, LEARN_INVALID, "the covariance of %d columns is too large: %d columns are the most",
							  d, MOMENTS_MAX_COV);
		LEARN_TRY(blas_load(env));
		LEARN_ALLOC(env, m->cov, (size_t) d * d);
		memset(m->cov, 0, (size_t) d * d * sizeof(double));
	}

	mark = arena_mark(env->arena);
	LEARN_TRY(stream_create(env, all, d, with_cov, &stream));
	LEARN_ALLOC(env, sum, d);
	LEARN_ALLOC(env, sumsq, d);
	memset(sum, 0, d * sizeof(double));
	memset(sumsq, 0, d * sizeof(double));
	for (int64_t begin = 0; begin < all; begin += stream.chunk)
	{
		int			count = all - begin < stream.chunk ? (int) (all - begin) : stream.chunk;

		LEARN_TRY(learn_poll(env));
		chunk_index(rows, index, n, begin, count, stream.index);
		LEARN_TRY(rows->fetch(env, rows->ctx, stream.index, count, stream.x));
		if (begin == 0)
			stream_start(&stream, count, d);
		add_chunk(&stream, count, d, sum, sumsq);
		if (with_cov)
			LEARN_TRY(moments_add_products(env, stream.v, count, d, m->cov));
	}
	finish_columns(m, &stream, sum, sumsq);
	if (with_cov)
		LEARN_TRY(finish_covariance(env, m, sum));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
