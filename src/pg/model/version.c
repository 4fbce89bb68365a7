/*
 * version.c
 *	  From a name or a space to a version, and embedding with it.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "access/xact.h"

#include "catalog.h"

const DmlVersion *
dml_version_by_name(const char *text)
{
	Snapshot	snapshot = catalog_statement_snapshot();
	CatalogModel model;
	const DmlVersion *version;
	int32		number;
	char		side;
	char	   *name = catalog_split_name(text, &number, &side);

	if (!catalog_find_model(name, 0, snapshot, &model))
		catalog_no_model(name);
	if (!catalog_may(GetUserId(), model.id, "embed"))
		catalog_denied(name);
	version = cache_get(&model, number > 0 ? number : model.active, snapshot);
	if (side == 0)
		return version;
	if (version->side[0] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" version %d has no sides", version->name, version->number),
				 version->adapter ? errdetail("It is an adapter: what is stored stays as it is, and \"%s\" embeds queries.", version->name) :
				 errdetail("It has one input; \"/a\" and \"/b\" are for models that dml_train_matches trained on two.")));
	return version->side[side - 'a'];
}

Oid
dml_version_owner(const DmlVersion *version)
{
	CatalogModel model;

	return catalog_find_model(NULL, version->model_id, NULL, &model) ? model.owner : InvalidOid;
}

char *
dml_version_reference(const DmlVersion *version)
{
	return version->side_name ? psprintf("%s@%d/%c", version->name, version->number, version->side_name) :
		psprintf("%s@%d", version->name, version->number);
}

int
dml_version_numbers(const DmlVersion *version)
{
	const Encoder *encoder = version->model->encoder;

	return encoder ? encode_numbers(encoder) : version->in;
}

const DmlVersion *
dml_version_for_width(const DmlVersion *version, int dim)
{
	return version->side[1] && dim != dml_version_numbers(version) && dim == dml_version_numbers(version->side[1]) ?
		version->side[1] : version;
}

/*
 * Call visit for each version of a space, in the order of model and number, until it returns true.
 * Returns whether it did.
 */
static bool
visit_space(uint64 space, Snapshot snapshot, bool (*visit) (void *arg, const CatalogModel *model, int32 number), void *arg)
{
	CatalogScan scan;
	HeapTuple	row;
	bool		done = false;

	catalog_key(&scan, 0, VERSION_SPACE, F_INT8EQ, Int64GetDatum((int64) space));
	catalog_scan_begin(&scan, "version", "version_space_idx", 1, snapshot);
	while (!done && HeapTupleIsValid(row = catalog_scan_next(&scan)))
	{
		CatalogModel model;
		int64		id = DatumGetInt64(catalog_value(row, RelationGetDescr(scan.table), VERSION_MODEL_ID, INT8OID));
		int32		number = DatumGetInt32(catalog_value(row, RelationGetDescr(scan.table), VERSION_NUMBER, INT4OID));

		done = catalog_find_model(NULL, id, snapshot, &model) && visit(arg, &model, number);
	}
	catalog_scan_end(&scan);
	return done;
}

typedef struct UsableVersion
{
	CatalogModel model;			/* the last one that was visited; name NULL: none */
	int32		number;
} UsableVersion;

static bool
is_usable(void *arg, const CatalogModel *model, int32 number)
{
	UsableVersion *found = arg;

	found->model = *model;
	found->number = number;
	return catalog_may(GetUserId(), model->id, "embed");
}

const DmlVersion *
dml_version_by_space(uint64 space)
{
	Snapshot	snapshot = catalog_statement_snapshot();
	UsableVersion found = {{0}};

	if (visit_space(space, snapshot, is_usable, &found))
		return cache_get(&found.model, found.number, snapshot);
	if (found.model.name)
		catalog_denied(found.model.name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("no model in this database has made embeddings of %s", dml_space_describe(space)),
			 errhint("The model was dropped, or the vectors come from another database.")));
}

