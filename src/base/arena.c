/*
 * arena.c
 *	  The stack of chunks that all memory of src/learn comes from.
 */
#include "arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ALIGNMENT		64

/* Chunks double from the first size to the largest; a larger request gets its own. */
#ifdef __SANITIZE_ADDRESS__
#define FIRST_CHUNK		((size_t) 1)	/* one chunk a request: writing past one is seen */
#define LARGEST_CHUNK	((size_t) 1)
#else
#define FIRST_CHUNK		((size_t) 8 * 1024)
#define LARGEST_CHUNK	((size_t) 1024 * 1024)
#endif

struct ArenaChunk
{
	ArenaChunk *below;
	size_t		size;			/* bytes taken from the hook, this header included */
	size_t		used;			/* of them, from the chunk's beginning */
};

void
arena_init(Arena *arena, ArenaHooks hooks, size_t limit)
{
	arena->hooks = hooks;
	arena->limit = limit;
	arena->taken = 0;
	arena->top = NULL;
}

/* Offset in the chunk of the next aligned byte; a hook promises no alignment. */
static size_t
aligned_offset(const ArenaChunk *chunk)
{
	uintptr_t	next = (uintptr_t) chunk + chunk->used;

	return chunk->used + (ALIGNMENT - next % ALIGNMENT) % ALIGNMENT;
}

static bool
push_chunk(Arena *arena, size_t size)
{
	ArenaChunk *chunk;

	if (arena->limit > 0 && (arena->taken > arena->limit || size > arena->limit - arena->taken))
		return false;
	chunk = arena->hooks.alloc(arena->hooks.ctx, size);
	if (chunk == NULL)
		return false;
	chunk->below = arena->top;
	chunk->size = size;
	chunk->used = sizeof(ArenaChunk);
	arena->top = chunk;
	arena->taken += size;
	return true;
}

static void
pop_chunk(Arena *arena)
{
	ArenaChunk *chunk = arena->top;

	arena->top = chunk->below;
	arena->taken -= chunk->size;
	arena->hooks.release(arena->hooks.ctx, chunk);
}

void *
arena_alloc(Arena *arena, size_t count, size_t size)
{
	ArenaChunk *chunk = arena->top;
	size_t		bytes;
	size_t		offset;

	if (size > 0 && count > (SIZE_MAX / 2) / size)
		return NULL;
	bytes = count * size;

	if (chunk == NULL || (offset = aligned_offset(chunk)) > chunk->size || bytes > chunk->size - offset)
	{
		size_t		need = bytes + sizeof(ArenaChunk) + ALIGNMENT - 1;
		size_t		roomy = arena->taken;

		if (roomy < FIRST_CHUNK)
			roomy = FIRST_CHUNK;
		if (roomy > LARGEST_CHUNK)
			roomy = LARGEST_CHUNK;
		if (!(roomy > need && push_chunk(arena, roomy)) && !push_chunk(arena, need))
			return NULL;
		chunk = arena->top;
		offset = aligned_offset(chunk);
	}
	chunk->used = offset + bytes;
	return (char *) chunk + offset;
}

void *
arena_alloc_zero(Arena *arena, size_t count, size_t size)
{
	void	   *p = arena_alloc(arena, count, size);

	if (p != NULL)
		memset(p, 0, count * size);
	return p;
}

ArenaMark
arena_mark(const Arena *arena)
{
	ArenaMark	mark = {arena->top, arena->top ? arena->top->used : 0};

	return mark;
}

void
arena_reset(Arena *arena, ArenaMark mark)
{
	while (arena->top != mark.chunk)
		pop_chunk(arena);
	if (arena->top != NULL)
		arena->top->used = mark.used;
}

void
arena_destroy(Arena *arena)
{
	while (arena->top != NULL)
		pop_chunk(arena);
}
