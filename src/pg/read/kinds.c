/*
 * kinds.c
 *	  From SQL values to the values that an encoder takes.
 *
 * A category is compared by its text, which must not depend on settings such as DateStyle: times
 * are written in ISO format, with a time zone in UTC, and floats in their shortest form.
 */
#include "compat.h"

#include "read/kinds.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "call/learn_env.h"

/* Features that the NOTICE of a training names. */
#define NOTICE_FEATURES	40

/* How values of a type are read. */
typedef enum Form
{
	FORM_NONE,
	FORM_NUMBER,				/* numbers, boolean, interval */
	FORM_TIME,
	FORM_NUMBERS,				/* an array of numbers, a vector */
	FORM_TEXT,					/* text and what is stored alike */
	FORM_NAMED,					/* what has a text that does not depend on settings */
	FORM_LIST,					/* an array of FORM_TEXT or FORM_NAMED */
	FORM_JSON
} Form;

struct DmlKindFit
{
	LearnEnv   *env;
	EncodeFit  *fit;
	EncodeAsk  *ask;
	int			n;
	char	  **names;
	bool		skip;
	int64		skipped;		/* rows, for a NULL */
};

/* The reading of one feature. */
typedef struct KindSource
{
	EncodeKind	kind;
	Form		form;
	Oid			type;
	Oid			element;		/* of a list */
	int16		length;
	bool		by_value;
	char		align;
	Oid			cast;			/* of a vector type of another extension */
	FmgrInfo	output;			/* of what is neither text nor written by this file */
	const char *name;
} KindSource;

struct DmlKindReader
{
	DmlKindFit *fit;			/* or NULL */
	int			n;
	KindSource *source;
	EncodeValue *value;
};

/* ---------- types ---------- */

static bool
is_time_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID || type == TIMEOID;
}

static bool
is_string_type(Oid type)
{
	char		category;
	bool		preferred;

	if (type == CHAROID)
		return false;
	if (type == UNKNOWNOID)		/* a literal in ROW('red', 1) */
		return true;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING;
}

/* The form of a base type as it is, without regard to a word. */
static Form
form_of(Oid type)
{
	bool		is_array;
	Oid			element;

	switch (type)
	{
		case INTERVALOID:
			return FORM_NUMBER;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TIMEOID:
			return FORM_TIME;
		case CHAROID:
		case UUIDOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
			return FORM_NAMED;
		case JSONBOID:
			return FORM_JSON;
	}
	if (dml_feature_type_ok(type, &is_array))
		return is_array ? FORM_NUMBERS : FORM_NUMBER;
	if (is_string_type(type))
		return FORM_TEXT;
	if (type_is_enum(type))
		return FORM_NAMED;
	element = get_base_element_type(type);
	if (OidIsValid(element) && (is_string_type(getBaseType(element)) || form_of(getBaseType(element)) == FORM_NAMED))
		return FORM_LIST;
	return FORM_NONE;
}

/* The form in which values of a type are read as a kind; FORM_NONE: they cannot be. */
static Form
form_as(Oid type, EncodeKind kind)
{
	Form		form = form_of(type);
	Oid			element = get_base_element_type(type);

	switch (kind)
	{
		case ENCODE_NUMBER:
			return form == FORM_NUMBER || form == FORM_TIME ? FORM_NUMBER : FORM_NONE;
		case ENCODE_TIME:
			return form == FORM_TIME ? form : FORM_NONE;
		case ENCODE_ARRAY:
			return form == FORM_NUMBERS ? form : FORM_NONE;
		case ENCODE_CATEGORY:
		case ENCODE_TEXT:
			if (form == FORM_NUMBER || form == FORM_TIME)
				return FORM_NAMED;
			return form == FORM_TEXT || form == FORM_NAMED ? form : FORM_NONE;
		case ENCODE_BAG:
			if (form == FORM_NUMBERS && OidIsValid(element))
				return FORM_LIST;
			return form == FORM_LIST || form == FORM_JSON ? form : FORM_NONE;
		case ENCODE_KINDS:
			break;
	}
	return FORM_NONE;
}

static bool
is_list(Form form)
{
	return form == FORM_NUMBERS || form == FORM_LIST || form == FORM_JSON;
}

