/*
 * tune.h
 *	  Search for hyper-parameters: trials drawn at random, judged by cross-validation, the better
 *	  third of them judged again with three times the epochs.
 *
 * Successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943) over random search
 * (Bergstra and Bengio 2012).
 */
#ifndef TUNE_H
#define TUNE_H

#include "train.h"

#define TUNE_MAX_PARAMETERS		32
#define TUNE_MAX_VALUES			64
#define TUNE_MAX_TRIALS			1000

typedef struct TuneValue
{
	const char *text;			/* NULL: a number */
	double		number;
} TuneValue;

/* An option and what it may be: one of n_values values or, with none, a number from low to high. */
typedef struct TuneParameter
{
	const char *name;			/* as options_set_number takes it */
	int			n_values;
	const TuneValue *values;
	double		low;
	double		high;
	bool		log;			/* drawn evenly over the logarithm; low > 0 */
} TuneParameter;

typedef struct TunePlan
{
	int			n_parameters;
	TuneParameter parameter[TUNE_MAX_PARAMETERS];
	int			trials;			/* 1 to TUNE_MAX_TRIALS; the first is options as they are */
	int			folds;			/* 2 to 6 */
} TunePlan;

/*
 * What is searched where the user says nothing: learning rate, weight decay, and half and twice the
 * default of each number that the method's loss reads, as far as options does not fix them.  The
 * plan's memory is env's.  LEARN_INVALID for a method without a network: it has to be said there.
 */
extern LearnStatus tune_default(LearnEnv *env, const TrainOptions *options, TunePlan *plan);

/* Is every value of every parameter one that its option can have, and does the method read it? */
extern LearnStatus tune_check(LearnEnv *env, const TrainOptions *options, const TunePlan *plan);

/*
 * Search, then train the winner (choose.c) on all rows: a trial, or no learning.  chosen: options
 * with the best trial's settings.  result->candidates has no learning, whitening, and each
 * judgement of each trial.  options and plan must be checked.  Same seed, same result, unless
 * options->time_limit ended the search.
 */
extern LearnStatus tune_model(LearnEnv *env, const Rows *rows, const TrainOptions *options, const TunePlan *plan,
							  TrainResult *result, TrainOptions *chosen);

#endif							/* TUNE_H */
