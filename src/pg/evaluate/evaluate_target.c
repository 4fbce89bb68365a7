/*
 * evaluate_target.c
 *	  dml_evaluate_target: how well the nearest rows predict a number, without learning,
 *	  whitened and learned.
 *
 * The steps are those of evaluate.c: check the arguments, read, measure each space, return the
 * rows.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "dml.h"
#include "evaluate/evaluate.h"
#include "call/float_store.h"
#include "evaluate/space.h"
#include "read/matrix.h"
#include "model/model.h"
#include "call/result_store.h"

#include "learn/measure/assess_target.h"
#include "learn/classical/linear.h"

/* Memory that src/learn takes beside its input, and for each row. */
#define LEARN_MEMORY	((size_t) 384 * 1024 * 1024)
#define ROW_MEMORY		((size_t) 96)

#define HINT			"SELECT * FROM dml_evaluate_target('model', 'table or query', target => 'column');"
#define RESULT_COLUMNS	13

PG_FUNCTION_INFO_V1(dml_evaluate_target);

/* Rows that ask, or that are found. */
typedef struct Side
{
	DmlExtra	target;
	Selection	rows;
	int64	   *place;			/* of each among all rows */
	double	   *number;
	uint64	   *hash;
} Side;

/* An evaluation in the making. */
typedef struct TargetEvaluation
{
	Evaluation	evaluation;		/* first: progress, the result's place */
	const DmlVersion *version;
	char	   *features;
	char	   *target;
	int64		max_queries;
	bool		whiten;
	TargetTask	task;
	bool		done[N_SPACES];
	int			dims[N_SPACES];
	TargetAssessment assessment[N_SPACES];
} TargetEvaluation;

/* TargetTask.progress */
static void
say_progress(void *ctx, int64_t done)
{
	evaluate_progress(ctx, done, ((TargetEvaluation *) ctx)->task.nq);
}

/* ---------- what is read ---------- */

static DmlMatrix *
read_side(const TargetEvaluation *e, const char *source, Side *side)
{
	DmlMatrix  *matrix;

	side->target = (DmlExtra) {.text = e->target,.what = "target"};
	matrix = dml_matrix_read(&(DmlMatrixSource) {.source = source,.features = e->features,.version = e->version,
	.extra = &side->target,.n_extra = 1,.limit = (size_t) maintenance_work_mem * 1024 / 4});
	space_check_dims(matrix, e->version, source);
	return matrix;
}

static int
by_number(const void *a, const void *b, void *numbers)
{
	double		x = ((const double *) numbers)[*(const int64 *) a];
	double		y = ((const double *) numbers)[*(const int64 *) b];

	return (x > y) - (x < y);
}

/*
 * The rows of a matrix in an order that follows from their content alone: rows with equal features
 * go by their number to predict.
 */
static int64 *
order_rows(const DmlMatrix *matrix, double *number)
{
	int64	   *order = huge_array(matrix->rows.n, sizeof(int64));
	int64		first = 0;

	for (int64 i = 0; i < matrix->rows.n; i++)
	{
		order[i] = i;
		if (i + 1 == matrix->rows.n || matrix->row_hash[i + 1] != matrix->row_hash[first])
		{
			qsort_arg(order + first, i + 1 - first, sizeof(int64), by_number, number);
			first = i + 1;
		}
	}
	return order;
}

