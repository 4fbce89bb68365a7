/*
 * cache.c
 *	  Versions in the session's memory.
 *
 * A version never changes, so an entry cannot be out of date.  Each statement reads from the
 * catalogue what a name means and who may use it (version.c); only the network comes from here.
 * The key is the model, the number and the space, and the catalogue's row by table, transaction and
 * place.  Neither half is enough alone.  After a rolled-back training, or in an extension that was
 * created again, another version may have the same model, number and space, but not the same row.
 * VACUUM FULL moves rows to places where other rows of the same transaction were, but those have
 * another model, number or space.
 *
 * The least recently used entries beyond dml.model_cache are evicted, unless they are pinned.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "catalog.h"
#include "dml.h"

typedef struct CacheEntry
{
	DmlVersion	version;
	uint64		space;			/* the catalogue's; version.space may be an adapter's target */
	Oid			table;
	TransactionId xmin;			/* of the catalogue's row, as is tid */
	ItemPointerData tid;
	dlist_node	node;
	MemoryContext context;
	size_t		bytes;
	int			pins;
} CacheEntry;

struct DmlPin
{
	MemoryContextCallback callback;
	CacheEntry *entry;			/* NULL: none */
};

static int	cache_limit_kb = 65536;
static MemoryContext cache_context = NULL;
static dlist_head entries = DLIST_STATIC_INIT(entries); /* most recently used first */
static size_t cache_bytes = 0;

/* Evict entries beyond the limit, but never keep. */
static void
evict(const CacheEntry *keep)
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

/*
 * The entry of a row, which is the model's version of that number and space, moved to the front.
 * NULL: it is not cached.
 */
static CacheEntry *
find(const CatalogScan *scan, HeapTuple row, int64 model_id, int32 number, uint64 space)
{
	TransactionId xmin = HeapTupleHeaderGetRawXmin(row->t_data);
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (entry->version.model_id == model_id && entry->version.number == number && entry->space == space &&
			entry->table == RelationGetRelid(scan->table) && entry->xmin == xmin && ItemPointerEquals(&entry->tid, &row->t_self))
		{
			dlist_move_head(&entries, &entry->node);
			return entry;
		}
	}
	return NULL;
}

/* Raise ERRCODE_DATA_CORRUPTED: no function of the extension has written this row. */
static void
damaged(const DmlVersion *v, const char *what)
{
	catalog_damaged(psprintf("Model \"%s\" version %d: %s.", v->name, v->number, what));
}

/* A text of a version's row, which must not be empty. */
static char *
read_text(HeapTuple row, TupleDesc desc, AttrNumber column, const DmlVersion *v)
{
	char	   *value = TextDatumGetCString(catalog_value(row, desc, column, TEXTOID));

	if (value[0] == '\0')
		damaged(v, psprintf("column \"%s\" is empty", NameStr(TupleDescAttr(desc, column - 1)->attname)));
	return value;
}

/*
 * The names of the columns that the model takes; none if it takes an array.  The model has been
 * read.
 */
static void
read_columns(HeapTuple row, TupleDesc desc, AttrNumber column, DmlVersion *v)
{
	const Encoder *encoder = v->model->encoder;
	int			expected = encoder ? encoder->n : v->in;
	bool		isnull;
	Datum		datum = catalog_value_or_null(row, desc, column, TEXTARRAYOID, &isnull);
	ArrayType  *columns;
	Datum	   *names;

	v->input_kind = isnull ? DML_INPUT_ARRAY : DML_INPUT_COLUMNS;
	v->n_columns = 0;
	if (isnull && encoder == NULL)
		return;
	columns = isnull ? NULL : DatumGetArrayTypeP(datum);
	if (columns == NULL || ARR_NDIM(columns) != 1 || ARR_DIMS(columns)[0] != expected || array_contains_nulls(columns))
		damaged(v, psprintf("column \"%s\" does not name %d inputs", NameStr(TupleDescAttr(desc, column - 1)->attname), expected));
	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &v->n_columns);
	v->columns = palloc(sizeof(char *) * v->n_columns);
	for (int i = 0; i < v->n_columns; i++)
		v->columns[i] = TextDatumGetCString(names[i]);
}

