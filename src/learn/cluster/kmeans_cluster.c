/*
 * kmeans_cluster.c
 *	  k-means: greedy k-means++ (Arthur and Vassilvitskii 2007), and Lloyd's iterations with the
 *	  bounds of Hamerly (2010) until no row changes its cluster.
 *
 * Each row has an upper bound of the distance to its center and a lower bound of the distance to
 * every other.  When centers move, the bounds move by as much.  A row whose upper bound is below
 * the lower one, or below half the distance from its center to the next, keeps its cluster, and no
 * distance is computed.
 *
 * In the end single rows move to another cluster as long as that lowers the sum.
 *
 * Under cosine rows and centers have length 1, and |a - b|^2 is 2 (1 - cos): bounds hold there,
 * too.
 */
#include "clusters.h"

#include <math.h>
#include <string.h>

#include "ann/distance.h"
#include "base/report.h"
#include "base/rng.h"

#define POLL_ELEMENTS	(2 * 1024 * 1024)
#define ROUNDING		1e-6	/* of a distance, relative */
#define MOST_TRIALS		16
#define HALVES_MOST		4096	/* centers whose distances to each other are computed */

typedef struct Kmeans
{
	const float *x;
	int64_t		n;
	int			d;
	bool		on_sphere;
	int			k;				/* centers in use */
	float	   *center;			/* k x d */
	double	   *sum;			/* k x d */
	int64_t    *size;			/* k */
	double	   *half;			/* k: half the distance to the nearest other center */
	double	   *moved;			/* k */
	float	   *before;			/* d: a center before it moved */
	double	   *upper;			/* n; while centers are chosen, the squared distance */
	double	   *lower;			/* n */
	int32_t    *nearest;		/* n */
	int64_t		work;			/* elements since the last poll */
} Kmeans;

size_t
clusters_kmeans_memory(int64_t n, int d, int k)
{
	size_t		a_row = 2 * sizeof(double) + sizeof(int32_t);
	size_t		a_center = d * (sizeof(float) + sizeof(double)) + 3 * sizeof(double);

	return n * a_row + k * a_center + (size_t) 64 * 1024;
}

/* Count elements that are looked at, and poll now and then. */
static inline LearnStatus
worked(LearnEnv *env, Kmeans *km, int64_t elements)
{
	km->work += elements;
	if (km->work < POLL_ELEMENTS)
		return LEARN_OK;
	km->work = 0;
	return learn_poll(env);
}

static inline const float *
row_of(const Kmeans *km, int64_t i)
{
	return km->x + i * km->d;
}

static inline float *
center_of(const Kmeans *km, int c)
{
	return km->center + (size_t) c * km->d;
}

/* ---------- first centers ---------- */

/*
 * Some rows, each chosen with a probability proportional to its squared distance to the nearest
 * center.  total: the sum of the squares, above 0.
 */
static LearnStatus
draw_rows(LearnEnv *env, Kmeans *km, Rng *rng, double total, int trials, int64_t *row)
{
	double		at[MOST_TRIALS];
	double		sum = 0;
	int			found = 0;
	int64_t		last = 0;

	for (int t = 0; t < trials; t++)
		at[t] = rng_uniform(rng) * total;
	learn_sort_rising(at, trials);
	for (int64_t i = 0; i < km->n && found < trials; i++)
	{
		LEARN_TRY(worked(env, km, 1));
		if (km->upper[i] == 0)
			continue;
		sum += km->upper[i];
		last = i;
		while (found < trials && at[found] < sum)
			row[found++] = i;
	}
	while (found < trials)
		row[found++] = last;	/* the sum in another order was larger */
	return LEARN_OK;
}

/* square[c] = a quarter of the squared distance from row i to center c, rounded down. */
static LearnStatus
quarters(LearnEnv *env, Kmeans *km, int64_t i, int centers, double *square)
{
	for (int c = 0; c < centers; c++)
	{
		LEARN_TRY(worked(env, km, km->d));
		square[c] = distance_l2_squared(row_of(km, i), center_of(km, c), km->d) / 4 * (1 - ROUNDING);
	}
	return LEARN_OK;
}

/*
 * Make row `chosen` center c.  A row is nearer to it only if its squared distance to its center is
 * above a quarter of the squared distance between the two centers.
 */
static LearnStatus
add_center(LearnEnv *env, Kmeans *km, int c, int64_t chosen, double *quarter)
{
	LEARN_TRY(quarters(env, km, chosen, c, quarter));
	memcpy(center_of(km, c), row_of(km, chosen), km->d * sizeof(float));
	for (int64_t i = 0; i < km->n; i++)
	{
		double		square;

		if (c > 0 && km->upper[i] <= quarter[km->nearest[i]])
		{
			LEARN_TRY(worked(env, km, 1));
			continue;
		}
		LEARN_TRY(worked(env, km, km->d));
		square = distance_l2_squared(row_of(km, i), center_of(km, c), km->d);
		if (c == 0 || square < km->upper[i])
		{
			km->upper[i] = square;
			km->nearest[i] = c;
		}
	}
	return LEARN_OK;
}

