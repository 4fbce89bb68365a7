/*
 * k_reciprocal.c
 *	  Re-ranking by k-reciprocal neighbours.
 *
 * Row 0 is the query, row i + 1 candidate i.  All is quadratic in the number of rows, which are
 * few.  Equations are those of the paper: (3) and (5) for the sets of neighbours, (7) for the
 * weights, (10) for the Jaccard distance, (11) for the average, (12) for the sum.
 */
#include "k_reciprocal.h"

#include <math.h>
#include <string.h>

/* The share of a neighbour's neighbours that must be common for them to be added. */
#define COMMON_NUMERATOR	2
#define COMMON_DENOMINATOR	3

typedef struct Reciprocal
{
	int32_t		m;				/* rows */
	int32_t		width;			/* of top */
	int			k1;
	float	   *gap;			/* m x m distances, each row scaled to a largest one of 1 */
	int32_t    *top;			/* m x width: the nearest rows of each, itself first */
	float	   *weight;			/* m x m */
} Reciprocal;

static int32_t
top_width(int32_t m, int k1, int k2)
{
	int64_t		wanted = (int64_t) (k1 > k2 ? k1 : k2) + 1;

	return wanted < m ? (int32_t) wanted : m;
}

size_t
k_reciprocal_memory(int32_t n, int k1, int k2)
{
	size_t		m = (size_t) n + 1;

	return 2 * m * m * sizeof(float) + m * top_width(n + 1, k1, k2) * sizeof(int32_t) + m * (2 * sizeof(float) + 3);
}

static void
scale_row(float *row, int32_t m)
{
	float		largest = 0;

	for (int32_t j = 0; j < m; j++)
		largest = fmaxf(largest, row[j]);
	for (int32_t j = 0; j < m && largest > 0; j++)
		row[j] /= largest;
}

/* The nearest rows of row i, by distance and number, itself first. */
static void
find_top(const Reciprocal *r, int32_t i)
{
	const float *gap = r->gap + (size_t) i * r->m;
	int32_t    *top = r->top + (size_t) i * r->width;
	int32_t		n = 1;

	top[0] = i;
	for (int32_t j = 0; j < r->m; j++)
	{
		int32_t		place;

		if (j == i || (n == r->width && (n == 1 || gap[top[n - 1]] <= gap[j])))
			continue;
		place = n < r->width ? n++ : n - 1;
		for (; place > 1 && gap[top[place - 1]] > gap[j]; place--)
			top[place] = top[place - 1];
		top[place] = j;
	}
}

static bool
is_near(const Reciprocal *r, int32_t i, int32_t j, int32_t k)
{
	const int32_t *top = r->top + (size_t) i * r->width;

	for (int32_t t = 0; t <= k && t < r->width; t++)
		if (top[t] == j)
			return true;
	return false;
}

/* Mark the k-reciprocal neighbours of row i.  Returns how many there are. */
static int32_t
mark_reciprocal(const Reciprocal *r, int32_t i, int32_t k, bool *member)
{
	const int32_t *top = r->top + (size_t) i * r->width;
	int32_t		n = 0;

	memset(member, 0, r->m);
	for (int32_t t = 0; t <= k && t < r->width; t++)
	{
		member[top[t]] = is_near(r, top[t], i, k);
		n += member[top[t]];
	}
	return n;
}

/* The weights of row i: of its reciprocal neighbours, and of theirs where enough are common. */
static void
find_weights(const Reciprocal *r, int32_t i, bool *member, bool *others, bool *all)
{
	const int32_t *top = r->top + (size_t) i * r->width;
	float	   *weight = r->weight + (size_t) i * r->m;
	double		sum = 0;

	mark_reciprocal(r, i, r->k1, member);
	memcpy(all, member, r->m);
	for (int32_t t = 0; t <= r->k1 && t < r->width; t++)
	{
		int32_t		n;
		int32_t		common = 0;

		if (!member[top[t]])
			continue;
		n = mark_reciprocal(r, top[t], (int32_t) lrint(r->k1 / 2.0), others);
		for (int32_t j = 0; j < r->m; j++)
			common += others[j] && member[j];
		if (COMMON_DENOMINATOR * common > COMMON_NUMERATOR * n)
			for (int32_t j = 0; j < r->m; j++)
				all[j] |= others[j];
	}
	for (int32_t j = 0; j < r->m; j++)
	{
		weight[j] = all[j] ? expf(-r->gap[(size_t) i * r->m + j]) : 0;
		sum += weight[j];
	}
	for (int32_t j = 0; j < r->m; j++)
		weight[j] = (float) (weight[j] / sum);
}

/* The mean of the weights of the k nearest rows of row i. */
static void
mean_weights(const Reciprocal *r, int32_t i, int32_t k, float *mean)
{
	const int32_t *top = r->top + (size_t) i * r->width;
	int32_t		n = k < r->width ? k : r->width;

	memset(mean, 0, sizeof(float) * r->m);
	for (int32_t t = 0; t < n; t++)
		for (int32_t j = 0; j < r->m; j++)
			mean[j] += r->weight[(size_t) top[t] * r->m + j] / (float) n;
}

LearnStatus
k_reciprocal(LearnEnv *env, ClusterMetric metric, const float *const *x, int d, const double *distance,
			 int32_t n, int k1, int k2, double lambda, double *result)
{
	ArenaMark	mark = arena_mark(env->arena);
	Reciprocal	r = {.m = n + 1,.width = top_width(n + 1, k1, k2),.k1 = k1};
	size_t		m = r.m;
	bool	   *flags;
	float	   *query;
	float	   *mean;

	LEARN_ALLOC(env, r.gap, m * m);
	LEARN_ALLOC(env, r.top, m * r.width);
	LEARN_ALLOC(env, r.weight, m * m);
	LEARN_ALLOC(env, flags, 3 * m);
	LEARN_ALLOC(env, query, m);
	LEARN_ALLOC(env, mean, m);
	for (size_t i = 0; i < m; i++)
	{
		LEARN_TRY(learn_poll(env));
		r.gap[i * m + i] = 0;
		for (size_t j = 0; j < i; j++)
			r.gap[i * m + j] = r.gap[j * m + i] = (float) (j == 0 ? distance[i - 1] : clusters_distance(metric, x[i - 1], x[j - 1], d));
	}
	for (size_t i = 0; i < m; i++)
	{
		LEARN_TRY(learn_poll(env));
		scale_row(r.gap + i * m, r.m);
		find_top(&r, (int32_t) i);
	}
	for (size_t i = 0; i < m; i++)
	{
		LEARN_TRY(learn_poll(env));
		find_weights(&r, (int32_t) i, flags, flags + m, flags + 2 * m);
	}
	mean_weights(&r, 0, k2, query);
	for (size_t i = 1; i < m; i++)
	{
		double		common = 0;

		LEARN_TRY(learn_poll(env));
		mean_weights(&r, (int32_t) i, k2, mean);
		for (size_t j = 0; j < m; j++)
			common += fminf(query[j], mean[j]);
		result[i - 1] = (1 - lambda) * fmax(1 - common / (2 - common), 0) + lambda * r.gap[i];
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
