/*
 * evaluate.c
 *	  dml_evaluate: retrieval metrics without learning, whitened and learned, side by
 *	  side on the same rows.
 */
#include "compat.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "dml.h"
#include "evaluate/float_store.h"
#include "evaluate/held_out.h"
#include "model/matrix.h"
#include "model/model.h"

#include "learn/linear.h"
#include "learn/metrics.h"

#define BATCH_ROWS		256
#define RESULT_COLUMNS	13

/* What metrics_retrieval takes beside its input: its blocks, by its contract, and the sums. */
#define METRICS_MEMORY	((size_t) 128 * 1024 * 1024)

PG_FUNCTION_INFO_V1(dml_evaluate);

typedef struct Arguments
{
	char	   *model;
	char	   *source;
	char	   *features;
	char	   *label;
	bool		open_set;
	char	   *gallery;		/* NULL: leave one out */
	int			k;
	double		share;
	int64		seed;
	int64		max_queries;	/* 0: all */
} Arguments;

/* Some rows of a matrix, in an order of their own. */
typedef struct Selection
{
	const DmlMatrix *matrix;
	int64		n;
	int64	   *index;			/* row numbers of the matrix */
	int32	   *label;
} Selection;

/* A function from features to the space that is measured. */
typedef struct Space
{
	const char *name;
	const DmlVersion *version;	/* the learned one, or NULL */
	const Model *model;			/* a baseline */
	int			in;
	int			out;
} Space;

typedef struct Evaluation
{
	LearnEnv   *env;
	Selection	query;
	Selection	gallery;
	bool		self;			/* query i is row i of the gallery */
	int			knn_k;
	int			classes;		/* that the queries are of */
	size_t		memory;			/* bytes for one space's vectors; beyond it they go to a file */
	Tuplestorestate *store;
	TupleDesc	desc;
} Evaluation;

static char *
text_argument(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

static void
need_argument(const void *value, const char *name)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must be given", name),
				 errhint("SELECT * FROM dml_evaluate('model', 'table or query', label => 'column');")));
}

static void
read_arguments(FunctionCallInfo fcinfo, Arguments *arguments)
{
	char	   *protocol = text_argument(fcinfo, 4);

	arguments->model = text_argument(fcinfo, 0);
	arguments->source = text_argument(fcinfo, 1);
	arguments->features = text_argument(fcinfo, 2);
	arguments->label = text_argument(fcinfo, 3);
	arguments->gallery = text_argument(fcinfo, 5);
	arguments->k = PG_ARGISNULL(6) ? 5 : PG_GETARG_INT32(6);
	arguments->share = PG_ARGISNULL(7) ? 0.5 : PG_GETARG_FLOAT8(7);
	arguments->seed = PG_ARGISNULL(8) ? 0 : PG_GETARG_INT64(8);
	arguments->max_queries = PG_ARGISNULL(9) ? 0 : PG_GETARG_INT64(9);
	need_argument(arguments->model, "model");
	need_argument(arguments->source, "source");
	need_argument(arguments->label, "label");

	if (protocol == NULL || strcmp(protocol, "closed_set") == 0)
		arguments->open_set = false;
	else if (strcmp(protocol, "open_set") == 0)
		arguments->open_set = true;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown protocol \"%s\"", protocol),
				 errhint("Valid protocols are closed_set and open_set.")));
	if (arguments->k < 1 || arguments->k > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to 1000, not %d", arguments->k)));
	held_out_check_share(arguments->share);
	if (!PG_ARGISNULL(9) && arguments->max_queries < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_queries must be at least 1, not %lld", (long long) arguments->max_queries)));
}

static void *
huge_array(int64 n, size_t size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max((size_t) n, 1) * size);
}

/* The rows of a matrix whose class is taken; taken NULL: all rows. */
static Selection
select_rows(const DmlMatrix *matrix, const bool *taken, bool value)
{
	Selection	result;

	result.matrix = matrix;
	result.n = 0;
	result.index = huge_array(matrix->rows.n, sizeof(int64));
	result.label = huge_array(matrix->rows.n, sizeof(int32));
	for (int64 i = 0; i < matrix->rows.n; i++)
	{
		int32		label = matrix->rows.label[i];

		if (taken != NULL && taken[label] != value)
			continue;
		result.index[result.n] = i;
		result.label[result.n] = label;
		result.n++;
	}
	return result;
}

