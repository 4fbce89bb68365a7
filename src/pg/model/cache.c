/*
 * cache.c
 *	  Versions in the backend's memory.
 *
 * A version never changes, so an entry is good for as long as it is in the cache; only
 * what a name means, and who may use it, is looked up anew by each statement.  The
 * key is the space: versions of equal content share their weights' bytes, but the entry
 * also carries names, so model and number belong to the key as well.  An entry loaded in
 * a transaction that is rolled back is never found again, as its row is gone and
 * identity values are not reused.  Entries beyond dml.model_cache go, the least
 * recently used first, unless they are pinned.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "catalog.h"
#include "dml.h"

typedef struct CacheEntry
{
	DmlVersion	version;
	dlist_node	node;
	MemoryContext context;
	size_t		bytes;
	int			pins;
} CacheEntry;

static int	cache_limit_kb = 65536;
static MemoryContext cache_context = NULL;
static dlist_head entries = DLIST_STATIC_INIT(entries); /* most recently used first */
static size_t cache_bytes = 0;

/* Make room, but never for the price of the entry just used. */
static void
evict(CacheEntry *keep)
{
	dlist_node *node = dlist_is_empty(&entries) ? NULL : dlist_tail_node(&entries);

	while (node && cache_bytes > (size_t) cache_limit_kb * 1024)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, node);

		node = dlist_has_prev(&entries, node) ? dlist_prev_node(&entries, node) : NULL;
		if (entry == keep || entry->pins > 0)
			continue;
		dlist_delete(&entry->node);
		cache_bytes -= entry->bytes;
		MemoryContextDelete(entry->context);
	}
}

static CacheEntry *
cached(int64 model_id, int32 number, uint64 space)
{
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (entry->version.model_id == model_id && entry->version.number == number &&
			entry->version.space == space)
		{
			dlist_move_head(&entries, &entry->node);
			return entry;
		}
	}
	return NULL;
}

/* Read a version's row and weights.  Within catalog_begin. */
static CacheEntry *
load(const char *name, int64 model_id, int32 number)
{
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2] = {Int64GetDatum(model_id), Int32GetDatum(number)};
	MemoryContext context;
	MemoryContext old;
	CacheEntry *entry;
	DmlVersion *v;
	LearnEnv   *env;
	Model	   *model;
	LearnStatus status;
	HeapTuple	row;
	TupleDesc	desc;
	Datum		columns;
	bytea	   *weights;
	bool		isnull;

	if (catalog_execute("SELECT space, inputs, dims, columns, features, weights FROM dml_catalog.version "
						"WHERE model_id = $1 AND number = $2", 2, types, values, NULL, true) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", name, number),
				 errhint("SELECT version FROM dml_model_versions WHERE model = %s lists those that it has.",
						 quote_literal_cstr(name))));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "dml models", ALLOCSET_DEFAULT_SIZES);

	/* built under the transaction's memory, so that an error leaves nothing behind */
	context = AllocSetContextCreate(CurrentMemoryContext, "dml model", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	entry = palloc0(sizeof(CacheEntry));
	entry->context = context;
	v = &entry->version;
	v->model_id = model_id;
	v->number = number;
	v->name = pstrdup(name);
	v->space = (uint64) DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	v->in = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
	v->out = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
	columns = SPI_getbinval(row, desc, 4, &isnull);
	v->input_kind = isnull ? DML_INPUT_ARRAY : DML_INPUT_COLUMNS;
	if (!isnull)
	{
		Datum	   *names;

		deconstruct_array(DatumGetArrayTypeP(columns), TEXTOID, -1, false, TYPALIGN_INT,
						  &names, NULL, &v->n_columns);
		v->columns = palloc(sizeof(char *) * v->n_columns);
		for (int i = 0; i < v->n_columns; i++)
			v->columns[i] = TextDatumGetCString(names[i]);
	}
	v->features = SPI_getvalue(row, desc, 5);
	v->features = pstrdup(v->features);
	weights = DatumGetByteaPP(SPI_getbinval(row, desc, 6, &isnull));
	env = dml_learn_env(0);
	status = model_load(env, VARDATA_ANY(weights), VARSIZE_ANY_EXHDR(weights), &model);
	if (status != LEARN_OK)
		dml_learn_error(env, status);
	if (model_in(model) != v->in || model_out(model) != v->out)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the weights of model \"%s\" version %d do not fit its catalogue row", name, number)));
	v->model = model;
	entry->bytes = model_bytes(model) + sizeof(CacheEntry);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, cache_context);
	dlist_push_head(&entries, &entry->node);
	cache_bytes += entry->bytes;
	evict(entry);
	return entry;
}

