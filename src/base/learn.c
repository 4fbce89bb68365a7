/*
 * learn.c
 *	  Status messages, notices and the poll of src/learn.
 */
#include "learn.h"

#include <stdarg.h>
#include <stdio.h>

LearnStatus
learn_fail(LearnEnv *env, LearnStatus status, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(env->message, sizeof(env->message), fmt, args);
	va_end(args);
	env->hint[0] = '\0';
	return status;
}

void
learn_hint(LearnEnv *env, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(env->hint, sizeof(env->hint), fmt, args);
	va_end(args);
}

void
learn_notice(LearnEnv *env, const char *fmt,...)
{
	char		message[1024];
	va_list		args;

	if (env->notice == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	env->notice(env->ctx, message);
}

LearnStatus
learn_poll(LearnEnv *env)
{
	if (env->cancelled != NULL && env->cancelled(env->ctx))
		return learn_fail(env, LEARN_CANCELLED, "cancelled on request");
	return LEARN_OK;
}

/* Shell sort. */
void
learn_sort_rising(double *x, int64_t n)
{
	for (int64_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (int64_t i = gap; i < n; i++)
		{
			double		value = x[i];
			int64_t		j = i;

			for (; j >= gap && x[j - gap] > value; j -= gap)
				x[j] = x[j - gap];
			x[j] = value;
		}
}