/* Keeps the last version that the user may embed with and that is calibrated. */
static bool
note_calibrated(void *arg, const CatalogModel *model, int32 number)
{
	UsableVersion *found = arg;
	DmlVersion	version = {.model_id = model->id,.number = number};
	double		threshold;

	if (catalog_may(GetUserId(), model->id, "embed") && dml_calibration_find(&version, &threshold))
	{
		found->model = *model;
		found->number = number;
	}
	return false;
}

const DmlVersion *
dml_version_calibrated(uint64 space)
{
	Snapshot	snapshot = catalog_statement_snapshot();
	UsableVersion found = {{0}};

	visit_space(space, snapshot, note_calibrated, &found);
	return found.model.name ? cache_get(&found.model, found.number, snapshot) : dml_version_by_space(space);
}

/* Whether the name with this number means a version of weights of this space. */
static bool
is_of_space(const char *name, int32 number, uint64 weights_space, Snapshot snapshot)
{
	CatalogModel model;
	CatalogScan scan;
	HeapTuple	row;
	uint64		space = 0;

	if (!catalog_find_model(name, 0, snapshot, &model))
		return false;
	catalog_key(&scan, 0, VERSION_MODEL_ID, F_INT8EQ, Int64GetDatum(model.id));
	catalog_key(&scan, 1, VERSION_NUMBER, F_INT4EQ, Int32GetDatum(number));
	catalog_scan_begin(&scan, "version", "version_pkey", 2, snapshot);
	row = catalog_scan_next(&scan);
	if (HeapTupleIsValid(row))
		space = (uint64) DatumGetInt64(catalog_value(row, RelationGetDescr(scan.table), VERSION_SPACE, INT8OID));
	catalog_scan_end(&scan);
	return space == weights_space;
}

const DmlVersion *
dml_version_by_reference(const char *reference, uint64 weights_space)
{
	Snapshot	snapshot = catalog_statement_snapshot();
	UsableVersion found = {{0}};
	const DmlVersion *version;
	int32		number;
	char		side;
	char	   *name = catalog_split_name(reference, &number, &side);

	if (weights_space == 0 || is_of_space(name, number, weights_space, snapshot))
		return dml_version_by_name(reference);
	if (!visit_space(weights_space, snapshot, is_usable, &found))
	{
		if (found.model.name)
			catalog_denied(found.model.name);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" version %d is not in this database", name, number),
				 errdetail("Its space is %016llx.", (unsigned long long) weights_space),
				 errhint("Take it from the database where it was trained: SELECT dml_export('%s@%d'); there, "
						 "and SELECT * FROM dml_import(file, '%s'); here.", name, number, name)));
	}
	version = cache_get(&found.model, found.number, snapshot);
	return side != 0 && version->side[0] ? version->side[side - 'a'] : version;
}

static bool
take_name(void *arg, const CatalogModel *model, int32 number)
{
	*(char **) arg = psprintf("model \"%s\" version %d", model->name, number);
	return true;
}

/* dml_space_name_hook.  Names are no secret: dml_models shows them to everybody. */
char *
version_space_name(uint64 space)
{
	char	   *name = NULL;

	if (IsTransactionState())
		visit_space(space, NULL, take_name, &name);
	return name;
}

bool
dml_moment_passed(DmlMoment *moment)
{
	DmlMoment	now = {0};
	Snapshot	snapshot = catalog_statement_snapshot();
	bool		passed;

	now.user = GetUserId();
	if (snapshot)
	{
		now.xmin = snapshot->xmin;
		now.xmax = snapshot->xmax;
		now.n_running = snapshot->xcnt + snapshot->subxcnt;
		now.command = snapshot->curcid;
	}
	passed = snapshot == NULL || memcmp(&now, moment, sizeof(now)) != 0;
	*moment = now;
	return passed;
}

/* ---------- embedding ---------- */

