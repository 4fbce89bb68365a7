/*
 * tuples.c
 *	  Reads constraints: rows by content, constraints as numbers of rows.
 */
#include "compat.h"

#include "read/tuples.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "read/feature.h"
#include "read/kinds.h"
#include "read/matrix_store.h"
#include "read/query.h"
#include "read/rounding.h"
#include "read/source.h"

/* Initial capacity. */
#define FIRST_CAPACITY	1024

/*
 * The distinct rows of one input, found by a hash of 128 bits.  Two rows with one hash are taken as
 * equal.
 */
typedef struct Pool
{
	MatrixStore *store;			/* NULL until the first row shows how long rows are */
	int			d;
	int64		n;
	int64		capacity;
	uint64	   *hash;
	uint64	   *second;
	int64	   *slot;			/* open addressing: row + 1, or 0 for an empty slot */
	int64		slots;			/* a power of two */
	int64	   *place;			/* row number to the store's row, once ordered */
} Pool;

/* The expressions of one place, and its current row. */
typedef struct Place
{
	const DmlFeatures *features;
	int			first;			/* column of the query */
	Oid		   *types;
	bool		is_array;
	bool		embedded;
	DmlRounding *rounding;		/* or NULL */
	const double *origin;		/* max; NULL: nothing is taken off */
	const Encoder *encoder;		/* or NULL */
	DmlKindReader *kinds;		/* fits or applies an encoder; or NULL */
	float4	   *row;
	int			max;
	int			count;
} Place;

/* What the first pass of a training finds. */
typedef struct Again
{
	DmlTupleSource *source;		/* how to read the source again */
	bool		fits;			/* fit encoders in any case */
	MemoryContext context;		/* of what is fitted and chosen */
} Again;

typedef struct State
{
	Pool		pool[2];
	DmlTuples  *tuples;
	const DmlTupleSource *source;
	Place		place[TUPLES_MAX_SIZE];
	int			columns;
	int			same;			/* column, or -1 */
	int			weight;
	Oid			weight_type;
	int			place_column;	/* or -1 */
	size_t		limit;
	int64		seen;
	int64		capacity;		/* of constraints */
	bool		has_space;
	Again	   *again;			/* NULL: the source is not read again */
	DmlKindFit *fit[2];			/* encoders that are being fitted: rows are not kept */
	int64		fitted;			/* rows of the source that they were fitted on */
	int64		without;		/* rows skipped for a NULL feature */
	MemoryContext context;
} State;

/* The name of the weight in messages. */
static const char *
weight_name(const State *state)
{
	return state->source->weight_name ? state->source->weight_name : "weight";
}

/* ---------- the pool ---------- */

static void
pool_start(Pool *pool, int d, size_t limit)
{
	pool->d = d;
	pool->store = matrix_store_new(d, limit);
	pool->capacity = FIRST_CAPACITY;
	pool->hash = palloc(sizeof(uint64) * pool->capacity);
	pool->second = palloc(sizeof(uint64) * pool->capacity);
	pool->slots = 4 * pool->capacity;
	pool->slot = palloc0(sizeof(int64) * pool->slots);
}

/* The slot of a row with these hashes, or the empty one where it belongs. */
static int64
find_slot(const Pool *pool, uint64 hash, uint64 second)
{
	int64		i = hash & (pool->slots - 1);

	while (pool->slot[i] != 0 &&
		   (pool->hash[pool->slot[i] - 1] != hash || pool->second[pool->slot[i] - 1] != second))
		i = (i + 1) & (pool->slots - 1);
	return i;
}

static void
pool_grow(Pool *pool)
{
	MemoryContext context = GetMemoryChunkContext(pool->slot);

	pool->capacity *= 2;
	pool->hash = repalloc_huge(pool->hash, sizeof(uint64) * pool->capacity);
	pool->second = repalloc_huge(pool->second, sizeof(uint64) * pool->capacity);
	pfree(pool->slot);
	pool->slots *= 2;
	pool->slot = MemoryContextAllocHuge(context, sizeof(int64) * pool->slots);
	memset(pool->slot, 0, sizeof(int64) * pool->slots);
	for (int64 row = 0; row < pool->n; row++)
		pool->slot[find_slot(pool, pool->hash[row], pool->second[row])] = row + 1;
}