/* What a feature is to become. */
static EncodeAsk
ask_for(const DmlFeatures *features, int i, Oid type)
{
	static const EncodeKind kind_of_form[] = {
		[FORM_NUMBER] = ENCODE_NUMBER,
		[FORM_TIME] = ENCODE_TIME,
		[FORM_NUMBERS] = ENCODE_ARRAY,
		[FORM_TEXT] = ENCODE_TEXT,
		[FORM_NAMED] = ENCODE_CATEGORY,
		[FORM_LIST] = ENCODE_BAG,
		[FORM_JSON] = ENCODE_BAG
	};
	Form		form = form_of(type);
	EncodeAsk	ask = {.size = features->sizes[i]};

	switch (features->words[i])
	{
		case DML_WORD_NONE:
			if (form == FORM_NONE)
				dml_feature_type_error(features->names[i], type);
			ask.kind = kind_of_form[form];
			ask.open = form == FORM_TEXT;
			break;
		case DML_WORD_NUMBER:
			ask.kind = form == FORM_NUMBERS ? ENCODE_ARRAY : ENCODE_NUMBER;
			break;
		case DML_WORD_CATEGORY:
			ask.kind = is_list(form) && (form != FORM_NUMBERS || OidIsValid(get_base_element_type(type))) ?
				ENCODE_BAG : ENCODE_CATEGORY;
			break;
		case DML_WORD_TEXT:
			ask.kind = ENCODE_TEXT;
			break;
	}
	if (ask.kind == ENCODE_TIME)
		ask.cycles = type == DATEOID ? ENCODE_WEEK | ENCODE_YEAR : type == TIMEOID ? ENCODE_DAY : ENCODE_CYCLES;
	if (form_as(type, ask.kind) == FORM_NONE)
	{
		static const char *const words[] = {
			[DML_WORD_NUMBER] = "number", [DML_WORD_CATEGORY] = "category", [DML_WORD_TEXT] = "text"
		};
		const char *word = words[features->words[i]];

		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("feature \"%s\" of type %s cannot be taken as a %s", features->names[i], format_type_be(type), word),
				 strcmp(word, "number") == 0 ? errhint("Cast it to a number, e.g. %s::double precision.", features->names[i]) :
				 errhint("Cast it to text: %s((%s)::text).", word, features->names[i])));
	}
	return ask;
}

bool
dml_kinds_needed(const DmlFeatures *features, const Oid *types)
{
	bool		needed = false;

	for (int i = 0; i < features->n; i++)
	{
		EncodeAsk	ask = ask_for(features, i, types[i]);

		if (ask.kind != ENCODE_NUMBER && (ask.kind != ENCODE_ARRAY || features->n > 1))
			needed = true;
		if (form_of(types[i]) == FORM_TIME || types[i] == INTERVALOID)
			needed = true;
	}
	return needed;
}

bool
dml_kinds_alike(const DmlFeatures *a, const Oid *types_a, const DmlFeatures *b, const Oid *types_b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
	{
		EncodeAsk	ask_a = ask_for(a, i, types_a[i]);
		EncodeAsk	ask_b = ask_for(b, i, types_b[i]);

		if (ask_a.kind != ask_b.kind || ask_a.open != ask_b.open || ask_a.size != ask_b.size)
			return false;
	}
	return true;
}

void
dml_kinds_check_numbers(char *const *names, const Oid *types, int n, const DmlVersion *version)
{
	for (int i = 0; i < n; i++)
	{
		bool		is_array;

		if (!dml_feature_type_ok(types[i], &is_array))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("feature \"%s\" of type %s cannot be taken as a number", names[i], format_type_be(types[i])),
					 version ? errdetail("Model \"%s\" was trained with the features %s, which are numbers.",
										 version->name, version->features) : 0,
					 version ? errhint("Give features of these types, or train a model on features of yours.") :
					 errhint("Cast it, e.g. to real or real[].")));
		if (n > 1 && is_array)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("feature \"%s\" is an array, and there are %d features", names[i], n),
					 version ? errdetail("Model \"%s\" was trained with the features %s.", version->name, version->features) : 0,
					 errhint("Concatenate arrays and numbers into one array: 'a || b || c'.")));
	}
}

/* ---------- fitting ---------- */

DmlKindFit *
dml_kind_fit_start(const DmlFeatures *features, const Oid *types, bool skip)
{
	DmlKindFit *fit = palloc0(sizeof(DmlKindFit));

	fit->env = dml_learn_env(0);
	fit->n = features->n;
	fit->names = features->names;
	fit->skip = skip;
	fit->ask = palloc(sizeof(EncodeAsk) * features->n);
	for (int i = 0; i < features->n; i++)
		fit->ask[i] = ask_for(features, i, types[i]);
	dml_learn_check(fit->env, encode_fit_start(fit->env, fit->ask, fit->n, &fit->fit));
	return fit;
}

