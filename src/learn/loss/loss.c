/*
 * loss.c
 *	  A loss on a batch: who is like whom, the block (loss_block.c), the miner, the loss itself
 *	  (the other files of that name), and back.
 */
#include <math.h>
#include <string.h>
#include <tgmath.h>

#include "loss_context.h"
#include "math/vmath.h"

/*
 * Ranking losses are the greediest: keys, two running sums and the weights of a row; and bins of a
 * histogram.
 */
size_t
loss_work(int rows, int cols)
{
	return 6 * (size_t) (rows > cols ? rows : cols) + 2048;
}

size_t
loss_index_work(int rows, int cols)
{
	return 2 * (size_t) (rows > cols ? rows : cols) + 1;
}

/*
 * Counting sort by class; within a class by row.
 */
void
loss_group(const int32_t *label, int n, int n_classes, int *member, int *start)
{
	memset(start, 0, ((size_t) n_classes + 1) * sizeof(int));
	for (int i = 0; i < n; i++)
		start[label[i] + 1]++;
	for (int y = 0; y < n_classes; y++)
		start[y + 1] += start[y];
	for (int i = 0; i < n; i++)
		member[start[label[i]]++] = i;

	/* Filling has moved each start to its class's end, which is the next one's start. */
	memmove(start + 1, start, n_classes * sizeof(int));
	start[0] = 0;
}

void
loss_relate(const int32_t *label, int rows, const int32_t *col_label, int cols, bool self, int8_t *relation)
{
	for (int i = 0; i < rows; i++)
	{
		int8_t	   *row = relation + (size_t) i * cols;

		for (int j = 0; j < cols; j++)
			row[j] = (col_label[j] == label[i]) ? RELATION_POSITIVE : RELATION_NEGATIVE;
		if (self)
			row[i] = RELATION_NONE;
	}
}

/* What S holds, by the loss and by the option distance. */
static LossInput
input_of(const Loss *loss, const LossParams *params)
{
	switch (params->distance)
	{
		case DISTANCE_COSINE:
			return loss_is_similarity(loss->input) ? LOSS_COSINE : LOSS_COSINE_DISTANCE;
		case DISTANCE_INNER:
			return LOSS_INNER;
		case DISTANCE_L2:
			return LOSS_DISTANCE;
		case DISTANCE_L2_SQUARED:
			return LOSS_SQUARED;
		case DISTANCE_SNR:
			return LOSS_SNR;
	}
	return loss->input;
}

/* Does the loss learn a proxy, or several, for each class? */
static bool
has_proxies(const Loss *loss)
{
	return loss->side == LOSS_PROXY || loss->side == LOSS_GRAPH;
}

/*
 * Allocate for batches of up to max_rows rows.
 */
