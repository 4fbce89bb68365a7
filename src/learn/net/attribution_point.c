/*
 * attribution_point.c
 *	  A model and the gradient with respect to its input, in double precision.
 *
 * Numbers of the points lie beside each other: x[j * POINTS + p].  So each weight is read once for
 * all points, and the loops over p are vector operations.
 */
#include "attribution.h"

#include <math.h>
#include <string.h>

#include "net_tape.h"

#define POINTS	ATTRIBUTION_POINTS

/* One layer's activations, each (width, POINTS). */
typedef struct PointLayer
{
	double	   *normed;			/* layer norm: zero mean and unit variance */
	double	   *pre;			/* the activation's input */
	double	   *out;
	double		inv_sd[POINTS]; /* layer norm: 1 / standard deviation */
} PointLayer;

struct AttributionTape
{
	const Model *model;
	double	   *x;				/* (in, POINTS) */
	double	   *scaled;			/* (in, POINTS) after shift and scale */
	double	   *input;			/* (net's in, POINTS) */
	PointLayer	layer[NET_MAX_LAYERS];
	double	   *unit;			/* (out, POINTS) the embeddings */
	double		norm[POINTS];	/* their norms before; 0: a zero vector */
	double	   *grad;			/* (widest, POINTS) */
	double	   *grad_next;
};

LearnStatus
attribution_create(LearnEnv *env, const Model *model, AttributionTape **tape)
{
	const NetSpec *spec = &model->net->spec;
	size_t		in = model_in(model);
	size_t		widest = in > (size_t) spec->in ? in : (size_t) spec->in;
	AttributionTape *t;

	LEARN_ALLOC(env, t, 1);
	memset(t, 0, sizeof(*t));
	t->model = model;
	LEARN_ALLOC(env, t->x, in * POINTS);
	memset(t->x, 0, in * POINTS * sizeof(double));
	LEARN_ALLOC(env, t->scaled, in * POINTS);
	t->input = t->scaled;
	if (model->prep->proj != NULL)
		LEARN_ALLOC(env, t->input, (size_t) spec->in * POINTS);
	for (int i = 0; i < spec->n_layers; i++)
	{
		size_t		width = spec->layer[i].width;

		widest = width > widest ? width : widest;
		LEARN_ALLOC(env, t->layer[i].pre, width * POINTS);
		LEARN_ALLOC(env, t->layer[i].out, width * POINTS);
		if (spec->layer[i].norm == NORM_LAYER)
			LEARN_ALLOC(env, t->layer[i].normed, width * POINTS);
	}
	LEARN_ALLOC(env, t->unit, (size_t) netspec_out(spec) * POINTS);
	LEARN_ALLOC(env, t->grad, widest * POINTS);
	LEARN_ALLOC(env, t->grad_next, widest * POINTS);
	*tape = t;
	return LEARN_OK;
}

void
attribution_set(AttributionTape *tape, int p, const double *x)
{
	for (int j = 0; j < model_in(tape->model); j++)
		tape->x[(size_t) j * POINTS + p] = x[j];
}

double
attribution_output(const AttributionTape *tape, int p, int i)
{
	return tape->unit[(size_t) i * POINTS + p];
}

double
attribution_gradient(const AttributionTape *tape, int p, int j)
{
	return tape->grad[(size_t) j * POINTS + p];
}

/* ---------- matrices of floats ---------- */

/* y (rows) = W x + bias; W is (rows, cols); bias may be NULL. */
static LearnStatus
multiply(LearnEnv *env, const float *w, const float *bias, size_t rows, size_t cols, const double *x, double *y)
{
	for (size_t i = 0; i < rows; i++)
	{
		const float *wi = w + i * cols;
		double		sum[POINTS];

		LEARN_TRY(learn_poll(env));
		for (int p = 0; p < POINTS; p++)
			sum[p] = bias ? bias[i] : 0;
		for (size_t j = 0; j < cols; j++)
			for (int p = 0; p < POINTS; p++)
				sum[p] += wi[j] * x[j * POINTS + p];
		memcpy(y + i * POINTS, sum, sizeof(sum));
	}
	return LEARN_OK;
}

/* dx (cols) += W' d */
static LearnStatus
multiply_back(LearnEnv *env, const float *w, size_t rows, size_t cols, const double *d, double *dx)
{
	for (size_t i = 0; i < rows; i++)
	{
		const float *wi = w + i * cols;
		const double *di = d + i * POINTS;

		LEARN_TRY(learn_poll(env));
		for (size_t j = 0; j < cols; j++)
			for (int p = 0; p < POINTS; p++)
				dx[j * POINTS + p] += wi[j] * di[p];
	}
	return LEARN_OK;
}

/* ---------- the steps of a layer, forward and back ---------- */

