/*
 * lfda.c
 *	  Local Fisher discriminant analysis (Sugiyama 2007): discriminant analysis in which rows of a
 *	  class that are far apart need not come together.
 *
 * Rows i and j of a class have affinity A_ij = exp(-d_ij^2 / (s_i s_j)), where s_i is the distance
 * of row i from its k-th neighbour in the class, and
 *
 *	within  = 1/2 sum over pairs of W_ij (x_i - x_j)(x_i - x_j)^T,
 *	W_ij = A_ij / n_c in class c, else 0
 *	between = the same with A_ij (1/n - 1/n_c) in class c, and 1/n across classes
 *
 * With G_c = 1/2 sum over pairs of class c of A_ij (x_i - x_j)(x_i - x_j)^T, S_c the scatter of
 * class c and S_t that of all rows these are within = sum of G_c / n_c and between = S_t - sum of
 * n_c / n S_c + sum of G_c / n - within.  A is made for a block of rows at a time and never kept.
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "discriminant.h"
#include "metric.h"
#include "near.h"
#include "learn/data/scatter.h"
#include "solver.h"
#include "math/vmath.h"

#define BLOCK			128
#define BLOCK_PLACES	(2 * 1024 * 1024)
#define TOLERANCE		1e-9

typedef struct Lfda
{
	int64_t		n;
	int			d;
	real	   *x;				/* rows of one class, about their mean */
	real	   *half;			/* half their squared lengths */
	real	   *scale;			/* of all rows */
	real	   *a;				/* block x rows of the class */
	real	   *ax;				/* block x d */
	double	   *rows;			/* block x d */
	double	   *laplacian;		/* block x d: (D - A) x */
	double	   *local;			/* d x d: G of a class */
	double	   *scatter;		/* d x d: of a class */
	double	   *mean;			/* of the class */
	double	   *total;			/* sum of all rows */
	double	   *within;			/* d x d */
	double	   *between;
} Lfda;

/* The distance of every row from its k-th neighbour in its class. */
static LearnStatus
find_scales(LearnEnv *env, const Points *points, const int64_t *start, int n_classes, int k, Lfda *l)
{
	ArenaMark	mark = arena_mark(env->arena);
	int32_t    *near;

	LEARN_ALLOC(env, near, points->n * k);
	LEARN_TRY(near_rows(env, points->x, points->n, points->d, start, n_classes, true, k, near));
	for (int64_t i = 0; i < points->n; i++)
	{
		int			last = k - 1;
		double		sum = 0;

		while (last >= 0 && near[i * k + last] < 0)
			last--;
		for (int j = 0; j < points->d && last >= 0; j++)
		{
			double		t = (double) points->x[i * points->d + j] -
				points->x[(int64_t) near[i * k + last] * points->d + j];

			sum += t * t;
		}
		l->scale[i] = (real) sqrt(sum);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* Rows of a class about their mean. */
static void
centre_class(Lfda *l, const real *x, int64_t n)
{
	memset(l->mean, 0, l->d * sizeof(double));
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < l->d; j++)
			l->mean[j] += x[i * l->d + j];
	for (int j = 0; j < l->d; j++)
	{
		l->total[j] += l->mean[j];
		l->mean[j] /= (double) n;
	}
	for (int64_t i = 0; i < n; i++)
	{
		for (int j = 0; j < l->d; j++)
			l->x[i * l->d + j] = (real) (x[i * l->d + j] - l->mean[j]);
		l->half[i] = vm_dot(l->x + i * l->d, l->x + i * l->d, l->d) / 2;
	}
}

/* Products of row i with the class become affinities; their sum. */
static double
affinities(const Lfda *l, int64_t i, const real *scale, int64_t n, real *a)
{
	double		sum = 0;

	for (int64_t j = 0; j < n; j++)
	{
		real		local = scale[i] * scale[j];
		real		square = 2 * (l->half[i] + l->half[j] - a[j]);

		a[j] = local > 0 ? -(square > 0 ? square : 0) / local : -INFINITY;
	}
	vm_exp(a, a, n);
	for (int64_t j = 0; j < n; j++)
		sum += a[j];
	return sum;
}

/*
 * A class of n rows of l->n in all: within += G / n_c; between += (1 - n_c / n) S + G (1 / n - 1 /
 * n_c) and the class's mean.
 */
static LearnStatus
add_class(LearnEnv *env, Lfda *l, const real *x, const real *scale, int64_t n)
{
	int			d = l->d;
	int			block = BLOCK;
	double		share = (double) n / (double) l->n;

	while (block > 1 && block * n > BLOCK_PLACES)
		block /= 2;
	centre_class(l, x, n);
	memset(l->local, 0, (size_t) d * d * sizeof(double));
	memset(l->scatter, 0, (size_t) d * d * sizeof(double));
	for (int64_t first = 0; first < n; first += block)
	{
		int			count = n - first < block ? (int) (n - first) : block;

		LEARN_TRY(blas_gemm_polled(env, false, true, count, (int) n, d, 1, l->x + first * d, d, l->x, d, 0, l->a, (int) n));
		for (int i = 0; i < count; i++)
		{
			double		sum = affinities(l, first + i, scale, n, l->a + (size_t) i * n);

			if ((int64_t) i * n % (1 << 20) < n)
				LEARN_TRY(learn_poll(env));
			for (int j = 0; j < d; j++)
			{
				l->rows[(size_t) i * d + j] = l->x[(first + i) * d + j];
				l->laplacian[(size_t) i * d + j] = sum * l->x[(first + i) * d + j];
			}
		}
		LEARN_TRY(blas_gemm_polled(env, false, false, count, d, (int) n, 1, l->a, (int) n, l->x, d, 0, l->ax, d));
		for (size_t i = 0; i < (size_t) count * d; i++)
			l->laplacian[i] -= l->ax[i];
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, count, 1, l->rows, d, l->laplacian, d, 1, l->local, d));
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, count, 1, l->rows, d, l->rows, d, 1, l->scatter, d));
	}
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
		{
			size_t		at = (size_t) i * d + j;

			l->within[at] += l->local[at] / (double) n;
			l->between[at] += l->local[at] * (1.0 / (double) l->n - 1.0 / (double) n) + l->scatter[at] * (1 - share) +
				(double) n * l->mean[i] * l->mean[j];
		}
	return LEARN_OK;
}

