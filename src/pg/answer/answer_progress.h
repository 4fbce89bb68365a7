/*
 * answer_progress.h
 *	  Progress of the functions of this room: the view dml_answer_progress, and NOTICEs.
 */
#ifndef DML_ANSWER_PROGRESS_H
#define DML_ANSWER_PROGRESS_H

#include "compat.h"

/* The functions that report. */
typedef enum AnswerFunction
{
	ANSWER_PAIRS,
	ANSWER_DUPLICATES,
	ANSWER_GROUPS,
	ANSWER_CLUSTER
} AnswerFunction;

/*
 * Begin to report.  source is what the user named.  rows is how many rows there are, as far as the
 * planner knows.  An error ends the report, as the end of the function does.
 */
extern void answer_progress_start(AnswerFunction function, const char *source, double rows);

/* How many rows there are, when that is known. */
extern void answer_progress_rows(int64 rows);

/* How many rows are done, and how many results they have. */
extern void answer_progress(int64 done, int64 found);

extern void answer_progress_end(void);

#endif							/* DML_ANSWER_PROGRESS_H */
