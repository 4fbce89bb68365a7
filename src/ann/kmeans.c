/*
 * kmeans.c
 *	  See kmeans.h.
 */
#include "ann/kmeans.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "ann/distance.h"
#include "base/blas.h"

#define BLOCK			256		/* rows that meet the centers in one product */
#define POLL_ROWS		512		/* of 16,000 elements: 32 MB, about 10 ms */
#define LANES			16
#define TILE_FLOATS		4096	/* of centers that meet a block's rows one after another: 16 KB */
#define TOP_SAMPLE		64		/* rows a group whose center is sought among all */
#define TOP_ITERATIONS	12
#define LEAF_ITERATIONS	8
#define GROUP_MOST		4		/* times the centers of an average group, at most */
#define SPLIT_ITERATIONS 10

/*
 * A center's bias grows in an iteration by this part of half the mean squared distance for
 * each time that it has the rows of an average center more than one.  More than a few
 * hundredths, and biases chase the counts instead of settling.
 */
#define BALANCE			0.03
#define MOST_CROWDED	3.0		/* times the average that count */

/* A part is cut into parts that fill their capacity to this: the next inserts find room. */
#define DIVIDE_FILL		0.7
#define DIVIDE_WIDEST	256
#define DIVIDE_MOST		0.875	/* of the rows in one part: no division */

/* |x|^2. */
static double
square_of(const float *x, int width)
{
	double		sum = 0;

	for (int i = 0; i < width; i++)
		sum += (double) x[i] * x[i];
	return sum;
}

/* |c|^2 / 2 of each center plus its bias: a row's nearest has the largest product less this. */
static void
half_norms(const float *centers, const float *bias, int k, int width, float *out)
{
	for (int c = 0; c < k; c++)
		out[c] = (float) (square_of(centers + (size_t) c * width, width) / 2 + (bias != NULL ? bias[c] : 0));
}

LearnStatus
kmeans_load(LearnEnv *env)
{
	LearnStatus status = blas_load(env);

	return status == LEARN_NO_BLAS ? LEARN_OK : status;
}

/* scores (m x k) += rows . centers without OpenBLAS, by the kernels of the distances. */
static LearnStatus
add_products(LearnEnv *env, const float *rows, int m, int width, const float *centers, int k, float *scores)
{
	int			tile = width < TILE_FLOATS ? TILE_FLOATS / width : 1;

	for (int first = 0; first < k; first += tile)
	{
		int			end = first + tile < k ? first + tile : k;

		LEARN_TRY(learn_poll(env));
		for (int i = 0; i < m; i++)
			for (int c = first; c < end; c++)
				scores[(size_t) i * k + c] += (float) distance_inner_product(rows + (size_t) i * width,
																			 centers + (size_t) c * width, width);
	}
	return LEARN_OK;
}

/*
 * scores (m x k) = rows . centers less the half norms: the nearest center has the largest.
 * The product is added to the matrix in place, which saves a pass over it.
 */
static LearnStatus
score_rows(LearnEnv *env, const float *rows, int m, int width, const float *centers, const float *half, int k,
		   float *scores)
{
	for (int i = 0; i < m; i++)
		for (int c = 0; c < k; c++)
			scores[(size_t) i * k + c] = -half[c];
	if (!blas_loaded())
		return add_products(env, rows, m, width, centers, k, scores);
	return blas_gemm_polled(env, false, true, m, k, width, 1, rows, width, centers, width, 1, scores, k);
}

/* The index of the largest of k scores, the first of equal ones. */
static int
best_center(const float *score, int k)
{
	float		lane[LANES];
	float		best;
	int			c;

	if (k < LANES)
	{
		int			winner = 0;

		for (c = 1; c < k; c++)
			if (score[c] > score[winner])
				winner = c;
		return winner;
	}

	/* the largest alone is one instruction a vector; where it stands is sought once */
	for (int j = 0; j < LANES; j++)
		lane[j] = score[j];
	for (c = LANES; c + LANES <= k; c += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] = score[c + j] > lane[j] ? score[c + j] : lane[j];
	best = lane[0];
	for (int j = 1; j < LANES; j++)
		best = lane[j] > best ? lane[j] : best;
	for (; c < k; c++)
		best = score[c] > best ? score[c] : best;
	for (c = 0; c < k - 1 && score[c] != best; c++)
		;
	return c;
}

