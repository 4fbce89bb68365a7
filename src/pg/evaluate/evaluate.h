/*
 * evaluate.h
 *	  What dml_evaluate measures, and how its result rows are made.
 */
#ifndef DML_EVALUATE_H
#define DML_EVALUATE_H

#include "compat.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "nodes/pg_list.h"
#include "utils/array.h"

#include "evaluate/space.h"

#include "learn/measure/assess_constraints.h"
#include "learn/measure/bootstrap.h"
#include "learn/measure/separation.h"

/* Measurements beside the parts of an assessment (assess.h). */
#define EVALUATE_CLUSTERS	8	/* k-means, silhouettes */
#define EVALUATE_SPREAD		16	/* effective rank, norms */
#define EVALUATE_CENTRES	32	/* margin and scatter of classes */
#define EVALUATE_ALL		(ASSESS_NEAREST | ASSESS_PLACES | ASSESS_PAIRS | EVALUATE_CLUSTERS | EVALUATE_SPREAD | EVALUATE_CENTRES)

/* What is asked for. */
typedef struct Wanted
{
	List	   *names;			/* of metrics, char *; NIL: all */
	int			parts;			/* that they come from */
	int			n_recall;
	int			recall_at[ASSESS_MAX_RECALLS];
} Wanted;

enum
{
	NO_LEARNING,
	WHITENED,
	LEARNED,
	N_SPACES
};

/* One space's figures. */
typedef struct Measured
{
	bool		done;			/* false: there are none */
	int			dims;
	Assessment	assessment;
	double		nmi;
	double		ami;
	double		effective_rank;
	double		norm_spread;
	Separation	separation;
	double		margin_ratio;	/* margin / scatter */
} Measured;

/* A number that is the same in all spaces. */
typedef struct EvaluationCount
{
	const char *name;
	double		value;
} EvaluationCount;

typedef struct Evaluation
{
	LearnEnv   *env;
	const Selection *query;
	const Selection *gallery;
	AssessTask	task;
	size_t		memory;			/* bytes for one space's vectors; beyond it they go to a file */
	int64		seed;
	int			classes;		/* that the queries are of */
	char	  **labels;
	bool		per_class;
	Wanted		wanted;
	Measured	space[N_SPACES];
	const char *measuring;		/* for notices on progress */
	double		last_notice;
	Tuplestorestate *store;
	TupleDesc	desc;			/* with a column for classes, or without */

	/* Evaluation by constraints in place of labels (evaluate_constraints.c). */
	const EvaluationCount *counts;	/* what to put in place of the usual counts; NULL: labels */
	int			n_counts;
	const JudgedPairs *calibrated;	/* what the version's threshold does, or NULL */
	const char *impostors;		/* what impostor pairs are, for a notice */
} Evaluation;

/*
 * evaluate_progress.c: the row of this backend in dml_evaluation_progress, from start until end or
 * an error. evaluate_progress also gives a NOTICE if the last one was dml.notice_interval seconds
 * ago.
 */
extern void evaluate_progress_start(const char *model);
extern void evaluate_progress_space(Evaluation *evaluation, int space, int64 queries, int64 gallery);
extern void evaluate_progress(Evaluation *evaluation, int64 done, int64 all);
extern void evaluate_progress_end(void);

/*
 * The number of queries to use if max_queries is not given: as many as dml.max_comparisons allows.
 * A NOTICE says if that is a sample.
 */
extern int64 evaluate_queries(int64 queries, int64 gallery);

/*
 * evaluate_metrics.c: from the arguments recall_at and metrics, each NULL if it was. An error lists
 * the valid names.
 */
extern Wanted wanted_metrics(ArrayType *recall_at, ArrayType *names);
extern bool is_wanted(const Wanted *wanted, const char *name);

/* evaluate_result.c: a space of which nothing beside its assessment is measured yet. */
extern void evaluate_clear(Measured *measured);

/* evaluate_result.c: notices about the data and the figures, and a result row for each figure. */
extern void evaluate_put(Evaluation *evaluation);

#endif							/* DML_EVALUATE_H */
