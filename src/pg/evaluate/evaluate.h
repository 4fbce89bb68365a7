/*
 * evaluate.h
 *	  What dml_evaluate measures, and the rows that it returns of it.
 */
#ifndef DML_EVALUATE_H
#define DML_EVALUATE_H

#include "compat.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "evaluate/space.h"

#include "learn/bootstrap.h"

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
} Measured;

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
	Measured	space[N_SPACES];
	const char *measuring;		/* for notices on progress */
	double		last_notice;
	Tuplestorestate *store;
	TupleDesc	desc;
} Evaluation;

/* evaluate_result.c: notices of what was seen, and a row for each figure. */
extern void evaluate_put(Evaluation *evaluation);

#endif							/* DML_EVALUATE_H */
