/*
 * judge.h
 *	  The held-out score that early stopping and auto go by: recall@1 of held-out rows
 *	  against a sample of those learned from (closed set), or MAP@R of the rows of held-out
 *	  classes, searched among themselves and a sample of those learned from (open set).
 *
 * In the open set the rows learned from are there as what can be mistaken for the new classes:
 * an embedding that throws away what tells new classes from known ones looks well as long
 * as the new ones are alone.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "model.h"
#include "rows.h"
#include "split.h"

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

extern LearnStatus judge_create(LearnEnv *env, const Rows *rows, bool open_set, const Split *split,
								int64_t max_gallery, int64_t seed, Judge *judge);

/*
 * NaN when no held-out row has a partner.  Rows with a target: R2, of the mean of the five nearest rows learned from.
 */
extern LearnStatus judge_score(LearnEnv *env, const Judge *judge, JudgeEmbed embed, void *ctx,
							   int out, double *score);
extern LearnStatus judge_model(LearnEnv *env, const Judge *judge, const Model *model, double *score);

#endif							/* JUDGE_H */
