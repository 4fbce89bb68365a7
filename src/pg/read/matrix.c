/*
 * matrix.c
 *	  Reads a labelled source into a matrix.
 *
 * Rows come through a read-only cursor, as the current user, a few at a time.  They are stored in
 * the order in which they come (matrix_store.c).  src/learn sees a permutation of them by the hash
 * of their content, so a model does not depend on the heap's order or on the plan.
 */
#include "compat.h"

#include "read/matrix.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/rng.h"
#include "read/feature.h"
#include "read/feature_confined.h"
#include "read/kinds.h"
#include "read/matrix_class.h"
#include "read/matrix_store.h"
#include "read/query.h"
#include "read/rounding.h"
#include "read/source.h"

/* The content of DmlMatrix.store. */
typedef struct MatrixState
{
	MatrixStore *store;
	int64	   *place;			/* row number to place in the store; rows without a label last */
	int32	   *class;			/* by place in the store, -1: none; NULL: no labels */
} MatrixState;

/* How a source is read this time, and whether it must be read again. */
typedef struct Pass
{
	const double *origin;		/* n_origin, to be subtracted; NULL: none */
	int			n_origin;
	const Encoder *encoder;		/* or NULL */
	DmlMissing	missing;
	bool		first;			/* fit an encoder or choose an origin if there is need for one */
	bool		fits;			/* fit an encoder in any case */
	MemoryContext context;		/* of what is fitted and chosen */

	/* set by the first pass; all unset: it has read the rows */
	const Encoder *fitted;
	double	   *chosen;			/* n_chosen, an origin */
	int			n_chosen;
	bool		must_fit;		/* a NULL is to be filled in */
} Pass;

/* The reading of one source. */
typedef struct Reader
{
	DmlMatrix  *matrix;
	MatrixState *state;
	DmlClasses *classes;
	size_t		limit;
	const DmlFeatures *features;
	DmlConfined *confined;		/* computes the features; NULL: the query does */
	int			n_targets;		/* columns of the query before the label */
	Datum	   *values;			/* confined: the features of the current row */
	bool	   *nulls;
	Oid		   *types;			/* base types of the features */
	bool		is_array;
	struct Pass *pass;
	const DmlVersion *version;	/* or NULL */
	DmlKindReader *kinds;		/* fits or applies an encoder; NULL: the features are numbers */
	DmlKindFit *fit;			/* an encoder is being fitted: rows are not kept */
	int64		without;		/* rows skipped for a NULL feature */
	bool		has_label;
	bool		partly;			/* rows without a label are kept */
	int64		kept;			/* rows in the store */
	DmlRounding *rounding;		/* or NULL */
	const double *given;		/* n_given, the origin; NULL: there is none */
	int			n_given;
	const double *origin;		/* row_max; NULL: nothing is subtracted */
	float4	   *row;			/* the current row */
	int			row_max;
	int64		seen;			/* rows read, skipped ones included */
	int64		capacity;		/* of hash and class */
	uint64	   *hash;			/* by place in the store */
	DmlExtra   *extra;			/* arrays by place in the store, until order_rows */
	int			n_extra;
	Oid		   *extra_types;
	MemoryContext context;		/* of the matrix */
} Reader;

/*
 * A hash of a row's numbers, equal for bytes and floats.  It uses four independent chains, because
 * one chain would wait for its multiplications.
 */
uint64
matrix_hash_row(const float4 *row, int d, uint64 *second)
{
	uint64		lane[4] = {1, 2, 3, 4};
	int			i = 0;

	for (; i + 8 <= d; i += 8)
	{
		uint64		word[4];

		memcpy(word, row + i, sizeof(word));
		for (int j = 0; j < 4; j++)
		{
			lane[j] = (lane[j] ^ word[j]) * UINT64CONST(0x9e3779b97f4a7c15);
			lane[j] ^= lane[j] >> 32;
		}
	}
	for (; i < d; i++)
	{
		uint32		word;

		memcpy(&word, row + i, sizeof(word));
		lane[i & 3] = (lane[i & 3] ^ word) * UINT64CONST(0x9e3779b97f4a7c15);
		lane[i & 3] ^= lane[i & 3] >> 32;
	}
	if (second)
		*second = rng_mix(rng_mix(rng_mix(rng_mix(lane[3]) ^ lane[2]) ^ lane[1]) ^ lane[0]);
	return rng_mix(rng_mix(rng_mix(rng_mix(lane[0]) ^ lane[1]) ^ lane[2]) ^ lane[3]);
}

