/*
 * trainer.h
 *	  Ways to a model, judged on what they have not seen: what train.c (labels), constraint_train.c
 *	  (constraints), auto of both, and tune.c share.
 *
 * A way is no learning, a closed form, a linear map, or a loss with a network.  What differs between labels and
 * constraints (how a way is fitted, and what its score is) is the learner's; how folds are gone through, what is better
 * by more than chance, what is kept and what is recorded is the same for all.
 */
#ifndef TRAINER_H
#define TRAINER_H

#include "learn/classical/classical.h"
#include "learn/fit/fit.h"
#include "learn/data/constraint_split.h"
#include "learn/data/views.h"
#include "learn/fit/constraint_fit.h"
#include "learn/fit/constraint_judge.h"
#include "learn/fit/judge.h"
#include "learn/data/split.h"
#include "train.h"

#define MAX_FOLDS		15
#define MAX_WAYS		24
#define TRAIN_FEW_ROWS	5000	/* fewer rows are judged in folds by auto, and what is kept is fitted on all of them */
#define CONSTRAINT_FEW		5000	/* the same of constraints */
#define MAX_WHITEN		2048	/* features up to which whitening is reported beside the model */
#define AUTO_TIME_LIMIT	60.0

typedef struct Way
{
	const Method *method;		/* NULL: no learning */
	FitPlan		plan;			/* gradient methods */
	double		score;
	double		map_r;			/* beside recall@1, else NaN */
	double		fold[MAX_FOLDS];	/* of each split; NaN: nothing to judge by */
	int			judged;			/* splits: fewer than there are where it was given up, or cut by the deadline */
	bool		cut;
	QueryScore *each[MAX_FOLDS];	/* of each split's held-out rows, where the trainer keeps them */
	int			best_epoch;
	LinearFit	linear;			/* classical methods: the latest fit */
	double		recall10;		/* matches and views: beside the score */
	double		mrr;
} Way;

typedef struct Trainer Trainer;

/* How a way is fitted and judged. */
typedef struct Learner
{
	/* One run of a gradient method on what from has to learn from; judge: the split that scores it, or NULL. */
	LearnStatus (*fit) (Trainer *t, const FitPlan *plan, const Split *from, const Split *judge, Fit *fit);

	/* Any other way; phase PHASE_TRAINING: for good. */
	LearnStatus (*solve) (Trainer *t, Way *way, const Split *from, TrainPhase phase, Model **model);

	/* The score of a model on what a split holds out; b: of the second of two inputs, or NULL. */
	LearnStatus (*score) (Trainer *t, const Split *split, const Model *a, const Model *b, HeldOutScore *score);

	double		step_seconds;	/* what a step costs beside its products, for plans */
} Learner;

struct Trainer
{
	LearnEnv   *env;
	const Learner *learner;
	const Rows *rows;
	int64_t		n;				/* what an epoch goes through: rows, or constraints */
	int			rows_each;		/* rows in each of them */
	const TrainOptions *options;
	TrainResult *result;
	double		start;
	double		deadline;
	double		judged_by;		/* deadline of a linear map by iterations that is judged and not kept */
	Split		all;
	Split		split[MAX_FOLDS];
	double		weight[MAX_FOLDS];	/* of a split's score */
	int			n_splits;
	const Way  *none;			/* no learning, once it is judged */
	bool		pixels;			/* the features share one scale */
	int			left_out;		/* candidates of auto that there was no time for */
	bool		each;			/* ways keep what each held-out row adds to their scores */
	int64_t		n_compared;		/* room of way_gain: held-out rows */
	double	   *compared;
	double	   *times;
	bool		searched;		/* recall@10 and MRR are known beside the score */

	Judge		judge[MAX_FOLDS];	/* labels */

	const Constraints *constraints;			/* constraints */
	ConstraintSplitter splitter;
	Views		views;			/* CONSTRAINT_NONE */
};

/* ---------- trainer.c ---------- */

/* t without splits: for n rows, or constraints of rows.  Options are checked already. */
extern LearnStatus trainer_create(LearnEnv *env, const Learner *learner, const Rows *rows, int64_t n,
								  const TrainOptions *options, TrainResult *result, Trainer **t);

/*
 * The figures that every learned one is held against: no learning, and whitening (NaN where it is not tried, and both
 * where comparable is false).
 */
extern LearnStatus trainer_baselines(Trainer *t, bool comparable, bool whitened, Way *none, Way *whiten);
extern void trainer_phase(Trainer *t, TrainPhase phase, const char *method);

