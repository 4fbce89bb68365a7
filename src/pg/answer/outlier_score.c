/*
 * outlier_score.c
 *	  dml_outlier_score: the score of one vector among the rows of a table.
 *
 * A local outlier factor needs the neighbours of the vector, the neighbours of these, and the
 * distance of the k-th neighbour of the latter.  With an index each is a search.  Without one the
 * table is read once, and each of the three steps is one pass over it.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "answer/answer_rows.h"
#include "answer/outlier_fit.h"
#include "call/arguments.h"
#include "dml.h"
#include "learn/cluster/nearest.h"

#define HINT	"SELECT dml_outlier_score('table', 'embedding column', query);"

PG_FUNCTION_INFO_V1(dml_outlier_score);

/* Rows by number: all of the source, or those that the index found so far. */
typedef struct Lookup
{
	int			d;
	uint64		space;
	int			k;
	IndexSearch *index;			/* NULL: x has all rows */
	const float4 *x;			/* n x d */
	int64		n;
	int64		room;			/* of x, by index */
	HTAB	   *numbers;		/* by index: from the hash of a row to its number */
	LearnEnv   *env;
} Lookup;

typedef struct NumberEntry
{
	uint64		hash;			/* key */
	int32		number;
} NumberEntry;

/* The number of a row that the index found. */
static int32
number_of(Lookup *lookup, const float4 *x)
{
	uint64		hash = clusters_hash(x, lookup->d);
	bool		found;
	NumberEntry *entry = hash_search(lookup->numbers, &hash, HASH_ENTER, &found);

	if (found && outlier_same_row(lookup->x + (int64) entry->number * lookup->d, x, lookup->d))
		return entry->number;
	if (lookup->n == lookup->room)
	{
		lookup->room *= 2;
		lookup->x = repalloc_huge(unconstify(float4 *, lookup->x), sizeof(float4) * lookup->room * lookup->d);
	}
	memcpy(unconstify(float4 *, lookup->x) + lookup->n * lookup->d, x, sizeof(float4) * lookup->d);
	entry->number = (int32) lookup->n;
	return (int32) lookup->n++;
}

/* As nearest_rows(), by the index. */
static void
search(Lookup *lookup, const float4 *query, int64 nq, int k, int32 *row, double *distance)
{
	DmlVector  *vector = dml_vector_new(lookup->d, lookup->space);
	const DmlVector **found = palloc(sizeof(DmlVector *) * (lookup->k + 1));
	double	   *far = palloc(sizeof(double) * (lookup->k + 1));

	for (int64 i = 0; i < nq; i++)
	{
		int			n;

		CHECK_FOR_INTERRUPTS();
		memcpy(vector->x, query + i * lookup->d, sizeof(float4) * lookup->d);
		n = index_search_nearest(lookup->index, vector, found, far);
		if (n < k)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the source gave %d rows, and more before", n),
					 errhint("The embedding and the source must not be volatile.")));
		for (int j = 0; j < k; j++)
		{
			dml_vector_check_same(vector, found[j]);
			row[i * k + j] = number_of(lookup, found[j]->x);
			distance[i * k + j] = far[j];
		}
	}
}

/* The k nearest rows of each query. */
static void
find(Lookup *lookup, const float4 *query, int64 nq, int k, int32 *row, double *distance)
{
	NearestTask task = {.query = query,.nq = nq,.gallery = lookup->x,.n = lookup->n,.d = lookup->d,.k = k};

	if (lookup->index)
		search(lookup, query, nq, k, row, distance);
	else
		dml_learn_check(lookup->env, nearest_rows(lookup->env, &task, row, distance));
}

/* The k nearest rows of each of n rows among the others. */
static void
find_others(Lookup *lookup, const int32 *number, int64 n, int32 *row, double *distance)
{
	int			k = lookup->k;
	int			d = lookup->d;
	float4	   *query = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float4) * n * d);
	int32	   *all = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n * (k + 1));
	double	   *far = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n * (k + 1));

	for (int64 i = 0; i < n; i++)
		memcpy(query + i * d, lookup->x + (int64) number[i] * d, sizeof(float4) * d);
	find(lookup, query, n, k + 1, all, far);
	for (int64 i = 0; i < n; i++)
	{
		bool		skipped = false;
		int			m = 0;

		/* the row itself, or, if it is not found among equal rows, the last */
		for (int j = 0; j <= k && m < k; j++)
		{
			if (!skipped && all[i * (k + 1) + j] == number[i])
			{
				skipped = true;
				continue;
			}
			row[i * k + m] = all[i * (k + 1) + j];
			distance[i * k + m++] = far[i * (k + 1) + j];
		}
	}
	pfree(query);
	pfree(all);
	pfree(far);
}

