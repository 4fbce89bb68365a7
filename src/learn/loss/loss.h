/*
 * loss.h
 *	  Deep metric losses as functions of one block of similarities.
 *
 * A loss gets the block S of a batch against itself or against class proxies, and who is
 * like whom; it returns the value and writes dL/dS (general pair weighting, arXiv
 * 1904.06627).  LossContext forms S from embeddings with one matrix product and takes
 * dL/dS back with another, so a loss is a short function to be read beside its paper.
 * Time O(B^2 log B) and memory O(B^2) for a batch of B, triplet sums included.  The few
 * losses that are no function of similarities see the embeddings themselves.
 */
#ifndef LOSS_H
#define LOSS_H

#include "base/learn.h"
#include "base/rng.h"

/* What S holds.  The option distance chooses among the kinds that a method allows. */
typedef enum LossInput
{
	LOSS_COSINE,				/* cosine similarity, in [-1, 1] */
	LOSS_INNER,					/* inner product of the embeddings as they are */
	LOSS_DISTANCE,				/* Euclidean distance, >= 0 */
	LOSS_SQUARED,				/* its square */
	LOSS_COSINE_DISTANCE,		/* 1 - cosine, in [0, 2] */
	/* variance of the difference over the variance of the row (arXiv 1904.02616) */
	LOSS_SNR
} LossInput;

/*
 * Distances that a user may ask for.  A loss of similarities takes the cosine for cosine, one of
 * distances 1 - cosine.
 */
typedef enum LossDistance
{
	DISTANCE_COSINE,
	DISTANCE_INNER,
	DISTANCE_L2,
	DISTANCE_L2_SQUARED,
	DISTANCE_SNR
} LossDistance;

/* Larger is nearer. */
static inline bool
loss_is_similarity(LossInput input)
{
	return input == LOSS_COSINE || input == LOSS_INNER;
}

typedef enum LossSide
{
	/* columns are the batch itself, and what is remembered of earlier ones; or a second tower */
	LOSS_BATCH,
	/* columns are class proxies; column c is of class c / per_class; LOSS_COSINE only */
	LOSS_PROXY,
	LOSS_EMBEDDING,				/* no S: the loss sees z */
	/* rows and columns are the batch and, behind it, one proxy a class; LOSS_COSINE only */
	LOSS_GRAPH
} LossSide;

/* Which pairs a loss of LOSS_BATCH sees: loss_mine.c. */
typedef enum LossMiner
{
	MINE_ALL,
	MINE_HARD,					/* farthest positive and nearest negative of each anchor */
	MINE_SEMIHARD,				/* negatives farther than a positive, by less than the margin */
	MINE_EASY,					/* nearest positive and farthest negative */
	MINE_EASY_POSITIVE,			/* nearest positive, and the nearest negative farther than it */
	MINE_DISTANCE_WEIGHTED,		/* negatives drawn evenly over distances */
	MINE_ANGULAR,				/* negatives under a wide angle to the farthest positive */
	MINE_MULTI_SIMILARITY,		/* pairs that break the order by more than -epsilon */
	MINE_PAIR_MARGIN			/* positives beyond one distance, negatives inside another */
} LossMiner;

/* Forms of the PNP loss, in the order of the option variant. */
typedef enum LossPnp
{
	PNP_O,
	PNP_DS,
	PNP_DQ,
	PNP_IU,
	PNP_IB
} LossPnp;

/*
 * What a loss may be set to; each method's defaults are in the registry (methods.h), the
 * ranges and meanings in options.c.
 */
typedef struct LossParams
{
	double		margin;			/* arcface: radians; tuplet_margin: degrees */
	double		pos_margin;
	double		neg_margin;
	double		temperature;	/* > 0 */
	double		scale;			/* > 0 */
	double		alpha;
	double		beta;
	double		base;
	double		epsilon;		/* of the multi-similarity miner; 2 or more: every pair is taken */
	double		angle;			/* degrees */
	double		nu;
	double		walk;			/* chance that a random walk goes on, below 1 */
	double		mine_margin;	/* semihard */
	double		mine_near;		/* pair_margin */
	double		mine_far;		/* pair_margin */
	double		mine_angle;		/* angular; degrees */
	double		mine_cutoff;	/* distance_weighted */
	int			bins;
	int			proxies;		/* of a class */
	int			memory;			/* rows of earlier batches that are columns too */
	int			smooth;			/* boolean, as the next ones */
	int			swap;
	int			per_class;
	int			dynamic;
	int			variant;		/* pnp: a LossPnp */
	int			distance;		/* a LossDistance, or -1: the loss's own */
	LossMiner	miner;
} LossParams;