/* The number of a row in the order of arrival.  A new row is stored. */
static int64
pool_add(Pool *pool, float4 *row)
{
	uint64		second;
	uint64		hash;
	int64		slot;

	/* -0 becomes 0, to which it is equal */
	for (int i = 0; i < pool->d; i++)
		row[i] += 0.0f;
	hash = matrix_hash_row(row, pool->d, &second);
	slot = find_slot(pool, hash, second);
	if (pool->slot[slot] != 0)
		return pool->slot[slot] - 1;
	if (pool->n == pool->capacity)
	{
		pool_grow(pool);
		slot = find_slot(pool, hash, second);
	}
	pool->hash[pool->n] = hash;
	pool->second[pool->n] = second;
	pool->slot[slot] = pool->n + 1;
	matrix_store_add(pool->store, row);
	return pool->n++;
}

static int
compare_rows(const void *a, const void *b, void *arg)
{
	const Pool *pool = arg;
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	CHECK_FOR_INTERRUPTS();
	if (pool->hash[x] != pool->hash[y])
		return pool->hash[x] < pool->hash[y] ? -1 : 1;
	return pool->second[x] < pool->second[y] ? -1 : pool->second[x] > pool->second[y];
}

static LearnStatus
fetch_rows(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	Pool	   *pool = ctx;

	matrix_store_read(pool->store, pool->place, index, count, out);
	return LEARN_OK;
}

/*
 * Number the rows by content.  rank: from the number in the order of arrival to the number by
 * content.
 */
static int64 *
pool_finish(Pool *pool, Rows *rows)
{
	int64	   *rank;
	uint64	   *hash;

	matrix_store_finish(pool->store);
	pfree(pool->slot);
	pool->place = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * pool->n);
	for (int64 i = 0; i < pool->n; i++)
		pool->place[i] = i;
	qsort_arg(pool->place, pool->n, sizeof(int64), compare_rows, pool);
	rank = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * pool->n);
	hash = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * pool->n);
	for (int64 i = 0; i < pool->n; i++)
	{
		rank[pool->place[i]] = i;
		hash[i] = pool->hash[pool->place[i]];
	}
	pfree(pool->hash);
	pfree(pool->second);
	rows->n = pool->n;
	rows->d = pool->d;
	rows->hash = hash;
	rows->fetch = fetch_rows;
	rows->ctx = pool;
	return rank;
}

/* ---------- the query ---------- */

/* The query without its FROM. */
static char *
build_targets(State *state)
{
	StringInfoData query;

	/* a newline ends a comment at the end of a text */
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int k = 0; k < state->source->size; k++)
	{
		Place	   *place = &state->place[k];

		place->features = dml_features_parse(state->source->features[k]);
		place->first = state->columns;
		place->embedded = state->source->embedded && k == 1;
		state->columns += place->features->n;
		appendStringInfo(&query, "%s%s\n", k > 0 ? ", " : "", place->features->text);
	}
	state->same = state->weight = state->place_column = -1;
	if (state->source->same)
	{
		state->same = state->columns++;
		appendStringInfo(&query, ", %s\n", dml_expression_parse(state->source->same, "same")->text);
	}
	if (state->source->weight)
	{
		state->weight = state->columns++;
		appendStringInfo(&query, ", %s\n", dml_expression_parse(state->source->weight, weight_name(state))->text);
	}
	if (state->source->place)
	{
		state->place_column = state->columns++;
		appendStringInfoString(&query, ", ctid\n");
	}
	return query.data;
}

/*
 * The origin of a place's rows, padded, or NULL.  Rows of another length than the model takes are
 * refused later.
 */
static const double *
place_origin(const DmlTupleSource *source, int k, int max)
{
	int			input = source->inputs == 2 ? k : 0;
	double	   *origin;

	if (source->origin[input] == NULL)
		return NULL;
	origin = palloc0(sizeof(double) * max);
	memcpy(origin, source->origin[input], sizeof(double) * Min(source->n_origin[input], max));
	return origin;
}

/* Whether an encoder is to be fitted in this pass. */
static bool
must_fit(const State *state)
{
	bool		needed = state->again && state->again->fits;

	for (int k = 0; k < state->source->size && state->again; k++)
		if (!state->place[k].embedded)
			needed = dml_kinds_needed(state->place[k].features, state->place[k].types) || needed;
	return needed;
}

