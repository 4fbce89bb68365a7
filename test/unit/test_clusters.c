/*
 * test_clusters.c
 *	  k-means, DBSCAN and HDBSCAN* against scikit-learn and the package hdbscan
 *	  (test/data/cluster_reference.txt), and what the contracts promise.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "dataset.h"
#include "learn/cluster/clusters.h"
#include "unit_env.h"

/* Rows in the order that the functions want, and where each was. */
typedef struct Case
{
	UnitEnv		u;
	ClusterRows rows;
	float	   *x;
	int32_t    *order;
	int32_t    *label;
	int32_t    *by_origin;		/* labels in the order of the rows as they were */
} Case;

/* seed: of an order of the rows before they are ordered; 0: as they are. */
static void
begin(Case *c, const float *x, int64_t n, int d, ClusterMetric metric, uint64_t seed)
{
	int64_t    *shuffled;
	Rng			rng;

	unit_env_init(&c->u);
	c->rows = (ClusterRows) {.n = n,.d = d,.metric = metric};
	c->x = arena_alloc(&c->u.arena, n * d, sizeof(float));
	c->order = arena_alloc(&c->u.arena, n, sizeof(int32_t));
	c->label = arena_alloc(&c->u.arena, n, sizeof(int32_t));
	c->by_origin = arena_alloc(&c->u.arena, n, sizeof(int32_t));
	shuffled = arena_alloc(&c->u.arena, n, sizeof(int64_t));
	for (int64_t i = 0; i < n; i++)
		shuffled[i] = i;
	rng_seed(&rng, seed, 0);
	if (seed != 0)
		rng_shuffle(&rng, shuffled, n);
	for (int64_t i = 0; i < n; i++)
		memcpy(c->x + i * d, x + shuffled[i] * d, d * sizeof(float));
	c->rows.x = c->x;
	ASSERT_OK(&c->u, clusters_order(&c->u.env, &c->rows, c->order));
	ASSERT_OK(&c->u, clusters_arrange(&c->u.env, c->x, n, d, c->order));
	for (int64_t i = 0; i < n; i++)
		c->order[i] = (int32_t) shuffled[c->order[i]];
	for (int64_t i = 0; i < n; i++)
		assert_memory_equal(c->x + i * d, x + (int64_t) c->order[i] * d, d * sizeof(float));
}

static const int32_t *
labels_by_origin(Case *c)
{
	for (int64_t i = 0; i < c->rows.n; i++)
		c->by_origin[c->order[i]] = c->label[i];
	return c->by_origin;
}

static void
end(Case *c)
{
	unit_env_done(&c->u);
	assert_int_equal(c->u.chunks, 0);
}

/* What a method takes of the arena is no more than it says. */
#define WITHIN_MEMORY(c, memory, call) \
	do { \
		ArenaMark	mark_ = arena_mark(&(c)->u.arena); \
		(c)->u.arena.limit = (c)->u.arena.taken + (memory); \
		ASSERT_OK(&(c)->u, call); \
		(c)->u.arena.limit = 0; \
		arena_reset(&(c)->u.arena, mark_); \
	} while (0)

static double
pairs(double n)
{
	return n * (n - 1) / 2;
}

/* The adjusted Rand index of two labellings with numbers from 0 to 999. */
static double
adjusted_rand(const int32_t *a, const int32_t *b, int64_t n)
{
	int32_t    *cell = calloc(1000 * 1000, sizeof(int32_t));
	int32_t    *left = calloc(1000, sizeof(int32_t));
	int32_t    *right = calloc(1000, sizeof(int32_t));
	double		both = 0;
	double		in_a = 0;
	double		in_b = 0;
	double		chance;

	for (int64_t i = 0; i < n; i++)
	{
		both += cell[a[i] * 1000 + b[i]]++;
		in_a += left[a[i]]++;
		in_b += right[b[i]]++;
	}
	free(cell);
	free(left);
	free(right);
	chance = in_a * in_b / pairs((double) n);
	return (in_a + in_b) / 2 == chance ? 1 : (both - chance) / ((in_a + in_b) / 2 - chance);
}

/* Equal up to numbering: each number of a stands for one number of b and the other way round. */
static bool
one_to_one(const int32_t *a, const int32_t *b, int64_t n)
{
	int32_t		to_b[1000];
	int32_t		to_a[1000];

	memset(to_b, -1, sizeof(to_b));
	memset(to_a, -1, sizeof(to_a));
	for (int64_t i = 0; i < n; i++)
	{
		if (b[i] == -2)
			continue;
		if (to_b[a[i]] == -1 && to_a[b[i] + 1] == -1)
		{
			to_b[a[i]] = b[i];
			to_a[b[i] + 1] = a[i];
		}
		if (to_b[a[i]] != b[i] || to_a[b[i] + 1] != a[i] || (a[i] == CLUSTERS_NOISE) != (b[i] == -1))
			return false;
	}
	return true;
}

