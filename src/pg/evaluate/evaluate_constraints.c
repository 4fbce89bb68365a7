/*
 * evaluate_constraints.c
 *	  Evaluation by constraints: judged pairs, comparisons, matches.
 *
 * The steps are those of evaluate.c: check the arguments, read (read/tuples.c), measure each
 * space, return the rows.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "dml.h"
#include "evaluate/evaluate.h"
#include "call/float_store.h"
#include "evaluate/matches.h"
#include "evaluate/sides.h"
#include "evaluate/space.h"
#include "read/matrix.h"
#include "model/model.h"
#include "read/tuples.h"
#include "call/result_store.h"

#include "learn/measure/assess_constraints.h"
#include "learn/classical/linear.h"

/*
 * Memory that src/learn takes beside its input, for each row, and for each constraint, whose first
 * rows count as classes.
 */
#define LEARN_MEMORY	((size_t) 384 * 1024 * 1024)
#define ROW_MEMORY		((size_t) 96)
#define CONSTRAINT_MEMORY ((size_t) 64 + N_SPACES * ASSESS_METRICS * 2 * sizeof(double))

PG_FUNCTION_INFO_V1(dml_evaluate_pairs);
PG_FUNCTION_INFO_V1(dml_evaluate_triplets);
PG_FUNCTION_INFO_V1(dml_evaluate_quadruplets);
PG_FUNCTION_INFO_V1(dml_evaluate_matches);

/* An evaluation in the making. */
typedef struct ConstraintEvaluation
{
	Evaluation	evaluation;		/* first: progress */
	const char *model;
	PairSides	sides;
	DmlTupleSource source;
	DmlTuples  *tuples;
	bool		whiten;
	SideRows	rows[2];		/* of either side; without two sides both are the first */
	bool		one;			/* they are */
	LearnStatus (*measure) (struct ConstraintEvaluation *comparison, const ConstraintRows *rows, Assessment *out);

	/* Of one kind or the other. */
	JudgedPairs pairs;
	Comparisons comparisons;
	MatchTask	matches;
} ConstraintEvaluation;

/* ---------- what is read ---------- */

/* The model's sides. They may differ only if two is set. */
static void
find_model(ConstraintEvaluation *comparison, bool two)
{
	const DmlVersion *version;

	sides_of_model(comparison->model, &comparison->sides);
	evaluate_progress_start(comparison->model);
	version = comparison->sides.version;
	if (!two && !sides_are_one(&comparison->sides))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has two inputs, and a comparison is of rows of one kind", version->name),
				 version->adapter ? 0 : errhint("Name the side: \"%s/a\" or \"%s/b\".", version->name, version->name)));
}

/* All rows of either side. */
static void
take_all_rows(ConstraintEvaluation *comparison)
{
	comparison->one = comparison->tuples->inputs == 1;
	for (int side = 0; side < comparison->tuples->inputs; side++)
	{
		SideRows   *rows = &comparison->rows[side];

		rows->rows = &comparison->tuples->input[side].rows;
		rows->n = rows->rows->n;
		rows->index = huge_array(rows->n, sizeof(int64));
		for (int64 i = 0; i < rows->n; i++)
			rows->index[i] = i;
	}
}

/* ---------- the spaces ---------- */

static FloatStore *
embed_side(ConstraintEvaluation *comparison, const Space *space, const SideRows *rows)
{
	LearnEnv   *env = comparison->evaluation.env;
	size_t		bytes = (size_t) (rows->n + rows->n_more) * space->out * sizeof(float4);
	FloatStore *store = float_store_new(bytes, bytes > comparison->evaluation.memory / 2);

	space_append(env, space, rows->rows, rows->index, rows->n, store);
	if (rows->n_more > 0)
		space_append(env, space, &rows->more->rows, rows->more_index, rows->n_more, store);
	return store;
}

static void
measure_space(ConstraintEvaluation *comparison, const Space space[2], int which)
{
	Measured   *measured = &comparison->evaluation.space[which];
	FloatStore *a = embed_side(comparison, &space[0], &comparison->rows[0]);
	FloatStore *b = comparison->one ? a : embed_side(comparison, &space[1], &comparison->rows[1]);
	ConstraintRows	rows = {.a = float_store_map(a),.b = float_store_map(b),.d = space[0].out};

	evaluate_progress_space(&comparison->evaluation, which, comparison->rows[0].n, comparison->rows[1].n + comparison->rows[1].n_more);
	dml_learn_check(comparison->evaluation.env, comparison->measure(comparison, &rows, &measured->assessment));
	evaluate_clear(measured);
	measured->dims = space[0].out;
	measured->done = true;
	float_store_free(a);
	if (b != a)
		float_store_free(b);
}

