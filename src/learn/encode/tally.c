/*
 * tally.c
 *	  A hash table of counts.
 *
 * Up to the limit the counts are exact and do not depend on the order of the values.  A full table
 * forgets its rarest values (lossy counting, Manku and Motwani 2002): a value that is frequent in
 * all rows stays, or comes back, unless it is about as rare as those.
 */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY	64

LearnStatus
tally_start(LearnEnv *env, int limit, Tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	tally->limit = limit;
	tally->capacity = FIRST_CAPACITY;
	tally->slots = 2 * FIRST_CAPACITY;
	LEARN_ALLOC(env, tally->entry, tally->capacity);
	LEARN_ALLOC(env, tally->slot, tally->slots);
	memset(tally->slot, 0, sizeof(int32_t) * tally->slots);
	return LEARN_OK;
}

static int
find_slot(const Tally *tally, uint64_t hash)
{
	int			i = hash & (tally->slots - 1);

	while (tally->slot[i] != 0 && tally->entry[tally->slot[i] - 1].hash != hash)
		i = (i + 1) & (tally->slots - 1);
	return i;
}

static void
fill_slots(Tally *tally)
{
	memset(tally->slot, 0, sizeof(int32_t) * tally->slots);
	for (int e = 0; e < tally->n; e++)
		tally->slot[find_slot(tally, tally->entry[e].hash)] = e + 1;
}

/* Forget the rarest values until at most half of the entries are left. */
static void
forget_rarest(Tally *tally)
{
	while (tally->n > tally->capacity / 2)
	{
		int			kept = 0;

		tally->forgotten++;
		for (int e = 0; e < tally->n; e++)
			if (tally->entry[e].count > tally->forgotten)
				tally->entry[kept++] = tally->entry[e];
		tally->n = kept;
	}
	fill_slots(tally);
}

static LearnStatus
make_room(LearnEnv *env, Tally *tally)
{
	TallyEntry *entry;

	if (tally->n < tally->capacity)
		return LEARN_OK;
	if (tally->capacity >= tally->limit)
	{
		forget_rarest(tally);
		return LEARN_OK;
	}
	LEARN_ALLOC(env, entry, 2 * tally->capacity);
	memcpy(entry, tally->entry, sizeof(TallyEntry) * tally->n);
	tally->entry = entry;
	tally->capacity *= 2;
	tally->slots *= 2;
	LEARN_ALLOC(env, tally->slot, tally->slots);
	fill_slots(tally);
	return LEARN_OK;
}

/*
 * The first whole characters of a value; a byte that is not UTF-8, and 0, become a question mark.
 */
static void
copy_name(EncodeString value, char *name)
{
	size_t		at = 0;
	size_t		used = 0;

	while (at < value.n)
	{
		size_t		begin = at;
		bool		valid;
		uint32_t	c = encode_next_char(value, &at, &valid);

		if (used + (at - begin) > ENCODE_NAME_MAX)
			break;
		if (valid && c != 0)
			memcpy(name + used, value.bytes + begin, at - begin);
		else
			name[used] = '?';
		used += valid && c != 0 ? at - begin : 1;
	}
	name[used] = '\0';
}

LearnStatus
tally_add(LearnEnv *env, Tally *tally, EncodeString value)
{
	uint64_t	hash = encode_hash(value);
	int			slot = find_slot(tally, hash);
	TallyEntry *entry;

	if (tally->slot[slot] != 0)
	{
		entry = &tally->entry[tally->slot[slot] - 1];
		entry->count += entry->count < UINT32_MAX;
		return LEARN_OK;
	}
	LEARN_TRY(make_room(env, tally));
	slot = find_slot(tally, hash);
	entry = &tally->entry[tally->n++];
	entry->hash = hash;
	entry->count = tally->forgotten + 1;
	copy_name(value, entry->name);
	tally->slot[slot] = tally->n;
	return LEARN_OK;
}

static int
compare_frequent(const void *a, const void *b)
{
	const TallyEntry *x = a;
	const TallyEntry *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int
compare_hash(const void *a, const void *b)
{
	const TallyEntry *x = a;
	const TallyEntry *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

int
tally_choose(Tally *tally, int most, uint32_t least)
{
	int			n = 0;

	qsort(tally->entry, tally->n, sizeof(TallyEntry), compare_frequent);
	while (n < tally->n && n < most && tally->entry[n].count >= least)
		n++;
	qsort(tally->entry, n, sizeof(TallyEntry), compare_hash);
	return n;
}
