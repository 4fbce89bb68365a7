/*
 * learn_env.h
 *	  What the mathematics needs of PostgreSQL, and its statuses as errors.
 */
#ifndef DML_LEARN_ENV_H
#define DML_LEARN_ENV_H

#include "compat.h"

#include "base/learn.h"

/* Raise the error for a status of src/learn, with the message and hint in env.  Never returns. */
extern void dml_learn_error(const LearnEnv *env, LearnStatus status) pg_attribute_noreturn();

/*
 * An environment for src/learn: an arena in a child of the current memory context, bounded by limit
 * bytes (0: no limit), interrupts checked in poll, notices as NOTICE.  Deleting that context,
 * GetMemoryChunkContext(env), frees everything.
 */
extern LearnEnv *dml_learn_env(size_t limit);

/* Raise that error unless the status is LEARN_OK. */
static inline void
dml_learn_check(const LearnEnv *env, LearnStatus status)
{
	if (status != LEARN_OK)
		dml_learn_error(env, status);
}

#endif							/* DML_LEARN_ENV_H */
