/*
 * constraint_score.h
 *	  The held-out score of an embedding by constraints.
 */
#ifndef CONSTRAINT_SCORE_H
#define CONSTRAINT_SCORE_H

#include "held_out.h"
#include "learn/data/constraints.h"
#include "learn/data/views.h"

/*
 * What is scored: an embedding of both sides into out dimensions. embed takes count <=
 * HELD_OUT_BLOCK rows x of side a (0) or b (1).
 */
typedef struct ConstraintEmbed
{
	LearnStatus (*embed) (LearnEnv *env, void *ctx, int side, const float *x, int count, float *out);
	void	   *ctx;
	int			out;
} ConstraintEmbed;

/*
 * The score, with weights if there are any:
 * - Pairs: the area under the ROC curve of the distance, which is the probability that a pair that
 *   is the same is nearer than one that is not. Ties count half.
 * - Triplets, quadruplets: the share that holds strictly.
 * - Matches: recall@1 of a row of side a among all rows of side b in the held-out matches.
 * - Rows alone: recall@1 of a row from a view of it (views.h) among the held-out rows.
 *
 * In a search, equal distances count against the right row. score->each: NULL, or room for what
 * each held-out constraint adds (split->n_held); NaN where it adds nothing.
 */
extern LearnStatus constraint_score(LearnEnv *env, const Constraints *constraints, const Split *split, const Views *views,
							   const ConstraintEmbed *embed, HeldOutScore *score);
/* b: of side b; NULL: as side a. */
extern LearnStatus constraint_score_model(LearnEnv *env, const Constraints *constraints, const Split *split, const Views *views,
									 const Model *a, const Model *b, HeldOutScore *score);

#endif							/* CONSTRAINT_SCORE_H */
