/*
 * outlier_scores.c
 *	  dml_outlier_scores: the scores of all rows of a table, among themselves or among normal rows.
 *
 * Among normal rows a score has a p-value, by split conformal prediction (Laxhammar and Falkman
 * 2011; Bates, Candes, Lei, Romano and Sesia 2023).  Neighbours are looked for among half of the
 * normal rows, drawn at random.  The other half are scored as new rows are: they, too, have no
 * part in the score.  So the score of a new normal row is exchangeable with theirs.
 * Scores of rows among the others of their own set would not be: such a row has one row fewer to
 * look among, and is a neighbour of its neighbours.
 */
#include "compat.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "answer/gallery.h"
#include "answer/outlier_fit.h"
#include "base/rng.h"
#include "call/arguments.h"
#include "call/float_store.h"
#include "call/result_store.h"
#include "dml.h"
#include "learn/cluster/nearest.h"

#define COLUMNS			4
#define SPLIT_STREAM	0x6f75746c	/* of random numbers: "outl" */

/* Numbers of a row with which the products of one query take as long as a search by an index. */
#define INDEX_PAYS		1e7

#define HINT			"SELECT * FROM dml_outlier_scores('table', 'embedding column', key => 'id column');"

PG_FUNCTION_INFO_V1(dml_outlier_scores);

typedef struct Arguments
{
	char	   *source;
	char	   *embedding;
	char	   *key;
	int			k;
	OutlierMethod method;
	char	   *normal;
	double		rate;			/* NaN: not given */
	uint64		seed;
} Arguments;

typedef struct Scoring
{
	OutlierFit	fit;
	double	   *calibration;	/* scores in rising order; NULL: there are none */
	int64		n_calibration;
	double		rate;
	Tuplestorestate *store;
	TupleDesc	desc;
} Scoring;

static void
read_arguments(FunctionCallInfo fcinfo, Arguments *arguments)
{
	int32		k = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	char	   *method = text_argument(fcinfo, 4);

	arguments->source = text_argument(fcinfo, 0);
	arguments->embedding = text_argument(fcinfo, 1);
	arguments->key = text_argument(fcinfo, 2);
	arguments->k = outlier_k(PG_ARGISNULL(3) ? NULL : &k);
	arguments->method = outlier_method(method);
	arguments->normal = text_argument(fcinfo, 5);
	arguments->rate = PG_ARGISNULL(6) ? NAN : PG_GETARG_FLOAT8(6);
	arguments->seed = PG_ARGISNULL(7) ? 0 : (uint64) PG_GETARG_INT64(7);
	need_argument(arguments->source, "source", HINT);
	need_argument(arguments->embedding, "embedding", HINT);
	if (!PG_ARGISNULL(6) && !(arguments->rate > 0 && arguments->rate < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("false_alarm_rate must be between 0 and 1, not %g", arguments->rate)));
	if (!isnan(arguments->rate) && arguments->normal == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("false_alarm_rate needs normal rows"),
				 errhint("Give a table or a query of them: normal => 'SELECT ... FROM ...'.")));
	if (arguments->key == NULL)
		arguments->key = answer_source_key(arguments->source, "key", HINT);
}

/* A row of the result; score NaN: there is none. */
static void
put_score(const Scoring *scoring, const char *key, double score)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS];

	memset(nulls, true, sizeof(nulls));
	if (key)
		values[0] = CStringGetTextDatum(key);
	nulls[0] = key == NULL;
	if (!isnan(score))
	{
		values[1] = Float8GetDatum(score);
		nulls[1] = false;
	}
	if (!isnan(score) && scoring->calibration)
	{
		double		p = outliers_p_value(score, scoring->calibration, scoring->n_calibration);

		values[2] = Float8GetDatum(p);
		nulls[2] = false;
		values[3] = BoolGetDatum(p <= scoring->rate);
		nulls[3] = isnan(scoring->rate);
	}
	tuplestore_putvalues(scoring->store, scoring->desc, values, nulls);
}

/* ---------- among themselves ---------- */

static void
score_own(Scoring *scoring, const Arguments *arguments, AnswerSource *source)
{
	Gallery		gallery;
	IndexSearch *index = NULL;
	double	   *score;
	int64		added;
	MemoryContext row_context;

	gallery_read(&gallery, source, false);
	added = answer_rows_added(gallery.gathered);
	if (gallery.rows->n > 1 && (!enable_seqscan || (double) gallery.rows->n * gallery.rows->d > INDEX_PAYS))
		index = index_search_begin(source, Min(arguments->k, gallery.rows->n - 1) + 1);
	outlier_fit(&scoring->fit, arguments->method, gallery.rows->x, gallery.rows->n, gallery.rows->d, arguments->k,
				index && index_search_indexed(index) ? index : NULL, gallery.space, sizeof(double) * added);
	if (index)
		index_search_end(index);

	score = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(added, 1));
	for (int64 i = 0; i < added; i++)
		score[i] = NAN;
	for (int64 i = 0; i < gallery.rows->n; i++)
		score[gallery.origin[i]] = outlier_fit_own(&scoring->fit, i);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "dml score", ALLOCSET_DEFAULT_SIZES);
	for (int64 i = 0; i < added; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		put_score(scoring, gallery.text[i] < 0 ? NULL : text_set_get(gallery.texts, gallery.text[i]), score[i]);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	answer_rows_end(gallery.gathered);
}