/* Give a side the columns of the whole. */
static void
copy_columns(const DmlVersion *whole, DmlVersion *side)
{
	side->input_kind = whole->input_kind;
	side->n_columns = whole->n_columns;
	side->columns = whole->columns;
}

/* Check the fields that only a model of two inputs has. */
static void
check_second_input(HeapTuple row, TupleDesc desc, const DmlVersion *v)
{
	const DmlVersion *b = v->side[1];
	bool		no_inputs;
	bool		no_features;
	bool		no_columns;
	int32		inputs = DatumGetInt32(catalog_value_or_null(row, desc, VERSION_INPUTS_B, INT4OID, &no_inputs));

	(void) catalog_value_or_null(row, desc, VERSION_FEATURES_B, TEXTOID, &no_features);
	(void) catalog_value_or_null(row, desc, VERSION_COLUMNS_B, TEXTARRAYOID, &no_columns);
	if (b == NULL && !v->adapter && !(no_inputs && no_features && no_columns))
		damaged(v, "there is a second input, which the weights do not have");
	if (b != NULL && (no_inputs || no_features || inputs != b->in))
		damaged(v, "the second input is not that of the weights");
}

/* Check the settings, which dml_explain lists. */
static void
check_settings(HeapTuple row, TupleDesc desc, const DmlVersion *v)
{
	Jsonb	   *settings = DatumGetJsonbP(catalog_value(row, desc, VERSION_SETTINGS, JSONBOID));

	if (!JB_ROOT_IS_OBJECT(settings))
		damaged(v, "the settings are not an object");
}

/* One of the two sides, as a version of its own. */
static DmlVersion *
make_side(const DmlVersion *whole, char name, const Model *model)
{
	DmlVersion *side = palloc(sizeof(DmlVersion));

	*side = *whole;
	side->side[0] = side->side[1] = NULL;
	side->side_name = name;
	side->model = model;
	side->in = model_in(model);
	return side;
}

/* Read the network, or both networks, into the current memory context, and free the bytes. */
static void
read_model(Datum datum, DmlVersion *v)
{
	bytea	   *weights = DatumGetByteaPP(datum);
	LearnEnv   *env = dml_learn_env(0);
	ModelSides	sides;
	LearnStatus status = model_load_sides(env, VARDATA_ANY(weights), VARSIZE_ANY_EXHDR(weights), &sides);

	if (status != LEARN_OK)
		dml_learn_error(env, status);
	if (store_space(weights) != v->space)
		damaged(v, "the space is not that of the weights");
	if (model_in(sides.a) != v->in || model_out(sides.a) != v->out)
		damaged(v, psprintf("inputs and dims are not the %d and %d of the weights", model_in(sides.a), model_out(sides.a)));
	if ((Pointer) weights != DatumGetPointer(datum))
		pfree(weights);
	MemoryContextSetIdentifier(GetMemoryChunkContext(env), v->name);
	v->model = sides.a;
	v->adapter = sides.adapter;
	if (sides.adapter)
		v->space = sides.target;
	else if (sides.b)
	{
		v->side[0] = make_side(v, 'a', sides.a);
		v->side[1] = make_side(v, 'b', sides.b);
	}
}

