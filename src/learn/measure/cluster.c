/*
 * cluster.c
 *	  Classes as clusters: k-means, mutual information, silhouettes, and the spread of an embedding.
 */
#include "cluster.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/eigen.h"
#include "learn/data/moments.h"
#include "neighbours.h"

#define STARTS			4
#define ITERATIONS		100
#define BUDGET			4e10	/* multiplications of one k-means: some seconds at most */
#define BLOCK_FLOATS	(1024 * 1024)
#define POLL_WORK		(4 * 1024 * 1024)
#define SPREAD_MAX		1024		/* columns of a covariance whose eigenvalues are taken */

/* ---------- k-means ---------- */

typedef struct Kmeans
{
	const float *x;
	int64_t		n;
	int			d;
	int			k;
	int64_t		block;			/* rows at once */
	float	   *center;			/* k x d */
	double	   *sum;			/* k x d */
	int64_t    *size;			/* k */
	float	   *product;		/* block x k */
	float	   *half;			/* k: half the centers' squared lengths */
	double	   *square;			/* n: squared distance to the nearest center */
	int32_t    *nearest;		/* n */
} Kmeans;

/* Update the distance of each row to its nearest center by center c. */
static LearnStatus
offer_center(LearnEnv *env, Kmeans *km, int c)
{
	int64_t		rows = 1 + POLL_WORK / km->d;

	for (int64_t i = 0; i < km->n; i++)
	{
		double		square = neighbours_square_distance(km->x + i * km->d, km->center + (size_t) c * km->d, km->d);

		if (i % rows == 0)
			LEARN_TRY(learn_poll(env));
		if (c == 0 || square < km->square[i])
			km->square[i] = square;
	}
	return LEARN_OK;
}

/*
 * k-means++: a row becomes a center with a probability proportional to its squared distance to the
 * nearest center so far.
 */
static LearnStatus
seed_centers(LearnEnv *env, Kmeans *km, Rng *rng)
{
	int64_t		chosen = (int64_t) rng_below(rng, km->n);

	for (int c = 0; c < km->k; c++)
	{
		double		total = 0;
		double		at;

		if (c > 0)
		{
			for (int64_t i = 0; i < km->n; i++)
				total += km->square[i];
			at = rng_uniform(rng) * total;
			chosen = (int64_t) rng_below(rng, km->n);	/* where all rows are at centers */
			for (int64_t i = 0; i < km->n && total > 0; i++)
			{
				if (km->square[i] > 0)
					chosen = i;
				at -= km->square[i];
				if (at < 0)
					break;
			}
		}
		memcpy(km->center + (size_t) c * km->d, km->x + chosen * km->d, km->d * sizeof(float));
		LEARN_TRY(offer_center(env, km, c));
	}
	return LEARN_OK;
}

/* Find the nearest center of each row. Returns whether any changed. */
static LearnStatus
assign(LearnEnv *env, Kmeans *km, bool *changed)
{
	*changed = false;
	for (int c = 0; c < km->k; c++)
	{
		double		sum = 0;

		for (int j = 0; j < km->d; j++)
			sum += (double) km->center[(size_t) c * km->d + j] * km->center[(size_t) c * km->d + j];
		km->half[c] = (float) (sum / 2);
	}
	for (int64_t begin = 0; begin < km->n; begin += km->block)
	{
		int			count = (int) (km->n - begin < km->block ? km->n - begin : km->block);

		LEARN_TRY(blas_gemm_polled(env, false, true, count, km->k, km->d, 1, km->x + begin * km->d, km->d,
								   km->center, km->d, 0, km->product, km->k));
		for (int i = 0; i < count; i++)
		{
			const float *row = km->product + (size_t) i * km->k;
			int32_t		best = 0;

			for (int c = 1; c < km->k; c++)
				if (row[c] - km->half[c] > row[best] - km->half[best])
					best = c;
			*changed |= km->nearest[begin + i] != best;
			km->nearest[begin + i] = best;
		}
	}
	return LEARN_OK;
}

