/*
 * net_infer.c
 *	  Embedding: a batch through the network without BLAS and without a tape.
 *
 * Every step works on a row by itself in an order that does not depend on how many
 * rows there are, so a row embedded alone has the bits of the same row in a batch.
 */
#include "net_tape.h"

#ifndef LEARN_DOUBLE

#include <math.h>
#include <string.h>

#include "math/vmath.h"

/* Rows that go through all layers together: weights are read once for all of them. */
#define INFER_ROWS		128

static int
widest_layer(const Net *net)
{
	int			widest = 1;

	for (int i = 0; i < net->spec.n_layers; i++)
		if (net->spec.layer[i].width > widest)
			widest = net->spec.layer[i].width;
	return widest;
}

/* Two buffers of activations, and a column of factors for batch norm. */
size_t
net_scratch(const Net *net, int n)
{
	int			rows = n < INFER_ROWS ? n : INFER_ROWS;

	return ((size_t) 2 * rows + 1) * widest_layer(net);
}

/* y (n, width), in place: batch norm by its running figures. */
static void
infer_batchnorm(const Net *net, int i, float *y, int n, float *factor)
{
	const LayerOffset *offset = &net->offset[i];
	size_t		width = net->spec.layer[i].width;
	const float *mean = net->running + offset->running;
	const float *var = mean + width;
	const float *gain = net->params + offset->gain;
	const float *shift = net->params + offset->shift;

	for (size_t j = 0; j < width; j++)
		factor[j] = gain[j] / sqrtf(var[j] + (float) NORM_EPSILON);
	for (int r = 0; r < n; r++)
		for (size_t j = 0; j < width; j++)
			y[r * width + j] = (y[r * width + j] - mean[j]) * factor[j] + shift[j];
}

static void
infer_layernorm(const Net *net, int i, float *y, int n)
{
	size_t		width = net->spec.layer[i].width;
	const float *gain = net->params + net->offset[i].gain;
	const float *shift = net->params + net->offset[i].shift;

	for (int r = 0; r < n; r++)
	{
		float	   *row = y + r * width;

		net_standardise_row(row, row, width);
		for (size_t j = 0; j < width; j++)
			row[j] = row[j] * gain[j] + shift[j];
	}
}

static void
infer_layer(const Net *net, int i, const float *x, int n, float *y, float *factor)
{
	const LayerSpec *layer = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	size_t		width = layer->width;

	vm_affine(y, x, net->params + offset->weight, offset->bias >= 0 ? net->params + offset->bias : NULL,
			  n, net_fan_in(net, i), width);
	if (layer->norm == NORM_BATCH)
		infer_batchnorm(net, i, y, n, factor);
	else if (layer->norm == NORM_LAYER)
		infer_layernorm(net, i, y, n);
	net_activate(layer->act, y, y, n * width);
	if (layer->residual)
		vm_axpy(y, 1, x, n * width);
}

/* At most INFER_ROWS rows. */
static void
infer_rows(const Net *net, const float *x, int n, float *out, float *scratch)
{
	int			n_layers = net->spec.n_layers;
	size_t		width_out = netspec_out(&net->spec);
	size_t		buffer = (size_t) n * widest_layer(net);
	const float *input = x;

	for (int i = 0; i < n_layers; i++)
	{
		float	   *y = i == n_layers - 1 ? out : scratch + (i % 2) * buffer;

		infer_layer(net, i, input, n, y, scratch + 2 * buffer);
		input = y;
	}
	if (n_layers == 0)
		memcpy(out, x, n * width_out * sizeof(float));
	if (net->spec.l2)
		for (int r = 0; r < n; r++)
			net_normalise_row(out + r * width_out, out + r * width_out, width_out);
}

void
net_infer(const Net *net, const float *x, int n, float *out, float *scratch)
{
	size_t		width_out = netspec_out(&net->spec);

	for (int r = 0; r < n; r += INFER_ROWS)
		infer_rows(net, x + (size_t) r * net->spec.in, n - r < INFER_ROWS ? n - r : INFER_ROWS,
				   out + r * width_out, scratch);
}

#endif							/* LEARN_DOUBLE */
