/*
 * test_code.c
 *	  The rotation keeps lengths and angles and leaves no axis special; estimates are
 *	  unbiased, as precise as promised, and never off by more than their bound.
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

#include "ann/code.h"
#include "base/rng.h"

#define MAX_WIDTH	1600

static float *
floats(size_t n)
{
	return malloc(n * sizeof(float));
}

static double
dot(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

static void
test_rotation_is_orthonormal(void **state)
{
	static const int dims[] = {1, 2, 3, 15, 16, 17, 31, 64, 100, 128, 300, 784, 1000, 1536};

	(void) state;
	for (size_t k = 0; k < sizeof(dims) / sizeof(dims[0]); k++)
	{
		int			n = dims[k];
		int			width = ann_width(n);
		float	   *memory = floats(ann_rotation_floats(n));
		float	   *unit = floats(n);
		float	   *rows = floats((size_t) n * width);
		AnnRotation rotation;

		assert_true(width >= n && width < n + 16 && width % 16 == 0);
		ann_rotation_init(&rotation, n, 7, memory);
		for (int i = 0; i < n; i++)
		{
			memset(unit, 0, n * sizeof(float));
			unit[i] = 1;
			ann_rotate(&rotation, unit, NULL, rows + (size_t) i * width);
		}
		for (int i = 0; i < n; i++)
			for (int j = i; j < n; j += 1 + n / 40)
				assert_true(fabs(dot(rows + (size_t) i * width, rows + (size_t) j * width, width) - (i == j)) < 2e-6);
		free(memory);
		free(unit);
		free(rows);
	}
}

/* Every set of kernels rotates and encodes as the plain one does, to the bit. */
static void
test_sets_agree(void **state)
{
	static const char *const sets[] = {"avx2", "avx512"};
	static const int dims[] = {1, 16, 17, 32, 48, 64, 100, 128, 300, 784, 1000, 1536};
	static const int all_bits[] = {1, 4, 8};
	static float x[MAX_WIDTH];
	static float out[2][MAX_WIDTH];
	static float scratch[MAX_WIDTH];
	static uint8_t frame[MAX_WIDTH];
	static uint8_t code[2][MAX_WIDTH];
	CodeFactors factors[2];
	Rng			rng;

	(void) state;
	rng_seed(&rng, 11, 0);
	for (size_t k = 0; k < sizeof(dims) / sizeof(dims[0]); k++)
		for (int round = 0; round < 6; round++)
		{
			int			width = ann_width(dims[k]);
			float	   *memory = floats(ann_rotation_floats(dims[k]));
			float		size = round < 3 ? 1 : powf(10, (float) (round * 8 - 40));
			AnnRotation rotation;

			ann_rotation_init(&rotation, dims[k], 5, memory);
			for (int i = 0; i < dims[k]; i++)
				x[i] = round == 0 ? (float) (i % 7 == 3) : size * (float) rng_normal(&rng);
			for (int i = 0; i < width; i++)
				frame[i] = (uint8_t) rng_next(&rng);
			for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++)
			{
				assert_true(code_force("plain"));
				ann_rotate(&rotation, x, NULL, out[0]);
				if (!code_force(sets[s]))
					continue;
				ann_rotate(&rotation, x, NULL, out[1]);
				assert_memory_equal(out[0], out[1], width * sizeof(float));
				for (int b = 0; b < 3; b++)
				{
					size_t		bytes = score_code_bytes(width, all_bits[b]);

					memset(code, 0xa5, sizeof(code));
					memset(factors, 0, sizeof(factors));
					for (int j = 0; j < 2; j++)
					{
						code_force(j == 0 ? "plain" : sets[s]);
						assert_true(code_encode(out[0], frame, size / 200, width, all_bits[b], scratch, code[j], &factors[j]));
					}
					assert_memory_equal(&factors[0], &factors[1], sizeof(factors[0]));
					assert_memory_equal(code[0], code[1], bytes + 1);
				}
			}
			free(memory);
		}
	assert_false(code_force("none"));
	assert_true(code_force("auto"));
}