LearnStatus
loss_context_create(LearnEnv *env, const Loss *loss, const LossParams *params,
					const LossShape *shape, LossContext **context)
{
	LossContext *c;
	bool		towers = loss->views && shape->max_cols > 0;
	int			max_rows;
	int			max_cols;
	size_t		cells;

	if (shape->max_rows < 1 || shape->dims < 1 || shape->n_classes < 1)
		return learn_fail(env, LEARN_INVALID,
						  "a loss needs at least one row, dimension and class, not %d, %d and %d",
						  shape->max_rows, shape->dims, shape->n_classes);
	LEARN_ALLOC(env, c, 1);
	memset(c, 0, sizeof(*c));
	c->env = env;
	c->loss = *loss;
	c->params = *params;
	c->shape = *shape;
	c->input = input_of(loss, params);
	if (towers)
		c->shape.n_classes = shape->max_rows;
	if (has_proxies(loss) && c->input != LOSS_COSINE)
		return learn_fail(env, LEARN_INVALID, "a loss against proxies takes cosine similarities");
	if (loss->side != LOSS_BATCH || loss->by_target || shape->max_cols > 0)
		c->params.memory = 0;
	if (loss->side == LOSS_PROXY)
		c->block.per_class = params->proxies > 0 ? params->proxies : 1;
	else if (loss->side == LOSS_GRAPH)
		c->block.per_class = 1;
	c->n_proxies = c->shape.n_classes * c->block.per_class;
	if (loss->scalars)
		c->n_scalars = loss->scalars(params, shape->n_classes, &c->scalar_start);

	max_rows = towers ? 2 * shape->max_rows : shape->max_rows + (loss->side == LOSS_GRAPH ? c->n_proxies : 0);
	max_cols = loss->side == LOSS_PROXY ? c->n_proxies : loss->side == LOSS_GRAPH || towers ? max_rows :
		shape->max_cols > 0 ? shape->max_cols : max_rows + c->params.memory;
	cells = (size_t) max_rows * max_cols;
	LEARN_ALLOC(env, c->block.work, loss_work(max_rows, max_cols));
	LEARN_ALLOC(env, c->block.index_work, loss_index_work(max_rows, max_cols));
	if (loss->scratch)
		LEARN_ALLOC(env, c->block.scratch, loss->scratch(max_rows, shape->dims));
	if (loss->side != LOSS_EMBEDDING)
	{
		LEARN_ALLOC(env, c->s, cells);
		LEARN_ALLOC(env, c->block.ds, cells);
		LEARN_ALLOC(env, c->z_norm, max_rows);
	}
	if (loss_copies(c))
	{
		LEARN_ALLOC(env, c->z, (size_t) max_rows * shape->dims);
		LEARN_ALLOC(env, c->mean, shape->dims);
	}
	if (loss->side == LOSS_GRAPH || towers)
	{
		LEARN_ALLOC(env, c->node, (size_t) max_rows * shape->dims);
		LEARN_ALLOC(env, c->dnode, (size_t) max_rows * shape->dims);
		LEARN_ALLOC(env, c->node_label, max_rows);
	}
	if (loss->side == LOSS_PROXY)
	{
		LEARN_ALLOC(env, c->proxy, (size_t) c->n_proxies * shape->dims);
		LEARN_ALLOC(env, c->proxy_norm, c->n_proxies);
		LEARN_ALLOC(env, c->block.dnorm, c->n_proxies);
		c->block.norm = c->proxy_norm;
		c->block.proxy = c->proxy;
		if (loss->by_proxy)
			LEARN_ALLOC(env, c->block.dproxy, (size_t) c->n_proxies * shape->dims);
	}
	else
	{
		LEARN_ALLOC(env, c->block.member, max_cols);
		LEARN_ALLOC(env, c->block.start, (size_t) c->shape.n_classes + 1);
	}
	if (loss->side == LOSS_BATCH)
	{
		LEARN_ALLOC(env, c->relation, cells);
		LEARN_ALLOC(env, c->block.positive, max_cols);
		LEARN_ALLOC(env, c->col_label, max_cols);
	}
	if (shape->max_cols > 0 && loss->side == LOSS_BATCH)
	{
		LEARN_ALLOC(env, c->other_norm, shape->max_cols);
		if (loss_copies(c))
			LEARN_ALLOC(env, c->other, (size_t) shape->max_cols * shape->dims);
	}
	if (c->params.memory > 0)
	{
		LEARN_ALLOC(env, c->memory, (size_t) c->params.memory * shape->dims);
		LEARN_ALLOC(env, c->memory_square, c->params.memory);
		LEARN_ALLOC(env, c->memory_label, c->params.memory);
		LEARN_ALLOC(env, c->memory_id, c->params.memory);
	}
	if (loss->states)
	{
		c->block.state = arena_alloc_zero(env->arena, loss->states(params, shape->n_classes, shape->dims), sizeof(real));
		if (c->block.state == NULL)
			return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for the state of a loss");
	}
	rng_seed(&c->rng, shape->seed, 6);
	c->block.side = loss->side;
	c->block.input = c->input;
	c->block.n_classes = c->shape.n_classes;
	c->block.dims = shape->dims;
	c->block.s = c->block.held = c->s;
	c->block.relation = c->relation;
	c->block.env = env;
	c->block.learning = true;
	*context = c;
	return LEARN_OK;
}

size_t
loss_learned(const LossContext *context)
{
	return (size_t) context->n_proxies * context->shape.dims + context->n_scalars;
}