/* Choose how features of the places' types are read. */
static void
start_kinds(State *state)
{
	const DmlTupleSource *source = state->source;
	Place	   *place = state->place;
	bool		skip = source->missing == DML_MISSING_SKIP || (source->missing == DML_MISSING_CHOOSE && place[0].features->n == 1);
	MemoryContext old;

	for (int k = 0; k < source->size; k++)
		place[k].encoder = place[k].embedded ? NULL : source->encoder[source->inputs == 2 ? k : 0];
	if (must_fit(state))
	{
		bool		two = source->inputs == 2 || (source->inputs == 0 && source->size == 2 && 
			!dml_kinds_alike(place[0].features, place[0].types, place[1].features, place[1].types));

		old = MemoryContextSwitchTo(state->again->context);
		for (int k = 0; k < (two ? 2 : 1); k++)
			if (!place[k].embedded)
				state->fit[k] = dml_kind_fit_start(place[k].features, place[k].types, skip);
		MemoryContextSwitchTo(old);
	}
	for (int k = 0; k < source->size; k++)
	{
		const DmlFeatures *features = place[k].features;

		if (place[k].encoder)
			place[k].kinds = dml_kind_reader_new(place[k].encoder, features->names, place[k].types, features->n, NULL);
		else if (state->fit[0] && !place[k].embedded)
			place[k].kinds = dml_kind_reader_fit(state->fit[state->fit[1] ? k : 0], features, place[k].types);
		else
			dml_kinds_check_numbers(features->names, place[k].types, features->n, NULL);
	}
}

/* DmlQueryReader.check */
static void
check_query(void *ctx, const CachedPlanSource *source)
{
	State	   *state = ctx;
	TupleDesc	desc = source->resultDesc;
	bool		may_round = false;
	MemoryContext old;

	dml_query_check_targets(source, "features");
	for (int k = 0; k < state->source->size; k++)
	{
		Place	   *place = &state->place[k];
		int			n = place->features->n;

		place->types = palloc(sizeof(Oid) * n);
		for (int i = 0; i < n; i++)
			place->types[i] = getBaseType(TupleDescAttr(desc, place->first + i)->atttypid);
	}
	start_kinds(state);
	for (int k = 0; k < state->source->size; k++)
	{
		Place	   *place = &state->place[k];

		if (place->kinds == NULL)
			(void) dml_feature_type_ok(place->types[0], &place->is_array);
		place->max = place->encoder ? place->encoder->width : place->is_array ? DML_MAX_DIM : place->features->n;
		place->row = palloc(sizeof(float4) * place->max);
		may_round = may_round || (place->kinds == NULL && dml_rounding_may(place->features, place->types));
	}
	/* what follows is used when the query is done */
	old = MemoryContextSwitchTo(state->context);
	for (int k = 0; k < state->source->size; k++)
	{
		Place	   *place = &state->place[k];

		place->origin = place_origin(state->source, k, place->max);
		if (may_round && place->kinds == NULL)
			place->rounding = dml_rounding_start(place->features, place->types, place->origin);
	}
	MemoryContextSwitchTo(old);
	if (state->same >= 0 && getBaseType(TupleDescAttr(desc, state->same)->atttypid) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("same is of type %s, not boolean", format_type_be(TupleDescAttr(desc, state->same)->atttypid)),
				 errhint("Write a condition, e.g. same => 'judgement = 1'.")));
	if (state->weight >= 0)
	{
		bool		is_array;

		state->weight_type = getBaseType(TupleDescAttr(desc, state->weight)->atttypid);
		if (!dml_feature_type_ok(state->weight_type, &is_array) || is_array)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s is of type %s, not a number", weight_name(state), format_type_be(TupleDescAttr(desc, state->weight)->atttypid))));
	}
}

/* ---------- rows ---------- */

/* The numbers of an embedding; all embeddings must be of one space. */
static int
embedding_floats(State *state, Place *place, Datum value)
{
	DmlVector  *v = DatumGetDmlVectorP(value);

	if (state->has_space && v->space != state->tuples->space)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("feature \"%s\" has vectors of different spaces", place->features->names[0]),
				 errdetail("Some are of %s, others of %s.", dml_space_describe(state->tuples->space),
						   dml_space_describe(v->space))));
	state->tuples->space = v->space;
	state->has_space = true;
	if (v->dim <= place->max)
		memcpy(place->row, v->x, sizeof(float4) * v->dim);
	return v->dim;
}