/* "a number", "a category of 5 values". */
static char *
describe(const EncodeColumn *column)
{
	switch (column->kind)
	{
		case ENCODE_NUMBER:
			return "a number";
		case ENCODE_ARRAY:
			return psprintf("an array of %d numbers", column->n);
		case ENCODE_CATEGORY:
			return psprintf("a category of %d %s%s", column->n, column->n == 1 ? "value" : "values",
							column->has_other ? " and others" : "");
		case ENCODE_TEXT:
			return psprintf("a text in %d buckets", column->n);
		case ENCODE_BAG:
			return psprintf("a bag of %d %s%s", column->n, column->n == 1 ? "value" : "values",
							column->has_other ? " and others" : "");
		default:
			return psprintf("a time%s%s%s%s", column->cycles == 0 ? "" : " with the cycles of",
							column->cycles & ENCODE_DAY ? " day" : "", column->cycles & ENCODE_WEEK ? " week" : "",
							column->cycles & ENCODE_YEAR ? " year" : "");
	}
}

static void
say_kinds(const DmlKindFit *fit, const Encoder *encoder)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < fit->n && i < NOTICE_FEATURES; i++)
	{
		int64		missing = encode_fit_missing(fit->fit, i);

		appendStringInfo(&text, "%s%s as %s", i > 0 ? ", " : "", fit->names[i], describe(&encoder->column[i]));
		if (missing > 0 && !fit->skip)
			appendStringInfo(&text, " (NULL in %lld)", (long long) missing);
	}
	if (fit->n > NOTICE_FEATURES)
		appendStringInfo(&text, " and %d more", fit->n - NOTICE_FEATURES);
	ereport(NOTICE, (errmsg("features: %s", text.data)));
}

const Encoder *
dml_kind_fit_finish(DmlKindFit *fit)
{
	Encoder    *encoder;

	for (int i = 0; i < fit->n; i++)
		if (encode_fit_seen(fit->fit, i) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 fit->skip && fit->skipped > 0 ? errmsg("source has no row without a NULL feature") :
					 errmsg("feature \"%s\" is NULL in every row", fit->names[i]),
					 fit->skip && fit->skipped > 0 ? errhint("Keep such rows: options => '{\"missing\": \"impute\"}'.") :
					 errhint("Leave it out of the features.")));
	dml_learn_check(fit->env, encode_fit_finish(fit->fit, fit->skip, &encoder));
	say_kinds(fit, encoder);
	return encoder;
}

uint8 *
dml_kind_views(const Encoder *encoder)
{
	uint8	   *view = palloc(sizeof(uint8) * encoder->width);

	for (int i = 0; i < encoder->n; i++)
	{
		const EncodeColumn *column = &encoder->column[i];
		bool		numbers = column->kind == ENCODE_NUMBER || column->kind == ENCODE_ARRAY;

		for (int at = 0; at < column->width; at++)
		{
			RowsView	one = ROWS_VIEW_FOLLOWS;

			if (numbers && at < column->n)
				one = ROWS_VIEW_NUMBER;
			else if (column->kind == ENCODE_TEXT || column->kind == ENCODE_BAG || at == 0)
				one = column->kind == ENCODE_TIME ? ROWS_VIEW_NUMBER : ROWS_VIEW_WORD;
			view[column->first + at] = one;
		}
	}
	return view;
}

/* ---------- readers ---------- */

static DmlKindReader *
new_reader(char *const *names, const Oid *types, int n)
{
	DmlKindReader *reader = palloc0(sizeof(DmlKindReader));

	reader->n = n;
	reader->source = palloc0(sizeof(KindSource) * n);
	reader->value = palloc0(sizeof(EncodeValue) * n);
	for (int i = 0; i < n; i++)
	{
		reader->source[i].name = names[i];
		reader->source[i].type = getBaseType(types[i]);
	}
	return reader;
}

