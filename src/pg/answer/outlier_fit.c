/*
 * outlier_fit.c
 *	  The neighbours of all rows, by matrix products or by an index, and scores from them.
 *
 * Rows that an index finds are known by their content: equal rows have equal neighbours and
 * densities, so any of them stands for the others.
 */
#include "compat.h"

#include "answer/outlier_fit.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "answer/answer_rows.h"
#include "dml.h"
#include "learn/cluster/nearest.h"

#define DEFAULT_K	20

OutlierMethod
outlier_method(const char *name)
{
	if (name == NULL || strcmp(name, "lof") == 0)
		return OUTLIER_LOF;
	if (strcmp(name, "distance") == 0)
		return OUTLIER_DISTANCE;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown method \"%s\"", name),
			 errhint("Valid methods are lof and distance.")));
}

int
outlier_k(const int32 *k)
{
	if (k == NULL)
		return DEFAULT_K;
	if (*k < 1 || *k > OUTLIER_MOST_K)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d", OUTLIER_MOST_K, *k)));
	return *k;
}

bool
outlier_same_row(const float4 *a, const float4 *b, int d)
{
	for (int i = 0; i < d; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* The first row with these elements; -1: there is none. */
static int64
find_row(const float4 *x, int64 n, int d, const float4 *row)
{
	uint64		hash = clusters_hash(row, d);
	int64		begin = 0;
	int64		end = n;

	while (begin < end)
	{
		int64		middle = begin + (end - begin) / 2;

		if (clusters_hash(x + middle * d, d) < hash)
			begin = middle + 1;
		else
			end = middle;
	}
	for (; begin < n && clusters_hash(x + begin * d, d) == hash; begin++)
		if (outlier_same_row(x + begin * d, row, d))
			return begin;
	return -1;
}

/*
 * The neighbours of row i by the index.  Returns false if it finds fewer than k among the rows: the
 * source has changed, or the search was not exact.
 */
static bool
search_row(const OutlierFit *fit, const float4 *x, int d, int64 i, IndexSearch *index, DmlVector *query,
		   const DmlVector **vector, double *distance)
{
	int32	   *row = (int32 *) fit->rows.row + i * fit->rows.k;
	double	   *out = (double *) fit->rows.distance + i * fit->rows.k;
	int			found;
	int			n = 0;

	memcpy(query->x, x + i * d, sizeof(float4) * d);
	found = index_search_nearest(index, query, vector, distance);

	/* one of the rows at distance 0 is the row itself */
	for (int j = found > 0 && distance[0] == 0 ? 1 : 0; j < found && n < fit->rows.k; j++)
	{
		int64		number = vector[j]->dim == d && vector[j]->space == query->space ? find_row(x, fit->rows.n, d, vector[j]->x) : -1;

		if (number < 0)
			continue;
		row[n] = (int32) number;
		out[n++] = distance[j];
	}
	return n == fit->rows.k;
}

static void
search_all(const OutlierFit *fit, LearnEnv *env, const float4 *x, int d, IndexSearch *index, uint64 space)
{
	int			k = fit->rows.k;
	DmlVector  *query = dml_vector_new(d, space);
	const DmlVector **vector = palloc(sizeof(DmlVector *) * (k + 1));
	double	   *distance = palloc(sizeof(double) * (k + 1));
	int32	   *row = palloc(sizeof(int32) * (k + 1));

	for (int64 i = 0; i < fit->rows.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!search_row(fit, x, d, i, index, query, vector, distance))
		{
			NearestTask task = {.query = x + i * d,.nq = 1,.gallery = x,.n = fit->rows.n,.d = d,.k = k + 1};
			int			n = 0;

			dml_learn_check(env, nearest_rows(env, &task, row, distance));
			for (int j = 0; j <= k && n < k; j++)
			{
				if (row[j] == i)
					continue;
				((int32 *) fit->rows.row)[i * k + n] = row[j];
				((double *) fit->rows.distance)[i * k + n++] = distance[j];
			}
		}
	}
}

void
outlier_fit(OutlierFit *fit, OutlierMethod method, const float4 *x, int64 n, int d, int k,
			IndexSearch *index, uint64 space, size_t other)
{
	LearnEnv   *env = dml_learn_env(0);
	NearestTask task = {.query = x,.nq = n,.gallery = x,.n = n,.d = d,.k = k,.self = true};
	size_t		lists;
	int32	   *row;
	double	   *distance;

	env->threads = dml_thread_count();
	*fit = (OutlierFit) {.method = method,.rows = {.n = n,.k = nearest_count(&task)}};
	lists = n * fit->rows.k * (sizeof(int32) + sizeof(double)) + n * sizeof(double);
	answer_check_memory(lists + other, psprintf("scoring %lld rows with %d neighbours", (long long) n, fit->rows.k));
	if (fit->rows.k == 0)
		return;
	fit->rows.row = row = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n * fit->rows.k);
	fit->rows.distance = distance = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n * fit->rows.k);
	fit->rows.density = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n);
	fit->scratch = palloc(sizeof(double) * 2 * fit->rows.k);
	if (index)
		search_all(fit, env, x, d, index, space);
	else
		dml_learn_check(env, nearest_rows(env, &task, row, distance));
	dml_learn_check(env, outliers_density(env, &fit->rows));
	MemoryContextDelete(GetMemoryChunkContext(env));
}

double
outlier_fit_score(const OutlierFit *fit, const int32 *row, const double *distance)
{
	if (fit->method == OUTLIER_DISTANCE)
		return distance[fit->rows.k - 1];
	return outliers_factor(&fit->rows, row, distance, fit->scratch);
}

double
outlier_fit_own(const OutlierFit *fit, int64 i)
{
	if (fit->rows.k == 0)
		return NAN;
	return outlier_fit_score(fit, fit->rows.row + i * fit->rows.k, fit->rows.distance + i * fit->rows.k);
}
