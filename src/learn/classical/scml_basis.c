/*
 * scml_basis.c
 *	  The directions that a sparse compositional metric is made of.
 */
#include "scml.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/cholesky.h"
#include "math/eigen.h"
#include "metric.h"
#include "base/rng.h"

/* of the scatter within a region, which has few rows: share of its mean diagonal */
#define RIDGE			1e-2
#define TOLERANCE		1e-6	/* of a region's eigenvalues */
#define MANY_COLUMNS	50		/* regions are larger with more columns */

typedef struct Near
{
	double		distance;
	int64_t		row;
} Near;

/* The k rows first .. last - 1 nearest to row centre, by insertion. */
static int
nearest_of(const Points *points, int64_t centre, int64_t first, int64_t last, int k, Near *near)
{
	int			d = points->d;
	int			found = 0;
	const real *x = points->x + centre * d;

	for (int64_t i = first; i < last; i++)
	{
		const real *y = points->x + i * d;
		double		sum = 0;
		int			place;

		for (int j = 0; j < d; j++)
			sum += ((double) x[j] - y[j]) * ((double) x[j] - y[j]);
		if (found == k && !(sum < near[k - 1].distance))
			continue;
		place = found < k ? found++ : k - 1;
		for (; place > 0 && near[place - 1].distance > sum; place--)
			near[place] = near[place - 1];
		near[place] = (Near) {sum, i};
	}
	return found;
}

/* A region around a row: sums of the nearest k rows of each class. */
typedef struct Region
{
	int			d;
	int			classes;		/* found in it */
	int64_t		rows;
	double	   *within;			/* d x d */
	/* classes x d: class means about the region's, times the root of the class's rows */
	double	   *mean;
	double	   *v;				/* k x d */
	double	   *solved;			/* d x classes */
	double	   *gram;			/* classes x classes */
	double	   *value;
	double	   *vector;			/* classes x classes */
} Region;

static LearnStatus
fill_region(LearnEnv *env, const Points *points, const int64_t *start, int n_classes, const Near *near, const int *count,
			int stride, int k, Region *r)
{
	int			d = r->d;
	double		trace = 0;
	double	   *centre = r->value + n_classes;

	memset(r->within, 0, (size_t) d * d * sizeof(double));
	memset(centre, 0, d * sizeof(double));
	r->classes = 0;
	r->rows = 0;
	for (int c = 0; c < n_classes; c++)
	{
		int			n = count[c] < k ? count[c] : k;
		double	   *mean = r->mean + (size_t) r->classes * d;

		if (n == 0)
			continue;
		memset(mean, 0, d * sizeof(double));
		for (int i = 0; i < n; i++)
			for (int j = 0; j < d; j++)
				mean[j] += points->x[near[(size_t) c * stride + i].row * d + j] / (double) n;
		for (int i = 0; i < n; i++)
			for (int j = 0; j < d; j++)
				r->v[(size_t) i * d + j] = points->x[near[(size_t) c * stride + i].row * d + j] - mean[j];
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, n, 1, r->v, d, r->v, d, 1, r->within, d));
		for (int j = 0; j < d; j++)
			centre[j] += n * mean[j];
		r->gram[r->classes++] = n;
		r->rows += n;
	}
	for (int c = 0; c < r->classes; c++)
		for (int j = 0; j < d; j++)
			r->mean[(size_t) c * d + j] = (r->mean[(size_t) c * d + j] - centre[j] / (double) r->rows) * sqrt(r->gram[c]);
	for (int j = 0; j < d; j++)
		trace += r->within[(size_t) j * d + j];
	metric_add_diagonal(r->within, d, trace > 0 ? RIDGE * trace / d : 1);
	return LEARN_OK;
}

/*
 * Directions L^-T u of the region for the leading u of L^-1 M^T M L^-T, L L^T within, M the means:
 * from the eigenvectors of M within^-1 M^T, which is classes wide.
 */
static LearnStatus
region_directions(LearnEnv *env, Region *r, real *basis, int most, int *count)
{
	int			d = r->d;
	int			c = r->classes;
	bool		definite;
	int			found = 0;

	*count = 0;
	if (c < 2)
		return LEARN_OK;
	LEARN_TRY(cholesky_factor(env, r->within, d, 0, &definite));
	if (!definite)
		return LEARN_OK;
	for (int i = 0; i < c; i++)
		for (int j = 0; j < d; j++)
			r->solved[(size_t) j * c + i] = r->mean[(size_t) i * d + j];
	LEARN_TRY(cholesky_solve(env, r->within, d, false, r->solved, c));
	LEARN_TRY(blas_dgemm_polled(env, true, false, c, c, d, 1, r->solved, c, r->solved, c, 0, r->gram, c));
	LEARN_TRY(eigen_symmetric(env, r->gram, c, c - 1, r->value, r->vector));

	/* within^-1 M^T u */
	LEARN_TRY(cholesky_solve(env, r->within, d, true, r->solved, c));
	for (int i = 0; i < c - 1 && found < most && r->value[i] > TOLERANCE * r->value[0]; i++)
	{
		double		square = 0;

		for (int j = 0; j < d; j++)
		{
			double		sum = 0;

			for (int k = 0; k < c; k++)
				sum += r->solved[(size_t) j * c + k] * r->vector[(size_t) i * c + k];
			r->v[j] = sum;
			square += sum * sum;
		}
		if (!(square > 0))
			continue;
		for (int j = 0; j < d; j++)
			basis[(size_t) found * d + j] = (real) (r->v[j] / sqrt(square));
		found++;
	}
	*count = found;
	return LEARN_OK;
}

