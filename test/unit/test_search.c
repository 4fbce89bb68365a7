/*
 * test_search.c
 *	  Queues give what they were given, in order; bounds of a block's rows hold; and a search
 *	  that leaves out what its bounds allow finds what comparing every row finds.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ann/kmeans.h"
#include "ann/search.h"
#include "base/blas.h"
#include "unit_env.h"

#define ROOM	60				/* rows of a leaf */
#define K		10

/* Roundings of the rotation, relative to squared lengths: as src/pg/index allows for them. */
#define ROUNDING	4e-6f

typedef enum Shape
{
	UNIFORM,
	CLUSTERED,
	DUPLICATES,					/* each row some hundred times */
	ALL_EQUAL,
	OUTLIER,
	SHAPES
} Shape;

typedef enum Metric
{
	L2,
	COSINE,						/* vectors scaled to length 1 */
	INNER_PRODUCT,				/* one element more, which makes all rows equally long */
	METRICS
} Metric;

static float *
make_rows(Shape shape, int n, int dims, Rng *rng)
{
	float	   *rows = malloc((size_t) n * dims * sizeof(float));

	for (int r = 0; r < n; r++)
		for (int i = 0; i < dims; i++)
		{
			float	   *x = &rows[(size_t) r * dims + i];

			switch (shape)
			{
				case CLUSTERED:
					*x = (float) rng_normal(rng) * 0.02f + (float) ((r % 17 + 1) * (i % 5 + 1) % 7);
					break;
				case DUPLICATES:
					*x = r < n / 100 + 1 ? (float) rng_normal(rng) : rows[(size_t) (r % (n / 100 + 1)) * dims + i];
					break;
				case ALL_EQUAL:
					*x = 0.7f;
					break;
				default:
					*x = (float) rng_uniform(rng) - 0.3f;
					if (shape == OUTLIER && r == n / 3)
						*x *= 1e4f;
					break;
			}
		}
	return rows;
}

static void
test_queue(void **state)
{
	SearchItem	items[500];
	SearchQueue queue = {.items = items, .room = 500};
	SearchItem	last = {.key = -1};
	SearchItem	item;
	Rng			rng;

	(void) state;
	rng_seed(&rng, 1, 0);
	assert_false(search_pop(&queue, &item));
	for (int i = 0; i < 500; i++)
		search_push(&queue, (SearchItem) {.key = (float) rng_below(&rng, 50), .spread = (float) i, .id = (uint64_t) i});
	for (int i = 0; i < 500; i++)
	{
		assert_true(search_pop(&queue, &item));
		assert_true(item.key > last.key || (item.key == last.key && item.id > last.id));
		assert_true(item.spread == (float) item.id);
		last = item;

		/* what is pushed in between takes its place too */
		if (i == 100)
		{
			search_push(&queue, (SearchItem) {.key = last.key, .id = last.id});
			assert_true(search_pop(&queue, &item) && item.id == last.id);
		}
	}
	assert_false(search_pop(&queue, &item));
}

/* Thousands at a time, pushed and popped in turns: the order is that of all that wait. */
static void
test_long_queue(void **state)
{
	enum
	{
		WAITING = 3000
	};
	static const int kinds[] = {1, 40, 1000000};	/* different keys: all alike, many alike, hardly any */
	SearchItem *waiting = test_calloc(WAITING, sizeof(SearchItem));
	SearchQueue queue = {.items = test_calloc(WAITING, sizeof(SearchItem)), .room = WAITING};
	SearchItem	item;
	Rng			rng;

	(void) state;
	rng_seed(&rng, 2, 0);
	for (int kind = 0; kind < 3; kind++)
		for (int turn = 0, n = 0; turn < 40 || n > 0; turn++)
		{
			int			pushes = turn < 40 ? (int) rng_below(&rng, (uint64_t) (WAITING - n)) : 0;
			int			pops = turn < 40 ? (int) rng_below(&rng, 200) : n;

			for (int i = 0; i < pushes; i++)
			{
				uint64_t	key = rng_below(&rng, (uint64_t) kinds[kind]);

				waiting[n] = (SearchItem) {.key = key == 7 ? INFINITY : (float) key, .id = (uint64_t) turn * WAITING + (uint64_t) i};
				search_push(&queue, waiting[n++]);
			}
			for (int i = 0; i < pops && n > 0; i++)
			{
				int			first = 0;

				for (int j = 1; j < n; j++)
					if (waiting[j].key < waiting[first].key ||
						(waiting[j].key == waiting[first].key && waiting[j].id < waiting[first].id))
						first = j;
				assert_true(queue.items[0].id == waiting[first].id);
				assert_true(search_pop(&queue, &item));
				assert_true(item.key == waiting[first].key && item.id == waiting[first].id);
				waiting[first] = waiting[--n];
				assert_int_equal(queue.n, n);
			}
		}
	assert_false(search_pop(&queue, &item));
	test_free(waiting);
	test_free(queue.items);
}

