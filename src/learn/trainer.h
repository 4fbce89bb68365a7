/*
 * trainer.h
 *	  What train.c and tune.c share: ways to a model, judged on rows that they have not seen.
 */
#ifndef TRAINER_H
#define TRAINER_H

#include "classical.h"
#include "fit.h"
#include "judge.h"
#include "split.h"
#include "train.h"

#define MAX_FOLDS		6

typedef struct Way
{
	const Method *method;		/* NULL: no learning */
	FitPlan		plan;			/* gradient methods */
	double		score;
	double		fold[MAX_FOLDS];	/* of each split; NaN: no row had a partner */
	int			best_epoch;
	LinearFit	linear;			/* classical methods: the latest fit */
} Way;

typedef struct Trainer
{
	LearnEnv   *env;
	const Rows *rows;
	const TrainOptions *options;
	TrainResult *result;
	double		start;
	double		deadline;
	Split		split[MAX_FOLDS];
	Judge		judge[MAX_FOLDS];
	int			n_splits;
	bool		pixels;			/* the features share one scale */
} Trainer;

/* t for rows and options, whose splits are not made yet; both must be checked already. */
extern LearnStatus trainer_start(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result,
								 Trainer **t);

/* So many splits (1 to MAX_FOLDS), none where nothing can be held out; their judges. */
extern LearnStatus trainer_splits(Trainer *t, int folds);

/* The figures that every learned one is held against: no learning, and whitening (NaN where it is not tried). */
extern LearnStatus trainer_baselines(Trainer *t, Way *none, Way *whiten);
extern void trainer_phase(Trainer *t, TrainPhase phase, const char *method);

/* The plan of a gradient method by t->options; network NULL: the options', or one chosen by the data. */
extern void way_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan);
extern bool way_is_gradient(const Way *way);
extern const char *way_name(const Way *way);	/* "none" for no learning */

/* way->score, way->fold and way->best_epoch by all splits. */
extern LearnStatus way_judge(Trainer *t, Way *way);

/* Is a score better than that of something simpler by more than chance? */
extern bool way_is_better(const Trainer *t, double score, double best);

/* Open set: is it better than no learning on every fold?  Closed set: always true. */
extern bool way_is_safe(const Trainer *t, const Way *way, const Way *none);

/* Fit for good, into t->result.  validate: the first split judges; else on all rows, for way->plan.stop_after epochs. */
extern LearnStatus way_keep(Trainer *t, Way *way, bool validate, bool *cut);

#endif							/* TRAINER_H */