static LearnStatus
fetch_rows(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	MatrixState *state = ctx;

	matrix_store_read(state->store, state->place, index, count, out);
	return LEARN_OK;
}

#define PLACE_OFFSETS	65536.0

void
dml_extra_place(double number, ItemPointer tid)
{
	double		block = floor(number / PLACE_OFFSETS);

	ItemPointerSet(tid, (BlockNumber) block, (OffsetNumber) (number - block * PLACE_OFFSETS));
}

double
dml_extra_number(const ItemPointerData *tid)
{
	return ItemPointerGetBlockNumber(tid) * PLACE_OFFSETS + ItemPointerGetOffsetNumber(tid);
}

/*
 * The value as a double: a number, a time in days or microseconds, or a row's place, whose 48 bits
 * a double holds.
 */
static double
extra_number(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
		case DATEOID:
			return DatumGetInt32(value);
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return (double) DatumGetInt64(value);
		case TIDOID:
			return dml_extra_number((ItemPointer) DatumGetPointer(value));
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
	}
}

static void
check_extra(const DmlExtra *extra, Oid type, Oid collation)
{
	static const Oid numbers[] = {INT2OID, INT4OID, INT8OID, FLOAT4OID, FLOAT8OID, NUMERICOID, DATEOID, TIMESTAMPOID, TIMESTAMPTZOID};

	if (extra->classes)
	{
		matrix_class_type(extra->classes, type, collation);
		return;
	}
	if (extra->place && type == TIDOID)
		return;
	for (int i = 0; i < lengthof(numbers); i++)
		if (numbers[i] == type)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is of type %s, which is neither a number nor a time", extra->what, format_type_be(type)),
			 strcmp(extra->what, "target") == 0 ? errhint("Cast it to double precision.") :
			 errhint("Cast it to double precision or to timestamptz.")));
}

/* Choose how features of these types are read. */
static void
start_kinds(Reader *reader)
{
	Pass	   *pass = reader->pass;
	const DmlFeatures *features = reader->features;
	MemoryContext old;

	if (pass->missing == DML_MISSING_CHOOSE)
		pass->missing = features->n > 1 ? DML_MISSING_IMPUTE : DML_MISSING_SKIP;
	if (pass->encoder)
		reader->kinds = dml_kind_reader_new(pass->encoder, features->names, reader->types, features->n, reader->version);
	else if (pass->fits || (pass->first && dml_kinds_needed(features, reader->types)))
	{
		old = MemoryContextSwitchTo(pass->context);
		reader->fit = dml_kind_fit_start(features, reader->types, pass->missing == DML_MISSING_SKIP);
		MemoryContextSwitchTo(old);
		reader->kinds = dml_kind_reader_fit(reader->fit, features, reader->types);
	}
	else
	{
		dml_kinds_check_numbers(features->names, reader->types, features->n, reader->version);
		(void) dml_feature_type_ok(reader->types[0], &reader->is_array);
	}
}

/* DmlQueryReader.check */
static void
check_query(void *state, const CachedPlanSource *source)
{
	Reader	   *reader = state;
	TupleDesc	desc = source->resultDesc;
	int			n = reader->features->n;
	int			label = reader->n_targets;
	bool		has_label = reader->has_label;
	MemoryContext old;

	dml_query_check_targets(source, "features and label");
	reader->types = palloc(sizeof(Oid) * n);
	if (reader->confined)
	{
		dml_confined_compile(reader->confined, desc, reader->types);
		reader->values = palloc(sizeof(Datum) * n);
		reader->nulls = palloc(sizeof(bool) * n);
	}
	for (int i = 0; i < n; i++)
	{
		Oid			type = reader->confined ? reader->types[i] : TupleDescAttr(desc, i)->atttypid;

		reader->types[i] = getBaseType(type);
	}
	start_kinds(reader);
	if (has_label)
		matrix_class_type(reader->classes, TupleDescAttr(desc, label)->atttypid,
						  TupleDescAttr(desc, label)->attcollation);
	reader->extra_types = palloc(sizeof(Oid) * Max(reader->n_extra, 1));
	for (int e = 0; e < reader->n_extra; e++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, label + has_label + e);

		reader->extra_types[e] = getBaseType(attribute->atttypid);
		check_extra(&reader->extra[e], reader->extra_types[e], attribute->attcollation);
	}
	reader->row_max = reader->pass->encoder ? reader->pass->encoder->width : reader->is_array ? DML_MAX_DIM : n;
	reader->row = palloc(sizeof(float4) * reader->row_max);
	/* what follows is used when the query is done */
	old = MemoryContextSwitchTo(reader->context);
	if (reader->given)
	{
		double	   *origin = palloc0(sizeof(double) * reader->row_max);

		/* rows of another length than the model takes are refused later */
		memcpy(origin, reader->given, sizeof(double) * Min(reader->n_given, reader->row_max));
		reader->origin = origin;
	}
	if (reader->kinds == NULL && dml_rounding_may(reader->features, reader->types))
		reader->rounding = dml_rounding_start(reader->features, reader->types, reader->origin);
	MemoryContextSwitchTo(old);
}