/* Take at most max rows of a matrix, evenly spaced, with their numbers to predict and hashes. */
static void
take_rows(const DmlMatrix *matrix, int64 max, Side *side)
{
	int64	   *order = order_rows(matrix, side->target.number);

	side->rows = select_spread(matrix, max);
	side->place = huge_array(side->rows.n, sizeof(int64));
	side->number = huge_array(side->rows.n, sizeof(double));
	side->hash = huge_array(side->rows.n, sizeof(uint64));
	for (int64 i = 0; i < side->rows.n; i++)
	{
		int64		row;

		side->place[i] = side->rows.index[i];
		row = side->rows.index[i] = order[side->place[i]];
		side->number[i] = side->target.number[row];
		side->hash[i] = matrix->row_hash[row];
		if (!isfinite(side->number[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("target is not a finite number: %g", side->number[i]),
					 errhint("Leave such rows out in the source.")));
	}
	pfree(order);
}

/* ---------- the spaces ---------- */

static void
measure_space(TargetEvaluation *e, const Space *space, const Side *query, const Side *gallery, int which)
{
	LearnEnv   *env = e->evaluation.env;
	size_t		bytes = (size_t) (query->rows.n + gallery->rows.n) * space->out * sizeof(float4);
	FloatStore *asking = space_rows(env, space, &query->rows, bytes > e->evaluation.memory);
	FloatStore *found = space_rows(env, space, &gallery->rows, bytes > e->evaluation.memory);

	evaluate_progress_space(&e->evaluation, which, query->rows.n, gallery->rows.n);
	e->task.d = e->dims[which] = space->out;
	e->task.query = float_store_map(asking);
	e->task.gallery = float_store_map(found);
	dml_learn_check(env, assess_target(env, &e->task, &e->assessment[which]));
	e->done[which] = true;
	float_store_free(asking);
	float_store_free(found);
}

/* Fit whitening to the gallery and measure it, if it can be whitened. */
static void
measure_whitened(TargetEvaluation *e, const Side *query, const Side *gallery)
{
	Space		space;

	if (space_whitened(e->evaluation.env, &gallery->rows.matrix->rows, gallery->rows.index, gallery->rows.n,
					   e->version->in, &space))
		measure_space(e, &space, query, gallery, WHITENED);
}

static void
measure_spaces(TargetEvaluation *e, const Side *query, const Side *gallery)
{
	Space		space = {.name = "not learned",.in = e->version->in,.out = e->version->in};
	Model	   *model;

	dml_learn_check(e->evaluation.env, linear_none(e->evaluation.env, e->version->in, &model));
	space.model = model;
	measure_space(e, &space, query, gallery, NO_LEARNING);
	if (e->whiten)
		measure_whitened(e, query, gallery);
	space = space_learned(e->version);
	measure_space(e, &space, query, gallery, LEARNED);
}

/* ---------- the result ---------- */

/* Return one row: the figure of each space (NaN: none). With intervals, those of figure f. */
static void
put_row(const TargetEvaluation *e, const char *name, const double *figure, const MetricInterval *intervals, int f)
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS];
	double		number[RESULT_COLUMNS - 1];
	int			place = 0;

	for (int i = 0; i < RESULT_COLUMNS - 1; i++)
		number[i] = NAN;
	for (int s = 0; s < N_SPACES; s++)
	{
		if (!e->done[s])
			continue;
		number[s] = figure[s];
		if (intervals)
		{
			const MetricInterval *interval = &intervals[place++ * TARGET_FIGURES + f];

			number[6 + 2 * s] = interval->low;
			number[7 + 2 * s] = interval->high;
		}
	}
	if (intervals)
	{
		number[3] = figure[LEARNED] - figure[NO_LEARNING];
		number[4] = intervals[place * TARGET_FIGURES + f].low;
		number[5] = intervals[place * TARGET_FIGURES + f].high;
	}
	values[0] = CStringGetTextDatum(name);
	nulls[0] = false;
	for (int i = 1; i < RESULT_COLUMNS; i++)
	{
		nulls[i] = isnan(number[i - 1]);
		values[i] = Float8GetDatum(number[i - 1]);
	}
	tuplestore_putvalues(e->evaluation.store, e->evaluation.desc, values, nulls);
}

static void
put_count(const TargetEvaluation *e, const char *name, double count)
{
	put_row(e, name, (double[N_SPACES]) {count, count, count}, NULL, 0);
}