/*
 * max rows of a selection, evenly spaced, moved to its front: the same ones whenever the
 * rows are the same.
 */
static void
sample_to_front(Selection *selection, int64 max)
{
	int64	   *index = huge_array(selection->n, sizeof(int64));
	int32	   *label = huge_array(selection->n, sizeof(int32));
	int64		front = 0;
	int64		back = max;

	for (int64 i = 0; i < selection->n; i++)
	{
		bool		chosen = front < max && i == (int64) ((double) front * selection->n / max);
		int64		to = chosen ? front++ : back++;

		index[to] = selection->index[i];
		label[to] = selection->label[i];
	}
	pfree(selection->index);
	pfree(selection->label);
	selection->index = index;
	selection->label = label;
}

/* How many classes have a row among the first n. */
static int
count_classes(const Selection *selection, int64 n, int n_classes)
{
	bool	   *seen = palloc0(Max(n_classes, 1));
	int			count = 0;

	for (int64 i = 0; i < n; i++)
	{
		if (!seen[selection->label[i]])
			count++;
		seen[selection->label[i]] = true;
	}
	pfree(seen);
	return count;
}

/* Map n features rows into a space. */
static void
space_apply(LearnEnv *env, const Space *space, const float4 *x, int n, float4 *out, float4 *scratch)
{
	int			bad = -1;

	if (space->version)
	{
		dml_version_embed(space->version, x, n, out);
		return;
	}
	model_embed(space->model, x, n, out, scratch, &bad);
	if (bad >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a row is out of float4's range when %s", space->name),
				 errhint("Scale the features down.")));
}

/* A selection's vectors in a space. */
static FloatStore *
space_rows(Evaluation *evaluation, const Space *space, const Selection *selection, bool in_file)
{
	LearnEnv   *env = evaluation->env;
	const Rows *rows = &selection->matrix->rows;
	FloatStore *store = float_store_new((size_t) selection->n * space->out * sizeof(float4), in_file);
	float4	   *x = palloc(sizeof(float4) * BATCH_ROWS * space->in);
	float4	   *out = palloc(sizeof(float4) * BATCH_ROWS * space->out);
	float4	   *scratch = NULL;

	if (space->model)
		scratch = MemoryContextAllocHuge(CurrentMemoryContext,
										 sizeof(float4) * Max(model_scratch(space->model, BATCH_ROWS), 1));
	for (int64 i = 0; i < selection->n; i += BATCH_ROWS)
	{
		int			n = (int) Min(selection->n - i, BATCH_ROWS);
		LearnStatus status;

		CHECK_FOR_INTERRUPTS();
		status = rows->fetch(env, rows->ctx, selection->index + i, n, x);
		if (status != LEARN_OK)
			dml_learn_error(env, status);
		space_apply(env, space, x, n, out, scratch);
		float_store_append(store, out, (size_t) n * space->out);
	}
	pfree(x);
	pfree(out);
	if (scratch)
		pfree(scratch);
	return store;
}

static void
put_metric(Datum *values, bool *nulls, int i, double metric)
{
	nulls[i] = isnan(metric);
	values[i] = Float8GetDatum(metric);
}

/* A row of the result; measured NULL: there are no figures. */
static void
put_row(const Evaluation *evaluation, const Space *space, const Retrieval *measured)
{
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS];

	memset(nulls, measured == NULL, sizeof(nulls));
	nulls[0] = false;
	values[0] = CStringGetTextDatum(space->name);
	if (measured)
	{
		values[1] = Int32GetDatum(space->out);
		values[2] = Int64GetDatum(measured->queries);
		values[3] = Int64GetDatum(measured->lone);
		values[4] = Int64GetDatum(evaluation->gallery.n);
		values[5] = Int32GetDatum(evaluation->classes);
		for (int i = 0; i < 4; i++)
			put_metric(values, nulls, 6 + i, measured->recall[i]);
		put_metric(values, nulls, 10, measured->r_precision);
		put_metric(values, nulls, 11, measured->map_r);
		put_metric(values, nulls, 12, measured->knn);
	}
	tuplestore_putvalues(evaluation->store, evaluation->desc, values, nulls);
}

