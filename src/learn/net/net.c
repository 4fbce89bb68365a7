/*
 * net.c
 *	  The network's parameters: one flat buffer, an offset table, first values.
 */
#include "net.h"

#include <math.h>
#include <string.h>

#include "net_tape.h"
#include "math/vmath.h"

/* Take n elements of a buffer that has *used so far. */
static int64_t
take(size_t *used, size_t n)
{
	int64_t		offset = *used;

	*used += n;
	return offset;
}

LearnStatus
net_create(LearnEnv *env, const NetSpec *spec, Net **net)
{
	Net		   *result;

	LEARN_ALLOC(env, result, 1);
	result->spec = *spec;
	result->n_params = 0;
	result->n_running = 0;
	for (int i = 0; i < spec->n_layers; i++)
	{
		const LayerSpec *layer = &spec->layer[i];
		LayerOffset *offset = &result->offset[i];
		size_t		width = layer->width;
		size_t	   *used = &result->n_params;

		*offset = (LayerOffset) {-1, -1, -1, -1, -1};
		offset->weight = take(used, width * net_fan_in(result, i));
		if (layer->norm != NORM_BATCH)
			offset->bias = take(used, width);
		if (layer->norm != NORM_NONE)
		{
			offset->gain = take(used, width);
			offset->shift = take(used, width);
		}
		if (layer->norm == NORM_BATCH)
			offset->running = take(&result->n_running, 2 * width);
	}
	LEARN_ALLOC(env, result->params, result->n_params);
	LEARN_ALLOC(env, result->running, result->n_running);
	*net = result;
	return LEARN_OK;
}

static void
fill(real *p, size_t n, real value)
{
	for (size_t i = 0; i < n; i++)
		p[i] = value;
}

/*
 * Weights are normal with variance 1 / (3 fan-in), as much as PyTorch's uniform ones of a linear
 * layer have, whatever follows; README.md says why it is not He's or Glorot's.
 */
void
net_init(Net *net, Rng *rng)
{
	for (int i = 0; i < net->spec.n_layers; i++)
	{
		const LayerSpec *layer = &net->spec.layer[i];
		const LayerOffset *offset = &net->offset[i];
		size_t		width = layer->width;
		int			fan_in = net_fan_in(net, i);
		double		sd = sqrt(1.0 / (3.0 * fan_in));
		real	   *weight = net->params + offset->weight;

		for (size_t j = 0; j < width * fan_in; j++)
			weight[j] = sd * rng_normal(rng);
		if (offset->bias >= 0)
			fill(net->params + offset->bias, width, 0);
		if (offset->gain >= 0)
		{
			fill(net->params + offset->gain, width, 1);
			fill(net->params + offset->shift, width, 0);
		}
		if (offset->running >= 0)
		{
			fill(net->running + offset->running, width, 0);
			fill(net->running + offset->running + width, width, 1);
		}
	}
}

/* A layer's parameters begin with its weights; the rest, up to the next layer, does not decay. */
size_t
net_decay_range(const Net *net, size_t begin, bool *decays)
{
	for (int i = 0; i < net->spec.n_layers; i++)
	{
		size_t		first = net->offset[i].weight;
		size_t		rest = first + (size_t) net->spec.layer[i].width * net_fan_in(net, i);
		size_t		next = i + 1 < net->spec.n_layers ? (size_t) net->offset[i + 1].weight : net->n_params;

		if (begin >= next)
			continue;
		*decays = begin < rest;
		return *decays ? rest : next;
	}
	*decays = false;
	return net->n_params;
}

bool
net_decays(const Net *net, size_t param)
{
	bool		decays;

	net_decay_range(net, param, &decays);
	return decays;
}

void
net_activate(Activation act, real *out, const real *pre, size_t n)
{
	switch (act)
	{
		case ACT_LINEAR:
			if (out != pre)
				memcpy(out, pre, n * sizeof(real));
			break;
		case ACT_RELU:
			vm_relu(out, pre, n);
			break;
		case ACT_GELU:
			vm_gelu(out, pre, n);
			break;
		case ACT_TANH:
			vm_tanh(out, pre, n);
			break;
	}
}

real
net_standardise_row(real *y, const real *x, size_t n)
{
	real		mean = vm_sum(x, n) / n;
	real		inv_sd;

	for (size_t i = 0; i < n; i++)
		y[i] = x[i] - mean;
	inv_sd = 1 / sqrt((double) vm_dot(y, y, n) / n + NORM_EPSILON);
	vm_scale(y, inv_sd, n);
	return inv_sd;
}

real
net_normalise_row(real *y, const real *x, size_t n)
{
	double		norm = sqrt(vm_sum_squares(x, n));

	if (norm <= SHORTEST_NORM)
	{
		memset(y, 0, n * sizeof(real));
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] / norm;
	return norm;
}
