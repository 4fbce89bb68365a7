/*
 * loss.h
 *	  Deep metric losses as functions of one block of similarities.
 *
 * A loss gets the block S of a batch against itself or against class proxies, and the
 * labels; it returns the value and writes dL/dS (general pair weighting, arXiv
 * 1904.06627).  LossContext forms S from embeddings with one matrix product and takes
 * dL/dS back with another, so a loss is a short function to be read beside its paper.
 * Time O(B^2 log B) and memory O(B^2) for a batch of B, triplet sums included.
 */
#ifndef LOSS_H
#define LOSS_H

#include "learn.h"

typedef enum LossInput
{
	LOSS_COSINE,				/* s = cosine similarity, in [-1, 1] */
	LOSS_DISTANCE				/* s = squared Euclidean distance, >= 0; LOSS_BATCH only */
} LossInput;

typedef enum LossSide
{
	LOSS_BATCH,					/* columns are the batch itself; column i is row i */
	LOSS_PROXY					/* columns are class proxies; column c is class c */
} LossSide;

/* Miners of the triplet loss. */
typedef enum LossMiner
{
	MINE_ALL,
	MINE_HARD,					/* hardest positive and hardest negative of each anchor */
	MINE_SEMIHARD				/* negatives farther than the positive, inside the margin */
} LossMiner;

/* What a loss may be set to; each method's defaults are in the registry (methods.h). */
typedef struct LossParams
{
	double		margin;			/* arcface: radians */
	double		pos_margin;		/* contrastive */
	double		neg_margin;		/* contrastive */
	double		temperature;	/* > 0 */
	double		scale;			/* of the softmax of cosface, arcface, nca, proxy_nca; > 0 */
	double		alpha;			/* multi_similarity, proxy_anchor; > 0 */
	double		beta;			/* multi_similarity; > 0 */
	double		base;			/* multi_similarity */
	double		epsilon;		/* multi_similarity's own miner; 2 or more: every pair is taken */
	LossMiner	miner;
} LossParams;

/*
 * s and ds are row-major.  Labels are in [0, n_classes).  member lists the columns of
 * LOSS_BATCH class by class, those of class y at start[y] .. start[y + 1] - 1
 * (loss_block_group fills both); LOSS_PROXY needs neither.
 */
typedef struct LossBlock
{
	LossSide	side;
	int			rows;			/* B */
	int			cols;			/* B, or n_classes */
	int			n_classes;
	const int32_t *label;		/* rows */
	const real *s;				/* rows x cols; the diagonal of LOSS_BATCH is not used */
	real	   *ds;				/* rows x cols: written in full, the diagonal with 0 */
	real	   *work;			/* loss_work(cols) elements of scratch */
	int		   *index_work;		/* loss_index_work(cols) elements of scratch */
	int		   *member;			/* rows */
	int		   *start;			/* n_classes + 1 */
	LearnEnv   *env;			/* polled in large blocks; NULL: never */
} LossBlock;

/*
 * The value, averaged as the method's paper (or pytorch-metric-learning, where the
 * paper leaves it open) averages it.  0 with ds = 0 when the batch has no usable pair.
 * Finite for every finite S.  NaN, with ds half done, if a poll says stop.
 */
typedef real (*LossFunction) (const LossParams *params, LossBlock *block);

extern size_t loss_work(int cols);
extern size_t loss_index_work(int cols);

/* Fill member and start from label. */
extern void loss_block_group(LossBlock *block);

extern real loss_contrastive(const LossParams *params, LossBlock *block);
extern real loss_triplet(const LossParams *params, LossBlock *block);
extern real loss_multi_similarity(const LossParams *params, LossBlock *block);
extern real loss_ntxent(const LossParams *params, LossBlock *block);
extern real loss_supcon(const LossParams *params, LossBlock *block);
extern real loss_nca(const LossParams *params, LossBlock *block);
extern real loss_proxy_nca(const LossParams *params, LossBlock *block);
extern real loss_proxy_anchor(const LossParams *params, LossBlock *block);
extern real loss_normalized_softmax(const LossParams *params, LossBlock *block);
extern real loss_cosface(const LossParams *params, LossBlock *block);
extern real loss_arcface(const LossParams *params, LossBlock *block);

/*
 * From embeddings to a loss and back.  LossContext owns the block's buffers, and the
 * normalised copies.  z (rows x dims) need not be normalised: for LOSS_COSINE the
 * context normalises it unless unit says that its rows are unit (or zero) vectors
 * already; LOSS_DISTANCE takes distances of z as it is.  proxies: n_classes x dims raw
 * parameters, which are always normalised, or NULL for LOSS_BATCH.  A vector no longer
 * than 1e-12 is normalised to zero, with gradient 0.
 *
 * loss_evaluate writes dz (rows x dims) and dproxies (n_classes x dims, NULL for
 * LOSS_BATCH) and returns the loss.  1 <= rows <= max_rows.  It returns NaN and
 * gradients of 0 when z or proxies has an element that is not finite, when distances
 * are asked for and the squares of z overflow, and when a label is not in [0,
 * n_classes).  Large batches poll: NaN is also what a cancelled evaluation returns, so
 * learn_poll() before taking NaN for divergence.
 */
typedef struct LossContext LossContext;

extern LearnStatus loss_context_create(LearnEnv *env, LossFunction function, LossInput input,
									   LossSide side, const LossParams *params, bool unit,
									   int max_rows, int dims, int n_classes, LossContext **context);
extern real loss_evaluate(LossContext *context, const real *z, const int32_t *label, int rows,
						  const real *proxies, real *dz, real *dproxies);

#endif							/* LOSS_H */
