/*
 * trainer.h
 *	  The engine of training: candidates for a model, fitted, judged, chosen and kept.
 *
 * A candidate is no learning, a closed form, a linear map, or a loss with a network.  The engine is
 * written once for labels, targets and constraints.  A Learner says what differs between them.
 *
 *	engine.c	a run: a named method, or auto
 *	trainer.c	plans, phases, records, the fit that is kept
 *	judging.c	the score of a candidate on what the splits hold out
 *	choose.c	which candidate wins, and the figure that is reported for it
 *	auto.c		what is tried, in which order, in which time
 *	tune.c		trials of one method's options
 *	learn_labels.c, learn_constraints.c		the two learners
 */
#ifndef TRAINER_H
#define TRAINER_H

#include "learn/classical/classical.h"
#include "learn/data/constraint_split.h"
#include "learn/data/split.h"
#include "learn/data/views.h"
#include "learn/fit/constraint_fit.h"
#include "learn/fit/constraint_score.h"
#include "learn/fit/fit.h"
#include "learn/fit/held_out.h"
#include "train.h"

#define MAX_FOLDS		15
#define MAX_CANDIDATES	32
#define HELD_PARTS		5		/* parts of the held-out items of a single split */
/* fewer rows or constraints are judged in folds, and the winner is fitted on all */
#define TRAIN_FEW		5000
/* features up to which whitening, closed forms and linear maps are tried */
#define MAX_WHITEN		2048
#define AUTO_TIME_LIMIT	60.0

/* How strongly a closed form is learned, which is chosen with it. */
typedef struct Strength
{
	double		shrink;			/* share of the metric of the rows as they are */
	bool		l2;				/* the embedding is normalised */
} Strength;

typedef struct Candidate
{
	const Method *method;		/* NULL: no learning */
	FitPlan		plan;			/* gradient methods */
	double		score;			/* NaN: not judged, or it failed */
	double		map_r;			/* beside recall@1, else NaN */
	double		fold[MAX_FOLDS];	/* the score in each split; NaN: nothing to judge by */
	/* splits that count: fewer than there are if it was given up or cut */
	int			judged;
	bool		cut;			/* by the deadline */
	/* of each split's held-out items, where the trainer keeps them */
	QueryScore *each[MAX_FOLDS];
	int			best_epoch;
	/* gradient methods: mean score after each of n_course epochs; NULL: not judged */
	QueryScore *course;
	int			n_course;
	LinearFit	linear;			/* classical methods: the latest fit */
	Model	   *model_b;		/* and its model of the second of two inputs, or NULL */
	/* closed forms: what may be chosen, from the strongest; NULL: the options' */
	const Strength *strengths;
	int			n_strengths;
	int			strength;		/* the one of them that is fitted */
	double		recall10;		/* matches and views: beside the score */
	double		mrr;
} Candidate;

typedef struct Trainer Trainer;

/* A candidate that auto tries. */
typedef struct Try
{
	const char *method;
	const char *network;		/* NULL: the default; %d: dims */
	double		scale;			/* 0: the method's */
	const Strength *strengths;	/* of a closed form; NULL: as it is */
	int			n_strengths;
} Try;

#define MAX_TRIES	16

/* What auto tries, in this order. */
typedef struct TryList
{
	Try			first[MAX_TRIES];	/* closed forms and linear maps */
	int			n_first;
	Try			then[MAX_TRIES];	/* losses, and linear maps that take as long */
	int			n_then;
} TryList;

