/*
 * itml.c
 *	  Information-theoretic metric learning (Davis, Kulis, Jain, Sra and Dhillon 2007).
 *
 * Minimise the log-determinant divergence of A to the prior plus gamma times that of the slack xi
 * to the bounds, where a pair that is the same must be nearer than xi, starting at the upper bound
 * u, and a pair that is different farther, from the lower bound l on.  The paper projects on one
 * constraint after the other, which takes hundreds of passes of n d^2 with nothing that a BLAS
 * could do.  But the best slack for a given A is known: xi = max(u, d) for the same, min(l, d) for
 * different ones.  Put in, there is one smooth convex function of A left, with phi(t) = t - log t -
 * 1:
 *
 *	tr(A P) - log det A + gamma (sum over same phi(max(1, d / u)) + sum over different phi(min(1, d
 *	/ l)))
 *
 * which logdet.h minimises.  u and l are the 5th and 95th percentile of the distances among points.
 * (metric-learn takes them of distances and compares them with squared distances; so do we, to
 * solve the same problem: see docs/methods.md.)
 */
#include <math.h>

#include "logdet.h"
#include "base/rng.h"

/* Distances that the bounds are percentiles of: all of few points, else this many random pairs. */
#define ALL_POINTS		2000
#define SAMPLE			200000

#define LEAST_BOUND		1e-9

typedef struct Itml
{
	const Constraints *c;
	double		gamma;
	double		upper;			/* of pairs that are the same */
	double		lower;			/* of pairs that are different */
} Itml;

static double
itml_loss(void *ctx, int64_t i, const double *distance, double *slope)
{
	const Itml *m = ctx;
	bool		same = m->c->label[i] != 0;
	double		bound = same ? m->upper : m->lower;
	double		weight = m->gamma * (m->c->weight != NULL ? m->c->weight[i] : 1);
	double		t = fmax(distance[0], 1e-300) / bound;

	if (same ? t <= 1 : t >= 1)
		return 0;
	slope[0] = weight * (1 - 1 / t) / bound;
	return weight * (t - log(t) - 1);
}

static double
point_distance(const Points *points, int64_t i, int64_t j)
{
	const real *a = points->x + i * points->d;
	const real *b = points->x + j * points->d;
	double		sum[8] = {0};
	int			k = 0;

	for (; k + 8 <= points->d; k += 8)
		for (int l = 0; l < 8; l++)
			sum[l] += ((double) a[k + l] - b[k + l]) * ((double) a[k + l] - b[k + l]);
	for (; k < points->d; k++)
		sum[0] += ((double) a[k] - b[k]) * ((double) a[k] - b[k]);
	return sqrt(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])));
}

/* Put the k-th smallest of a[0..n) in its place, smaller ones before it: Hoare's selection. */
static LearnStatus
select_place(LearnEnv *env, double *a, int64_t n, int64_t k)
{
	int64_t		low = 0;
	int64_t		high = n - 1;

	while (low < high)
	{
		double		pivot = a[low + (high - low) / 2];
		int64_t		i = low - 1;
		int64_t		j = high + 1;

		LEARN_TRY(learn_poll(env));
		for (;;)
		{
			double		swap;

			while (a[++i] < pivot)
				;
			while (a[--j] > pivot)
				;
			if (i >= j)
				break;
			swap = a[i];
			a[i] = a[j];
			a[j] = swap;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return LEARN_OK;
}

/*
 * A percentile of the full square of n points' distances, in which a point's distance from itself
 * is once and that of two points twice; between the two nearest ranks by a straight line, as
 * numpy.percentile. distance: count of them, each pair once.
 */
static LearnStatus
percentile(LearnEnv *env, double *distance, int64_t count, int64_t zeros, double share, double *value)
{
	double		rank = share * (double) (zeros + 2 * count - 1);
	double		at[2];

	for (int i = 0; i < 2; i++)
	{
		int64_t		place = (int64_t) rank + i;

		at[i] = 0;
		if (place >= zeros + 2 * count)
			at[i] = at[0];
		else if (place >= zeros)
		{
			place = (place - zeros) / 2;
			LEARN_TRY(select_place(env, distance, count, place));
			at[i] = distance[place];
		}
	}
	*value = fmax(at[0] + (rank - floor(rank)) * (at[1] - at[0]), LEAST_BOUND);
	return LEARN_OK;
}

static LearnStatus
find_bounds(LearnEnv *env, const Points *points, uint64_t seed, Itml *m)
{
	int64_t		n = points->n;
	bool		all = n <= ALL_POINTS;
	int64_t		count = all ? n * (n - 1) / 2 : SAMPLE;
	double	   *distance;
	int64_t		at = 0;
	Rng			rng;

	LEARN_ALLOC(env, distance, count);
	rng_seed(&rng, seed, 77);
	if (all)
		for (int64_t i = 0; i < n; i++)
		{
			LEARN_TRY(learn_poll(env));
			for (int64_t j = 0; j < i; j++)
				distance[at++] = point_distance(points, i, j);
		}
	else
		for (; at < count; at++)
		{
			int64_t		i = (int64_t) rng_below(&rng, (uint64_t) n);
			int64_t		j = (int64_t) rng_below(&rng, (uint64_t) n - 1);

			if ((at & 0x3ff) == 0)
				LEARN_TRY(learn_poll(env));
			distance[at] = point_distance(points, i, j + (j >= i));
		}
	LEARN_TRY(percentile(env, distance, count, all ? n : 0, 0.05, &m->upper));
	return percentile(env, distance, count, all ? n : 0, 0.95, &m->lower);
}

LearnStatus
solve_itml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	Constraints *c = &job->constraints;
	Itml		m = {.c = c, .gamma = job->plan->params.gamma};
	Points		points;
	LogDet		problem = {.points = &points, .pairs = 1, .loss = itml_loss, .ctx = &m};
	int32_t    *place;
	double	   *p;

	LEARN_TRY(points_of_constraints(env, job->rows, job->prep, c, &points, &place));
	LEARN_TRY(find_bounds(env, &points, job->plan->seed, &m));
	problem.place = place;
	problem.n = c->n;
	LEARN_ALLOC(env, p, (size_t) points.d * points.d);
	LEARN_TRY(logdet_prior(env, &points, job->plan->params.prior, p));
	fit->rows = points.n;
	return logdet_minimize(env, job->plan, &problem, p, a, fit);
}
