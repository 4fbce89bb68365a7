/*
 * given.h
 *	  What is known of rows beside labels: pairs, triplets, quadruplets, matches, or
 *	  nothing; how it is split, judged and trained on.
 *
 * A constraint is a tuple of row numbers.  Rows are numbered once for all constraints, and equal
 * rows are one row, so that "the same row" means the same content.
 */
#ifndef GIVEN_H
#define GIVEN_H

#include "fit.h"
#include "judge.h"
#include "loss.h"
#include "rows.h"
#include "split.h"
#include "train.h"
#include "views.h"

typedef enum GivenKind
{
	GIVEN_PAIRS,				/* (a, b) are the same, or different */
	GIVEN_TRIPLETS,				/* a is nearer to p than to n */
	GIVEN_QUADRUPLETS,			/* a and b are nearer than c and d */
	GIVEN_MATCHES,				/* (a, b) belong together, and with no other but those that are given as well */
	GIVEN_NOTHING				/* rows */
} GivenKind;

#define GIVEN_MAX_SIZE	4

typedef struct Given
{
	GivenKind	kind;
	const Rows *rows;			/* labels are not read */
	const Rows *rows_b;			/* GIVEN_MATCHES: what the second number counts; == rows: one kind of input */
	int64_t		n;				/* constraints */
	const int64_t *row;			/* n x given_size(kind) */
	const int32_t *same;		/* GIVEN_PAIRS: n, 1 or 0 */
	const int32_t *hard;		/* GIVEN_MATCHES: n x n_hard, of each constraint others whose sides are to be told from its own most of all, -1
								 * where there are no more; or NULL */
	int			n_hard;
	const double *weight;		/* n, finite, >= 0; NULL: all 1 */
	bool		adapter;		/* GIVEN_MATCHES: side b stays as it is, side a learns to meet it */
} Given;

extern int	given_size(GivenKind kind);	/* numbers in a constraint: 2, 3, 4, 2, 1 */
extern const char *given_name(GivenKind kind);	/* "pairs", ...: the supervision of methods.h */
extern const char *given_score_name(GivenKind kind);

/* Matches and views: judged by search, and all that is in a batch is a negative of each other? */
extern bool given_searched(GivenKind kind);

/* Two inputs, each with a network of its own? */
extern bool given_two_towers(const Given *given);

/* The numbers of a side's different rows in constraints index[0..n), rising. */
extern LearnStatus given_rows(LearnEnv *env, const Given *given, int side, const int64_t *index, int64_t n,
							  int64_t **rows, int64_t *n_rows);

/* ---------- given_split.c ---------- */

/* What a held-out constraint has in common with those that are learned from. */
typedef enum GivenShared
{
	SHARED_NOTHING,				/* no row */
	SHARED_OTHERS,				/* not its first row */
	SHARED_ROWS					/* rows, but no constraint */
} GivenShared;

/*
 * Which constraints are held out, by the content of their rows: the numbers of a Split are
 * those of constraints.  The way is the same for all folds of one set of constraints.
 */
typedef struct GivenSplitter
{
	GivenShared shared;
	uint64_t   *group;			/* n: constraints of one group go together; not for rows apart */
	bool		rows_apart;		/* pairs: sides are chosen row by row, and pairs between them left out */
	uint8_t    *first;			/* rows: occurs as the first of a constraint (SHARED_OTHERS) */
} GivenSplitter;

extern LearnStatus given_splitter(LearnEnv *env, const Given *given, GivenSplitter *splitter);
extern LearnStatus given_split(LearnEnv *env, const Given *given, const GivenSplitter *splitter, int folds, int fold,
							   double share, int64_t max_held, int64_t seed, Split *split);

/* ---------- given_judge.c ---------- */

/*
 * What is judged: an embedding of both sides into out dimensions.  embed takes count <= JUDGE_BLOCK
 * rows x of side a (0) or b (1).
 */
typedef struct GivenEmbed
{
	LearnStatus (*embed) (LearnEnv *env, void *ctx, int side, const float *x, int count, float *out);
	void	   *ctx;
	int			out;
} GivenEmbed;

/*
 * Pairs: the area under the ROC curve of the distance, the chance that a pair that is the same
 * is nearer than one that is not, ties counting half.  Triplets and quadruplets: the share that holds, strictly.
 * Matches: recall@1 of a row of side a among all rows of side b that occur in the held-out
 * matches.  Nothing: recall@1 of a row from a view of it (views.h) among the held-out rows.  With weights
 * where there are any.  Equal distances count against the right row.
 */
extern LearnStatus given_score(LearnEnv *env, const Given *given, const Split *split, const Views *views,
							   const GivenEmbed *embed, HeldOutScore *score);
/* b: of side b; NULL: as side a. */
extern LearnStatus given_score_model(LearnEnv *env, const Given *given, const Split *split, const Views *views,
									 const Model *a, const Model *b, HeldOutScore *score);

/* ---------- given_fit.c ---------- */

/* One run of a gradient method on constraints index[0..n); split NULL: no held-out score. */
extern LearnStatus given_fit(LearnEnv *env, const Given *given, const int64_t *index, int64_t n,
							 const TrainOptions *options, const FitPlan *plan, const Views *views,
							 const Split *split, Fit *fit);

/* ---------- given_train.c ---------- */

/*
 * Train on what is given, as train_model does on labels: a named method, or auto, which keeps
 * what is best on held-out constraints and never anything worse than no learning.  LEARN_DATA:
 * no constraint, pairs all same or all different, rows that are all equal.
 */
extern LearnStatus train_given(LearnEnv *env, const Given *given, const TrainOptions *options, TrainResult *result);

#endif							/* GIVEN_H */