/* Measure one space. */
static void
evaluate_space(Evaluation *evaluation, const Space *space)
{
	const Selection *query = &evaluation->query;
	const Selection *gallery = &evaluation->gallery;
	size_t		rows = (size_t) gallery->n + (evaluation->self ? 0 : query->n);
	bool		in_file = rows * space->out * sizeof(float4) > evaluation->memory;
	FloatStore *gallery_store = space_rows(evaluation, space, gallery, in_file);
	FloatStore *query_store = evaluation->self ? NULL : space_rows(evaluation, space, query, in_file);
	const float4 *gallery_x = float_store_map(gallery_store);
	const float4 *query_x = query_store ? float_store_map(query_store) : gallery_x;
	ArenaMark	mark = arena_mark(evaluation->env->arena);
	Retrieval	result;
	LearnStatus status;

	status = metrics_retrieval(evaluation->env, query_x, query->label, query->n,
							   gallery_x, gallery->label, gallery->n, space->out,
							   evaluation->self, evaluation->knn_k, &result);
	if (status != LEARN_OK)
		dml_learn_error(evaluation->env, status);
	arena_reset(evaluation->env->arena, mark);
	float_store_free(gallery_store);
	if (query_store)
		float_store_free(query_store);
	put_row(evaluation, space, &result);
}

/* Fit whitening to rows and measure it; data that cannot be whitened are no error of the user's. */
static void
evaluate_whitened(Evaluation *evaluation, int in, const Selection *fitted_on)
{
	Space		space = {.name = "whitened", .in = in};
	ArenaMark	mark = arena_mark(evaluation->env->arena);
	Model	   *model;
	LearnStatus status;

	status = linear_whiten(evaluation->env, &fitted_on->matrix->rows, fitted_on->index, fitted_on->n, 0, &model);
	if (status == LEARN_DATA)
	{
		ereport(NOTICE,
				(errmsg("rows cannot be whitened: %s", evaluation->env->message)));
		put_row(evaluation, &space, NULL);
	}
	else if (status != LEARN_OK)
		dml_learn_error(evaluation->env, status);
	else
	{
		space.model = model;
		space.out = model_out(model);
		evaluate_space(evaluation, &space);
	}
	arena_reset(evaluation->env->arena, mark);
}

static void
check_dims(const DmlMatrix *matrix, const DmlVersion *version, const char *source)
{
	if (matrix->rows.d != version->in)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" takes %d numbers, and the rows of \"%s\" have %d",
						version->name, version->in, source, matrix->rows.d),
				 errdetail("The model was trained with the features %s.", version->features)));
}

/* Which classes are held out; an error when no search among them can be measured. */
static bool *
hold_out_classes(char **labels, int n_classes, const Arguments *arguments)
{
	bool	   *held_out = palloc(sizeof(bool) * Max(n_classes, 1));
	int			count = 0;

	for (int i = 0; i < n_classes; i++)
	{
		held_out[i] = held_out_label(labels[i], arguments->share, arguments->seed);
		count += held_out[i];
	}
	if (count < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("open_set needs at least two held-out classes, and has %d of %d", count, n_classes),
				 errhint("Raise share or take another seed, for training as well.")));
	ereport(NOTICE,
			(errmsg("%d of %d classes are held out", count, n_classes),
			 errdetail("The figures speak of unseen classes only if the model was trained without them, "
					   "i.e. on rows WHERE NOT dml_held_out(%s, %g, %lld).",
					   arguments->label, arguments->share, (long long) arguments->seed)));
	return held_out;
}

/*
 * The rows that whitening is fitted on: the gallery's; for open_set those of the
 * classes that are not held out, as for any honest learner.
 */
static Selection
whitening_rows(const DmlMatrix *matrix, const bool *held_out)
{
	Selection	result = select_rows(matrix, held_out, false);

	if (held_out == NULL || result.n >= 2)
		return result;
	ereport(NOTICE,
			(errmsg("every class is held out: whitening is fitted on the rows that are searched")));
	return select_rows(matrix, NULL, false);
}