static void
put_all(TargetEvaluation *e)
{
	static const char *const names[TARGET_FIGURES] = {"r2", "rmse", "mae", "spearman"};
	const TargetAssessment *assessments[N_SPACES];
	MetricInterval intervals[(N_SPACES + 1) * TARGET_FIGURES];
	double		figure[N_SPACES];
	int			count = 0;

	for (int s = 0; s < N_SPACES; s++)
		if (e->done[s])
			assessments[count++] = &e->assessment[s];
	dml_learn_check(e->evaluation.env, target_intervals(e->evaluation.env, assessments, count, (uint64) e->evaluation.seed, intervals));
	if (assessments[0]->duplicates > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld query has a copy with the same number, which it was not allowed to find",
							   "%lld queries have a copy with the same number, which they were not allowed to find",
							   (unsigned long) assessments[0]->duplicates, (long long) assessments[0]->duplicates),
				 errhint("With keep_duplicates => true they find it.")));
	for (int s = 0; s < N_SPACES; s++)
		figure[s] = e->dims[s];
	put_row(e, "dims", figure, NULL, 0);
	put_count(e, "queries", (double) (e->task.nq - assessments[0]->lone));
	put_count(e, "gallery_rows", (double) e->task.ng);
	for (int f = 0; f < TARGET_FIGURES; f++)
	{
		for (int s = 0; s < N_SPACES; s++)
			figure[s] = e->done[s] ? target_figure(&e->assessment[s], f) : NAN;
		put_row(e, names[f], figure, intervals, f);
	}
}

/* ---------- all ---------- */

/*
 * dml_evaluate_target(model, source, features, target, gallery, k, seed, max_queries,
 * keep_duplicates, whiten): see evaluate.sql.
 */
Datum
dml_evaluate_target(PG_FUNCTION_ARGS)
{
	size_t		memory = (size_t) maintenance_work_mem * 1024;
	TargetEvaluation e = {0};
	TargetTask *task = &e.task;
	char	   *model = text_argument(fcinfo, 0);
	char	   *source = text_argument(fcinfo, 1);
	char	   *gallery_source = text_argument(fcinfo, 4);
	DmlMatrix  *matrices[2];
	Side		query = {0};
	Side		gallery = {0};
	int			k = PG_ARGISNULL(5) ? 5 : PG_GETARG_INT32(5);

	e.features = text_argument(fcinfo, 2);
	e.target = text_argument(fcinfo, 3);
	e.evaluation.seed = PG_ARGISNULL(6) ? 0 : PG_GETARG_INT64(6);
	e.max_queries = PG_ARGISNULL(7) ? PG_INT64_MAX : PG_GETARG_INT64(7);
	e.whiten = PG_ARGISNULL(9) || PG_GETARG_BOOL(9);
	need_argument(model, "model", HINT);
	need_argument(source, "source", HINT);
	need_argument(e.target, "target", HINT);
	if (k < 1 || k > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to 1000, not %d", k)));
	if (e.max_queries < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_queries must be at least 1, not %lld", (long long) e.max_queries)));
	e.evaluation.store = result_store(fcinfo, &e.evaluation.desc);
	e.version = dml_version_by_name(model);
	dml_version_pin(e.version, CurrentMemoryContext);
	evaluate_progress_start(model);

	matrices[0] = matrices[1] = read_side(&e, source, &query);
	gallery.target = query.target;
	if (gallery_source)
		matrices[1] = read_side(&e, gallery_source, &gallery);
	if (e.max_queries == PG_INT64_MAX)
		e.max_queries = evaluate_queries(matrices[0]->rows.n, matrices[1]->rows.n);
	take_rows(matrices[0], e.max_queries, &query);
	take_rows(matrices[1], PG_INT64_MAX, &gallery);

	e.evaluation.memory = memory / 2;
	e.evaluation.env = dml_learn_env(memory + LEARN_MEMORY + ROW_MEMORY * (query.rows.n + gallery.rows.n));
	e.evaluation.env->threads = dml_thread_count();
	e.evaluation.last_notice = e.evaluation.env->now(e.evaluation.env->ctx);
	task->nq = query.rows.n;
	task->query_target = query.number;
	task->ng = gallery.rows.n;
	task->gallery_target = gallery.number;
	task->self = gallery_source ? NULL : query.place;
	if (PG_ARGISNULL(8) || !PG_GETARG_BOOL(8))
	{
		task->query_hash = query.hash;
		task->gallery_hash = gallery.hash;
	}
	task->k = k;
	task->progress = say_progress;
	task->progress_ctx = &e;
	measure_spaces(&e, &query, &gallery);
	dml_matrix_free(matrices[0]);
	if (matrices[1] != matrices[0])
		dml_matrix_free(matrices[1]);
	put_all(&e);
	evaluate_progress_end();
	PG_RETURN_NULL();
}
