/*
 * arena.h
 *	  A stack of memory chunks.  Everything that src/learn allocates comes from
 *	  one, and is freed by going back to a mark or by destroying the arena.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

typedef struct ArenaHooks
{
	void	   *(*alloc) (void *ctx, size_t bytes); /* NULL: out of memory */
	void		(*release) (void *ctx, void *chunk);
	void	   *ctx;
} ArenaHooks;

typedef struct ArenaChunk ArenaChunk;

typedef struct Arena
{
	ArenaHooks	hooks;
	size_t		limit;			/* bytes it may take from the hooks; 0: no limit */
	size_t		taken;			/* bytes it has taken */
	ArenaChunk *top;
} Arena;

typedef struct ArenaMark
{
	ArenaChunk *chunk;
	size_t		used;
} ArenaMark;

extern void arena_init(Arena *arena, ArenaHooks hooks, size_t limit);

/*
 * count * size bytes, aligned to 64, contents undefined.  NULL when the limit, the
 * hook or the multiplication does not allow it.  count 0 gives a valid pointer.
 */
extern void *arena_alloc(Arena *arena, size_t count, size_t size);
extern void *arena_alloc_zero(Arena *arena, size_t count, size_t size);

/* Free all that was allocated since the mark was taken. */
extern ArenaMark arena_mark(const Arena *arena);
extern void arena_reset(Arena *arena, ArenaMark mark);
extern void arena_destroy(Arena *arena);

#endif							/* ARENA_H */