/* Room in the arrays by row for one row more. */
static void
grow(Reader *reader)
{
	if (reader->kept < reader->capacity)
		return;
	reader->capacity *= 2;
	reader->hash = repalloc_huge(reader->hash, sizeof(uint64) * reader->capacity);
	if (reader->has_label)
		reader->state->class = repalloc_huge(reader->state->class, sizeof(int32) * reader->capacity);
	for (int e = 0; e < reader->n_extra; e++)
	{
		DmlExtra   *extra = &reader->extra[e];

		if (extra->classes)
			extra->class = repalloc_huge(extra->class, sizeof(int32) * reader->capacity);
		else
			extra->number = repalloc_huge(extra->number, sizeof(double) * reader->capacity);
	}
}

/*
 * Read the extras of the current row; nothing if it has no label.  Error: a value that cannot be
 * compared.
 */
static void
read_extras(Reader *reader, const Datum *values, bool labeled)
{
	int64		row = reader->kept;

	for (int e = 0; e < reader->n_extra; e++)
	{
		DmlExtra   *extra = &reader->extra[e];

		if (!labeled && extra->classes)
			extra->class[row] = -1;
		else if (!labeled)
			extra->number[row] = 0;
		else if (extra->classes)
			extra->class[row] = matrix_class_of(extra->classes, values[e]);
		else
			extra->number[row] = extra_number(values[e], reader->extra_types[e]);
		if (!extra->classes && isnan(extra->number[row]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s is not a number in row %lld", extra->what, (long long) reader->seen)));
	}
}

/*
 * Write the numbers of the features to reader->row and return how many there are, which may be more
 * than there is room for.  Returns -1 if a feature is NULL.
 */
static int
read_features(Reader *reader, const Datum *values, const bool *nulls)
{
	int			count = 0;

	if (reader->kinds)
		return dml_kind_row(reader->kinds, reader->pass->encoder, values, nulls, reader->row) ? reader->pass->encoder->width : -1;
	for (int i = 0; i < reader->features->n; i++)
	{
		int			filled = dml_feature_floats(values[i], nulls[i], reader->types[i], reader->features->names[i],
												reader->origin ? reader->origin + Min(count, reader->row_max) : NULL,
												reader->row + count, reader->row_max - count);

		if (filled < 0)
			return -1;
		count += filled;
	}
	return count;
}

/* DmlQueryReader.take */
static void
read_row(void *state, Datum *values, bool *nulls)
{
	Reader	   *reader = state;
	Rows	   *rows = &reader->matrix->rows;
	int			label = reader->n_targets;
	int			count;
	bool		labeled = true;
	const Datum *features = reader->confined ? reader->values : values;
	const bool *missing = reader->confined ? reader->nulls : nulls;

	reader->seen++;
	for (int e = 0; e < reader->has_label + reader->n_extra; e++)
		labeled = labeled && !nulls[label + e];
	if (!labeled && !reader->partly)
		return;
	if (reader->confined)
		dml_confined_eval(reader->confined, values, nulls, reader->values, reader->nulls);
	if (reader->fit)
	{
		if (dml_kind_add(reader->kinds, features, missing))
			reader->kept++;
		return;
	}
	count = read_features(reader, features, missing);
	if (count < 0)
	{
		reader->without++;
		return;
	}

	if (rows->d == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->context);

		if (count > reader->row_max)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("feature \"%s\" has %d elements, more than %d",
							reader->features->names[0], count, DML_MAX_DIM)));
		rows->d = count;
		reader->state->store = matrix_store_new(count, reader->limit);
		MemoryContextSwitchTo(old);
	}
	if (count != rows->d)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("feature \"%s\" has rows of different lengths", reader->features->names[0]),
				 errdetail("Row %lld has %d elements, rows before it have %d.",
						   (long long) reader->seen, count, rows->d)));

	if (reader->rounding != NULL)
		dml_rounding_add(reader->rounding, features, reader->row, count);

	/* -0 becomes 0, to which it is equal */
	for (int i = 0; i < count; i++)
		reader->row[i] += 0.0f;

	grow(reader);
	reader->hash[reader->kept] = matrix_hash_row(reader->row, count, NULL);
	if (reader->has_label)
		reader->state->class[reader->kept] = labeled ? matrix_class_of(reader->classes, values[label]) : -1;
	read_extras(reader, values + label + reader->has_label, labeled);
	matrix_store_add(reader->state->store, reader->row);
	reader->kept++;
	if (labeled)
		rows->n++;
}

