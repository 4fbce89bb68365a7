/*
 * calibrate.c
 *	  dml_calibrate: the distance up to which two rows count as the same, found on rows with labels or
 *	  on judged pairs and stored with the version; and dml_match, which answers by it.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "ann/distance.h"
#include "dml.h"
#include "evaluate/space.h"
#include "learn/measure/assess.h"
#include "model/call_site.h"
#include "read/feature.h"
#include "read/query.h"
#include "read/source.h"

#define RESULT_COLUMNS	11

/* What pairs of rows take beside the rows' vectors: scores, pairs, bins. */
#define LEARN_MEMORY	((size_t) 320 * 1024 * 1024)
#define ROW_MEMORY		((size_t) 64)

#define HINT			"SELECT * FROM dml_calibrate('model', 'table or query', label => 'column', false_accept_rate => 0.001); " \
	"or of judged pairs: a => 'column', b => 'column', same => 'column'."

PG_FUNCTION_INFO_V1(dml_calibrate);
PG_FUNCTION_INFO_V1(dml_match_array);
PG_FUNCTION_INFO_V1(dml_match_vector);

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

/* Of all pairs of rows. */
static LearnEnv *
curve_of_rows(const Arguments *arguments, const DmlVersion *version, Roc *roc)
{
	size_t		memory = (size_t) maintenance_work_mem * 1024;
	DmlClasses *classes = dml_classes_new();
	DmlMatrix  *matrix = dml_matrix_read(arguments->source, arguments->features ? arguments->features : version->features,
										 arguments->label, classes, memory / 4, NULL, NULL);
	Space		space = space_learned(version);
	AssessTask	task = {.self = true,.d = version->out};
	Selection	rows;
	FloatStore *store;
	LearnEnv   *env;

	space_check_dims(matrix, version, arguments->source);
	(void) dml_matrix_label(&matrix, 1, classes, &task.n_classes);
	rows = select_rows(matrix, NULL, false);
	env = dml_learn_env(LEARN_MEMORY + memory + ROW_MEMORY * rows.n);
	env->threads = dml_threads;
	store = space_rows(env, &space, &rows, (size_t) rows.n * version->out * sizeof(float4) > memory / 2);
	dml_matrix_free(matrix);
	task.query = task.gallery = float_store_map(store);
	task.query_label = task.gallery_label = rows.label;
	task.nq = task.ng = rows.n;
	dml_learn_check(env, assess_pairs(env, &task, roc));
	float_store_free(store);
	return env;
}

/* The distances of judged pairs as they come. */
typedef struct Pairs
{
	const DmlVersion *version[2];	/* what embeds either side */
	DmlFeatures *side[2];
	Oid		   *types;			/* of the query's columns */
	float4	   *row[2];
	int64		n;
	int64		capacity;
	int64		skipped;
	double	   *distance;
	bool	   *same;
} Pairs;

/* One side's features to its row; false: a NULL. */
static bool
read_side(Pairs *pairs, int side, const Datum *values, const bool *nulls, const Oid *types)
{
	const DmlFeatures *features = pairs->side[side];
	int			count = 0;

	for (int i = 0; i < features->n; i++)
	{
		int			filled = dml_feature_floats(values[i], nulls[i], types[i], features->names[i],
												pairs->row[side] + count, pairs->version[side]->in - count);

		if (filled < 0)
			return false;
		count += filled;
		if (count > pairs->version[side]->in)
			break;
	}
	if (count != pairs->version[side]->in)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" takes %d numbers, and %s has %d",
						pairs->version[side]->name, pairs->version[side]->in, side == 0 ? "a" : "b", count),
				 errdetail("The model was trained with the features %s.", pairs->version[side]->features)));
	return true;
}

/* DmlQueryReader.take */
static void
read_pair(void *state, Datum *values, bool *nulls)
{
	Pairs	   *pairs = state;
	int			first = pairs->side[0]->n;
	int			same = first + pairs->side[1]->n;
	float4	   *out;
	int			d;

	if (nulls[same] || !read_side(pairs, 0, values, nulls, pairs->types) ||
		!read_side(pairs, 1, values + first, nulls + first, pairs->types + first))
	{
		pairs->skipped++;
		return;
	}
	if (pairs->n == pairs->capacity)
	{
		if (pairs->capacity >= PAIR_EXACT * 8)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %lld pairs", (long long) pairs->capacity),
					 errhint("Calibrate on a sample of them.")));
		pairs->capacity *= 2;
		pairs->distance = repalloc_huge(pairs->distance, sizeof(double) * pairs->capacity);
		pairs->same = repalloc_huge(pairs->same, pairs->capacity);
	}
	d = pairs->version[0]->out;
	out = palloc(sizeof(float4) * 2 * d);
	dml_version_embed(pairs->version[0], pairs->row[0], 1, out);
	dml_version_embed(pairs->version[1], pairs->row[1], 1, out + d);
	pairs->distance[pairs->n] = distance_l2(out, out + d, d);
	pairs->same[pairs->n++] = DatumGetBool(values[same]);
}