/* The space of a version without its weights.  Within catalog_begin; 0: no such version. */
static uint64
space_of_version(int64 model_id, int32 number)
{
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2] = {Int64GetDatum(model_id), Int32GetDatum(number)};
	bool		isnull;

	if (catalog_execute("SELECT space FROM dml_catalog.version WHERE model_id = $1 AND number = $2",
						2, types, values, NULL, true) == 0)
		return 0;
	return (uint64) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static const DmlVersion *
get(const char *name, int64 model_id, int32 number)
{
	CacheEntry *entry = cached(model_id, number, space_of_version(model_id, number));

	if (entry == NULL)
		entry = load(name, model_id, number);
	return &entry->version;
}

const DmlVersion *
dml_version_by_name(const char *text)
{
	CatalogAccess access;
	CatalogModel model;
	const DmlVersion *version;
	int32		number;
	char	   *name = catalog_split_name(text, &number);

	catalog_begin(&access);
	if (!catalog_find_model(name, false, &model))
		catalog_no_model(name);
	if (!catalog_may(access.user, &model, "embed"))
		catalog_denied(name);
	version = get(name, model.id, number > 0 ? number : model.active);
	catalog_end(&access);
	return version;
}

const DmlVersion *
dml_version_by_space(uint64 space)
{
	CatalogAccess access;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum((int64) space)};
	const DmlVersion *version = NULL;
	SPITupleTable *rows;
	uint64		n;

	catalog_begin(&access);
	n = catalog_execute("SELECT m.id, m.name, m.owner, v.number FROM dml_catalog.version v "
						"JOIN dml_catalog.model m ON m.id = v.model_id WHERE v.space = $1 "
						"ORDER BY m.id, v.number", 1, types, values, NULL, true);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no model in this database has made embeddings of %s", dml_space_describe(space)),
				 errhint("The model was dropped, or the vectors come from another database.")));
	rows = SPI_tuptable;
	for (uint64 i = 0; i < n && version == NULL; i++)
	{
		CatalogModel model;
		bool		isnull;
		HeapTuple	row = rows->vals[i];

		model.id = DatumGetInt64(SPI_getbinval(row, rows->tupdesc, 1, &isnull));
		model.owner = pstrdup(NameStr(*DatumGetName(SPI_getbinval(row, rows->tupdesc, 3, &isnull))));
		if (catalog_may(access.user, &model, "embed"))
			version = get(SPI_getvalue(row, rows->tupdesc, 2), model.id,
						  DatumGetInt32(SPI_getbinval(row, rows->tupdesc, 4, &isnull)));
	}
	if (version == NULL)
		catalog_denied(SPI_getvalue(rows->vals[0], rows->tupdesc, 2));
	catalog_end(&access);
	return version;
}

static void
unpin(void *arg)
{
	((CacheEntry *) arg)->pins--;
}

void
dml_version_pin(const DmlVersion *version, MemoryContext context)
{
	CacheEntry *entry = (CacheEntry *) version; /* its first member */
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(*callback));

	callback->func = unpin;
	callback->arg = entry;
	entry->pins++;
	MemoryContextRegisterResetCallback(context, callback);
}

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
				 errdetail("The row has values far beyond those that the model was trained on.")));
}

DmlVector *
dml_version_embed_vector(const DmlVersion *version, const float4 *x, int dim)
{
	DmlVector  *result;

	if (dim != version->in)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" takes %d numbers, not %d", version->name, version->in, dim)));
	result = dml_vector_new(version->out, version->space);
	dml_version_embed(version, x, 1, result->x);
	return result;
}

/* dml_space_name_hook: a name from the cache, or none; no catalogue is read for a message. */
static char *
space_name(uint64 space)
{
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (entry->version.space == space)
			return psprintf("model \"%s\" version %d", entry->version.name, entry->version.number);
	}
	return NULL;
}

void
model_init(void)
{
	DefineCustomIntVariable("dml.model_cache",
							"Memory that a backend keeps models in.",
							"The one in use stays, whatever its size.",
							&cache_limit_kb, 65536, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	dml_space_name_hook = space_name;
}
