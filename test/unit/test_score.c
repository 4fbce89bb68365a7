/*
 * test_score.c
 *	  Every kernel set against the plain one, bit for bit, and the plain one against the
 *	  definition; codes and levels end where the readable memory ends.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ann/score.h"
#include "base/rng.h"
#include "unit_env.h"

#define MAX_ROWS	11

static const char *const sets[] = {"plain", "avx2", "avx512", "neon"};
static const int bits_of[] = {1, 4, 8};

/* Level i of a code, by the layout that score.h describes. */
static int
level(const uint8_t *code, int width, int bits, int i)
{
	if (bits == 1)
		return code[i / 8] >> i % 8 & 1;
	if (bits == 8)
		return code[i];
	return i < width / 2 ? code[i] & 15 : code[i - width / 2] >> 4;
}

/* kind 0: random; 1: the largest levels with the largest of the query; 2: with the smallest */
static void
check_dots(Rng *rng, int width, int bits, int rows, int gap, int kind)
{
	size_t		bytes = (size_t) width * bits / 8;
	size_t		stride = bytes + gap;
	size_t		words = ((rows - 1) * stride + bytes + 3) / 4;
	uint8_t    *codes = (uint8_t *) (unit_guarded(words) + words) - ((rows - 1) * stride + bytes);
	float	   *levels_floats = unit_guarded(width / 4);
	ScoreQuery	query = {.levels = (int8_t *) levels_floats};
	int32_t		expected[MAX_ROWS];

	for (size_t i = 0; i < (rows - 1) * stride + bytes; i++)
		codes[i] = kind ? 255 : (uint8_t) rng_next(rng);
	for (int i = 0; i < width; i++)
		query.levels[i] = kind == 1 ? 127 : kind == 2 ? -127 : (int8_t) (rng_below(rng, 255) - 127);
	for (int row = 0; row < rows; row++)
	{
		int64_t		sum = 0;

		for (int i = 0; i < width; i++)
			sum += level(codes + row * stride, width, bits, i) * query.levels[i];
		expected[row] = (int32_t) sum;
		assert_true(expected[row] == sum);
	}
	for (int s = 0; s < 4; s++)
	{
		int32_t		dots[MAX_ROWS + 1];

		if (!score_force(sets[s]))
			continue;
		dots[rows] = 12345;
		score_dots(codes, stride, rows, bits, &query, width, dots);
		assert_memory_equal(dots, expected, rows * sizeof(int32_t));
		assert_int_equal(dots[rows], 12345);
	}
	score_force("auto");
	unit_guarded_free((float *) (codes + (rows - 1) * stride + bytes) - words, words);
	unit_guarded_free(levels_floats, width / 4);
}

static void
test_dots(void **state)
{
	static const int long_widths[] = {784, 800, 1024, 1536, 1552, 4096, 16000};
	Rng			rng;

	(void) state;
	rng_seed(&rng, 1, 0);
	for (int b = 0; b < 3; b++)
	{
		for (int width = 16; width <= 288; width += 16)
			for (int rows = 1; rows <= MAX_ROWS; rows++)
				for (int gap = 0; gap <= 3; gap++)
					check_dots(&rng, width, bits_of[b], rows, gap, 0);
		for (int i = 0; i < 7; i++)
			for (int kind = 0; kind < 3; kind++)
				check_dots(&rng, long_widths[i], bits_of[b], 5, 0, kind);
	}
}

/* Same bits from every set; levels within half a level of what they stand for. */
static void
test_place(void **state)
{
	static const float scales[] = {1.0f, 1e-12f, 1e15f, 0.0f};
	Rng			rng;

	(void) state;
	rng_seed(&rng, 2, 0);
	for (int width = 16; width <= 1600; width += width < 160 ? 16 : 208)
		for (int k = 0; k < 4; k++)
		{
			float	   *query = malloc(width * sizeof(float));
			uint8_t    *frame = malloc(width);
			float	   *difference[2];
			int8_t	   *levels[2];
			ScoreQuery	first;
			float		step = scales[k] / 100;
			double		distance2 = 0;
			double		rounding2 = 0;

			for (int i = 0; i < 2; i++)
			{
				difference[i] = malloc(width * sizeof(float));
				levels[i] = malloc(width);
			}
			for (int i = 0; i < width; i++)
			{
				query[i] = (float) rng_normal(&rng) * scales[k];
				frame[i] = (uint8_t) rng_next(&rng);
			}
			score_force("plain");
			first = (ScoreQuery) {.levels = levels[0], .difference = difference[0]};
			score_place(query, frame, step, width, &first);
			for (int i = 0; i < width; i++)
			{
				double		d = query[i] - (double) step * (frame[i] - 127.5);
				double		left = d - (double) first.unit * levels[0][i];

				distance2 += d * d;
				rounding2 += left * left;
				assert_true(left <= 0.501 * first.unit + 1e-30 && left >= -0.501 * first.unit - 1e-30);
			}
			assert_true(first.distance2 <= distance2 * 1.0001 && first.distance2 >= distance2 * 0.9999);
			assert_true(first.rounding2 <= rounding2 * 1.01 && first.rounding2 >= rounding2 * 0.99);
			for (int s = 1; s < 4; s++)
			{
				ScoreQuery	other = {.levels = levels[1], .difference = difference[1]};

				if (!score_force(sets[s]))
					continue;
				score_place(query, frame, step, width, &other);
				assert_memory_equal(levels[0], levels[1], width);
				assert_memory_equal(&first.unit, &other.unit, sizeof(float));
				assert_memory_equal(&first.level_sum, &other.level_sum, sizeof(float));
				assert_memory_equal(&first.distance2, &other.distance2, sizeof(float));
				assert_memory_equal(&first.rounding2, &other.rounding2, sizeof(float));
			}
			score_force("auto");
			for (int i = 0; i < 2; i++)
			{
				free(difference[i]);
				free(levels[i]);
			}
			free(query);
			free(frame);
		}
}

