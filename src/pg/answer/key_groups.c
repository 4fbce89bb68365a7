/*
 * key_groups.c
 *	  Keys that are linked pair by pair, and the groups that follow.
 *
 * A hash table gives each key a number, and the numbers are joined (learn/cluster/union_find.h).
 * The result is put in order by the keys, so it does not depend on the order of the links.
 */
#include "compat.h"

#include "answer/key_groups.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "learn/cluster/union_find.h"

/* How often the memory is looked at, in keys. */
#define CHECK_EVERY		256

/* What the result needs for each key. */
#define RESULT_BYTES	(4 * sizeof(int32))

/*
 * The most that one more key can take: the table and the arrays are at most twice as large as what
 * they hold, and so is the memory of a key's copy, which goes to a block of up to twice its size.
 */
#define MOST_BYTES(size)	(4 * (sizeof(KeyEntry) + sizeof(Datum) + sizeof(int32) + (size)) + 32 + RESULT_BYTES)

typedef struct KeyEntry
{
	Datum		key;
	int32		number;
	uint32		hash;
	char		status;			/* of simplehash */
} KeyEntry;

#define KEY_GROUPS(tb)	((KeyGroups *) (tb)->private_data)

static uint32 hash_key(const KeyGroups *groups, Datum key);
static bool equal_keys(const KeyGroups *groups, Datum a, Datum b);

#define SH_PREFIX		keytable
#define SH_ELEMENT_TYPE KeyEntry
#define SH_KEY_TYPE		Datum
#define SH_KEY			key
#define SH_HASH_KEY(tb, key)	hash_key(KEY_GROUPS(tb), key)
#define SH_EQUAL(tb, a, b)		equal_keys(KEY_GROUPS(tb), a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry)	(entry)->hash
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct KeyGroups
{
	AnswerKey  *key;
	double		rows;			/* 0: unknown */
	int64		left_out;		/* keys that are only counted, once for each time they came */
	double		left_bytes;		/* the most that they would take */
	bool		full;
	MemoryContext context;		/* of all that follows */
	keytable_hash *table;
	Datum	   *keys;			/* by number */
	int32	   *parent;			/* union_find.h */
	int32		n;
	int32		room;			/* of keys and parent */
};

static uint32
hash_key(const KeyGroups *groups, Datum key)
{
	/* a type's hash may have its information in its low bits alone */
	return murmurhash32(DatumGetUInt32(FunctionCall1Coll(&groups->key->cache->hash_proc_finfo, groups->key->collation, key)));
}

static bool
equal_keys(const KeyGroups *groups, Datum a, Datum b)
{
	return DatumGetBool(FunctionCall2Coll(&groups->key->cache->eq_opr_finfo, groups->key->collation, a, b));
}

KeyGroups *
key_groups_new(AnswerKey *key, double rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml key groups", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	KeyGroups  *groups = palloc0(sizeof(KeyGroups));

	groups->key = key;
	groups->rows = rows;
	groups->context = context;
	groups->table = keytable_create(context, 256, groups);
	groups->room = 256;
	groups->keys = palloc(sizeof(Datum) * groups->room);
	groups->parent = palloc(sizeof(int32) * groups->room);
	MemoryContextSwitchTo(old);
	return groups;
}

/* Memory of the keys, with what the result will need. */
static size_t
taken_memory(const KeyGroups *groups)
{
	return MemoryContextMemAllocated(groups->context, true) + (size_t) groups->n * RESULT_BYTES;
}

static void
raise_full(const KeyGroups *groups, double keys, double bytes)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("groups of %d keys take more than work_mem (%d kB)", groups->n, work_mem),
			 errdetail("A key takes about %zu bytes. There are about %.0f keys at most.", taken_memory(groups) / groups->n + 1, keys),
			 errhint("SET work_mem = '%.0fkB';", bytes / 1024 + 1)));
}

/*
 * Look whether the keys take too much memory.  Without an idea of how many there are, the others
 * are counted first.
 */
static void
check_memory(KeyGroups *groups)
{
	size_t		taken = taken_memory(groups);
	double		keys = Max(groups->rows, 2.0 * groups->n);

	groups->full = taken > (size_t) work_mem * 1024;
	if (groups->full && groups->rows > 0)
		raise_full(groups, keys, keys * (taken / groups->n + 1) * 1.5 + 1024 * 1024);
}

