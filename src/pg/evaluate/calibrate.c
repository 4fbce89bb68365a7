/*
 * calibrate.c
 *	  dml_calibrate: finds the distance up to which two rows count as the same, on rows with
 *	  labels or on judged pairs, and stores it with the version. dml_match answers by it.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "ann/distance.h"
#include "dml.h"
#include "evaluate/sides.h"
#include "evaluate/space.h"
#include "learn/measure/assess.h"
#include "model/call_site.h"
#include "read/feature_row.h"

#define RESULT_COLUMNS	11

#define MAX_PAIRS		(PAIR_EXACT * 8)	/* judged pairs whose distances are kept */
#define PAIR_BATCH		256		/* pairs embedded at once */

/* Memory that pairs take beside the vectors of the rows: scores, pairs, bins. */
#define LEARN_MEMORY	((size_t) 320 * 1024 * 1024)
#define ROW_MEMORY		((size_t) 64)

#define HINT			"SELECT * FROM dml_calibrate('model', 'table or query', label => 'column', false_accept_rate => 0.001); " \
	"or of judged pairs: a => 'column', b => 'column', same => 'column'."

PG_FUNCTION_INFO_V1(dml_calibrate);
PG_FUNCTION_INFO_V1(dml_match_array);
PG_FUNCTION_INFO_V1(dml_match_vector);
PG_FUNCTION_INFO_V1(dml_match_row);

typedef struct Arguments
{
	char	   *model;
	char	   *source;
	char	   *features;
	char	   *label;
	bool		far_given;
	double		far;			/* NaN: not given */
	char	   *criterion;
	double		beta;
	char	   *a;				/* judged pairs */
	char	   *b;
	char	   *same;
} Arguments;

/* ---------- arguments ---------- */

static void
read_criterion(Arguments *arguments)
{
	static const char *const names[] = {"false_accept_rate", "accuracy", "f_beta", "equal_error"};
	bool		known = false;

	if (arguments->far_given && !(arguments->far > 0 && arguments->far < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("false_accept_rate must be between 0 and 1, not %g", arguments->far)));
	if (arguments->criterion == NULL)
		arguments->criterion = isnan(arguments->far) ? "equal_error" : "false_accept_rate";
	for (int i = 0; i < lengthof(names); i++)
		known |= strcmp(arguments->criterion, names[i]) == 0;
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown criterion \"%s\"", arguments->criterion),
				 errhint("Valid criteria are false_accept_rate, accuracy, f_beta and equal_error.")));
	if ((strcmp(arguments->criterion, "false_accept_rate") == 0) == isnan(arguments->far))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("false_accept_rate %s with criterion %s",
						isnan(arguments->far) ? "must be given" : "cannot be given", arguments->criterion)));
	if (!(arguments->beta > 0 && arguments->beta < 1e6))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("beta must be above 0, not %g", arguments->beta)));
}

static void
read_arguments(FunctionCallInfo fcinfo, Arguments *arguments)
{
	arguments->model = text_argument(fcinfo, 0);
	arguments->source = text_argument(fcinfo, 1);
	arguments->features = text_argument(fcinfo, 2);
	arguments->label = text_argument(fcinfo, 3);
	arguments->far_given = !PG_ARGISNULL(4);
	arguments->far = PG_ARGISNULL(4) ? NAN : PG_GETARG_FLOAT8(4);
	arguments->criterion = text_argument(fcinfo, 5);
	arguments->beta = PG_ARGISNULL(6) ? 1 : PG_GETARG_FLOAT8(6);
	arguments->a = text_argument(fcinfo, 7);
	arguments->b = text_argument(fcinfo, 8);
	arguments->same = text_argument(fcinfo, 9);
	need_argument(arguments->model, "model", HINT);
	need_argument(arguments->source, "source", HINT);
	if (arguments->a || arguments->b || arguments->same)
	{
		need_argument(arguments->a, "a", HINT);
		need_argument(arguments->b, "b", HINT);
		need_argument(arguments->same, "same", HINT);
		if (arguments->label || arguments->features)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("rows with a label and judged pairs exclude each other"),
					 errhint(HINT)));
	}
	else
		need_argument(arguments->label, "label", HINT);
	read_criterion(arguments);
}