static void
test_best(void **state)
{
	SearchItem	items[40];
	Rng			rng;

	(void) state;
	rng_seed(&rng, 2, 0);
	for (int room = 1; room <= 40; room += 3)
		for (int n = 0; n <= 200; n += 20)
		{
			SearchBest	best = {.items = items, .room = room};
			int			left_out = 0;
			float		limit;

			for (int i = 0; i < n; i++)
			{
				limit = search_limit(&best);
				assert_true(i < room ? isinf(limit) : !isinf(limit));
				/* a permutation of 0 .. 210, less a few */
				search_offer(&best, (SearchItem) {.key = (float) (i * 37 % 211), .id = (uint64_t) i});
				assert_true(search_limit(&best) <= limit);
			}
			assert_int_equal(best.n, n < room ? n : room);
			limit = search_limit(&best);
			search_sort(&best);
			for (int i = 0; i < best.n; i++)
			{
				assert_true(best.items[i].key == (float) (best.items[i].id * 37 % 211));
				assert_true(i == 0 || best.items[i - 1].key < best.items[i].key);
			}
			if (best.n < room)
				continue;
			assert_true(limit == best.items[best.n - 1].key);
			for (int i = 0; i < n; i++)
				left_out += (float) (i * 37 % 211) > limit;
			assert_int_equal(left_out, n - room);
		}
}

/* A leaf as a page would have it. */
typedef struct Leaf
{
	AnnBlock	block;
	float		radius;
	int32_t    *rows;
} Leaf;

static void
make_leaf(LearnEnv *env, const float *rotated, int width, int bits, const int32_t *order, int n, Leaf *leaf)
{
	size_t		bytes = score_code_bytes(width, bits);
	float	   *mean = arena_alloc_zero(env->arena, width, sizeof(float));
	float	   *scratch = arena_alloc(env->arena, width, sizeof(float));
	uint8_t    *frame = arena_alloc(env->arena, width, 1);
	uint8_t    *codes = arena_alloc(env->arena, n, bytes);
	float	   *factors = arena_alloc(env->arena, 3 * n, sizeof(float));
	float		step;

	leaf->rows = arena_alloc(env->arena, n, sizeof(int32_t));
	memcpy(leaf->rows, order, n * sizeof(int32_t));
	for (int j = 0; j < n; j++)
		for (int i = 0; i < width; i++)
			mean[i] += rotated[(size_t) order[j] * width + i] / (float) n;
	assert_true(code_frame(mean, width, frame, &step));
	leaf->radius = 0;
	for (int j = 0; j < n; j++)
	{
		CodeFactors f;

		assert_true(code_encode(rotated + (size_t) order[j] * width, frame, step, width, bits, scratch,
								codes + j * bytes, &f));
		factors[j] = f.norm;
		factors[n + j] = f.scale;
		factors[2 * n + j] = f.error;
		leaf->radius = fmaxf(leaf->radius, sqrtf(f.norm) * 1.00001f);
	}
	leaf->block = (AnnBlock) {.frame = frame, .step = step, .bits = bits, .n = n, .codes = codes, .stride = bytes,
	.norm = factors, .scale = factors + n, .error = factors + 2 * n};
}