/*
 * The order of rows: those with a label first, then by content: the hash of the features, then the
 * class.  Equal rows are interchangeable.
 */
static int
compare_rows(const void *a, const void *b, void *arg)
{
	const Reader *reader = arg;
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	CHECK_FOR_INTERRUPTS();
	if (reader->partly && (reader->state->class[x] < 0) != (reader->state->class[y] < 0))
		return reader->state->class[x] < 0 ? 1 : -1;
	if (reader->hash[x] != reader->hash[y])
		return reader->hash[x] < reader->hash[y] ? -1 : 1;
	if (reader->has_label && reader->state->class[x] != reader->state->class[y])
	{
		uint64		hash_x = matrix_class_hash(reader->classes, reader->state->class[x]);
		uint64		hash_y = matrix_class_hash(reader->classes, reader->state->class[y]);

		return hash_x < hash_y ? -1 : hash_x > hash_y;
	}
	return 0;
}

/* Put extras from the order of the store into that of the rows. */
static void
order_extra(Reader *reader, DmlExtra *extra)
{
	const int64 *place = reader->state->place;
	int64		n = reader->kept;

	if (extra->classes)
	{
		int32	   *ordered = MemoryContextAllocHuge(reader->context, sizeof(int32) * n);

		for (int64 i = 0; i < n; i++)
			ordered[i] = extra->class[place[i]];
		pfree(extra->class);
		extra->class = ordered;
	}
	else
	{
		double	   *ordered = MemoryContextAllocHuge(reader->context, sizeof(double) * n);

		for (int64 i = 0; i < n; i++)
			ordered[i] = extra->number[place[i]];
		pfree(extra->number);
		extra->number = ordered;
	}
}

/* Number the rows by content. */
static void
order_rows(Reader *reader)
{
	DmlMatrix  *matrix = reader->matrix;
	int64		n = reader->kept;

	reader->state->place = MemoryContextAllocHuge(reader->context, sizeof(int64) * n);
	for (int64 i = 0; i < n; i++)
		reader->state->place[i] = i;
	qsort_arg(reader->state->place, n, sizeof(int64), compare_rows, reader);

	matrix->row_hash = MemoryContextAllocHuge(reader->context, sizeof(uint64) * n);
	for (int64 i = 0; i < n; i++)
		matrix->row_hash[i] = reader->hash[reader->state->place[i]];
	matrix->rows.hash = matrix->row_hash;
	pfree(reader->hash);
	for (int e = 0; e < reader->n_extra; e++)
		order_extra(reader, &reader->extra[e]);
}

static char *
build_query(const char *source, const char *targets, const DmlFeatures *label, const DmlExtra *extra, int n_extra,
			const char *key)
{
	StringInfoData query;

	/* A newline ends a comment at the end of a text. */
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT %s\n", targets);
	if (label != NULL)
		appendStringInfo(&query, ", %s\n", label->text);
	for (int e = 0; e < n_extra; e++)
		appendStringInfo(&query, ", %s\n", dml_expression_parse(extra[e].text, extra[e].what)->text);
	appendStringInfo(&query, "%s%sFROM %s", key, *key ? "\n" : "", dml_source_from(source));
	return query.data;
}

