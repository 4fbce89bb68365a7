/*
 * net_backward.c
 *	  From the gradient of the embeddings to the gradient of the parameters.
 *
 * d is dL/d(something of a layer), (n, width); each step below turns it in place into
 * the gradient of what came one step earlier.  The input of the first layer gets none.
 */
#include <string.h>

#include "base/blas.h"
#include "net_tape.h"
#include "math/vmath.h"

/* sum[j] += sum over rows of d */
static void
add_rows(real *sum, const real *d, int n, size_t width)
{
	for (int r = 0; r < n; r++)
		vm_axpy(sum, 1, d + r * width, width);
}

/* u = z / |z|: dL/dz = (d - (d . u) u) / |z| */
static void
l2_backward(const NetTape *tape, const real *dz, real *d, int first, int n, size_t out)
{
	for (int r = first; r < first + n; r++)
	{
		const real *u = tape->unit + r * out;
		const real *dr = dz + r * out;
		real		norm = tape->norm[r];
		real		dot = vm_dot(dr, u, out);

		if (norm == 0)
			memset(d + r * out, 0, out * sizeof(real));
		else
			for (size_t j = 0; j < out; j++)
				d[r * out + j] = (dr[j] - dot * u[j]) / norm;
	}
}

/*
 * pre = normed * gain + shift: gradients of gain and shift are added to, d becomes that of normed.
 */
static void
gain_backward(const real *normed, const real *gain, real *d, real *d_gain, real *d_shift, int n, size_t width)
{
	add_rows(d_shift, d, n, width);
	for (int r = 0; r < n; r++)
	{
		real	   *dr = d + r * width;
		const real *x = normed + r * width;

		for (size_t j = 0; j < width; j++)
		{
			d_gain[j] += dr[j] * x[j];
			dr[j] *= gain[j];
		}
	}
}

/* x = (y - mean) / sd over a row: dy = (d - mean(d) - x mean(d x)) / sd */
static void
layernorm_backward(const LayerTape *lt, real *d, int first, int n, size_t width)
{
	for (int r = first; r < first + n; r++)
	{
		real	   *dr = d + r * width;
		const real *x = lt->normed + r * width;
		real		mean = vm_sum(dr, width) / width;
		real		mean_x = vm_dot(dr, x, width) / width;

		for (size_t j = 0; j < width; j++)
			dr[j] = (dr[j] - mean - x[j] * mean_x) * lt->inv_sd[r];
	}
}

/*
 * As above, over a column.  Means that were constants (fixed) have no gradient; else both
 * means are over the whole batch, so this follows the slices.  column: 2 * width of scratch.
 */
static LearnStatus
batchnorm_backward(LearnEnv *env, const LayerTape *lt, real *d, int n, size_t width, real *column)
{
	real	   *mean = column;
	real	   *mean_x = column + width;

	memset(column, 0, 2 * width * sizeof(real));
	for (int first = 0, rows; first < n && !lt->fixed; first += rows)
	{
		rows = net_slice(first, n, width);
		LEARN_TRY(learn_poll(env));
		add_rows(mean, d + first * width, rows, width);
		for (size_t k = first * width; k < (first + rows) * width; k += width)
			for (size_t j = 0; j < width; j++)
				mean_x[j] += d[k + j] * lt->normed[k + j];
	}
	for (size_t j = 0; j < 2 * width; j++)
		column[j] /= n;
	for (int first = 0, rows; first < n; first += rows)
	{
		rows = net_slice(first, n, width);
		LEARN_TRY(learn_poll(env));
		for (size_t k = first * width; k < (first + rows) * width; k += width)
			for (size_t j = 0; j < width; j++)
				d[k + j] = (d[k + j] - mean[j] - lt->normed[k + j] * mean_x[j]) * lt->inv_sd[j];
	}
	return LEARN_OK;
}

