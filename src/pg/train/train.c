/*
 * train.c
 *	  dml_train: from a labelled source to a stored version of a model.
 *
 * Everything that can be refused is refused before the first row is read (training.c). Then the
 * rows are read (read/matrix.c), src/learn trains, and the result is stored (model/). Reading runs
 * as the calling user, as any other query does.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "learn/train/train.h"
#include "read/feature.h"
#include "read/matrix.h"
#include "model/model.h"
#include "train/hard_negatives.h"
#include "train/progress.h"
#include "train/training.h"
#include "train/tune.h"

/* The arguments of dml_train, in order; those of training_begin follow. */
enum
{
	ARG_FEATURES = 2,
	ARG_LABEL,
	ARG_METHOD,
	ARG_TARGET = 12,			/* dml_train */
	ARG_SEARCH = 12				/* dml_tune: search, trials, folds */
};

#define RESULT_COLUMNS	15

/* The row that the user sees, in the current memory context. */
static HeapTuple
result_row(TupleDesc desc, const DmlNewVersion *version, int32 number, const TrainResult *result)
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(version->name);
	values[1] = Int32GetDatum(number);
	values[2] = CStringGetTextDatum(version->method);
	values[3] = CStringGetTextDatum(version->network);
	values[4] = Int32GetDatum(version->dims);
	values[5] = Int64GetDatum(version->rows);
	values[6] = Int64GetDatum(version->skipped);
	values[7] = Int32GetDatum(version->classes);
	nulls[7] = version->classes == 0;	/* a target has none */
	values[8] = Int32GetDatum(version->epochs);
	values[9] = Float8GetDatum(version->seconds);
	training_scores(result, &values[10], &nulls[10]);
	return heap_form_tuple(desc, values, nulls);
}

/* A label as a finite number. */
static bool
parse_number(const char *text, double *number)
{
	char	   *end;

	*number = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*number);
}

/* Are all labels numbers? */
static bool
are_numbers(char **texts, int n)
{
	double		number;

	for (int c = 0; c < n; c++)
		if (!parse_number(texts[c], &number))
			return false;
	return true;
}

/*
 * Labels that are numbers become a target, for methods that learn from one. texts are the texts of
 * the labels by class. Afterwards all rows have one class.
 */
static void
set_target(Rows *rows, char **texts, const char *label_name)
{
	double	   *number = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * rows->n_classes);
	double	   *target = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * rows->n);
	int32	   *label = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * rows->n);

	for (int c = 0; c < rows->n_classes; c++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!parse_number(texts[c], &number[c]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("%s \"%s\" is not a finite number", label_name, texts[c]),
					 errdetail("The method learns to predict a number for each row."),
					 errhint("Give a numeric column or expression as %s, or classes as label and a method that learns from these.", label_name)));
	}
	for (int64 i = 0; i < rows->n; i++)
	{
		target[i] = number[rows->label[i]];
		label[i] = 0;
	}
	rows->target = target;
	rows->label = label;
	rows->n_classes = 1;
	pfree(number);
}

/* Several label columns, from the coarsest to the finest: species in genera in families. */
typedef struct Levels
{
	int			n;				/* levels above the finest; 0: one label column */
	char	   *label;			/* the finest class, by all columns */
	/* from the finest up; then a row's place, if it is asked for */
	DmlExtra	extra[ROWS_MAX_LEVELS + 1];
} Levels;

/*
 * The first n columns as one label, NULL if one of them is. A name that occurs in two genera means
 * two species.
 */
static char *
row_label(char **column, int n)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "CASE WHEN ");
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s(%s\n) IS NULL", i > 0 ? " OR " : "", column[i]);
	appendStringInfoString(&text, " THEN NULL ELSE ROW(");
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s(%s\n)", i > 0 ? ", " : "", column[i]);
	appendStringInfoString(&text, ") END");
	return text.data;
}

static void
find_levels(const char *label, const char *label_name, Levels *levels)
{
	int			n;
	char	  **column = dml_expressions_split(label, label_name, &n);

	memset(levels, 0, sizeof(*levels));
	levels->label = pstrdup(label);
	if (n == 1)
		return;
	if (n > ROWS_MAX_LEVELS + 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has %d levels, more than %d", label_name, n, ROWS_MAX_LEVELS + 1),
				 errhint("To use several columns as one label, write 'ROW(a, b)'.")));
	levels->n = n - 1;
	levels->label = row_label(column, n);
	for (int l = 0; l < levels->n; l++)
	{
		levels->extra[l].text = row_label(column, n - 1 - l);
		levels->extra[l].what = label_name;
		levels->extra[l].classes = dml_classes_new();
	}
}

