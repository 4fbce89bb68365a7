/*
 * cluster_order.c
 *	  An order of rows that follows from their content, and numbers of clusters.
 */
#include "clusters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ann/distance.h"
#include "base/rng.h"

#define POLL_ELEMENTS	(4 * 1024 * 1024)
#define RADIX_BITS		8
#define RADIX			(1 << RADIX_BITS)

uint64_t
clusters_hash(const float *x, int d)
{
	uint64_t	hash = (uint64_t) d;

	for (int i = 0; i < d; i++)
	{
		float		element = x[i] + 0.0f;	/* -0 becomes 0 */
		uint32_t	bits;

		memcpy(&bits, &element, sizeof(bits));
		hash = rng_mix(hash ^ bits) + bits;
	}
	return hash;
}

double
clusters_distance(ClusterMetric metric, const float *a, const float *b, int d)
{
	return metric == CLUSTER_COSINE ? distance_cosine(a, b, d) : distance_l2(a, b, d);
}

bool
clusters_direction(const float *x, int d, float *out)
{
	double		largest = 0;
	double		squares = 0;

	for (int j = 0; j < d; j++)
		largest = fmax(largest, fabs((double) x[j]));
	if (largest == 0)
		return false;
	for (int j = 0; j < d; j++)
		squares += x[j] / largest * (x[j] / largest);
	for (int j = 0; j < d; j++)
		out[j] = (float) (x[j] / largest / sqrt(squares));
	return true;
}