/* How column j stands to row i. */
enum
{
	RELATION_NEGATIVE = -1,
	RELATION_NONE = 0,			/* the row itself, unknown, or left out by a miner */
	RELATION_POSITIVE = 1
};

/* All matrices are row-major.  Labels are in [0, n_classes). */
typedef struct LossBlock
{
	LossSide	side;
	LossInput	input;
	int			rows;			/* B; LOSS_GRAPH: B + n_classes */
	/*
	 * LOSS_BATCH: B or more, or of the second tower; LOSS_PROXY: n_classes * per_class; LOSS_GRAPH:
	 * rows
	 */
	int			cols;
	int			n_classes;
	int			per_class;		/* LOSS_PROXY: proxies of a class */
	int			dims;
	const int32_t *label;		/* B; NULL where the caller gave relations alone */
	const real *s;				/* rows x cols; where a column is the row itself s means nothing */
	real	   *ds;				/* rows x cols: written in full, 0 where the relation is none */
	/* s once more, for factors that a paper takes no gradient through */
	const real *held;
	real	   *work;			/* loss_work() elements of scratch */
	int		   *index_work;		/* loss_index_work() elements of scratch */
	real	   *scratch;		/* as the loss itself has asked for */
	LearnEnv   *env;			/* polled in large blocks; NULL: never */

	/* LOSS_BATCH */
	const int8_t *relation;		/* rows x cols */
	bool		square;			/* column i is row i, for i below rows */
	const int32_t *col_label;	/* cols; NULL with label */
	/* columns class by class, those of class y at start[y] .. start[y + 1] - 1 */
	int		   *member;
	int		   *start;			/* n_classes + 1; LOSS_EMBEDDING has these of its rows */
	int		   *positive;		/* cols elements of scratch, of loss_positives */
	/*
	 * of a loss by_target, rows: the numbers to predict, in units of their deviation; columns are
	 * the rows
	 */
	const real *target;

	/* LOSS_PROXY: lengths of the proxies before they were normalised, and dL/dlength, 0 on entry */
	const real *norm;
	real	   *dnorm;

	/*
	 * the same, of a loss that reads them: the proxies as S is made of them (cols x dims), and
	 * dL/dproxy beside what S says, 0 on entry
	 */
	const real *proxy;
	real	   *dproxy;

	/* LOSS_EMBEDDING: rows x dims */
	const real *z;
	real	   *dz;

	/* numbers learned along with the network, and their gradient, 0 on entry; NULL: none */
	const real *scalar;
	real	   *dscalar;

	/* what a loss keeps from batch to batch, 0 at first; changed only if learning */
	real	   *state;
	bool		learning;
} LossBlock;

/*
 * The value, averaged as the method's paper (or pytorch-metric-learning, where the
 * paper leaves it open) averages it.  0 with ds = 0 when the batch has no usable pair.
 * Finite for every finite S.  NaN, with ds half done, if a poll says stop.
 */
typedef real (*LossFunction) (const LossParams *params, LossBlock *block);

/* What the machinery must know of a loss. */
typedef struct Loss
{
	LossFunction function;
	LossInput	input;
	LossSide	side;
	bool		by_class;		/* reads label, member and start: relations alone will not do */
	bool		by_target;		/* LOSS_BATCH: reads target in place of relations */
	bool		by_proxy;		/* reads the proxies themselves */
	/* LOSS_EMBEDDING: of two towers, row i of one and row i of the other are its two views */
	bool		views;
	/* reads held, or keeps state that its value depends on: ds is not the slope of the value */
	bool		holds;

	/* how many numbers it learns, and where they start; NULL: none */
	int			(*scalars) (const LossParams *params, int n_classes, double *start);

	/* how many numbers it keeps in state; NULL: none */
	size_t		(*states) (const LossParams *params, int n_classes, int dims);

	/*
	 * how many numbers of scratch it needs beside work (LOSS_GRAPH: by the number of nodes); NULL:
	 * none
	 */
	size_t		(*scratch) (int rows, int dims);
} Loss;