void
loss_start(const LossContext *context, Rng *rng, real *learned)
{
	size_t		n = (size_t) context->n_proxies * context->shape.dims;

	for (size_t i = 0; i < n; i++)
		learned[i] = (real) (rng_normal(rng) / sqrt((double) context->shape.dims));
	for (int i = 0; i < context->n_scalars; i++)
		learned[n + i] = (real) context->scalar_start;
}

void
loss_remember(LossContext *context)
{
	context->remembering = context->params.memory > 0;
}

void
loss_learning(LossContext *context, bool learning)
{
	context->block.learning = learning;
}

/* Who is like whom in the batch.  False when a label is out of range. */
static bool
relate(LossContext *c, const LossBatch *batch)
{
	LossBlock  *block = &c->block;
	int			rows = batch->rows;
	const int32_t *col_label = batch->other ? batch->other_label : batch->label;

	if (batch->label == NULL)
	{
		if (c->loss.by_class || has_proxies(&c->loss) || (batch->relation == NULL && c->loss.side == LOSS_BATCH))
			return false;
	}
	else
		for (int i = 0; i < rows; i++)
			if (batch->label[i] < 0 || batch->label[i] >= c->shape.n_classes)
				return false;
	if (batch->other && batch->relation == NULL && batch->other_label == NULL)
		return false;
	block->label = batch->label;
	block->col_label = NULL;
	if (has_proxies(&c->loss))
		return true;

	if (col_label)
	{
		if (c->loss.side == LOSS_BATCH)
		{
			memcpy(c->col_label, col_label, sizeof(int32_t) * (batch->other ? batch->cols : rows));
			if (batch->other == NULL && c->stored > 0)
				memcpy(c->col_label + rows, c->memory_label, sizeof(int32_t) * c->stored);
			col_label = c->col_label;
			for (int j = 0; j < block->cols; j++)
				if (col_label[j] < 0 || col_label[j] >= c->shape.n_classes)
					return false;
		}
		block->col_label = col_label;
		loss_group(col_label, block->cols, c->shape.n_classes, block->member, block->start);
	}
	if (c->loss.side == LOSS_EMBEDDING)
		return true;

	if (batch->relation)
		memcpy(c->relation, batch->relation, (size_t) rows * block->cols);
	else
		loss_relate(batch->label, rows, col_label, block->cols, batch->other == NULL, c->relation);
	if (batch->other == NULL && c->stored > 0 && batch->id)
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < c->stored; j++)
				if (c->memory_id[j] == batch->id[i])
					c->relation[(size_t) i * block->cols + rows + j] = RELATION_NONE;
	return true;
}

/* Put the batch into the ring of remembered rows. */
static void
remember(LossContext *c, const LossBatch *batch, const real *u)
{
	int			dims = c->shape.dims;

	for (int i = 0; i < batch->rows; i++)
	{
		real	   *row = c->memory + (size_t) c->next * dims;

		memcpy(row, u + (size_t) i * dims, dims * sizeof(real));
		c->memory_square[c->next] = vm_dot(row, row, dims);
		c->memory_label[c->next] = batch->label[i];
		c->memory_id[c->next] = batch->id ? batch->id[i] : -1;
		c->next = (c->next + 1) % c->params.memory;
		if (c->stored < c->params.memory)
			c->stored++;
	}
}

/* LOSS_GRAPH: a batch of all nodes, without their labels.  Views of two towers: a batch of both. */
static LossBatch
batch_of_nodes(LossContext *c, const LossBatch *batch, const real *proxies)
{
	size_t		n_z = (size_t) batch->rows * c->shape.dims;
	bool		graph = c->loss.side == LOSS_GRAPH;
	int			behind = graph ? c->n_proxies : batch->cols;
	LossBatch	nodes = {.z = c->node, .rows = batch->rows + behind, .dz = c->dnode};

	memcpy(c->node, batch->z, n_z * sizeof(real));
	memcpy(c->node + n_z, graph ? proxies : batch->other, (size_t) behind * c->shape.dims * sizeof(real));
	for (int i = 0; i < nodes.rows && !graph; i++)
		c->node_label[i] = i % batch->rows;
	nodes.label = graph ? NULL : c->node_label;
	return nodes;
}