/* What differs between labels, targets and constraints. */
typedef struct Learner
{
	double		step_seconds;	/* what a step costs beside its products, for plans */

	/* what there is to learn from, in words: "rows", "pairs" */
	const char *(*noun) (const Trainer *t);

	/*
	 * t->split: this many folds, and as many again by another hash with each repeat.  folds 1: one
	 * split. t->n_splits is 0 where nothing can be held out.
	 */
	LearnStatus (*split) (Trainer *t, int folds, int repeats);

	/*
	 * folds and repeats for auto; many: losses are compared in short runs on a sample, in one split
	 */
	LearnStatus (*folds) (const Trainer *t, int *folds, int *repeats, bool *many);

	/*
	 * the plan of a gradient method by t->options; network NULL: the options', or one chosen by the
	 * data
	 */
	void		(*plan) (const Trainer *t, const Method *method, const char *network, FitPlan *plan);

	/*
	 * one run of a gradient method on what from has to learn from; judge: the split that scores it,
	 * or NULL
	 */
	LearnStatus (*fit) (Trainer *t, const FitPlan *plan, const Split *from, const Split *judge, Fit *fit);

	/* any other candidate, whose model_b is set; phase PHASE_TRAINING: for good */
	LearnStatus (*solve) (Trainer *t, Candidate *candidate, const Split *from, TrainPhase phase, Model **model);

	/*
	 * seconds that solve takes for a method, by arithmetic; a closed form is judged once more with
	 * each strength beyond the first
	 */
	double		(*solve_seconds) (const Trainer *t, const Method *method);

	/* the score of a model on what a split holds out; b: of the second of two inputs, or NULL */
	LearnStatus (*score) (Trainer *t, const Split *split, const Model *a, const Model *b, HeldOutScore *score);

	/* can no learning be judged, and whitening? */
	bool		(*comparable) (const Trainer *t);
	bool		(*whitens) (const Trainer *t);

	/* its table of candidates */
	void		(*tries) (const Trainer *t, bool many, TryList *list);

	/* what the user is told of the splits, behind the reason: "; ..." or "" */
	const char *(*told) (const Trainer *t);
} Learner;

struct Trainer
{
	LearnEnv   *env;
	const Learner *learner;
	const Rows *rows;
	int64_t		n;				/* items, which an epoch goes through: rows, or constraints */
	int			rows_each;		/* rows in each item */
	const TrainOptions *options;
	TrainResult *result;
	double		start;
	double		deadline;
	double		judged_by;		/* deadline of what is judged and not kept */
	Split		all;
	Split		split[MAX_FOLDS];
	double		weight[MAX_FOLDS];	/* of a split's score */
	int			n_splits;
	int			folds;			/* of one partition; 1: a single split */
	const Candidate *none;		/* no learning, once it is judged */
	bool		pixels;			/* the features share one scale */
	const Candidate *first_map;	/* the closed form that a network for matches starts from; NULL: from chance */
	int			left_out;		/* candidates of auto that there was no time or no memory for */

	/* what choose.c compares candidates by, item by item; each false: by splits */
	bool		each;
	/* n: items of two kinds, 0 and 1: the score is the mean of the means of both; or NULL */
	const int32_t *kind;
	const double *item_weight;	/* n, or NULL */
	/*
	 * n: items of one unit go together, and the units are the evidence; or NULL: each item is one
	 */
	const int32_t *unit;
	int			n_units;
	double	   *unit_sum;		/* n_units, and */
	double	   *unit_weight;	/* their weights */
	/* how often one comparison of two rows counts among the items: 1, or 2 */
	int			counted;
	/* n: the fold of the first partition that holds the item out; NULL: see choose.c */
	uint8_t    *part;
	int64_t		n_compared;
	double	   *compared;
	double	   *times;
	bool		searched;		/* recall@10 and MRR are known beside the score */

	HeldOut		held_out[MAX_FOLDS];	/* labels */

	const Constraints *constraints;	/* constraints */
	ConstraintSplitter splitter;
	Views		views;			/* CONSTRAINT_NONE */
};

/* ---------- trainer.c ---------- */

/* t without splits: for n items of rows.  Options are checked already. */
extern LearnStatus trainer_create(LearnEnv *env, const Learner *learner, const Rows *rows, int64_t n,
								  const TrainOptions *options, TrainResult *result, Trainer **t);
extern void trainer_phase(Trainer *t, TrainPhase phase, const char *method);

extern void candidate_init(Candidate *candidate, const Method *method);
extern bool candidate_is_gradient(const Candidate *candidate);
extern const char *candidate_name(const Candidate *candidate);	/* "none" for no learning */

/* What candidates are compared by (held_out.h). */
extern double candidate_merit(const Candidate *candidate);

/*
 * The part of a gradient method's plan that is the same for all learners.  The batch is max_batch
 * at most unless options say otherwise; the learning rate is the caller's.
 */
extern void candidate_plan_start(const Trainer *t, const Method *method, const char *network, int max_batch, FitPlan *plan);

/* The plan of a classical method. */
extern LinearPlan candidate_plan_linear(const Trainer *t, const Candidate *candidate, int n_classes, TrainPhase phase);

/*
 * Seconds of work that a number of epochs of a plan are, by arithmetic alone: same seed, same
 * plans.
 */
extern double candidate_seconds(const Trainer *t, const FitPlan *plan, int epochs);

/* Seconds that a number of floating-point operations take. */
extern double work_seconds(const Trainer *t, double flops);