extern size_t loss_work(int rows, int cols);
extern size_t loss_index_work(int rows, int cols);

/* Fill member and start from labels (n). */
extern void loss_group(const int32_t *label, int n, int n_classes, int *member, int *start);

/* relation (rows x cols) from labels; with self, column i is row i. */
extern void loss_relate(const int32_t *label, int rows, const int32_t *col_label, int cols, bool self, int8_t *relation);

/*
 * Set relations to none where the miner of params does not want a pair.  block->relation is
 * relation.  rng is of the distance-weighted miner.  False if the user wants to stop.
 */
extern bool loss_mine(const LossParams *params, const LossBlock *block, int8_t *relation, Rng *rng);

/* loss_pair.c */
extern real loss_contrastive(const LossParams *params, LossBlock *block);
extern real loss_threshold_consistent(const LossParams *params, LossBlock *block);
extern real loss_multi_similarity(const LossParams *params, LossBlock *block);

/* loss_triplet.c */
extern real loss_triplet(const LossParams *params, LossBlock *block);
extern real loss_quadruplet(const LossParams *params, LossBlock *block);
extern size_t loss_quadruplet_scratch(int rows, int dims);

/* loss_lifted.c */
extern real loss_lifted_structure(const LossParams *params, LossBlock *block);
extern real loss_generalized_lifted(const LossParams *params, LossBlock *block);
extern real loss_ranked_list(const LossParams *params, LossBlock *block);

/* loss_boundary.c */
extern real loss_margin(const LossParams *params, LossBlock *block);
extern int	loss_margin_scalars(const LossParams *params, int n_classes, double *start);
extern real loss_circle(const LossParams *params, LossBlock *block);
extern real loss_intra_pair_variance(const LossParams *params, LossBlock *block);
extern real loss_instance(const LossParams *params, LossBlock *block);
extern real loss_dynamic_soft_margin(const LossParams *params, LossBlock *block);
extern size_t loss_dynamic_soft_margin_states(const LossParams *params, int n_classes, int dims);

/* loss_rank.c */
extern real loss_histogram(const LossParams *params, LossBlock *block);
extern real loss_fast_ap(const LossParams *params, LossBlock *block);
extern real loss_smooth_ap(const LossParams *params, LossBlock *block);
extern real loss_pnp(const LossParams *params, LossBlock *block);

/* loss_softmax.c */
extern real loss_ntxent(const LossParams *params, LossBlock *block);
extern real loss_tuplet_margin(const LossParams *params, LossBlock *block);
extern real loss_npair(const LossParams *params, LossBlock *block);
extern real loss_angular(const LossParams *params, LossBlock *block);
extern real loss_supcon(const LossParams *params, LossBlock *block);
extern real loss_nca(const LossParams *params, LossBlock *block);

/* loss_proxy.c */
extern real loss_proxy_nca(const LossParams *params, LossBlock *block);
extern real loss_proxy_anchor(const LossParams *params, LossBlock *block);
extern real loss_normalized_softmax(const LossParams *params, LossBlock *block);
extern real loss_cosface(const LossParams *params, LossBlock *block);
extern real loss_arcface(const LossParams *params, LossBlock *block);

/* loss_class.c */
extern real loss_sphereface(const LossParams *params, LossBlock *block);
extern real loss_large_margin_softmax(const LossParams *params, LossBlock *block);
extern real loss_adacos(const LossParams *params, LossBlock *block);
extern size_t loss_adacos_states(const LossParams *params, int n_classes, int dims);
extern real loss_p2sgrad(const LossParams *params, LossBlock *block);
extern real loss_soft_triple(const LossParams *params, LossBlock *block);

