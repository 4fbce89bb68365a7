/*
 * unit_env.c
 *	  See unit_env.h.
 */
#include "unit_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void *
take_chunk(void *ctx, size_t bytes)
{
	void	   *chunk = malloc(bytes);

	if (chunk != NULL)
		((UnitEnv *) ctx)->chunks++;
	return chunk;
}

static void
give_chunk(void *ctx, void *chunk)
{
	((UnitEnv *) ctx)->chunks--;
	free(chunk);
}

static bool
is_cancelled(void *ctx)
{
	UnitEnv    *unit = ctx;

	return ++unit->polls == unit->cancel_at;
}

static void
keep_notice(void *ctx, const char *message)
{
	UnitEnv    *unit = ctx;

	unit->notices++;
	snprintf(unit->notice, sizeof(unit->notice), "%s", message);
}

double
unit_clock(void *ctx)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

void
unit_env_init(UnitEnv *unit)
{
	memset(unit, 0, sizeof(*unit));
	arena_init(&unit->arena, (ArenaHooks) {take_chunk, give_chunk, unit}, 0);
	unit->env.arena = &unit->arena;
	unit->env.cancelled = is_cancelled;
	unit->env.notice = keep_notice;
	unit->env.ctx = unit;
	unit->env.threads = 1;
}

void
unit_env_done(UnitEnv *unit)
{
	arena_destroy(&unit->arena);
}

/* Bytes of the whole pages that hold count floats. */
static size_t
guarded_bytes(size_t count)
{
	size_t		page = sysconf(_SC_PAGESIZE);

	return (count * sizeof(float) + page - 1) / page * page;
}

float *
unit_guarded(size_t count)
{
	size_t		page = sysconf(_SC_PAGESIZE);
	size_t		bytes = guarded_bytes(count);
	char	   *p = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + bytes, page, PROT_NONE) != 0)
		abort();
	return (float *) (p + bytes) - count;
}

void
unit_guarded_free(float *p, size_t count)
{
	size_t		bytes = guarded_bytes(count);

	munmap((char *) (p + count) - bytes, bytes + sysconf(_SC_PAGESIZE));
}
