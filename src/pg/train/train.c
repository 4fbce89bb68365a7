/*
 * train.c
 *	  dml_train: from a labelled source to a stored version of a model.
 *
 * Everything that can be refused is refused before the first row is read: arguments,
 * options, the model's name and owner, a read-only transaction.  Then the rows are read
 * (model/matrix.c), src/learn trains, and the result is stored (model/).  Reading runs
 * as the user who calls, as any query of theirs.
 */
#include "compat.h"

#include <math.h>
#include <time.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "dml.h"
#include "learn/train.h"
#include "model/matrix.h"
#include "model/model.h"
#include "train/options_json.h"
#include "train/progress.h"

/*
 * What training may take beside the rows is maintenance_work_mem, but never less than
 * this: the default of 64 MB is meant for sorting and holds no network of some width.
 */
#define TRAIN_MEMORY_FLOOR	((size_t) 256 * 1024 * 1024)

int			dml_threads = 1;
static int	notice_interval = 5;

/* The arguments of dml_train, in order. */
enum
{
	ARG_MODEL,
	ARG_SOURCE,
	ARG_FEATURES,
	ARG_LABEL,
	ARG_METHOD,
	ARG_NETWORK,
	ARG_DIMS,
	ARG_EPOCHS,
	ARG_SEED,
	ARG_TIME_LIMIT,
	ARG_OPEN_SET,
	ARG_OPTIONS
};

#define RESULT_COLUMNS	15

typedef struct Training
{
	char	   *model;
	char	   *source;
	char	   *features;
	char	   *label;
	TrainOptions options;
	LearnEnv   *env;
	const char *score_name;
	double		started;
	double		last_notice;
	size_t		memory_limit;
} Training;

void
train_init(void)
{
	DefineCustomIntVariable("dml.notice_interval",
							"Seconds between two notices on the progress of a training; 0 turns them off.",
							NULL, &notice_interval, 5, 0, 86400, PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("dml.threads",
							"Threads that matrix products use in training and evaluation.",
							"The number of threads may change the last bits of a model.",
							&dml_threads, 1, 1, 256, PGC_USERSET, 0, NULL, NULL, NULL);
}

static double
monotonic_seconds(void *ctx)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + 1e-9 * now.tv_nsec;
}

static bool
check_interrupts(void *ctx)
{
	CHECK_FOR_INTERRUPTS();
	return false;
}

static void
raise_notice(void *ctx, const char *message)
{
	ereport(NOTICE, (errmsg("%s", message)));
}

static bool
notice_due(Training *training)
{
	double		now = monotonic_seconds(NULL);

	if (notice_interval == 0 || now - training->last_notice < notice_interval)
		return false;
	training->last_notice = now;
	return true;
}

static void
reading(void *ctx, int64 rows)
{
	progress_rows(rows);
	if (notice_due(ctx))
		ereport(NOTICE, (errmsg("reading: %lld rows", (long long) rows)));
}

static void
report(void *ctx, const LearnReport *now)
{
	Training   *training = ctx;
	StringInfoData text;

	progress_report(now);
	if (!notice_due(training))
		return;

	initStringInfo(&text);
	appendStringInfoString(&text, progress_phase_name(now->phase));
	if (now->method != NULL)
		appendStringInfo(&text, " %s", now->method);
	if (now->epochs > 0)
		appendStringInfo(&text, ", epoch %d of %d", now->epoch, now->epochs);
	if (isfinite(now->loss))
		appendStringInfo(&text, ", loss %.4g", now->loss);
	if (isfinite(now->validation))
		appendStringInfo(&text, ", %s %.4f", training->score_name, now->validation);
	if (isfinite(now->best))
		appendStringInfo(&text, " (best %.4f)", now->best);
	if (isfinite(now->seconds_left))
		appendStringInfo(&text, ", %.0f s left", now->seconds_left);
	ereport(NOTICE, (errmsg_internal("%s", text.data)));
	pfree(text.data);
}