extern bool way_is_gradient(const Way *way);
extern const char *way_name(const Way *way);	/* "none" for no learning */

/*
 * The plan of a gradient method by t->options; network NULL: the options', or one chosen by the data.  The
 * batch is max_batch at most unless options say otherwise; the learning rate is the caller's.
 */
extern void way_plan_start(const Trainer *t, const Method *method, const char *network, int max_batch, FitPlan *plan);

/* The plan of a classical method. */
extern LinearPlan way_plan_linear(const Trainer *t, const Way *way, int n_classes, TrainPhase phase);

/* Seconds of work that so many epochs of a plan are, by arithmetic alone: same seed, same plans. */
extern double way_seconds(const Trainer *t, const FitPlan *plan, int epochs);

/* The same of floating-point operations. */
extern double work_seconds(const Trainer *t, double flops);

/*
 * LEARN_INVALID where a closed form is asked for by name, and for more dimensions than the rows have.  Beside a network, which may
 * have more, and as a candidate it has as many as it can.
 */
extern LearnStatus way_check_dims(const Trainer *t);

/*
 * way->score, way->map_r, way->fold and way->best_epoch by all splits.  With a rival that it is held against (or NULL) it is given up after the first few,
 * once it is clear there that it will not be chosen, and a split that the deadline cuts short does not count.
 */
extern LearnStatus way_judge(Trainer *t, Way *way, const Way *rival);

/* The standard error of a share as it is measured on the held-out rows. */
extern double trainer_error(const Trainer *t, double share);

/* The same, and recorded; a way that the data does not allow, or that diverges, has no score. */
extern LearnStatus way_try(Trainer *t, Way *way, const Way *rival);

/* Held-out scores for a reason; those that are NaN are not there. */
extern void trainer_scores_text(const char *name, double learned, double none, double whitened, char *text, size_t size);

/* Record a candidate that the time limit does not allow for; say in the reason how many there were. */
extern void way_leave_out(Trainer *t, const Way *way);
extern void trainer_append_left_out(const Trainer *t);

/* Another candidate of t->result, which must have room for it. */
extern Candidate *way_record(Trainer *t, const Way *way, double seconds, const char *note);

/* Is a way better than a simpler one by more than chance? */
extern bool way_is_better(const Trainer *t, const Way *way, const Way *best);

/* What ways are compared by (judge.h). */
extern double way_merit(const Way *way);

/*
 * How much more of a measure one way has than another, and the standard error of that: over held-out rows where ways keep their
 * scores, each row's mean over the partitions that it was held out in; else over splits.
 */
typedef double (*WayMeasure) (double score, double map_r);
typedef struct WayGain
{
	double		mean;			/* NaN: they have nothing in common */
	double		error;
} WayGain;
extern WayGain way_gain(const Trainer *t, const Way *way, const Way *than, WayMeasure measure);

/* Fit for good, into t->result.  validate: the first split judges; else on all there is, for way->plan.stop_after epochs. */
extern LearnStatus way_keep(Trainer *t, Way *way, bool validate, bool *cut);

/* ---------- train.c: labels ---------- */

/* t for rows and options, whose splits are not made yet; both must be checked already. */
extern LearnStatus trainer_start(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result,
								 Trainer **t);

/*
 * So many splits, and again so many by another hash with each repeat (MAX_FOLDS in all at most), none where nothing can be
 * held out; their judges.
 */
extern LearnStatus trainer_splits(Trainer *t, int folds, int repeats);

/* Ways keep what each held-out row adds to their scores from now on.  After the splits are made. */
extern LearnStatus trainer_keep_each(Trainer *t);

extern void way_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan);

/* Open set: is it better than no learning on every fold?  Closed set: is recall@1 not below that of no learning? */
extern bool way_is_safe(const Trainer *t, const Way *way, const Way *none);

/* ---------- train_auto.c, constraint_auto.c ---------- */

extern LearnStatus train_auto(Trainer *t);
extern LearnStatus constraint_auto(Trainer *t);

/* ---------- constraint_train.c: constraints ---------- */

extern void constraint_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan);
extern bool constraint_comparable(const Constraints *constraints);
extern LearnStatus constraint_splits(Trainer *t, int folds);
extern LearnStatus constraint_baselines(Trainer *t, Way *none, Way *whiten);

/* What the user is told: what held-out constraints share with others; what the score does not say. */
extern const char *constraint_shared_text(const Trainer *t);
extern void constraint_append_search(TrainResult *r, const Way *way, const Way *none);

#endif							/* TRAINER_H */