/* The sum of squared distances if each of some rows became a center. */
static LearnStatus
try_rows(LearnEnv *env, Kmeans *km, int centers, const int64_t *row, int trials, double *quarter, double *sum)
{
	for (int t = 0; t < trials; t++)
	{
		const float *candidate = row_of(km, row[t]);

		sum[t] = 0;
		LEARN_TRY(quarters(env, km, row[t], centers, quarter));
		for (int64_t i = 0; i < km->n; i++)
		{
			double		square = km->upper[i];

			if (square > quarter[km->nearest[i]])
			{
				LEARN_TRY(worked(env, km, km->d));
				square = fmin(square, distance_l2_squared(row_of(km, i), candidate, km->d));
			}
			else
				LEARN_TRY(worked(env, km, 1));
			sum[t] += square;
		}
	}
	return LEARN_OK;
}

/*
 * Choose up to k rows as centers.  Of some rows drawn for each center the one that leaves the least
 * sum of squares is taken.  If all rows are at centers, there are fewer than k.
 */
static LearnStatus
choose_centers(LearnEnv *env, Kmeans *km, int k, Rng *rng)
{
	int			trials = 2 + (int) log((double) k);
	int64_t		row[MOST_TRIALS];
	double		left[MOST_TRIALS];

	if (trials > MOST_TRIALS)
		trials = MOST_TRIALS;
	LEARN_TRY(add_center(env, km, 0, (int64_t) rng_below(rng, km->n), km->half));
	for (km->k = 1; km->k < k; km->k++)
	{
		double		total = 0;
		int			best = 0;

		for (int64_t i = 0; i < km->n; i++)
		{
			LEARN_TRY(worked(env, km, 1));
			total += km->upper[i];
		}
		if (total == 0)
			break;
		LEARN_TRY(draw_rows(env, km, rng, total, trials, row));
		LEARN_TRY(try_rows(env, km, km->k, row, trials, km->half, left));
		for (int t = 1; t < trials; t++)
			if (left[t] < left[best])
				best = t;
		LEARN_TRY(add_center(env, km, km->k, row[best], km->half));
	}
	return LEARN_OK;
}

/* ---------- Lloyd's iterations ---------- */

/*
 * half[c], rounded down; 0 if there are more centers than it pays for.
 */
static LearnStatus
halve_distances(LearnEnv *env, Kmeans *km)
{
	for (int c = 0; c < km->k; c++)
		km->half[c] = km->k > HALVES_MOST ? 0 : INFINITY;
	if (km->k > HALVES_MOST)
		return LEARN_OK;
	for (int c = 0; c < km->k; c++)
		for (int other = 0; other < c; other++)
		{
			double		half = distance_l2(center_of(km, c), center_of(km, other), km->d) / 2 * (1 - ROUNDING);

			LEARN_TRY(worked(env, km, km->d));
			km->half[c] = fmin(km->half[c], half);
			km->half[other] = fmin(km->half[other], half);
		}
	return LEARN_OK;
}

/* The center nearest to row i, and bounds. */
static LearnStatus
find_nearest(LearnEnv *env, Kmeans *km, int64_t i)
{
	double		first = INFINITY;
	double		second = INFINITY;
	int32_t		nearest = 0;

	for (int c = 0; c < km->k; c++)
	{
		double		square = distance_l2_squared(row_of(km, i), center_of(km, c), km->d);

		LEARN_TRY(worked(env, km, km->d));
		if (square < first)
		{
			second = first;
			first = square;
			nearest = c;
		}
		else if (square < second)
			second = square;
	}
	km->nearest[i] = nearest;
	km->upper[i] = sqrt(first) * (1 + ROUNDING);
	km->lower[i] = sqrt(second) * (1 - ROUNDING);
	return LEARN_OK;
}

/* Find each row's center.  Returns how many rows changed theirs. */
static LearnStatus
assign(LearnEnv *env, Kmeans *km, bool afresh, int64_t *changed)
{
	*changed = 0;
	LEARN_TRY(halve_distances(env, km));
	for (int64_t i = 0; i < km->n; i++)
	{
		int32_t		before = km->nearest[i];
		double		bound = fmax(km->half[before], km->lower[i]);

		LEARN_TRY(worked(env, km, 1));
		if (!afresh)
		{
			if (km->upper[i] <= bound)
				continue;
			LEARN_TRY(worked(env, km, km->d));
			km->upper[i] = distance_l2(row_of(km, i), center_of(km, before), km->d) * (1 + ROUNDING);
			if (km->upper[i] <= bound)
				continue;
		}
		LEARN_TRY(find_nearest(env, km, i));
		*changed += km->nearest[i] != before;
	}
	return LEARN_OK;
}

