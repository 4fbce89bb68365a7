/*
 * test_given_loss_double.c
 *	  The loss of quadruplets against its definition, and its gradient against finite
 *	  differences.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "learn/loss/loss_quadruplet.h"
#include "base/rng.h"

#define MAX_N	7
#define MAX_D	5

static double
distance(const real *a, const real *b, int dims)
{
	double		sum = 0;

	for (int k = 0; k < dims; k++)
		sum += (a[k] - b[k]) * (a[k] - b[k]);
	return sqrt(sum);
}

/* Mean of [d(a, b) - d(c, d) + margin]+ over those above 0. */
static double
naive(double margin, const real *z, int n, int dims)
{
	double		sum = 0;
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		const real *a = z + i * dims;
		double		cost = distance(a, a + n * dims, dims) - distance(a + 2 * n * dims, a + 3 * n * dims, dims) + margin;

		if (cost > 0)
		{
			sum += cost;
			count++;
		}
	}
	return count > 0 ? sum / count : 0;
}

static void
test_gradient(void **state)
{
	for (int seed = 0; seed < 40; seed++)
	{
		int			n = 1 + seed % MAX_N;
		int			dims = 1 + seed % MAX_D;
		real		z[4 * MAX_N * MAX_D];
		real		dz[4 * MAX_N * MAX_D];
		real		scratch[4 * MAX_N * MAX_D];
		double		margin = 0.3 * (seed % 3);
		Rng			rng;

		rng_seed(&rng, (uint64_t) seed, 0);
		for (int i = 0; i < 4 * n * dims; i++)
			z[i] = rng_normal(&rng);
		assert_true(fabs(quadruplet_loss(margin, z, n, dims, dz) - naive(margin, z, n, dims)) < 1e-12);
		for (int i = 0; i < 4 * n * dims; i++)
		{
			real		kept = z[i];
			double		up;
			double		down;

			z[i] = kept + 1e-6;
			up = quadruplet_loss(margin, z, n, dims, scratch);
			z[i] = kept - 1e-6;
			down = quadruplet_loss(margin, z, n, dims, scratch);
			z[i] = kept;
			assert_true(fabs((up - down) / 2e-6 - dz[i]) < 1e-6 * (1 + fabs(dz[i])));
		}
	}
}

/* All at one place, all satisfied, not a number. */
static void
test_edges(void **state)
{
	real		z[8] = {0, 0, 0, 0, 0, 0, 0, 0};
	real		dz[8];

	assert_true(fabs(quadruplet_loss(0.5, z, 2, 1, dz) - 0.5) < 1e-12);
	for (int i = 0; i < 8; i++)
		assert_true(dz[i] == 0);
	z[4] = z[5] = 9;
	assert_true(quadruplet_loss(0.5, z, 2, 1, dz) == 0);
	for (int i = 0; i < 8; i++)
		assert_true(dz[i] == 0);
	z[0] = NAN;
	assert_true(isnan(quadruplet_loss(0.5, z, 2, 1, dz)));
}

static void
test_relations(void **state)
{
	int32_t		same[2] = {1, 0};
	int8_t		pairs[16];
	int8_t		triplets[36];
	static const int8_t wanted_pairs[16] = {0, 0, 1, 0, 0, 0, 0, -1, 1, 0, 0, 0, 0, -1, 0, 0};

	relate_pairs(same, 2, pairs);
	assert_memory_equal(pairs, wanted_pairs, 16);
	relate_triplets(2, triplets);
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++)
			assert_int_equal(triplets[i * 6 + j], i < 2 && j == 2 + i ? 1 : i < 2 && j == 4 + i ? -1 : 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradient),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_relations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