/* kmeans_nearest() over rows that stand together, with the caller's scratch of BLOCK x k and k. */
static LearnStatus
nearest_of(LearnEnv *env, const float *rows, int64_t n, int width, const float *centers,
		   const float *bias, int k, float *scores, float *half, int32_t *nearest)
{
	half_norms(centers, bias, k, width, half);
	for (int64_t start = 0; start < n; start += BLOCK)
	{
		int			m = n - start < BLOCK ? (int) (n - start) : BLOCK;

		LEARN_TRY(score_rows(env, rows + start * width, m, width, centers, half, k, scores));
		for (int i = 0; i < m; i++)
			nearest[start + i] = best_center(scores + (size_t) i * k, k);
	}
	return LEARN_OK;
}

LearnStatus
kmeans_nearest(LearnEnv *env, const float *rows, int64_t n, int width, const float *centers,
			   const float *bias, int k, int32_t *nearest)
{
	ArenaMark	mark = arena_mark(env->arena);
	LearnStatus status;
	float	   *scores;
	float	   *half;

	LEARN_ALLOC(env, scores, (size_t) BLOCK * k);
	LEARN_ALLOC(env, half, k);
	status = nearest_of(env, rows, n, width, centers, bias, k, scores, half, nearest);
	arena_reset(env->arena, mark);
	return status;
}

/* centers = the means of their rows; a center without rows takes a random row. */
static LearnStatus
take_means(LearnEnv *env, const float *rows, int64_t n, int width, int k, const int32_t *nearest, Rng *rng,
		   int64_t *count, float *centers)
{
	memset(count, 0, k * sizeof(count[0]));
	memset(centers, 0, (size_t) k * width * sizeof(float));
	for (int64_t i = 0; i < n; i++)
	{
		float	   *center = centers + (size_t) nearest[i] * width;
		const float *row = rows + i * width;

		if (i % POLL_ROWS == POLL_ROWS - 1)
			LEARN_TRY(learn_poll(env));
		count[nearest[i]]++;
		for (int j = 0; j < width; j++)
			center[j] += row[j];
	}
	for (int c = 0; c < k; c++)
	{
		float	   *center = centers + (size_t) c * width;

		if (count[c] == 0)
			memcpy(center, rows + (int64_t) rng_below(rng, n) * width, width * sizeof(float));
		else
			for (int j = 0; j < width; j++)
				center[j] /= (float) count[c];
	}
	return LEARN_OK;
}

/* Half the mean squared distance of the rows to their means. */
static double
spread_of(double squares, int64_t n, int width, const float *centers, const int64_t *count, int k)
{
	double		left = squares;

	for (int c = 0; c < k; c++)
		left -= count[c] * square_of(centers + (size_t) c * width, width);
	return left > 0 ? left / (2 * (double) n) : 0;
}