/* A sentence that says which of features, label and extras is NULL in every row. */
static char *
null_detail(const Reader *reader, const bool *has_value)
{
	int			n = reader->features->n;
	const char **names = palloc(sizeof(char *) * (n + 1 + reader->n_extra));

	for (int i = 0; i < n; i++)
		names[i] = reader->features->names[i];
	if (reader->has_label)
		names[n++] = "label";
	for (int e = 0; e < reader->n_extra; e++)
		names[n++] = reader->extra[e].what;
	return dml_null_columns_detail(has_value, names, n);
}

static void
report_skipped(const Reader *reader, const bool *has_value)
{
	const DmlMatrix *matrix = reader->matrix;
	const char *what = reader->partly ? "feature" : reader->has_label ? "feature or label" :
	reader->n_extra > 0 ? psprintf("feature or %s", reader->extra[0].what) : "feature";

	if (reader->kept == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 matrix->skipped == 0 ? errmsg("source has no rows") :
				 errmsg("source has no row without a NULL %s", what),
				 matrix->skipped == 0 || reader->confined ? 0 : errdetail("%s", null_detail(reader, has_value))));
	if (matrix->skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row with a NULL %s was skipped",
							   "%lld rows with a NULL %s were skipped",
							   (unsigned long) matrix->skipped, (long long) matrix->skipped, what)));
}

/*
 * Whether the first pass has found that the source must be read again; sets in pass why.  Errors:
 * no encoder can be fitted.
 */
static bool
must_read_again(Reader *reader, const bool *has_value)
{
	Pass	   *pass = reader->pass;
	MemoryContext old;

	if (reader->fit)
	{
		reader->matrix->skipped = reader->seen - reader->kept;
		if (reader->kept == 0)
			report_skipped(reader, has_value);
		old = MemoryContextSwitchTo(pass->context);
		pass->fitted = dml_kind_fit_finish(reader->fit);
		MemoryContextSwitchTo(old);
		return true;
	}
	if (!pass->first)
		return false;
	pass->must_fit = reader->without > 0 && pass->missing == DML_MISSING_IMPUTE;
	if (!pass->must_fit && reader->rounding != NULL && reader->kept > 0)
	{
		old = MemoryContextSwitchTo(pass->context);
		pass->chosen = dml_rounding_origin(&reader->rounding, 1, pass->n_chosen = reader->matrix->rows.d);
		MemoryContextSwitchTo(old);
	}
	return pass->must_fit || pass->chosen != NULL;
}

