/*
 * explain.c
 *	  dml_explain: what a model is and which features it uses.
 *
 * A linear model x -> L x measures distances by M = L'L (Mahalanobis). A difference of one unit in
 * feature j alone is a squared distance of M_jj.
 *
 * Other models are probed by permutation importance (Breiman 2001), here of the distance and not
 * of an error. Feature j of a row is replaced by that of another row. One figure is how far the
 * embeddings move, relative to the mean distance between two rows. The other is how many of the
 * nearest rows change.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "ann/distance.h"
#include "evaluate/explain.h"
#include "evaluate/space.h"
#include "read/owner.h"
#include "base/rng.h"
#include "call/result_store.h"

#define RESULT_COLUMNS	4
#define NEIGHBOUR_ROWS	512		/* rows at most among which nearest ones are looked for */
#define MAX_K			100
#define HINT			"SELECT * FROM dml_explain('model');"

PG_FUNCTION_INFO_V1(dml_explain);

typedef struct Explanation
{
	const DmlVersion *version;
	const char *given;			/* features; NULL: the model's own */
	const char *features;		/* what they are called */
	Tuplestorestate *store;
	TupleDesc	desc;
} Explanation;

static void
put_line(const Explanation *e, const char *section, const char *name, const char *value, double weight)
{
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(section);
	values[1] = CStringGetTextDatum(name);
	nulls[2] = value == NULL;
	if (value)
		values[2] = CStringGetTextDatum(value);
	nulls[3] = isnan(weight);
	values[3] = Float8GetDatum(weight);
	tuplestore_putvalues(e->store, e->desc, values, nulls);
}

/* Properties of the version, from the view that everybody may read. */
static void
put_catalogue(const Explanation *e)
{
	char	   *sql;
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2];
	int			guc_level;

	sql = psprintf("SELECT l.section, l.name, l.value FROM %s.dml_model_versions v, LATERAL ("
				   "SELECT 'model', n, t, 1, i FROM ROWS FROM (unnest(ARRAY['version', 'method', 'asked_method', 'network', 'preprocessing', 'inputs', 'dims', 'source', "
				   "'features', 'label', 'rows', 'classes', 'epochs', 'seed', 'metric', 'without_learning', 'learned', 'reason'], "
				   "ARRAY[v.version::text, v.method, v.asked_method, v.network, v.preprocessing, v.inputs::text, v.dims::text, v.source, "
				   "v.features, v.label, v.rows::text, v.classes::text, v.epochs::text, v.seed::text, v.metric, v.without_learning::text, v.learned::text, v.reason])) "
				   "WITH ORDINALITY AS u (n, t, i) "
				   "UNION ALL SELECT 'setting', s.key, (s.value ->> 'value') || CASE WHEN s.value ->> 'default' = 'true' THEN ' (default)' ELSE '' END, 2, "
				   "row_number() OVER (ORDER BY s.key COLLATE \"C\") FROM jsonb_each(v.settings) s) l (section, name, value, part, place) "
				   "WHERE v.model = $1 AND v.version = $2 ORDER BY l.part, l.place",
				   quote_identifier(dml_vector_schema()));
	values[0] = CStringGetTextDatum(e->version->name);
	values[1] = Int32GetDatum(e->version->number);
	guc_level = NewGUCNestLevel();
	restrict_search_path();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(sql, 2, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		char	   *section = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);
		char	   *name = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
		char	   *value = SPI_getvalue(row, SPI_tuptable->tupdesc, 3);

		if (section && name && value)
			put_line(e, section, name, value, NAN);
	}
	SPI_finish();
	AtEOXact_GUC(true, guc_level);
}

int
explain_features(const DmlVersion *version)
{
	return version->model->encoder ? version->model->encoder->n : version->in;
}

int
explain_feature_place(const DmlVersion *version, int j, int *first)
{
	const Encoder *encoder = version->model->encoder;

	*first = encoder ? encoder->column[j].first : j;
	return encoder ? encoder->column[j].width : 1;
}

char *
explain_feature_name(const DmlVersion *version, const char *features, int j)
{
	if (version->input_kind == DML_INPUT_COLUMNS)
		return version->columns[j];
	return psprintf("%s[%d]", features, j + 1);
}

static char *
feature_name(const Explanation *e, int j)
{
	return explain_feature_name(e->version, e->features, j);
}

/* A linear model's M_jj by feature, palloc'd; NULL: it is not linear. */
static double *
linear_weights(const DmlVersion *version)
{
	const Prep *prep = version->model->prep;
	const Net  *net = version->model->net;
	const LayerSpec *layer = &net->spec.layer[0];
	int			in = version->in;
	int			width = net->spec.n_layers == 0 ? prep->out : layer->width;
	const real *w = NULL;
	double	   *weight;

	if (net->spec.n_layers > 1 ||
		(net->spec.n_layers == 1 && (layer->act != ACT_LINEAR || layer->norm != NORM_NONE || layer->residual)))
		return NULL;
	if (net->spec.n_layers == 1)
		w = net->params + net->offset[0].weight;
	weight = palloc0(sizeof(double) * in);
	for (int i = 0; i < width; i++)
		for (int j = 0; j < in; j++)
		{
			double		element = 0;

			if (j == 0)
				CHECK_FOR_INTERRUPTS();
			if (prep->proj == NULL)
				element = w ? w[(size_t) i * prep->out + j] : i == j;
			else if (w == NULL)
				element = prep->proj[(size_t) i * in + j];
			else
				for (int m = 0; m < prep->out; m++)
					element += (double) w[(size_t) i * prep->out + m] * prep->proj[(size_t) m * in + j];
			if (prep->scale)
				element *= prep->scale[j];
			weight[j] += element * element;
		}
	return weight;
}

