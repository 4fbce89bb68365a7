/*
 * train.h
 *	  What other rooms call: from labelled rows, or from constraints, to a model.
 */
#ifndef TRAIN_H
#define TRAIN_H

#include "learn/data/constraints.h"
#include "learn/fit/fit.h"
#include "learn/methods/methods.h"
#include "learn/net/model.h"
#include "learn/methods/options.h"
#include "learn/data/rows.h"

/* What is recorded of a candidate that was tried. */
typedef struct CandidateRecord
{
	char		method[METHOD_TEXT_MAX];
	char		network[NET_LINE_MAX];
	double		validation;		/* NaN: failed, see note */
	double		map_r;
	/* the score of no learning in the folds that this candidate was judged in */
	double		without_learning;
	int			judged;			/* folds that it was judged in, */
	int			folds;			/* of so many */
	double		seconds;
	char		note[128];

	/* of a search (tune.h); trial 0: none */
	int			trial;
	int			rung;			/* from 1 */
	int			epochs;
	char		settings[512];
} CandidateRecord;

/* What the winner was fitted with where the options leave it open. */
typedef struct TrainChosen
{
	int			batch;
	int			rows_per_class; /* 0: batches are not made of classes */
	int			epochs;			/* the schedule's length */
	double		learning_rate;
	double		average;
	bool		closed;			/* it is a closed form or linear map, with */
	double		shrink;
	bool		l2;
} TrainChosen;

typedef struct TrainResult
{
	Model	   *model;
	Model	   *model_b;		/* constraints.h: of the second of two inputs, or NULL */
	/* what was trained: never the entry for auto.  NULL: no learning was best */
	const Method *method;
	char		method_name[METHOD_TEXT_MAX];	/* its name, or the sum; "none" */
	char		network[NET_LINE_MAX];	/* canonical line */
	int			dims;
	int			epochs;			/* run */
	double		seconds;
	TrainChosen chosen;

	/* the held-out score: of the data as they are, whitened, and learned */
	const char *score_name;		/* "recall@1", "MAP@R" for open_set, "R2" for a target */
	double		score_none;
	double		score_whiten;
	/* auto and tuning: not the one by which the winner won (docs/auto.md) */
	double		score_model;
	int64_t		train_rows;
	int64_t		held_out_rows;
	int			single_classes; /* classes of one row: trained on as negatives alone */

	EpochRecord *history;		/* of the model that was kept */
	int			n_history;

	/*
	 * If that model was fitted on all rows: by epoch, from 1, the mean held-out score of the runs
	 * that were judged (QueryScore.recall; NaN: not measured), which may be longer.
	 */
	QueryScore *course;
	int			n_course;
	CandidateRecord *candidates;		/* auto: what was tried */
	int			n_candidates;
	char		reason[1024];	/* why this method and network; one or two sentences */
} TrainResult;

/*
 * Train on rows (labels required, two classes at least: LEARN_DATA otherwise; or a target, and
 * labels that are all 0, for methods that learn from one).  The rows' order must not depend on the
 * storage: the caller sorts them by content.  Same rows, options and machine: the same bits, unless
 * the time limit cut the training short, which result->reason then says.  The result lives in env's
 * arena.
 */
extern LearnStatus train_model(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result);

/*
 * Train on constraints, as train_model does on labels: a named method, or auto, which keeps
 * what is best on held-out constraints and never anything worse than no learning.  LEARN_DATA:
 * no constraint, pairs all same or all different, rows that are all equal.
 */
extern LearnStatus train_constraints(LearnEnv *env, const Constraints *constraints, const TrainOptions *options, TrainResult *result);

#endif							/* TRAIN_H */