static Space
space_none(ConstraintEvaluation *comparison, int width)
{
	Model	   *model;

	dml_learn_check(comparison->evaluation.env, linear_none(comparison->evaluation.env, width, &model));
	return (Space) {.model = model,.name = "not learned",.in = width,.out = width};
}

static void
measure_whitened(ConstraintEvaluation *comparison)
{
	const SideRows *rows = &comparison->rows[comparison->one ? 0 : 1];
	Space		space;

	if (space_whitened(comparison->evaluation.env, rows->rows, rows->index, rows->n, comparison->sides.width[0], &space))
		measure_space(comparison, (Space[2]) {space, space}, WHITENED);
}

static void
measure_spaces(ConstraintEvaluation *comparison)
{
	Space		learned[2];

	if (comparison->sides.width[0] == comparison->sides.width[1])
	{
		Space		none = space_none(comparison, comparison->sides.width[0]);

		measure_space(comparison, (Space[2]) {none, none}, NO_LEARNING);
		if (comparison->whiten && comparison->tuples->inputs == 1)
			measure_whitened(comparison);
	}
	else
		ereport(NOTICE,
				(errmsg("%s has %d numbers and %s %d: there is no distance without learning",
						comparison->source.name[0], comparison->sides.width[0], comparison->source.name[1], comparison->sides.width[1])));
	learned[0] = space_learned(comparison->sides.side[0]);
	learned[1] = comparison->sides.side[1] ? space_learned(comparison->sides.side[1]) : space_none(comparison, comparison->sides.width[1]);
	measure_space(comparison, learned, LEARNED);
}

/* ---------- all ---------- */

/* AssessTask.progress and MatchTask.progress */
static void
say_progress(void *ctx, int64_t done)
{
	evaluate_progress(ctx, done, ((ConstraintEvaluation *) ctx)->matches.nq);
}

static void
begin(ConstraintEvaluation *comparison, FunctionCallInfo fcinfo)
{
	comparison->evaluation.store = result_store(fcinfo, &comparison->evaluation.desc);
	comparison->model = text_argument(fcinfo, 0);
	comparison->source.source = text_argument(fcinfo, 1);
	need_argument(comparison->model, "model", "SELECT model FROM dml_models;");
	need_argument(comparison->source.source, "source", "A table, a view or a query.");
}

static void
take_place(ConstraintEvaluation *comparison, FunctionCallInfo fcinfo, int arg, const char *name)
{
	int			k = comparison->source.size++;

	comparison->source.name[k] = name;
	comparison->source.features[k] = text_argument(fcinfo, arg);
	need_argument(comparison->source.features[k], name, "A column with an array of numbers, or several numeric expressions.");
}

/* Once the rows are chosen: set the memory, measure the three spaces, return the rows. */
static void
run(ConstraintEvaluation *comparison, int64 constraints, char **names, int n_names, const EvaluationCount *counts, int n_counts)
{
	Evaluation *evaluation = &comparison->evaluation;
	size_t		memory = (size_t) maintenance_work_mem * 1024;
	size_t		rows = comparison->rows[0].n + comparison->rows[1].n + comparison->rows[1].n_more;

	for (int i = 0; i < n_names; i++)
		evaluation->wanted.names = lappend(evaluation->wanted.names, names[i]);
	evaluation->memory = memory / 2;
	evaluation->env = dml_learn_env(memory + LEARN_MEMORY + ROW_MEMORY * rows + CONSTRAINT_MEMORY * constraints);
	evaluation->env->threads = dml_thread_count();
	evaluation->last_notice = evaluation->env->now(evaluation->env->ctx);
	evaluation->counts = counts;
	evaluation->n_counts = n_counts;
	measure_spaces(comparison);
	evaluate_put(evaluation);
	evaluate_progress_end();
	if (comparison->rows[1].more)
		dml_matrix_free(comparison->rows[1].more);
	dml_tuples_free(comparison->tuples);
}

static char *verification_names[] = {
	"genuine_pairs", "impostor_pairs", "roc_auc", "average_precision", "eer", "tar_at_far_0.1", "tar_at_far_0.01", "tar_at_far_0.001",
	"tar_at_far_0.0001", "best_accuracy", "best_accuracy_threshold", "calibrated_far", "calibrated_tar", "calibrated_accuracy"
};