void
dml_version_embed(const DmlVersion *version, const float4 *x, int n, float4 *out)
{
	float4	   *scratch = MemoryContextAllocHuge(CurrentMemoryContext,
												 sizeof(float4) * (model_scratch(version->model, n) + 1));
	int			bad;

	model_embed(version->model, x, n, out, scratch, &bad);
	pfree(scratch);
	if (bad >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the embedding of a row under model \"%s\" is not finite", version->name),
				 errdetail("The row has values far outside the range that the model was trained on.")));
}

DmlVector *
dml_version_embed_row(const DmlVersion *version, const float4 *x)
{
	DmlVector  *result = dml_vector_new(version->out, version->space);

	dml_version_embed(version, x, 1, result->x);
	return result;
}

/* The side that takes dim numbers. */
static const DmlVersion *
side_of_width(const DmlVersion *version, int dim)
{
	int			numbers;

	version = dml_version_for_width(version, dim);
	numbers = dml_version_numbers(version);
	if (numbers == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("model \"%s\" takes rows, not arrays of numbers", version->name),
				 errdetail("It was trained with the features %s.", version->features),
				 errhint("Embed a row that has these columns: SELECT dml_embed('%s', t) FROM some_table t.", version->name)));
	if (dim != numbers)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 version->side[1] && dml_version_numbers(version->side[1]) > 0 ?
				 errmsg("model \"%s\" takes %d or %d numbers, not %d", version->name, numbers,
						dml_version_numbers(version->side[1]), dim) :
				 version->side_name ?
				 errmsg("model \"%s/%c\" takes %d numbers, not %d", version->name, version->side_name, numbers, dim) :
				 errmsg("model \"%s\" takes %d numbers, not %d", version->name, numbers, dim),
				 errdetail("It was trained with the features %s.", version->features),
				 errhint("Give those features, or name a model that was trained with these.")));
	return version;
}

/* One row of numbers, by a version whose encoder takes as many. */
static DmlVector *
embed_encoded(const DmlVersion *version, const double *x)
{
	const Encoder *encoder = version->model->encoder;
	EncodeValue *value = palloc0(sizeof(EncodeValue) * encoder->n);
	float4	   *row = palloc(sizeof(float4) * encoder->width);
	DmlVector  *result;

	for (int i = 0; i < encoder->n; i++)
	{
		value[i].number = *x;
		value[i].n = encoder->column[i].n;
		value[i].numbers = x;
		x += encoder->column[i].n;
	}
	(void) encode_row(encoder, value, row);
	result = dml_version_embed_row(version, row);
	pfree(value);
	pfree(row);
	return result;
}

DmlVector *
dml_version_embed_vector(const DmlVersion *version, const float4 *x, int dim)
{
	const DmlVersion *side = side_of_width(version, dim);
	const double *origin = side->model->origin;
	DmlVector  *result;
	float4	   *centred;

	if (side->model->encoder)
	{
		double	   *numbers = palloc(sizeof(double) * dim);

		for (int j = 0; j < dim; j++)
			numbers[j] = x[j];
		result = embed_encoded(side, numbers);
		pfree(numbers);
		return result;
	}
	if (origin == NULL)
		return dml_version_embed_row(side, x);
	centred = palloc(sizeof(float4) * dim);
	for (int j = 0; j < dim; j++)
		centred[j] = (float4) (x[j] - origin[j]);
	result = dml_version_embed_row(side, centred);
	pfree(centred);
	return result;
}

DmlVector *
dml_version_embed_array(const DmlVersion *version, ArrayType *array)
{
	int			dim = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const DmlVersion *side = dml_version_for_width(version, dim);
	DmlVector  *result;
	float4	   *x;

	if (side->model->encoder)
	{
		double	   *numbers = dml_doubles_from_array(array, &dim);

		result = embed_encoded(side_of_width(version, dim), numbers);
		pfree(numbers);
		return result;
	}
	x = dml_floats_from_array(array, dim == side->in ? side->model->origin : NULL, &dim);
	result = dml_version_embed_row(side_of_width(version, dim), x);
	pfree(x);
	return result;
}