/* Prepare to read a feature as a kind.  Returns false if its type cannot be. */
static bool
set_kind(KindSource *source, EncodeKind kind)
{
	Oid			output;
	bool		is_varlena;
	Oid			text_type = source->type;

	source->kind = kind;
	source->form = form_as(source->type, kind);
	source->element = get_base_element_type(source->type);
	if (source->form == FORM_NUMBERS && !OidIsValid(source->element) && source->type != dml_vector_type_oid())
		source->cast = dml_feature_cast(source->type);
	if (OidIsValid(source->element) && (source->form == FORM_LIST || source->form == FORM_NUMBERS))
	{
		get_typlenbyvalalign(source->element, &source->length, &source->by_value, &source->align);
		text_type = source->element = getBaseType(source->element);
	}
	if (source->form == FORM_TEXT || source->form == FORM_NAMED || source->form == FORM_LIST)
	{
		getTypeOutputInfo(text_type, &output, &is_varlena);
		fmgr_info(output, &source->output);
	}
	return source->form != FORM_NONE;
}

DmlKindReader *
dml_kind_reader_fit(DmlKindFit *fit, const DmlFeatures *features, const Oid *types)
{
	DmlKindReader *reader;

	if (features->n != fit->n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are %d features in one place and %d in another", fit->n, features->n)));
	reader = new_reader(features->names, types, features->n);
	reader->fit = fit;
	for (int i = 0; i < features->n; i++)
		if (!set_kind(&reader->source[i], fit->ask[i].kind))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("feature \"%s\" is of another kind than \"%s\"", features->names[i], fit->names[i]),
					 errdetail("Its type is %s.", format_type_be(types[i]))));
	return reader;
}

DmlKindReader *
dml_kind_reader_new(const Encoder *encoder, char *const *names, const Oid *types, int n, const DmlVersion *version)
{
	static const char *const kind_names[] = {
		[ENCODE_NUMBER] = "a number", [ENCODE_ARRAY] = "an array of numbers", [ENCODE_CATEGORY] = "a category",
		[ENCODE_TEXT] = "a text", [ENCODE_BAG] = "a bag of categories", [ENCODE_TIME] = "a time"
	};
	DmlKindReader *reader;

	if (n != encoder->n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 version ? errmsg("model \"%s\" takes %d features, not %d", version->name, encoder->n, n) :
				 errmsg("there are %d features in one place and %d in another", encoder->n, n),
				 version ? errdetail("It was trained with the features %s.", version->features) : 0));
	reader = new_reader(names, types, n);
	for (int i = 0; i < n; i++)
		if (!set_kind(&reader->source[i], encoder->column[i].kind))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("feature \"%s\" of type %s cannot be taken as %s", names[i], format_type_be(types[i]),
							kind_names[encoder->column[i].kind]),
					 version ? errdetail("Model \"%s\" was trained with the features %s.", version->name, version->features) : 0));
	return reader;
}

bool
dml_kind_reader_suits(const DmlKindReader *reader, const Encoder *encoder)
{
	if (encoder->n != reader->n)
		return false;
	for (int i = 0; i < reader->n; i++)
		if (encoder->column[i].kind != reader->source[i].kind)
			return false;
	return true;
}

/* ---------- values ---------- */

/* A number that a real can hold, as for features without an encoder. */
static double
checked(double x, const KindSource *source, int element)
{
	dml_feature_check_number(x, source->name, element);
	return x;
}

static double
scalar(Datum value, Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return DatumGetBool(value) ? 1 : 0;
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		case DATEOID:
			return DATE_NOT_FINITE(DatumGetDateADT(value)) ? INFINITY : DatumGetDateADT(value) * (double) SECS_PER_DAY;
		case TIMEOID:
			return DatumGetTimeADT(value) / (double) USECS_PER_SEC;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)) ? INFINITY : DatumGetTimestamp(value) / (double) USECS_PER_SEC;
		case INTERVALOID:
			{
				const Interval *interval = DatumGetIntervalP(value);

#ifdef INTERVAL_NOT_FINITE
				if (INTERVAL_NOT_FINITE(interval))
					return INFINITY;
#endif
				return interval->time / (double) USECS_PER_SEC +
					(interval->day + interval->month * (double) DAYS_PER_MONTH) * SECS_PER_DAY;
			}
		default:
			return strtod(DatumGetCString(DirectFunctionCall1(numeric_out, value)), NULL);
	}
}