/* A name that the encoder keeps in UTF-8, in the database's encoding. */
static char *
server_text(char *utf8)
{
	return pg_any_to_server(utf8, strlen(utf8), PG_UTF8);
}

/*
 * The weight of each number that the encoder makes: of a unit of a number, of a category's value.
 * A text has one line, the mean of its buckets.
 */
static void
put_encoded(const Explanation *e, const double *weight)
{
	const Encoder *encoder = e->version->model->encoder;
	char		name[NAMEDATALEN + 2 * ENCODE_NAME_MAX + 64];
	char	  **columns = palloc(sizeof(char *) * encoder->n);

	for (int i = 0; i < encoder->n; i++)
		columns[i] = pg_server_to_any(e->version->columns[i], strlen(e->version->columns[i]), PG_UTF8);
	for (int i = 0; i < encoder->n; i++)
	{
		const EncodeColumn *column = &encoder->column[i];
		int			from = column->first;
		int			to = from + column->width;

		if (column->kind == ENCODE_TEXT)
		{
			double		sum = 0;

			for (int b = 0; b < column->n; b++)
				sum += weight[from++];
			put_line(e, "feature weight", e->version->columns[i], NULL, sum / column->n);
		}
		for (int j = from; j < to; j++)
		{
			int			at = j - column->first;
			bool		scaled = column->kind == ENCODE_NUMBER || column->kind == ENCODE_ARRAY;
			double		scale = scaled && at < column->n ? column->scale[at] : 1;

			encode_place_name(encoder, j, (const char *const *) columns, name, sizeof(name));
			put_line(e, "feature weight", server_text(name), NULL, weight[j] * scale * scale);
		}
	}
}

static void
put_linear(const Explanation *e)
{
	double	   *weight = linear_weights(e->version);

	if (weight == NULL)
	{
		ereport(NOTICE,
				(errmsg("the network is not linear: features have no weights of their own"),
				 errhint("With a source, dml_explain measures how far each feature moves embeddings: dml_explain('%s', 'table').", e->version->name)));
		return;
	}
	if (e->version->model->encoder)
		put_encoded(e, weight);
	else
		for (int j = 0; j < e->version->in; j++)
			put_line(e, "feature weight", feature_name(e, j), NULL, weight[j]);
}

/*
 * Mean distance between each row and the next one, in a ring. The order of rows follows from
 * hashes, so it is as good as random.
 */
static double
mean_distance(const float4 *z, int n, int d)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += distance_l2(z + (size_t) i * d, z + (size_t) ((i + 1) % n) * d, d);
	return sum / n;
}

/* ---------- permutation ---------- */

/* Rows, their embeddings, and those with one feature permuted. */
typedef struct Permuted
{
	const DmlVersion *version;
	int			n;
	float4	   *x;
	float4	   *z;
	float4	   *moved;
	int			near_rows;		/* as many of the first rows are compared with each other */
	int			k;
	int		   *near;			/* near_rows x k: each one's nearest */
} Permuted;

/* The k rows of z that are nearest to a point, without row i, nearest first; ties by number. */
static void
find_nearest(const Permuted *p, const float4 *point, int i, int *near)
{
	int			d = p->version->out;
	float8		distance[MAX_K];
	int			kept = 0;

	for (int g = 0; g < p->near_rows; g++)
	{
		float8		this = g == i ? 0 : distance_l2(point, p->z + (size_t) g * d, d);
		int			at;

		if (g == i || (kept == p->k && this >= distance[kept - 1]))
			continue;
		at = kept < p->k ? kept++ : kept - 1;
		for (; at > 0 && distance[at - 1] > this; at--)
		{
			distance[at] = distance[at - 1];
			near[at] = near[at - 1];
		}
		distance[at] = this;
		near[at] = g;
	}
}

/*
 * The mean share of the nearest rows that were not among the nearest before the embeddings moved.
 */
static double
neighbours_changed(const Permuted *p)
{
	int64		kept = 0;
	int			near[MAX_K];

	for (int i = 0; i < p->near_rows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		find_nearest(p, p->moved + (size_t) i * p->version->out, i, near);
		for (int a = 0; a < p->k; a++)
			for (int b = 0; b < p->k; b++)
				kept += near[a] == p->near[(size_t) i * p->k + b];
	}
	return 1 - (double) kept / p->near_rows / p->k;
}