/* ---------- the curve ---------- */

/* How many rows are compared with all others. */
static int64
queries_of(int64 rows)
{
	int64		most = Max((int64) (dml_max_comparisons / Max(rows, 1)), 1);

	if (rows <= most)
		return rows;
	ereport(NOTICE,
			(errmsg("a sample of %lld rows, evenly spaced, is compared with all %lld rows", (long long) most, (long long) rows),
			 errdetail("dml.max_comparisons is %g.", dml_max_comparisons),
			 errhint("SET dml.max_comparisons = %g; takes all pairs.", (double) rows * rows)));
	return most;
}

/* Of all pairs of rows. */
static LearnEnv *
curve_of_rows(const Arguments *arguments, const DmlVersion *version, Roc *roc)
{
	size_t		memory = (size_t) maintenance_work_mem * 1024;
	DmlClasses *classes = dml_classes_new();
	DmlMatrix  *matrix = dml_matrix_read(&(DmlMatrixSource) {.source = arguments->source,.features = arguments->features,
	.version = version,.label = arguments->label,.classes = classes,.limit = memory / 4});
	Space		space = space_learned(version);
	AssessTask	task = {.self = true,.d = version->out};
	Selection	rows;
	int64		queries;
	FloatStore *store;
	LearnEnv   *env;

	space_check_dims(matrix, version, arguments->source);
	(void) dml_matrix_label(&matrix, 1, classes, &task.n_classes);
	rows = select_rows(matrix, NULL, false);
	queries = queries_of(rows.n);
	if (queries < rows.n)
		select_to_front(&rows, queries);
	env = dml_learn_env(LEARN_MEMORY + memory + ROW_MEMORY * rows.n);
	env->threads = dml_thread_count();
	store = space_rows(env, &space, &rows, (size_t) rows.n * version->out * sizeof(float4) > memory / 2);
	dml_matrix_free(matrix);
	task.query = task.gallery = float_store_map(store);
	task.query_label = task.gallery_label = rows.label;
	task.nq = queries;
	task.ng = rows.n;
	dml_learn_check(env, assess_pairs(env, &task, roc));
	float_store_free(store);
	return env;
}

/* Embed the rows that some pairs have at one place. */
static void
embed_side(LearnEnv *env, const PairSides *sides, const DmlTuples *tuples, int side, int64 first, int count, float4 *out)
{
	const Rows *rows = &tuples->input[tuples->inputs == 2 ? side : 0].rows;
	float4	   *x = palloc(sizeof(float4) * count * rows->d);
	int64		index[PAIR_BATCH];

	for (int i = 0; i < count; i++)
		index[i] = tuples->row[2 * (first + i) + side];
	dml_learn_check(env, rows->fetch(env, rows->ctx, index, count, x));
	if (sides->side[side])
		dml_version_embed(sides->side[side], x, count, out);
	else
		memcpy(out, x, sizeof(float4) * count * rows->d);
	pfree(x);
}

/* Of judged pairs. */
static LearnEnv *
curve_of_pairs(const Arguments *arguments, const PairSides *sides, Roc *roc)
{
	DmlTupleSource source = {.source = arguments->source,.size = 2,.name = {"a", "b"},
	.features = {arguments->a, arguments->b},.same = arguments->same};
	DmlTuples  *tuples = sides_read(sides, &source);
	LearnEnv   *env = dml_learn_env(0);
	int			d = sides->version->out;
	double	   *distance;
	bool	   *same;
	float4	   *out;

	dml_tuples_drop_impossible(tuples, CONSTRAINT_PAIRS);
	if (tuples->n > MAX_PAIRS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %lld pairs", (long long) MAX_PAIRS),
				 errhint("Calibrate on a sample of them.")));
	distance = huge_array(tuples->n, sizeof(double));
	same = huge_array(tuples->n, sizeof(bool));
	out = palloc(sizeof(float4) * 2 * PAIR_BATCH * d);
	for (int64 first = 0; first < tuples->n; first += PAIR_BATCH)
	{
		int			count = (int) Min(tuples->n - first, PAIR_BATCH);

		CHECK_FOR_INTERRUPTS();
		for (int side = 0; side < 2; side++)
			embed_side(env, sides, tuples, side, first, count, out + side * PAIR_BATCH * d);
		for (int i = 0; i < count; i++)
		{
			distance[first + i] = distance_l2(out + i * d, out + (PAIR_BATCH + i) * d, d);
			same[first + i] = tuples->same[first + i] != 0;
		}
	}
	dml_learn_check(env, roc_of_pairs(env, distance, same, tuples->n, roc));
	pfree(out);
	pfree(distance);
	pfree(same);
	dml_tuples_free(tuples);
	return env;
}

