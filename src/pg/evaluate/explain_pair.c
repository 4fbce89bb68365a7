/*
 * explain_pair.c
 *	  dml_explain_pair: what each input column adds to the squared distance of two rows.
 *
 * With e = f(a) - f(b) the squared distance is e . f(a) - e . f(b), and integrated gradients divide
 * this difference along the line from b to a (learn/net/attribution.h).  Both rows count alike.
 *
 * Rows that two networks f and g embed have no line between them.  Then each row has its own line
 * from a neutral row, a0 or b0, which holds the means of the training: the columns of a divide
 * e . (f(a) - f(a0)), those of b divide -e . (g(b) - g(b0)), and e . (f(a0) - g(b0)) remains, the
 * baseline.  The vector that an adapter meets has no columns; it belongs to the baseline.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "call/learn_env.h"
#include "call/result_store.h"
#include "evaluate/explain.h"
#include "learn/net/attribution.h"
#include "model/call_site.h"
#include "read/feature_row.h"

#define RESULT_COLUMNS	6
#define TOLERANCE		1e-3	/* of the squared distance, that may remain undivided */
#define SHOWN			1e-9	/* of it, from which on a remainder has a row */

PG_FUNCTION_INFO_V1(dml_explain_pair_array);
PG_FUNCTION_INFO_V1(dml_explain_pair_vector);
PG_FUNCTION_INFO_V1(dml_explain_pair_row);

/* One of the two rows. */
typedef struct PairRow
{
	/* embeds it; NULL: a stored vector, which an adapter leaves alone */
	const DmlVersion *version;
	int			n;
	double	   *given;			/* n: the numbers as the user gave them */
	double	   *x;				/* n: as the model takes them, without the origin */
	double	   *z;				/* the embedding */
} PairRow;

typedef struct Pair
{
	LearnEnv   *env;
	int			out;
	PairRow		row[2];
	double	   *e;				/* out: the difference of the embeddings */
	double		square;			/* the squared distance */
	double		undivided;
	Tuplestorestate *store;
	TupleDesc	desc;
} Pair;

/* ---------- the rows ---------- */

/* The double that is written as the float is: 0.1, not 0.100000001490116. */
static double
as_written(float4 x)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(x, text);
	return strtod(text, NULL);
}

static double *
doubles(const float4 *x, int n)
{
	double	   *result = palloc(sizeof(double) * n);

	for (int i = 0; i < n; i++)
		result[i] = x[i];
	return result;
}

/* A stored vector of the adapter's space. */
static void
take_stored(PairRow *row, const DmlVersion *version, const float4 *x, int n)
{
	if (n != version->out)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" meets vectors of %d numbers, and b has %d", version->name, version->out, n),
				 errdetail("It is an adapter: b is a stored vector.")));
	row->version = NULL;
	row->n = n;
	row->z = doubles(x, n);
}

/* Refuse a model whose network does not take the numbers of a row as they are. */
static void
check_numbers(const DmlVersion *side)
{
	if (side->model->encoder)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("dml_explain_pair takes rows for model \"%s\", not arrays", side->name),
				 errdetail("It was trained with the features %s.", side->features),
				 errhint("Give rows that have these columns: dml_explain_pair('%s', a, b) for rows a and b of a table.", side->name)));
}

/*
 * x: the numbers without the origin of the network that takes n of them.  Embedding has checked
 * them.
 */
static void
take_row(Pair *pair, PairRow *row, const DmlVersion *version, const float4 *x, int n)
{
	row->version = dml_version_for_width(version, n);
	row->n = n;
	row->x = doubles(x, n);
	row->z = palloc(sizeof(double) * version->out);
	dml_learn_check(pair->env, attribution_embed(pair->env, row->version->model, row->x, row->z));
}

static void
take_array(Pair *pair, PairRow *row, const DmlVersion *version, ArrayType *array, bool stored)
{
	const DmlVersion *side;
	float4	   *plain;
	int			n;

	plain = dml_floats_from_array(array, NULL, &n);
	row->given = dml_doubles_from_array(array, &n);
	for (int i = 0; i < n && ARR_ELEMTYPE(array) == FLOAT4OID; i++)
		row->given[i] = as_written(plain[i]);
	if (stored)
	{
		take_stored(row, version, plain, n);
		return;
	}
	pfree(dml_version_embed_array(version, array));
	side = dml_version_for_width(version, n);
	check_numbers(side);
	take_row(pair, row, version, side->model->origin ? dml_floats_from_array(array, side->model->origin, &n) : plain, n);
}

