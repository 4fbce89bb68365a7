/*
 * scatter.c
 *	  Scatter within and between classes.
 *
 * Rows are read class by class, so no more than one chunk is in memory, however many classes there
 * are. As many whole classes as fit into a chunk are read at once. A class larger than a chunk is
 * read twice, first for its mean.
 */
#include "scatter.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "classes.h"
#include "moments.h"

/* With fewer rows than this for each column, the covariance is shrunk. */
#define ROWS_PER_COLUMN		10

typedef struct Pass
{
	const Rows *rows;
	const float *mean;
	const float *scale;
	int			d;
	int			chunk;			/* rows */
	float	   *x;				/* chunk x d */
	double	   *v;				/* chunk x d: standardised, then about the class mean */
	double	   *centre;			/* chunk x d: class means, times the root of the class's rows */
	int			n_centres;
	double	   *total;			/* d: sum of all rows of v */
	/* sum of the fourth powers of the rows' lengths about their class mean */
	double		fourth;
	Scatter    *scatter;
} Pass;

/* Standardised rows into p->v. */
static LearnStatus
read_rows(LearnEnv *env, Pass *p, const int64_t *index, int count)
{
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(p->rows->fetch(env, p->rows->ctx, index, count, p->x));
	for (int i = 0; i < count; i++)
		for (int j = 0; j < p->d; j++)
			p->v[(size_t) i * p->d + j] = ((double) p->x[(size_t) i * p->d + j] - p->mean[j]) * p->scale[j];
	return LEARN_OK;
}

static void
add_rows(const double *v, int count, int d, double *sum)
{
	for (int i = 0; i < count; i++)
		for (int j = 0; j < d; j++)
			sum[j] += v[(size_t) i * d + j];
}

/* Subtract the class mean, sum / n, from rows of p->v. */
static void
centre_rows(Pass *p, int first, int count, const double *sum, int64_t n)
{
	for (int i = first; i < first + count; i++)
	{
		double	   *v = p->v + (size_t) i * p->d;
		double		square = 0;

		for (int j = 0; j < p->d; j++)
		{
			v[j] -= sum[j] / n;
			square += v[j] * v[j];
		}
		p->fourth += square * square;
	}
}

static LearnStatus
flush_centres(LearnEnv *env, Pass *p)
{
	LEARN_TRY(moments_add_products(env, p->centre, p->n_centres, p->d, p->scatter->between));
	p->n_centres = 0;
	return LEARN_OK;
}

/*
 * The next place for the sum of a class, set to zero. sum / n is the mean; p->centre keeps sum /
 * sqrt(n).
 */
static LearnStatus
next_centre(LearnEnv *env, Pass *p, double **sum)
{
	if (p->n_centres == p->chunk)
		LEARN_TRY(flush_centres(env, p));
	*sum = p->centre + (size_t) p->n_centres++ * p->d;
	memset(*sum, 0, p->d * sizeof(double));
	return LEARN_OK;
}

static void
finish_centre(Pass *p, double *sum, int64_t n)
{
	double		root = sqrt((double) n);

	for (int j = 0; j < p->d; j++)
	{
		p->total[j] += sum[j];
		sum[j] /= root;
	}
}

/* A class larger than a chunk. */
static LearnStatus
add_large_class(LearnEnv *env, Pass *p, const int64_t *index, int64_t n)
{
	double	   *sum;

	LEARN_TRY(next_centre(env, p, &sum));
	for (int64_t begin = 0; begin < n; begin += p->chunk)
	{
		int			count = n - begin < p->chunk ? (int) (n - begin) : p->chunk;

		LEARN_TRY(read_rows(env, p, index + begin, count));
		add_rows(p->v, count, p->d, sum);
	}
	for (int64_t begin = 0; begin < n; begin += p->chunk)
	{
		int			count = n - begin < p->chunk ? (int) (n - begin) : p->chunk;

		LEARN_TRY(read_rows(env, p, index + begin, count));
		centre_rows(p, 0, count, sum, n);
		LEARN_TRY(moments_add_products(env, p->v, count, p->d, p->scatter->within));
	}
	finish_centre(p, sum, n);
	return LEARN_OK;
}

/* Read the whole classes begin to end, together at most p->chunk rows. */
static LearnStatus
add_small_classes(LearnEnv *env, Pass *p, const int64_t *index, const int64_t *start, int begin, int end)
{
	int			count = (int) (start[end] - start[begin]);

	LEARN_TRY(read_rows(env, p, index + start[begin], count));
	for (int c = begin; c < end; c++)
	{
		int			first = (int) (start[c] - start[begin]);
		int			n = (int) (start[c + 1] - start[c]);
		double	   *sum;

		if (n == 0)
			continue;
		LEARN_TRY(next_centre(env, p, &sum));
		add_rows(p->v + (size_t) first * p->d, n, p->d, sum);
		centre_rows(p, first, n, sum, n);
		finish_centre(p, sum, n);
	}
	return moments_add_products(env, p->v, count, p->d, p->scatter->within);
}