/* An array of numbers or a vector; NaN for an element that is NULL. */
static void
read_numbers(const KindSource *source, Datum datum, EncodeValue *value)
{
	ArrayType  *array;
	double	   *numbers;
	Datum	   *elements;
	bool	   *nulls;
	Oid			element = source->element;

	if (source->type == dml_vector_type_oid())
	{
		DmlVector  *vector = DatumGetDmlVectorP(datum);

		dml_feature_check_plain(vector, source->name);
		value->n = vector->dim;
		value->numbers = numbers = palloc(sizeof(double) * vector->dim);
		for (int i = 0; i < vector->dim; i++)
			numbers[i] = vector->x[i];
		return;
	}
	array = OidIsValid(source->cast) ? dml_feature_cast_array(source->cast, datum) : DatumGetArrayTypeP(datum);
	if (array == NULL)
	{
		value->missing = true;
		return;
	}
	dml_feature_check_array(array, source->name);
	if (OidIsValid(source->cast))
		deconstruct_array(array, element = FLOAT4OID, sizeof(float4), true, TYPALIGN_INT, &elements, &nulls, &value->n);
	else
		deconstruct_array(array, element, source->length, source->by_value, source->align, &elements, &nulls, &value->n);
	value->numbers = numbers = palloc(sizeof(double) * value->n);
	for (int i = 0; i < value->n; i++)
		numbers[i] = nulls[i] ? NAN : checked(scalar(elements[i], element), source, i + 1);
}

/* The database's encoding to UTF-8. */
static void
set_string(EncodeString *string, const char *bytes, size_t n)
{
	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		char	   *utf8 = pg_server_to_any(bytes, (int) n, PG_UTF8);

		if (utf8 != bytes)
			n = strlen(utf8);
		bytes = utf8;
	}
	string->bytes = bytes;
	string->n = n;
}

static void
invalid_time(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("feature \"%s\" is out of range", name)));
}

/* A time in ISO format, in UTC. */
static char *
time_text(Datum value, Oid type, const char *name)
{
	char		buf[MAXDATELEN + 1];
	struct pg_tm tm = {0};
	fsec_t		fsec = 0;

	if (type == TIMEOID)
	{
		time2tm(DatumGetTimeADT(value), &tm, &fsec);
		EncodeTimeOnly(&tm, fsec, false, 0, USE_ISO_DATES, buf);
	}
	else if (type == DATEOID && DATE_NOT_FINITE(DatumGetDateADT(value)))
		return DATE_IS_NOBEGIN(DatumGetDateADT(value)) ? "-infinity" : "infinity";
	else if (type == DATEOID)
	{
		j2date(DatumGetDateADT(value) + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, buf);
	}
	else if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
		return TIMESTAMP_IS_NOBEGIN(DatumGetTimestamp(value)) ? "-infinity" : "infinity";
	else if (timestamp2tm(DatumGetTimestamp(value), NULL, &tm, &fsec, NULL, NULL) != 0)
		invalid_time(name);
	else
		EncodeDateTime(&tm, fsec, false, 0, NULL, USE_ISO_DATES, buf);
	return pstrdup(buf);
}

/* The text of a value, which does not depend on settings. */
static void
read_string(KindSource *source, Oid type, Datum datum, EncodeString *string)
{
	struct varlena *text;
	size_t		n;
	char	   *bytes;

	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			text = PG_DETOAST_DATUM_PACKED(datum);
			bytes = VARDATA_ANY(text);
			n = VARSIZE_ANY_EXHDR(text);
			while (type == BPCHAROID && n > 0 && bytes[n - 1] == ' ')
				n--;
			set_string(string, bytes, n);
			return;
		case FLOAT4OID:
			bytes = palloc(FLOAT_SHORTEST_DECIMAL_LEN);
			float_to_shortest_decimal_buf(DatumGetFloat4(datum), bytes);
			break;
		case FLOAT8OID:
			bytes = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);
			double_to_shortest_decimal_buf(DatumGetFloat8(datum), bytes);
			break;
		case NUMERICOID:
			bytes = numeric_normalize(DatumGetNumeric(datum));
			break;
		case INTERVALOID:
			bytes = psprintf("%.6f s", scalar(datum, type));
			break;
		default:
			bytes = is_time_type(type) ? time_text(datum, type, source->name) : OutputFunctionCall(&source->output, datum);
	}
	set_string(string, bytes, strlen(bytes));
}

/* The elements of an array that are not NULL. */
static void
read_list(KindSource *source, Datum datum, EncodeValue *value)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	EncodeString *strings;

	deconstruct_array(DatumGetArrayTypeP(datum), source->element, source->length, source->by_value, source->align,
					  &elements, &nulls, &n);
	value->strings = strings = palloc(sizeof(EncodeString) * Max(n, 1));
	value->n = 0;
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			read_string(source, source->element, elements[i], &strings[value->n++]);
}

