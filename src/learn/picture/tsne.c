/*
 * tsne.c
 *	  t-SNE over all pairs of rows.
 *
 * p(j|i) is a Gaussian around row i whose width makes 2^entropy the perplexity; P = (p(j|i) +
 * p(i|j)) / 2n. In the plane, w_ij = 1 / (1 + |y_i - y_j|^2) and Q = w / sum w. The gradient of
 * KL(P, Q) is 4 sum_j (p_ij - q_ij) w_ij (y_i - y_j): the part with P pulls and the part with Q
 * pushes. One pass over the pairs adds up both and the sum of w. Momentum, gains and early
 * exaggeration are those of the authors' code; the learning rate is that of Belkina et al. 2019
 * (Nature Communications 10, 5415).
 */
#include "tsne.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

#define EXAGGERATION	12.0
#define EARLY			250		/* iterations with it */
#define ITERATIONS		750
#define BISECTIONS		64

/* Squared distances of row i to all rows. */
static void
square_distances(const float *x, int64_t n, int d, int64_t i, double *square)
{
	for (int64_t j = 0; j < n; j++)
	{
		double		sum = 0;

		for (int k = 0; k < d; k++)
		{
			double		difference = (double) x[i * d + k] - x[j * d + k];

			sum += difference * difference;
		}
		square[j] = sum;
	}
}

/* p[j] = p(j|i) of the perplexity, from squared distances; p[i] is 0. */
static void
conditional(const double *square, int64_t n, int64_t i, double perplexity, double *p)
{
	double		least = INFINITY;
	double		mean = 0;
	double		low = 0;
	double		high = INFINITY;
	double		beta;			/* 1 / (2 sigma^2) */

	for (int64_t j = 0; j < n; j++)
		if (j != i)
		{
			least = square[j] < least ? square[j] : least;
			mean += square[j] / (double) (n - 1);
		}
	beta = mean > least ? 1 / (mean - least) : 1;
	for (int step = 0; step < BISECTIONS; step++)
	{
		double		sum = 0;
		double		weighted = 0;
		double		entropy;

		for (int64_t j = 0; j < n; j++)
		{
			double		excess = square[j] - least;

			p[j] = j == i ? 0 : exp(-beta * excess);
			sum += p[j];
			weighted += p[j] > 0 ? p[j] * excess : 0;
		}
		entropy = log(sum) + beta * weighted / sum;
		for (int64_t j = 0; j < n; j++)
			p[j] /= sum;
		if (fabs(entropy - log(perplexity)) < 1e-5)
			break;
		if (entropy > log(perplexity))
		{
			low = beta;
			beta = isinf(high) ? 2 * beta : (low + high) / 2;
		}
		else
		{
			high = beta;
			beta = (low + high) / 2;
		}
		if (!isfinite(beta))
			break;
	}
}