static LearnStatus
create(LearnEnv *env, const Points *points, const int64_t *start, int n_classes, Lfda *l)
{
	int			d = points->d;
	size_t		cells = (size_t) d * d;
	int64_t		largest = 0;
	int64_t		places;

	for (int c = 0; c < n_classes; c++)
		largest = start[c + 1] - start[c] > largest ? start[c + 1] - start[c] : largest;
	places = largest * BLOCK < BLOCK_PLACES ? largest * BLOCK : largest > BLOCK_PLACES ? largest : BLOCK_PLACES;
	*l = (Lfda) {.n = points->n, .d = d};
	LEARN_ALLOC(env, l->x, largest * d);
	LEARN_ALLOC(env, l->half, largest);
	LEARN_ALLOC(env, l->scale, points->n);
	LEARN_ALLOC(env, l->a, places);
	LEARN_ALLOC(env, l->ax, (size_t) BLOCK * d);
	LEARN_ALLOC(env, l->rows, (size_t) BLOCK * d);
	LEARN_ALLOC(env, l->laplacian, (size_t) BLOCK * d);
	LEARN_ALLOC(env, l->local, cells);
	LEARN_ALLOC(env, l->scatter, cells);
	LEARN_ALLOC(env, l->mean, d);
	LEARN_ALLOC(env, l->total, d);
	LEARN_ALLOC(env, l->within, cells);
	LEARN_ALLOC(env, l->between, cells);
	memset(l->total, 0, d * sizeof(double));
	memset(l->within, 0, cells * sizeof(double));
	memset(l->between, 0, cells * sizeof(double));
	return LEARN_OK;
}

static void
symmetrise(double *a, int d)
{
	for (int i = 0; i < d; i++)
		for (int j = 0; j < i; j++)
		{
			double		mean = (a[(size_t) i * d + j] + a[(size_t) j * d + i]) / 2;

			a[(size_t) i * d + j] = a[(size_t) j * d + i] = mean;
		}
}

LearnStatus
solve_lfda(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	int			d = job->prep->out;
	Discriminant problem = {.d = d, .scale = job->prep->scale};
	Points		points;
	int64_t    *start;
	double	   *value;
	double	   *vector;
	int			rank;
	Scatter		s;
	Lfda		l;

	/* for how much of the scatter within is to be believed */
	LEARN_TRY(scatter_fit(env, job->rows, job->index, job->n, job->prep->mean, job->prep->scale, 0, "discriminant analysis", &s));
	LEARN_TRY(points_by_class(env, job, &points, &start));
	LEARN_TRY(create(env, &points, start, job->rows->n_classes, &l));
	LEARN_TRY(find_scales(env, &points, start, job->rows->n_classes, job->plan->params.neighbors, &l));
	for (int c = 0; c < job->rows->n_classes; c++)
		if (start[c + 1] > start[c])
			LEARN_TRY(add_class(env, &l, points.x + start[c] * d, l.scale + start[c], start[c + 1] - start[c]));
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
			l.between[(size_t) i * d + j] -= l.total[i] * l.total[j] / (double) l.n;
	symmetrise(l.within, d);
	symmetrise(l.between, d);
	problem.within = l.within;
	problem.between = l.between;
	problem.shrinkage = s.shrinkage;
	problem.varying = s.varying;
	problem.trusted = scatter_trusted(&s);
	LEARN_ALLOC(env, value, job->most);
	LEARN_ALLOC(env, vector, (size_t) job->most * d);
	LEARN_TRY(discriminant_directions(env, &problem, job->most, TOLERANCE, value, vector, &rank));
	if (rank == 0)
		return learn_fail(env, LEARN_DATA, "local discriminant analysis needs classes that differ");

	/* directions count as much as they separate: the paper's weighted embedding */
	for (int i = 0; i < rank; i++)
		for (int j = 0; j < d; j++)
			vector[(size_t) i * d + j] *= sqrt(value[i]);
	fit->rows = points.n;
	fit->converged = true;
	return metric_of_factor(env, vector, rank, d, a);
}
