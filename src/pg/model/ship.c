/*
 * ship.c
 *	  Models as files: dml_weights, dml_export, dml_import.
 *
 * The file of dml_export has the tensors of the weights and, as one string more, a description: a
 * JSON object with what the catalogue knows of the version.  dml_import makes the stored weights
 * from the tensors again.  Their hash is the space, so an embedding that was made with the model
 * elsewhere is valid here.
 *
 * Nothing in a file is trusted.  Weights and description are checked before a row is written.  The
 * features are text that somebody else wrote: the version is marked as imported, and its features
 * are then nobody's own (read/feature_confined.c).
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "call/arguments.h"
#include "catalog.h"

#define RESULT_COLUMNS	3
#define HINT			"SELECT * FROM dml_import(file, 'model');"

/* What a damaged file's message begins with in src/learn, where all files are stored models. */
#define STORED			"the stored model is damaged: "

PG_FUNCTION_INFO_V1(dml_weights);
PG_FUNCTION_INFO_V1(dml_export);
PG_FUNCTION_INFO_V1(dml_import);

/* ---------- out ---------- */

/* The stored weights of 'model' or 'model@version', for a user who may read them. */
static bytea *
read_weights(const char *reference, CatalogModel *model, int32 *number)
{
	Snapshot	snapshot = catalog_statement_snapshot();
	char		side;
	char	   *name = catalog_split_name(reference, number, &side);
	CatalogScan scan;
	HeapTuple	row;
	bytea	   *weights;

	if (!catalog_find_model(name, 0, snapshot, model))
		catalog_no_model(name);
	if (!catalog_may(GetUserId(), model->id, "weights"))
		catalog_denied(name);
	if (*number == 0)
		*number = model->active;
	catalog_key(&scan, 0, VERSION_MODEL_ID, F_INT8EQ, Int64GetDatum(model->id));
	catalog_key(&scan, 1, VERSION_NUMBER, F_INT4EQ, Int32GetDatum(*number));
	catalog_scan_begin(&scan, "version", "version_pkey", 2, snapshot);
	row = catalog_scan_next(&scan);
	if (!HeapTupleIsValid(row))
		catalog_no_version(model, *number);
	weights = DatumGetByteaPCopy(catalog_value(row, RelationGetDescr(scan.table), VERSION_WEIGHTS, BYTEAOID));
	if ((uint64) DatumGetInt64(catalog_value(row, RelationGetDescr(scan.table), VERSION_SPACE, INT8OID)) != store_space(weights))
		catalog_damaged(psprintf("Model \"%s\" version %d: the space is not that of the weights.", model->name, *number));
	catalog_scan_end(&scan);
	return weights;
}

/* dml_weights(model or model@version): the safetensors blob.  Needs the privilege "weights". */
Datum
dml_weights(PG_FUNCTION_ARGS)
{
	CatalogModel model;
	int32		number;

	PG_RETURN_BYTEA_P(read_weights(text_to_cstring(PG_GETARG_TEXT_PP(0)), &model, &number));
}

/* What the catalogue knows of a version, as JSON in UTF-8, with a checksum of its own. */
static char *
describe(const CatalogModel *model, int32 number)
{
	Oid			types[3] = {INT8OID, INT4OID, TEXTOID};
	Datum		values[3] = {Int64GetDatum(model->id), Int32GetDatum(number), CStringGetTextDatum(model->name)};
	MemoryContext caller = CurrentMemoryContext;
	CatalogAccess access;
	char	   *text;
	MemoryContext old;

	catalog_begin(&access);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (catalog_execute("SELECT (d || jsonb_build_object('sha256', encode(sha256(convert_to(d::text, 'UTF8')), 'hex')))::text FROM ("
						"SELECT to_jsonb(e) AS d FROM (SELECT $3 AS model, v.number AS version, lpad(to_hex(v.space), 16, '0') AS space, "
						"v.method, v.asked_method, v.network, v.preprocessing, v.columns, v.features, v.source, v.label, v.rows, v.skipped, "
						"v.classes, v.epochs, v.seconds, v.seed, v.metric, v.without_learning, v.whitened, v.learned, v.settings, v.history, "
						"v.candidates, v.reason, v.library_version, v.created, v.supervision, v.constraints, v.inputs_b, v.columns_b, v.features_b, "
						"(SELECT to_jsonb(c) - '{model_id,number}'::text[] FROM dml_catalog.calibration c "
						"WHERE c.model_id = v.model_id AND c.number = v.number) AS calibration "
						"FROM dml_catalog.version v WHERE v.model_id = $1 AND v.number = $2) e) f",
						3, types, values, NULL, true) != 1)
		catalog_no_version(model, number);
	text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	old = MemoryContextSwitchTo(caller);
	text = pstrdup(text);
	MemoryContextSwitchTo(old);
	catalog_end(&access);
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

static bytea *
bytes(const void *data, size_t size)
{
	bytea	   *result;

	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model is too large: %zu bytes", size)));
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), data, size);
	return result;
}

