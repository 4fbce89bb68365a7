/*
 * test_kmeans.c
 *	  Centers get better by iterating, are finite and the same for the same seed; rows find
 *	  their nearest; a division loses no row and no part is too large, whatever the data.
 *
 * All of it runs twice: before OpenBLAS is loaded, which is how it runs on a machine that
 * has none, and after.
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
#include "base/blas.h"
#include "unit_env.h"

#define WIDTH	16

typedef enum Shape
{
	UNIFORM,
	CLUSTERED,					/* 20 tight ones, far apart */
	ALL_EQUAL,
	FEW_VALUES,					/* 3 different rows, the first nearly all */
	OUTLIER,					/* one row a thousand times as far away as the rest */
	HUGE_ROWS,					/* squared lengths near the end of float */
	SHAPES
} Shape;

/* n rows of that shape, from malloc. */
static float *
make_rows(Shape shape, int64_t n, int width, uint64_t seed)
{
	float	   *rows = malloc(n * width * sizeof(float));
	float		centers[20][64];
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int c = 0; c < 20; c++)
		for (int i = 0; i < width; i++)
			centers[c][i] = (float) rng_normal(&rng);
	for (int64_t r = 0; r < n; r++)
	{
		int			c = (int) rng_below(&rng, 20);

		for (int i = 0; i < width; i++)
			switch (shape)
			{
				case UNIFORM:
					rows[r * width + i] = (float) rng_uniform(&rng);
					break;
				case CLUSTERED:
					rows[r * width + i] = centers[c][i] + 0.01f * (float) rng_normal(&rng);
					break;
				case ALL_EQUAL:
					rows[r * width + i] = 0.3f;
					break;
				case FEW_VALUES:
					rows[r * width + i] = centers[r % 100 == 0 ? 1 + c % 2 : 0][i];
					break;
				case OUTLIER:
					rows[r * width + i] = r == n / 2 ? 1000 : (float) rng_uniform(&rng);
					break;
				default:
					rows[r * width + i] = (rng_next(&rng) >> 63 ? 1 : -1) * 1e18f * (float) rng_uniform(&rng);
					break;
			}
	}
	return rows;
}