/* ---------- dml_calibrate ---------- */

static int64
operating_point(const Arguments *arguments, const Roc *roc)
{
	double		genuine = roc_genuine(roc);
	double		impostor = roc_impostor(roc);

	if (genuine == 0 || impostor == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there is no pair of %s", genuine == 0 ? "the same class" : "two classes"),
				 errhint("A threshold is found between pairs that are the same and pairs that are not.")));
	if (strcmp(arguments->criterion, "accuracy") == 0)
		return roc_at_accuracy(roc);
	if (strcmp(arguments->criterion, "f_beta") == 0)
		return roc_at_f_beta(roc, arguments->beta);
	if (strcmp(arguments->criterion, "equal_error") == 0)
		return roc_at_eer(roc);
	if (impostor * arguments->far * (1 + 1e-12) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%.0f pairs of two classes cannot show a false accept rate of %g", impostor, arguments->far),
				 errhint("At least %.0f are needed, and ten times as many for a rate that is worth something.",
						 ceil(1 / arguments->far))));
	if (impostor * arguments->far * (1 + 1e-12) < ASSESS_LEAST_ERRORS)
		ereport(NOTICE,
				(errmsg("a false accept rate of %g of %.0f pairs of two classes is uncertain", arguments->far, impostor),
				 errdetail("At least %d false accepts should be expected.", ASSESS_LEAST_ERRORS)));
	return roc_at_far(roc, arguments->far);
}

/*
 * The point that was asked for would refuse even pairs at distance 0, which every threshold
 * accepts.
 */
static void
no_threshold(const Arguments *arguments, const Roc *roc)
{
	double		at_zero = roc->impostor[0];

	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 isnan(arguments->far) ? errmsg("no threshold is better by %s than accepting no pair", arguments->criterion) :
			 errmsg("no threshold has a false accept rate of %g or less", arguments->far),
			 errdetail("%.0f of %.0f pairs of two classes are at distance 0, and every threshold accepts them.",
					   at_zero, roc_impostor(roc)),
			 errhint("Look for rows of two classes with equal features, and for a model whose embeddings are all equal.")));
}

/* Warn that a rate of a few pairs is uncertain. */
static void
tell_few_genuine(const RocPoint *point, const Roc *roc)
{
	double		genuine = roc_genuine(roc);
	double		low;
	double		high;

	if (genuine >= ASSESS_LEAST_GENUINE)
		return;
	roc_share_interval(point->tar, genuine, &low, &high);
	ereport(NOTICE,
			(errmsg_plural("the threshold rests on %.0f pair of one class", "the threshold rests on %.0f pairs of one class",
						   (unsigned long) genuine, genuine),
			 errdetail("A true accept rate of %g of this many pairs has a 95 %% interval from %.2f to %.2f.", point->tar, low, high)));
}

static void
set_number(Datum *values, bool *nulls, int i, double value)
{
	nulls[i] = isnan(value);
	values[i] = Float8GetDatum(value);
}