/* pair (n x n): P, whose sum is 1. */
static LearnStatus
joint(LearnEnv *env, const float *x, int64_t n, int d, double perplexity, float *pair)
{
	ArenaMark	mark = arena_mark(env->arena);
	double	   *square;
	double	   *p;

	LEARN_ALLOC(env, square, n);
	LEARN_ALLOC(env, p, n);
	for (int64_t i = 0; i < n; i++)
	{
		LEARN_TRY(learn_poll(env));
		square_distances(x, n, d, i, square);
		LEARN_TRY(learn_poll(env));
		conditional(square, n, i, perplexity, p);
		for (int64_t j = 0; j < n; j++)
			pair[i * n + j] = (float) (p[j] / (2.0 * n));
	}
	for (int64_t i = 0; i < n; i++)
	{
		LEARN_TRY(learn_poll(env));
		for (int64_t j = 0; j < i; j++)
			pair[i * n + j] = pair[j * n + i] = pair[i * n + j] + pair[j * n + i];
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* Where the rows are, as two arrays, and the sums of one pass. */
typedef struct Plane
{
	int64_t		n;
	double	   *y[2];			/* n */
	double	   *pull[2];
	double	   *push[2];
	double		sum;			/* of w */
} Plane;

static LearnStatus
pass(LearnEnv *env, const float *pair, Plane *plane)
{
	const double *y0 = plane->y[0];
	const double *y1 = plane->y[1];

	for (int c = 0; c < 2; c++)
	{
		memset(plane->pull[c], 0, sizeof(double) * (size_t) plane->n);
		memset(plane->push[c], 0, sizeof(double) * (size_t) plane->n);
	}
	plane->sum = 0;
	for (int64_t i = 1; i < plane->n; i++)
	{
		const float *p = pair + i * plane->n;
		double		pull0 = 0;
		double		pull1 = 0;
		double		push0 = 0;
		double		push1 = 0;

		LEARN_TRY(learn_poll(env));
		for (int64_t j = 0; j < i; j++)
		{
			double		d0 = y0[i] - y0[j];
			double		d1 = y1[i] - y1[j];
			double		w = 1 / (1 + d0 * d0 + d1 * d1);
			double		attraction = p[j] * w;
			double		repulsion = w * w;

			plane->sum += 2 * w;
			pull0 += attraction * d0;
			pull1 += attraction * d1;
			push0 += repulsion * d0;
			push1 += repulsion * d1;
			plane->pull[0][j] -= attraction * d0;
			plane->pull[1][j] -= attraction * d1;
			plane->push[0][j] -= repulsion * d0;
			plane->push[1][j] -= repulsion * d1;
		}
		plane->pull[0][i] += pull0;
		plane->pull[1][i] += pull1;
		plane->push[0][i] += push0;
		plane->push[1][i] += push1;
	}
	return LEARN_OK;
}

/* Begin at the given places, scaled to a standard deviation of 1e-4 along the wider axis. */
static void
place(Plane *plane, const float *at, uint64_t seed)
{
	double		widest = 0;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int c = 0; c < 2; c++)
	{
		double		mean = 0;
		double		spread = 0;

		for (int64_t i = 0; i < plane->n; i++)
			mean += at[2 * i + c] / (double) plane->n;
		for (int64_t i = 0; i < plane->n; i++)
		{
			plane->y[c][i] = at[2 * i + c] - mean;
			spread += plane->y[c][i] * plane->y[c][i] / (double) plane->n;
		}
		widest = spread > widest ? spread : widest;
	}
	widest = widest > 0 && isfinite(widest) ? sqrt(widest) : 1;
	for (int c = 0; c < 2; c++)
		for (int64_t i = 0; i < plane->n; i++)
			plane->y[c][i] = 1e-4 * plane->y[c][i] / widest + 1e-6 * rng_normal(&rng);
}

LearnStatus
tsne(LearnEnv *env, const float *x, int64_t n, int d, double perplexity, uint64_t seed, float *at)
{
	ArenaMark	mark = arena_mark(env->arena);
	double		rate = n / EXAGGERATION / 4 > 50 ? n / EXAGGERATION / 4 : 50;
	Plane		plane = {.n = n};
	double	   *step[2];
	double	   *gain[2];
	float	   *pair;

	LEARN_ALLOC(env, pair, n * n);
	for (int c = 0; c < 2; c++)
	{
		LEARN_ALLOC(env, plane.y[c], n);
		LEARN_ALLOC(env, plane.pull[c], n);
		LEARN_ALLOC(env, plane.push[c], n);
		LEARN_ALLOC(env, step[c], n);
		LEARN_ALLOC(env, gain[c], n);
		memset(step[c], 0, sizeof(double) * (size_t) n);
		for (int64_t i = 0; i < n; i++)
			gain[c][i] = 1;
	}
	place(&plane, at, seed);
	perplexity = perplexity < (n - 1) / 3.0 ? perplexity : (n - 1) / 3.0;
	if (n >= 4)
		LEARN_TRY(joint(env, x, n, d, perplexity, pair));
	for (int iteration = 0; iteration < ITERATIONS && n >= 4; iteration++)
	{
		bool		early = iteration < EARLY;
		double		momentum = early ? 0.5 : 0.8;

		LEARN_TRY(pass(env, pair, &plane));
		for (int c = 0; c < 2; c++)
			for (int64_t i = 0; i < n; i++)
			{
				double		gradient = 4 * ((early ? EXAGGERATION : 1) * plane.pull[c][i] - plane.push[c][i] / plane.sum);

				gain[c][i] = (gradient > 0) != (step[c][i] > 0) ? gain[c][i] + 0.2 : gain[c][i] * 0.8;
				gain[c][i] = gain[c][i] < 0.01 ? 0.01 : gain[c][i];
				step[c][i] = momentum * step[c][i] - rate * gain[c][i] * gradient;
				plane.y[c][i] += step[c][i];
			}
	}
	for (int64_t i = 0; i < n; i++)
		for (int c = 0; c < 2; c++)
			at[2 * i + c] = (float) plane.y[c][i];
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