/*
 * For each class, find the class that contains it, level by level. Classes of classes are numbered
 * by their first class. The order of classes does not depend on the order of rows, so these numbers
 * do not either.
 */
static void
fill_levels(const Levels *levels, Rows *rows)
{
	int32	  **level = palloc(sizeof(int32 *) * Max(levels->n, 1));
	int		   *count = palloc0(sizeof(int) * Max(levels->n, 1));

	for (int l = 0; l < levels->n; l++)
	{
		int32	   *appeared = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * rows->n_classes);
		int32	   *number = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * rows->n);

		level[l] = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * rows->n_classes);
		for (int64 i = 0; i < rows->n; i++)
		{
			appeared[rows->label[i]] = levels->extra[l].class[i];
			number[i] = -1;		/* there are no more classes than rows */
		}
		for (int c = 0; c < rows->n_classes; c++)
		{
			if (number[appeared[c]] < 0)
				number[appeared[c]] = count[l]++;
			level[l][c] = number[appeared[c]];
		}
		pfree(appeared);
		pfree(number);
	}
	rows->n_levels = levels->n;
	rows->level = (const int32_t *const *) level;
	rows->level_classes = count;
}

/* A NOTICE that says what rows without a label are used for. */
static const char *
unlabeled_use(const TrainOptions *options)
{
	return options->unlabeled > 0 ? "for preprocessing and for views" : "for preprocessing alone";
}

static void
report_unlabeled(const Rows *rows, const TrainOptions *options, const char *label_name)
{
	if (rows->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("source has no row with a %s", label_name),
				 errhint("dml_train_unlabeled learns from rows alone.")));
	if (rows->n_unlabeled > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row without a %s is used %s",
							   "%lld rows without a %s are used %s",
							   (unsigned long) rows->n_unlabeled, (long long) rows->n_unlabeled, label_name, unlabeled_use(options))));
}

/* Append the use of rows without a label to the reason of the result. */
static void
append_unlabeled(const Rows *rows, const TrainOptions *options, const char *label_name, TrainResult *result)
{
	size_t		used = strlen(result->reason);

	if (rows->n_unlabeled > 0)
		snprintf(result->reason + used, sizeof(result->reason) - used, "; %lld without a %s used %s",
				 (long long) rows->n_unlabeled, label_name, unlabeled_use(options));
}

/* The argument label (of that name), which must be there. */
static char *
label_argument(FunctionCallInfo fcinfo, const char *label_name, bool takes_target)
{
	if (takes_target && PG_ARGISNULL(ARG_LABEL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("label must not be NULL"),
				 errhint("Give a label, or a number to predict as target.")));
	return training_text(fcinfo, ARG_LABEL, label_name);
}

/*
 * The common part of dml_train, dml_tune and dml_train_chunklets, which read rows with a label or a
 * target.
 */