/*
 * From embeddings to the value and the gradients.  NaN, with gradients half done, as loss_evaluate
 * says.
 */
static real
evaluate_block(LossContext *c, const LossBatch *batch, const real *learned, real *dlearned)
{
	LossBlock  *block = &c->block;
	size_t		n_z = (size_t) batch->rows * c->shape.dims;
	size_t		n_other = batch->other ? (size_t) batch->cols * c->shape.dims : 0;
	bool		graph = c->loss.side == LOSS_GRAPH;
	bool		towers = c->loss.views && batch->other;
	LossBatch	seen = *batch;
	const real *u = NULL;
	const real *other = NULL;
	real		value;

	if ((towers && batch->cols != batch->rows) || (c->loss.by_target && (batch->target == NULL || batch->other)))
		return NAN;
	if (graph || towers)
		seen = batch_of_nodes(c, batch, learned);
	block->rows = seen.rows;
	block->cols = c->loss.side == LOSS_PROXY ? c->n_proxies : c->loss.side != LOSS_BATCH ? seen.rows :
		batch->other ? batch->cols : batch->rows + c->stored;
	block->square = batch->other == NULL;
	block->z = seen.z;
	block->dz = seen.dz;
	block->target = seen.target;
	if (!relate(c, graph ? batch : &seen))
		return NAN;
	if (c->loss.side == LOSS_EMBEDDING)
	{
		if (!isfinite(vm_dot(seen.z, seen.z, (size_t) seen.rows * c->shape.dims)))
			return NAN;
	}
	else if ((u = loss_form(c, &seen, learned, &other)) == NULL)
		return NAN;
	if (c->loss.side == LOSS_BATCH && !loss_mine(&c->params, block, c->relation, &c->rng))
		return NAN;
	value = c->loss.function(&c->params, block);
	if (isnan(value) || !loss_take_back(c, &seen, u, other, dlearned))
		return NAN;
	if (graph || towers)
		memcpy(batch->dz, c->dnode, n_z * sizeof(real));
	if (graph)
		memcpy(dlearned, c->dnode + n_z, (size_t) c->n_proxies * c->shape.dims * sizeof(real));
	else if (towers)
		memcpy(batch->dother, c->dnode + n_z, n_other * sizeof(real));
	else if (c->loss.side == LOSS_EMBEDDING && batch->other)
		memset(batch->dother, 0, n_other * sizeof(real));	/* it has looked at one tower alone */
	if (c->remembering && block->learning && batch->label && batch->other == NULL)
		remember(c, batch, u);
	return value;
}

/*
 * See loss.h.
 */
real
loss_evaluate(LossContext *context, const LossBatch *batch, const real *learned, real *dlearned)
{
	LossContext *c = context;
	LossBlock  *block = &c->block;
	size_t		n_proxy = (size_t) c->n_proxies * c->shape.dims;
	bool		usable = true;
	real		value = NAN;

	block->scalar = c->n_scalars > 0 ? learned + n_proxy : NULL;
	block->dscalar = c->n_scalars > 0 ? dlearned + n_proxy : NULL;
	for (int i = 0; i < c->n_scalars; i++)
	{
		usable = usable && isfinite(block->scalar[i]);
		block->dscalar[i] = 0;
	}
	if (c->loss.side == LOSS_PROXY)
		memset(block->dnorm, 0, c->n_proxies * sizeof(real));
	if (c->loss.by_proxy)
		memset(block->dproxy, 0, n_proxy * sizeof(real));
	if (usable)
		value = evaluate_block(c, batch, learned, dlearned);
	if (isnan(value))
	{
		memset(batch->dz, 0, (size_t) batch->rows * c->shape.dims * sizeof(real));
		if (batch->other)
			memset(batch->dother, 0, (size_t) batch->cols * c->shape.dims * sizeof(real));
		if (loss_learned(c) > 0)
			memset(dlearned, 0, loss_learned(c) * sizeof(real));
	}
	return value;
}
