/*
 * net_forward.c
 *	  A batch through the network, its activations kept on the tape.
 *
 * Shapes: a layer's input x is (n, fan-in), its weight (width, fan-in), the rest
 * (n, width), all row-major.
 */
#include <math.h>
#include <string.h>

#include "learn/blas.h"
#include "learn/net_tape.h"
#include "learn/vmath.h"

LearnStatus
net_tape_create(LearnEnv *env, const Net *net, int max_rows, NetTape **tape)
{
	const NetSpec *spec = &net->spec;
	size_t		rows = max_rows;
	size_t		widest = netspec_out(spec);
	NetTape    *t;

	LEARN_ALLOC(env, t, 1);
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->max_rows = max_rows;
	for (int i = 0; i < spec->n_layers; i++)
	{
		const LayerSpec *layer = &spec->layer[i];
		LayerTape  *lt = &t->layer[i];
		size_t		width = layer->width;

		if (width > widest)
			widest = width;
		LEARN_ALLOC(env, lt->pre, rows * width);
		lt->out = lt->pre;
		if (layer->act != ACT_LINEAR || layer->dropout > 0 || layer->residual)
			LEARN_ALLOC(env, lt->out, rows * width);
		if (layer->norm != NORM_NONE)
		{
			LEARN_ALLOC(env, lt->normed, rows * width);
			LEARN_ALLOC(env, lt->inv_sd, layer->norm == NORM_BATCH ? width : rows);
		}
		if (layer->dropout > 0)
			LEARN_ALLOC(env, lt->keep, rows * width);
	}
	if (spec->l2)
	{
		LEARN_ALLOC(env, t->unit, rows * netspec_out(spec));
		LEARN_ALLOC(env, t->norm, rows);
	}
	LEARN_ALLOC(env, t->grad_out, rows * widest);
	LEARN_ALLOC(env, t->grad_in, rows * widest);
	LEARN_ALLOC(env, t->column, 2 * widest);
	*tape = t;
	return LEARN_OK;
}

/* pre = normed * gain + shift, row by row */
static void
gain_forward(real *pre, const real *normed, const real *gain, const real *shift, int n, size_t width)
{
	for (int r = 0; r < n; r++)
		for (size_t j = 0; j < width; j++)
			pre[r * width + j] = normed[r * width + j] * gain[j] + shift[j];
}

/* normed and inv_sd from pre, a row at a time (Ba, Kiros and Hinton, arXiv 1607.06450). */
static void
layernorm_forward(LayerTape *lt, int n, size_t width)
{
	for (int r = 0; r < n; r++)
		lt->inv_sd[r] = net_standardise_row(lt->normed + r * width, lt->pre + r * width, width);
}

/*
 * normed and inv_sd from pre, a column at a time (Ioffe and Szegedy, arXiv 1502.03167).
 * running: width means, then width variances (unbiased); column: 2 * width of scratch.
 */
static void
batchnorm_forward(LayerTape *lt, int n, size_t width, bool training, real *running, real *column)
{
	real	   *mean = column;
	real	   *var = column + width;

	lt->fixed = !training || n <= 1;
	if (lt->fixed)
		memcpy(column, running, 2 * width * sizeof(real));
	else
	{
		memset(column, 0, 2 * width * sizeof(real));
		for (int r = 0; r < n; r++)
			vm_axpy(mean, 1, lt->pre + r * width, width);
		for (size_t j = 0; j < width; j++)
			mean[j] /= n;
	}

	for (int r = 0; r < n; r++)
	{
		const real *pre = lt->pre + r * width;
		real	   *normed = lt->normed + r * width;

		for (size_t j = 0; j < width; j++)
			normed[j] = pre[j] - mean[j];
		if (!lt->fixed)
			for (size_t j = 0; j < width; j++)
				var[j] += normed[j] * normed[j];
	}

	for (size_t j = 0; j < width; j++)
	{
		if (!lt->fixed)
		{
			running[j] += (real) RUNNING_SHARE * (mean[j] - running[j]);
			running[width + j] += (real) RUNNING_SHARE * (var[j] / (n - 1) - running[width + j]);
			var[j] /= n;
		}
		lt->inv_sd[j] = 1 / sqrt((double) var[j] + NORM_EPSILON);
	}
	for (int r = 0; r < n; r++)
		vm_mul(lt->normed + r * width, lt->inv_sd, width);
}

/* keep: 0 with probability share, else 1 / (1 - share).  Two draws from each random number. */
static void
dropout_mask(real *keep, size_t count, double share, Rng *rng)
{
	uint32_t	limit = (uint32_t) (share * 4294967296.0);
	real		scale = 1 / (1 - share);

	for (size_t i = 0; i < count; i += 2)
	{
		uint64_t	bits = rng_next(rng);

		keep[i] = (uint32_t) bits < limit ? 0 : scale;
		if (i + 1 < count)
			keep[i + 1] = (uint32_t) (bits >> 32) < limit ? 0 : scale;
	}
}

static LearnStatus
layer_forward(const Net *net, NetTape *tape, int i, const real *x, int n, bool training, Rng *rng)
{
	const LayerSpec *layer = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	LayerTape  *lt = &tape->layer[i];
	size_t		width = layer->width;
	size_t		count = n * width;
	int			fan_in = net_fan_in(net, i);

	lt->x = x;
	LEARN_TRY(blas_gemm_polled(tape->env, false, true, n, width, fan_in,
							   1, x, fan_in, net->params + offset->weight, fan_in, 0, lt->pre, width));
	if (offset->bias >= 0)
		for (int r = 0; r < n; r++)
			vm_axpy(lt->pre + r * width, 1, net->params + offset->bias, width);

	if (layer->norm == NORM_LAYER)
		layernorm_forward(lt, n, width);
	else if (layer->norm == NORM_BATCH)
		batchnorm_forward(lt, n, width, training, net->running + offset->running, tape->column);
	if (layer->norm != NORM_NONE)
		gain_forward(lt->pre, lt->normed, net->params + offset->gain, net->params + offset->shift, n, width);

	net_activate(layer->act, lt->out, lt->pre, count);
	if (layer->dropout > 0 && training)
	{
		dropout_mask(lt->keep, count, layer->dropout, rng);
		vm_mul(lt->out, lt->keep, count);
	}
	if (layer->residual)
		vm_axpy(lt->out, 1, x, count);
	return LEARN_OK;
}

const real *
net_forward(const Net *net, NetTape *tape, const real *x, int n, bool training, Rng *rng)
{
	size_t		out = netspec_out(&net->spec);
	const real *z = x;

	tape->n = n;
	for (int i = 0; i < net->spec.n_layers; i++)
	{
		if (layer_forward(net, tape, i, z, n, training, rng) != LEARN_OK)
			return NULL;
		z = tape->layer[i].out;
	}
	if (!net->spec.l2)
		return z;
	for (int r = 0; r < n; r++)
		tape->norm[r] = net_normalise_row(tape->unit + r * out, z + r * out, out);
	return tape->unit;
}