/* Move centers to the means of their rows. A center without rows stays. */
static LearnStatus
move_centers(LearnEnv *env, Kmeans *km)
{
	int64_t		rows = 1 + POLL_WORK / km->d;

	memset(km->sum, 0, (size_t) km->k * km->d * sizeof(double));
	memset(km->size, 0, km->k * sizeof(int64_t));
	for (int64_t i = 0; i < km->n; i++)
	{
		double	   *sum = km->sum + (size_t) km->nearest[i] * km->d;

		if (i % rows == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < km->d; j++)
			sum[j] += km->x[i * km->d + j];
		km->size[km->nearest[i]]++;
	}
	for (int c = 0; c < km->k; c++)
		for (int j = 0; j < km->d && km->size[c] > 0; j++)
			km->center[(size_t) c * km->d + j] = (float) (km->sum[(size_t) c * km->d + j] / km->size[c]);
	return LEARN_OK;
}

static LearnStatus
one_start(LearnEnv *env, Kmeans *km, Rng *rng, int iterations, double *inertia)
{
	int64_t		rows = 1 + POLL_WORK / km->d;
	bool		changed = true;

	LEARN_TRY(seed_centers(env, km, rng));
	for (int64_t i = 0; i < km->n; i++)
		km->nearest[i] = -1;
	for (int iteration = 0; iteration < iterations; iteration++)
	{
		LEARN_TRY(assign(env, km, &changed));
		if (!changed)
			break;
		LEARN_TRY(move_centers(env, km));
	}
	*inertia = 0;
	for (int64_t i = 0; i < km->n; i++)
	{
		if (i % rows == 0)
			LEARN_TRY(learn_poll(env));
		*inertia += neighbours_square_distance(km->x + i * km->d, km->center + (size_t) km->nearest[i] * km->d, km->d);
	}
	return LEARN_OK;
}

/*
 * Subtract the mean from the rows, since products of rows far from the origin lose digits. Then
 * multiply by a power of two that brings the largest element to 0.5 .. 1, so that no product leaves
 * the range of float.
 */
static LearnStatus
centre(LearnEnv *env, const float *x, int64_t n, int d, float **out)
{
	double	   *mean;
	double		largest = 0;
	double		scale;
	int			exponent;

	LEARN_ALLOC(env, *out, (size_t) n * d);
	LEARN_ALLOC(env, mean, d);
	memset(mean, 0, d * sizeof(double));
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
			mean[j] += (double) x[i * d + j] / n;
	LEARN_TRY(learn_poll(env));
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
			largest = fmax(largest, fabs(x[i * d + j] - mean[j]));
	frexp(largest, &exponent);
	scale = ldexp(1, -exponent);
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
			(*out)[i * d + j] = (float) ((x[i * d + j] - mean[j]) * scale);
	return LEARN_OK;
}