/* The factor by which batch norm, with its running figures, multiplies column j. */
static double
batchnorm_factor(const Net *net, int i, size_t j)
{
	const LayerOffset *offset = &net->offset[i];
	double		var = net->running[offset->running + net->spec.layer[i].width + j];

	return net->params[offset->gain + j] / sqrt(var + NORM_EPSILON);
}

static void
batchnorm_points(const Net *net, int i, double *y)
{
	const LayerOffset *offset = &net->offset[i];

	for (size_t j = 0; j < (size_t) net->spec.layer[i].width; j++)
	{
		double		factor = batchnorm_factor(net, i, j);
		double		mean = net->running[offset->running + j];

		for (int p = 0; p < POINTS; p++)
			y[j * POINTS + p] = (y[j * POINTS + p] - mean) * factor + net->params[offset->shift + j];
	}
}

/* Over the width of the layer, point by point; pre is overwritten. */
static void
layernorm_points(const Net *net, int i, PointLayer *layer)
{
	size_t		width = net->spec.layer[i].width;
	const real *gain = net->params + net->offset[i].gain;
	const real *shift = net->params + net->offset[i].shift;

	for (int p = 0; p < POINTS; p++)
	{
		double		mean = 0;
		double		var = 0;

		for (size_t j = 0; j < width; j++)
			mean += layer->pre[j * POINTS + p] / width;
		for (size_t j = 0; j < width; j++)
			var += (layer->pre[j * POINTS + p] - mean) * (layer->pre[j * POINTS + p] - mean) / width;
		layer->inv_sd[p] = 1 / sqrt(var + NORM_EPSILON);
		for (size_t j = 0; j < width; j++)
		{
			layer->normed[j * POINTS + p] = (layer->pre[j * POINTS + p] - mean) * layer->inv_sd[p];
			layer->pre[j * POINTS + p] = layer->normed[j * POINTS + p] * gain[j] + shift[j];
		}
	}
}

/* d: of the normed values' output, then of the layer's product. */
static void
layernorm_points_back(const Net *net, int i, const PointLayer *layer, double *d)
{
	size_t		width = net->spec.layer[i].width;
	const real *gain = net->params + net->offset[i].gain;

	for (int p = 0; p < POINTS; p++)
	{
		double		mean = 0;
		double		mean_x = 0;

		for (size_t j = 0; j < width; j++)
		{
			d[j * POINTS + p] *= gain[j];
			mean += d[j * POINTS + p] / width;
			mean_x += d[j * POINTS + p] * layer->normed[j * POINTS + p] / width;
		}
		for (size_t j = 0; j < width; j++)
			d[j * POINTS + p] = (d[j * POINTS + p] - mean - layer->normed[j * POINTS + p] * mean_x) * layer->inv_sd[p];
	}
}

/* The normal distribution up to x. */
static double
normal_share(double x)
{
	return 0.5 * erfc(-x * M_SQRT1_2);
}

static double
activation(Activation act, double x)
{
	switch (act)
	{
		case ACT_LINEAR:
			return x;
		case ACT_RELU:
			return x < 0 ? 0 : x;
		case ACT_GELU:
			return x * normal_share(x);
		case ACT_TANH:
			return tanh(x);
	}
	return x;
}

static double
activation_slope(Activation act, double x)
{
	double		y;

	switch (act)
	{
		case ACT_LINEAR:
			return 1;
		case ACT_RELU:
			return x > 0;
		case ACT_GELU:
			return normal_share(x) + x * exp(-0.5 * x * x) * (0.5 * M_2_SQRTPI * M_SQRT1_2);
		case ACT_TANH:
			y = tanh(x);
			return 1 - y * y;
	}
	return 1;
}

static LearnStatus
layer_forward(LearnEnv *env, const Net *net, int i, const double *x, PointLayer *layer)
{
	const LayerSpec *spec = &net->spec.layer[i];
	const LayerOffset *offset = &net->offset[i];
	size_t		values = (size_t) spec->width * POINTS;

	LEARN_TRY(multiply(env, net->params + offset->weight, offset->bias >= 0 ? net->params + offset->bias : NULL,
					   spec->width, net_fan_in(net, i), x, layer->pre));
	if (spec->norm == NORM_BATCH)
		batchnorm_points(net, i, layer->pre);
	else if (spec->norm == NORM_LAYER)
		layernorm_points(net, i, layer);
	for (size_t k = 0; k < values; k++)
		layer->out[k] = activation(spec->act, layer->pre[k]) + (spec->residual ? x[k] : 0);
	return LEARN_OK;
}