/* Sums and numbers of the rows of each center. */
static LearnStatus
add_rows(LearnEnv *env, Kmeans *km)
{
	memset(km->sum, 0, (size_t) km->k * km->d * sizeof(double));
	memset(km->size, 0, km->k * sizeof(int64_t));
	for (int64_t i = 0; i < km->n; i++)
	{
		double	   *sum = km->sum + (size_t) km->nearest[i] * km->d;
		const float *x = row_of(km, i);

		LEARN_TRY(worked(env, km, km->d));
		for (int j = 0; j < km->d; j++)
			sum[j] += x[j];
		km->size[km->nearest[i]]++;
	}
	return LEARN_OK;
}

/*
 * A center without rows takes the row that is farthest from its own center, if that one has others.
 */
static LearnStatus
fill_empty(LearnEnv *env, Kmeans *km)
{
	for (int c = 0; c < km->k; c++)
	{
		int64_t		farthest = -1;
		double		most = 0;
		double	   *from;

		if (km->size[c] > 0)
			continue;
		for (int64_t i = 0; i < km->n; i++)
		{
			double		square;

			LEARN_TRY(worked(env, km, km->d));
			if (km->size[km->nearest[i]] < 2)
				continue;
			square = distance_l2_squared(row_of(km, i), center_of(km, km->nearest[i]), km->d);
			if (square > most)
			{
				most = square;
				farthest = i;
			}
		}
		if (farthest < 0)
			return LEARN_OK;
		from = km->sum + (size_t) km->nearest[farthest] * km->d;
		for (int j = 0; j < km->d; j++)
		{
			from[j] -= row_of(km, farthest)[j];
			km->sum[(size_t) c * km->d + j] = row_of(km, farthest)[j];
		}
		km->size[km->nearest[farthest]]--;
		km->size[c] = 1;
		km->nearest[farthest] = c;
		km->upper[farthest] = INFINITY;
		km->lower[farthest] = 0;
		/* the distance to it is 0 now: it is not chosen again for the next empty center */
		memcpy(center_of(km, c), row_of(km, farthest), km->d * sizeof(float));
	}
	return LEARN_OK;
}

/* Move each center to the mean of its rows, and the bounds of all rows by as much. */
static LearnStatus
move_centers(LearnEnv *env, Kmeans *km)
{
	double		most = 0;
	double		second = 0;
	int			farthest = 0;

	LEARN_TRY(add_rows(env, km));
	LEARN_TRY(fill_empty(env, km));
	for (int c = 0; c < km->k; c++)
	{
		double	   *sum = km->sum + (size_t) c * km->d;
		float	   *center = center_of(km, c);

		LEARN_TRY(worked(env, km, km->d));
		memcpy(km->before, center, km->d * sizeof(float));
		for (int j = 0; j < km->d && km->size[c] > 0; j++)
			center[j] = (float) (sum[j] / km->size[c]);
		if (km->on_sphere && !clusters_direction(center, km->d, center))
			memcpy(center, km->before, km->d * sizeof(float));
		km->moved[c] = distance_l2(km->before, center, km->d) * (1 + ROUNDING);
		if (km->moved[c] > most)
		{
			second = most;
			most = km->moved[c];
			farthest = c;
		}
		else if (km->moved[c] > second)
			second = km->moved[c];
	}
	for (int64_t i = 0; i < km->n; i++)
	{
		LEARN_TRY(worked(env, km, 1));
		km->upper[i] = (km->upper[i] + km->moved[km->nearest[i]]) * (1 + 1e-15);
		km->lower[i] = (km->lower[i] - (km->nearest[i] == farthest ? second : most)) * (1 - 1e-15);
	}
	return LEARN_OK;
}

/* The sum of the squared distances of rows to their centers. */
static LearnStatus
add_squares(LearnEnv *env, Kmeans *km, double *sum)
{
	*sum = 0;
	for (int64_t i = 0; i < km->n; i++)
	{
		LEARN_TRY(worked(env, km, km->d));
		*sum += distance_l2_squared(row_of(km, i), center_of(km, km->nearest[i]), km->d);
	}
	return LEARN_OK;
}

static LearnStatus
one_start(LearnEnv *env, Kmeans *km, const KmeansTask *task, int start, double *inertia)
{
	Rng			rng;
	int64_t		changed = 1;

	rng_seed(&rng, task->seed, start);
	LEARN_TRY(choose_centers(env, km, task->k, &rng));
	for (int iteration = 0; iteration < task->max_iterations && (changed > 0 || iteration < 2); iteration++)
	{
		LearnReport report = {.epoch = start + 1,.epochs = task->starts,.step = iteration + 1,.steps = task->max_iterations};

		if (env->report != NULL)
			env->report(env->ctx, &report);
		LEARN_TRY(assign(env, km, iteration == 0, &changed));
		LEARN_TRY(move_centers(env, km));
	}
	return add_squares(env, km, inertia);
}