/* Read a source.  NULL: it must be read again. */
static DmlMatrix *
read_once(const DmlMatrixSource *what, Pass *pass)
{
	const char *features = what->features ? what->features : what->version->features;
	const char *source = what->source;
	const char *label = what->label;
	DmlExtra   *extra = what->extra;
	int			n_extra = what->n_extra;
	Reader		reader = {0};
	DmlMatrix  *matrix;
	const char *targets;
	char	   *query;
	char	   *keyed = NULL;
	char	   *key;
	int			n_key;
	bool	   *has_value;
	MemoryContext old;

	reader.context = AllocSetContextCreate(CurrentMemoryContext, "dml matrix", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(reader.context);
	reader.features = dml_features_parse(features);
	targets = reader.features->text;
	reader.n_targets = reader.features->n;
	if (what->features == NULL)
		reader.confined = dml_confined_features(what->version, reader.features, GetUserId());
	if (reader.confined)
		targets = dml_confined_columns(reader.confined, &reader.n_targets);
	query = build_query(source, targets, label ? dml_expression_parse(label, "label") : NULL,
						extra, n_extra, "");
	key = dml_source_key(source, &n_key);
	if (n_key > 0)
		keyed = build_query(source, targets, label ? dml_expression_parse(label, "label") : NULL,
							extra, n_extra, key);
	reader.matrix = matrix = palloc0(sizeof(DmlMatrix));
	reader.state = palloc0(sizeof(MatrixState));
	reader.classes = what->classes;
	reader.limit = what->limit;
	reader.given = pass->origin;
	reader.n_given = pass->n_origin;
	reader.pass = pass;
	reader.version = what->version;
	reader.has_label = label != NULL;
	reader.partly = what->partly;
	reader.capacity = 1024;
	reader.hash = palloc(sizeof(uint64) * reader.capacity);
	if (reader.has_label)
		reader.state->class = palloc(sizeof(int32) * reader.capacity);
	reader.extra = extra;
	reader.n_extra = n_extra;
	for (int e = 0; e < n_extra; e++)
	{
		if (extra[e].classes)
			extra[e].class = palloc(sizeof(int32) * reader.capacity);
		else
			extra[e].number = palloc(sizeof(double) * reader.capacity);
	}
	MemoryContextSwitchTo(old);

	has_value = dml_query_read(query, &(DmlQueryReader) {check_query, read_row, &reader, what->progress, what->ctx, keyed, n_key});

	if (must_read_again(&reader, has_value))
	{
		if (reader.state->store)
			matrix_store_close(reader.state->store);
		MemoryContextDelete(reader.context);
		return NULL;
	}
	matrix->origin = reader.origin;
	matrix->encoder = pass->encoder;
	matrix->rows.balanced = pass->encoder != NULL;
	if (pass->encoder)
	{
		old = MemoryContextSwitchTo(reader.context);
		matrix->rows.view = dml_kind_views(pass->encoder);
		MemoryContextSwitchTo(old);
	}
	matrix->skipped = reader.seen - reader.kept;
	matrix->rows.n_unlabeled = reader.kept - matrix->rows.n;
	report_skipped(&reader, has_value);
	if (reader.rounding != NULL)
		dml_rounding_report(reader.rounding, !what->centres);
	matrix_store_finish(reader.state->store);
	order_rows(&reader);

	matrix->rows.fetch = fetch_rows;
	matrix->rows.ctx = reader.state;
	matrix->store = reader.state;
	if (reader.is_array)
		matrix->input_kind = DML_INPUT_ARRAY;
	else
	{
		matrix->input_kind = DML_INPUT_COLUMNS;
		matrix->n_columns = reader.features->n;
		matrix->columns = reader.features->names;
	}
	return matrix;
}

/* Forget the classes of a pass. */
static void
clear_classes(const DmlMatrixSource *what)
{
	if (what->classes)
		matrix_class_clear(what->classes);
	for (int e = 0; e < what->n_extra; e++)
		if (what->extra[e].classes)
			matrix_class_clear(what->extra[e].classes);
}

DmlMatrix *
dml_matrix_read(const DmlMatrixSource *what)
{
	Pass		pass = {.missing = what->missing,.context = CurrentMemoryContext,.first = what->centres,
		.origin = what->origin,.n_origin = what->n_origin,.encoder = what->encoder};
	DmlMatrix  *matrix;

	if (what->version)
	{
		pass.encoder = what->version->model->encoder;
		pass.origin = what->version->model->origin;
		pass.n_origin = what->version->in;
	}
	matrix = read_once(what, &pass);
	while (matrix == NULL)
	{
		clear_classes(what);
		pass.first = false;
		pass.fits = pass.must_fit && pass.fitted == NULL;
		pass.encoder = pass.fitted;
		pass.origin = pass.chosen;
		pass.n_origin = pass.n_chosen;
		matrix = read_once(what, &pass);
	}
	return matrix;
}

char **
dml_matrix_label(DmlMatrix **matrices, int count, DmlClasses *classes, int *n_classes)
{
	int32	   *rank;
	char	  **texts;

	*n_classes = matrix_class_count(classes);
	rank = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(*n_classes, 1));
	texts = matrix_class_rank(classes, rank);
	for (int m = 0; m < count; m++)
	{
		Rows	   *rows = &matrices[m]->rows;
		MatrixState *state = matrices[m]->store;
		int32	   *label;

		if (state->class == NULL)
			continue;
		label = MemoryContextAllocHuge(GetMemoryChunkContext(matrices[m]), sizeof(int32) * rows->n);
		for (int64 i = 0; i < rows->n; i++)
			label[i] = rank[state->class[state->place[i]]];
		rows->label = label;
		rows->n_classes = *n_classes;
	}
	pfree(rank);
	return texts;
}

void
dml_matrix_free(DmlMatrix *matrix)
{
	matrix_store_close(((MatrixState *) matrix->store)->store);
	MemoryContextDelete(GetMemoryChunkContext(matrix));
}