/* Write the numbers of a place to its row.  Returns false if one is NULL. */
static bool
read_place(State *state, Place *place, Datum *values, bool *nulls)
{
	const DmlFeatures *features = place->features;

	place->count = 0;
	if (place->kinds)
	{
		if (!dml_kind_row(place->kinds, place->encoder, values + place->first, nulls + place->first, place->row))
			return false;
		place->count = place->encoder->width;
		return true;
	}
	for (int i = 0; i < features->n; i++)
	{
		int			column = place->first + i;
		int			filled;

		if (place->embedded && !nulls[column] && place->types[i] == dml_vector_type_oid())
			filled = embedding_floats(state, place, values[column]);
		else
			filled = dml_feature_floats(values[column], nulls[column], place->types[i], features->names[i],
										place->origin ? place->origin + Min(place->count, place->max) : NULL,
										place->row + place->count, place->max - place->count);
		if (filled < 0)
			return false;
		place->count += filled;
	}
	if (place->rounding != NULL && place->count <= place->max)
		dml_rounding_add(place->rounding, values + place->first, place->row, place->count);
	return true;
}

/* The number of inputs, and the length of their rows, follow from the first row. */
static void
start_pools(State *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->context);
	DmlTuples  *tuples = state->tuples;
	const DmlTupleSource *source = state->source;

	tuples->inputs = source->inputs > 0 ? source->inputs :
		source->size > 1 && state->place[0].count != state->place[1].count ? 2 : 1;
	for (int k = 0; k < tuples->inputs; k++)
	{
		const Place *place = &state->place[k];
		DmlTupleInput *input = &tuples->input[k];

		if (place->count > DML_MAX_DIM)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("feature \"%s\" has %d elements, more than %d", place->features->names[0],
							place->count, DML_MAX_DIM)));
		pool_start(&state->pool[k], place->count, state->limit / tuples->inputs);
		input->encoder = place->encoder;
		input->rows.balanced = place->encoder != NULL;
		if (place->encoder)
			input->rows.view = dml_kind_views(place->encoder);
		input->kind = place->is_array ? DML_INPUT_ARRAY : DML_INPUT_COLUMNS;
		input->n_columns = place->is_array ? 0 : place->features->n;
		input->columns = place->features->names;
		input->origin = place->origin;
	}
	MemoryContextSwitchTo(old);
}

static void
check_width(const State *state, int k, int expected)
{
	const Place *place = &state->place[k];

	if (place->count == expected)
		return;
	if (k > 0 && state->tuples->inputs == 1 && state->place[0].count == expected)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s and %s have rows of different lengths", state->source->name[0], state->source->name[k]),
				 errdetail("Row %lld has %d and %d numbers.", (long long) state->seen, expected, place->count)));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("feature \"%s\" has rows of different lengths", place->features->names[0]),
			 errdetail("Row %lld has %d elements, rows before it have %d.",
					   (long long) state->seen, place->count, expected)));
}

static double
read_weight(const State *state, Datum value)
{
	float4		weight;

	(void) dml_feature_floats(value, false, state->weight_type, weight_name(state), NULL, &weight, 1);
	if (weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s is negative: %g", weight_name(state), weight),
				 state->source->weight_name ? 0 :
				 errdetail("A constraint of weight 2 counts as two of weight 1, and one of weight 0 as none.")));
	return weight;
}

/* Room for one constraint more. */
static void
grow(State *state)
{
	DmlTuples  *tuples = state->tuples;

	if (tuples->n < state->capacity)
		return;
	state->capacity *= 2;
	tuples->row = repalloc_huge(tuples->row, sizeof(int64) * state->source->size * state->capacity);
	if (tuples->same)
		tuples->same = repalloc_huge(tuples->same, sizeof(int32) * state->capacity);
	if (tuples->weight)
		tuples->weight = repalloc_huge(tuples->weight, sizeof(double) * state->capacity);
	if (tuples->place)
		tuples->place = repalloc_huge(tuples->place, sizeof(double) * state->capacity);
}