/* ---------- single rows ---------- */

/* Move row i from its cluster to another, and both means with it. */
static void
move_row(Kmeans *km, int64_t i, int32_t to)
{
	int32_t		both[2] = {km->nearest[i], to};
	const float *x = row_of(km, i);

	for (int side = 0; side < 2; side++)
	{
		int32_t		c = both[side];
		double	   *sum = km->sum + (size_t) c * km->d;

		km->size[c] += side == 0 ? -1 : 1;
		for (int j = 0; j < km->d; j++)
		{
			sum[j] += side == 0 ? -(double) x[j] : x[j];
			center_of(km, c)[j] = (float) (sum[j] / km->size[c]);
		}
	}
	km->nearest[i] = to;
}

/*
 * Lloyd's iterations end where each row is nearest to its own center.  Moving one row may lower the
 * sum even so, since the means move along (Hartigan 1975): the cluster of a rows that it leaves
 * loses a / (a - 1) times its squared distance, that of b rows which it joins gains b / (b + 1)
 * times.
 */
static LearnStatus
improve(LearnEnv *env, Kmeans *km, int passes)
{
	bool		moved = true;

	LEARN_TRY(add_rows(env, km));
	for (int c = 0; c < km->k; c++)
		for (int j = 0; j < km->d && km->size[c] > 0; j++)
			center_of(km, c)[j] = (float) (km->sum[(size_t) c * km->d + j] / km->size[c]);
	for (int pass = 0; pass < passes && moved; pass++)
	{
		moved = false;
		for (int64_t i = 0; i < km->n; i++)
		{
			int32_t		mine = km->nearest[i];
			int32_t		best = mine;
			double		size = (double) km->size[mine];
			double		least;

			if (km->size[mine] < 2)
				continue;
			least = distance_l2_squared(row_of(km, i), center_of(km, mine), km->d) * size / (size - 1) * (1 - ROUNDING);
			for (int c = 0; c < km->k && least > 0; c++)
			{
				double		cost;

				LEARN_TRY(worked(env, km, km->d));
				if (c == mine || km->size[c] == 0)
					continue;
				cost = distance_l2_squared(row_of(km, i), center_of(km, c), km->d) * km->size[c] / (km->size[c] + 1.0);
				if (cost < least)
				{
					least = cost;
					best = c;
				}
			}
			if (best == mine)
				continue;
			move_row(km, i, best);
			moved = true;
		}
	}
	return LEARN_OK;
}

LearnStatus
clusters_kmeans(LearnEnv *env, const ClusterRows *rows, const KmeansTask *task, int32_t *cluster, double *inertia)
{
	ArenaMark	mark = arena_mark(env->arena);
	Kmeans		km = {.x = rows->x,.n = rows->n,.d = rows->d,.on_sphere = rows->metric == CLUSTER_COSINE};
	KmeansTask	bounded = *task;
	int			used = 0;		/* centers of the best start */
	int32_t		found;

	*inertia = 0;
	if (rows->n == 0)
		return LEARN_OK;
	if (bounded.k > rows->n)
		bounded.k = (int) rows->n;
	LEARN_ALLOC(env, km.center, (size_t) bounded.k * km.d);
	LEARN_ALLOC(env, km.sum, (size_t) bounded.k * km.d);
	LEARN_ALLOC(env, km.size, bounded.k);
	LEARN_ALLOC(env, km.half, bounded.k);
	LEARN_ALLOC(env, km.moved, bounded.k);
	LEARN_ALLOC(env, km.before, km.d);
	LEARN_ALLOC(env, km.upper, km.n);
	LEARN_ALLOC(env, km.lower, km.n);
	LEARN_ALLOC(env, km.nearest, km.n);
	for (int start = 0; start < bounded.starts; start++)
	{
		double		sum;

		LEARN_TRY(one_start(env, &km, &bounded, start, &sum));
		if (start > 0 && sum >= *inertia)
			continue;
		*inertia = sum;
		used = km.k;
		memcpy(cluster, km.nearest, km.n * sizeof(int32_t));
	}
	if (km.on_sphere)
		*inertia /= 2;
	else
	{
		km.k = used;
		memcpy(km.nearest, cluster, km.n * sizeof(int32_t));
		LEARN_TRY(improve(env, &km, bounded.max_iterations));
		LEARN_TRY(add_squares(env, &km, inertia));
		memcpy(cluster, km.nearest, km.n * sizeof(int32_t));
	}
	arena_reset(env->arena, mark);
	return clusters_number(env, cluster, rows->n, bounded.k, NULL, &found);
}
