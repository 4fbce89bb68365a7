/*
 * links.h
 *	  All pairs of rows within a radius, of one source or of two.
 */
#ifndef DML_LINKS_H
#define DML_LINKS_H

#include "compat.h"

#include "fmgr.h"

#include "answer/answer_key.h"
#include "answer/answer_progress.h"
#include "answer/cluster_task.h"

/* Rows to compare, as the caller names them. */
typedef struct LinkSource
{
	const char *source;			/* NULL: there is no second source */
	const char *embedding;
	const char *key;			/* NULL: the primary key */
	const char *key_name;		/* of the argument, for messages */
} LinkSource;

typedef struct LinkSearch
{
	LinkSource	of[2];
	ClusterMetric metric;
	double		within;			/* NaN: the calibrated threshold of the first row's model */
	AnswerFunction function;	/* for the report of progress */

	/* Set by links_find before the first pair. */
	AnswerKey	key[2];			/* equal with one source */
	double		rows;			/* of the outer source, as the planner estimates */

	/*
	 * Takes a pair: its keys, in the types of key[0] and key[1], and its distance.  With one source
	 * the first key is less than the second.  It may leave garbage in the current memory context,
	 * which is reset from time to time.
	 */
	void		(*take) (void *state, Datum a, Datum b, double distance);
	void	   *state;
} LinkSearch;

/*
 * Read the arguments that the functions of one source share, from argument i on: source, embedding,
 * within, key, metric.
 */
extern void links_arguments(FunctionCallInfo fcinfo, LinkSearch *search, const char *hint);

/* A radius that the caller gave.  Error: NaN. */
extern double links_radius(FunctionCallInfo fcinfo, int i);

/*
 * Find all pairs, as the caller, with one snapshot, whatever dml.recall is.  Rows whose key or
 * embedding is NULL are left out.  Rows of one source that have equal keys are no pair.
 */
extern void links_find(LinkSearch *search);

#endif							/* DML_LINKS_H */