static double
distance2(const float *a, const float *b, int width)
{
	double		sum = 0;

	for (int i = 0; i < width; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sum;
}

/* The sum of squared distances of rows to their nearest center. */
static double
objective(const float *rows, int64_t n, int width, const float *centers, int k)
{
	double		sum = 0;

	for (int64_t r = 0; r < n; r++)
	{
		double		least = INFINITY;

		for (int c = 0; c < k; c++)
			least = fmin(least, distance2(rows + r * width, centers + (size_t) c * width, width));
		sum += least;
	}
	return sum;
}

static bool with_blas = false;

static void
start(UnitEnv *unit)
{
	unit_env_init(unit);
	if (with_blas)
		assert_int_equal(kmeans_load(&unit->env), LEARN_OK);
	assert_true(blas_loaded() == with_blas);
}

/* With and without OpenBLAS each row has the nearest center, to rounding. */
static void
test_nearest(void **state)
{
	static const int widths[] = {1, 16, 33, 300, 4100};
	static const int ks[] = {1, 7, 16, 300};

	(void) state;
	for (int w = 0; w < 5; w++)
		for (int i = 0; i < 4; i++)
		{
			int64_t		n = 600;
			int			k = ks[i];
			int			width = widths[w];
			float	   *rows = malloc(n * width * sizeof(float));
			int32_t    *nearest = malloc(n * sizeof(int32_t));
			float	   *bias = calloc(k, sizeof(float));
			UnitEnv		unit;
			Rng			rng;

			rng_seed(&rng, 5, 0);
			for (int64_t j = 0; j < n * width; j++)
				rows[j] = (float) rng_normal(&rng);
			for (int c = 0; c < k; c++)
				bias[c] = (float) rng_uniform(&rng);
			start(&unit);
			assert_int_equal(kmeans_nearest(&unit.env, rows, n, width, rows, bias, k, nearest), LEARN_OK);
			for (int64_t r = 0; r < n; r += 7)
			{
				const float *row = rows + r * width;
				double		chosen = distance2(row, rows + (size_t) nearest[r] * width, width) / 2 + bias[nearest[r]];

				for (int c = 0; c < k; c++)
					assert_true(chosen <= distance2(row, rows + (size_t) c * width, width) / 2 + bias[c] + 1e-6 * width);
			}
			free(rows);
			free(nearest);
			free(bias);
			unit_env_done(&unit);
		}
}

static void
test_objective_falls(void **state)
{
	static const int ks[] = {2, 15, 16, 17, 40};

	(void) state;
	for (int shape = 0; shape <= CLUSTERED; shape++)
		for (int i = 0; i < 5; i++)
		{
			int			k = ks[i];
			int64_t		n = 3000;
			float	   *rows = make_rows((Shape) shape, n, WIDTH, 1);
			float		centers[40 * WIDTH];
			double		before = INFINITY;
			UnitEnv		unit;

			start(&unit);
			for (int iterations = 0; iterations <= 8; iterations += 2)
			{
				double		after;
				Rng			rng;

				rng_seed(&rng, 3, 0);
				assert_int_equal(kmeans_fit(&unit.env, rows, n, WIDTH, k, iterations, &rng, centers, NULL), LEARN_OK);
				after = objective(rows, n, WIDTH, centers, k);
				assert_true(after <= before * (1 + 1e-5));
				/* the first iterations do the most */
				if (iterations == 2)
					assert_true(after < 0.9 * before);
				before = after;
			}
			free(rows);
			unit_env_done(&unit);
		}
}

/* k = 1 is the mean, k = n every row, and between them nothing is NaN, whatever the rows. */
static void
test_extreme_counts_and_shapes(void **state)
{
	static const int ns[] = {1, 2, 3, 50, 400};

	(void) state;
	for (int shape = 0; shape < SHAPES; shape++)
		for (int i = 0; i < 5; i++)
			for (int k = 1; k <= ns[i]; k += 1 + ns[i] / 7)
			{
				int64_t		n = ns[i];
				float	   *rows = make_rows((Shape) shape, n, WIDTH, 2);
				float	   *centers = malloc(k * WIDTH * sizeof(float));
				float	   *bias = malloc(k * sizeof(float));
				int32_t    *nearest = malloc(n * sizeof(int32_t));
				UnitEnv		unit;
				Rng			rng;

				start(&unit);
				rng_seed(&rng, 1, 0);
				assert_int_equal(kmeans_fit(&unit.env, rows, n, WIDTH, k, 5, &rng, centers, i % 2 ? bias : NULL), LEARN_OK);
				for (int j = 0; j < k * WIDTH; j++)
					assert_true(isfinite(centers[j]));
				for (int j = 0; i % 2 && j < k; j++)
					assert_true(isfinite(bias[j]));
				if (k == n && (shape == UNIFORM || shape == CLUSTERED))
					assert_true(objective(rows, n, WIDTH, centers, k) < 1e-9);
				assert_int_equal(kmeans_nearest(&unit.env, rows, n, WIDTH, centers, NULL, k, nearest), LEARN_OK);
				for (int64_t r = 0; r < n; r++)
				{
					double		found;
					double		least = INFINITY;
					double		length = distance2(rows + r * WIDTH, (float[WIDTH]) {0}, WIDTH);

					assert_in_range(nearest[r], 0, k - 1);
					found = distance2(rows + r * WIDTH, centers + (size_t) nearest[r] * WIDTH, WIDTH);
					for (int c = 0; c < k; c++)
						least = fmin(least, distance2(rows + r * WIDTH, centers + (size_t) c * WIDTH, WIDTH));
					assert_true(found <= least + 1e-5 * length);
				}
				free(rows);
				free(centers);
				free(bias);
				free(nearest);
				unit_env_done(&unit);
			}
}

static void
test_mean(void **state)
{
	float		rows[4 * WIDTH];
	float		center[WIDTH];
	UnitEnv		unit;
	Rng			rng;

	(void) state;
	start(&unit);
	rng_seed(&rng, 1, 0);
	for (int i = 0; i < 4 * WIDTH; i++)
		rows[i] = (float) i;
	assert_int_equal(kmeans_fit(&unit.env, rows, 4, WIDTH, 1, 3, &rng, center, NULL), LEARN_OK);
	for (int i = 0; i < WIDTH; i++)
		assert_true(center[i] == (float) i + 1.5f * WIDTH);
	unit_env_done(&unit);
}

/* The mean square of the clusters' sizes, the average size being 1: 1 if all are alike. */
static double
unevenness(const int32_t *nearest, int64_t n, int k)
{
	double		sum = 0;

	for (int c = 0; c < k; c++)
	{
		double		count = 0;

		for (int64_t r = 0; r < n; r++)
			count += nearest[r] == c;
		sum += count * count * k / ((double) n * n);
	}
	return sum;
}

/* Biases make the sizes more alike, and cost little of the objective. */
static void
test_balance(void **state)
{
	int64_t		n = 6000;
	int			k = 60;
	float	   *rows = malloc(n * WIDTH * sizeof(float));
	int32_t    *nearest = malloc(n * sizeof(int32_t));
	float	   *centers = malloc(k * WIDTH * sizeof(float));
	float	   *bias = malloc(k * sizeof(float));
	double		plain;
	double		plain_objective;
	UnitEnv		unit;
	Rng			rng;

	(void) state;
	start(&unit);
	rng_seed(&rng, 8, 0);
	for (int64_t i = 0; i < n * WIDTH; i++)
		rows[i] = (float) rng_normal(&rng);
	rng_seed(&rng, 1, 0);
	assert_int_equal(kmeans_fit(&unit.env, rows, n, WIDTH, k, 20, &rng, centers, NULL), LEARN_OK);
	assert_int_equal(kmeans_nearest(&unit.env, rows, n, WIDTH, centers, NULL, k, nearest), LEARN_OK);
	plain = unevenness(nearest, n, k);
	plain_objective = objective(rows, n, WIDTH, centers, k);
	rng_seed(&rng, 1, 0);
	assert_int_equal(kmeans_fit(&unit.env, rows, n, WIDTH, k, 20, &rng, centers, bias), LEARN_OK);
	assert_int_equal(kmeans_nearest(&unit.env, rows, n, WIDTH, centers, bias, k, nearest), LEARN_OK);
	assert_true(unevenness(nearest, n, k) - 1 < 0.5 * (plain - 1));
	assert_true(objective(rows, n, WIDTH, centers, k) < 1.02 * plain_objective);
	free(rows);
	free(nearest);
	free(centers);
	free(bias);
	unit_env_done(&unit);
}

/* The grid's centers serve the rows nearly as well as a plain fit of as many; all of the beam is searched. */
static void
test_grid(void **state)
{
	int64_t		n = 6000;
	int			k = 100;

	(void) state;
	for (int shape = 0; shape < SHAPES; shape++)
	{
		float	   *rows = make_rows((Shape) shape, n, WIDTH, 4);
		float	   *centers = malloc(k * WIDTH * sizeof(float));
		int32_t    *nearest = malloc(n * sizeof(int32_t));
		int32_t    *again = malloc(n * sizeof(int32_t));
		double		sum = 0;
		double		all;
		KmeansGrid	grid;
		KmeansGrid	second;
		UnitEnv		unit;
		Rng			rng;

		start(&unit);
		rng_seed(&rng, 1, 0);
		assert_int_equal(kmeans_grid_fit(&unit.env, rows, n, WIDTH, k, &rng, &grid), LEARN_OK);
		assert_in_range(grid.k, 1, k);
		assert_in_range(grid.groups, 1, 10);
		assert_int_equal(grid.first[0], 0);
		assert_int_equal(grid.first[grid.groups], grid.k);
		for (int g = 0; g < grid.groups; g++)
			assert_true(grid.first[g] < grid.first[g + 1]);
		for (int i = 0; i < grid.k * WIDTH; i++)
			assert_true(isfinite(grid.centers[i]));
		assert_int_equal(kmeans_grid_nearest(&unit.env, &grid, rows, n, 4, nearest), LEARN_OK);
		for (int64_t r = 0; r < n; r++)
		{
			assert_in_range(nearest[r], 0, grid.k - 1);
			sum += distance2(rows + r * WIDTH, grid.centers + (size_t) nearest[r] * WIDTH, WIDTH);
		}

		/* with all groups in the beam and no bias, the nearest of all */
		memset(grid.bias, 0, grid.k * sizeof(float));
		assert_int_equal(kmeans_grid_nearest(&unit.env, &grid, rows, n, 16, nearest), LEARN_OK);
		all = objective(rows, n, WIDTH, grid.centers, grid.k);
		assert_true(sum >= all * (1 - 1e-5) - 1e-9);
		sum = 0;
		for (int64_t r = 0; r < n; r++)
			sum += distance2(rows + r * WIDTH, grid.centers + (size_t) nearest[r] * WIDTH, WIDTH);
		if (shape == UNIFORM || shape == CLUSTERED)
		{
			assert_true(fabs(sum - all) <= 1e-4 * all);
			rng_seed(&rng, 1, 0);
			assert_int_equal(kmeans_fit(&unit.env, rows, n, WIDTH, k, 10, &rng, centers, NULL), LEARN_OK);
			assert_true(all < 1.15 * objective(rows, n, WIDTH, centers, k));
		}

		/* the same seed, the same grid */
		rng_seed(&rng, 1, 0);
		assert_int_equal(kmeans_grid_fit(&unit.env, rows, n, WIDTH, k, &rng, &second), LEARN_OK);
		assert_int_equal(second.k, grid.k);
		assert_memory_equal(second.centers, grid.centers, grid.k * WIDTH * sizeof(float));
		memset(second.bias, 0, grid.k * sizeof(float));
		assert_int_equal(kmeans_grid_nearest(&unit.env, &second, rows, n, 16, again), LEARN_OK);
		assert_memory_equal(again, nearest, n * sizeof(int32_t));
		free(rows);
		free(centers);
		free(nearest);
		free(again);
		unit_env_done(&unit);
	}
}

static void
test_divide(void **state)
{
	static const int capacities[] = {1, 2, 7, 100, 5000};
	int64_t		n = 2000;

	(void) state;
	for (int shape = 0; shape < SHAPES; shape++)
		for (int i = 0; i < 5; i++)
		{
			float	   *rows = make_rows((Shape) shape, n, WIDTH, 5);
			int32_t    *order = malloc(n * sizeof(int32_t));
			int64_t    *first = malloc((n + 1) * sizeof(int64_t));
			bool	   *seen = calloc(n, sizeof(bool));
			int64_t		parts;
			double		whole = 0;
			double		within = 0;
			UnitEnv		unit;
			Rng			rng;

			start(&unit);
			for (int64_t r = 0; r < n; r++)
				order[r] = (int32_t) (n - 1 - r);
			rng_seed(&rng, 1, 0);
			assert_int_equal(kmeans_divide(&unit.env, rows, WIDTH, order, n, capacities[i], &rng, first, &parts), LEARN_OK);
			assert_true(parts >= (n + capacities[i] - 1) / capacities[i]);
			assert_int_equal(first[0], 0);
			assert_int_equal(first[parts], n);
			for (int64_t r = 0; r < n; r++)
			{
				assert_in_range(order[r], 0, n - 1);
				assert_false(seen[order[r]]);
				seen[order[r]] = true;
			}
			for (int64_t p = 0; p < parts; p++)
			{
				int64_t		m = first[p + 1] - first[p];

				assert_in_range(m, 1, capacities[i]);
				for (int64_t j = 1; j < m; j++)
					within += distance2(rows + (size_t) order[first[p]] * WIDTH, rows + (size_t) order[first[p] + j] * WIDTH, WIDTH);
			}
			for (int64_t j = 1; j < n; j++)
				whole += distance2(rows, rows + j * WIDTH, WIDTH);
			/* parts are near each other, and not just cut off */
			if (shape == CLUSTERED && capacities[i] == 100)
				assert_true(within < 0.05 * whole);
			/* and where there is something to fill, they are not crumbs */
			if (capacities[i] == 100 && (shape == UNIFORM || shape == ALL_EQUAL))
				assert_true(parts <= 60);
			free(rows);
			free(order);
			free(first);
			free(seen);
			unit_env_done(&unit);
		}
}

/* Stopping at any poll is a status, and leaves nothing behind but arena memory. */
static void
test_cancel_and_memory(void **state)
{
	int64_t		n = 3000;
	float	   *rows = make_rows(UNIFORM, n, WIDTH, 6);
	int32_t    *nearest = malloc(n * sizeof(int32_t));
	int			polls;
	KmeansGrid	grid;
	UnitEnv		unit;
	Rng			rng;

	(void) state;
	start(&unit);
	rng_seed(&rng, 1, 0);
	assert_int_equal(kmeans_grid_fit(&unit.env, rows, n, WIDTH, 40, &rng, &grid), LEARN_OK);
	polls = unit.polls;
	assert_true(polls > 20);
	unit_env_done(&unit);
	for (int at = 1; at <= polls; at += 1 + polls / 20)
	{
		start(&unit);
		unit.cancel_at = at;
		rng_seed(&rng, 1, 0);
		assert_int_equal(kmeans_grid_fit(&unit.env, rows, n, WIDTH, 40, &rng, &grid), LEARN_CANCELLED);
		unit_env_done(&unit);
	}
	for (size_t limit = 1000; limit < 100000; limit += 9000)
	{
		start(&unit);
		unit.arena.limit = limit;
		rng_seed(&rng, 1, 0);
		assert_int_equal(kmeans_grid_fit(&unit.env, rows, n, WIDTH, 40, &rng, &grid), LEARN_NO_MEMORY);
		unit_env_done(&unit);
	}
	free(rows);
	free(nearest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_objective_falls),
		cmocka_unit_test(test_extreme_counts_and_shapes),
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_grid),
		cmocka_unit_test(test_divide),
		cmocka_unit_test(test_cancel_and_memory),
	};

	if (cmocka_run_group_tests_name("without OpenBLAS", tests, NULL, NULL) != 0)
		return 1;
	with_blas = true;
	return cmocka_run_group_tests_name("with OpenBLAS", tests, NULL, NULL);
}
