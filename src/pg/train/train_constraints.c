/*
 * train_constraints.c
 *	  Training on constraints: pairs, triplets, quadruplets, matches, or rows alone.
 *
 * The steps are those of train.c: check the arguments, read (read/tuples.c), learn
 * (learn/train/train.h), store.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "learn/data/constraints.h"
#include "model/model.h"
#include "read/feature.h"
#include "read/tuples.h"
#include "train/hard_negatives.h"
#include "train/progress.h"
#include "train/training.h"

#define RESULT_COLUMNS	15

/* What a function trains on. */
typedef struct ConstraintTask
{
	const char *function;		/* for errors */
	ConstraintKind	kind;
	DmlTupleSource source;
	int			first;			/* the argument method */
	Training	training;
	TupleDesc	desc;
	MemoryContext context;
	MemoryContext old;
} ConstraintTask;

static void
task_begin(ConstraintTask *task, FunctionCallInfo fcinfo)
{
	if (get_call_result_type(fcinfo, NULL, &task->desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	task->desc = BlessTupleDesc(task->desc);
	task->context = AllocSetContextCreate(CurrentMemoryContext, "dml_train", ALLOCSET_DEFAULT_SIZES);
	task->old = MemoryContextSwitchTo(task->context);
}

/*
 * The row that the user sees, in the current memory context. For training on rows alone it has no
 * column for constraints.
 */
static HeapTuple
result_row(TupleDesc desc, const DmlNewVersion *version, int32 number, const TrainResult *result)
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {0};
	int			n = 5;

	values[0] = CStringGetTextDatum(version->name);
	values[1] = Int32GetDatum(number);
	values[2] = CStringGetTextDatum(version->method);
	values[3] = CStringGetTextDatum(version->network);
	values[4] = Int32GetDatum(version->dims);
	if (version->constraints > 0)
		values[n++] = Int64GetDatum(version->constraints);
	values[n++] = Int64GetDatum(version->rows);
	values[n++] = Int64GetDatum(version->skipped);
	values[n++] = Int32GetDatum(version->epochs);
	values[n++] = Float8GetDatum(version->seconds);
	training_scores(result, &values[n], &nulls[n]);
	return heap_form_tuple(desc, values, nulls);
}

static void
describe_input(DmlNewVersion *version, const ConstraintTask *task, const DmlTuples *tuples)
{
	const DmlTupleInput *a = &tuples->input[0];
	const DmlTupleInput *b = &tuples->input[1];

	version->supervision = constraint_name(task->kind);
	version->features = task->source.features[0];
	version->input_kind = a->kind;
	version->n_columns = a->n_columns;
	version->columns = a->columns;
	version->rows = a->rows.n;
	version->skipped = tuples->skipped;
	version->constraints = task->kind == CONSTRAINT_NONE ? 0 : tuples->n;
	if (tuples->inputs == 2)
	{
		version->features_b = task->source.features[1];
		version->in_b = b->rows.d;
		version->input_kind_b = b->kind;
		version->n_columns_b = b->n_columns;
		version->columns_b = b->columns;
		version->rows += b->rows.n;
	}
}

/*
 * Is constraint `other` a negative of match `match`? Not if the row of one and the partner of the
 * other are equal, or are a match themselves. Constraints are in the order of their numbers.
 */
static bool
is_other_match(const void *ctx, int32 row, int32 other)
{
	const DmlTuples *tuples = ctx;
	const int64 *mine = tuples->row + 2 * (int64) row;
	const int64 *theirs = tuples->row + 2 * (int64) other;
	int64		low = 0;
	int64		high = tuples->n;

	if (mine[0] == theirs[0] || mine[1] == theirs[1] || (tuples->inputs == 1 && mine[0] == theirs[1]))
		return false;
	while (low < high)
	{
		int64		mid = low + (high - low) / 2;
		const int64 *at = tuples->row + 2 * mid;

		if (at[0] < mine[0] || (at[0] == mine[0] && at[1] < theirs[1]))
			low = mid + 1;
		else
			high = mid;
	}
	return low == tuples->n || tuples->row[2 * low] != mine[0] || tuples->row[2 * low + 1] != theirs[1];
}

/* Read, learn, store; the source's features are set. */
static Datum
task_run(ConstraintTask *task, FunctionCallInfo fcinfo)
{
	Training   *training = &task->training;
	DmlNewVersion version = {0};
	TrainResult result = {0};
	Constraints		constraints = {0};
	HardNegatives hard = {0};
	TrainOptions left;
	DmlTuples  *tuples;
	HeapTuple	tuple;
	int32		number;
	bool		mines;

	training_begin(training, fcinfo, task->function, constraint_name(task->kind), task->first, false);
	training->score_name = constraint_score_name(task->kind);
	mines = training->options.hard_negatives[0] != '\0';
	if (mines)
		hard_negatives_open(&hard, training);
	task->source.source = mines ? hard.source : training->source;
	task->source.place = mines;
	for (int k = 0; k < task->source.size; k++)
	{
		dml_features_words(task->source.features[k]);
		dml_features_try(training->source, task->source.features[k]);
	}
	progress_start(training->model);
	task->source.centres = true;
	task->source.missing = training->options.missing;
	tuples = dml_tuples_read(&task->source, (size_t) maintenance_work_mem * 1024, training_reading, training);
	for (int k = 0; k < tuples->inputs; k++)
	{
		training->origin[k] = tuples->input[k].origin;
		training->encoder[k] = tuples->input[k].encoder;
	}
	dml_tuples_drop_impossible(tuples, task->kind);
	if (mines)
	{
		HardRows	rows = {tuples->n, tuples->place, is_other_match, NULL, tuples};

		hard_negatives_find(&hard, training, &rows, &constraints.hard_negatives);
	}
	progress_phase(PHASE_PREPARING);

	constraints.kind = task->kind;
	constraints.rows = &tuples->input[0].rows;
	constraints.rows_b = &tuples->input[tuples->inputs - 1].rows;
	constraints.n = tuples->n;
	constraints.row = tuples->row;
	constraints.adapter = training->adapter = task->source.embedded;
	training->target = tuples->space;
	if (task->kind == CONSTRAINT_NONE)
	{
		/* each different row once, in its order */
		constraints.n = constraints.rows->n;
		for (int64 i = 0; i < constraints.n; i++)
			tuples->row[i] = i;
	}
	constraints.label = tuples->same;
	constraints.weight = tuples->weight;
	left = training_options_left(training);
	training_check(training, train_constraints(training_env(training), &constraints, &left, &result));
	progress_phase(PHASE_SAVING);
	if (mines)
	{
		hard_negatives_reason(&hard, &result);
		hard_negatives_close(&hard);
	}
	describe_input(&version, task, tuples);
	number = training_store(training, &result, &version);
	progress_end();

	MemoryContextSwitchTo(task->old);
	tuple = result_row(task->desc, &version, number, &result);
	dml_tuples_free(tuples);
	MemoryContextDelete(task->context);
	return HeapTupleGetDatum(tuple);
}

/* Arguments 2 .. 2 + n - 1: the features of the places. */
static void
take_places(ConstraintTask *task, FunctionCallInfo fcinfo, int n, const char *const *names)
{
	task->source.size = n;
	task->source.inputs = 1;
	for (int k = 0; k < n; k++)
	{
		task->source.name[k] = names[k];
		task->source.features[k] = training_text(fcinfo, 2 + k, names[k]);
	}
}

/* The optional argument weight. */
static void
take_weight(ConstraintTask *task, FunctionCallInfo fcinfo, int arg)
{
	task->source.weight = PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
	task->source.merge = true;
}

PG_FUNCTION_INFO_V1(dml_train_pairs);
PG_FUNCTION_INFO_V1(dml_train_triplets);
PG_FUNCTION_INFO_V1(dml_train_quadruplets);
PG_FUNCTION_INFO_V1(dml_train_matches);
PG_FUNCTION_INFO_V1(dml_train_unlabeled);

/* dml_train_pairs(model, source, a, b, same, weight, ...): see docs/supervision.md. */
Datum
dml_train_pairs(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"a", "b"};
	ConstraintTask	task = {.function = "dml_train_pairs()", .kind = CONSTRAINT_PAIRS, .first = 6};

	task_begin(&task, fcinfo);
	take_places(&task, fcinfo, 2, names);
	task.source.same = training_text(fcinfo, 4, "same");
	take_weight(&task, fcinfo, 5);
	return task_run(&task, fcinfo);
}

