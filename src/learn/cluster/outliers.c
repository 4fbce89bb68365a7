/*
 * outliers.c
 *	  Local outlier factors and conformal p-values.
 */
#include "learn/cluster/outliers.h"

#include <math.h>

#define POLL_ROWS	4096

double
outliers_density_of(const double *distance, const double *reach, int k)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
		sum += fmax(distance[i], reach[i]);
	return k / sum;
}

double
outliers_factor_of(double density, const double *others, int k)
{
	double		sum = 0;

	if (isinf(density))
		return 1;
	for (int i = 0; i < k; i++)
		sum += others[i] / density;
	return sum / k;
}

/* The distance of the k-th neighbour of each of these k rows. */
static void
reach_of(const OutlierRows *rows, const int32_t *row, double *reach)
{
	for (int i = 0; i < rows->k; i++)
		reach[i] = rows->distance[(int64_t) row[i] * rows->k + rows->k - 1];
}

LearnStatus
outliers_density(LearnEnv *env, const OutlierRows *rows)
{
	ArenaMark	mark = arena_mark(env->arena);
	double	   *reach;

	LEARN_ALLOC(env, reach, rows->k);
	for (int64_t i = 0; i < rows->n; i++)
	{
		if (i % POLL_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		reach_of(rows, rows->row + i * rows->k, reach);
		rows->density[i] = outliers_density_of(rows->distance + i * rows->k, reach, rows->k);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

double
outliers_factor(const OutlierRows *rows, const int32_t *row, const double *distance, double *scratch)
{
	double	   *others = scratch + rows->k;

	reach_of(rows, row, scratch);
	for (int i = 0; i < rows->k; i++)
		others[i] = rows->density[row[i]];
	return outliers_factor_of(outliers_density_of(distance, scratch, rows->k), others, rows->k);
}

double
outliers_p_value(double score, const double *calibration, int64_t n)
{
	int64_t		begin = 0;
	int64_t		end = n;

	/* the first that is at least as large */
	while (begin < end)
	{
		int64_t		middle = begin + (end - begin) / 2;

		if (calibration[middle] >= score)
			end = middle;
		else
			begin = middle + 1;
	}
	return (1 + (double) (n - begin)) / (n + 1.0);
}