/* dml_calibrate(model, source, features, label, false_accept_rate, criterion, beta, a, b, same) */
Datum
dml_calibrate(PG_FUNCTION_ARGS)
{
	Arguments	arguments;
	DmlCalibration calibration = {0};
	PairSides	sides;
	const DmlVersion *version;
	TupleDesc	desc;
	Roc			roc;
	RocPoint	point;
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PreventCommandIfReadOnly("dml_calibrate()");
	PreventCommandIfParallelMode("dml_calibrate()");
	read_arguments(fcinfo, &arguments);
	sides_of_model(arguments.model, &sides);
	version = sides.version;
	dml_calibration_check(version);

	if (arguments.a)
		(void) curve_of_pairs(&arguments, &sides, &roc);
	else
		(void) curve_of_rows(&arguments, version, &roc);
	point = roc_point(&roc, operating_point(&arguments, &roc));
	if (isnan(point.threshold))
		no_threshold(&arguments, &roc);
	if (point.tar == 0)
		ereport(NOTICE,
				(errmsg("the threshold accepts no pair of one class")));
	tell_few_genuine(&point, &roc);

	calibration.threshold = point.threshold;
	calibration.criterion = arguments.criterion;
	calibration.target = strcmp(arguments.criterion, "f_beta") == 0 ? arguments.beta : arguments.far;
	calibration.far = point.far;
	calibration.tar = point.tar;
	calibration.accuracy = point.accuracy;
	calibration.precision = point.precision;
	calibration.genuine = (int64) roc_genuine(&roc);
	calibration.impostor = (int64) roc_impostor(&roc);
	calibration.source = arguments.source;
	dml_calibration_record(version, &calibration);

	values[0] = CStringGetTextDatum(version->name);
	values[1] = Int32GetDatum(version->number);
	values[2] = Float8GetDatum(point.threshold);
	values[3] = CStringGetTextDatum(calibration.criterion);
	set_number(values, nulls, 4, calibration.target);
	set_number(values, nulls, 5, point.far);
	set_number(values, nulls, 6, point.tar);
	set_number(values, nulls, 7, point.accuracy);
	set_number(values, nulls, 8, point.precision);
	values[9] = Int64GetDatum(calibration.genuine);
	values[10] = Int64GetDatum(calibration.impostor);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---------- dml_match ---------- */

/* The vector of an argument in the version's space: raw input is embedded. */
static DmlVector *
match_vector(const DmlVersion *version, const DmlVector *constraints)
{
	DmlVector  *result;

	if (constraints->space == 0)
		return dml_version_embed_vector(version, constraints->x, constraints->dim);
	result = dml_vector_new(version->out, version->space);
	dml_vector_check_same(constraints, result);
	memcpy(result->x, constraints->x, sizeof(float4) * version->out);
	return result;
}

static DmlVector *
match_array(const DmlVersion *version, ArrayType *array)
{
	return array_contains_nulls(array) ? NULL : dml_version_embed_array(version, array);
}

/* Two vectors of the version's space; NULL where either is. */
static Datum
match(FunctionCallInfo fcinfo, const DmlVersion *version, DmlVector *a, DmlVector *b)
{
	double		threshold;
	bool		result;

	if (!dml_call_threshold(fcinfo, &threshold))
		dml_not_calibrated(version);
	if (a == NULL || b == NULL)
		PG_RETURN_NULL();
	result = distance_l2(a->x, b->x, a->dim) <= threshold;
	pfree(a);
	pfree(b);
	PG_RETURN_BOOL(result);
}

/* dml_match(model, a, b): rows as arrays */
Datum
dml_match_array(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = dml_call_version(fcinfo);

	return match(fcinfo, version, match_array(version, PG_GETARG_ARRAYTYPE_P(1)), match_array(dml_second_side(version), PG_GETARG_ARRAYTYPE_P(2)));
}

/* dml_match(model, a, b) of plain vectors or embeddings of the model */
Datum
dml_match_vector(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = dml_call_version(fcinfo);

	return match(fcinfo, version, match_vector(version, PG_GETARG_DML_VECTOR_P(1)), match_vector(dml_second_side(version), PG_GETARG_DML_VECTOR_P(2)));
}

/* dml_match(model, a, b): rows with the columns of the features; b by side b if there are two */
Datum
dml_match_row(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = dml_call_version(fcinfo);
	DmlVector  *a = dml_call_embed_row(fcinfo, 1, version);

	return match(fcinfo, version, a, dml_call_embed_row(fcinfo, 2, version->side[1] ? version->side[1] : version));
}
