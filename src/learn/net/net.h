/*
 * net.h
 *	  The network: a line of text, its parameters in one flat buffer, forward,
 *	  backward, and inference.
 *
 * The line: layers separated by commas, each a width and then any of
 *		relu | gelu | tanh | linear		activation (hidden layers: relu by default,
 *										the last: linear)
 *		batchnorm | layernorm			between the product and the activation
 *		dropout P						after the activation, 0 <= P < 1
 *		residual						adds the layer's input where widths agree
 * and at the end an optional `, l2` (the default: the embedding is divided by its
 * norm) or `, raw`.  "256 relu, 64" is two dense layers and L2 normalisation.
 *
 * A layer is: product and bias, norm, activation, dropout, plus its input if residual.
 */
#ifndef NET_H
#define NET_H

#include "base/learn.h"
#include "base/rng.h"

#define NET_MAX_LAYERS	32
#define NET_MAX_WIDTH	16000
#define NET_LINE_MAX	1024

typedef enum Activation
{
	ACT_LINEAR,
	ACT_RELU,
	ACT_GELU,
	ACT_TANH
} Activation;

typedef enum NormKind
{
	NORM_NONE,
	NORM_BATCH,
	NORM_LAYER
} NormKind;

typedef struct LayerSpec
{
	int			width;
	Activation	act;
	NormKind	norm;
	bool		residual;
	float		dropout;
} LayerSpec;

typedef struct NetSpec
{
	int			in;				/* width of the input, after preprocessing */
	int			n_layers;		/* 0: the identity */
	LayerSpec	layer[NET_MAX_LAYERS];
	bool		l2;
} NetSpec;

/* Where a layer's parameters begin in Net.params; -1 where it has none. */
typedef struct LayerOffset
{
	int64_t		weight;			/* width x fan-in, row-major (PyTorch's order) */
	int64_t		bias;			/* width; none beside batch norm, whose shift does its work */
	int64_t		gain;			/* width, norm only */
	int64_t		shift;			/* width, norm only */
	int64_t		running;		/* in Net.running: width means, then width variances */
} LayerOffset;

typedef struct Net
{
	NetSpec		spec;
	LayerOffset offset[NET_MAX_LAYERS];
	size_t		n_params;
	size_t		n_running;
	real	   *params;
	real	   *running;		/* batch norm's running mean and variance; not trained */
} Net;

typedef struct NetTape NetTape; /* one batch's activations, kept for backward */

/*
 * "" or "identity" is the network of no layers, raw; "l2" alone the one that only
 * normalises.  Errors name the word and list the valid ones.
 */
extern LearnStatus netspec_parse(LearnEnv *env, const char *line, int in, NetSpec *spec);
extern void netspec_print(const NetSpec *spec, char *line, size_t size);	/* canonical line */
extern int	netspec_out(const NetSpec *spec);

/* Allocate; params are uninitialised until net_init (weights normal, biases 0). */
extern LearnStatus net_create(LearnEnv *env, const NetSpec *spec, Net **net);
extern void net_init(Net *net, Rng *rng);

/*
 * Training; blas_load() first.  x is (n, in), z and dz are (n, out), 0 <= n <= max_rows.
 * net_forward's result lives in the tape until the next forward; x must be there until
 * the backward.  With training false, dropout is off, batch norm uses its running
 * figures, and rng may be NULL.  With training true batch norm moves its running figures,
 * unless n is 1, where a variance means nothing and the running figures are used.
 * net_backward writes (not adds) dL/dparams into grad (n_params), from the last
 * net_forward with training true.  The L2 normalisation of a vector no longer than
 * 1e-12 is the zero vector, with gradient 0.
 *
 * Both poll the environment that the tape was created with: net_forward returns NULL
 * and net_backward LEARN_CANCELLED when it asked to stop.
 */
extern LearnStatus net_tape_create(LearnEnv *env, const Net *net, int max_rows, NetTape **tape);
extern const real *net_forward(const Net *net, NetTape *tape, const real *x, int n, bool training, Rng *rng);
extern LearnStatus net_backward(const Net *net, NetTape *tape, const real *dz, real *grad);

/* True for parameters that weight decay applies to: weights, not biases, gains and shifts. */
extern bool net_decays(const Net *net, size_t param);

/* The parameters from begin up to the returned end (begin < n_params) are alike in that. */
extern size_t net_decay_range(const Net *net, size_t begin, bool *decays);

#ifndef LEARN_DOUBLE
/*
 * Inference without BLAS, through vm_affine: out (n, out).  scratch holds
 * net_scratch(net, n) floats.  A row's result does not depend on n.
 */
extern size_t net_scratch(const Net *net, int n);
extern void net_infer(const Net *net, const float *x, int n, float *out, float *scratch);
#endif

#endif							/* NET_H */
