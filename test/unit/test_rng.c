/*
 * test_rng.c
 *	  Random numbers: the published generators' values, ranges, moments, streams.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

/* The generator's own test vector: state 1, 2, 3, 4. */
static void
test_known_values(void **state)
{
	static const uint64_t expected[] = {
		UINT64_C(41943041), UINT64_C(58720359), UINT64_C(3588806011781223), UINT64_C(3591011842654386),
		UINT64_C(9228616714210784205), UINT64_C(9973669472204895162), UINT64_C(14011001112246962877),
		UINT64_C(12406186145184390807), UINT64_C(15849039046786891736), UINT64_C(10450023813501588000)
	};
	Rng			rng = {{1, 2, 3, 4}};

	for (int i = 0; i < 10; i++)
		assert_true(rng_next(&rng) == expected[i]);

	/* splitmix64 from 1234567 */
	assert_true(rng_mix(UINT64_C(1234567) + UINT64_C(0x9e3779b97f4a7c15)) == UINT64_C(6457827717110365317));
}

static void
test_streams(void **state)
{
	Rng			a,
				b,
				copy;
	int			equal = 0;

	rng_seed(&a, 1, 0);
	copy = a;
	rng_seed(&b, 0, 1);
	for (int i = 0; i < 1000; i++)
	{
		uint64_t	x = rng_next(&a);

		assert_true(x == rng_next(&copy));
		equal += x == rng_next(&b);
	}
	assert_int_equal(equal, 0);

	/* no seed gives the state of zeros, from which the generator never comes back */
	rng_seed(&a, 0, 0);
	assert_true(rng_next(&a) != rng_next(&a));
}

static void
test_below(void **state)
{
	static const uint64_t bounds[] = {1, 2, 3, 10, 1000, UINT64_C(1) << 33, UINT64_MAX};
	int			count[7] = {0};
	Rng			rng;

	rng_seed(&rng, 7, 7);
	for (int b = 0; b < 7; b++)
		for (int i = 0; i < 1000; i++)
			assert_true(rng_below(&rng, bounds[b]) < bounds[b]);
	for (int i = 0; i < 70000; i++)
		count[rng_below(&rng, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_true(abs(count[i] - 10000) < 500);
}

static void
test_moments(void **state)
{
	Rng			rng;
	int			n = 200000;
	double		u1 = 0,
				u2 = 0,
				z1 = 0,
				z2 = 0,
				z4 = 0;

	rng_seed(&rng, 3, 9);
	for (int i = 0; i < n; i++)
	{
		double		u = rng_uniform(&rng);
		double		z = rng_normal(&rng);

		assert_true(u >= 0 && u < 1);
		assert_true(isfinite(z));
		u1 += u;
		u2 += u * u;
		z1 += z;
		z2 += z * z;
		z4 += z * z * z * z;
	}
	assert_true(fabs(u1 / n - 0.5) < 0.005);
	assert_true(fabs(u2 / n - 1.0 / 3) < 0.005);
	assert_true(fabs(z1 / n) < 0.01);
	assert_true(fabs(z2 / n - 1) < 0.02);
	assert_true(fabs(z4 / n - 3) < 0.15);
}

static void
test_shuffle(void **state)
{
	int64_t		index[100];
	int			first[10] = {0};
	Rng			rng;

	rng_seed(&rng, 5, 5);
	for (int rep = 0; rep < 5000; rep++)
	{
		bool		seen[100] = {false};

		for (int i = 0; i < 100; i++)
			index[i] = i;
		rng_shuffle(&rng, index, 100);
		for (int i = 0; i < 100; i++)
		{
			assert_true(index[i] >= 0 && index[i] < 100 && !seen[index[i]]);
			seen[index[i]] = true;
		}
		first[index[0] / 10]++;
	}
	for (int i = 0; i < 10; i++)
		assert_true(abs(first[i] - 500) < 120);
	index[0] = 42;
	rng_shuffle(&rng, index, 1);
	rng_shuffle(&rng, index, 0);
	assert_int_equal(index[0], 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_shuffle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