/* The number of a key; -1: it is only counted. */
static int32
key_number(KeyGroups *groups, Datum key)
{
	bool		found;
	KeyEntry   *entry;
	MemoryContext old;

	if (groups->full)
	{
		entry = keytable_lookup(groups->table, key);
		if (entry != NULL)
			return entry->number;
		groups->left_out++;
		groups->left_bytes += MOST_BYTES(groups->key->byval ? 0 : datumGetSize(key, false, groups->key->len));
		return -1;
	}
	entry = keytable_insert(groups->table, key, &found);
	if (found)
		return entry->number;
	old = MemoryContextSwitchTo(groups->context);
	if (groups->n == groups->room)
	{
		if (groups->room > PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("there are more than %d keys", groups->room)));
		groups->room *= 2;
		groups->keys = repalloc_huge(groups->keys, sizeof(Datum) * groups->room);
		groups->parent = repalloc_huge(groups->parent, sizeof(int32) * groups->room);
	}
	entry->key = groups->key->len == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(key)) :
		datumCopy(key, groups->key->byval, groups->key->len);
	entry->number = groups->n;
	groups->keys[groups->n] = entry->key;
	union_find_init(groups->parent, groups->n, groups->n + 1);
	groups->n++;
	MemoryContextSwitchTo(old);
	if (groups->n % CHECK_EVERY == 0)
		check_memory(groups);
	return groups->n - 1;
}

void
key_groups_link(KeyGroups *groups, Datum a, Datum b)
{
	int32		left = key_number(groups, a);
	int32		right = key_number(groups, b);

	if (left >= 0 && right >= 0)
		union_find_join(groups->parent, left, right);
}

int64
key_groups_count(const KeyGroups *groups)
{
	return groups->n;
}

/* qsort_arg: numbers of keys, by key. */
static int
compare_keys(const void *a, const void *b, void *arg)
{
	const KeyGroups *groups = arg;

	CHECK_FOR_INTERRUPTS();
	return DatumGetInt32(FunctionCall2Coll(&groups->key->cache->cmp_proc_finfo, groups->key->collation,
										   groups->keys[*(const int32 *) a], groups->keys[*(const int32 *) b]));
}

typedef struct RootOrder
{
	const int32 *parent;		/* union_find.h */
	const int32 *place;			/* by root */
} RootOrder;

/* qsort_arg: roots, those of the largest groups first, then by place. */
static int
compare_roots(const void *a, const void *b, void *arg)
{
	const RootOrder *order = arg;
	int32		left = *(const int32 *) a;
	int32		right = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	if (order->parent[left] != order->parent[right])
		return order->parent[left] < order->parent[right] ? -1 : 1;
	return order->place[left] < order->place[right] ? -1 : 1;
}

/* The numbers of all keys: group by group, in order of the keys within a group. */
static int32 *
put_in_order(KeyGroups *groups)
{
	int32		n = groups->n;
	size_t		bytes = sizeof(int32) * Max(n, 1);
	int32	   *by_key = MemoryContextAllocHuge(groups->context, bytes);
	int32	   *sorted = MemoryContextAllocHuge(groups->context, bytes);
	int32	   *roots = MemoryContextAllocHuge(groups->context, bytes);
	int32	   *place = MemoryContextAllocHuge(groups->context, bytes);	/* by root */
	RootOrder	order = {groups->parent, place};
	int32		n_roots = 0;
	int32		next = 0;

	for (int32 i = 0; i < n; i++)
	{
		by_key[i] = i;
		place[i] = -1;
	}
	qsort_arg(by_key, n, sizeof(int32), compare_keys, groups);
	for (int32 i = 0; i < n; i++)
	{
		int32		root = union_find_root(groups->parent, by_key[i]);

		if (place[root] >= 0)
			continue;
		place[root] = n_roots;
		roots[n_roots++] = root;
	}
	qsort_arg(roots, n_roots, sizeof(int32), compare_roots, &order);
	for (int32 i = 0; i < n_roots; i++)
	{
		place[roots[i]] = next;
		next += union_find_size(groups->parent, roots[i]);
	}
	for (int32 i = 0; i < n; i++)
		sorted[place[union_find_root(groups->parent, by_key[i])]++] = by_key[i];
	return sorted;
}

void
key_groups_store(KeyGroups *groups, Tuplestorestate *store, TupleDesc desc)
{
	int32	   *sorted;
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "dml row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row);
	int32		last = -1;
	int64		number = 0;

	if (groups->full)
		raise_full(groups, (double) groups->n + groups->left_out, 2.0 * taken_memory(groups) + groups->left_bytes);
	sorted = put_in_order(groups);
	for (int32 i = 0; i < groups->n; i++)
	{
		int32		root = union_find_root(groups->parent, sorted[i]);
		Datum		values[3];
		bool		nulls[3] = {false};

		CHECK_FOR_INTERRUPTS();
		if (root != last)
			number++;
		last = root;
		values[0] = answer_key_result(groups->key, groups->keys[sorted[i]]);
		values[1] = Int64GetDatum(number);
		values[2] = Int64GetDatum(union_find_size(groups->parent, root));
		tuplestore_putvalues(store, desc, values, nulls);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row);
	MemoryContextDelete(groups->context);
}
