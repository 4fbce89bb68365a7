/*
 * loss_context.h
 *	  A loss with its memory: what loss.c and loss_block.c share, and nobody else reads.
 */
#ifndef LOSS_CONTEXT_H
#define LOSS_CONTEXT_H

#include "loss.h"

struct LossContext
{
	LearnEnv   *env;
	Loss		loss;
	LossInput	input;
	LossParams	params;
	LossShape	shape;
	LossBlock	block;
	int			n_proxies;
	int			n_scalars;
	double		scalar_start;
	real	   *s;				/* block.s, writable */
	int8_t	   *relation;		/* block.relation, writable */
	/* max_rows x dims: normalised or centred copy, where z itself will not do */
	real	   *z;
	real	   *z_norm;			/* max_rows: norms; squared norms where distances are formed */
	real	   *other;			/* max_cols x dims: the same of the second tower */
	real	   *other_norm;
	real	   *mean;			/* dims: what distances are taken around */
	real	   *proxy;			/* n_proxies x dims: normalised copy */
	real	   *proxy_norm;
	/*
	 * LOSS_GRAPH: batch and proxies, one behind the other; views of two towers: these; and their
	 * gradient
	 */
	real	   *node;
	real	   *dnode;
	int32_t    *node_label;		/* views of two towers: the number of the match */
	Rng			rng;

	/*
	 * Rows of earlier batches, as they would stand in z: a ring that next goes round, of
	 * params.memory rows, stored of them in use.
	 */
	bool		remembering;
	real	   *memory;
	real	   *memory_square;
	int32_t    *memory_label;
	int64_t    *memory_id;
	int			stored;
	int			next;
	int32_t    *col_label;		/* of batch and memory */
};

/* Does the context work on a copy of the embeddings? */
extern bool loss_copies(const LossContext *c);

/*
 * The similarities of the batch, in c->s.  Returns the rows that they are of (z itself
 * or a copy of it), and those of the second tower; NULL when something is not finite or
 * the user wants to stop.
 */
extern const real *loss_form(LossContext *c, const LossBatch *batch, const real *proxies, const real **other);

/*
 * From dL/dS to the gradients of the batch and of proxies (dlearned), for the rows u and other
 * that loss_form has returned.  False if the user wants to stop.
 */
extern bool loss_take_back(LossContext *c, const LossBatch *batch, const real *u, const real *other, real *dlearned);

#endif							/* LOSS_CONTEXT_H */
