/*
 * hdbscan.c
 *	  HDBSCAN*: Campello, Moulavi and Sander 2013.
 *
 * 1. The core distance of a row is the distance to its min_points-th nearest row, itself counted.
 *    The mutual reachability of two rows is the largest of their distance and both core distances.
 * 2. A minimum spanning tree under it, by Prim's algorithm: n^2 distances, and memory for n.
 * 3. The edges in rising order merge rows to a tree of parts, the single-linkage hierarchy.
 * 4. From the whole downwards, a part that splits into two of at least min_cluster_size is two new
 *    clusters; smaller pieces leave the cluster.  The stability of a cluster is the sum over its
 *    rows of 1 / distance when the row leaves it less 1 / distance when the cluster began.
 * 5. A cluster is kept if it is no less stable than the clusters below it together.
 *
 * Many edges have equal weights, since a row's core distance is the weight of its edges to all nearer
 * rows.  They split a part at once, so the result does not depend on the order of rows.
 *
 * Rows at mutual reachability 0 are never split.  1 / 0 counts as a million times the largest
 * finite 1 / distance.
 */
#include "clusters.h"

#include <math.h>
#include <string.h>

#include "base/report.h"

#define POLL_ELEMENTS	(2 * 1024 * 1024)
#define REPORT_ROWS		256
#define ZERO_FACTOR		1e6
#define SPLIT			INT32_MIN	/* home of a part that is split together with the part above it */

/* Parts 0 .. n - 1 are the rows, part n + i is what edge i of the tree makes. */
typedef struct Hierarchy
{
	const ClusterRows *rows;
	int64_t		n;
	int			min_points;
	double	   *core;			/* n: core distances */
	double	   *weight;			/* n: of the edge by which a row joined the tree */
	int32_t    *from;			/* n: the other row of that edge */
	int32_t    *edge;			/* n - 1: rows, by the weights of their edges */
	int32_t    *left;			/* n - 1: the two parts that an edge merges */
	int32_t    *right;
	int32_t    *size;			/* n - 1: rows of the part that it makes */
	int64_t		work;			/* elements since the last poll */
} Hierarchy;

typedef struct Cluster
{
	int32_t		parent;
	int32_t		label;			/* of the kept cluster that it is or lies in; -1: none */
	double		birth;			/* 1 / distance */
	double		stability;
	double		below;			/* stability of what is kept below it */
} Cluster;

/* How many clusters there can be: no more than n / min_cluster_size without others below them. */
static int64_t
most_clusters(int64_t n, int min_cluster_size)
{
	return 2 * (n / min_cluster_size) + 1;
}

size_t
clusters_hdbscan_memory(int64_t n, int min_points, int min_cluster_size)
{
	size_t		a_row = 2 * sizeof(double) + 5 * sizeof(int32_t);	/* the struct */
	int64_t		nearest = min_points < n ? min_points : n;

	/* rows outside the tree; later parts' clusters and the merging */
	a_row += 4 * sizeof(int32_t);
	return n * a_row + nearest * sizeof(double) + most_clusters(n, min_cluster_size) * (sizeof(Cluster) + 24) + (size_t) 64 * 1024;
}

static LearnStatus
worked(LearnEnv *env, Hierarchy *h, int64_t elements)
{
	h->work += elements;
	if (h->work < POLL_ELEMENTS)
		return LEARN_OK;
	h->work = 0;
	return learn_poll(env);
}

static void
report(LearnEnv *env, const Hierarchy *h, int64_t done)
{
	LearnReport report = {.step = done,.steps = 2 * h->n};

	if (env->report != NULL && done % REPORT_ROWS == 0)
		env->report(env->ctx, &report);
}

static double
distance_of(const Hierarchy *h, int64_t a, int64_t b)
{
	const ClusterRows *rows = h->rows;

	return clusters_distance(rows->metric, rows->x + a * rows->d, rows->x + b * rows->d, rows->d);
}

/* Let a heap's first number, the largest of n, be replaced by a smaller one. */
static void
replace_largest(double *heap, int64_t n, double value)
{
	int64_t		at = 0;

	for (;;)
	{
		int64_t		child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= value)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = value;
}