/* dml_train_triplets(model, source, anchor, positive, negative, weight, ...) */
Datum
dml_train_triplets(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"anchor", "positive", "negative"};
	ConstraintTask	task = {.function = "dml_train_triplets()", .kind = CONSTRAINT_TRIPLETS, .first = 6};

	task_begin(&task, fcinfo);
	take_places(&task, fcinfo, 3, names);
	take_weight(&task, fcinfo, 5);
	return task_run(&task, fcinfo);
}

/* dml_train_quadruplets(model, source, a, b, c, d, weight, ...): d(a, b) < d(c, d) */
Datum
dml_train_quadruplets(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	ConstraintTask	task = {.function = "dml_train_quadruplets()", .kind = CONSTRAINT_QUADRUPLETS, .first = 7};

	task_begin(&task, fcinfo);
	take_places(&task, fcinfo, 4, names);
	take_weight(&task, fcinfo, 6);
	return task_run(&task, fcinfo);
}

/* dml_train_matches(model, source, a, b, towers, adapter, ...) */
Datum
dml_train_matches(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"a", "b"};
	ConstraintTask	task = {.function = "dml_train_matches()", .kind = CONSTRAINT_MATCHES, .first = 6};
	int			towers = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4);
	bool		adapter = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);

	if (!PG_ARGISNULL(4) && towers != 1 && towers != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("towers must be 1 or 2, not %d", towers),
				 errhint("1: both sides are the same kind of row; 2: each has a network of its own.")));
	if (adapter && towers == 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an adapter has two sides"),
				 errdetail("Side b, which is stored, stays as it is; side a learns to meet it.")));
	task_begin(&task, fcinfo);
	take_places(&task, fcinfo, 2, names);
	task.source.inputs = adapter ? 2 : towers;
	task.source.embedded = adapter;
	return task_run(&task, fcinfo);
}

/* dml_train_unlabeled(model, source, features, ...) */
Datum
dml_train_unlabeled(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"features"};
	ConstraintTask	task = {.function = "dml_train_unlabeled()", .kind = CONSTRAINT_NONE, .first = 3};

	task_begin(&task, fcinfo);
	take_places(&task, fcinfo, 1, names);
	return task_run(&task, fcinfo);
}