/* loss_embedding.c */
extern real loss_center(const LossParams *params, LossBlock *block);
extern size_t loss_center_states(const LossParams *params, int n_classes, int dims);
extern size_t loss_row_scratch(int rows, int dims);
extern real loss_norm(const LossParams *params, LossBlock *block);
extern real loss_zero_mean(const LossParams *params, LossBlock *block);
extern real loss_center_invariant(const LossParams *params, LossBlock *block);
extern real loss_orthogonal(const LossParams *params, LossBlock *block);
extern real loss_uniformity(const LossParams *params, LossBlock *block);
extern real loss_centroid_triplet(const LossParams *params, LossBlock *block);

/* loss_target.c */
extern real loss_kernel_regression(const LossParams *params, LossBlock *block);
extern real loss_rank_n_contrast(const LossParams *params, LossBlock *block);
extern real loss_log_ratio(const LossParams *params, LossBlock *block);

/* loss_manifold.c */
extern real loss_manifold_proxy(const LossParams *params, LossBlock *block);
extern size_t loss_manifold_scratch(int rows, int dims);

/* loss_view.c */
extern real loss_vicreg(const LossParams *params, LossBlock *block);
extern real loss_barlow_twins(const LossParams *params, LossBlock *block);
extern size_t loss_view_scratch(int rows, int dims);

/*
 * From embeddings to a loss and back.  LossContext owns the block's buffers, and the
 * normalised copies.  z (rows x dims) need not be normalised: for cosines the context
 * normalises it unless unit says that its rows are unit (or zero) vectors already; the
 * others take z as it is.  A vector no longer than 1e-12 is normalised to zero, with
 * gradient 0.
 */
typedef struct LossShape
{
	bool		unit;
	int			max_rows;
	int			max_cols;		/* of a second tower; 0: there is none */
	int			dims;
	int			n_classes;
	uint64_t	seed;			/* of the miner that draws */
} LossShape;

/*
 * One batch.  Relations come from the labels, or from the caller (pairs, triplets, matches):
 * then labels may be NULL, for a loss that is not by_class.  other is a second tower's
 * embeddings, with columns of its own; else the columns are the batch itself.
 */
typedef struct LossBatch
{
	const real *z;				/* rows x dims */
	const int32_t *label;		/* rows */
	/* rows: what a row is called, so that a memory does not hold it against itself; or NULL */
	const int64_t *id;
	const real *target;			/* rows, finite: for losses by_target; or NULL */
	int			rows;			/* 1 to max_rows */
	const real *other;			/* cols x dims, or NULL */
	const int32_t *other_label;
	int			cols;
	const int8_t *relation;		/* rows x (other ? cols : rows), or NULL */
	real	   *dz;				/* rows x dims: the gradient */
	real	   *dother;			/* cols x dims */
} LossBatch;

typedef struct LossContext LossContext;

extern LearnStatus loss_context_create(LearnEnv *env, const Loss *loss, const LossParams *params,
									   const LossShape *shape, LossContext **context);

/*
 * How many numbers are learned along with the network (proxies, then scalars), and their first
 * values.
 */
extern size_t loss_learned(const LossContext *context);
extern void loss_start(const LossContext *context, Rng *rng, real *learned);

/* From now on keep the batches' embeddings for those to come; nothing without the option memory. */
extern void loss_remember(LossContext *context);

/* false: state stays as it is, and batches are not remembered.  True at first. */
extern void loss_learning(LossContext *context, bool learning);

/*
 * The loss; writes the gradients of batch->z (and other), and dlearned.  It returns NaN and
 * gradients of 0 when an embedding or a learned number is not finite, when distances are asked for
 * and the squares of z overflow (of losses of the embeddings themselves, their fourth powers), when
 * a label is not in [0, n_classes), and when a loss by_target has none. Large batches poll: NaN is
 * also what a cancelled evaluation returns, so learn_poll() before taking NaN for divergence.
 */
extern real loss_evaluate(LossContext *context, const LossBatch *batch, const real *learned, real *dlearned);

#endif							/* LOSS_H */