/* ---------- among normal rows ---------- */

/* AnswerTake */
static void
take_normal(void *state, Datum embedding, bool isnull, const char *text)
{
	if (!isnull)
		answer_rows_add(state, DatumGetDmlVectorP(embedding));
}

/* Rows order[0 .. n) as a matrix of its own. */
static FloatStore *
copy_rows(const ClusterRows *rows, const int64 *order, int64 n)
{
	size_t		bytes = sizeof(float4) * n * rows->d;
	FloatStore *store = float_store_new(Max(bytes, 1), bytes > (Size) work_mem * 1024);

	for (int64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		float_store_append(store, rows->x + order[i] * rows->d, rows->d);
	}
	return store;
}

/* The calibration scores: those of n rows among the rows of the fit, in rising order. */
static void
calibrate(Scoring *scoring, const float4 *among, const float4 *x, int64 n, int d)
{
	int			k = scoring->fit.rows.k;
	NearestTask task = {.query = x,.nq = n,.gallery = among,.n = scoring->fit.rows.n,.d = d,.k = k};
	int32	   *row = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n * k);
	double	   *distance = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * n * k);
	LearnEnv   *env = dml_learn_env(0);

	env->threads = dml_thread_count();
	dml_learn_check(env, nearest_rows(env, &task, row, distance));
	scoring->n_calibration = n;
	scoring->calibration = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(n, 1));
	for (int64 i = 0; i < n; i++)
		scoring->calibration[i] = outlier_fit_score(&scoring->fit, row + i * k, distance + i * k);
	learn_sort_rising(scoring->calibration, n);
	MemoryContextDelete(GetMemoryChunkContext(env));
	pfree(row);
	pfree(distance);
}

/* An error if even the most unusual row could not raise an alarm. */
static void
check_rate(int64 n, double rate)
{
	double		needed = ceil(1 / rate * (1 - 1e-12)) - 1;
	int64		calibrating = n - n / 2;

	if (isnan(rate) || calibrating >= needed)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%lld normal rows cannot show a false alarm rate of %g", (long long) n, rate),
			 errdetail("Half of them, %lld, have p-values of at least %g.", (long long) calibrating, 1.0 / (calibrating + 1)),
			 errhint("At least %.0f normal rows are needed, and ten times as many for a rate that is worth something.", Max(2 * needed - 1, 3))));
}

/* QuestionTake */
static void
take_scored(void *state, const char *key, const int32 *row, const double *distance, int n)
{
	const Scoring *scoring = state;

	put_score(scoring, key, n == 0 ? NAN : outlier_fit_score(&scoring->fit, row, distance));
}

static void
score_new(Scoring *scoring, const Arguments *arguments, AnswerSource *source)
{
	AnswerSource normal = answer_source(arguments->normal, arguments->embedding, "embedding", NULL, NULL);
	AnswerRows *gathered = answer_rows_begin(CLUSTER_L2, false);
	const ClusterRows *rows;
	ClusterRows fitted;
	const int32 *origin;
	int64	   *order;
	int64		half;
	uint64		space = 0;
	Rng			rng;
	LearnEnv   *env = dml_learn_env(0);
	FloatStore *among;
	FloatStore *calibrating;

	answer_source_read(&normal, true, false, take_normal, gathered);
	rows = answer_rows_finish(gathered, env, &origin);
	(void) answer_rows_space(gathered, &space);
	half = rows->n / 2;
	if (half < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("normal has too few rows: %lld with an embedding", (long long) rows->n),
				 errhint("At least 4 are needed, and several hundred for a false alarm rate of 1 %%.")));
	check_rate(rows->n, arguments->rate);

	/* a random half: rows are in the order of their content, so the seed alone decides */
	order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * rows->n);
	for (int64 i = 0; i < rows->n; i++)
		order[i] = i;
	rng_seed(&rng, arguments->seed, SPLIT_STREAM);
	rng_shuffle(&rng, order, rows->n);
	among = copy_rows(rows, order, half);
	calibrating = copy_rows(rows, order + half, rows->n - half);
	fitted = (ClusterRows) {float_store_map(among), half, rows->d, CLUSTER_L2};
	outlier_fit(&scoring->fit, arguments->method, fitted.x, half, fitted.d, arguments->k, NULL, space,
				rows->n * (sizeof(int64) + sizeof(double) + Min(arguments->k, half) * (sizeof(int32) + sizeof(double))));
	calibrate(scoring, fitted.x, float_store_map(calibrating), rows->n - half, fitted.d);
	float_store_free(calibrating);
	answer_rows_end(gathered);
	pfree(order);
	questions_answer(source, &fitted, space, NULL, scoring->fit.rows.k, take_scored, scoring);
	float_store_free(among);
}

/* dml_outlier_scores(source, embedding, key, k, method, normal, false_alarm_rate, seed) */
Datum
dml_outlier_scores(PG_FUNCTION_ARGS)
{
	Arguments	arguments;
	AnswerSource source;
	Scoring		scoring = {0};

	read_arguments(fcinfo, &arguments);
	source = answer_source(arguments.source, arguments.embedding, "embedding", arguments.key, "key");
	scoring.rate = arguments.rate;
	scoring.store = result_store(fcinfo, &scoring.desc);
	if (arguments.normal)
		score_new(&scoring, &arguments, &source);
	else
		score_own(&scoring, &arguments, &source);
	return (Datum) 0;
}