static void
test_estimate(void **state)
{
	ScoreQuery	query = {.unit = 0.013f, .level_sum = 17, .distance2 = 0.7f};
	int32_t		dots[70];
	float		norm[70];
	float		scale[70];
	float		expected[70];
	float		estimates[70];
	Rng			rng;

	(void) state;
	rng_seed(&rng, 3, 0);
	for (int i = 0; i < 70; i++)
	{
		dots[i] = (int32_t) rng_below(&rng, 2000000) - 1000000;
		norm[i] = (float) rng_uniform(&rng);
		scale[i] = (float) rng_uniform(&rng);
	}
	for (int n = 1; n <= 70; n++)
		for (int s = 0; s < 4; s++)
		{
			if (!score_force(sets[s]))
				continue;
			score_estimate(&query, 4, dots, norm, scale, n, s == 0 ? expected : estimates);
			if (s > 0)
				assert_memory_equal(expected, estimates, n * sizeof(float));
		}
	score_force("auto");
	score_estimate(&query, 4, dots, norm, scale, 70, estimates);
	for (int i = 0; i < 70; i++)
	{
		double		value = 0.7 + norm[i] - 2 * 0.013 * scale[i] * (dots[i] - 7.5 * 17);
		double		allowed = 1e-6 * (1 + 2 * 0.013 * scale[i] * 1000000);

		assert_true(estimates[i] <= value + allowed && estimates[i] >= value - allowed);
	}
}

/* Same bits from every set; what cannot be known bounds nothing. */
static void
test_lower(void **state)
{
	static const float sizes[] = {0, 1e-30f, 1e-12f, 1, 1e15f, 1e36f};
	float		norm[200];
	float		error[200];
	float		estimates[200];
	float		expected[200];
	float		lower[200];
	Rng			rng;

	(void) state;
	rng_seed(&rng, 4, 0);
	for (int k = 0; k < 6; k++)
	{
		ScoreQuery	query = {.distance2 = 0.7f * sizes[k], .rounding2 = 1e-4f * sizes[k]};

		for (int i = 0; i < 200; i++)
		{
			norm[i] = (float) rng_uniform(&rng) * sizes[k];
			error[i] = i % 10 == 9 ? 1e18f : (float) rng_uniform(&rng) * sqrtf(norm[i]);
			estimates[i] = (float) (rng_uniform(&rng) * 3 - 0.5) * sizes[k];
		}
		for (int n = 1; n <= 200; n += 1 + n / 20)
			for (int s = 0; s < 4; s++)
			{
				bool		reached = false;
				float		least;

				if (!score_force(sets[s]))
					continue;
				lower[n - 1] = -1;
				least = score_lower(&query, estimates, norm, error, n, s == 0 ? expected : lower);
				for (int i = 0; i < n; i++)
				{
					assert_true(least <= expected[i]);
					reached |= least == expected[i];
				}
				assert_true(reached);
				if (s > 0)
					assert_memory_equal(expected, lower, n * sizeof(float));
			}
		score_force("auto");
		score_lower(&query, estimates, norm, error, 200, lower);
		for (int i = 0; i < 200; i++)
		{
			assert_true(lower[i] >= 0);
			if (i % 10 == 9)
				assert_true(lower[i] == 0);
		}
	}
}

static void
test_sets(void **state)
{
	(void) state;
	assert_true(score_force("plain"));
	assert_string_equal(score_current(), "plain");
	assert_false(score_force("mmx"));
	assert_string_equal(score_current(), "plain");
	assert_true(score_force("auto"));
	for (int s = 0; s < 4; s++)
		if (score_available(sets[s]))
			printf("checked: %s\n", sets[s]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dots),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_lower),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