/* With fewer rows than min_points, the farthest row takes the place of the one that is missing. */
static LearnStatus
find_core_distances(LearnEnv *env, Hierarchy *h)
{
	int64_t		k = h->min_points < h->n ? h->min_points : h->n;
	double	   *nearest;

	LEARN_ALLOC(env, nearest, k);
	for (int64_t i = 0; i < h->n; i++)
	{
		for (int64_t j = 0; j < k; j++)
			nearest[j] = INFINITY;
		for (int64_t j = 0; j < h->n; j++)
		{
			double		distance = j == i ? 0 : distance_of(h, i, j);

			LEARN_TRY(worked(env, h, h->rows->d));
			if (distance < nearest[0])
				replace_largest(nearest, k, distance);
		}
		h->core[i] = nearest[0];
		report(env, h, i);
	}
	return LEARN_OK;
}

static LearnStatus
span(LearnEnv *env, Hierarchy *h)
{
	int64_t		outside = h->n - 1;
	int32_t    *left;			/* rows outside the tree */
	int32_t		row = 0;

	LEARN_ALLOC(env, left, h->n);
	for (int64_t i = 0; i < outside; i++)
	{
		left[i] = (int32_t) i + 1;
		h->weight[i + 1] = INFINITY;
	}
	for (int64_t done = 0; outside > 0; done++)
	{
		int64_t		best = 0;

		report(env, h, h->n + done);
		for (int64_t i = 0; i < outside; i++)
		{
			int32_t		other = left[i];
			double		weight = fmax(h->core[row], h->core[other]);

			LEARN_TRY(worked(env, h, 1));
			if (weight < h->weight[other])
			{
				LEARN_TRY(worked(env, h, h->rows->d));
				weight = fmax(weight, distance_of(h, row, other));
				if (weight < h->weight[other])
				{
					h->weight[other] = weight;
					h->from[other] = row;
				}
			}
			if (h->weight[other] < h->weight[left[best]] ||
				(h->weight[other] == h->weight[left[best]] && other < left[best]))
				best = i;
		}
		row = left[best];
		left[best] = left[--outside];
		h->edge[done] = row;
	}
	return LEARN_OK;
}

static bool
edge_after(const void *ctx, int32_t a, int32_t b)
{
	const double *weight = ctx;

	return weight[a] != weight[b] ? weight[a] > weight[b] : a > b;
}

static int64_t
size_of(const Hierarchy *h, int32_t part)
{
	return part < h->n ? 1 : h->size[part - h->n];
}

/* Merge parts by edges in rising order. */
static LearnStatus
merge(LearnEnv *env, Hierarchy *h)
{
	int32_t    *up;				/* of a row: towards the row that stands for its part */
	int32_t    *part;			/* of such a row */

	LEARN_ALLOC(env, up, h->n);
	LEARN_ALLOC(env, part, h->n);
	for (int64_t i = 0; i < h->n; i++)
		up[i] = part[i] = (int32_t) i;
	LEARN_TRY(clusters_sort_ids(env, h->edge, h->n - 1, edge_after, h->weight));
	for (int64_t i = 0; i < h->n - 1; i++)
	{
		int32_t		end[2] = {h->edge[i], h->from[h->edge[i]]};

		LEARN_TRY(worked(env, h, 16));
		for (int side = 0; side < 2; side++)
			while (up[end[side]] != end[side])
			{
				up[end[side]] = up[up[end[side]]];
				end[side] = up[end[side]];
			}
		h->left[i] = part[end[0]];
		h->right[i] = part[end[1]];
		h->size[i] = (int32_t) (size_of(h, h->left[i]) + size_of(h, h->right[i]));
		up[end[0]] = end[1];
		part[end[1]] = (int32_t) (h->n + i);
	}
	return LEARN_OK;
}

/*
 * The parts into which the part of edge i splits at the weight of that edge.  Edges of one weight
 * split it at once, so their order does not matter.  Returns in *parts how many there are; the parts
 * that were split on the way are marked in home.
 */
static LearnStatus
split(LearnEnv *env, Hierarchy *h, int64_t i, int32_t *home, int32_t *part, int64_t *parts)
{
	double		weight = h->weight[h->edge[i]];

	part[0] = h->left[i];
	part[1] = h->right[i];
	*parts = 2;
	for (int64_t p = 0; p < *parts;)
	{
		int64_t		edge = part[p] - h->n;

		LEARN_TRY(worked(env, h, 16));
		if (edge < 0 || h->weight[h->edge[edge]] < weight)
		{
			p++;
			continue;
		}
		home[part[p]] = SPLIT;
		part[p] = h->left[edge];
		part[(*parts)++] = h->right[edge];
	}
	return LEARN_OK;
}

/*
 * Clusters from the whole downwards.  home[part] becomes the cluster in which the part, or what is
 * left of it, lies; ~cluster if it has left that cluster.  part: scratch for n.
 */