/* The scalars of a jsonb array, or the one scalar that the value is; null is left out. */
static void
read_json(const KindSource *source, Datum datum, EncodeValue *value)
{
	Jsonb	   *json = DatumGetJsonbP(datum);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	EncodeString *strings;

	if (!JB_ROOT_IS_ARRAY(json))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("feature \"%s\" is a JSON object", source->name),
				 errdetail("A feature of type jsonb is an array of strings, numbers and booleans, or one of these."),
				 errhint("Name its members as features, e.g. %s ->> 'colour'.", source->name)));
	value->strings = strings = palloc(sizeof(EncodeString) * Max(JB_ROOT_COUNT(json), 1));
	value->n = 0;
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		char	   *bytes;

		if (token != WJB_ELEM || item.type == jbvNull)
			continue;
		switch (item.type)
		{
			case jbvString:
				set_string(&strings[value->n++], item.val.string.val, item.val.string.len);
				break;
			case jbvNumeric:
				bytes = numeric_normalize(item.val.numeric);
				set_string(&strings[value->n++], bytes, strlen(bytes));
				break;
			case jbvBool:
				bytes = item.val.boolean ? "true" : "false";
				set_string(&strings[value->n++], bytes, strlen(bytes));
				break;
			default:
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("feature \"%s\" is a JSON array that holds another array or an object", source->name),
						 errdetail("A feature of type jsonb is an array of strings, numbers and booleans, or one of these.")));
		}
	}
}

/* value: all zeros. */
static void
read_value(KindSource *source, Datum datum, bool isnull, EncodeValue *value)
{
	EncodeString *string;

	memset(value, 0, sizeof(*value));
	value->missing = isnull;
	if (isnull)
		return;
	switch (source->form)
	{
		case FORM_NUMBER:
		case FORM_TIME:
			value->number = checked(scalar(datum, source->type), source, 0);
			break;
		case FORM_NUMBERS:
			read_numbers(source, datum, value);
			break;
		case FORM_TEXT:
		case FORM_NAMED:
			string = palloc(sizeof(EncodeString));
			read_string(source, source->type, datum, string);
			value->strings = string;
			value->n = 1;
			break;
		case FORM_LIST:
			read_list(source, datum, value);
			break;
		case FORM_JSON:
			read_json(source, datum, value);
			break;
		case FORM_NONE:
			break;
	}
}

static bool
is_missing(const KindSource *source, const EncodeValue *value)
{
	if (!value->missing && source->kind == ENCODE_ARRAY)
		for (int i = 0; i < value->n; i++)
			if (isnan(value->numbers[i]))
				return true;
	return value->missing;
}

bool
dml_kind_add(DmlKindReader *reader, const Datum *values, const bool *nulls)
{
	DmlKindFit *fit = reader->fit;
	bool		missing = false;

	for (int i = 0; i < reader->n; i++)
	{
		KindSource *source = &reader->source[i];
		EncodeValue *value = &reader->value[i];

		read_value(source, values[i], nulls[i], value);
		missing = missing || is_missing(source, value);
		if (source->kind == ENCODE_ARRAY && !value->missing && value->n > DML_MAX_DIM)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("feature \"%s\" has %d elements, more than %d", source->name, value->n, DML_MAX_DIM)));
		if (source->kind == ENCODE_ARRAY && !value->missing && !encode_fit_length(fit->fit, i, value->n))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("feature \"%s\" has rows of different lengths", source->name),
					 errdetail("A row has %d elements, and rows before it have another number.", value->n)));
	}
	if (missing && fit->skip)
	{
		fit->skipped++;
		return false;
	}
	for (int i = 0; i < reader->n; i++)
		dml_learn_check(fit->env, encode_fit_add(fit->fit, i, &reader->value[i]));
	return true;
}

bool
dml_kind_row(DmlKindReader *reader, const Encoder *encoder, const Datum *values, const bool *nulls, float4 *out)
{
	for (int i = 0; i < reader->n; i++)
	{
		KindSource *source = &reader->source[i];
		EncodeValue *value = &reader->value[i];

		read_value(source, values[i], nulls[i], value);
		if (source->kind == ENCODE_ARRAY && !value->missing && value->n != encoder->column[i].n)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("feature \"%s\" has %d elements, not %d", source->name, value->n, encoder->column[i].n),
					 errdetail("The model was trained on arrays of %d.", encoder->column[i].n)));
	}
	return encode_row(encoder, reader->value, out);
}
