/*
 * training.h
 *	  What all functions that train share: arguments, the environment of src/learn with notices
 *	  and progress, storing the result.
 */
#ifndef DML_TRAINING_H
#define DML_TRAINING_H

#include "compat.h"

#include "fmgr.h"

#include "learn/train/train.h"
#include "model/model.h"

typedef struct Training
{
	char	   *model;
	char	   *source;
	TrainOptions options;
	bool		adapter;		/* the result is one, to vectors of the space target */
	uint64		target;
	const double *origin[2];	/* of the inputs, which the result is to have; NULL: none */
	const Encoder *encoder[2];	/* likewise */
	LearnEnv   *env;			/* of training_env; holds the result */
	const char *score_name;		/* for notices, while there is no result */
	double		started;
	double		last_notice;
	double		mined;			/* seconds that the search for hard negatives took */
	size_t		memory_limit;
} Training;

/*
 * Set up a training. Everything that can be refused before rows are read is refused here: a NULL
 * model or source, the name and owner of the model, a read-only transaction, options.
 *
 * Arguments 0 and 1 are the model and the source. From first on come method, network, dims, epochs,
 * seed, time_limit, open_set if has_open_set, options. The method must learn from supervision
 * (methods.h).
 */
extern void training_begin(Training *training, FunctionCallInfo fcinfo, const char *function,
						   const char *supervision, int first, bool has_open_set);

/* The options, with the time limit less what the search for hard negatives took. */
extern TrainOptions training_options_left(const Training *training);

/* Check the grammar of the network line before the rows say how wide its input is. */
extern void training_check_network(LearnEnv *env, const char *line);

/* A text argument that must not be NULL. */
extern char *training_text(FunctionCallInfo fcinfo, int arg, const char *name);

/* Callback of reading: rows so far; ctx is a Training. */
extern void training_reading(void *ctx, int64 rows);

/* Report the progress of the search for hard negatives. */
extern void training_mining(Training *training, int64 done, int64 rows);

/* An environment that reports and counts memory; also in training->env. */
extern LearnEnv *training_env(Training *training);

/* Raise the error that src/learn returned, with advice if memory was short. */
extern void training_check(Training *training, LearnStatus status);

/*
 * Store the result as a version and return its number. Source, method, settings and scores are
 * filled in here; the rest (features, label, rows, ...) by the caller.
 */
extern int32 training_store(Training *training, const TrainResult *result, DmlNewVersion *version);

/* Seconds since training_begin. */
extern double training_seconds(const Training *training);

extern const char *training_method_name(const TrainResult *result);

/* The columns metric, without_learning, whitened, learned, reason, in this order. */
extern void training_scores(const TrainResult *result, Datum *values, bool *nulls);

#endif							/* DML_TRAINING_H */