static void
take_vector(Pair *pair, PairRow *row, const DmlVersion *version, const DmlVector *v, bool stored)
{
	const double *origin;
	float4	   *x;

	row->given = palloc(sizeof(double) * v->dim);
	for (int i = 0; i < v->dim; i++)
		row->given[i] = as_written(v->x[i]);
	if (stored)
	{
		if (v->space != 0 && v->space != version->space)
			dml_vector_check_same(v, dml_vector_new(version->out, version->space));
		take_stored(row, version, v->x, v->dim);
		return;
	}
	if (v->space != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the input is an embedding already, of %s", dml_space_describe(v->space)),
				 errhint("dml_explain_pair takes raw input: the rows before they were embedded.")));
	pfree(dml_version_embed_vector(version, v->x, v->dim));
	check_numbers(dml_version_for_width(version, v->dim));
	origin = dml_version_for_width(version, v->dim)->model->origin;
	x = palloc(sizeof(float4) * v->dim);
	for (int i = 0; i < v->dim; i++)
		x[i] = (float4) (v->x[i] - (origin ? origin[i] : 0));
	take_row(pair, row, version, x, v->dim);
}

/* The number of feature j that the encoder made x of; NaN: the feature is no number, or is missing. */
static double
number_of(const EncodeColumn *column, const float4 *x)
{
	const float4 *block = x + column->first;

	if (column->kind != ENCODE_NUMBER || column->scale[0] == 0 || (column->has_missing && block[1] != 0))
		return NAN;
	return as_written((float4) (block[0] / column->scale[0] + column->mean[0]));
}

/*
 * A row with the columns of the features.  Returns false if a feature is NULL and the model does not
 * fill it in.
 */
static bool
take_record(Pair *pair, PairRow *row, const DmlVersion *version, HeapTupleHeader record)
{
	const Encoder *encoder = version->model->encoder;
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(record), HeapTupleHeaderGetTypMod(record));
	DmlRowFeatures *features = dml_row_features(version, desc);
	float4	   *x = palloc(sizeof(float4) * version->in);
	int			n = explain_features(version);

	ReleaseTupleDesc(desc);
	if (!dml_row_features_eval(features, record, version, x))
		return false;
	pfree(dml_version_embed_row(version, x));
	row->given = palloc(sizeof(double) * n);
	for (int j = 0; j < n; j++)
		row->given[j] = encoder ? number_of(&encoder->column[j], x) :
			as_written((float4) (x[j] + (version->model->origin ? version->model->origin[j] : 0)));
	row->version = version;
	row->n = version->in;
	row->x = doubles(x, version->in);
	row->z = palloc(sizeof(double) * version->out);
	dml_learn_check(pair->env, attribution_embed(pair->env, version->model, row->x, row->z));
	return true;
}

/* ---------- the result ---------- */

static void
set_number(Datum *values, bool *nulls, int i, double value)
{
	nulls[i] = isnan(value);
	values[i] = Float8GetDatum(value);
}

/* name NULL, a or b NaN: there is none. */
static void
put_line(const Pair *pair, const char *section, const char *name, double a, double b, double contribution)
{
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(section);
	nulls[1] = name == NULL;
	if (name)
		values[1] = CStringGetTextDatum(name);
	set_number(values, nulls, 2, a);
	set_number(values, nulls, 3, b);
	values[4] = Float8GetDatum(contribution);
	set_number(values, nulls, 5, pair->square > 0 ? contribution / pair->square : NAN);
	tuplestore_putvalues(pair->store, pair->desc, values, nulls);
}

/* Divide what lies between two inputs of a network in the direction of e. */
static double *
divide(Pair *pair, const DmlVersion *version, const double *from, const double *to)
{
	double	   *share = palloc(sizeof(double) * version->in);
	ArenaMark	mark = arena_mark(pair->env->arena);
	double		rest;

	dml_learn_check(pair->env, attribution_path(pair->env, version->model, from, to, pair->e,
												TOLERANCE / 2 * pair->square, share, &rest));
	arena_reset(pair->env->arena, mark);
	pair->undivided += rest;
	return share;
}

/* The share of feature j, from those of the numbers of a row. */
static double
feature_share(const DmlVersion *version, const double *share, int j)
{
	int			first;
	int			width = explain_feature_place(version, j, &first);
	double		sum = 0;

	for (int at = 0; at < width; at++)
		sum += share[first + at];
	return sum;
}

/* Both rows are embedded by one network. */
static void
put_one_network(Pair *pair)
{
	const DmlVersion *version = pair->row[0].version;
	double	   *share = divide(pair, version, pair->row[1].x, pair->row[0].x);

	for (int j = 0; j < explain_features(version); j++)
		put_line(pair, "column", explain_feature_name(version, version->features, j),
				 pair->row[0].given[j], pair->row[1].given[j], feature_share(version, share, j));
}