/* Make an entry from a version's row.  This is the one place where the row is checked. */
static CacheEntry *
load(const CatalogScan *scan, HeapTuple row, const CatalogModel *model, int32 number, uint64 space)
{
	TupleDesc	desc = RelationGetDescr(scan->table);
	MemoryContext context;
	MemoryContext old;
	CacheEntry *entry;
	DmlVersion *v;

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "dml models", ALLOCSET_START_SMALL_SIZES);

	/* below the caller's context, so that an error leaves nothing behind */
	context = AllocSetContextCreate(CurrentMemoryContext, "dml model", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	entry = palloc0(sizeof(CacheEntry));
	entry->context = context;
	entry->space = space;
	entry->table = RelationGetRelid(scan->table);
	entry->xmin = HeapTupleHeaderGetRawXmin(row->t_data);
	entry->tid = row->t_self;
	v = &entry->version;
	v->model_id = model->id;
	v->number = number;
	v->name = pstrdup(model->name);
	v->space = v->weights_space = space;
	if (space == 0)
		damaged(v, "the space is 0, which means a plain vector");
	v->in = DatumGetInt32(catalog_value(row, desc, VERSION_INPUTS, INT4OID));
	v->out = DatumGetInt32(catalog_value(row, desc, VERSION_DIMS, INT4OID));
	v->whole = v;
	v->imported = DatumGetBool(catalog_value(row, desc, VERSION_IMPORTED, BOOLOID));
	v->features = read_text(row, desc, VERSION_FEATURES, v);
	check_settings(row, desc, v);
	read_model(catalog_value(row, desc, VERSION_WEIGHTS, BYTEAOID), v);
	read_columns(row, desc, VERSION_COLUMNS, v);
	if (v->side[0])
		copy_columns(v, unconstify(DmlVersion *, v->side[0]));
	check_second_input(row, desc, v);
	if (v->side[1])
	{
		DmlVersion *b = unconstify(DmlVersion *, v->side[1]);

		b->features = read_text(row, desc, VERSION_FEATURES_B, b);
		read_columns(row, desc, VERSION_COLUMNS_B, b);
	}
	MemoryContextSwitchTo(old);

	entry->bytes = MemoryContextMemAllocated(context, true);
	MemoryContextSetIdentifier(context, v->name);
	MemoryContextSetParent(context, cache_context);
	dlist_push_head(&entries, &entry->node);
	cache_bytes += entry->bytes;
	evict(entry);
	return entry;
}

const DmlVersion *
cache_get(const CatalogModel *model, int32 number, Snapshot snapshot)
{
	CatalogScan scan;
	HeapTuple	row;
	CacheEntry *entry;
	uint64		space;

	catalog_key(&scan, 0, VERSION_MODEL_ID, F_INT8EQ, Int64GetDatum(model->id));
	catalog_key(&scan, 1, VERSION_NUMBER, F_INT4EQ, Int32GetDatum(number));
	catalog_scan_begin(&scan, "version", "version_pkey", 2, snapshot);
	row = catalog_scan_next(&scan);
	if (!HeapTupleIsValid(row))
		catalog_no_version(model, number);
	space = (uint64) DatumGetInt64(catalog_value(row, RelationGetDescr(scan.table), VERSION_SPACE, INT8OID));
	entry = find(&scan, row, model->id, number, space);
	if (entry == NULL)
		entry = load(&scan, row, model, number, space);
	catalog_scan_end(&scan);
	return &entry->version;
}

/* ---------- pins ---------- */

static void
release_pin(void *arg)
{
	DmlPin	   *pin = arg;

	if (pin->entry)
		pin->entry->pins--;
	pin->entry = NULL;
}

DmlPin *
dml_pin_new(MemoryContext context)
{
	DmlPin	   *pin = MemoryContextAllocZero(context, sizeof(DmlPin));

	pin->callback.func = release_pin;
	pin->callback.arg = pin;
	MemoryContextRegisterResetCallback(context, &pin->callback);
	return pin;
}

void
dml_pin_move(DmlPin *pin, const DmlVersion *version)
{
	release_pin(pin);
	pin->entry = (CacheEntry *) version->whole;	/* the version is the entry's first member */
	pin->entry->pins++;
}

void
dml_version_pin(const DmlVersion *version, MemoryContext context)
{
	dml_pin_move(dml_pin_new(context), version);
}

/* ---------- start-up ---------- */

void
model_init(void)
{
	DefineCustomIntVariable("dml.model_cache",
							"Memory for models in each session.",
							"The model in use stays, whatever its size.",
							&cache_limit_kb, 65536, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	dml_space_name_hook = version_space_name;
}