static LearnStatus
measure_pairs(ConstraintEvaluation *comparison, const ConstraintRows *rows, Assessment *out)
{
	/* a threshold is of the learned distance, which is measured last */
	return assess_judged_pairs(comparison->evaluation.env, rows, &comparison->pairs, out);
}

/* dml_evaluate_pairs(model, source, a, b, same, seed, whiten): see evaluate.sql. */
Datum
dml_evaluate_pairs(PG_FUNCTION_ARGS)
{
	ConstraintEvaluation comparison = {.measure = measure_pairs};
	JudgedPairs *pairs = &comparison.pairs;
	EvaluationCount counts[2] = {{"pairs"}, {"rows"}};
	bool		kinds[2] = {false};
	int32	   *class;

	begin(&comparison, fcinfo);
	take_place(&comparison, fcinfo, 2, "a");
	take_place(&comparison, fcinfo, 3, "b");
	comparison.source.same = text_argument(fcinfo, 4);
	need_argument(comparison.source.same, "same", "A condition: true for pairs that belong together.");
	comparison.evaluation.seed = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5);
	comparison.whiten = PG_ARGISNULL(6) || PG_GETARG_BOOL(6);
	find_model(&comparison, true);
	comparison.tuples = sides_read(&comparison.sides, &comparison.source);
	dml_tuples_drop_impossible(comparison.tuples, CONSTRAINT_PAIRS);
	take_all_rows(&comparison);
	for (int64 i = 0; i < comparison.tuples->n; i++)
		kinds[comparison.tuples->same[i] != 0] = true;
	if (!kinds[0] || !kinds[1])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("all pairs are %s", kinds[0] ? "different" : "the same"),
				 errhint("Give pairs of both kinds.")));
	class = huge_array(comparison.tuples->n, sizeof(int32));
	*pairs = (JudgedPairs) {.n = comparison.tuples->n,.row = comparison.tuples->row,.same = comparison.tuples->same,.class = class};
	pairs->n_classes = constraint_classes(pairs->row, 2, pairs->n, class);
	if (!dml_calibration_find(comparison.sides.version, &pairs->threshold))
		pairs->threshold = NAN;
	comparison.evaluation.calibrated = pairs;
	comparison.evaluation.impostors = "pairs that are not the same";
	counts[0].value = (double) pairs->n;
	counts[1].value = (double) (comparison.rows[0].n + comparison.rows[1].n);
	run(&comparison, pairs->n, verification_names, lengthof(verification_names), counts, lengthof(counts));
	PG_RETURN_NULL();
}

static LearnStatus
measure_comparisons(ConstraintEvaluation *comparison, const ConstraintRows *rows, Assessment *out)
{
	return assess_comparisons(comparison->evaluation.env, rows, &comparison->comparisons, out);
}

/* Triplets and quadruplets: arguments 2 .. 2 + n - 1 are the places, then weight, seed, whiten. */
static Datum
evaluate_comparisons(FunctionCallInfo fcinfo, const char *const *places, int n)
{
	static char *names[] = {"satisfied", "tied"};
	ConstraintEvaluation comparison = {.measure = measure_comparisons};
	Comparisons *comparisons = &comparison.comparisons;
	EvaluationCount counts[2] = {{"comparisons"}, {"rows"}};
	int32	   *class;

	begin(&comparison, fcinfo);
	for (int i = 0; i < n; i++)
		take_place(&comparison, fcinfo, 2 + i, places[i]);
	comparison.source.weight = text_argument(fcinfo, 2 + n);
	comparison.source.merge = true;
	comparison.evaluation.seed = PG_ARGISNULL(3 + n) ? 0 : PG_GETARG_INT64(3 + n);
	comparison.whiten = PG_ARGISNULL(4 + n) || PG_GETARG_BOOL(4 + n);
	find_model(&comparison, false);
	comparison.tuples = sides_read(&comparison.sides, &comparison.source);
	dml_tuples_drop_impossible(comparison.tuples, n == 3 ? CONSTRAINT_TRIPLETS : CONSTRAINT_QUADRUPLETS);
	take_all_rows(&comparison);
	class = huge_array(comparison.tuples->n, sizeof(int32));
	*comparisons = (Comparisons) {.n = comparison.tuples->n,.row = comparison.tuples->row,.size = n,.weight = comparison.tuples->weight,.class = class};
	comparisons->n_classes = constraint_classes(comparisons->row, n, comparisons->n, class);
	counts[0].value = (double) comparisons->n;
	counts[1].value = (double) comparison.rows[0].n;
	run(&comparison, comparisons->n, names, lengthof(names), counts, lengthof(counts));
	PG_RETURN_NULL();
}