/* dml_export(model or model@version): weights and description.  Needs the privilege "weights". */
Datum
dml_export(PG_FUNCTION_ARGS)
{
	CatalogModel model;
	int32		number;
	bytea	   *weights = read_weights(text_to_cstring(PG_GETARG_TEXT_PP(0)), &model, &number);
	LearnEnv   *env = dml_learn_env(0);
	ModelSides	sides;
	void	   *blob;
	size_t		size;
	bytea	   *result;

	dml_learn_check(env, model_load_sides(env, VARDATA(weights), VARSIZE(weights) - VARHDRSZ, &sides));
	dml_learn_check(env, model_export(env, &sides, describe(&model, number), &blob, &size));
	result = bytes(blob, size);
	MemoryContextDelete(GetMemoryChunkContext(env));
	PG_RETURN_BYTEA_P(result);
}

/* ---------- in ---------- */

/* Raise the error for a file that is no model.  detail is a sentence. */
static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("the file is not a model that can be imported"),
			 errdetail("%s", detail),
			 errhint("dml_export makes such files.")));
}

/* The description as a row; NULL: the file has none. */
typedef struct Description
{
	HeapTuple	row;
	TupleDesc	desc;
} Description;

/* Error context: what was being read. */
static void
description_context(void *arg)
{
	errcontext("description of the model in the file");
}

static bool
field(const Description *d, const char *name, Datum *value)
{
	bool		isnull;

	if (d->row == NULL)
		return false;
	*value = SPI_getbinval(d->row, d->desc, SPI_fnumber(d->desc, name), &isnull);
	return !isnull;
}

static const char *
field_text(const Description *d, const char *name, const char *missing)
{
	Datum		value;

	return field(d, name, &value) ? SPI_getvalue(d->row, d->desc, SPI_fnumber(d->desc, name)) : missing;
}

/* A text that must not be empty where it is used. */
static const char *
field_name(const Description *d, const char *name, const char *missing)
{
	const char *text = field_text(d, name, missing);

	return text != NULL && text[0] == '\0' ? missing : text;
}

static int64
field_count(const Description *d, const char *name)
{
	Datum		value;
	int64		count;

	if (!field(d, name, &value))
		return 0;
	count = DatumGetInt64(value);
	if (count < 0)
		refuse(psprintf("The field \"%s\" of its description is negative.", name));
	return count;
}

static double
field_number(const Description *d, const char *name)
{
	Datum		value;

	return field(d, name, &value) ? DatumGetFloat8(value) : NAN;
}

/* JSON of the given kind, as text. */
static const char *
field_json(const Description *d, const char *name, const char *kind, const char *missing)
{
	const char *is = field_text(d, psprintf("%s_kind", name), NULL);

	if (is == NULL)
		return missing;
	if (strcmp(is, kind) != 0)
		refuse(psprintf("The field \"%s\" of its description is not an %s.", name, kind));
	return field_text(d, name, missing);
}

/*
 * The names of a model's columns, as the description has them in this field.  in: the numbers that
 * the network takes.
 */
static DmlInputKind
field_columns(const Description *d, const char *name, const Model *model, int in, char ***columns, int *n_columns)
{
	int			n = model && model->encoder ? model->encoder->n : in;
	Datum		value;
	ArrayType  *array;
	Datum	   *names;
	int			count;

	*n_columns = n;
	if (!field(d, name, &value))
	{
		if (model && model->encoder)
			refuse("Its features are of several kinds, and it does not name them.");
		return DML_INPUT_ARRAY;
	}
	array = DatumGetArrayTypeP(value);
	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != n || array_contains_nulls(array))
		refuse(psprintf("The field \"%s\" of its description does not name %d inputs.", name, n));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &count);
	*columns = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
		(*columns)[i] = TextDatumGetCString(names[i]);
	return DML_INPUT_COLUMNS;
}