/* DmlQueryReader.check */
static void
check_pair_types(void *state, const CachedPlanSource *source)
{
	Pairs	   *pairs = state;
	TupleDesc	desc = source->resultDesc;
	int			at = 0;

	pairs->types = palloc(sizeof(Oid) * desc->natts);
	for (int side = 0; side < 2; side++)
		for (int i = 0; i < pairs->side[side]->n; i++, at++)
		{
			bool		is_array;
			const char *name = pairs->side[side]->names[i];

			if (!dml_feature_type_ok(TupleDescAttr(desc, at)->atttypid, &is_array))
				dml_feature_type_error(name, TupleDescAttr(desc, at)->atttypid);
			dml_feature_check_kind(pairs->side[side]->n, name, is_array);
			pairs->types[at] = getBaseType(TupleDescAttr(desc, at)->atttypid);
		}
	if (getBaseType(TupleDescAttr(desc, at)->atttypid) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("same is of type %s, not boolean", format_type_be(TupleDescAttr(desc, at)->atttypid)),
				 errhint("Write a condition, e.g. same => 'judgement = 1'.")));
}

static void
read_pairs(const Arguments *arguments, Pairs *pairs)
{
	char	   *query;

	pairs->side[0] = dml_features_parse(arguments->a);
	pairs->side[1] = dml_features_parse(arguments->b);
	query = psprintf("SELECT %s\n, %s\n, %s\nFROM %s", pairs->side[0]->text, pairs->side[1]->text,
					 dml_expression_parse(arguments->same, "same")->text, dml_source_from(arguments->source));
	pairs->capacity = 1024;
	pairs->distance = palloc(sizeof(double) * pairs->capacity);
	pairs->same = palloc(pairs->capacity);
	for (int side = 0; side < 2; side++)
		pairs->row[side] = palloc(sizeof(float4) * pairs->version[side]->in);

	dml_query_read(query, &(DmlQueryReader) {check_pair_types, read_pair, pairs, NULL, NULL});
}

/* Of judged pairs. */
static LearnEnv *
curve_of_pairs(const Arguments *arguments, const DmlVersion *version, Roc *roc)
{
	Pairs		pairs = {.version = {version, version}};
	LearnEnv   *env = dml_learn_env(0);

	for (int side = 0; side < 2 && version->side[0] && version->side[1]; side++)
		pairs.version[side] = version->side[side];
	read_pairs(arguments, &pairs);
	if (pairs.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 pairs.skipped == 0 ? errmsg("source has no rows") :
				 errmsg("source has no pair without a NULL")));
	if (pairs.skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld pair with a NULL was skipped", "%lld pairs with a NULL were skipped",
							   (unsigned long) pairs.skipped, (long long) pairs.skipped)));
	dml_learn_check(env, roc_of_pairs(env, pairs.distance, pairs.same, pairs.n, roc));
	pfree(pairs.distance);
	pfree(pairs.same);
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
	version = dml_version_by_name(arguments.model);
	dml_version_pin(version, CurrentMemoryContext);
	dml_calibration_check(version);

	if (arguments.a)
		(void) curve_of_pairs(&arguments, version, &roc);
	else
		(void) curve_of_rows(&arguments, version, &roc);
	point = roc_point(&roc, operating_point(&arguments, &roc));
	if (point.threshold < 0 || point.tar == 0)
		ereport(NOTICE,
				(errmsg("the threshold accepts no pair")));

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
	int			dim;
	float4	   *x;

	if (array_contains_nulls(array))
		return NULL;
	x = dml_floats_from_array(array, &dim);
	return dml_version_embed_vector(version, x, dim);
}

/* Two vectors of the version's space; NULL where either is. */
static Datum
match(FunctionCallInfo fcinfo, const DmlVersion *version, DmlVector *a, DmlVector *b)
{
	double		threshold;
	bool		result;

	if (!dml_call_threshold(fcinfo, &threshold))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" is not calibrated", version->number, version->name),
				 errhint("SELECT * FROM dml_calibrate('%s', 'table or query', label => 'column', false_accept_rate => 0.001);",
						 version->name)));
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

/* The same of plain vectors or embeddings of the model. */
Datum
dml_match_vector(PG_FUNCTION_ARGS)
{
	const DmlVersion *version = dml_call_version(fcinfo);

	return match(fcinfo, version, match_vector(version, PG_GETARG_DML_VECTOR_P(1)), match_vector(dml_second_side(version), PG_GETARG_DML_VECTOR_P(2)));
}