static int
compare_rows(const float *a, const float *b, int d)
{
	for (int i = 0; i < d; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* Whether row i comes after row j. */
static bool
is_after(const ClusterRows *rows, const uint64_t *hash, int32_t i, int32_t j)
{
	if (hash[i] != hash[j])
		return hash[i] > hash[j];
	return compare_rows(rows->x + (int64_t) i * rows->d, rows->x + (int64_t) j * rows->d, rows->d) > 0;
}

/*
 * Sort order[from .. to), whose rows agree in all bytes of their hash above shift, by the byte at
 * shift and the bytes below (American flag sort), short runs by insertion.
 */
static LearnStatus
sort_range(LearnEnv *env, const ClusterRows *rows, const uint64_t *hash, int32_t *order, int64_t from, int64_t to, int shift)
{
	int64_t		next[RADIX];
	int64_t		end[RADIX];
	int64_t		at = from;

	if (to - from < 32 || shift < 0)
	{
		/* below shift 0 hashes are equal: nearly always rows are, too, and no row moves */
		int64_t		work = 0;

		for (int64_t i = from + 1; i < to; i++)
		{
			int32_t		row = order[i];
			int64_t		j = i;

			for (; j > from && is_after(rows, hash, order[j - 1], row); j--, work += rows->d)
				order[j] = order[j - 1];
			order[j] = row;
			work += rows->d;
			if (work > POLL_ELEMENTS)
			{
				LEARN_TRY(learn_poll(env));
				work = 0;
			}
		}
		return LEARN_OK;
	}
	LEARN_TRY(learn_poll(env));
	memset(end, 0, sizeof(end));
	for (int64_t i = from; i < to; i++)
		end[hash[order[i]] >> shift & (RADIX - 1)]++;
	for (int b = 0; b < RADIX; b++)
	{
		next[b] = at;
		at = end[b] += at;
	}
	for (int b = 0; b < RADIX; b++)
		while (next[b] < end[b])
		{
			int32_t		row = order[next[b]];
			int			home = (int) (hash[row] >> shift & (RADIX - 1));

			order[next[b]] = order[next[home]];
			order[next[home]++] = row;
		}
	for (int b = 0; b < RADIX; b++)
		LEARN_TRY(sort_range(env, rows, hash, order, b == 0 ? from : end[b - 1], end[b], shift - RADIX_BITS));
	return LEARN_OK;
}

LearnStatus
clusters_order(LearnEnv *env, const ClusterRows *rows, int32_t *order)
{
	ArenaMark	mark = arena_mark(env->arena);
	int64_t		often = 1 + POLL_ELEMENTS / rows->d;
	uint64_t   *hash;

	LEARN_ALLOC(env, hash, rows->n);
	for (int64_t i = 0; i < rows->n; i++)
	{
		if (i % often == 0)
			LEARN_TRY(learn_poll(env));
		hash[i] = clusters_hash(rows->x + i * rows->d, rows->d);
		order[i] = (int32_t) i;
	}
	LEARN_TRY(sort_range(env, rows, hash, order, 0, rows->n, 64 - RADIX_BITS));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
clusters_arrange(LearnEnv *env, float *x, int64_t n, int d, const int32_t *order)
{
	ArenaMark	mark = arena_mark(env->arena);
	size_t		bytes = d * sizeof(float);
	int64_t		often = 1 + POLL_ELEMENTS / d;
	int64_t		moved = 0;
	int32_t    *from;			/* where row i comes from; -1: it is in its place */
	float	   *saved;

	LEARN_ALLOC(env, from, n);
	LEARN_ALLOC(env, saved, d);
	memcpy(from, order, n * sizeof(int32_t));
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		to = i;

		if (from[i] < 0)
			continue;
		memcpy(saved, x + i * d, bytes);
		while (from[to] != i)
		{
			int64_t		next = from[to];

			if (++moved % often == 0)
				LEARN_TRY(learn_poll(env));
			memcpy(x + to * d, x + next * d, bytes);
			from[to] = -1;
			to = next;
		}
		memcpy(x + to * d, saved, bytes);
		from[to] = -1;
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* Heap sort, which takes no memory. */
LearnStatus
clusters_sort_ids(LearnEnv *env, int32_t *ids, int64_t n,
				  bool (*comes_after) (const void *ctx, int32_t a, int32_t b), const void *ctx)
{
	int64_t		steps = 0;

	for (int64_t heap = n / 2, end = n; end > 1;)
	{
		int64_t		at;
		int32_t		sinking;

		if (heap > 0)
			sinking = ids[--heap];
		else
		{
			end--;
			sinking = ids[end];
			ids[end] = ids[0];
		}
		if (++steps % 16384 == 0)
			LEARN_TRY(learn_poll(env));
		for (at = heap;;)
		{
			int64_t		child = at * 2 + 1;

			if (child >= end)
				break;
			if (child + 1 < end && comes_after(ctx, ids[child + 1], ids[child]))
				child++;
			if (!comes_after(ctx, ids[child], sinking))
				break;
			ids[at] = ids[child];
			at = child;
		}
		ids[at] = sinking;
	}
	return LEARN_OK;
}

typedef struct Group
{
	int64_t		size;
	uint64_t	rank;			/* of its first row */
} Group;

static bool
group_after(const void *ctx, int32_t a, int32_t b)
{
	const Group *left = (const Group *) ctx + a;
	const Group *right = (const Group *) ctx + b;

	if (left->size != right->size)
		return left->size < right->size;
	if (left->rank != right->rank)
		return left->rank > right->rank;
	return a > b;
}

LearnStatus
clusters_number(LearnEnv *env, int32_t *label, int64_t n, int32_t clusters, const uint64_t *rank, int32_t *found)
{
	ArenaMark	mark = arena_mark(env->arena);
	Group	   *group;
	int32_t    *order;
	int32_t    *number;

	LEARN_ALLOC(env, group, clusters);
	LEARN_ALLOC(env, order, clusters);
	LEARN_ALLOC(env, number, clusters);
	for (int32_t c = 0; c < clusters; c++)
	{
		group[c] = (Group) {0, UINT64_MAX};
		order[c] = c;
	}
	for (int64_t i = 0; i < n; i++)
	{
		uint64_t	mine = rank != NULL ? rank[i] : (uint64_t) i;

		if (i % POLL_ELEMENTS == 0)
			LEARN_TRY(learn_poll(env));
		if (label[i] < 0)
			continue;
		group[label[i]].size++;
		if (mine < group[label[i]].rank)
			group[label[i]].rank = mine;
	}
	LEARN_TRY(clusters_sort_ids(env, order, clusters, group_after, group));
	*found = 0;
	for (int32_t c = 0; c < clusters; c++)
	{
		number[order[c]] = c + 1;
		*found += group[c].size > 0;
	}
	for (int64_t i = 0; i < n; i++)
		label[i] = label[i] < 0 ? CLUSTERS_NOISE : number[label[i]];
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
