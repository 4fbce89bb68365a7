/*
 * learn_env.h
 *	  What the mathematics needs of PostgreSQL, and its statuses as errors.
 */
#ifndef DML_LEARN_ENV_H
#define DML_LEARN_ENV_H

#include "compat.h"

#include "base/learn.h"

/* Raise a standard error for a status of src/learn; env has the message and hint. Never returns. */
extern void dml_learn_error(const LearnEnv *env, LearnStatus status) pg_attribute_noreturn();

/*
 * An environment for src/learn: an arena over a child of the current memory context,
 * bounded by limit bytes (0: none), interrupts checked in poll, notices as NOTICE.
 * Everything goes with the returned context.
 */
extern LearnEnv *dml_learn_env(size_t limit);

/* Raise it unless the status is LEARN_OK. */
static inline void
dml_learn_check(const LearnEnv *env, LearnStatus status)
{
	if (status != LEARN_OK)
		dml_learn_error(env, status);
}

#endif							/* DML_LEARN_ENV_H */