/* A text argument that must be there. */
static char *
required_text(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static void
check(LearnEnv *env, LearnStatus status)
{
	if (status != LEARN_OK)
		dml_learn_error(env, status);
}

static const Method *
method_or_error(const char *name)
{
	const Method *method = method_by_name(name);
	char		names[1024];

	if (method == NULL)
	{
		method_names(names, sizeof(names));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown method \"%s\"", name),
				 errhint("Valid methods are: %s.", names)));
	}
	return method;
}

/* The network line's grammar, before the rows say how wide its input is. */
static void
check_network(LearnEnv *env, const char *line)
{
	long		first = strtol(line, NULL, 10);
	NetSpec		spec;

	/* an input as wide as the first layer: what depends on the input is not in doubt */
	check(env, netspec_parse(env, line, first >= 1 && first <= NET_MAX_WIDTH ? (int) first : 1, &spec));
}

static void
read_options(FunctionCallInfo fcinfo, LearnEnv *env, TrainOptions *options)
{
	options_init(options);
	if (!PG_ARGISNULL(ARG_METHOD))
		options->method = method_or_error(text_to_cstring(PG_GETARG_TEXT_PP(ARG_METHOD)));
	if (!PG_ARGISNULL(ARG_NETWORK))
		check(env, options_set_text(env, options, "network", text_to_cstring(PG_GETARG_TEXT_PP(ARG_NETWORK))));
	if (!PG_ARGISNULL(ARG_DIMS))
		check(env, options_set_number(env, options, "dims", PG_GETARG_INT32(ARG_DIMS)));
	if (!PG_ARGISNULL(ARG_EPOCHS))
		check(env, options_set_number(env, options, "epochs", PG_GETARG_INT32(ARG_EPOCHS)));
	if (!PG_ARGISNULL(ARG_TIME_LIMIT))
		check(env, options_set_number(env, options, "time_limit", PG_GETARG_FLOAT8(ARG_TIME_LIMIT)));
	/* these two have defaults that are not NULL, so a default does not count as given */
	if (!PG_ARGISNULL(ARG_SEED) && PG_GETARG_INT64(ARG_SEED) != 0)
		check(env, options_set_seed(env, options, PG_GETARG_INT64(ARG_SEED)));
	if (!PG_ARGISNULL(ARG_OPEN_SET) && PG_GETARG_BOOL(ARG_OPEN_SET))
		check(env, options_set_bool(env, options, "open_set", true));
	if (!PG_ARGISNULL(ARG_OPTIONS))
		options_from_json(env, options, PG_GETARG_JSONB_P(ARG_OPTIONS));
	check(env, options_check(env, options));
	if (options->network[0] != '\0')
		check_network(env, options->network);
}

/* Learn from the matrix.  The result lives in training->env's arena. */
static void
learn(Training *training, const Rows *rows, TrainResult *result)
{
	LearnEnv   *env;
	LearnStatus status;

	env = training->env = dml_learn_env(training->memory_limit);
	env->cancelled = check_interrupts;
	env->report = report;
	env->notice = raise_notice;
	env->now = monotonic_seconds;
	env->ctx = training;
	env->threads = dml_threads;

	status = train_model(env, rows, &training->options, result);
	if (status == LEARN_NO_MEMORY && env->hint[0] == '\0')
		learn_hint(env, "Training has taken %zu MB beside its rows, of %zu MB that it may take: "
				   "raise maintenance_work_mem above that, or make the network or the batch smaller.",
				   env->arena->taken >> 20, training->memory_limit >> 20);
	check(env, status);
	if (isnan(result->score_model))
		result->score_name = NULL;	/* nothing was held out */
}

