/*
 * training.c
 *	  What all functions that train share: arguments, environment, notices, storing, settings.
 */
#include "compat.h"

#include "train/training.h"

#include <math.h>
#include <time.h>
#include <unistd.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "dml.h"
#include "train/options_json.h"
#include "train/progress.h"

#define MAX_THREADS			256

/*
 * Training may take maintenance_work_mem beside the rows, but at least this: the default of 64 MB
 * is meant for sorting and does not hold a wide network.
 */
#define TRAIN_MEMORY_FLOOR	((size_t) 256 * 1024 * 1024)

static int	threads_asked = 1;
static int	threads_allowed = 0;
int			dml_notice_interval = 5;

void
train_init(void)
{
	DefineCustomIntVariable("dml.notice_interval",
							"Seconds between two notices on the progress of a training or an evaluation; 0 turns them off.",
							NULL, &dml_notice_interval, 5, 0, 86400, PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("dml.threads",
							"Threads that matrix products use in training and evaluation.",
							"The number of threads may change the last bits of a model.",
							&threads_asked, 1, 1, MAX_THREADS, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("dml.max_threads",
							"Threads that dml.threads can give to one training or evaluation.",
							"0 stands for as many as the machine has processors. Only superusers change it.",
							&threads_allowed, 0, 0, MAX_THREADS, PGC_SUSET, 0, NULL, NULL, NULL);
}

int
dml_thread_count(void)
{
	long		allowed = threads_allowed > 0 ? threads_allowed : sysconf(_SC_NPROCESSORS_ONLN);

	return (int) Min(threads_asked, Max(allowed, 1));
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

	if (dml_notice_interval == 0 || now - training->last_notice < dml_notice_interval)
		return false;
	training->last_notice = now;
	return true;
}

void
training_reading(void *ctx, int64 rows)
{
	progress_rows(rows);
	if (notice_due(ctx))
		ereport(NOTICE, (errmsg("reading: %lld rows", (long long) rows)));
}

void
training_mining(Training *training, int64 done, int64 rows)
{
	LearnReport now = {0};

	now.phase = PHASE_MINING;
	now.step = done;
	now.steps = rows;
	now.loss = now.validation = now.best = now.seconds_left = NAN;
	progress_report(&now);
	if (notice_due(training))
		ereport(NOTICE, (errmsg("mining: %lld of %lld rows", (long long) done, (long long) rows)));
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

char *
training_text(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

void
training_check_network(LearnEnv *env, const char *line)
{
	long		first = strtol(line, NULL, 10);
	NetSpec		spec;

	/* with an input as wide as the first layer, nothing that depends on the input is refused */
	dml_learn_check(env, netspec_parse(env, line, first >= 1 && first <= NET_MAX_WIDTH ? (int) first : 1, &spec));
}

/* Was an option given, for any term of a sum? */
static bool
is_given(const TrainOptions *options, int i)
{
	for (int t = 0; t < options->n_terms; t++)
		if (options_given(options, i, t))
			return true;
	return options->set[i];
}

/* The supervision of a training, as a phrase for an error. */
static const char *
supervision_text(const char *supervision)
{
	return strcmp(supervision, "target") == 0 ? "a number to predict" : supervision;
}

/*
 * Options that apply to some kinds of supervision only.
 * - Views are made if there is nothing else to learn from, or if the option unlabeled asks for
 *   them.
 * - Classes, their batches and a memory of labelled rows need labels.
 * - In pairs, each row has one partner, so there is nothing to mine.
 */
static void
refuse_options(const TrainOptions *options, const char *supervision)
{
	static const char *const of_views[] = {"noise", "mask", "mix", "unlabeled_method", NULL};
	static const char *const of_labels[] = {"open_set", "rows_per_class", "balance", "level_weight", "memory", NULL};
	static const char *const of_rows[] = {"unlabeled", "unlabeled_method", NULL};
	static const char *const of_search[] = {"hard_negatives", "hard_neighbors", "hard_share", "hard_ranks", "hard_skip", "hard_margin",
	"hard_gap", "hard_near", NULL};
	static const char *const of_anchors[] = {"miner", "mine_margin", "mine_near", "mine_far", "mine_angle", "mine_cutoff", "epsilon", NULL};
	bool		labels = strcmp(supervision, "labels") == 0 || strcmp(supervision, "chunklets") == 0;
	bool		rows = labels || strcmp(supervision, "target") == 0;
	bool		searched = labels || strcmp(supervision, "matches") == 0;
	bool		views = strcmp(supervision, "unlabeled rows") == 0 || (rows && options->unlabeled > 0);
	const struct
	{
		const char *const *names;
		bool		refused;
		const char *hint;
	}			lists[] = {
		{of_views, !views, rows ? "Views are made where the option unlabeled asks for them, or by dml_train_unlabeled." :
		"It is an option of dml_train_unlabeled."},
		{of_anchors, strcmp(supervision, "pairs") == 0, "A miner chooses among several pairs of a row."},
		{of_labels, !labels, rows ? "It is of classes, and there are none." : "It is an option of dml_train."},
		{of_rows, !rows, "It is an option of dml_train."},
		{of_search, !searched, rows ? "It is of classes, and there are none." : "It is an option of dml_train and dml_train_matches."},
	};

	for (int i = 0; i < options_count(); i++)
		for (int l = 0; l < lengthof(lists) && is_given(options, i); l++)
			for (const char *const *word = lists[l].names; *word && lists[l].refused; word++)
				if (strcmp(options_at(i)->name, *word) == 0)
					ereport(ERROR,
							(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							 errmsg("option \"%s\" means nothing to training on %s", *word, supervision_text(supervision)),
							 errhint("%s", strcmp(*word, "open_set") == 0 && rows ? "It holds out classes, and there are none: open_set => false." :
									 lists[l].hint)));
}

/* The options of training_begin. */
static void
read_options(FunctionCallInfo fcinfo, LearnEnv *env, const char *supervision, int first, bool has_open_set,
			 TrainOptions *options)
{
	int			method = first;
	int			network = first + 1;
	int			dims = first + 2;
	int			epochs = first + 3;
	int			seed = first + 4;
	int			time_limit = first + 5;
	int			open_set = first + 6;
	int			json = has_open_set ? first + 7 : first + 6;

	options_init(options);
	if (!PG_ARGISNULL(method))
		dml_learn_check(env, options_set_method(env, options, text_to_cstring(PG_GETARG_TEXT_PP(method)), supervision));
	if (!PG_ARGISNULL(network))
		dml_learn_check(env, options_set_text(env, options, "network", text_to_cstring(PG_GETARG_TEXT_PP(network))));
	if (!PG_ARGISNULL(dims))
		dml_learn_check(env, options_set_number(env, options, "dims", PG_GETARG_INT32(dims)));
	if (!PG_ARGISNULL(epochs))
		dml_learn_check(env, options_set_number(env, options, "epochs", PG_GETARG_INT32(epochs)));
	if (!PG_ARGISNULL(time_limit))
		dml_learn_check(env, options_set_number(env, options, "time_limit", PG_GETARG_FLOAT8(time_limit)));
	/* these two have defaults that are not NULL, so a default does not count as given */
	if (!PG_ARGISNULL(seed) && PG_GETARG_INT64(seed) != 0)
		dml_learn_check(env, options_set_seed(env, options, PG_GETARG_INT64(seed)));
	if (has_open_set && !PG_ARGISNULL(open_set) && PG_GETARG_BOOL(open_set))
		dml_learn_check(env, options_set_bool(env, options, "open_set", true));
	if (!PG_ARGISNULL(json))
		options_from_json(env, options, PG_GETARG_JSONB_P(json));
	refuse_options(options, options_of_target(options) ? "target" : supervision);
	dml_learn_check(env, options_check(env, options));
	if (options->network[0] != '\0')
		training_check_network(env, options->network);
}

void
training_begin(Training *training, FunctionCallInfo fcinfo, const char *function,
			   const char *supervision, int first, bool has_open_set)
{
	/* on a standby every transaction is read-only */
	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);

	memset(training, 0, sizeof(*training));
	training->model = training_text(fcinfo, 0, "model");
	training->source = training_text(fcinfo, 1, "source");
	read_options(fcinfo, dml_learn_env(0), supervision, first, has_open_set, &training->options);
	dml_version_check_name(training->model);
	training->memory_limit = Max((size_t) maintenance_work_mem * 1024, TRAIN_MEMORY_FLOOR);
	training->started = training->last_notice = monotonic_seconds(NULL);
}

TrainOptions
training_options_left(const Training *training)
{
	TrainOptions left = training->options;

	if (left.time_limit > 0)
		left.time_limit = Max(left.time_limit - training->mined, 0.1 * left.time_limit);
	return left;
}

double
training_seconds(const Training *training)
{
	return monotonic_seconds(NULL) - training->started;
}

LearnEnv *
training_env(Training *training)
{
	LearnEnv   *env = dml_learn_env(training->memory_limit);

	env->cancelled = check_interrupts;
	env->report = report;
	env->notice = raise_notice;
	env->now = monotonic_seconds;
	env->ctx = training;
	env->threads = dml_thread_count();
	training->env = env;
	return env;
}

void
training_check(Training *training, LearnStatus status)
{
	LearnEnv   *env = training->env;

	if (status == LEARN_NO_MEMORY && env->hint[0] == '\0')
		learn_hint(env, "Training has taken %zu MB beside its rows, of %zu MB that it may take: "
				   "raise maintenance_work_mem above that, or make the network or the batch smaller.",
				   env->arena->taken >> 20, training->memory_limit >> 20);
	dml_learn_check(env, status);
}

const char *
training_method_name(const TrainResult *result)
{
	if (result->method_name[0] != '\0')
		return result->method_name;
	return result->method ? result->method->name : "none";
}

/* The options as JSON, with the values that were chosen for options that were left open. */
static char *
settings_used(const Training *training, const DmlNewVersion *version, const TrainResult *result)
{
	const TrainOptions *options = &training->options;
	const TrainChosen *chosen = &result->chosen;
	TrainOptions used = *options;

	if (used.network[0] == '\0')
		strlcpy(used.network, result->network, sizeof(used.network));
	if (used.missing < 0)
		used.missing = training->encoder[0] ? training->encoder[0]->skip : version->n_columns <= 1;
	if (used.dims == 0)
		used.dims = result->dims;
	if (used.preprocess < 0)
		used.preprocess = result->model->prep->kind;
	if (used.batch == 0)
		used.batch = chosen->batch;
	if (used.rows_per_class == 0)
		used.rows_per_class = chosen->rows_per_class;
	if (used.epochs == 0)
		used.epochs = chosen->epochs;
	if (used.learning_rate == 0)
		used.learning_rate = chosen->learning_rate;
	if (isnan(used.average) && chosen->batch > 0)
		used.average = chosen->average;
	if (isnan(used.linear.shrink) && chosen->closed)
		used.linear.shrink = chosen->shrink;
	used.linear.l2 |= chosen->l2;
	return options_to_json(&used);
}

int32
training_store(Training *training, const TrainResult *result, DmlNewVersion *version)
{
	ModelSides	sides = {0};
	char		asked[METHOD_TEXT_MAX];
	void	   *blob;
	size_t		size;

	sides.a = result->model;
	sides.b = result->model_b;
	sides.a->origin = training->origin[0];
	sides.a->encoder = training->encoder[0];
	if (sides.b)
	{
		sides.b->origin = training->origin[1];
		sides.b->encoder = training->encoder[1];
	}
	sides.adapter = training->adapter;
	sides.target = training->target;
	dml_learn_check(training->env, model_save_sides(training->env, &sides, &blob, &size));
	version->name = training->model;
	version->method = training_method_name(result);
	options_method(&training->options, asked, sizeof(asked));
	version->asked_method = asked;
	version->network = result->network;
	version->preprocessing = prep_name(result->model->prep->kind);
	version->in = model_in(result->model);
	version->dims = result->dims;
	version->weights = blob;
	version->weights_size = size;
	version->source = training->source;
	version->epochs = result->epochs;
	version->seconds = training_seconds(training);
	version->seed = training->options.seed;
	/* NULL: nothing was held out */
	version->score_name = isnan(result->score_model) ? NULL : result->score_name;
	version->score_none = result->score_none;
	version->score_whiten = result->score_whiten;
	version->score_model = result->score_model;
	version->settings = settings_used(training, version, result);
	version->history = history_to_json(result);
	version->candidates = candidates_to_json(result);
	version->reason = result->reason;
	return dml_version_add(version);
}

static void
set_score(Datum *value, bool *null, double score)
{
	*null = isnan(score);
	*value = Float8GetDatum(score);
}

void
training_scores(const TrainResult *result, Datum *values, bool *nulls)
{
	nulls[0] = isnan(result->score_model);
	values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(result->score_name);
	set_score(&values[1], &nulls[1], result->score_none);
	set_score(&values[2], &nulls[2], result->score_whiten);
	set_score(&values[3], &nulls[3], result->score_model);
	nulls[4] = false;
	values[4] = CStringGetTextDatum(result->reason);
}
