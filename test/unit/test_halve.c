/*
 * test_halve.c
 *	  Two clusters of a page's vectors, and codes read back.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ann/code.h"
#include "ann/halve.h"
#include "base/rng.h"

#define WIDTH	32
#define MOST	200

/* order is a permutation, and neither part is below a quarter. */
static void
check_cut(const int32_t *order, int n, int m)
{
	bool		seen[MOST] = {false};

	assert_true(m >= 1 && m < n && m >= n / 4 && n - m >= n / 4);
	for (int i = 0; i < n; i++)
	{
		assert_in_range(order[i], 0, n - 1);
		assert_false(seen[order[i]]);
		seen[order[i]] = true;
	}
}

static void
test_two_clusters(void **state)
{
	static float vectors[MOST * WIDTH];
	static float scratch[ANN_HALVE_FLOATS(MOST, WIDTH)];
	int32_t		order[MOST];
	Rng			rng;

	rng_seed(&rng, 1, 0);
	for (int share = 30; share <= 70; share += 20)
	{
		int			m;

		for (int i = 0; i < 100; i++)
			for (int j = 0; j < WIDTH; j++)
				vectors[i * WIDTH + j] = (float) rng_normal(&rng) + (i * 37 % 100 < share ? 20 : 0);
		m = ann_halve(vectors, 100, WIDTH, scratch, order);
		check_cut(order, 100, m);
		assert_true(m == share || m == 100 - share);
		for (int i = 0; i < 100; i++)
			assert_int_equal(order[i] * 37 % 100 < share, (order[0] * 37 % 100 < share) == (i < m));
	}
}

static void
test_all_sizes(void **state)
{
	static float vectors[MOST * WIDTH];
	static float scratch[ANN_HALVE_FLOATS(MOST, WIDTH)];
	int32_t		order[MOST];
	Rng			rng;

	rng_seed(&rng, 2, 0);
	for (int n = 2; n <= MOST; n++)
	{
		for (int i = 0; i < n * WIDTH; i++)
			vectors[i] = (float) rng_normal(&rng);
		check_cut(order, n, ann_halve(vectors, n, WIDTH, scratch, order));

		/* all alike; and all alike but one */
		for (int i = 0; i < n * WIDTH; i++)
			vectors[i] = 3;
		assert_int_equal(ann_halve(vectors, n, WIDTH, scratch, order), n / 2);
		check_cut(order, n, n / 2);
		vectors[0] = 1e15f;
		check_cut(order, n, ann_halve(vectors, n, WIDTH, scratch, order));
	}
}

/* What is decoded is off by the error that encoding noted, and no more. */
static void
test_decode(void **state)
{
	const int	all_bits[] = {1, 4, 8};
	Rng			rng;

	rng_seed(&rng, 3, 0);
	for (int b = 0; b < 3; b++)
		for (int round = 0; round < 100; round++)
		{
			float		vector[WIDTH];
			float		center[WIDTH] = {0};
			float		scratch[WIDTH];
			float		back[WIDTH];
			float		frame_center[WIDTH];
			uint8_t		frame[WIDTH];
			uint8_t		code[WIDTH];
			CodeFactors factors;
			float		step;
			double		off = 0;

			for (int i = 0; i < WIDTH; i++)
			{
				vector[i] = (float) rng_normal(&rng);
				center[i] = (float) rng_normal(&rng);
			}
			assert_true(code_frame(center, WIDTH, frame, &step));
			code_frame_center(frame, step, WIDTH, frame_center);
			assert_true(code_encode(vector, frame, step, WIDTH, all_bits[b], scratch, code, &factors));
			code_decode(code, all_bits[b], WIDTH, factors.scale, back);
			for (int i = 0; i < WIDTH; i++)
				off += pow((double) vector[i] - frame_center[i] - back[i], 2);
			assert_true(sqrt(off) <= factors.error * 1.0001);
			assert_true(sqrt(off) >= factors.error * 0.98 - 1e-2);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_clusters),
		cmocka_unit_test(test_all_sizes),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