/* The largest is 1, and the numbers have no gap. */
static void
in_order(const int32_t *label, int64_t n)
{
	int64_t		size[2000] = {0};

	for (int64_t i = 0; i < n; i++)
		size[label[i]]++;
	for (int c = 2; c < 2000; c++)
		assert_true(size[c] <= size[c - 1]);
}

static void
read_labels(FILE *file, int32_t *label, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		assert_int_equal(fscanf(file, "%d", &label[i]), 1);
}

static void
one_reference(FILE *file, const char *kind, const char *name, double *worst_rand)
{
	UnitEnv		u;
	Dataset    *data;
	Case		c;
	char		metric[16] = "l2";
	double		number = 0;
	int			first = 0;
	int			second = 0;
	int64_t		n;
	int32_t    *label;
	int32_t    *want;
	bool		is_kmeans = strcmp(kind, "kmeans") == 0;
	bool		is_dbscan = strcmp(kind, "dbscan") == 0;

	unit_env_init(&u);
	data = dataset_load(&u.env, name, 1);
	n = data->rows.n;
	label = arena_alloc(&u.arena, n, sizeof(int32_t));
	want = arena_alloc(&u.arena, n, sizeof(int32_t));
	if (is_kmeans)
		assert_int_equal(fscanf(file, "%d %lf", &first, &number), 2);
	else if (is_dbscan)
		assert_int_equal(fscanf(file, "%15s %lf %d", metric, &number, &first), 3);
	else
		assert_int_equal(fscanf(file, "%15s %d %d %lf", metric, &first, &second, &number), 4);
	if (!is_kmeans)
		read_labels(file, want, n);
	for (uint64_t seed = 0; seed < 3; seed++)
	{
		begin(&c, data->x, n, data->rows.d, strcmp(metric, "cosine") == 0 ? CLUSTER_COSINE : CLUSTER_L2, seed);
		if (is_kmeans)
		{
			KmeansTask	task = {.k = first,.starts = 10,.max_iterations = 300,.seed = 0};
			double		inertia;

			WITHIN_MEMORY(&c, clusters_kmeans_memory(n, data->rows.d, first),
						  clusters_kmeans(&c.u.env, &c.rows, &task, c.label, &inertia));
			if (!(inertia <= number * (1 + 1e-6)))
				fail_msg("k-means of %s, k %d: inertia %.9g, scikit-learn has %.9g", name, first, inertia, number);
		}
		else if (is_dbscan)
		{
			WITHIN_MEMORY(&c, clusters_dbscan_memory(n, first), clusters_dbscan(&c.u.env, &c.rows, number, first, c.label));
			if (!one_to_one(labels_by_origin(&c), want, n))
				fail_msg("DBSCAN of %s, %s, radius %g: not the labels of scikit-learn", name, metric, number);
		}
		else
		{
			double		rand;

			WITHIN_MEMORY(&c, clusters_hdbscan_memory(n, first, second),
						  clusters_hdbscan(&c.u.env, &c.rows, first, second, c.label));
			for (int64_t i = 0; i < n; i++)
				want[i] += seed == 0;	/* noise is 0 */
			rand = adjusted_rand(labels_by_origin(&c), want, n);
			if (rand < *worst_rand)
				*worst_rand = rand;
			/*
			 * About as near to scikit-learn as that is to itself with the rows in another order.
			 * Edges of one weight split a part at once here, and one after the other there.
			 */
			if (!(rand >= number - 0.01))
				fail_msg("%s of %s, %s, %d %d: adjusted Rand index %g, not %g", kind, name, metric, first, second, rand, number);
		}
		in_order(c.label, n);
		(void) labels_by_origin(&c);
		if (seed == 0)
			memcpy(label, c.by_origin, n * sizeof(int32_t));
		assert_memory_equal(label, c.by_origin, n * sizeof(int32_t));
		end(&c);
	}
	unit_env_done(&u);
}

static void
test_references(void **state)
{
	FILE	   *file = dataset_open("cluster_reference.txt");
	char		kind[32];
	char		name[32];
	int			cases = 0;
	double		worst_rand = 1;

	assert_int_equal(fscanf(file, "#%*[^\n]"), 0);
	while (fscanf(file, "%31s %31s", kind, name) == 2)
	{
		one_reference(file, kind, name, &worst_rand);
		cases++;
	}
	fclose(file);
	assert_int_equal(cases, 6 + 7 + 12);
	printf("least adjusted Rand index: %g\n", worst_rand);
}