/* Take the rows of all places into the encoders. */
static void
fit_tuple(State *state, const Datum *values, const bool *nulls)
{
	bool		complete = true;

	for (int k = 0; k < state->source->size; k++)
	{
		Place	   *place = &state->place[k];

		if (place->kinds)
			complete = dml_kind_add(place->kinds, values + place->first, nulls + place->first) && complete;
	}
	state->fitted += complete;
}

/* DmlQueryReader.take */
static void
read_tuple(void *ctx, Datum *values, bool *nulls)
{
	State	   *state = ctx;
	DmlTuples  *tuples = state->tuples;
	const DmlTupleSource *source = state->source;
	int			size = source->size;
	double		weight = 1;

	state->seen++;
	if ((state->same >= 0 && nulls[state->same]) || (state->weight >= 0 && nulls[state->weight]))
		return;
	if (state->weight >= 0)
		weight = read_weight(state, values[state->weight]);
	if (source->merge && weight == 0)
	{
		tuples->weightless++;
		return;
	}
	if (state->fit[0])
	{
		fit_tuple(state, values, nulls);
		return;
	}
	for (int k = 0; k < size; k++)
		if (!read_place(state, &state->place[k], values, nulls))
		{
			state->without++;
			return;
		}
	if (tuples->inputs == 0)
		start_pools(state);
	grow(state);
	if (tuples->weight)
		tuples->weight[tuples->n] = weight;
	if (state->place_column >= 0)
		tuples->place[tuples->n] = dml_extra_number((ItemPointer) DatumGetPointer(values[state->place_column]));
	if (state->same >= 0)
		tuples->same[tuples->n] = DatumGetBool(values[state->same]);
	for (int k = 0; k < size; k++)
	{
		Pool	   *pool = &state->pool[tuples->inputs == 2 ? k : 0];

		check_width(state, k, pool->d);
		tuples->row[tuples->n * size + k] = pool_add(pool, state->place[k].row);
	}
	tuples->n++;
}

/* ---------- order ---------- */

static int
compare_tuples(const void *a, const void *b, void *arg)
{
	const State *state = arg;
	const DmlTuples *tuples = state->tuples;
	int			size = state->source->size;
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	CHECK_FOR_INTERRUPTS();
	for (int k = 0; k < size; k++)
		if (tuples->row[x * size + k] != tuples->row[y * size + k])
			return tuples->row[x * size + k] < tuples->row[y * size + k] ? -1 : 1;
	if (tuples->same && tuples->same[x] != tuples->same[y])
		return tuples->same[x] - tuples->same[y];
	if (tuples->weight && tuples->weight[x] != tuples->weight[y])
		return tuples->weight[x] < tuples->weight[y] ? -1 : 1;
	if (tuples->place && tuples->place[x] != tuples->place[y])
		return tuples->place[x] < tuples->place[y] ? -1 : 1;
	return 0;
}

/* values[i] = values[order[i]], each of width bytes. */
static void *
permute(const void *values, const int64 *order, int64 n, Size width)
{
	char	   *result = MemoryContextAllocHuge(CurrentMemoryContext, n * width);

	for (int64 i = 0; i < n; i++)
		memcpy(result + i * width, (const char *) values + order[i] * width, width);
	return result;
}

/* Number rows by content, and put constraints in the order of their rows. */
static void
put_in_order(State *state)
{
	DmlTuples  *tuples = state->tuples;
	int			size = state->source->size;
	int64	   *order;
	int64	   *rank[2];

	for (int k = 0; k < tuples->inputs; k++)
		rank[k] = pool_finish(&state->pool[k], &tuples->input[k].rows);
	for (int64 i = 0; i < tuples->n; i++)
		for (int k = 0; k < size; k++)
			tuples->row[i * size + k] = rank[tuples->inputs == 2 ? k : 0][tuples->row[i * size + k]];
	for (int k = 0; k < tuples->inputs; k++)
		pfree(rank[k]);

	order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * tuples->n);
	for (int64 i = 0; i < tuples->n; i++)
		order[i] = i;
	qsort_arg(order, tuples->n, sizeof(int64), compare_tuples, state);
	tuples->row = permute(tuples->row, order, tuples->n, sizeof(int64) * size);
	if (tuples->same)
		tuples->same = permute(tuples->same, order, tuples->n, sizeof(int32));
	if (tuples->weight)
		tuples->weight = permute(tuples->weight, order, tuples->n, sizeof(double));
	if (tuples->place)
		tuples->place = permute(tuples->place, order, tuples->n, sizeof(double));
	pfree(order);
}

