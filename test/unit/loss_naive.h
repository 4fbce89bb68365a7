/*
 * loss_naive.h
 *	  The losses once more, straight from their definitions: loops over pairs and
 *	  triplets in double, no sorting, no matrix product.  And what the tests of losses
 *	  share: an environment, random numbers, the list of cases.
 */
#ifndef LOSS_NAIVE_H
#define LOSS_NAIVE_H

#include "learn/methods/methods.h"

/* A method with a setting of its parameters: options as text, "margin=0.2 miner=hard". */
typedef struct LossCase
{
	const char *name;
	const char *method;
	const char *options;
	LossParams	params;			/* filled by loss_case() */
} LossCase;

extern const LossCase *loss_case(int i);	/* NULL after the last */

/* The parameters of a method with such options. */
extern LossParams loss_options(const char *method, const char *options);

/* The value of a block by definition: all but ds, dz, dscalar and dnorm is read, nothing written. */
extern double naive_loss(const LossCase *c, const LossBlock *block);

/* As above, of embeddings: S, relations and their miner by definition, too.  learned: proxies, then scalars. */
extern double naive_loss_of(const LossCase *c, bool unit, const real *z, const int32_t *label, int rows, int dims,
							const real *learned, int n_classes);

/* S of two sets of embeddings by definition: straight sums over dims. */
extern double naive_similarity(const real *a, const real *b, int dims, LossInput input, bool unit);

/* What the case's S is, by its option distance. */
extern LossInput naive_input(const LossCase *c);

/* The miners by definition; false for the one that draws. */
extern bool naive_mine(const LossCase *c, const LossBlock *block, int8_t *relation);

extern void fixture_start(LearnEnv *env);
extern void fixture_end(LearnEnv *env);
extern double fixture_uniform(uint64_t *state);	/* [0, 1) */
extern double fixture_normal(uint64_t *state);

/* A block of the case with its buffers, in env's arena, S (or z) for the caller to fill; relations by label. */
extern LossBlock fixture_block(LearnEnv *env, const LossCase *c, int rows, int n_classes, int dims, const int32_t *label);

/* Numbers to predict for rows: equal of one class, differing in many ways between classes. */
extern real *fixture_target(LearnEnv *env, const int32_t *label, int rows);

/* A batch of random embeddings that lean towards their classes. */
typedef struct Batch
{
	int			rows;
	int			dims;
	int			n_classes;
	int32_t    *label;
	real	   *z;
	real	   *centre;			/* n_classes x dims: what they lean towards */
} Batch;

extern Batch fixture_batch(LearnEnv *env, int rows, int dims, int n_classes, uint64_t seed);

/* What the loss learns: n_learned numbers, proxies then scalars; the first proxies are the batch's centres. */
extern int	fixture_n_learned(const LossCase *c, int n_classes, int dims);
extern real *fixture_learned(LearnEnv *env, const LossCase *c, const Batch *b);

/* A context for the case. */
extern LossContext *fixture_context(LearnEnv *env, const LossCase *c, bool unit, int max_rows, int dims, int n_classes);

/* Evaluate embeddings in a fresh context. */
extern real fixture_evaluate(LearnEnv *env, const LossCase *c, bool unit, const Batch *b, const real *learned,
							 real *dz, real *dlearned);

#endif							/* LOSS_NAIVE_H */