/*
 * LEARN_INVALID where a closed form is asked for by name, and for more dimensions than the rows
 * have.  Beside a network, which may have more, and as a candidate it has as many as it can.
 */
extern LearnStatus candidate_check_dims(const Trainer *t);

/* Another record of t->result, which must have room for it. */
extern CandidateRecord *candidate_record(Trainer *t, const Candidate *candidate, double seconds, const char *note);

/*
 * Record a candidate that the time limit does not allow for; say in the reason how many were left
 * out.
 */
extern void candidate_leave_out(Trainer *t, const Candidate *candidate);
extern void trainer_append_left_out(const Trainer *t);

/* Add to t->result->reason. */
extern void trainer_append(const Trainer *t, const char *fmt,...) __attribute__((format(printf, 2, 3)));

/* Say that nothing tells how good the model is, and why; behind the reason, too. */
extern void trainer_not_judged(const Trainer *t, const char *why);

/* Held-out scores for a reason; a NaN is left out. */
extern void trainer_scores_text(const char *name, double learned, double none, double whitened, char *text, size_t size);

/* What the score does not say of matches and views, behind the reason. */
extern void trainer_append_search(const Trainer *t, const Candidate *candidate, const Candidate *none);

/*
 * Fit for good, into t->result: on all there is, for candidate->plan.stop_after epochs.  judge: on
 * what that split has to learn from, and it scores each epoch; candidate->score and the like are
 * then of the epoch that is kept.
 */
extern LearnStatus candidate_keep(Trainer *t, Candidate *candidate, const Split *judge, bool *cut);

/* ---------- judging.c ---------- */

/*
 * candidate->score, map_r, fold and best_epoch by all splits.  With a rival (or NULL) it is given
 * up after the first few splits once it is clear that it will not be chosen, and a split that the
 * deadline cuts short does not count.
 */
extern LearnStatus candidate_judge(Trainer *t, Candidate *candidate, const Candidate *rival);

/*
 * Judge and record.  A candidate that the data or the memory does not allow, or that diverges, has
 * no score.
 */
extern LearnStatus candidate_try(Trainer *t, Candidate *candidate, const Candidate *rival);

/* Is it a status by which one candidate fails, and others need not? */
extern bool candidate_may_fail(LearnStatus status);

/*
 * The figures that every learned one is held against: no learning, and whitening (NaN where they
 * cannot be judged).
 */
extern LearnStatus trainer_baselines(Trainer *t, Candidate *none, Candidate *whiten);

/* ---------- choose.c ---------- */

/*
 * Candidates keep what each held-out item adds to their scores from now on.  After the splits are
 * made.
 */
extern LearnStatus trainer_keep_each(Trainer *t);

/* A figure of a score and a MAP@R. */
typedef double (*Measure) (double score, double map_r);

/*
 * How much more of a measure one candidate has than another, and the standard error of that: over
 * held-out items where candidates keep their scores, each item's mean over the partitions that it
 * was held out in; else over splits.  Items of part skip do not count; -1: all do.
 */
typedef struct Gain
{
	double		mean;			/* NaN: they have nothing in common */
	double		error;
	int64_t		count;			/* items, of the rarer kind; or units; or splits */
} Gain;
extern Gain candidate_gain(const Trainer *t, const Candidate *candidate, const Candidate *than, Measure measure, int skip);

/* Does it lose nothing that no learning has, whatever it gains? */
extern bool candidate_is_safe(const Trainer *t, const Candidate *candidate, int skip);

/* Has a candidate a higher merit than another by more than the standard error of the difference? */
extern bool candidate_beats(const Trainer *t, const Candidate *candidate, const Candidate *than);

/*
 * The winner among candidate[0..n), the first of which is no learning (t->none); tests: how many
 * were tried in all.
 */
extern int	choose(const Trainer *t, const Candidate *candidate, int n, int tests);

/* The figure to report for the winner, which did not decide that it won; and its MAP@R. */
extern void choose_report(const Trainer *t, const Candidate *candidate, int n, int tests, int winner, double *score, double *map_r);

/* ---------- engine.c ---------- */

/* Train by t->options: the named method, or auto. */
extern LearnStatus trainer_run(Trainer *t);

/* ---------- auto.c ---------- */

extern LearnStatus train_auto(Trainer *t);

/* ---------- learn_labels.c ---------- */

/* t for rows and options, whose splits are not made yet; both are checked. */
extern LearnStatus trainer_of_labels(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result,
									 Trainer **t);

#endif							/* TRAINER_H */