/* Merge equal constraints, which are adjacent, into one with the sum of their weights. */
static void
merge_copies(State *state)
{
	DmlTuples  *tuples = state->tuples;
	Size		width = sizeof(int64) * state->source->size;
	int64		n = 0;
	bool		all_one = true;

	for (int64 i = 0; i < tuples->n; i++)
	{
		const int64 *row = tuples->row + i * state->source->size;
		int64	   *last = tuples->row + (n - 1) * state->source->size;

		if (n > 0 && memcmp(row, last, width) == 0 && (!tuples->same || tuples->same[i] == tuples->same[n - 1]))
		{
			tuples->weight[n - 1] += tuples->weight[i];
			continue;
		}
		memmove(last + state->source->size, row, width);
		if (tuples->same)
			tuples->same[n] = tuples->same[i];
		tuples->weight[n++] = tuples->weight[i];
	}
	tuples->n = n;
	for (int64 i = 0; i < n && all_one; i++)
		all_one = tuples->weight[i] == 1;
	if (all_one)
		tuples->weight = NULL;
}

/* A sentence that says which of features, same and weight is NULL in every row. */
static char *
null_detail(const State *state, const bool *has_value)
{
	const char **names = palloc(sizeof(char *) * state->columns);
	int			n = 0;

	for (int k = 0; k < state->source->size; k++)
		for (int i = 0; i < state->place[k].features->n; i++)
			names[n++] = state->place[k].features->names[i];
	if (state->same >= 0)
		names[n++] = "same";
	if (state->weight >= 0)
		names[n++] = weight_name(state);
	return dml_null_columns_detail(has_value, names, n);
}

static void
report_skipped(const State *state, const bool *has_value)
{
	const DmlTuples *tuples = state->tuples;

	if (tuples->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 tuples->weightless > 0 ? errmsg("all weights are 0") :
				 tuples->skipped == 0 ? errmsg("source has no rows") :
				 errmsg("source has no row without a NULL"),
				 tuples->weightless > 0 || tuples->skipped == 0 ? 0 : errdetail("%s", null_detail(state, has_value))));
	if (tuples->weightless > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row of weight 0 was left out",
							   "%lld rows of weight 0 were left out",
							   (unsigned long) tuples->weightless, (long long) tuples->weightless)));
	if (tuples->skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row with a NULL was skipped",
							   "%lld rows with a NULL were skipped",
							   (unsigned long) tuples->skipped, (long long) tuples->skipped)));
}

/*
 * The origins of the inputs, into the source.  Two inputs have a common one where it serves both,
 * so that their rows can still be compared as they are.  False: no column needs one.
 */
static bool
find_origins(const State *state, DmlTupleSource *source)
{
	const DmlTuples *tuples = state->tuples;
	DmlRounding *rounding[TUPLES_MAX_SIZE];
	int			d[2];

	for (int k = 0; k < source->size; k++)
		rounding[k] = state->place[k].rounding;
	if (rounding[0] == NULL || tuples->n == 0)
		return false;
	for (int k = 0; k < tuples->inputs; k++)
	{
		d[k] = state->pool[k].d;
		source->n_origin[k] = d[k];
		if (!(source->embedded && k == 1))
			source->origin[k] = dml_rounding_origin(rounding + k, tuples->inputs == 1 ? source->size : 1, d[k]);
	}
	if (tuples->inputs == 2 && !source->embedded && d[0] == d[1])
	{
		const double *both = dml_rounding_origin(rounding, 2, d[0]);

		for (int j = 0; both != NULL && j < d[0]; j++)
			for (int k = 0; k < 2; k++)
				if (both[j] != 0 && source->origin[k] != NULL)
					unconstify(double *, source->origin[k])[j] = both[j];
	}
	source->inputs = tuples->inputs;
	return source->origin[0] != NULL || source->origin[1] != NULL;
}