/* A tuplestore in the caller's per-query context, as a set-returning function hands over. */
static void
init_result(FunctionCallInfo fcinfo, Evaluation *evaluation)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("dml_evaluate returns a set of rows"),
				 errhint("Call it in FROM: SELECT * FROM dml_evaluate(...);")));
	old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &evaluation->desc) != TYPEFUNC_COMPOSITE ||
		evaluation->desc->natts != RESULT_COLUMNS)
		elog(ERROR, "return type must be a row type of %d columns", RESULT_COLUMNS);
	evaluation->desc = BlessTupleDesc(evaluation->desc);
	evaluation->store = tuplestore_begin_heap(true, false, work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = evaluation->store;
	info->setDesc = evaluation->desc;
	MemoryContextSwitchTo(old);
}

/*
 * dml_evaluate(model, source, features, label, protocol, gallery, k, share, seed,
 * max_queries)
 */
Datum
dml_evaluate(PG_FUNCTION_ARGS)
{
	size_t		memory = (size_t) maintenance_work_mem * 1024;
	Arguments	arguments;
	Evaluation	evaluation = {0};
	const DmlVersion *version;
	DmlClasses *classes = dml_classes_new();
	DmlMatrix  *matrices[2];
	int			n_matrices = 1;
	int			n_classes;
	char	  **labels;
	bool	   *held_out = NULL;
	Selection	fitted_on;
	Space		space = {0};
	Model	   *model;
	LearnStatus status;

	read_arguments(fcinfo, &arguments);
	init_result(fcinfo, &evaluation);
	version = dml_version_by_name(arguments.model);
	dml_version_pin(version, CurrentMemoryContext);
	if (arguments.features == NULL)
		arguments.features = version->features;

	matrices[0] = dml_matrix_read(arguments.source, arguments.features, arguments.label, classes,
								  memory / 4, NULL, NULL);
	check_dims(matrices[0], version, arguments.source);
	if (arguments.gallery)
	{
		matrices[1] = dml_matrix_read(arguments.gallery, arguments.features, arguments.label, classes,
									  memory / 4, NULL, NULL);
		check_dims(matrices[1], version, arguments.gallery);
		n_matrices = 2;
	}
	labels = dml_matrix_label(matrices, n_matrices, classes, &n_classes);
	if (arguments.open_set)
		held_out = hold_out_classes(labels, n_classes, &arguments);

	evaluation.env = dml_learn_env(memory + METRICS_MEMORY);
	evaluation.env->threads = dml_threads;
	evaluation.memory = memory / 2;
	evaluation.knn_k = arguments.k;
	evaluation.self = arguments.gallery == NULL;
	evaluation.query = select_rows(matrices[0], held_out, true);
	if (evaluation.query.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no row of \"%s\" is of a held-out class", arguments.source)));
	if (arguments.max_queries > 0 && arguments.max_queries < evaluation.query.n)
		sample_to_front(&evaluation.query, arguments.max_queries);
	evaluation.gallery = evaluation.self ? evaluation.query : select_rows(matrices[1], held_out, true);
	if (evaluation.gallery.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no row of \"%s\" is of a held-out class", arguments.gallery)));
	if (arguments.max_queries > 0)
		evaluation.query.n = Min(evaluation.query.n, arguments.max_queries);
	evaluation.classes = count_classes(&evaluation.query, evaluation.query.n, n_classes);

	space.in = version->in;
	space.name = "no learning";
	status = linear_none(evaluation.env, version->in, &model);
	if (status != LEARN_OK)
		dml_learn_error(evaluation.env, status);
	space.model = model;
	space.out = model_out(model);
	evaluate_space(&evaluation, &space);

	fitted_on = whitening_rows(matrices[n_matrices - 1], held_out);
	evaluate_whitened(&evaluation, version->in, &fitted_on);

	space.name = "learned";
	space.model = NULL;
	space.version = version;
	space.out = version->out;
	evaluate_space(&evaluation, &space);
	for (int i = 0; i < n_matrices; i++)
		dml_matrix_free(matrices[i]);
	PG_RETURN_NULL();
}