static int32
store(Training *training, const DmlMatrix *matrix, const TrainResult *result, double seconds)
{
	DmlNewVersion version = {0};
	void	   *blob;
	size_t		size;

	check(training->env, model_save(training->env, result->model, &blob, &size));
	version.name = training->model;
	version.method = result->method ? result->method->name : "none";
	version.asked_method = training->options.method->name;
	version.network = result->network;
	version.preprocessing = prep_name(result->model->prep->kind);
	version.in = model_in(result->model);
	version.dims = result->dims;
	version.input_kind = matrix->input_kind;
	version.n_columns = matrix->n_columns;
	version.columns = matrix->columns;
	version.weights = blob;
	version.weights_size = size;
	version.source = training->source;
	version.features = training->features;
	version.label = training->label;
	version.rows = matrix->rows.n;
	version.skipped = matrix->skipped;
	version.classes = matrix->rows.n_classes;
	version.epochs = result->epochs;
	version.seconds = seconds;
	version.seed = training->options.seed;
	version.score_name = result->score_name;
	version.score_none = result->score_none;
	version.score_whiten = result->score_whiten;
	version.score_model = result->score_model;
	version.settings = options_to_json(&training->options);
	version.history = history_to_json(result);
	version.candidates = candidates_to_json(result);
	version.reason = result->reason;
	return dml_version_add(&version);
}

static void
set_score(Datum *value, bool *null, double score)
{
	*null = isnan(score);
	*value = Float8GetDatum(score);
}

/* The row that the user sees, in the current memory context. */
static HeapTuple
result_row(TupleDesc desc, const Training *training, int32 number, const DmlMatrix *matrix,
		   const TrainResult *result, double seconds)
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(training->model);
	values[1] = Int32GetDatum(number);
	values[2] = CStringGetTextDatum(result->method ? result->method->name : "none");
	values[3] = CStringGetTextDatum(result->network);
	values[4] = Int32GetDatum(result->dims);
	values[5] = Int64GetDatum(matrix->rows.n);
	values[6] = Int64GetDatum(matrix->skipped);
	values[7] = Int32GetDatum(matrix->rows.n_classes);
	values[8] = Int32GetDatum(result->epochs);
	values[9] = Float8GetDatum(seconds);
	nulls[10] = result->score_name == NULL;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(result->score_name);
	set_score(&values[11], &nulls[11], result->score_none);
	set_score(&values[12], &nulls[12], result->score_whiten);
	set_score(&values[13], &nulls[13], result->score_model);
	values[14] = CStringGetTextDatum(result->reason);
	return heap_form_tuple(desc, values, nulls);
}

PG_FUNCTION_INFO_V1(dml_train);

/* dml_train(model, source, features, label, ...): see train.sql and docs/train.md. */
Datum
dml_train(PG_FUNCTION_ARGS)
{
	Training	training = {0};
	TrainResult result = {0};
	DmlMatrix  *matrix;
	DmlClasses *classes;
	TupleDesc	desc;
	HeapTuple	tuple;
	MemoryContext context;
	MemoryContext old;
	int			n_classes;
	int32		number;
	double		seconds;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	/* on a standby every transaction is read-only */
	PreventCommandIfReadOnly("dml_train()");
	PreventCommandIfParallelMode("dml_train()");

	context = AllocSetContextCreate(CurrentMemoryContext, "dml_train", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);

	training.model = required_text(fcinfo, ARG_MODEL, "model");
	training.source = required_text(fcinfo, ARG_SOURCE, "source");
	training.features = required_text(fcinfo, ARG_FEATURES, "features");
	training.label = required_text(fcinfo, ARG_LABEL, "label");
	read_options(fcinfo, dml_learn_env(0), &training.options);
	dml_version_check_name(training.model);
	training.score_name = training.options.open_set ? "MAP@R" : "recall@1";
	training.memory_limit = Max((size_t) maintenance_work_mem * 1024, TRAIN_MEMORY_FLOOR);
	training.started = training.last_notice = monotonic_seconds(NULL);

	progress_start(training.model);
	classes = dml_classes_new();
	matrix = dml_matrix_read(training.source, training.features, training.label, classes,
							 (size_t) maintenance_work_mem * 1024, reading, &training);
	(void) dml_matrix_label(&matrix, 1, classes, &n_classes);
	progress_phase(PHASE_PREPARING);
	learn(&training, &matrix->rows, &result);
	progress_phase(PHASE_SAVING);
	seconds = monotonic_seconds(NULL) - training.started;
	number = store(&training, matrix, &result, seconds);
	progress_end();

	MemoryContextSwitchTo(old);
	tuple = result_row(desc, &training, number, matrix, &result, seconds);
	dml_matrix_free(matrix);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}
