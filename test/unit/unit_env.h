/*
 * unit_env.h
 *	  An environment for tests: an arena over malloc that counts, a poll that can be told to
 *	  stop, and notices that are kept.
 */
#ifndef UNIT_ENV_H
#define UNIT_ENV_H

#include "base/learn.h"

typedef struct UnitEnv
{
	LearnEnv	env;
	Arena		arena;
	int			chunks;			/* taken from malloc and not given back */
	int			polls;			/* so far */
	int			cancel_at;		/* the poll that says stop; 0: none */
	int			notices;		/* so far */
	char		notice[1024];	/* the latest */
} UnitEnv;

/* For tests with cmocka: a call that must succeed. */
#define ASSERT_OK(u, call) \
	do { \
		LearnStatus status_ = (call); \
		if (status_ != LEARN_OK) \
			fail_msg("%s: %d %s", #call, status_, (u)->env.message); \
	} while (0)

extern void unit_env_init(UnitEnv *unit);
extern void unit_env_done(UnitEnv *unit);

/* LearnEnv.now by the clock of the machine; an environment has none until a test gives it one. */
extern double unit_clock(void *ctx);

/* count floats that end where the readable memory ends; unit_guarded_free() takes the same count. */
extern float *unit_guarded(size_t count);
extern void unit_guarded_free(float *p, size_t count);

#endif							/* UNIT_ENV_H */