/* Wherever a vector points, its length ends up spread: over seeds each element's square is 1 / width. */
static void
test_rotation_spreads(void **state)
{
	static const int dims[] = {16, 64, 100, 784};

	(void) state;
	for (int k = 0; k < 4; k++)
	{
		int			n = dims[k];
		int			width = ann_width(n);
		float	   *memory = floats(ann_rotation_floats(n));
		float	   *unit = floats(n);
		float	   *out = floats(width);
		double	   *square = calloc(width, sizeof(double));
		double		largest = 0;

		for (int seed = 0; seed < 400; seed++)
		{
			AnnRotation rotation;

			ann_rotation_init(&rotation, n, seed, memory);
			memset(unit, 0, n * sizeof(float));
			unit[seed % n] = 1;
			ann_rotate(&rotation, unit, NULL, out);
			for (int i = 0; i < width; i++)
			{
				square[i] += (double) out[i] * out[i] / 400;
				largest = fmax(largest, fabs(out[i]) * sqrt(width));
			}
		}
		for (int i = 0; i < width; i++)
			assert_true(square[i] * width > 0.5 && square[i] * width < 2);
		assert_true(largest < 7);
		free(memory);
		free(unit);
		free(out);
		free(square);
	}
}

/*
 * x, q around c in rotated space, from seed to seed under another rotation.  near: how
 * far x is from c, the query being at distance 1 or so, the center at 2, all of it times size.
 * Returns the mean of the lower bounds, in units of size squared.
 */
static double
check_estimates(int dims, int bits, double near, double allowed, double size)
{
	enum {trials = 1500};
	int			width = ann_width(dims);
	float	   *memory = floats(ann_rotation_floats(dims));
	float	   *x = floats(dims);
	float	   *q = floats(dims);
	float	   *c = floats(dims);
	float	   *rx = floats(width);
	float	   *rq = floats(width);
	float	   *rc = floats(width);
	float	   *scratch = floats(width);
	uint8_t    *frame = malloc(width);
	uint8_t    *code = malloc(score_code_bytes(width, bits));
	ScoreQuery	query = {.levels = malloc(width), .difference = floats(width)};
	double		true2 = 0;
	double		sum = 0;
	double		sum2 = 0;
	double		deviation = 0;
	double		lower = 0;
	Rng			rng;

	rng_seed(&rng, 11, dims * 100 + bits);
	for (int i = 0; i < dims; i++)
	{
		c[i] = (float) (size * 2 * rng_normal(&rng) / sqrt(dims));
		x[i] = (float) (c[i] + size * near * rng_normal(&rng) / sqrt(dims));
		/* not independent of x: the query is on its side */
		q[i] = (float) (0.5 * c[i] + 0.5 * x[i] + size * 0.7 * rng_normal(&rng) / sqrt(dims));
		true2 += (double) (x[i] - q[i]) * (x[i] - q[i]);
	}
	for (int t = 0; t < trials; t++)
	{
		AnnRotation rotation;
		CodeFactors factors;
		float		step;
		int32_t		dots;
		float		estimate;
		float		least;

		ann_rotation_init(&rotation, dims, t, memory);
		ann_rotate(&rotation, x, NULL, rx);
		ann_rotate(&rotation, q, NULL, rq);
		ann_rotate(&rotation, c, NULL, rc);
		assert_true(code_frame(rc, width, frame, &step));
		assert_true(code_encode(rx, frame, step, width, bits, scratch, code, &factors));
		score_place(rq, frame, step, width, &query);
		score_dots(code, 0, 1, bits, &query, width, &dots);
		score_estimate(&query, bits, &dots, &factors.norm, &factors.scale, 1, &estimate);
		score_lower(&query, &estimate, &factors.norm, &factors.error, 1, &least);
		assert_true(least <= true2);
		assert_true(code_upper_bound(&query, estimate, factors.norm, factors.error) >= true2);
		sum += (estimate - true2) / (size * size);
		sum2 += pow((estimate - true2) / (size * size), 2);
		deviation += code_deviation(&query, factors.norm, factors.error, width) / (size * size) / trials;
		lower += least / (size * size) / trials;
	}

	/* the mean of the errors is 0 within its standard error */
	assert_true(fabs(sum / trials) < 4 * sqrt(sum2 / trials / trials) + 2e-6);
	assert_true(sqrt(sum2 / trials) < allowed);
	assert_true(sqrt(sum2 / trials) < 1.25 * deviation && sqrt(sum2 / trials) > 0.5 * deviation);

	free(memory);
	free(x);
	free(q);
	free(c);
	free(rx);
	free(rq);
	free(rc);
	free(scratch);
	free(frame);
	free(code);
	free(query.levels);
	free(query.difference);
	return lower;
}