static void
activation_backward(Activation act, real *d, const real *pre, size_t count)
{
	switch (act)
	{
		case ACT_LINEAR:
			break;
		case ACT_RELU:
			vm_relu_grad(d, d, pre, count);
			break;
		case ACT_GELU:
			vm_gelu_grad(d, d, pre, count);
			break;
		case ACT_TANH:
			vm_tanh_grad(d, d, pre, count);
			break;
	}
}

/*
 * From the gradient of layer i's output back to its product (batch norm's statistics
 * excepted), for rows first .. first + n - 1; sums over rows are added to grad.
 */
static void
slice_backward(const Net *net, NetTape *tape, int i, int first, int n, real *d, real *dx, real *grad)
{
	const LayerSpec *layer = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	const LayerTape *lt = &tape->layer[i];
	size_t		width = layer->width;
	size_t		begin = first * width;
	size_t		count = n * width;

	if (layer->residual && dx != NULL)
		memcpy(dx + begin, d + begin, count * sizeof(real));
	if (layer->dropout > 0)
		vm_mul(d + begin, lt->keep + begin, count);
	activation_backward(layer->act, d + begin, lt->pre + begin, count);
	if (layer->norm != NORM_NONE)
		gain_backward(lt->normed + begin, net->params + offset->gain, d + begin,
					  grad + offset->gain, grad + offset->shift, n, width);
	if (layer->norm == NORM_LAYER)
		layernorm_backward(lt, d, first, n, width);
	if (offset->bias >= 0)
		add_rows(grad + offset->bias, d + begin, n, width);
}

/* d: the gradient of layer i's output, overwritten; dx: that of its input, or NULL. */
static LearnStatus
layer_backward(const Net *net, NetTape *tape, int i, real *d, real *dx, real *grad)
{
	const LayerSpec *layer = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	const LayerTape *lt = &tape->layer[i];
	int			n = tape->n;
	size_t		width = layer->width;
	int			fan_in = net_fan_in(net, i);

	if (offset->bias >= 0)
		memset(grad + offset->bias, 0, width * sizeof(real));
	if (layer->norm != NORM_NONE)
	{
		memset(grad + offset->gain, 0, width * sizeof(real));
		memset(grad + offset->shift, 0, width * sizeof(real));
	}
	for (int first = 0, rows; first < n; first += rows)
	{
		rows = net_slice(first, n, width);
		LEARN_TRY(learn_poll(tape->env));
		slice_backward(net, tape, i, first, rows, d, dx, grad);
	}
	if (layer->norm == NORM_BATCH)
		LEARN_TRY(batchnorm_backward(tape->env, lt, d, n, width, tape->column));

	LEARN_TRY(blas_gemm_polled(tape->env, true, false, width, fan_in, n,
							   1, d, width, lt->x, fan_in, 0, grad + offset->weight, fan_in));
	if (dx != NULL)
		LEARN_TRY(blas_gemm_polled(tape->env, false, false, n, fan_in, width,
								   1, d, width, net->params + offset->weight, fan_in,
								   layer->residual ? 1 : 0, dx, fan_in));
	return LEARN_OK;
}

LearnStatus
net_backward(const Net *net, NetTape *tape, const real *dz, real *grad)
{
	size_t		out = netspec_out(&net->spec);
	real	   *d = tape->grad_out;
	real	   *dx = tape->grad_in;

	if (tape->n == 0)
	{
		memset(grad, 0, net->n_params * sizeof(real));
		return LEARN_OK;
	}
	for (int first = 0, rows; first < tape->n; first += rows)
	{
		rows = net_slice(first, tape->n, out);
		LEARN_TRY(learn_poll(tape->env));
		if (net->spec.l2)
			l2_backward(tape, dz, d, first, rows, out);
		else
			memcpy(d + first * out, dz + first * out, rows * out * sizeof(real));
	}
	for (int i = net->spec.n_layers - 1; i >= 0; i--)
	{
		real	   *swap = d;

		LEARN_TRY(layer_backward(net, tape, i, d, i > 0 ? dx : NULL, grad));
		d = dx;
		dx = swap;
	}
	return LEARN_OK;
}