/* Take the description apart. */
static void
read_description(const char *utf8, Description *d)
{
	ErrorContextCallback callback = {error_context_stack, description_context, NULL};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;
	CatalogAccess access;
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	Datum		whole;

	*d = (Description) {NULL, NULL};
	if (utf8 == NULL)
		return;
	error_context_stack = &callback;
	values[0] = CStringGetTextDatum(pg_any_to_server(utf8, strlen(utf8), PG_UTF8));
	catalog_begin(&access);
	(void) catalog_execute("SELECT j.is_object, encode(sha256(convert_to((j.d - 'sha256')::text, 'UTF8')), 'hex') = (j.d ->> 'sha256') AS whole, "
						   "r.*, jsonb_typeof(r.settings) AS settings_kind, jsonb_typeof(r.history) AS history_kind, "
						   "jsonb_typeof(r.candidates) AS candidates_kind, "
						   "c.threshold, c.criterion, c.target, c.false_accept_rate, c.true_accept_rate, c.accuracy, c.\"precision\", "
						   "c.genuine_pairs, c.impostor_pairs, c.source AS calibrated_on FROM ("
						   "SELECT jsonb_typeof(d) = 'object' AS is_object, CASE jsonb_typeof(d) WHEN 'object' THEN d ELSE '{}'::jsonb END AS d "
						   "FROM (SELECT $1::jsonb AS d) i) j, jsonb_to_record(j.d) AS r ("
						   "space text, method text, asked_method text, columns text[], features text, source text, label text, "
						   "rows bigint, skipped bigint, classes bigint, epochs bigint, seconds double precision, seed bigint, metric text, "
						   "without_learning double precision, whitened double precision, learned double precision, settings jsonb, "
						   "history jsonb, candidates jsonb, reason text, supervision text, constraints bigint, inputs_b bigint, columns_b text[], "
						   "features_b text, calibration jsonb), "
						   "jsonb_to_record(CASE jsonb_typeof(r.calibration) WHEN 'object' THEN r.calibration ELSE '{}'::jsonb END) AS c ("
						   "threshold double precision, criterion text, target double precision, false_accept_rate double precision, "
						   "true_accept_rate double precision, accuracy double precision, \"precision\" double precision, "
						   "genuine_pairs bigint, impostor_pairs bigint, source text)",
						   1, types, values, NULL, true);
	d->row = SPI_copytuple(SPI_tuptable->vals[0]);
	old = MemoryContextSwitchTo(caller);
	d->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
	MemoryContextSwitchTo(old);
	catalog_end(&access);
	error_context_stack = callback.previous;
	if (!field(d, "is_object", &whole) || !DatumGetBool(whole))
		refuse("Its description is not a JSON object.");
	if (field(d, "whole", &whole) && !DatumGetBool(whole))
		refuse("Its description was changed or damaged: the checksum is another one.");
}

static int
small(int64 count)
{
	return (int) Min(count, PG_INT32_MAX);
}

/*
 * The version that a description and the sides of a model make.  features: NULL: the description's.
 */
static DmlNewVersion
new_version(const Description *d, const ModelSides *sides, const char *name, const char *features)
{
	DmlNewVersion v = {.name = name,.imported = features == NULL};
	char	   *line = palloc(NET_LINE_MAX);
	Datum		seed;

	netspec_print(&sides->a->net->spec, line, NET_LINE_MAX);
	v.network = line;
	v.preprocessing = prep_name(sides->a->prep->kind);
	v.in = model_in(sides->a);
	v.dims = model_out(sides->a);
	v.method = field_name(d, "method", "imported");
	v.asked_method = field_name(d, "asked_method", v.method);
	v.source = field_text(d, "source", "");
	v.features = features ? features : field_name(d, "features", NULL);
	if (v.features == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("features must be given"),
				 errdetail("The file does not say what the model's %d inputs are.", v.in),
				 errhint("SELECT * FROM dml_import(file, 'model', features => 'x');")));
	v.label = field_text(d, "label", NULL);
	v.input_kind = field_columns(d, "columns", sides->a, v.in, &v.columns, &v.n_columns);
	v.rows = field_count(d, "rows");
	v.skipped = field_count(d, "skipped");
	v.classes = small(field_count(d, "classes"));
	v.epochs = small(field_count(d, "epochs"));
	v.seconds = field(d, "seconds", &seed) ? field_number(d, "seconds") : 0;
	if (!(v.seconds >= 0 && isfinite(v.seconds)))
		refuse("The field \"seconds\" of its description is not a number of at least 0.");
	v.seed = field(d, "seed", &seed) ? DatumGetInt64(seed) : 0;
	v.score_name = field_text(d, "metric", NULL);
	v.score_none = field_number(d, "without_learning");
	v.score_whiten = field_number(d, "whitened");
	v.score_model = field_number(d, "learned");
	v.settings = field_json(d, "settings", "object", "{}");
	v.history = field_json(d, "history", "array", "[]");
	v.candidates = field_json(d, "candidates", "array", "[]");
	v.reason = field_text(d, "reason", NULL);
	v.supervision = field_name(d, "supervision", "none");
	v.constraints = field_count(d, "constraints");
	v.features_b = field_name(d, "features_b", NULL);
	if (sides->b && !sides->adapter && v.features_b == NULL)
		refuse("It has two inputs, and does not say what the second one is.");
	if (sides->b == NULL)
		v.features_b = NULL;
	if (v.features_b)
	{
		v.in_b = sides->adapter ? small(field_count(d, "inputs_b")) : model_in(sides->b);
		v.input_kind_b = field_columns(d, "columns_b", sides->adapter ? NULL : sides->b, v.in_b, &v.columns_b, &v.n_columns_b);
	}
	return v;
}

