/*
 * text_set.c
 *	  Distinct texts in one buffer, found by a table of hashes with linear probing.  At least a
 *	  quarter of the table is used once it has grown, and at least half of the buffer.
 */
#include "compat.h"

#include "answer/text_set.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#define FIRST_SLOTS		64
#define FIRST_BYTES		1024

struct TextSet
{
	MemoryContext context;
	char	   *buffer;
	size_t		used;
	size_t		room;
	size_t	   *start;			/* by number: where its text begins; half as many as slots */
	int32	   *slot;			/* a number, or -1 */
	int64		slots;			/* a power of 2 */
	int32		n;
};

TextSet *
text_set_new(void)
{
	TextSet    *set = palloc0(sizeof(TextSet));

	set->context = CurrentMemoryContext;
	set->room = FIRST_BYTES;
	set->buffer = palloc(set->room);
	set->slots = FIRST_SLOTS;
	set->start = palloc(sizeof(size_t) * set->slots / 2);
	set->slot = palloc(sizeof(int32) * set->slots);
	memset(set->slot, -1, sizeof(int32) * set->slots);
	return set;
}

const char *
text_set_get(const TextSet *set, int32 number)
{
	return set->buffer + set->start[number];
}

/* The slot that has a text, or that is free for it. */
static int64
find(const TextSet *set, const char *text)
{
	int64		at = hash_bytes((const unsigned char *) text, (int) strlen(text)) & (set->slots - 1);

	while (set->slot[at] >= 0 && strcmp(text_set_get(set, set->slot[at]), text) != 0)
		at = (at + 1) & (set->slots - 1);
	return at;
}

static void
grow(TextSet *set)
{
	set->slots *= 2;
	set->start = repalloc_huge(set->start, sizeof(size_t) * set->slots / 2);
	pfree(set->slot);
	set->slot = MemoryContextAllocHuge(set->context, sizeof(int32) * set->slots);
	memset(set->slot, -1, sizeof(int32) * set->slots);
	for (int32 i = 0; i < set->n; i++)
		set->slot[find(set, text_set_get(set, i))] = i;
}

int32
text_set_add(TextSet *set, const char *text)
{
	int64		at = find(set, text);
	size_t		bytes = strlen(text) + 1;

	if (set->slot[at] >= 0)
		return set->slot[at];
	if (set->n == set->slots / 2)
	{
		grow(set);
		at = find(set, text);
	}
	while (set->room - set->used < bytes)
	{
		set->room *= 2;
		set->buffer = repalloc_huge(set->buffer, set->room);
	}
	memcpy(set->buffer + set->used, text, bytes);
	set->start[set->n] = set->used;
	set->used += bytes;
	set->slot[at] = set->n;
	return set->n++;
}

static int
compare_texts(const void *a, const void *b, void *arg)
{
	const TextSet *set = arg;

	return strcmp(text_set_get(set, *(const int32 *) a), text_set_get(set, *(const int32 *) b));
}

int32 *
text_set_ranks(const TextSet *set)
{
	Size		bytes = sizeof(int32) * Max(set->n, 1);
	int32	   *order = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	int32	   *rank = MemoryContextAllocHuge(CurrentMemoryContext, bytes);

	for (int32 i = 0; i < set->n; i++)
		order[i] = i;
	qsort_arg(order, set->n, sizeof(int32), compare_texts, unconstify(TextSet *, set));
	for (int32 i = 0; i < set->n; i++)
		rank[order[i]] = i;
	pfree(order);
	return rank;
}

size_t
text_set_memory(const TextSet *set)
{
	return set->room + set->slots * (sizeof(int32) + sizeof(size_t) / 2);
}

size_t
text_set_most(const char *text)
{
	return 2 * (strlen(text) + 1) + 4 * (sizeof(int32) + sizeof(size_t) / 2);
}