/* d: the gradient of layer i's output, overwritten; dx: that of its input. */
static LearnStatus
layer_backward(LearnEnv *env, const Net *net, int i, const PointLayer *layer, double *d, double *dx)
{
	const LayerSpec *spec = &net->spec.layer[i];
	size_t		fan_in = net_fan_in(net, i);
	size_t		values = (size_t) spec->width * POINTS;

	if (spec->residual)
		memcpy(dx, d, values * sizeof(double));
	else
		memset(dx, 0, fan_in * POINTS * sizeof(double));
	for (size_t k = 0; k < values; k++)
		d[k] *= activation_slope(spec->act, layer->pre[k]);
	if (spec->norm == NORM_BATCH)
	{
		for (size_t j = 0; j < (size_t) spec->width; j++)
			for (int p = 0; p < POINTS; p++)
				d[j * POINTS + p] *= batchnorm_factor(net, i, j);
	}
	else if (spec->norm == NORM_LAYER)
		layernorm_points_back(net, i, layer, d);
	return multiply_back(env, net->params + net->offset[i].weight, spec->width, fan_in, d, dx);
}

/* ---------- the model ---------- */

static LearnStatus
prep_forward(LearnEnv *env, AttributionTape *tape)
{
	const Prep *prep = tape->model->prep;

	for (size_t j = 0; j < (size_t) prep->in; j++)
		for (int p = 0; p < POINTS; p++)
		{
			double		x = tape->x[j * POINTS + p];

			tape->scaled[j * POINTS + p] = prep->kind == PREP_NONE ? x : (x - prep->mean[j]) * prep->scale[j];
		}
	return prep->proj == NULL ? LEARN_OK :
		multiply(env, prep->proj, NULL, prep->out, prep->in, tape->scaled, tape->input);
}

/* unit and norm of the tape from z (out, POINTS). */
static void
finish_forward(AttributionTape *tape, const double *z)
{
	const NetSpec *spec = &tape->model->net->spec;
	size_t		out = netspec_out(spec);

	memcpy(tape->unit, z, out * POINTS * sizeof(double));
	if (!spec->l2)
		return;
	for (int p = 0; p < POINTS; p++)
	{
		double		square = 0;

		for (size_t i = 0; i < out; i++)
			square += z[i * POINTS + p] * z[i * POINTS + p];
		tape->norm[p] = sqrt(square) <= SHORTEST_NORM ? 0 : sqrt(square);
		for (size_t i = 0; i < out; i++)
			tape->unit[i * POINTS + p] = tape->norm[p] == 0 ? 0 : z[i * POINTS + p] / tape->norm[p];
	}
}

LearnStatus
attribution_forward(LearnEnv *env, AttributionTape *tape)
{
	const Net  *net = tape->model->net;
	const double *z = tape->input;

	LEARN_TRY(prep_forward(env, tape));
	for (int i = 0; i < net->spec.n_layers; i++)
	{
		LEARN_TRY(layer_forward(env, net, i, z, &tape->layer[i]));
		z = tape->layer[i].out;
	}
	finish_forward(tape, z);
	return LEARN_OK;
}

/* grad: of the last layer's output, from that of the embedding. */
static void
finish_backward(AttributionTape *tape, const double *direction)
{
	const NetSpec *spec = &tape->model->net->spec;
	size_t		out = netspec_out(spec);

	for (int p = 0; p < POINTS; p++)
	{
		double		dot = 0;

		for (size_t i = 0; i < out && spec->l2; i++)
			dot += direction[i] * tape->unit[i * POINTS + p];
		for (size_t i = 0; i < out; i++)
			tape->grad[i * POINTS + p] = !spec->l2 ? direction[i] :
				tape->norm[p] == 0 ? 0 : (direction[i] - dot * tape->unit[i * POINTS + p]) / tape->norm[p];
	}
}

static void
swap_gradients(AttributionTape *tape)
{
	double	   *swap = tape->grad;

	tape->grad = tape->grad_next;
	tape->grad_next = swap;
}

LearnStatus
attribution_backward(LearnEnv *env, AttributionTape *tape, const double *direction)
{
	const Net  *net = tape->model->net;
	const Prep *prep = tape->model->prep;

	finish_backward(tape, direction);
	for (int i = net->spec.n_layers - 1; i >= 0; i--)
	{
		LEARN_TRY(layer_backward(env, net, i, &tape->layer[i], tape->grad, tape->grad_next));
		swap_gradients(tape);
	}
	if (prep->proj != NULL)
	{
		memset(tape->grad_next, 0, (size_t) prep->in * POINTS * sizeof(double));
		LEARN_TRY(multiply_back(env, prep->proj, prep->out, prep->in, tape->grad, tape->grad_next));
		swap_gradients(tape);
	}
	for (size_t j = 0; j < (size_t) prep->in && prep->kind != PREP_NONE; j++)
		for (int p = 0; p < POINTS; p++)
			tape->grad[j * POINTS + p] *= prep->scale[j];
	return LEARN_OK;
}

LearnStatus
attribution_embed(LearnEnv *env, const Model *model, const double *x, double *out)
{
	AttributionTape *tape;

	LEARN_TRY(attribution_create(env, model, &tape));
	attribution_set(tape, 0, x);
	LEARN_TRY(attribution_forward(env, tape));
	for (int i = 0; i < model_out(model); i++)
		out[i] = attribution_output(tape, 0, i);
	return LEARN_OK;
}