/* Few rows, equal rows, and radii that reach none or all. */
static void
test_edges(void **state)
{
	static const float x[] = {1, 2, 1, 2, 1, 2, 5, 5, -0.0f, 0, 0, -0.0f};
	static const int32_t all[6] = {1, 1, 1, 1, 1, 1};
	static const int32_t equal[6] = {1, 1, 1, 0, 2, 2};
	static const int32_t none[6] = {0};
	Case		c;
	KmeansTask	task = {.k = 6,.starts = 3,.max_iterations = 10,.seed = 5};
	double		inertia;

	begin(&c, x, 6, 2, CLUSTER_L2, 0);
	ASSERT_OK(&c.u, clusters_dbscan(&c.u.env, &c.rows, 0, 2, c.label));
	assert_memory_equal(labels_by_origin(&c), equal, sizeof(equal));
	ASSERT_OK(&c.u, clusters_dbscan(&c.u.env, &c.rows, INFINITY, 6, c.label));
	assert_memory_equal(labels_by_origin(&c), all, sizeof(all));
	ASSERT_OK(&c.u, clusters_dbscan(&c.u.env, &c.rows, INFINITY, INT32_MAX, c.label));
	assert_memory_equal(labels_by_origin(&c), none, sizeof(none));
	ASSERT_OK(&c.u, clusters_kmeans(&c.u.env, &c.rows, &task, c.label, &inertia));
	assert_true(inertia == 0);
	in_order(c.label, 6);
	assert_int_equal(labels_by_origin(&c)[0], 1);
	assert_int_equal(c.by_origin[3], 3);
	assert_int_equal(c.by_origin[4], 2);
	ASSERT_OK(&c.u, clusters_hdbscan(&c.u.env, &c.rows, 2, 2, c.label));
	assert_int_equal(labels_by_origin(&c)[0], c.by_origin[2]);
	ASSERT_OK(&c.u, clusters_hdbscan(&c.u.env, &c.rows, INT32_MAX, INT32_MAX, c.label));
	assert_memory_equal(c.label, none, sizeof(none));
	for (int64_t n = 0; n < 2; n++)
	{
		c.rows.n = n;
		c.label[0] = 7;
		ASSERT_OK(&c.u, clusters_hdbscan(&c.u.env, &c.rows, 1, 2, c.label));
		ASSERT_OK(&c.u, clusters_dbscan(&c.u.env, &c.rows, 1, 2, c.label));
		assert_int_equal(c.label[0], n == 0 ? 7 : 0);
		ASSERT_OK(&c.u, clusters_kmeans(&c.u.env, &c.rows, &task, c.label, &inertia));
		assert_int_equal(c.label[0], n == 0 ? 7 : 1);
	}
	end(&c);
}

/* Distances that float cannot hold. */
static void
test_scales(void **state)
{
	static const float scales[] = {1e-42f, 1e-20f, 1, 1e19f, 1e37f};

	for (int s = 0; s < 5; s++)
	{
		float		x[200];
		Case		c;
		KmeansTask	task = {.k = 2,.starts = 2,.max_iterations = 20,.seed = 1};
		double		inertia;

		for (int i = 0; i < 100; i++)
		{
			x[2 * i] = (float) ((i % 2 * 20 + sin(i)) * scales[s]);
			x[2 * i + 1] = (float) (cos(i * 1.7) * scales[s]);
		}
		for (int method = 0; method < 3; method++)
		{
			begin(&c, x, 100, 2, CLUSTER_L2, 0);
			if (method == 0)
				ASSERT_OK(&c.u, clusters_kmeans(&c.u.env, &c.rows, &task, c.label, &inertia));
			else if (method == 1)
				ASSERT_OK(&c.u, clusters_dbscan(&c.u.env, &c.rows, 2 * (double) scales[s], 3, c.label));
			else
				ASSERT_OK(&c.u, clusters_hdbscan(&c.u.env, &c.rows, 5, 20, c.label));
			(void) labels_by_origin(&c);
			for (int i = 2; i < 100; i++)
				assert_int_equal(c.by_origin[i], c.by_origin[i % 2]);
			assert_int_not_equal(c.by_origin[0], c.by_origin[1]);
			end(&c);
		}
	}
}

/* Each method stops at any poll, and leaves its memory to the arena. */
static void
test_cancel(void **state)
{
	UnitEnv		u;
	float	   *x = malloc(20000 * 16 * sizeof(float));

	for (int i = 0; i < 20000 * 16; i++)
		x[i] = (float) sin(i * 0.37 + i / 16 % 7);
	unit_env_init(&u);
	for (int method = 0; method < 3; method++)
	{
		Case		c;
		KmeansTask	task = {.k = 30,.starts = 2,.max_iterations = 20,.seed = 1};
		double		inertia;
		LearnStatus status;

		begin(&c, x, method == 2 ? 3000 : 20000, 16, CLUSTER_L2, 0);
		c.u.polls = 0;
		c.u.cancel_at = 12;
		if (method == 0)
			status = clusters_kmeans(&c.u.env, &c.rows, &task, c.label, &inertia);
		else if (method == 1)
			status = clusters_dbscan(&c.u.env, &c.rows, 0.5, 5, c.label);
		else
			status = clusters_hdbscan(&c.u.env, &c.rows, 5, 5, c.label);
		assert_int_equal(status, LEARN_CANCELLED);
		end(&c);
	}
	unit_env_done(&u);
	free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