static LearnStatus
condense(LearnEnv *env, Hierarchy *h, int min_cluster_size, int32_t *home, int32_t *part, Cluster *cluster, int32_t *count)
{
	double		greatest = 0;	/* finite 1 / distance */

	for (int64_t i = 0; i < h->n - 1 && greatest == 0; i++)
		if (h->weight[h->edge[i]] > 0)
			greatest = 1 / h->weight[h->edge[i]];
	*count = 1;
	cluster[0] = (Cluster) {.parent = -1};
	home[2 * h->n - 2] = 0;
	for (int64_t i = h->n - 2; i >= 0; i--)
	{
		int32_t		mine = home[h->n + i];
		double		weight = h->weight[h->edge[i]];
		double		lambda = weight > 0 ? 1 / weight : greatest * ZERO_FACTOR;
		int64_t		parts;
		int64_t		large = 0;

		LEARN_TRY(worked(env, h, 16));
		if (mine == SPLIT)
			continue;
		if (mine < 0)
		{
			home[h->left[i]] = home[h->right[i]] = mine;
			continue;
		}
		LEARN_TRY(split(env, h, i, home, part, &parts));
		for (int64_t p = 0; p < parts && weight > 0; p++)
			large += size_of(h, part[p]) >= min_cluster_size;
		for (int64_t p = 0; p < parts; p++)
		{
			if (large == 0 || size_of(h, part[p]) < min_cluster_size)
				home[part[p]] = ~mine;
			else if (large == 1)
				home[part[p]] = mine;
			else
			{
				home[part[p]] = *count;
				cluster[(*count)++] = (Cluster) {.parent = mine,.birth = lambda};
			}
			if (home[part[p]] != mine)
				cluster[mine].stability += (lambda - cluster[mine].birth) * size_of(h, part[p]);
		}
	}
	return LEARN_OK;
}

/*
 * The clusters with the largest excess of mass get labels from 0.  A parent comes before its
 * children.
 */
static void
choose(Cluster *cluster, int32_t count, int32_t *labels)
{
	for (int32_t c = count - 1; c > 0; c--)
	{
		bool		kept = cluster[c].below <= cluster[c].stability;

		cluster[c].label = kept ? 0 : -1;
		cluster[cluster[c].parent].below += kept ? cluster[c].stability : cluster[c].below;
	}
	*labels = 0;
	cluster[0].label = -1;
	for (int32_t c = 1; c < count; c++)
	{
		int32_t		above = cluster[cluster[c].parent].label;

		if (above >= 0)
			cluster[c].label = above;
		else if (cluster[c].label == 0)
			cluster[c].label = (*labels)++;
	}
}

LearnStatus
clusters_hdbscan(LearnEnv *env, const ClusterRows *rows, int min_points, int min_cluster_size, int32_t *cluster)
{
	ArenaMark	mark = arena_mark(env->arena);
	ArenaMark	scratch;
	Hierarchy	h = {.rows = rows,.n = rows->n,.min_points = min_points};
	int32_t    *home;
	int32_t    *part;
	Cluster    *found;
	int32_t		count;
	int32_t		labels;
	int32_t		clusters;

	if (rows->n < 2)
	{
		if (rows->n == 1)
			cluster[0] = CLUSTERS_NOISE;
		return LEARN_OK;
	}
	LEARN_ALLOC(env, h.core, h.n);
	LEARN_ALLOC(env, h.weight, h.n);
	LEARN_ALLOC(env, h.from, h.n);
	LEARN_ALLOC(env, h.edge, h.n);
	LEARN_ALLOC(env, h.left, h.n);
	LEARN_ALLOC(env, h.right, h.n);
	LEARN_ALLOC(env, h.size, h.n);
	scratch = arena_mark(env->arena);
	LEARN_TRY(find_core_distances(env, &h));
	LEARN_TRY(span(env, &h));
	arena_reset(env->arena, scratch);
	LEARN_TRY(merge(env, &h));
	arena_reset(env->arena, scratch);
	LEARN_ALLOC(env, home, 2 * h.n);
	LEARN_ALLOC(env, part, h.n);
	LEARN_ALLOC(env, found, most_clusters(h.n, min_cluster_size));
	LEARN_TRY(condense(env, &h, min_cluster_size, home, part, found, &count));
	choose(found, count, &labels);
	for (int64_t i = 0; i < h.n; i++)
		cluster[i] = found[home[i] < 0 ? ~home[i] : home[i]].label;
	arena_reset(env->arena, mark);
	return clusters_number(env, cluster, h.n, labels, NULL, &clusters);
}
