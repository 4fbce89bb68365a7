/*
 * loss_naive.h
 *	  The losses once more, straight from their definitions: loops over pairs and
 *	  triplets in double, no sorting, no matrix product.  And what the tests of losses
 *	  share: an environment, random numbers, the list of cases.
 */
#ifndef LOSS_NAIVE_H
#define LOSS_NAIVE_H

#include "learn/methods.h"

/* A method with a setting of its parameters. */
typedef struct LossCase
{
	const char *name;
	const char *method;
	LossParams	params;
} LossCase;

extern const LossCase *loss_case(int i);	/* NULL after the last */

/* The value of S (rows x cols, row-major) by definition. */
extern double naive_loss(const LossCase *c, const real *s, int rows, int cols, const int32_t *label);

/* The value of embeddings by definition, S too: straight sums over dims. */
extern double naive_loss_of(const LossCase *c, bool unit, const real *z, const int32_t *label, int rows, int dims,
							const real *proxies, int n_classes);

extern void fixture_start(LearnEnv *env);
extern void fixture_end(LearnEnv *env);
extern double fixture_uniform(uint64_t *state);	/* [0, 1) */
extern double fixture_normal(uint64_t *state);

/* A block with its buffers, in env's arena; s is left for the caller to fill. */
extern LossBlock fixture_block(LearnEnv *env, LossSide side, int rows, int n_classes, const int32_t *label, real **s);

/* Evaluate embeddings in a fresh context. */
extern real fixture_evaluate(LearnEnv *env, const LossCase *c, bool unit, const real *z, const int32_t *label,
							 int rows, int dims, const real *proxies, int n_classes, real *dz, real *dproxies);

/* A batch of random embeddings that lean towards their classes, and proxies. */
typedef struct Batch
{
	int			rows;
	int			dims;
	int			n_classes;
	int32_t    *label;
	real	   *z;
	real	   *proxies;
} Batch;

extern Batch fixture_batch(LearnEnv *env, int rows, int dims, int n_classes, uint64_t seed);

#endif							/* LOSS_NAIVE_H */