/*
 * Whether the first pass has found that the source must be read again; sets in again how.  Errors:
 * no encoder can be fitted.
 */
static bool
must_read_again(State *state, const bool *has_value)
{
	Again	   *again = state->again;
	DmlTuples  *tuples = state->tuples;
	bool		fills = state->source->missing == DML_MISSING_IMPUTE ||
		(state->source->missing == DML_MISSING_CHOOSE && state->place[0].features->n > 1);
	MemoryContext old;

	if (again == NULL)
		return false;
	if (state->fit[0])
	{
		tuples->skipped = state->seen - state->fitted - tuples->weightless;
		if (state->fitted == 0)
			report_skipped(state, has_value);
		old = MemoryContextSwitchTo(again->context);
		for (int k = 0; k < 2; k++)
			if (state->fit[k])
				again->source->encoder[k] = dml_kind_fit_finish(state->fit[k]);
		MemoryContextSwitchTo(old);
		if (state->fit[1])
			again->source->inputs = 2;
		again->fits = false;
		return true;
	}
	if (state->without > 0 && fills)
		return again->fits = true;
	old = MemoryContextSwitchTo(again->context);
	fills = find_origins(state, again->source);
	MemoryContextSwitchTo(old);
	return fills;
}

/* Read a source as it is told.  NULL: it must be read again, as again says. */
static DmlTuples *
read_once(const DmlTupleSource *source, size_t limit, void (*progress) (void *ctx, int64 rows), void *ctx,
		  Again *again)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml tuples", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	State	   *state = palloc0(sizeof(State));
	DmlTuples  *tuples = palloc0(sizeof(DmlTuples));
	char	   *targets;
	char	   *query;
	char	   *keyed = NULL;
	char	   *key;
	int			n_key;
	bool	   *has_value;

	state->tuples = tuples;
	state->source = source;
	state->again = again;
	state->limit = limit;
	state->context = context;
	state->capacity = FIRST_CAPACITY;
	tuples->state = state;
	tuples->row = palloc(sizeof(int64) * source->size * state->capacity);
	targets = build_targets(state);
	query = psprintf("%sFROM %s", targets, dml_source_from(source->source));
	key = dml_source_key(source->source, &n_key);
	if (n_key > 0)
		keyed = psprintf("%s%s FROM %s", targets, key, dml_source_from(source->source));
	if (source->same)
		tuples->same = palloc(sizeof(int32) * state->capacity);
	if (source->weight || source->merge)
		tuples->weight = palloc(sizeof(double) * state->capacity);
	if (source->place)
		tuples->place = palloc(sizeof(double) * state->capacity);
	MemoryContextSwitchTo(old);

	has_value = dml_query_read(query, &(DmlQueryReader) {check_query, read_tuple, state, progress, ctx, keyed, n_key});

	if (must_read_again(state, has_value))
	{
		dml_tuples_free(tuples);
		return NULL;
	}
	tuples->skipped = state->seen - tuples->n - tuples->weightless;
	report_skipped(state, has_value);
	for (int i = 0; i < source->size; i++)
		if (state->place[i].rounding != NULL)
			dml_rounding_report(state->place[i].rounding, !source->centres);
	MemoryContextSwitchTo(context);
	put_in_order(state);
	if (source->merge)
		merge_copies(state);
	MemoryContextSwitchTo(old);
	return tuples;
}

DmlTuples *
dml_tuples_read(const DmlTupleSource *source, size_t limit,
				void (*progress) (void *ctx, int64 rows), void *ctx)
{
	Again		again = {.context = CurrentMemoryContext};
	DmlTuples  *tuples;

	if (!source->centres)
		return read_once(source, limit, progress, ctx, NULL);
	again.source = palloc(sizeof(DmlTupleSource));
	*again.source = *source;
	tuples = read_once(source, limit, progress, ctx, &again);
	if (tuples == NULL && again.fits)
		tuples = read_once(source, limit, progress, ctx, &again);
	return tuples ? tuples : read_once(again.source, limit, progress, ctx, NULL);
}

void
dml_tuples_free(DmlTuples *tuples)
{
	State	   *state = tuples->state;

	for (int k = 0; k < tuples->inputs; k++)
		matrix_store_close(state->pool[k].store);
	MemoryContextDelete(state->context);
}
