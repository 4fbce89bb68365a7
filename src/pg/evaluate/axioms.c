/*
 * axioms.c
 *	  dml_verify_axioms: is a model's distance a metric on real rows?
 *
 * A Euclidean distance between vectors is a metric by construction. This function checks what the
 * code makes of it: the embedding of a row alone and in a batch, and the distance that the
 * operator <-> computes in floats.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "ann/distance.h"
#include "evaluate/space.h"
#include "base/rng.h"
#include "call/result_store.h"

#define RESULT_COLUMNS	5
#define HINT			"SELECT * FROM dml_verify_axioms('model', 'table or query');"
#define POLL			10000

/* Relative difference that another order of a float sum may make. */
#define TOLERANCE		1e-5

PG_FUNCTION_INFO_V1(dml_verify_axioms);

typedef struct Axiom
{
	const char *name;
	int64		checked;
	int64		violations;
	double		worst;			/* how far beyond what is allowed, or of what size */
} Axiom;

static void
observe(Axiom *axiom, bool holds, double amount)
{
	axiom->checked++;
	if (isnan(amount))
		amount = INFINITY;
	if (!holds)
		axiom->violations++;
	if (!holds && amount > axiom->worst)
		axiom->worst = amount;
}

static void
put_axiom(Tuplestorestate *store, TupleDesc desc, const Axiom *axiom)
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(axiom->name);
	values[1] = BoolGetDatum(axiom->violations == 0);
	nulls[1] = axiom->checked == 0;
	values[2] = Int64GetDatum(axiom->checked);
	values[3] = Int64GetDatum(axiom->violations);
	values[4] = Float8GetDatum(axiom->worst);
	tuplestore_putvalues(store, desc, values, nulls);
}

/* Embed every row by itself: its distance to its embedding in a batch, and to itself, must be 0. */
static void
check_identity(LearnEnv *env, const DmlVersion *version, const Selection *rows, const float4 *x, Axiom *axiom)
{
	float4	   *input = palloc(sizeof(float4) * version->in);
	float4	   *alone = palloc(sizeof(float4) * version->out);

	for (int64 i = 0; i < rows->n; i++)
	{
		double		self = distance_l2(x + i * version->out, x + i * version->out, version->out);
		double		again;
		LearnStatus status;

		CHECK_FOR_INTERRUPTS();
		status = rows->matrix->rows.fetch(env, rows->matrix->rows.ctx, rows->index + i, 1, input);
		if (status != LEARN_OK)
			dml_learn_error(env, status);
		dml_version_embed(version, input, 1, alone);
		again = distance_l2(alone, x + i * version->out, version->out);
		observe(axiom, self == 0 && again == 0, Max(self, again));
	}
	pfree(input);
	pfree(alone);
}

/* dml_verify_axioms(model, source, features, max_rows, triples, seed) */
Datum
dml_verify_axioms(PG_FUNCTION_ARGS)
{
	size_t		memory = (size_t) maintenance_work_mem * 1024;
	char	   *model = text_argument(fcinfo, 0);
	char	   *source = text_argument(fcinfo, 1);
	char	   *features = text_argument(fcinfo, 2);
	int64		max_rows = PG_ARGISNULL(3) ? 1000 : PG_GETARG_INT64(3);
	int64		triples = PG_ARGISNULL(4) ? 100000 : PG_GETARG_INT64(4);
	Axiom		identity = {"identity"};
	Axiom		positivity = {"positivity"};
	Axiom		symmetry = {"symmetry"};
	Axiom		triangle = {"triangle inequality"};
	Axiom		separation = {"separation"};
	const DmlVersion *version;
	DmlMatrix  *matrix;
	Tuplestorestate *store;
	TupleDesc	desc;
	Space		space;
	Selection	rows;
	FloatStore *vectors;
	const float4 *x;
	const uint64 *hash;
	LearnEnv   *env;
	Rng			rng;
	int			d;

	need_argument(model, "model", HINT);
	need_argument(source, "source", HINT);
	if (max_rows < 1 || triples < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows and triples must be at least 1")));
	store = result_store(fcinfo, &desc);
	version = dml_version_by_name(model);
	dml_version_pin(version, CurrentMemoryContext);
	matrix = dml_matrix_read(&(DmlMatrixSource) {.source = source,.features = features,.version = version,.limit = memory / 2});
	space_check_dims(matrix, version, source);

	env = dml_learn_env(memory);
	space = space_learned(version);
	rows = select_spread(matrix, max_rows);
	vectors = space_rows(env, &space, &rows, (size_t) rows.n * version->out * sizeof(float4) > memory / 2);
	x = float_store_map(vectors);
	hash = matrix->row_hash;
	d = version->out;
	check_identity(env, version, &rows, x, &identity);
	rng_seed(&rng, PG_ARGISNULL(5) ? 0 : (uint64) PG_GETARG_INT64(5), 0);
	for (int64 t = 0; t < triples && rows.n >= 2; t++)
	{
		int64		i = (int64) rng_below(&rng, rows.n);
		int64		j = (int64) rng_below(&rng, rows.n);
		int64		k = (int64) rng_below(&rng, rows.n);
		double		ij = distance_l2(x + i * d, x + j * d, d);
		double		jk = distance_l2(x + j * d, x + k * d, d);
		double		ik = distance_l2(x + i * d, x + k * d, d);
		double		ji = distance_l2(x + j * d, x + i * d, d);

		if (t % POLL == 0)
			CHECK_FOR_INTERRUPTS();
		observe(&positivity, ij >= 0 && ij < HUGE_VAL, ij < 0 ? -ij : ij);
		observe(&symmetry, ij == ji, fabs(ij - ji));
		observe(&triangle, ik <= ij + jk + TOLERANCE * (ij + jk), ik - (ij + jk));
		if (hash[rows.index[i]] != hash[rows.index[j]])
			observe(&separation, ij > 0, 0);
	}
	float_store_free(vectors);
	dml_matrix_free(matrix);
	put_axiom(store, desc, &identity);
	put_axiom(store, desc, &positivity);
	put_axiom(store, desc, &symmetry);
	put_axiom(store, desc, &triangle);
	put_axiom(store, desc, &separation);
	PG_RETURN_NULL();
}
