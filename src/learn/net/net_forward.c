/*
 * net_forward.c
 *	  A batch through the network, its activations kept on the tape.
 *
 * Shapes: a layer's input x is (n, fan-in), its weight (width, fan-in), the rest
 * (n, width), all row-major.
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "net_tape.h"
#include "math/vmath.h"

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
layernorm_forward(LayerTape *lt, int first, int n, size_t width)
{
	for (int r = first; r < first + n; r++)
		lt->inv_sd[r] = net_standardise_row(lt->normed + r * width, lt->pre + r * width, width);
}

/*
 * The batch's figures of each column of pre (Ioffe and Szegedy, arXiv 1502.03167): column
 * gets width means, then width variances; running moves towards them, its variances
 * being the unbiased ones.
 */
static LearnStatus
batchnorm_measure(LearnEnv *env, const real *pre, int n, size_t width, real *running, real *column)
{
	real	   *mean = column;
	real	   *var = column + width;

	memset(column, 0, 2 * width * sizeof(real));
	for (int first = 0, rows; first < n; first += rows)
	{
		rows = net_slice(first, n, width);
		LEARN_TRY(learn_poll(env));
		for (int r = first; r < first + rows; r++)
			vm_axpy(mean, 1, pre + r * width, width);
	}
	for (size_t j = 0; j < width; j++)
		mean[j] /= n;

	for (int first = 0, rows; first < n; first += rows)
	{
		rows = net_slice(first, n, width);
		LEARN_TRY(learn_poll(env));
		for (int r = first; r < first + rows; r++)
			for (size_t j = 0; j < width; j++)
			{
				real		d = pre[r * width + j] - mean[j];

				var[j] += d * d;
			}
	}
	for (size_t j = 0; j < width; j++)
	{
		running[j] += (real) RUNNING_SHARE * (mean[j] - running[j]);
		running[width + j] += (real) RUNNING_SHARE * (var[j] / (n - 1) - running[width + j]);
		var[j] /= n;
	}
	return LEARN_OK;
}

/* normed from pre, by the means of column and inv_sd. */
static void
batchnorm_forward(LayerTape *lt, int first, int n, size_t width, const real *mean)
{
	for (int r = first; r < first + n; r++)
	{
		const real *pre = lt->pre + r * width;
		real	   *normed = lt->normed + r * width;

		for (size_t j = 0; j < width; j++)
			normed[j] = (pre[j] - mean[j]) * lt->inv_sd[j];
	}
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

/* What follows the product, for rows first .. first + n - 1; column: batch norm's means. */
static void
slice_forward(const Net *net, NetTape *tape, int i, int first, int n, bool training, Rng *rng)
{
	const LayerSpec *layer = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	LayerTape  *lt = &tape->layer[i];
	size_t		width = layer->width;
	size_t		begin = first * width;
	size_t		count = n * width;

	if (offset->bias >= 0)
		for (int r = first; r < first + n; r++)
			vm_axpy(lt->pre + r * width, 1, net->params + offset->bias, width);
	if (layer->norm == NORM_LAYER)
		layernorm_forward(lt, first, n, width);
	else if (layer->norm == NORM_BATCH)
		batchnorm_forward(lt, first, n, width, tape->column);
	if (layer->norm != NORM_NONE)
		gain_forward(lt->pre + begin, lt->normed + begin,
					 net->params + offset->gain, net->params + offset->shift, n, width);

	net_activate(layer->act, lt->out + begin, lt->pre + begin, count);
	if (layer->dropout > 0 && training)
	{
		dropout_mask(lt->keep + begin, count, layer->dropout, rng);
		vm_mul(lt->out + begin, lt->keep + begin, count);
	}
	if (layer->residual)
		vm_axpy(lt->out + begin, 1, lt->x + begin, count);
}

static LearnStatus
layer_forward(const Net *net, NetTape *tape, int i, const real *x, int n, bool training, Rng *rng)
{
	const LayerSpec *layer = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	LayerTape  *lt = &tape->layer[i];
	size_t		width = layer->width;
	int			fan_in = net_fan_in(net, i);

	lt->x = x;
	LEARN_TRY(blas_gemm_polled(tape->env, false, true, n, width, fan_in,
							   1, x, fan_in, net->params + offset->weight, fan_in, 0, lt->pre, width));
	if (layer->norm == NORM_BATCH)
	{
		real	   *running = net->running + offset->running;

		lt->fixed = !training || n <= 1;
		if (lt->fixed)
			memcpy(tape->column, running, 2 * width * sizeof(real));
		else
			LEARN_TRY(batchnorm_measure(tape->env, lt->pre, n, width, running, tape->column));
		for (size_t j = 0; j < width; j++)
			lt->inv_sd[j] = 1 / sqrt((double) tape->column[width + j] + NORM_EPSILON);
	}
	for (int first = 0, rows; first < n; first += rows)
	{
		rows = net_slice(first, n, width);
		LEARN_TRY(learn_poll(tape->env));
		slice_forward(net, tape, i, first, rows, training, rng);
	}
	return LEARN_OK;
}

/* unit and norm of the tape from the last layer's output z (n, out). */
static LearnStatus
l2_forward(NetTape *tape, const real *z, int n, size_t out)
{
	for (int first = 0, rows; first < n; first += rows)
	{
		rows = net_slice(first, n, out);
		LEARN_TRY(learn_poll(tape->env));
		for (int r = first; r < first + rows; r++)
			tape->norm[r] = net_normalise_row(tape->unit + r * out, z + r * out, out);
	}
	return LEARN_OK;
}

const real *
net_forward(const Net *net, NetTape *tape, const real *x, int n, bool training, Rng *rng)
{
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
	if (l2_forward(tape, z, n, netspec_out(&net->spec)) != LEARN_OK)
		return NULL;
	return tape->unit;
}