static void
test_estimates(void **state)
{
	(void) state;
	for (int dims = 60; dims <= 784; dims += 181)
	{
		double		root = sqrt(dims);

		check_estimates(dims, 1, 1, 1.6 / root, 1);
		check_estimates(dims, 4, 1, 0.25 / root, 1);
		check_estimates(dims, 8, 1, 0.035 / root, 1);
		check_estimates(dims, 4, 0.05, 0.02 / root, 1);
	}
}

/* Bounds and deviations are as good where fourth powers of lengths have no place in a float. */
static void
test_scales(void **state)
{
	static const int exponents[] = {-48, -40, -30, 33, 56};

	(void) state;
	for (int bits = 1; bits <= 4; bits += 3)
	{
		double		expected = check_estimates(241, bits, 1, bits == 1 ? 0.11 : 0.017, 1);

		for (size_t s = 0; s < sizeof(exponents) / sizeof(exponents[0]); s++)
		{
			double		lower = check_estimates(241, bits, 1, bits == 1 ? 0.11 : 0.017, ldexp(1, exponents[s]));

			assert_true(fabs(lower - expected) < 1e-3 * expected);
		}
	}
}

/* Vectors at their center, one element away from it, tiny, huge, and too far. */
static void
test_extremes(void **state)
{
	float		x[64] = {0};
	float		frame_center[64] = {0};
	float		scratch[64];
	float		step;
	uint8_t		frame[64];
	uint8_t		code[64];
	int8_t		levels[64];
	float		difference[64];
	ScoreQuery	query = {.levels = levels, .difference = difference};

	(void) state;
	for (int b = 0; b < 3; b++)
	{
		int			bits = b == 0 ? 1 : 4 * b;

		for (int kind = 0; kind < 6; kind++)
		{
			static const float sizes[] = {0, 1, 1e-20f, 1e-40f, 1e17f, 3e38f};
			CodeFactors factors;
			int32_t		dots;
			float		estimate;
			float		least;
			double		distance2;

			memset(x, 0, sizeof(x));
			x[5] = sizes[kind];
			assert_true(code_frame(frame_center, 64, frame, &step));
			if (kind == 5)
			{
				assert_false(code_encode(x, frame, step, 64, bits, scratch, code, &factors));
				assert_false(code_frame(x, 64, frame, &step));
				continue;
			}
			assert_true(code_encode(x, frame, step, 64, bits, scratch, code, &factors));
			assert_true(isfinite(factors.norm) && isfinite(factors.scale) && isfinite(factors.error));
			assert_true(factors.norm >= 0 && factors.scale >= 0 && factors.error >= 0);

			/* the query is the vector itself, and another one */
			for (int other = 0; other < 2; other++)
			{
				float		q[64] = {0};

				q[5] = other ? 0 : x[5];
				q[6] = other ? 2 * x[5] : 0;
				distance2 = (double) (q[5] - x[5]) * (q[5] - x[5]) + (double) q[6] * q[6];
				score_place(q, frame, step, 64, &query);
				score_dots(code, 0, 1, bits, &query, 64, &dots);
				score_estimate(&query, bits, &dots, &factors.norm, &factors.scale, 1, &estimate);
				score_lower(&query, &estimate, &factors.norm, &factors.error, 1, &least);
				assert_true(least >= 0 && least <= distance2 + 1e-37);
				assert_true(code_upper_bound(&query, estimate, factors.norm, factors.error) >= distance2 - 1e-37);
			}
		}
	}
}

/* A frame stands for its center within half a step. */
static void
test_frame(void **state)
{
	float		center[MAX_WIDTH];
	float		back[MAX_WIDTH];
	uint8_t		frame[MAX_WIDTH];
	float		step;
	Rng			rng;

	(void) state;
	rng_seed(&rng, 5, 0);
	for (int width = 16; width <= MAX_WIDTH; width += 176)
	{
		for (int i = 0; i < width; i++)
			center[i] = (float) rng_normal(&rng);
		assert_true(code_frame(center, width, frame, &step));
		code_frame_center(frame, step, width, back);
		for (int i = 0; i < width; i++)
			assert_true(fabsf(back[i] - center[i]) <= 0.501f * step);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rotation_is_orthonormal),
		cmocka_unit_test(test_sets_agree),
		cmocka_unit_test(test_rotation_spreads),
		cmocka_unit_test(test_estimates),
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