static double
distance2(const float *a, const float *b, int dims)
{
	double		sum = 0;

	for (int i = 0; i < dims; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sum;
}

static double
dot(const float *a, const float *b, int dims)
{
	double		sum = 0;

	for (int i = 0; i < dims; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

/* What the metric orders by, smallest first. */
static double
order_of(Metric metric, const float *a, const float *b, int dims)
{
	switch (metric)
	{
		case L2:
			return distance2(a, b, dims);
		case COSINE:
			return 1 - dot(a, b, dims) / sqrt(dot(a, a, dims) * dot(b, b, dims));
		default:
			return -dot(a, b, dims);
	}
}

/*
 * A vector as the tree has it, where L2 orders as the metric does; out has dims + 1 elements.
 * longest2 is the squared length of the longest row.
 */
static void
to_tree(Metric metric, const float *x, int dims, double longest2, bool is_query, float *out)
{
	double		length2 = dot(x, x, dims);

	for (int i = 0; i < dims; i++)
		out[i] = metric == COSINE ? (float) (x[i] / sqrt(length2)) : x[i];
	out[dims] = metric == INNER_PRODUCT && !is_query ? (float) sqrt(fmax(longest2 - length2, 0)) : 0;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Rows of one shape, searched exactly; returns the share of rows whose exact distance was taken. */
static double
check_exact(Shape shape, Metric metric, int bits, int dims, int n)
{
	int			width = ann_width(dims + 1);
	int			queries = 20;
	UnitEnv		unit;
	Rng			rng;
	AnnRotation rotation;
	AnnScratch	scratch;
	float	   *rows;
	float	   *query;
	float	   *mapped;
	float	   *rotated;
	float	   *signs = malloc(ann_rotation_floats(dims + 1) * sizeof(float));
	float	   *place = malloc(width * sizeof(float));
	double	   *all = malloc(n * sizeof(double));
	int32_t    *order = malloc(n * sizeof(int32_t));
	int64_t    *first = malloc((n + 1) * sizeof(int64_t));
	double		longest2 = 0;
	double		reach2 = 0;
	int64_t		parts;
	int64_t		measured = 0;
	Leaf	   *leaves;
	SearchQueue queue;

	unit_env_init(&unit);
	assert_int_equal(blas_load(&unit.env), LEARN_OK);
	rng_seed(&rng, 10 * shape + metric, bits);
	rows = make_rows(shape, n, dims, &rng);
	query = make_rows(shape == DUPLICATES ? UNIFORM : shape, queries, dims, &rng);
	memcpy(query, rows, dims * sizeof(float));	/* one that is there */
	mapped = malloc((dims + 1) * sizeof(float));
	rotated = malloc((size_t) n * width * sizeof(float));
	ann_rotation_init(&rotation, dims + 1, 5, signs);
	for (int r = 0; r < n; r++)
		longest2 = fmax(longest2, dot(rows + (size_t) r * dims, rows + (size_t) r * dims, dims));
	for (int r = 0; r < n; r++)
	{
		to_tree(metric, rows + (size_t) r * dims, dims, longest2, false, mapped);
		ann_rotate(&rotation, mapped, NULL, rotated + (size_t) r * width);
		reach2 = fmax(reach2, dot(mapped, mapped, dims + 1));
		order[r] = r;
	}
	assert_int_equal(kmeans_divide(&unit.env, rotated, width, order, n, ROOM, &rng, first, &parts), LEARN_OK);
	leaves = malloc(parts * sizeof(Leaf));
	for (int64_t p = 0; p < parts; p++)
		make_leaf(&unit.env, rotated, width, bits, order + first[p], (int) (first[p + 1] - first[p]), &leaves[p]);
	ann_scratch_init(&scratch, width, ROOM, arena_alloc(unit.env.arena, 1, ann_scratch_bytes(width, ROOM)));
	queue = (SearchQueue) {.items = malloc(parts * sizeof(SearchItem)), .room = (int) parts};

	for (int q = 0; q < queries; q++)
	{
		const float *x = query + (size_t) q * dims;
		SearchItem	kept[K];
		SearchBest	best = {.items = kept, .room = K};
		SearchItem	item;
		float		slack;

		to_tree(metric, x, dims, longest2, true, mapped);
		slack = (float) (ROUNDING * (reach2 + dot(mapped, mapped, dims + 1)));
		ann_rotate(&rotation, mapped, NULL, place);
		queue.n = 0;
		for (int64_t p = 0; p < parts; p++)
		{
			float	   *center = malloc(width * sizeof(float));
			double		gap;

			code_frame_center(leaves[p].block.frame, leaves[p].block.step, width, center);
			gap = sqrt(fmax(distance2(center, place, width) - slack, 0)) - leaves[p].radius;
			search_push(&queue, (SearchItem) {.key = gap > 0 ? (float) (gap * gap) * 0.99999f : 0, .id = (uint64_t) p});
			free(center);
		}
		while (search_pop(&queue, &item) && item.key <= search_limit(&best))
		{
			const Leaf *leaf = &leaves[item.id];

			ann_score_block(place, &leaf->block, &scratch);
			ann_lower_bounds(&leaf->block, &scratch);
			for (int j = 0; j < leaf->block.n; j++)
			{
				float		exact = (float) distance2(place, rotated + (size_t) leaf->rows[j] * width, width);
				float		least = scratch.lower[j];

				assert_true(least >= 0 && least <= exact + slack);
				assert_true(code_upper_bound(&scratch.query, scratch.estimates[j], leaf->block.norm[j],
											 leaf->block.error[j]) >= exact - slack);
				if (least - slack > search_limit(&best))
					continue;
				measured++;
				search_offer(&best, (SearchItem) {.key = exact, .id = (uint64_t) leaf->rows[j]});
			}
		}
		assert_int_equal(best.n, K);
		search_sort(&best);
		for (int r = 0; r < n; r++)
			all[r] = order_of(metric, x, rows + (size_t) r * dims, dims);
		for (int i = 0; i < K; i++)
			for (int j = 0; j < i; j++)
				assert_true(kept[i].id != kept[j].id);

		/* equal to the k smallest distances of all, up to rounding */
		qsort(all, n, sizeof(double), compare_doubles);
		for (int i = 0; i < K; i++)
		{
			double		found = order_of(metric, x, rows + (size_t) kept[i].id * dims, dims);

			assert_true(fabs(found - all[i]) <= (metric == COSINE ? 4 * ROUNDING : slack));
		}
	}
	free(rows);
	free(query);
	free(mapped);
	free(rotated);
	free(signs);
	free(place);
	free(all);
	free(order);
	free(first);
	free(leaves);
	free(queue.items);
	unit_env_done(&unit);
	return (double) measured / ((double) n * queries);
}

static void
test_exact_is_brute_force(void **state)
{
	static const int all_bits[] = {1, 4, 8};

	(void) state;
	for (int shape = 0; shape < SHAPES; shape++)
		for (int metric = 0; metric < METRICS; metric++)
			for (int b = 0; b < 3; b++)
			{
				check_exact((Shape) shape, (Metric) metric, all_bits[b], 20, 1500);
				check_exact((Shape) shape, (Metric) metric, all_bits[b], 1, 300);
			}
	check_exact(UNIFORM, L2, 4, 300, 700);
}

/* And it leaves out most of it where there is something to leave out. */
static void
test_exact_leaves_out(void **state)
{
	(void) state;
	assert_true(check_exact(CLUSTERED, L2, 8, 20, 1500) < 0.1);
	assert_true(check_exact(CLUSTERED, L2, 4, 20, 1500) < 0.2);
	assert_true(check_exact(UNIFORM, L2, 8, 20, 1500) < 0.1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_long_queue),
		cmocka_unit_test(test_best),
		cmocka_unit_test(test_exact_is_brute_force),
		cmocka_unit_test(test_exact_leaves_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
