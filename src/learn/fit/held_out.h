/*
 * held_out.h
 *	  The held-out score by which early stopping and auto decide.
 *
 * Closed set: recall@1 of held-out rows in a sample of the rows that are learned from, plus a
 * tenth of MAP@R. On most data the nearest row is nearly always of the class even without
 * learning. recall@1 then says nothing about the other rows of the class, and would stop at the
 * first epoch.
 *
 * Open set: MAP@R of the rows of held-out classes, which are searched among themselves and a
 * sample of the rows that are learned from. The sample is there because new classes can be
 * mistaken for known ones. An embedding that discards what tells new classes from known ones looks
 * good as long as the new classes are alone.
 */
#ifndef HELD_OUT_H
#define HELD_OUT_H

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
	QueryScore *each;			/* NULL, or room for what each held-out item adds */
} HeldOutScore;

#define NO_SCORE		((HeldOutScore) {NAN, NAN, NAN, NAN, NULL})

/* The value by which epochs and candidates are compared. */
extern double score_merit(double score, double map_r);

typedef struct HeldOut
{
	const Rows *rows;
	bool		open_set;
	int64_t    *query;			/* row numbers */
	int64_t		n_query;
	int64_t    *gallery;		/* of those learned from */
	int64_t		n_gallery;
} HeldOut;

/* Embed count rows (count x out), count <= HELD_OUT_BLOCK. */
#define HELD_OUT_BLOCK		256
typedef LearnStatus (*HeldOutEmbed) (LearnEnv *env, void *ctx, const int64_t *index, int count, float *out);

/*
 * The gallery is a sample of max_gallery rows that are learned from. In the closed set it also has
 * some rows of each held-out class, so that there may be far more classes than rows in the sample;
 * but at most max_rows rows in all.
 */
extern LearnStatus held_out_create(LearnEnv *env, const Rows *rows, bool open_set, const Split *split,
									int64_t max_gallery, int64_t max_rows, int64_t seed, HeldOut *held_out);

/*
 * NaN if no held-out row has a partner. Rows with a target: R2 of the mean of the five nearest rows
 * that are learned from.
 */
extern LearnStatus held_out_score(LearnEnv *env, const HeldOut *held_out, HeldOutEmbed embed, void *ctx,
								  int out, HeldOutScore *found);
extern LearnStatus held_out_score_model(LearnEnv *env, const HeldOut *held_out, const Model *model, HeldOutScore *found);

#endif							/* HELD_OUT_H */
