/*
 * unit_env.h
 *	  An environment for tests: an arena over malloc that counts, and a poll that can
 *	  be told to stop.
 */
#ifndef UNIT_ENV_H
#define UNIT_ENV_H

#include "learn/learn.h"

typedef struct UnitEnv
{
	LearnEnv	env;
	Arena		arena;
	int			chunks;			/* taken from malloc and not given back */
	int			polls;			/* so far */
	int			cancel_at;		/* the poll that says stop; 0: none */
} UnitEnv;

extern void unit_env_init(UnitEnv *unit);
extern void unit_env_done(UnitEnv *unit);

/* count floats that end where the readable memory ends; unit_guarded_free() takes the same count. */
extern float *unit_guarded(size_t count);
extern void unit_guarded_free(float *p, size_t count);

#endif							/* UNIT_ENV_H */
