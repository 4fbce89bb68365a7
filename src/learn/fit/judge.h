/*
 * judge.h
 *	  The held-out score that early stopping and auto go by: recall@1 of held-out rows
 *	  against a sample of those learned from (closed set), or MAP@R of the rows of held-out
 *	  classes, searched among themselves and a sample of those learned from (open set).
 *
 * In the closed set a tenth of MAP@R counts beside recall@1: where the nearest row is of the class almost always, as on
 * most data without any learning, recall@1 says nothing of the other rows of the class, and stops at the first epoch.
 *
 * In the open set the rows learned from are there as what can be mistaken for the new classes:
 * an embedding that throws away what tells new classes from known ones looks well as long
 * as the new ones are alone.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include <math.h>

#include "learn/measure/metrics.h"
#include "learn/net/model.h"
#include "learn/data/rows.h"
#include "learn/data/split.h"

typedef struct HeldOutScore
{
	double		score;			/* NaN: nothing to judge by */
	double		map_r;			/* beside recall@1; NaN: with any other score */
	double		recall10;		/* of matches and views (constraints.h), else NaN */
	double		mrr;
	QueryScore *each;			/* NULL, or room that the caller gives for what each held-out item adds to the score and to MAP@R */
} HeldOutScore;

#define NO_SCORE		((HeldOutScore) {NAN, NAN, NAN, NAN, NULL})

/* What epochs and candidates are compared by. */
extern double score_merit(double score, double map_r);

typedef struct Judge
{
	const Rows *rows;
	bool		open_set;
	int64_t    *query;			/* row numbers */
	int64_t		n_query;
	int64_t    *gallery;		/* of those learned from */
	int64_t		n_gallery;
} Judge;

/* Embed count rows (count x out), count <= JUDGE_BLOCK. */
#define JUDGE_BLOCK		256
typedef LearnStatus (*JudgeEmbed) (LearnEnv *env, void *ctx, const int64_t *index, int count, float *out);

/*
 * The gallery is a sample of max_gallery rows learned from.  In the closed set it has beside these some rows of each
 * held-out class, so that classes may be many more than rows of the sample; but max_rows rows in all at most.
 */
extern LearnStatus judge_create(LearnEnv *env, const Rows *rows, bool open_set, const Split *split,
								int64_t max_gallery, int64_t max_rows, int64_t seed, Judge *judge);

/*
 * NaN when no held-out row has a partner.  Rows with a target: R2, of the mean of the five nearest rows learned from.
 */
extern LearnStatus judge_score(LearnEnv *env, const Judge *judge, JudgeEmbed embed, void *ctx,
							   int out, HeldOutScore *found);
extern LearnStatus judge_model(LearnEnv *env, const Judge *judge, const Model *model, HeldOutScore *found);

#endif							/* JUDGE_H */
