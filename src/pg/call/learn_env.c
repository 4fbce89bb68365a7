/*
 * learn_env.c
 *	  What the mathematics needs of PostgreSQL (memory, interrupts, notices, the clock), and its
 *	  statuses as errors.
 */
#include "compat.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "learn_env.h"

/* ArenaHooks.alloc: NULL if no memory is left, which src/learn reports. */
static void *
context_alloc(void *ctx, size_t bytes)
{
	return MemoryContextAllocExtended((MemoryContext) ctx, bytes,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

/* ArenaHooks.release */
static void
context_release(void *ctx, void *chunk)
{
	pfree(chunk);
}

/* LearnEnv.cancelled: does not return if there is a reason to stop. */
static bool
check_interrupts(void *ctx)
{
	CHECK_FOR_INTERRUPTS();
	return false;
}

/* LearnEnv.notice */
static void
say_notice(void *ctx, const char *message)
{
	ereport(NOTICE, (errmsg("%s", message)));
}

/* LearnEnv.now */
static double
clock_seconds(void *ctx)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_DOUBLE(now);
}

LearnEnv *
dml_learn_env(size_t limit)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml learn", ALLOCSET_DEFAULT_SIZES);
	LearnEnv   *env = MemoryContextAllocZero(context, sizeof(LearnEnv));
	ArenaHooks	hooks = {context_alloc, context_release, context};

	env->arena = MemoryContextAlloc(context, sizeof(Arena));
	arena_init(env->arena, hooks, limit);
	env->cancelled = check_interrupts;
	env->notice = say_notice;
	env->now = clock_seconds;
	env->threads = 1;
	return env;
}

void
dml_learn_error(const LearnEnv *env, LearnStatus status)
{
	int			code = ERRCODE_INTERNAL_ERROR;

	switch (status)
	{
		case LEARN_OK:
			break;
		case LEARN_CANCELLED:
			code = ERRCODE_QUERY_CANCELED;
			break;
		case LEARN_NO_MEMORY:
			code = ERRCODE_OUT_OF_MEMORY;
			break;
		case LEARN_INVALID:
			code = ERRCODE_INVALID_PARAMETER_VALUE;
			break;
		case LEARN_DATA:
		case LEARN_DIVERGED:
			code = ERRCODE_DATA_EXCEPTION;
			break;
		case LEARN_CORRUPT:
			code = ERRCODE_DATA_CORRUPTED;
			break;
		case LEARN_IO:
			code = ERRCODE_IO_ERROR;
			break;
		case LEARN_NO_BLAS:
			code = ERRCODE_UNDEFINED_FILE;
			break;
	}
	ereport(ERROR,
			(errcode(code), errmsg("%s", env->message),
			 env->hint[0] ? errhint("%s", env->hint) : 0));
}