LearnStatus
kmeans_fit(LearnEnv *env, const float *rows, int64_t n, int width, int k, int iterations, Rng *rng,
		   float *centers, float *bias)
{
	ArenaMark	mark = arena_mark(env->arena);
	LearnStatus status = LEARN_OK;
	float	   *scores;
	float	   *half;
	int32_t    *nearest;
	int64_t    *count;
	double		squares = 0;

	LEARN_ALLOC(env, scores, (size_t) BLOCK * k);
	LEARN_ALLOC(env, half, k);
	LEARN_ALLOC(env, nearest, n);
	LEARN_ALLOC(env, count, k);

	/* every row is chosen with equal probability: k left to choose from the remaining rows */
	for (int64_t i = 0, chosen = 0; chosen < k; i++)
		if ((int64_t) rng_below(rng, n - i) < k - chosen)
			memcpy(centers + (size_t) chosen++ * width, rows + i * width, width * sizeof(float));

	if (bias != NULL)
	{
		memset(bias, 0, k * sizeof(bias[0]));
		for (int64_t i = 0; i < n; i++)
		{
			if (i % POLL_ROWS == POLL_ROWS - 1)
				LEARN_TRY(learn_poll(env));
			squares += square_of(rows + i * width, width);
		}
	}
	for (int i = 0; i < iterations && k > 1 && status == LEARN_OK; i++)
	{
		status = nearest_of(env, rows, n, width, centers, bias, k, scores, half, nearest);
		if (status == LEARN_OK)
			status = take_means(env, rows, n, width, k, nearest, rng, count, centers);
		if (status == LEARN_OK && bias != NULL)
		{
			double		spread = spread_of(squares, n, width, centers, count, k);

			for (int c = 0; c < k; c++)
				bias[c] += (float) (BALANCE * spread * (fmin((double) count[c] * k / n, MOST_CROWDED) - 1));
		}
	}
	if (k == 1)
	{
		memset(nearest, 0, n * sizeof(nearest[0]));
		status = take_means(env, rows, n, width, 1, nearest, rng, count, centers);
	}
	arena_reset(env->arena, mark);
	return status;
}

/* Rows by the group that each belongs to: order, and where each group's run begins. */
static void
sort_by_group(const int32_t *group, int64_t n, int groups, int64_t *first, int32_t *order)
{
	memset(first, 0, (groups + 1) * sizeof(first[0]));
	for (int64_t i = 0; i < n; i++)
		first[group[i] + 1]++;
	for (int g = 0; g < groups; g++)
		first[g + 1] += first[g];
	for (int64_t i = 0; i < n; i++)
		order[first[group[i]]++] = (int32_t) i;
	for (int g = groups; g > 0; g--)
		first[g] = first[g - 1];
	first[0] = 0;
}

static LearnStatus
gather(LearnEnv *env, const float *rows, int width, const int32_t *order, int64_t n, float *out)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == POLL_ROWS - 1)
			LEARN_TRY(learn_poll(env));
		memcpy(out + i * width, rows + (size_t) order[i] * width, width * sizeof(float));
	}
	return LEARN_OK;
}

LearnStatus
kmeans_grid_fit(LearnEnv *env, const float *sample, int64_t n, int width, int k, Rng *rng,
				KmeansGrid *grid)
{
	int			groups = (int) sqrt((double) k);
	ArenaMark	mark;
	int64_t		top_rows;
	int32_t    *group;
	int32_t    *order;
	int64_t    *first;
	float	   *part;

	if (k > n)
		k = (int) n;
	groups = groups < 1 ? 1 : groups > k ? k : groups;
	grid->width = width;
	LEARN_ALLOC(env, grid->tops, (size_t) groups * width);
	LEARN_ALLOC(env, grid->first, groups + 1);
	LEARN_ALLOC(env, grid->centers, (size_t) k * width);
	LEARN_ALLOC(env, grid->bias, k);
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, group, n);
	LEARN_ALLOC(env, order, n);
	LEARN_ALLOC(env, first, groups + 1);

	/* the sample has no order that matters to the caller, but may have one: stride through it */
	top_rows = (int64_t) groups * TOP_SAMPLE < n ? (int64_t) groups * TOP_SAMPLE : n;
	LEARN_ALLOC(env, part, (size_t) n * width);
	for (int64_t i = 0; i < top_rows; i++)
		order[i] = (int32_t) (i * n / top_rows);
	LEARN_TRY(gather(env, sample, width, order, top_rows, part));
	LEARN_TRY(kmeans_fit(env, part, top_rows, width, groups, TOP_ITERATIONS, rng, grid->tops, NULL));
	LEARN_TRY(kmeans_nearest(env, sample, n, width, grid->tops, NULL, groups, group));
	sort_by_group(group, n, groups, first, order);

	grid->k = 0;
	grid->groups = 0;
	for (int g = 0; g < groups; g++)
	{
		int64_t		m = first[g + 1] - first[g];
		int64_t		share = (int64_t) floor((double) k * first[g + 1] / n) - (int64_t) floor((double) k * first[g] / n);

		/*
		 * rows all alike are one group: as many centers as rows want would take forever, and be
		 * no use
		 */
		if (share > (int64_t) groups * GROUP_MOST)
			share = (int64_t) groups * GROUP_MOST;
		if (share > m)
			share = m;
		/* too few rows for a center: they go to the other groups' */
		if (share == 0)
			continue;
		grid->first[grid->groups] = grid->k;
		memmove(grid->tops + (size_t) grid->groups * width, grid->tops + (size_t) g * width, width * sizeof(float));
		grid->groups++;
		LEARN_TRY(gather(env, sample, width, order + first[g], m, part));
		LEARN_TRY(kmeans_fit(env, part, m, width, (int) share, LEAF_ITERATIONS, rng,
							 grid->centers + (size_t) grid->k * width, grid->bias + grid->k));
		grid->k += (int) share;
	}
	grid->first[grid->groups] = grid->k;
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* The beam best of k scores, best first, by insertion: beam is small. */
static void
best_centers(const float *score, int k, int beam, int32_t *out)
{
	float		value[16];
	int			n = 0;

	for (int c = 0; c < k; c++)
	{
		float		v = score[c];
		int			at;

		if (n == beam && v <= value[n - 1])
			continue;
		if (n < beam)
			n++;
		for (at = n - 1; at > 0 && value[at - 1] < v; at--)
		{
			value[at] = value[at - 1];
			out[at] = out[at - 1];
		}
		value[at] = v;
		out[at] = c;
	}
}