/* The factor of a query whose k nearest rows are given. */
static double
factor(Lookup *lookup, const int32 *near, const double *distance)
{
	int			k = lookup->k;
	int64		n = (int64) k * k;
	int32	   *row = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n);
	double	   *far = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n);
	int32	   *distinct = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n);
	double	   *reach = palloc(sizeof(double) * k);
	double	   *density = palloc(sizeof(double) * k);
	double	   *kth;
	int32	   *third;
	double	   *third_far;
	int64		n_distinct = 0;

	find_others(lookup, near, k, row, far);

	/* the k-th distance of each of their neighbours, by its number; looked up once each */
	kth = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * lookup->n);
	for (int64 i = 0; i < lookup->n; i++)
		kth[i] = -1;
	for (int64 i = 0; i < n; i++)
	{
		if (kth[row[i]] < 0)
			distinct[n_distinct++] = row[i];
		kth[row[i]] = 0;
	}
	third = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n_distinct * k);
	third_far = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n_distinct * k);
	find_others(lookup, distinct, n_distinct, third, third_far);
	for (int64 i = 0; i < n_distinct; i++)
		kth[distinct[i]] = third_far[i * k + k - 1];

	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j < k; j++)
			reach[j] = kth[row[i * k + j]];
		density[i] = outliers_density_of(far + i * k, reach, k);
	}
	for (int i = 0; i < k; i++)
		reach[i] = far[i * k + k - 1];
	return outliers_factor_of(outliers_density_of(distance, reach, k), density, k);
}

/* The score of a query; false: there are too few rows. */
static bool
score(Lookup *lookup, OutlierMethod method, const DmlVector *query, double *result)
{
	int32	   *row = palloc(sizeof(int32) * (lookup->k + 1));
	double	   *distance = palloc(sizeof(double) * (lookup->k + 1));

	if (!lookup->index)
		lookup->k = (int) Min(lookup->k, method == OUTLIER_LOF ? lookup->n - 1 : lookup->n);
	if (lookup->k < 1)
		return false;
	find(lookup, query->x, 1, lookup->k, row, distance);
	*result = method == OUTLIER_DISTANCE ? distance[lookup->k - 1] : factor(lookup, row, distance);
	return true;
}

/* AnswerTake */
static void
take_row(void *state, Datum embedding, bool isnull, const char *text)
{
	if (!isnull)
		answer_rows_add(state, DatumGetDmlVectorP(embedding));
}

/* By reading all rows. */
static bool
score_by_reading(AnswerSource *source, OutlierMethod method, Lookup *lookup, const DmlVector *query, double *result)
{
	AnswerRows *gathered = answer_rows_begin(CLUSTER_L2, false);
	const ClusterRows *rows;
	const int32 *origin;
	bool		found;

	answer_source_read(source, true, false, take_row, gathered);
	rows = answer_rows_finish(gathered, lookup->env, &origin);
	lookup->x = rows->x;
	lookup->n = rows->n;
	if (rows->n > 0)
	{
		DmlVector  *like = dml_vector_new(rows->d, lookup->space);

		dml_vector_check_same(like, query);
	}
	found = score(lookup, method, query, result);
	answer_rows_end(gathered);
	return found;
}

/* dml_outlier_score(source, embedding, query, k, method) */
Datum
dml_outlier_score(PG_FUNCTION_ARGS)
{
	char	   *source_text = text_argument(fcinfo, 0);
	char	   *embedding = text_argument(fcinfo, 1);
	int32		k = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	OutlierMethod method = outlier_method(text_argument(fcinfo, 4));
	Lookup		lookup = {.k = outlier_k(PG_ARGISNULL(3) ? NULL : &k)};
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 2);
	AnswerSource source;
	IndexSearch *index;
	DmlVector  *any;
	const DmlVector *query = NULL;
	bool		indexed = false;
	bool		scored = false;
	double		result = 0;

	need_argument(source_text, "source", HINT);
	need_argument(embedding, "embedding", HINT);
	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	source = answer_source(source_text, embedding, "embedding", NULL, NULL);
	index = index_search_begin(&source, lookup.k + 1);
	any = index_search_any(index);
	if (any)
		query = answer_query_vector(PG_GETARG_DATUM(2), type, any->space, any->dim);
	if (query)
	{
		lookup.d = any->dim;
		lookup.space = any->space;
		lookup.env = dml_learn_env(0);
		lookup.env->threads = dml_thread_count();
	}
	if (query && index_search_indexed(index))
	{
		const DmlVector **found = palloc(sizeof(DmlVector *) * (lookup.k + 1));
		double	   *distance = palloc(sizeof(double) * (lookup.k + 1));

		/* with fewer rows, k would have to be smaller */
		indexed = index_search_nearest(index, query, found, distance) == lookup.k + 1;
	}
	if (indexed)
	{
		HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(NumberEntry),.hcxt = CurrentMemoryContext};

		lookup.index = index;
		lookup.room = 64;
		lookup.x = palloc(sizeof(float4) * lookup.room * lookup.d);
		lookup.numbers = hash_create("dml rows", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		scored = score(&lookup, method, query, &result);
	}
	index_search_end(index);
	if (query && !indexed)
		scored = score_by_reading(&source, method, &lookup, query, &result);
	if (!scored)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}