/* The mean distance by which the embeddings moved. */
static double
mean_move(const Permuted *p)
{
	int			d = p->version->out;
	double		sum = 0;

	for (int i = 0; i < p->n; i++)
		sum += distance_l2(p->z + (size_t) i * d, p->moved + (size_t) i * d, d);
	return sum / p->n;
}

/* Read and embed rows of source, spread evenly. */
static void
read_rows(Permuted *p, const char *source, const char *features, int64 max_rows)
{
	const DmlVersion *version = p->version;
	DmlMatrix  *matrix = dml_matrix_read(&(DmlMatrixSource) {.source = source,.features = features,.version = version,
	.limit = (size_t) maintenance_work_mem * 1024 / 2});
	LearnEnv   *env = dml_learn_env(0);
	Selection	rows;
	LearnStatus status;

	space_check_dims(matrix, version, source);
	rows = select_spread(matrix, max_rows);
	p->n = (int) rows.n;
	if (p->n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("source has one row, and the importance of a feature needs two")));
	p->x = huge_array((int64) p->n * version->in, sizeof(float4));
	p->z = huge_array((int64) p->n * version->out, sizeof(float4));
	p->moved = huge_array((int64) p->n * version->out, sizeof(float4));
	status = matrix->rows.fetch(env, matrix->rows.ctx, rows.index, p->n, p->x);
	if (status != LEARN_OK)
		dml_learn_error(env, status);
	dml_matrix_free(matrix);
	dml_version_embed(version, p->x, p->n, p->z);
}

/*
 * For each feature, how far it moves the embeddings of the rows of source, and how many of the k
 * nearest rows it changes.
 */
static void
put_permutation(const Explanation *e, const char *source, int64 max_rows, int k, uint64 seed)
{
	const DmlVersion *version = e->version;
	Permuted	p = {.version = version};
	int			features = explain_features(version);
	int			widest = 1;
	double	   *changed = palloc(sizeof(double) * features);
	float4	   *column;
	int64	   *order;
	double		apart;
	Rng			rng;

	read_rows(&p, source, e->given, max_rows);
	p.near_rows = Min(p.n, NEIGHBOUR_ROWS);
	p.k = Min(k, p.near_rows - 1);
	p.near = huge_array((int64) p.near_rows * p.k, sizeof(int));
	for (int i = 0; i < p.near_rows; i++)
		find_nearest(&p, p.z + (size_t) i * version->out, i, p.near + (size_t) i * p.k);
	for (int j = 0; j < features; j++)
	{
		int			first;

		widest = Max(widest, explain_feature_place(version, j, &first));
	}
	column = huge_array((int64) p.n * widest, sizeof(float4));
	order = huge_array(p.n, sizeof(int64));
	apart = mean_distance(p.z, p.n, version->out);
	rng_seed(&rng, seed, 0);
	for (int j = 0; j < features; j++)
	{
		int			first;
		int			width = explain_feature_place(version, j, &first);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < p.n; i++)
		{
			memcpy(column + (size_t) i * widest, p.x + (size_t) i * version->in + first, sizeof(float4) * width);
			order[i] = i;
		}
		rng_shuffle(&rng, order, p.n);
		for (int i = 0; i < p.n; i++)
			memcpy(p.x + (size_t) i * version->in + first, column + order[i] * widest, sizeof(float4) * width);
		dml_version_embed(version, p.x, p.n, p.moved);
		for (int i = 0; i < p.n; i++)
			memcpy(p.x + (size_t) i * version->in + first, column + (size_t) i * widest, sizeof(float4) * width);
		put_line(e, "feature importance", feature_name(e, j), NULL, apart > 0 ? mean_move(&p) / apart : 0);
		changed[j] = neighbours_changed(&p);
	}
	for (int j = 0; j < features; j++)
		put_line(e, "neighbour importance", feature_name(e, j), NULL, changed[j]);
}

/* dml_explain(model, source, features, max_rows, seed, k) */
Datum
dml_explain(PG_FUNCTION_ARGS)
{
	char	   *model = text_argument(fcinfo, 0);
	char	   *source = text_argument(fcinfo, 1);
	int64		max_rows = PG_ARGISNULL(3) ? 256 : PG_GETARG_INT64(3);
	int			k = PG_ARGISNULL(5) ? 10 : PG_GETARG_INT32(5);
	Explanation e;

	need_argument(model, "model", HINT);
	if (max_rows < 2 || max_rows > 100000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must be from 2 to 100000, not %lld", (long long) max_rows)));
	if (k < 1 || k > MAX_K)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d", MAX_K, k)));
	e.store = result_store(fcinfo, &e.desc);
	e.version = dml_version_by_name(model);
	dml_version_pin(e.version, CurrentMemoryContext);
	e.given = text_argument(fcinfo, 2);
	e.features = e.given ? e.given : e.version->features;
	put_catalogue(&e);
	if (source)
		put_permutation(&e, source, max_rows, k, PG_ARGISNULL(4) ? 0 : (uint64) PG_GETARG_INT64(4));
	else
		put_linear(&e);
	PG_RETURN_NULL();
}