LearnStatus
kmeans_grid_nearest(LearnEnv *env, const KmeansGrid *grid, const float *rows, int64_t n, int beam,
					int32_t *nearest)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			width = grid->width;
	int			widest = grid->groups;
	int32_t    *chosen;			/* n x beam groups */
	int32_t    *order;
	int64_t    *first;
	float	   *best;
	float	   *scores;
	float	   *half;
	float	   *part;

	beam = beam > 16 ? 16 : beam;
	beam = beam > grid->groups ? grid->groups : beam;
	for (int g = 0; g < grid->groups; g++)
		if (grid->first[g + 1] - grid->first[g] > widest)
			widest = grid->first[g + 1] - grid->first[g];
	LEARN_ALLOC(env, chosen, (size_t) n * beam);
	LEARN_ALLOC(env, order, (size_t) n * beam);
	LEARN_ALLOC(env, first, grid->groups + 1);
	LEARN_ALLOC(env, best, n);
	LEARN_ALLOC(env, scores, (size_t) BLOCK * widest);
	LEARN_ALLOC(env, half, widest);
	LEARN_ALLOC(env, part, (size_t) BLOCK * width);

	half_norms(grid->tops, NULL, grid->groups, width, half);
	for (int64_t start = 0; start < n; start += BLOCK)
	{
		int			m = n - start < BLOCK ? (int) (n - start) : BLOCK;

		LEARN_TRY(score_rows(env, rows + start * width, m, width, grid->tops, half, grid->groups, scores));
		for (int i = 0; i < m; i++)
			best_centers(scores + (size_t) i * grid->groups, grid->groups, beam, chosen + (start + i) * beam);
	}

	/* group by group, all rows that chose it: its centers are read once for BLOCK of them */
	sort_by_group(chosen, n * beam, grid->groups, first, order);
	for (int64_t i = 0; i < n; i++)
	{
		best[i] = -FLT_MAX;
		nearest[i] = 0;
	}
	for (int g = 0; g < grid->groups; g++)
	{
		int			k = grid->first[g + 1] - grid->first[g];
		const float *centers = grid->centers + (size_t) grid->first[g] * width;

		half_norms(centers, grid->bias + grid->first[g], k, width, half);
		for (int64_t start = first[g]; start < first[g + 1]; start += BLOCK)
		{
			int			m = first[g + 1] - start < BLOCK ? (int) (first[g + 1] - start) : BLOCK;

			for (int i = 0; i < m; i++)
				memcpy(part + (size_t) i * width, rows + (size_t) (order[start + i] / beam) * width,
					   width * sizeof(float));
			LEARN_TRY(score_rows(env, part, m, width, centers, half, k, scores));
			for (int i = 0; i < m; i++)
			{
				int64_t		row = order[start + i] / beam;
				const float *score = scores + (size_t) i * k;
				int			c = best_center(score, k);

				if (score[c] > best[row])
				{
					best[row] = score[c];
					nearest[row] = grid->first[g] + c;
				}
			}
		}
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

static bool
all_equal(const float *rows, int64_t n, int width)
{
	for (int64_t i = 1; i < n; i++)
		if (memcmp(rows, rows + i * width, width * sizeof(float)) != 0)
			return false;
	return true;
}

LearnStatus
kmeans_divide(LearnEnv *env, const float *rows, int width, int32_t *order, int64_t n, int capacity,
			  Rng *rng, int64_t *first, int64_t *parts)
{
	ArenaMark	mark = arena_mark(env->arena);
	int64_t		done = 0;
	int64_t		ready = 0;
	float	   *part;
	float	   *centers;
	float	   *bias;
	int32_t    *group;
	int32_t    *run;
	int32_t    *copy;
	int64_t    *begins;
	int			widest = (int) fmin(DIVIDE_WIDEST, ceil(n / (capacity * DIVIDE_FILL)));

	if (n <= capacity)
	{
		first[0] = 0;
		first[n > 0] = n;
		*parts = n > 0;
		return LEARN_OK;
	}
	LEARN_ALLOC(env, part, (size_t) n * width);
	LEARN_ALLOC(env, centers, (size_t) (widest < 2 ? 2 : widest) * width);
	LEARN_ALLOC(env, bias, widest < 2 ? 2 : widest);
	LEARN_ALLOC(env, group, n);
	LEARN_ALLOC(env, run, n);
	LEARN_ALLOC(env, copy, n);
	LEARN_ALLOC(env, begins, (widest < 2 ? 2 : widest) + 1);

	/*
	 * first[] holds the parts that are ready; begun by the run from `ready` on, the rest is
	 * divided from the left until a piece fits.  `end` of the piece at hand is found
	 * again from the marks pushed at the far end of first[].
	 */
	first[n] = n;
	done = n;
	*parts = 0;
	while (ready < n)
	{
		int64_t		end = first[done];
		int64_t		m = end - ready;
		int			k = (int) fmin(DIVIDE_WIDEST, ceil(m / (capacity * DIVIDE_FILL)));

		if (m <= capacity)
		{
			first[(*parts)++] = ready;
			ready = end;
			if (ready < n)
				done++;
			continue;
		}
		k = k < 2 ? 2 : k > m ? (int) m : k;
		LEARN_TRY(gather(env, rows, width, order + ready, m, part));
		if (all_equal(part, m, width))
		{
			for (int g = k - 1; g > 0; g--)
				first[--done] = ready + m * g / k;
			continue;
		}
		LEARN_TRY(kmeans_fit(env, part, m, width, k, SPLIT_ITERATIONS, rng, centers, bias));
		LEARN_TRY(kmeans_nearest(env, part, m, width, centers, bias, k, group));
		sort_by_group(group, m, k, begins, run);
		for (int64_t i = 0; i < m; i++)
			copy[i] = order[ready + run[i]];
		memcpy(order + ready, copy, m * sizeof(order[0]));
		for (int g = k - 1; g >= 0; g--)
		{
			int64_t		size = begins[g + 1] - begins[g];

			/* what centers hardly tell apart is halved, or crumbs would be cut off it forever */
			if (size > capacity && size > m * DIVIDE_MOST)
				first[--done] = ready + begins[g] + size / 2;
			if (begins[g] > 0 && begins[g] < m && size > 0)
				first[--done] = ready + begins[g];
		}
	}
	first[*parts] = n;
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