/* The threshold in the description, for the new version.  Returns false if there is none. */
static bool
new_calibration(const Description *d, DmlCalibration *c)
{
	Datum		value;

	if (!field(d, "threshold", &value))
		return false;
	*c = (DmlCalibration) {.threshold = DatumGetFloat8(value),.criterion = field_name(d, "criterion", "imported"),
		.target = field_number(d, "target"),.far = field_number(d, "false_accept_rate"),.tar = field_number(d, "true_accept_rate"),
		.accuracy = field_number(d, "accuracy"),.precision = field_number(d, "precision"),
		.genuine = field_count(d, "genuine_pairs"),.impostor = field_count(d, "impostor_pairs"),
	.source = field_text(d, "calibrated_on", "")};
	if (!(c->threshold >= 0 && isfinite(c->threshold)))
		refuse("Its threshold is not a number of at least 0.");
	return true;
}

/* The number of the version of this model and space; 0: there is none. */
static int32
find_version(const char *name, uint64 space)
{
	Oid			types[2] = {TEXTOID, INT8OID};
	Datum		values[2] = {CStringGetTextDatum(name), Int64GetDatum((int64) space)};
	CatalogAccess access;
	int32		number = 0;
	bool		isnull;

	catalog_begin(&access);
	if (catalog_execute("SELECT min(v.number) FROM dml_catalog.version v JOIN dml_catalog.model m ON m.id = v.model_id "
						"WHERE m.name = $1 AND v.space = $2", 2, types, values, NULL, true) == 1)
		number = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	catalog_end(&access);
	return number;
}

/* Take the file apart: the model, and its description or NULL. */
static void
read_file(LearnEnv *env, bytea *file, ModelSides *sides, const char **description)
{
	LearnStatus status = model_import(env, VARDATA_ANY(file), VARSIZE_ANY_EXHDR(file), sides, description);

	if (status == LEARN_CORRUPT)
	{
		const char *why = env->message;

		if (strncmp(why, STORED, strlen(STORED)) == 0)
			why += strlen(STORED);
		refuse(psprintf("What is wrong: %s.", why));
	}
	dml_learn_check(env, status);
}

/* dml_import(file, name, features, activate) */
Datum
dml_import(PG_FUNCTION_ARGS)
{
	bytea	   *file = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_PP(0);
	char	   *name = text_argument(fcinfo, 1);
	char	   *features = text_argument(fcinfo, 2);
	bool		activate = PG_ARGISNULL(3) || PG_GETARG_BOOL(3);
	LearnEnv   *env;
	ModelSides	sides;
	const char *utf8;
	const char *space_text;
	char		space_is[17];
	void	   *blob;
	size_t		size;
	Description description;
	DmlNewVersion version;
	DmlCalibration calibration;
	bool		calibrated;
	uint64		space;
	int32		number;
	TupleDesc	desc;
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PreventCommandIfReadOnly("dml_import()");
	PreventCommandIfParallelMode("dml_import()");
	need_argument(file, "file", HINT);
	need_argument(name, "name", HINT);
	if (features != NULL && features[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features must not be empty")));
	dml_version_check_name(name);

	env = dml_learn_env(0);
	read_file(env, file, &sides, &utf8);
	dml_learn_check(env, model_save_sides(env, &sides, &blob, &size));
	space = store_space(bytes(blob, size));
	snprintf(space_is, sizeof(space_is), "%016llx", (unsigned long long) space);

	read_description(utf8, &description);
	space_text = field_text(&description, "space", NULL);
	if (space_text && strcmp(space_text, space_is) != 0)
		refuse(psprintf("Its weights are of space %s, and it says %s.", space_is, space_text));
	version = new_version(&description, &sides, name, features);
	version.weights = blob;
	version.weights_size = size;
	version.inactive = !activate;
	calibrated = new_calibration(&description, &calibration);

	number = features == NULL ? find_version(name, space) : 0;
	if (number > 0)
		ereport(NOTICE,
				(errmsg("model \"%s\" has this function already, as version %d", name, number),
				 errhint("SELECT dml_activate('%s', %d); makes it the active one.", name, number)));
	else
	{
		number = dml_version_add(&version);
		if (calibrated)
			calibration_store(name, 0, number, &calibration);
	}
	MemoryContextDelete(GetMemoryChunkContext(env));

	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(number);
	values[2] = CStringGetTextDatum(space_is);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
