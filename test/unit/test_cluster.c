/*
 * test_cluster.c
 *	  Clusters, mutual information, silhouettes and spread, against scikit-learn 1.2.1 and numpy.
 *
 * The numbers are those of sklearn.metrics' normalized_mutual_info_score, adjusted_mutual_info_score and
 * silhouette_samples, of KMeans with 20 starts, and of numpy.linalg.eigvalsh(numpy.cov(x.T)).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataset.h"
#include "learn/measure/cluster.h"
#include "unit_env.h"

static void
close_to(const char *what, double got, double want, double margin)
{
	if (!(fabs(got - want) <= margin))
		fail_msg("%s: %.15g, not %.15g", what, got, want);
}

static void
test_information(void **state)
{
	static const struct
	{
		int			n;
		int			ka;
		int			kb;
		double		normalized;
		double		adjusted;
	}			cases[] = {
		{60, 3, 4, 0.02171986466731695, -0.0226406837753406},
		{500, 10, 7, 0.048115506319396054, 0.0231718369796664},
		{40, 20, 20, 0.7064005775410439, 0.13104055599933984},
	};
	UnitEnv		u;
	int32_t		a[500];
	int32_t		b[500];
	double		normalized;
	double		adjusted;

	unit_env_init(&u);
	for (int c = 0; c < 3; c++)
	{
		for (int i = 0; i < cases[c].n; i++)
		{
			a[i] = (i * i + 3 * i) / 7 % cases[c].ka;
			b[i] = (i * i + 5 * i + i % 3) / 11 % cases[c].kb;
		}
		assert_int_equal(cluster_information(&u.env, a, cases[c].ka, b, cases[c].kb, cases[c].n, &normalized, &adjusted), LEARN_OK);
		close_to("nmi", normalized, cases[c].normalized, 1e-12);
		close_to("ami", adjusted, cases[c].adjusted, 1e-11);
		assert_int_equal(cluster_information(&u.env, a, cases[c].ka, a, cases[c].ka, cases[c].n, &normalized, &adjusted), LEARN_OK);
		close_to("nmi of equal ones", normalized, 1, 1e-12);
		close_to("ami of equal ones", adjusted, 1, 1e-12);
	}
	memset(a, 0, sizeof(a));
	assert_int_equal(cluster_information(&u.env, a, 1, a, 1, 10, &normalized, &adjusted), LEARN_OK);
	assert_true(normalized == 1 && adjusted == 1);
	assert_int_equal(cluster_information(&u.env, a, 2, b, 20, 40, &normalized, &adjusted), LEARN_OK);
	close_to("nmi of one part", normalized, 0, 1e-12);
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
}

static double
inertia_of(const Dataset *data, const int32_t *cluster, int k)
{
	int			d = data->rows.d;
	double		total = 0;

	for (int c = 0; c < k; c++)
		for (int j = 0; j < d; j++)
		{
			double		sum = 0;
			double		squares = 0;
			int			n = 0;

			for (int64_t i = 0; i < data->rows.n; i++)
				if (cluster[i] == c)
				{
					sum += data->x[i * d + j];
					squares += (double) data->x[i * d + j] * data->x[i * d + j];
					n++;
				}
			if (n > 0)
				total += squares - sum * sum / n;
		}
	return total;
}

static void
test_real_data(void **state)
{
	static const struct
	{
		const char *name;
		int			k;
		double		inertia;
		double		silhouette;
		double		effective_rank;
		double		norm_spread;
	}			cases[] = {
		{"iris", 3, 78.8514396442595, 0.5034774462988036, 1.3843930053889393, 0.18268455647516016},
		{"digits", 10, 1165175.1424848167, 0.1629432052257522, 20.55325136276087, 0.0755755680658785},
	};

	for (int c = 0; c < 2; c++)
	{
		UnitEnv		u;
		Dataset    *data;
		int32_t    *cluster;
		int32_t    *again;
		double	   *silhouette;
		double		mean = 0;
		double		rank;
		double		spread;
		int64_t		n;

		unit_env_init(&u);
		data = dataset_load(&u.env, cases[c].name, 1);
		n = data->rows.n;
		cluster = arena_alloc(&u.arena, n, sizeof(int32_t));
		again = arena_alloc(&u.arena, n, sizeof(int32_t));
		silhouette = arena_alloc(&u.arena, n, sizeof(double));
		assert_int_equal(cluster_kmeans(&u.env, data->x, n, data->rows.d, cases[c].k, 0, cluster), LEARN_OK);
		assert_true(inertia_of(data, cluster, cases[c].k) < 1.005 * cases[c].inertia);
		assert_int_equal(cluster_kmeans(&u.env, data->x, n, data->rows.d, cases[c].k, 0, again), LEARN_OK);
		assert_memory_equal(cluster, again, n * sizeof(int32_t));
		assert_int_equal(cluster_silhouette(&u.env, data->x, data->rows.label, n, data->rows.d, cases[c].k, silhouette), LEARN_OK);
		for (int64_t i = 0; i < n; i++)
			mean += silhouette[i] / n;
		close_to("silhouette", mean, cases[c].silhouette, 1e-6);
		assert_int_equal(cluster_spread(&u.env, data->x, n, data->rows.d, &rank, &spread), LEARN_OK);
		close_to("effective rank", rank, cases[c].effective_rank, 1e-6);
		close_to("norm spread", spread, cases[c].norm_spread, 1e-9);
		unit_env_done(&u);
	}
}

/* As many clusters as rows, all rows alike, one class, one row a class. */
static void
test_degenerate(void **state)
{
	static const float x[] = {1, 1, 2, 5, 9, 9, 9, 9};
	static const float same[8] = {3, 3, 3, 3, 3, 3, 3, 3};
	static const int32_t label[] = {0, 1, 2, 3};
	static const int32_t one[] = {0, 0, 0, 0};
	UnitEnv		u;
	int32_t		cluster[4];
	double		silhouette[4];
	double		rank;
	double		spread;

	unit_env_init(&u);
	assert_int_equal(cluster_kmeans(&u.env, x, 4, 2, 4, 3, cluster), LEARN_OK);
	assert_true(cluster[0] != cluster[1] && cluster[1] != cluster[2] && cluster[2] == cluster[3]);
	assert_int_equal(cluster_kmeans(&u.env, same, 4, 2, 3, 3, cluster), LEARN_OK);
	assert_true(cluster[0] == cluster[1] && cluster[2] == cluster[3]);
	assert_int_equal(cluster_kmeans(&u.env, x, 1, 2, 1, 3, cluster), LEARN_OK);
	assert_int_equal(cluster_silhouette(&u.env, x, label, 4, 2, 4, silhouette), LEARN_OK);
	for (int i = 0; i < 4; i++)
		assert_true(silhouette[i] == 0);
	assert_int_equal(cluster_silhouette(&u.env, x, one, 4, 2, 1, silhouette), LEARN_OK);
	assert_true(isnan(silhouette[0]));
	assert_int_equal(cluster_spread(&u.env, same, 4, 2, &rank, &spread), LEARN_OK);
	assert_true(rank == 0);
	close_to("spread", spread, 0, 1e-7);
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_information),
		cmocka_unit_test(test_real_data),
		cmocka_unit_test(test_degenerate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
