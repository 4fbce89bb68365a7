/*
 * learn.h
 *	  What every file of src/learn shares: status codes, the arena that memory
 *	  comes from, and the environment that a caller hands over.
 *
 * src/learn is plain C11 and knows nothing of PostgreSQL.  Its three rules:
 *
 *	- Memory comes from the caller's arena and from nowhere else.  Running out is
 *	  a status, not a crash.
 *	- A long loop calls learn_poll() at least every 20 ms, calls of LAPACK
 *	  excepted.  The callback behind it may return true (stop: LEARN_CANCELLED) or
 *	  may never return (a longjmp out of the library), so only arena memory may be
 *	  held across it.
 *	- A function that can fail returns LearnStatus and leaves the reason in
 *	  env->message; what it was building is then to be thrown away with the arena.
 */
#ifndef LEARN_H
#define LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

/*
 * The element type of training.  It is float; the unit tests compile the same
 * files once more with LEARN_DOUBLE to hold gradients against finite differences
 * without float's rounding.
 */
#ifdef LEARN_DOUBLE
typedef double real;
#else
typedef float real;
#endif

typedef enum LearnStatus
{
	LEARN_OK = 0,
	LEARN_CANCELLED,			/* the poll callback asked to stop */
	LEARN_NO_MEMORY,			/* the arena's limit or the machine's */
	LEARN_INVALID,				/* an argument, option or network line is wrong */
	LEARN_DATA,					/* the data cannot be learned from */
	LEARN_DIVERGED,				/* the loss became NaN or infinite */
	LEARN_CORRUPT,				/* a stored model is damaged */
	LEARN_IO,					/* the caller's row source failed */
	LEARN_NO_BLAS				/* OpenBLAS could not be loaded */
} LearnStatus;

typedef struct LearnReport LearnReport; /* report.h */

typedef struct LearnEnv
{
	Arena	   *arena;

	/* true: stop.  May also not return at all. */
	bool		(*cancelled) (void *ctx);

	/* progress of a training, several times a second; may be NULL */
	void		(*report) (void *ctx, const LearnReport *report);

	/* one remark for the user, e.g. a repaired column; may be NULL */
	void		(*notice) (void *ctx, const char *message);

	/* seconds of a monotonic clock */
	double		(*now) (void *ctx);

	void	   *ctx;
	int			threads;		/* threads OpenBLAS may use; 1 is the default */

	char		message[512];	/* what is wrong, set when a status is not OK */
	char		hint[2048];		/* what to do about it, or empty */
} LearnEnv;

/* Set env->message, clear env->hint, return status. */
extern LearnStatus learn_fail(LearnEnv *env, LearnStatus status,
							  const char *fmt,...) __attribute__((format(printf, 3, 4)));

/* Set env->hint (after learn_fail). */
extern void learn_hint(LearnEnv *env, const char *fmt,...) __attribute__((format(printf, 2, 3)));

/* Say something to the user through env->notice, if there is one. */
extern void learn_notice(LearnEnv *env, const char *fmt,...) __attribute__((format(printf, 2, 3)));

/* LEARN_OK, or LEARN_CANCELLED with its message set. */
extern LearnStatus learn_poll(LearnEnv *env);

/* Some numbers in rising order; none of them is NaN. */
extern void learn_sort_rising(double *x, int64_t n);

/* Return from the calling function unless the status is LEARN_OK. */
#define LEARN_TRY(call) \
	do { \
		LearnStatus try_status_ = (call); \
		if (try_status_ != LEARN_OK) \
			return try_status_; \
	} while (0)

/* env's arena, or return LEARN_NO_MEMORY from the calling function. */
#define LEARN_ALLOC(env, ptr, count) \
	do { \
		(ptr) = arena_alloc((env)->arena, (size_t) (count), sizeof(*(ptr))); \
		if ((ptr) == NULL) \
			return learn_fail((env), LEARN_NO_MEMORY, \
							  "not enough memory for %zu bytes more", \
							  (size_t) (count) * sizeof(*(ptr))); \
	} while (0)

#endif							/* LEARN_H */