static Datum
train_labels(FunctionCallInfo fcinfo, const char *function, const char *supervision, const char *label_name,
			 bool has_open_set, bool tunes)
{
	Training	training;
	DmlNewVersion version = {0};
	TrainResult result = {0};
	DmlMatrix  *matrix;
	DmlClasses *classes;
	TunePlan   *plan = NULL;
	TupleDesc	desc;
	HeapTuple	tuple;
	MemoryContext context;
	MemoryContext old;
	char	   *features;
	char	   *label;
	char	  **texts;
	Levels		levels;
	HardNegatives hard = {0};
	TrainOptions left;
	bool		mines;
	bool		takes_target = !tunes && strcmp(supervision, "labels") == 0;
	int			n_classes;
	int32		number;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	context = AllocSetContextCreate(CurrentMemoryContext, "dml_train", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);

	features = training_text(fcinfo, ARG_FEATURES, "features");
	if (takes_target && !PG_ARGISNULL(ARG_TARGET))
	{
		if (!PG_ARGISNULL(ARG_LABEL))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("label and target cannot both be given"),
					 errhint("A label says which rows belong together, a target is a number to predict.")));
		supervision = label_name = "target";
		label = training_text(fcinfo, ARG_TARGET, label_name);
		dml_expression_parse(label, label_name);
	}
	else
		label = label_argument(fcinfo, label_name, takes_target);
	find_levels(label, label_name, &levels);
	training_begin(&training, fcinfo, function, supervision, ARG_METHOD, has_open_set);
	if (tunes)
		plan = tune_plan(fcinfo, ARG_SEARCH, &training.options);
	training.score_name = training.options.open_set ? "MAP@R" : "recall@1";

	mines = training.options.hard_negatives[0] != '\0';
	if (mines)
	{
		hard_negatives_open(&hard, &training);
		levels.extra[levels.n].text = levels.extra[levels.n].what = "ctid";
		levels.extra[levels.n].place = true;
	}

	dml_features_words(features);
	dml_features_try(training.source, features);
	progress_start(training.model);
	classes = dml_classes_new();
	matrix = dml_matrix_read(&(DmlMatrixSource) {.source = mines ? hard.source : training.source,.features = features,
	.centres = true,.missing = training.options.missing,.label = levels.label,.partly = true,.classes = classes,.extra = levels.extra,.n_extra = levels.n + mines,
	.limit = (size_t) maintenance_work_mem * 1024,.progress = training_reading,.ctx = &training});
	training.origin[0] = matrix->origin;
	training.encoder[0] = matrix->encoder;
	report_unlabeled(&matrix->rows, &training.options, label_name);
	texts = dml_matrix_label(&matrix, 1, classes, &n_classes);
	fill_levels(&levels, &matrix->rows);
	if (mines)
	{
		HardRows	rows = {matrix->rows.n, levels.extra[levels.n].number, hard_negatives_by_label, hard_positives_by_label, matrix};

		hard_negatives_find(&hard, &training, &rows, &matrix->rows.hard_negatives);
	}
	progress_phase(PHASE_PREPARING);
	if (strcmp(supervision, "target") == 0 || options_of_target(&training.options))
	{
		set_target(&matrix->rows, texts, label_name);
		training.score_name = "R2";
		supervision = "target";
		n_classes = 0;
	}
	else
		matrix->rows.numbers = strcmp(supervision, "labels") == 0 && are_numbers(texts, n_classes);
	left = training_options_left(&training);
	if (plan)
	{
		TrainOptions chosen = left;

		training_check(&training, tune_model(training_env(&training), &matrix->rows, &left, plan, &result, &chosen));
		chosen.time_limit = training.options.time_limit;
		training.options = chosen;
	}
	else
		training_check(&training, train_model(training_env(&training), &matrix->rows, &left, &result));
	progress_phase(PHASE_SAVING);
	if (mines)
	{
		hard_negatives_reason(&hard, &result);
		hard_negatives_close(&hard);
	}
	append_unlabeled(&matrix->rows, &training.options, label_name, &result);
	version.supervision = supervision;
	version.input_kind = matrix->input_kind;
	version.n_columns = matrix->n_columns;
	version.columns = matrix->columns;
	version.features = features;
	version.label = label;
	version.rows = matrix->rows.n;
	version.skipped = matrix->skipped;
	version.classes = n_classes;
	number = training_store(&training, &result, &version);
	progress_end();

	MemoryContextSwitchTo(old);
	tuple = result_row(desc, &version, number, &result);
	dml_matrix_free(matrix);
	MemoryContextDelete(context);
	return HeapTupleGetDatum(tuple);
}

PG_FUNCTION_INFO_V1(dml_train);
PG_FUNCTION_INFO_V1(dml_tune);
PG_FUNCTION_INFO_V1(dml_train_chunklets);

/* dml_train(model, source, features, label or target, ...): see train.sql and docs/train.md. */
Datum
dml_train(PG_FUNCTION_ARGS)
{
	return train_labels(fcinfo, "dml_train()", "labels", "label", true, false);
}

/* dml_tune(model, source, features, label, method, ...): see tune.sql and docs/tune.md. */
Datum
dml_tune(PG_FUNCTION_ARGS)
{
	return train_labels(fcinfo, "dml_tune()", "labels", "label", true, true);
}

/* dml_train_chunklets(model, source, features, chunklet, ...): see docs/supervision.md. */
Datum
dml_train_chunklets(PG_FUNCTION_ARGS)
{
	return train_labels(fcinfo, "dml_train_chunklets()", "chunklets", "chunklet", false, false);
}
