/*
 * net_backward.c
 *	  From the gradient of the embeddings to the gradient of the parameters.
 *
 * d is dL/d(something of a layer), (n, width); each step below turns it in place into
 * the gradient of what came one step earlier.  The input of the first layer gets none.
 */
#include <string.h>

#include "learn/blas.h"
#include "learn/net_tape.h"
#include "learn/vmath.h"

/* sum[j] = sum over rows of d */
static void
sum_rows(real *sum, const real *d, int n, size_t width)
{
	memset(sum, 0, width * sizeof(real));
	for (int r = 0; r < n; r++)
		vm_axpy(sum, 1, d + r * width, width);
}

/* u = z / |z|: dL/dz = (d - (d . u) u) / |z| */
static void
l2_backward(const NetTape *tape, const real *dz, real *d, size_t out)
{
	for (int r = 0; r < tape->n; r++)
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

/* pre = normed * gain + shift: gradients of gain and shift, and d for normed. */
static void
gain_backward(const LayerTape *lt, const real *gain, real *d, real *d_gain, real *d_shift, int n, size_t width)
{
	sum_rows(d_shift, d, n, width);
	memset(d_gain, 0, width * sizeof(real));
	for (int r = 0; r < n; r++)
	{
		real	   *dr = d + r * width;
		const real *normed = lt->normed + r * width;

		for (size_t j = 0; j < width; j++)
		{
			d_gain[j] += dr[j] * normed[j];
			dr[j] *= gain[j];
		}
	}
}

/* x = (y - mean) / sd over a row: dy = (d - mean(d) - x mean(d x)) / sd */
static void
layernorm_backward(const LayerTape *lt, real *d, int n, size_t width)
{
	for (int r = 0; r < n; r++)
	{
		real	   *dr = d + r * width;
		const real *x = lt->normed + r * width;
		real		mean = vm_sum(dr, width) / width;
		real		mean_x = vm_dot(dr, x, width) / width;

		for (size_t j = 0; j < width; j++)
			dr[j] = (dr[j] - mean - x[j] * mean_x) * lt->inv_sd[r];
	}
}

/* The same over a column; column: 2 * width of scratch. */
static void
batchnorm_backward(const LayerTape *lt, real *d, int n, size_t width, real *column)
{
	real	   *mean = column;
	real	   *mean_x = column + width;

	memset(column, 0, 2 * width * sizeof(real));
	if (!lt->fixed)
	{
		for (int r = 0; r < n; r++)
			for (size_t j = 0; j < width; j++)
			{
				mean[j] += d[r * width + j];
				mean_x[j] += d[r * width + j] * lt->normed[r * width + j];
			}
		vm_scale(column, (real) 1 / n, 2 * width);
	}
	for (int r = 0; r < n; r++)
		for (size_t j = 0; j < width; j++)
		{
			real	   *dj = &d[r * width + j];

			*dj = (*dj - mean[j] - lt->normed[r * width + j] * mean_x[j]) * lt->inv_sd[j];
		}
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

/* d: the gradient of layer i's output, overwritten; dx: that of its input, or NULL. */
static LearnStatus
layer_backward(const Net *net, NetTape *tape, int i, real *d, real *dx, real *grad)
{
	const LayerSpec *layer = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	const LayerTape *lt = &tape->layer[i];
	int			n = tape->n;
	size_t		width = layer->width;
	size_t		count = n * width;
	int			fan_in = net_fan_in(net, i);

	if (layer->residual && dx != NULL)
		memcpy(dx, d, count * sizeof(real));
	if (layer->dropout > 0)
		vm_mul(d, lt->keep, count);
	activation_backward(layer->act, d, lt->pre, count);
	if (layer->norm != NORM_NONE)
		gain_backward(lt, net->params + offset->gain, d, grad + offset->gain, grad + offset->shift, n, width);
	if (layer->norm == NORM_LAYER)
		layernorm_backward(lt, d, n, width);
	else if (layer->norm == NORM_BATCH)
		batchnorm_backward(lt, d, n, width, tape->column);
	if (offset->bias >= 0)
		sum_rows(grad + offset->bias, d, n, width);

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
	if (net->spec.l2)
		l2_backward(tape, dz, d, out);
	else
		memcpy(d, dz, tape->n * out * sizeof(real));
	for (int i = net->spec.n_layers - 1; i >= 0; i--)
	{
		real	   *swap = d;

		LEARN_TRY(layer_backward(net, tape, i, d, i > 0 ? dx : NULL, grad));
		d = dx;
		dx = swap;
	}
	return LEARN_OK;
}