LearnStatus
scml_local_basis(LearnEnv *env, const Points *points, const int64_t *start, int n_classes,
				 int wanted, uint64_t seed, double deadline, real *basis, int *count)
{
	int			d = points->d;
	int			large = d > MANY_COLUMNS ? 50 : 20;
	int			small = d > MANY_COLUMNS ? 20 : 10;
	ArenaMark	mark = arena_mark(env->arena);
	int64_t    *order;
	Near	   *near;
	int		   *near_count;
	Region		r = {.d = d};
	Rng			rng;

	LEARN_ALLOC(env, order, points->n);
	LEARN_ALLOC(env, near, (size_t) n_classes * large);
	LEARN_ALLOC(env, near_count, n_classes);
	LEARN_ALLOC(env, r.within, (size_t) d * d);
	LEARN_ALLOC(env, r.mean, (size_t) n_classes * d);
	LEARN_ALLOC(env, r.v, (size_t) large * d);
	LEARN_ALLOC(env, r.solved, (size_t) n_classes * d);
	LEARN_ALLOC(env, r.gram, (size_t) n_classes * n_classes);
	LEARN_ALLOC(env, r.value, n_classes + d);
	LEARN_ALLOC(env, r.vector, (size_t) n_classes * n_classes);
	for (int64_t i = 0; i < points->n; i++)
		order[i] = i;
	rng_seed(&rng, seed, 0);
	rng_shuffle(&rng, order, points->n);
	*count = 0;
	for (int64_t i = 0; i < points->n && *count < wanted && (*count == 0 || env->now(env->ctx) <= deadline); i++)
	{
		for (int c = 0; c < n_classes; c++)
		{
			if (c % 4 == 0)
				LEARN_TRY(learn_poll(env));
			near_count[c] = nearest_of(points, order[i], start[c], start[c + 1], large, near + (size_t) c * large);
		}
		for (int size = 0; size < 2 && *count < wanted; size++)
		{
			int			found;

			LEARN_TRY(fill_region(env, points, start, n_classes, near, near_count, large, size == 0 ? small : large, &r));
			LEARN_TRY(region_directions(env, &r, basis + (size_t) *count * d, wanted - *count, &found));
			*count += found;
		}
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
scml_triplet_basis(LearnEnv *env, const Scml *triplets, int wanted, uint64_t seed, real *basis, int *count)
{
	const Points *points = triplets->points;
	int			d = points->d;
	ArenaMark	mark = arena_mark(env->arena);
	int			fruitless = 0;
	double	   *sum;
	double	   *v;
	double	   *w;
	double	   *value;
	double	   *vector;
	double	   *cumulative = NULL;
	Rng			rng;

	/* a triplet of twice the weight is drawn twice as often */
	if (triplets->weight != NULL)
	{
		double		total = 0;

		LEARN_ALLOC(env, cumulative, triplets->n);
		for (int64_t i = 0; i < triplets->n; i++)
			cumulative[i] = total += triplets->weight[i];
	}
	LEARN_ALLOC(env, sum, (size_t) d * d);
	LEARN_ALLOC(env, v, (size_t) 2 * d * d);
	LEARN_ALLOC(env, w, (size_t) 2 * d * d);
	LEARN_ALLOC(env, value, d);
	LEARN_ALLOC(env, vector, (size_t) d * d);
	rng_seed(&rng, seed, 1);
	*count = 0;
	while (*count < wanted && fruitless < 10)
	{
		int			before = *count;

		for (int i = 0; i < d; i++)
		{
			int64_t		chosen = cumulative ? rng_choose(&rng, cumulative, triplets->n) : (int64_t) rng_below(&rng, (uint64_t) triplets->n);
			const int32_t *t = triplets->place + 3 * chosen;
			const real *x = points->x + (size_t) t[0] * d;

			for (int side = 0; side < 2; side++)
			{
				const real *y = points->x + (size_t) t[1 + side] * d;
				size_t		row = (size_t) (2 * i + side) * d;

				for (int j = 0; j < d; j++)
				{
					v[row + j] = (double) x[j] - y[j];
					w[row + j] = side == 0 ? -v[row + j] : v[row + j];
				}
			}
		}
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, 2 * d, 1, v, d, w, d, 0, sum, d));
		LEARN_TRY(eigen_symmetric(env, sum, d, d, value, vector));
		for (int i = 0; i < d && *count < wanted && value[i] > TOLERANCE * fabs(value[0]); i++, (*count)++)
			for (int j = 0; j < d; j++)
				basis[(size_t) *count * d + j] = (real) vector[(size_t) i * d + j];
		fruitless = *count == before ? fruitless + 1 : 0;
	}
	arena_reset(env->arena, mark);
	if (*count == 0)
	{
		learn_fail(env, LEARN_DATA, "no direction has negatives farther than positives");
		learn_hint(env, "Look whether positives and negatives of the triplets are swapped.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}