/* dml_evaluate_triplets(model, source, anchor, positive, negative, weight, seed, whiten) */
Datum
dml_evaluate_triplets(PG_FUNCTION_ARGS)
{
	static const char *const places[] = {"anchor", "positive", "negative"};

	return evaluate_comparisons(fcinfo, places, lengthof(places));
}

/* dml_evaluate_quadruplets(model, source, a, b, c, d, weight, seed, whiten) */
Datum
dml_evaluate_quadruplets(PG_FUNCTION_ARGS)
{
	static const char *const places[] = {"a", "b", "c", "d"};

	return evaluate_comparisons(fcinfo, places, lengthof(places));
}

static LearnStatus
measure_matches(ConstraintEvaluation *comparison, const ConstraintRows *rows, Assessment *out)
{
	return assess_matches(comparison->evaluation.env, rows, &comparison->matches, out);
}

/*
 * dml_evaluate_matches(model, source, a, b, grade, gallery, gallery_features, recall_at,
 * max_queries, seed, whiten)
 */
Datum
dml_evaluate_matches(PG_FUNCTION_ARGS)
{
	static char *const means[] = {"precision_at_1", "r_precision", "map_at_r", "map", "mrr", "ndcg", "ndcg_at_10"};
	ConstraintEvaluation comparison = {.measure = measure_matches};
	MatchTask  *task = &comparison.matches;
	EvaluationCount counts[3] = {{"queries"}, {"matches"}, {"gallery_rows"}};
	char	   *gallery = text_argument(fcinfo, 5);
	char	   *features = text_argument(fcinfo, 6);
	char	   *names[ASSESS_MAX_RECALLS + lengthof(means) + lengthof(verification_names)];
	int			n = 0;

	begin(&comparison, fcinfo);
	take_place(&comparison, fcinfo, 2, "a");
	take_place(&comparison, fcinfo, 3, "b");
	comparison.source.weight = text_argument(fcinfo, 4);
	comparison.source.weight_name = "grade";
	comparison.evaluation.wanted = wanted_metrics(PG_ARGISNULL(7) ? NULL : PG_GETARG_ARRAYTYPE_P(7), NULL);
	if (!PG_ARGISNULL(8) && PG_GETARG_INT64(8) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_queries must be at least 1, not %lld", (long long) PG_GETARG_INT64(8))));
	if (features != NULL && gallery == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("gallery_features needs a gallery")));
	comparison.evaluation.seed = PG_ARGISNULL(9) ? 0 : PG_GETARG_INT64(9);
	comparison.whiten = PG_ARGISNULL(10) || PG_GETARG_BOOL(10);
	find_model(&comparison, true);
	comparison.tuples = sides_read(&comparison.sides, &comparison.source);
	matches_choose(comparison.tuples, comparison.sides.version->adapter, gallery, features ? features : comparison.source.features[1],
				   PG_ARGISNULL(8) ? INT64_MAX : PG_GETARG_INT64(8), comparison.rows, task);
	task->n_recall = comparison.evaluation.wanted.n_recall;
	memcpy(task->recall_at, comparison.evaluation.wanted.recall_at, sizeof(task->recall_at));
	task->progress = say_progress;
	task->progress_ctx = &comparison;
	comparison.evaluation.task.n_recall = task->n_recall;
	memcpy(comparison.evaluation.task.recall_at, task->recall_at, sizeof(task->recall_at));
	comparison.evaluation.impostors = "pairs that do not match";
	for (int i = 0; i < task->n_recall; i++)
		names[n++] = psprintf("recall_at_%d", task->recall_at[i]);
	for (int i = 0; i < lengthof(means); i++)
		names[n++] = means[i];
	for (int i = 0; i < lengthof(verification_names) && strncmp(verification_names[i], "calibrated", 10) != 0; i++)
		names[n++] = verification_names[i];
	counts[0].value = (double) task->nq;
	counts[1].value = (double) task->begin[task->nq];
	counts[2].value = (double) task->ng;
	run(&comparison, task->nq, names, n, counts, lengthof(counts));
	PG_RETURN_NULL();
}
