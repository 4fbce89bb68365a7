/*
 * fit.h
 *	  One run of gradient training: a method, a network, a schedule.
 */
#ifndef FIT_H
#define FIT_H

#include "base/report.h"
#include "held_out.h"
#include "learn/methods/options.h"
#include "learn/loss/loss_sum.h"

typedef struct EpochRecord
{
	int			epoch;			/* from 1 */
	double		loss;
	double		validation;		/* NaN where it was not measured */
	double		map_r;			/* beside recall@1 (held_out.h), else NaN */
	double		learning_rate;
	double		seconds;		/* since the start of training */
} EpochRecord;

typedef struct FitPlan
{
	const Method *method;		/* of a sum the first term's */
	MethodTerm	term[METHOD_MAX_TERMS]; /* params resolved: no NaN in what the losses read */
	int			n_terms;
	char		name[METHOD_TEXT_MAX];	/* the method, or the sum */
	char		network[NET_LINE_MAX];
	PrepKind	prep;
	int			components;
	int			batch;
	int			rows_per_class;
	int			epochs;			/* the schedule's length */
	int			stop_after;		/* epochs to run, at most epochs */
	double		learning_rate;
	double		proxy_lr;		/* 0: each term's own */
	double		average;		/* decay per step of the running mean of weights; 0: no mean */
	int			judge_every;	/* epochs between held-out scores; the last has one */
	bool		each;			/* keep what each held-out item adds to scores (Fit.each) */
	bool		starts;			/* constraints: one linear layer, which may start from a map: */
	const float *start;			/* out x in, of the first tower with its residual; NULL: from chance */
	double		deadline;		/* of env->now; INFINITY: none */
	TrainPhase	phase;
} FitPlan;

typedef struct Fit
{
	Model	   *model;			/* best weights by the held-out score, else the last */
	Model	   *model_b;		/* constraints.h: of the second of two inputs, or NULL */
	char		network[NET_LINE_MAX];
	double		score;			/* of the best epoch; NaN if nothing was held out */
	double		map_r;
	int			best_epoch;
	int			epochs;			/* run */
	bool		cut;			/* by the deadline, or the schedule was shortened to meet it */
	EpochRecord *history;
	QueryScore *each;			/* fit_judged() times what each held-out item adds */
} Fit;

/* The largest number of epochs that have a held-out score. */
extern int	fit_judged(const FitPlan *plan);

/* What each of n held-out items adds to the score of an epoch, counted from 1, that has one. */
extern QueryScore *fit_each(const FitPlan *plan, const Fit *fit, int epoch, int64_t n);

/* Put the method and its terms into a plan, with the options that were given for it. */
extern void plan_method(const TrainOptions *options, const Method *method, FitPlan *plan);

/* The sum of a plan's losses. */
extern LearnStatus plan_loss(LearnEnv *env, const FitPlan *plan, const LossShape *shape, LossSum **loss);

/* What a run learns from: rows index[0..n), with labels or a target. */
typedef struct FitInput
{
	const Rows *rows;
	const int64_t *index;
	int64_t		n;
	const HeldOut *held_out;	/* scores epochs; or NULL */
} FitInput;

/* The model lives in the arena of env; everything else is given back. */
extern LearnStatus fit_gradient(LearnEnv *env, const FitInput *input, const TrainOptions *options, const FitPlan *plan, Fit *fit);

#endif							/* FIT_H */