/* The columns of one of two rows; z0 gets what its neutral row has in the direction of e. */
static void
put_side(Pair *pair, int i, double *z0)
{
	static const char *const sections[] = {"column of a", "column of b"};
	const PairRow *row = &pair->row[i];
	const Prep *prep = row->version->model->prep;
	double	   *neutral = palloc0(sizeof(double) * row->n);
	double	   *share;
	double	   *z = palloc(sizeof(double) * pair->out);

	for (int j = 0; j < row->n && prep->mean != NULL; j++)
		neutral[j] = prep->mean[j];
	share = divide(pair, row->version, i == 0 ? neutral : row->x, i == 0 ? row->x : neutral);
	for (int j = 0; j < explain_features(row->version); j++)
		put_line(pair, sections[i], explain_feature_name(row->version, row->version->features, j),
				 i == 0 ? row->given[j] : NAN, i == 1 ? row->given[j] : NAN,
				 feature_share(row->version, share, j));
	dml_learn_check(pair->env, attribution_embed(pair->env, row->version->model, neutral, z));
	*z0 = 0;
	for (int k = 0; k < pair->out; k++)
		*z0 += pair->e[k] * z[k];
}

static void
put_two_networks(Pair *pair)
{
	double		z0[2] = {0, 0};

	put_side(pair, 0, &z0[0]);
	if (pair->row[1].version)
		put_side(pair, 1, &z0[1]);
	else
		for (int k = 0; k < pair->out; k++)
			z0[1] += pair->e[k] * pair->row[1].z[k];
	put_line(pair, "baseline", NULL, NAN, NAN, z0[0] - z0[1]);
}

static Datum
explain(FunctionCallInfo fcinfo, Pair *pair, const DmlVersion *version)
{
	pair->out = version->out;
	pair->e = palloc(sizeof(double) * pair->out);
	for (int k = 0; k < pair->out; k++)
	{
		pair->e[k] = pair->row[0].z[k] - pair->row[1].z[k];
		pair->square += pair->e[k] * pair->e[k];
	}
	if (pair->row[1].version && pair->row[0].version->model == pair->row[1].version->model)
		put_one_network(pair);
	else
		put_two_networks(pair);
	if (fabs(pair->undivided) > SHOWN * pair->square)
		put_line(pair, "remainder", NULL, NAN, NAN, pair->undivided);
	if (fabs(pair->undivided) > 2 * TOLERANCE * pair->square)
		ereport(NOTICE,
				(errmsg("%.0f %% of the squared distance cannot be divided among the columns", 100 * pair->undivided / pair->square),
				 errdetail("The embedding jumps between the two rows.")));
	MemoryContextDelete(GetMemoryChunkContext(pair->env));
	return (Datum) 0;
}

/* The version, pinned for the call; the result store and an environment. */
static const DmlVersion *
begin(FunctionCallInfo fcinfo, Pair *pair)
{
	char	   *model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const DmlVersion *version = dml_version_by_name(model);

	dml_version_pin(version, CurrentMemoryContext);
	pair->store = result_store(fcinfo, &pair->desc);
	pair->env = dml_learn_env(0);
	return version;
}

/* dml_explain_pair(model, a, b): rows as arrays.  No row if an element is NULL. */
Datum
dml_explain_pair_array(PG_FUNCTION_ARGS)
{
	Pair		pair = {0};
	const DmlVersion *version = begin(fcinfo, &pair);
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(1);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(2);

	if (array_contains_nulls(a) || array_contains_nulls(b))
		return (Datum) 0;
	take_array(&pair, &pair.row[0], version, a, false);
	take_array(&pair, &pair.row[1], dml_second_side(version), b, version->adapter);
	return explain(fcinfo, &pair, version);
}

/* dml_explain_pair(model, a, b) of plain vectors; with an adapter, b is a stored vector. */
Datum
dml_explain_pair_vector(PG_FUNCTION_ARGS)
{
	Pair		pair = {0};
	const DmlVersion *version = begin(fcinfo, &pair);

	take_vector(&pair, &pair.row[0], version, PG_GETARG_DML_VECTOR_P(1), false);
	take_vector(&pair, &pair.row[1], dml_second_side(version), PG_GETARG_DML_VECTOR_P(2), version->adapter);
	return explain(fcinfo, &pair, version);
}

/*
 * dml_explain_pair(model, a, b) of rows with the columns of the features; b by side b if there are
 * two.  No row if a feature is NULL that the model does not fill in.
 */
Datum
dml_explain_pair_row(PG_FUNCTION_ARGS)
{
	Pair		pair = {0};
	const DmlVersion *version = begin(fcinfo, &pair);
	const DmlVersion *second = version->side[1] ? version->side[1] : version;

	if (version->adapter)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" meets stored vectors, and b is a row", version->name),
				 errhint("Give b as a vector and a as an array or a vector.")));
	if (!take_record(&pair, &pair.row[0], version, PG_GETARG_HEAPTUPLEHEADER(1)) ||
		!take_record(&pair, &pair.row[1], second, PG_GETARG_HEAPTUPLEHEADER(2)))
		return (Datum) 0;
	return explain(fcinfo, &pair, version);
}
