/*
 * net_tape.h
 *	  Inside the network: one batch's activations, and what forward, backward and
 *	  inference share.  Not for other rooms.
 */
#ifndef NET_TAPE_H
#define NET_TAPE_H

#include "net.h"

#define NORM_EPSILON	1e-5	/* added to variances, PyTorch's default */
#define RUNNING_SHARE	0.1		/* of a batch in batch norm's running figures, PyTorch's default */
#define SHORTEST_NORM	1e-12	/* a vector no longer is normalised to zero */

/*
 * One layer of one batch of n rows.  Buffers are NULL where the layer does not need
 * them; out is pre where nothing follows the activation's input.
 */
typedef struct LayerTape
{
	const real *x;				/* (n, fan-in) the layer's input */
	real	   *normed;			/* (n, width) norm: zero mean and unit variance */
	/* 1 / standard deviation, of a row (layer norm: n) or column (batch norm: width) */
	real	   *inv_sd;
	bool		fixed;			/* batch norm used running figures: constants for backward */
	real	   *pre;			/* (n, width) the activation's input */
	real	   *keep;			/* (n, width) dropout: 0 or 1 / (1 - P) */
	real	   *out;			/* (n, width) */
} LayerTape;

struct NetTape
{
	LearnEnv   *env;
	int			max_rows;
	int			n;				/* rows of the last forward */
	LayerTape	layer[NET_MAX_LAYERS];
	real	   *unit;			/* (n, out) l2: the embeddings */
	real	   *norm;			/* n: their norms before */
	real	   *grad_out;		/* (n, widest) of a layer's output, in backward */
	real	   *grad_in;		/* (n, widest) of its input */
	real	   *column;			/* 2 * widest: sums over a batch */
};

/*
 * Rows of a batch that go through a layer's elementwise steps together, so that they
 * stay in the second-level cache from one step to the next, and a poll is never far.
 */
#define SLICE_VALUES	65536

/* Rows of the slice that begins at row first of n. */
static inline int
net_slice(int first, int n, size_t width)
{
	int			rows = width < SLICE_VALUES ? (int) (SLICE_VALUES / width) : 1;

	return n - first < rows ? n - first : rows;
}

/* Width of layer i's input. */
static inline int
net_fan_in(const Net *net, int i)
{
	return i == 0 ? net->spec.in : net->spec.layer[i - 1].width;
}

/* out = act(pre), n values; out may be pre. */
extern void net_activate(Activation act, real *out, const real *pre, size_t n);

/* y = (x - its mean) / its standard deviation, over n values; y may be x.  Returns 1 / sd. */
extern real net_standardise_row(real *y, const real *x, size_t n);

/* y = x / |x|, n values; y may be x.  Returns |x|, or 0 where y is the zero vector. */
extern real net_normalise_row(real *y, const real *x, size_t n);

#endif							/* NET_TAPE_H */