/*
 * Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance
 * matrices", 2004, lemma 3.3 and section 3.2, with the rows about their class means
 * for the rows about the mean: the expected square error of the covariance over its distance from
 * the nearest multiple of the identity.
 *
 * sum is the sum of products (full matrix), fourth that of the rows' fourth powers.
 * Columns without scale are zero and do not count as dimensions.
 */
static double
ledoit_wolf(const double *sum, int d, int varying, int64_t n, double fourth)
{
	double		trace = 0;
	double		squares = 0;
	double		error;
	double		distance;

	for (int i = 0; i < d; i++)
		trace += sum[(size_t) i * d + i] / n;
	for (size_t i = 0; i < (size_t) d * d; i++)
		squares += (sum[i] / n) * (sum[i] / n);
	error = (fourth / n - squares) / n;
	distance = squares - trace * trace / varying;
	if (!(distance > 0) || !(error < distance))
		return 1;
	return error > 0 ? error / distance : 0;
}

static void
divide(double *a, size_t n, double divisor)
{
	for (size_t i = 0; i < n; i++)
		a[i] /= divisor;
}

/* From sums of products to covariances. */
static LearnStatus
finish(LearnEnv *env, Pass *p)
{
	Scatter    *s = p->scatter;
	int			d = p->d;
	size_t		cells = (size_t) d * d;

	LEARN_TRY(moments_mirror(env, s->within, d));
	s->shrinkage = ledoit_wolf(s->within, d, s->varying, s->n, p->fourth);
	divide(s->within, cells, s->n > s->classes ? s->n - s->classes : 1);

	/* the rows' mean may differ a little from the mean that was subtracted */
	for (int i = 0; i < d; i++)
		for (int j = i; j < d; j++)
			s->between[(size_t) i * d + j] -= p->total[i] * p->total[j] / s->n;
	LEARN_TRY(moments_mirror(env, s->between, d));
	divide(s->between, cells, s->n);
	return LEARN_OK;
}

LearnStatus
scatter_fit(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
			const float *mean, const float *scale, int columns, const char *what, Scatter *scatter)
{
	int			d = rows->d;
	size_t		cells = (size_t) d * d;
	Pass		p = {.rows = rows, .mean = mean, .scale = scale, .d = d, .scatter = scatter};
	ArenaMark	mark;
	Classes		classes;
	const int64_t *start;

	LEARN_TRY(blas_load(env));
	LEARN_ALLOC(env, scatter->within, cells);
	LEARN_ALLOC(env, scatter->between, cells);
	memset(scatter->within, 0, cells * sizeof(double));
	memset(scatter->between, 0, cells * sizeof(double));

	mark = arena_mark(env->arena);
	LEARN_TRY(classes_group(env, rows, index, n, &classes));
	if (what != NULL)
		LEARN_TRY(classes_check(env, &classes, what));
	scatter->n = classes.n;
	scatter->varying = columns;
	for (int j = 0; j < d && columns == 0; j++)
		scatter->varying += scale[j] != 0;
	scatter->classes = classes.used;
	start = classes.start;

	p.chunk = moments_chunk(d);
	LEARN_ALLOC(env, p.x, (size_t) p.chunk * d);
	LEARN_ALLOC(env, p.v, (size_t) p.chunk * d);
	LEARN_ALLOC(env, p.centre, (size_t) p.chunk * d);
	LEARN_ALLOC(env, p.total, d);
	memset(p.total, 0, d * sizeof(double));
	for (int begin = 0, end; begin < rows->n_classes; begin = end)
	{
		for (end = begin + 1; end < rows->n_classes && start[end + 1] - start[begin] <= p.chunk; end++)
			;
		if (start[end] - start[begin] > p.chunk)
			LEARN_TRY(add_large_class(env, &p, classes.row + start[begin], start[end] - start[begin]));
		else
			LEARN_TRY(add_small_classes(env, &p, classes.row, start, begin, end));
	}
	LEARN_TRY(flush_centres(env, &p));
	LEARN_TRY(finish(env, &p));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

bool
scatter_trusted(const Scatter *scatter)
{
	return scatter->n - scatter->classes >= (int64_t) ROWS_PER_COLUMN * scatter->varying;
}