LearnStatus
cluster_kmeans(LearnEnv *env, const float *x, int64_t n, int d, int k, uint64_t seed, int32_t *cluster)
{
	ArenaMark	mark = arena_mark(env->arena);
	Kmeans		km = {.n = n,.d = d,.k = k};
	double		pass = (double) n * k * d;
	int			starts = pass * ITERATIONS < BUDGET ? STARTS : 1;
	double		affordable = BUDGET / starts / pass;
	int			iterations = affordable > ITERATIONS ? ITERATIONS : affordable < 5 ? 5 : (int) affordable;
	double		least = INFINITY;
	float	   *centred;
	Rng			rng;

	LEARN_TRY(blas_load(env));
	LEARN_TRY(centre(env, x, n, d, &centred));
	km.x = centred;
	km.block = 1 + BLOCK_FLOATS / k;
	if (km.block > n)
		km.block = n;
	LEARN_ALLOC(env, km.center, (size_t) k * d);
	LEARN_ALLOC(env, km.sum, (size_t) k * d);
	LEARN_ALLOC(env, km.size, k);
	LEARN_ALLOC(env, km.product, (size_t) km.block * k);
	LEARN_ALLOC(env, km.half, k);
	LEARN_ALLOC(env, km.square, n);
	LEARN_ALLOC(env, km.nearest, n);
	rng_seed(&rng, seed, 0);
	for (int start = 0; start < starts; start++)
	{
		double		inertia;

		LEARN_TRY(one_start(env, &km, &rng, iterations, &inertia));
		if (inertia < least || start == 0)
		{
			least = inertia;
			memcpy(cluster, km.nearest, n * sizeof(int32_t));
		}
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* ---------- mutual information ---------- */

static double
entropy(const int64_t *count, int k, int64_t n)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
		if (count[i] > 0)
			sum -= (double) count[i] / n * log((double) count[i] / n);
	return sum;
}

/*
 * The expected mutual information of independent labellings with these counts: the sum over cells
 * of the hypergeometric mean of (m / n) log(n m / (a b)). log_factorial goes up to n.
 */
static LearnStatus
expected_information(LearnEnv *env, const int64_t *a, int ka, const int64_t *b, int kb, int64_t n,
					 const double *log_factorial, double *expected)
{
	int64_t		work = 0;

	*expected = 0;
	for (int i = 0; i < ka; i++)
		for (int j = 0; j < kb; j++)
		{
			int64_t		low = a[i] + b[j] - n > 1 ? a[i] + b[j] - n : 1;
			int64_t		high = a[i] < b[j] ? a[i] : b[j];
			double		fixed = log_factorial[a[i]] + log_factorial[b[j]] + log_factorial[n - a[i]] +
				log_factorial[n - b[j]] - log_factorial[n];

			work += high - low + 2;
			if (work > POLL_WORK / 64)
			{
				LEARN_TRY(learn_poll(env));
				work = 0;
			}
			for (int64_t m = low; m <= high; m++)
				*expected += (double) m / n * log((double) n * m / ((double) a[i] * b[j])) *
					exp(fixed - log_factorial[m] - log_factorial[a[i] - m] - log_factorial[b[j] - m] -
						log_factorial[n - a[i] - b[j] + m]);
		}
	return LEARN_OK;
}

LearnStatus
cluster_information(LearnEnv *env, const int32_t *a, int ka, const int32_t *b, int kb, int64_t n,
					double *normalized, double *adjusted)
{
	ArenaMark	mark = arena_mark(env->arena);
	int64_t    *count_a;
	int64_t    *count_b;
	int64_t    *first;			/* rows by their class in a */
	int64_t    *order;
	int64_t    *cell;			/* of one class of a */
	double	   *log_factorial;
	double		information = 0;
	double		expected;
	double		mean;

	LEARN_ALLOC(env, count_a, ka);
	LEARN_ALLOC(env, count_b, kb);
	LEARN_ALLOC(env, first, ka + 1);
	LEARN_ALLOC(env, order, n);
	LEARN_ALLOC(env, cell, kb);
	LEARN_ALLOC(env, log_factorial, n + 1);
	memset(count_a, 0, ka * sizeof(int64_t));
	memset(count_b, 0, kb * sizeof(int64_t));
	memset(cell, 0, kb * sizeof(int64_t));
	for (int64_t i = 0; i < n; i++)
	{
		count_a[a[i]]++;
		count_b[b[i]]++;
	}
	first[0] = 0;
	for (int i = 0; i < ka; i++)
		first[i + 1] = first[i] + count_a[i];
	for (int64_t i = 0; i < n; i++)
		order[first[a[i]]++] = b[i];
	log_factorial[0] = 0;
	for (int64_t i = 1; i <= n; i++)
		log_factorial[i] = log_factorial[i - 1] + log((double) i);

	/* now first[i] is the end of class i */
	for (int i = 0; i < ka; i++)
	{
		int64_t		begin = first[i] - count_a[i];

		for (int64_t r = begin; r < first[i]; r++)
			cell[order[r]]++;
		for (int64_t r = begin; r < first[i]; r++)
		{
			int64_t		m = cell[order[r]];

			if (m > 0)
				information += (double) m / n * log((double) n * m / ((double) count_a[i] * count_b[order[r]]));
			cell[order[r]] = 0;
		}
	}
	mean = (entropy(count_a, ka, n) + entropy(count_b, kb, n)) / 2;
	LEARN_TRY(expected_information(env, count_a, ka, count_b, kb, n, log_factorial, &expected));
	*normalized = mean > 0 ? information / mean : 1;
	*adjusted = fabs(mean - expected) > 1e-15 ? (information - expected) / (mean - expected) : 1;
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* ---------- silhouette ---------- */

static double
silhouette_of(const double *sum, const int64_t *count, int k, int32_t label)
{
	double		own = count[label] > 1 ? sum[label] / (count[label] - 1) : 0;
	double		other = INFINITY;

	for (int c = 0; c < k; c++)
		if (c != label && count[c] > 0 && sum[c] / count[c] < other)
			other = sum[c] / count[c];
	if (!(other < INFINITY))
		return NAN;
	if (count[label] <= 1 || (own == 0 && other == 0))
		return 0;
	return (other - own) / fmax(own, other);
}

LearnStatus
cluster_silhouette(LearnEnv *env, const float *x, const int32_t *label, int64_t n, int d, int k, double *silhouette)
{
	ArenaMark	mark = arena_mark(env->arena);
	Neighbours	nb;
	int64_t    *count;
	double	   *sum;

	LEARN_ALLOC(env, count, k);
	LEARN_ALLOC(env, sum, k);
	memset(count, 0, k * sizeof(int64_t));
	for (int64_t i = 0; i < n; i++)
		count[label[i]]++;
	LEARN_TRY(neighbours_create(env, x, n, x, label, n, d, true, &nb));
	for (int64_t begin = 0; begin < n; begin += nb.block)
	{
		int			rows = n - begin < nb.block ? (int) (n - begin) : nb.block;

		LEARN_TRY(neighbours_score(env, &nb, x + begin * d, rows));
		for (int i = 0; i < rows; i++)
		{
			const float *score = nb.score + (int64_t) i * n;
			double		square = nb.length[i] * nb.length[i];

			LEARN_TRY(learn_poll(env));
			memset(sum, 0, k * sizeof(double));
			for (int64_t g = 0; g < n; g++)
			{
				double		distance = square + 2.0 * score[g];

				if (distance > 0 && g != begin + i)
					sum[label[g]] += sqrt(distance);
			}
			silhouette[begin + i] = silhouette_of(sum, count, k, label[begin + i]);
		}
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* ---------- spread ---------- */

typedef struct Matrix
{
	const float *x;
	int			d;
} Matrix;

static LearnStatus
fetch_matrix(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	const Matrix *matrix = ctx;

	for (int i = 0; i < count; i++)
		memcpy(out + (size_t) i * matrix->d, matrix->x + index[i] * matrix->d, matrix->d * sizeof(float));
	return LEARN_OK;
}

LearnStatus
cluster_spread(LearnEnv *env, const float *x, int64_t n, int d, double *effective_rank, double *norm_spread)
{
	ArenaMark	mark = arena_mark(env->arena);
	Matrix		matrix = {x, d};
	Rows		rows = {.n = n,.d = d,.fetch = fetch_matrix,.ctx = &matrix};
	Moments		moments;
	double	   *value;
	double	   *vector;
	double		total = 0;
	double		sum = 0;
	double		squares = 0;

	for (int64_t i = 0; i < n; i++)
	{
		double		square = 0;

		if (i % (1 + POLL_WORK / d) == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < d; j++)
			square += (double) x[i * d + j] * x[i * d + j];
		sum += sqrt(square);
		squares += square;
	}
	*norm_spread = sum > 0 ? sqrt(fmax(squares / n - sum / n * (sum / n), 0)) / (sum / n) : NAN;
	*effective_rank = NAN;
	if (d <= SPREAD_MAX)
	{
		LEARN_TRY(moments_fit(env, &rows, NULL, n, true, &moments));
		LEARN_ALLOC(env, value, d);
		LEARN_ALLOC(env, vector, (size_t) d * d);
		LEARN_TRY(eigen_symmetric(env, moments.cov, d, d, value, vector));
		for (int j = 0; j < d; j++)
			total += fmax(value[j], 0);
		*effective_rank = 0;
		for (int j = 0; j < d && total > 0; j++)
			if (value[j] > 0)
				*effective_rank -= value[j] / total * log(value[j] / total);
		*effective_rank = total > 0 ? exp(*effective_rank) : 0;
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
