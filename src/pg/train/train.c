/*
 * train.c
 *	  dml_train: from a labelled source to a stored version of a model.
 *
 * Everything that can be refused is refused before the first row is read (training.c).  Then
 * the rows are read (model/matrix.c), src/learn trains, and the result is stored (model/).
 * Reading runs as the user who calls, as any query of theirs.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "learn/train.h"
#include "model/matrix.h"
#include "model/model.h"
#include "train/progress.h"
#include "train/training.h"
#include "train/tune.h"

/* The arguments of dml_train, in order; those of training_begin follow. */
enum
{
	ARG_FEATURES = 2,
	ARG_LABEL,
	ARG_METHOD,
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

/*
 * Labels that are numbers become a target: for methods that learn from one.  texts are the labels' by class; the
 * rows are then all of one class, in name.
 */
static void
set_target(Rows *rows, char **texts, const char *method)
{
	double	   *number = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * rows->n_classes);
	double	   *target = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * rows->n);
	int32	   *label = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * rows->n);

	for (int c = 0; c < rows->n_classes; c++)
	{
		char	   *end;

		CHECK_FOR_INTERRUPTS();
		errno = 0;
		number[c] = strtod(texts[c], &end);
		if (end == texts[c] || *end != '\0' || !isfinite(number[c]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("label \"%s\" is not a finite number", texts[c]),
					 errdetail("Method \"%s\" learns to predict a number for each row.", method),
					 errhint("Give a numeric column or expression as label, or choose a method that learns from classes.")));
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

/* dml_train, dml_tune and dml_train_chunklets: rows and a label each. */
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
	int			n_classes;
	int32		number;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	context = AllocSetContextCreate(CurrentMemoryContext, "dml_train", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);

	features = training_text(fcinfo, ARG_FEATURES, "features");
	label = training_text(fcinfo, ARG_LABEL, label_name);
	training_begin(&training, fcinfo, function, supervision, ARG_METHOD, has_open_set);
	if (tunes)
		plan = tune_plan(fcinfo, ARG_SEARCH, &training.options);
	training.score_name = training.options.open_set ? "MAP@R" : "recall@1";

	progress_start(training.model);
	classes = dml_classes_new();
	matrix = dml_matrix_read(training.source, features, label, classes,
							 (size_t) maintenance_work_mem * 1024, training_reading, &training);
	texts = dml_matrix_label(&matrix, 1, classes, &n_classes);
	progress_phase(PHASE_PREPARING);
	if (strcmp(training.options.method->supervision, "target") == 0)
	{
		set_target(&matrix->rows, texts, training.options.method->name);
		training.score_name = "R2";
		supervision = "target";
		n_classes = 0;
	}
	if (plan)
	{
		TrainOptions chosen = training.options;

		training_check(&training, tune_model(training_env(&training), &matrix->rows, &training.options, plan, &result, &chosen));
		training.options = chosen;
	}
	else
		training_check(&training, train_model(training_env(&training), &matrix->rows, &training.options, &result));
	progress_phase(PHASE_SAVING);
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

/* dml_train(model, source, features, label, ...): see train.sql and docs/train.md. */
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

/* dml_train_chunklets(model, source, features, chunklet, ...): see supervision.sql and docs/supervision.md. */
Datum
dml_train_chunklets(PG_FUNCTION_ARGS)
{
	return train_labels(fcinfo, "dml_train_chunklets()", "chunklets", "chunklet", false, false);
}
