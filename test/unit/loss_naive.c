/*
 * loss_naive.c
 *	  See loss_naive.h.
 */
#include "loss_naive.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "learn/blas.h"
#include "learn/options.h"

static LossCase cases[] = {
	{"contrastive", "contrastive", "pos_margin=0 neg_margin=1"},
	{"contrastive, both margins", "contrastive", "pos_margin=0.6 neg_margin=1.7"},
	{"triplet, all", "triplet", "margin=0.05 miner=all"},
	{"triplet, all, wide", "triplet", "margin=0.7 miner=all"},
	{"triplet, all, no margin", "triplet", "margin=0 miner=all"},
	{"triplet, hard", "triplet", "margin=0.2 miner=hard"},
	{"triplet, semi-hard", "triplet", "margin=0.05 miner=semihard"},
	{"triplet, semi-hard, wide", "triplet", "margin=0.7 miner=semihard"},
	{"triplet, swap", "triplet", "margin=0.3 swap=true"},
	{"triplet, smooth, hard", "triplet", "margin=0.3 smooth=true miner=hard"},
	{"triplet, smooth, swap, of cosines", "triplet", "margin=0.3 smooth=true swap=true distance=cosine"},
	{"triplet, easy", "triplet", "margin=1.2 miner=easy"},
	{"triplet, easy positives", "triplet", "margin=0.2 miner=easy_positive"},
	{"triplet, angular", "triplet", "margin=0.4 miner=angular mine_angle=30"},
	{"triplet, of squares", "triplet", "margin=0.4 distance=l2_squared"},
	{"triplet, of noise to signal", "triplet", "margin=0.4 distance=snr"},
	{"contrastive, pair margin", "contrastive", "neg_margin=1.7 miner=pair_margin mine_near=0.5 mine_far=1.2"},
	{"contrastive, of cosines", "contrastive", "pos_margin=0.1 neg_margin=1.2 distance=cosine"},
	{"contrastive, multi-similarity", "contrastive", "neg_margin=1.7 miner=multi_similarity epsilon=0.2"},
	{"contrastive, semi-hard", "contrastive", "neg_margin=1.7 miner=semihard mine_margin=0.4"},
	{"multi_similarity", "multi_similarity", "alpha=2 beta=50 base=0.5 epsilon=0.1"},
	{"multi_similarity, all pairs", "multi_similarity", "alpha=3 beta=10 base=0.3 miner=all"},
	{"ntxent", "ntxent", "temperature=0.07"},
	{"ntxent, warm", "ntxent", "temperature=0.5"},
	{"supcon", "supcon", "temperature=0.1"},
	{"supcon, hard", "supcon", "miner=hard"},
	{"supcon, of inner products", "supcon", "temperature=0.5 distance=inner"},
	{"supcon, warm", "supcon", "temperature=0.5"},
	{"nca", "nca", "scale=1"},
	{"nca, sharp", "nca", "scale=9"},
	{"proxy_nca", "proxy_nca", "scale=1"},
	{"proxy_nca, sharp", "proxy_nca", "scale=9"},
	{"proxy_anchor", "proxy_anchor", "margin=0.1 alpha=32"},
	{"proxy_anchor, soft", "proxy_anchor", "margin=0.1 alpha=4"},
	{"normalized_softmax", "normalized_softmax", "temperature=0.05"},
	{"cosface", "cosface", "margin=0.35 scale=64"},
	{"cosface, soft", "cosface", "margin=0.2 scale=8"},
	{"arcface", "arcface", "margin=0.5 scale=64"},
	{"arcface, wide", "arcface", "margin=1.6 scale=8"},
};

LossParams
loss_options(const char *method, const char *text)
{
	LearnEnv	env = {0};
	TrainOptions options;
	char		name[64];
	char		value[64];
	int			length;

	options_init(&options);
	assert_int_equal(options_set_method(&env, &options, method, NULL), LEARN_OK);
	while (sscanf(text, " %63[^=]=%63s%n", name, value, &length) == 2)
	{
		char	   *end;
		double		number = strtod(value, &end);
		LearnStatus status;

		if (*end == '\0')
			status = options_set_number(&env, &options, name, number);
		else if (strcmp(value, "true") == 0)
			status = options_set_bool(&env, &options, name, true);
		else
			status = options_set_text(&env, &options, name, value);
		if (status != LEARN_OK || options_check(&env, &options) != LEARN_OK)
			fail_msg("%s, %s: %s", method, text, env.message);
		text += length;
	}
	return options_loss(&options, 0);
}

const LossCase *
loss_case(int i)
{
	static bool filled;

	for (int k = 0; !filled && k < (int) (sizeof(cases) / sizeof(cases[0])); k++)
		cases[k].params = loss_options(cases[k].method, cases[k].options);
	filled = true;
	return i < (int) (sizeof(cases) / sizeof(cases[0])) ? &cases[i] : NULL;
}

/* What the naive formulas are written with. */
typedef struct Naive
{
	const LossParams *p;
	const LossBlock *b;
	const int32_t *label;
	int			rows;
	int			cols;
} Naive;

static double
at(const Naive *n, int i, int j)
{
	return n->b->s[(size_t) i * n->cols + j];
}

static bool
positive(const Naive *n, int i, int j)
{
	return n->b->relation[(size_t) i * n->cols + j] > 0;
}

static bool
negative(const Naive *n, int i, int j)
{
	return n->b->relation[(size_t) i * n->cols + j] < 0;
}

static double
mean(double sum, double count)
{
	return count > 0 ? sum / count : 0;
}

static double
naive_contrastive(const Naive *n)
{
	double		pos = 0,
				neg = 0,
				pos_count = 0,
				neg_count = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->cols; j++)
		{
			double		above = at(n, i, j) - n->p->pos_margin;
			double		below = n->p->neg_margin - at(n, i, j);

			if (positive(n, i, j) && above > 0)
				pos += above, pos_count++;
			if (negative(n, i, j) && below > 0)
				neg += below, neg_count++;
		}
	return mean(pos, pos_count) + mean(neg, neg_count);
}

/* With swap or smooth an anchor has one positive: the first behind it, going round. */
static int
single_positive(const Naive *n, int a)
{
	for (int k = 1; k < n->cols; k++)
		if (positive(n, a, (a + k) % n->cols))
			return (a + k) % n->cols;
	return -1;
}

static double
naive_triplet(const Naive *n)
{
	double		sum = 0,
				count = 0,
				m = n->p->margin;
	bool		single = n->p->swap || n->p->smooth;

	for (int a = 0; a < n->rows; a++)
		for (int p = 0; p < n->cols; p++)
			for (int q = 0; q < n->cols; q++)
			{
				double		d_ap = at(n, a, p);
				double		d_an = at(n, a, q);
				double		loss;

				if (!positive(n, a, p) || !negative(n, a, q))
					continue;
				if (n->p->miner == MINE_SEMIHARD && d_an <= d_ap)
					continue;
				if (single && p != single_positive(n, a))
					continue;
				if (n->p->swap && at(n, p, q) < d_an)
					d_an = at(n, p, q);
				loss = d_ap - d_an + m;
				if (n->p->smooth)
					loss = log(1 + exp(loss));
				if (loss > 0)
					sum += loss, count++;
			}
	return mean(sum, count);
}

static double
naive_multi_similarity(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		pull = 0,
					push = 0;

		for (int j = 0; j < n->cols; j++)
		{
			if (positive(n, i, j))
				pull += exp(-n->p->alpha * (at(n, i, j) - n->p->base));
			if (negative(n, i, j))
				push += exp(n->p->beta * (at(n, i, j) - n->p->base));
		}
		sum += log(1 + pull) / n->p->alpha + log(1 + push) / n->p->beta;
	}
	return sum / n->rows;
}

static double
naive_ntxent(const Naive *n)
{
	double		sum = 0,
				count = 0,
				t = n->p->temperature;

	for (int a = 0; a < n->rows; a++)
		for (int p = 0; p < n->cols; p++)
		{
			double		others = 0;

			if (!positive(n, a, p))
				continue;
			for (int q = 0; q < n->cols; q++)
				if (negative(n, a, q))
					others += exp(at(n, a, q) / t);
			if (others == 0)
				continue;
			sum -= log(exp(at(n, a, p) / t) / (exp(at(n, a, p) / t) + others));
			count++;
		}
	return mean(sum, count);
}

static double
naive_supcon(const Naive *n)
{
	double		sum = 0,
				count = 0,
				t = n->p->temperature;

	for (int i = 0; i < n->rows; i++)
	{
		double		all = 0,
					terms = 0,
					positives = 0;

		for (int j = 0; j < n->cols; j++)
			if (positive(n, i, j) || negative(n, i, j))
				all += exp(at(n, i, j) / t);
		for (int j = 0; j < n->cols; j++)
			if (positive(n, i, j))
				terms -= log(exp(at(n, i, j) / t) / all), positives++;
		if (positives > 0)
			sum += terms / positives, count++;
	}
	return mean(sum, count);
}

static double
naive_nca(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		all = 0,
					same = 0;

		for (int j = 0; j < n->cols; j++)
		{
			if (positive(n, i, j) || negative(n, i, j))
				all += exp(-n->p->scale * at(n, i, j));
			if (positive(n, i, j))
				same += exp(-n->p->scale * at(n, i, j));
		}
		if (same > 0)
			sum -= log(same / all), count++;
	}
	return mean(sum, count);
}

/* The four softmaxes over proxies differ in a row's logits. */
static double
naive_logit(const Naive *n, const char *method, int i, int c)
{
	double		s = at(n, i, c);
	bool		own = n->label[i] == c;

	if (strcmp(method, "proxy_nca") == 0)
		return -n->p->scale * (2 - 2 * s);	/* of unit vectors, the squared distance */
	if (strcmp(method, "normalized_softmax") == 0)
		return s / n->p->temperature;
	if (strcmp(method, "cosface") == 0)
		return n->p->scale * (own ? s - n->p->margin : s);
	if (own)
	{
		double		theta = acos(fmin(fmax(s, -1), 1));

		s = (theta + n->p->margin <= acos(-1)) ? cos(theta + n->p->margin) : s - n->p->margin * sin(n->p->margin);
	}
	return n->p->scale * s;
}

static double
naive_softmax(const Naive *n, const char *method)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		own = naive_logit(n, method, i, n->label[i]);
		double		all = 0;

		for (int c = 0; c < n->cols; c++)
			all += exp(naive_logit(n, method, i, c) - own);
		sum += log(all);
	}
	return sum / n->rows;
}

static double
naive_proxy_anchor(const Naive *n)
{
	double		pull_sum = 0,
				push_sum = 0,
				present = 0;

	for (int c = 0; c < n->cols; c++)
	{
		double		pull = 0,
					push = 0;

		for (int i = 0; i < n->rows; i++)
		{
			if (n->label[i] == c)
				pull += exp(-n->p->alpha * (at(n, i, c) - n->p->margin));
			else
				push += exp(n->p->alpha * (at(n, i, c) + n->p->margin));
		}
		pull_sum += log(1 + pull);
		push_sum += log(1 + push);
		present += pull > 0;
	}
	return pull_sum / present + push_sum / n->cols;
}

/* The squared distance of two vectors that S stands for, cosines being of unit vectors. */
static double
naive_square(LossInput input, double s)
{
	if (loss_is_similarity(input))
		return fmax(2 - 2 * s, 0);
	return input == LOSS_COSINE_DISTANCE ? 2 * s : input == LOSS_DISTANCE ? s * s : s;
}

/* Is pair (i, j), with j of the wanted kind, kept by the miner?  d: near is small. */
static bool
naive_kept(const Naive *n, int i, int j)
{
	LossInput	input = n->b->input;
	double		sign = loss_is_similarity(input) ? -1 : 1;
	double		d = sign * at(n, i, j);
	double		pos_near = INFINITY,
				pos_far = -INFINITY,
				neg_near = INFINITY,
				neg_far = -INFINITY,
				behind = INFINITY;	/* nearest negative behind the nearest positive */
	double		margin = n->p->mine_margin > 0 ? n->p->mine_margin : n->p->margin;
	bool		first_pos_far = true,
				first_pos_near = true,
				first_neg_near = true,
				first_neg_far = true;
	bool		semihard = false;
	int			farthest = -1;

	for (int k = 0; k < n->cols; k++)
	{
		double		x = sign * at(n, i, k);

		if (naive_square(input, at(n, i, k)) < 1e-6)
			continue;
		if (positive(n, i, k))
		{
			farthest = x > pos_far ? k : farthest;
			pos_near = fmin(pos_near, x), pos_far = fmax(pos_far, x);
			first_pos_far = first_pos_far && !(k < j && x >= d);
			first_pos_near = first_pos_near && !(k < j && x <= d);
			semihard = semihard || (negative(n, i, j) && x < d && d < x + margin);
		}
		if (negative(n, i, k))
		{
			neg_near = fmin(neg_near, x), neg_far = fmax(neg_far, x);
			first_neg_near = first_neg_near && !(k < j && x <= d);
			first_neg_far = first_neg_far && !(k < j && x >= d);
			semihard = semihard || (positive(n, i, j) && d < x && x < d + margin);
		}
	}
	for (int k = 0; k < n->cols; k++)
		if (negative(n, i, k) && sign * at(n, i, k) > pos_near && naive_square(input, at(n, i, k)) >= 1e-6)
			behind = fmin(behind, sign * at(n, i, k));
	if (naive_square(input, at(n, i, j)) < 1e-6)
		return false;
	if (n->p->miner == MINE_PAIR_MARGIN)
	{
		double		x = loss_is_similarity(input) ? 1 - at(n, i, j) : at(n, i, j);

		return positive(n, i, j) ? x > n->p->mine_near : x < n->p->mine_far;
	}
	if (n->p->miner == MINE_SEMIHARD)
		return semihard;
	if (pos_near == INFINITY || neg_near == INFINITY)
		return false;
	switch (n->p->miner)
	{
		case MINE_HARD:
			return positive(n, i, j) ? d == pos_far && first_pos_far : d == neg_near && first_neg_near;
		case MINE_EASY:
			return positive(n, i, j) ? d == pos_near && first_pos_near : d == neg_far && first_neg_far;
		case MINE_EASY_POSITIVE:
			if (behind == INFINITY)
				return false;
			return positive(n, i, j) ? d == pos_near && first_pos_near : d == behind;
		case MINE_MULTI_SIMILARITY:
			return positive(n, i, j) ? d > neg_near - n->p->epsilon : d < pos_far + n->p->epsilon;
		case MINE_ANGULAR:
			for (int k = 0; k < n->cols; k++)
			{
				double		c2 = (naive_square(input, at(n, i, k)) + naive_square(input, at(n, farthest, k))) / 2 -
					naive_square(input, at(n, i, farthest)) / 4;
				double		tangent = sqrt(naive_square(input, at(n, i, farthest))) / (2 * sqrt(fmax(c2, 0)));

				if (!negative(n, i, k) || naive_square(input, at(n, i, k)) < 1e-6)
					continue;
				if (tangent > tan(n->p->mine_angle * acos(-1) / 180) && (positive(n, i, j) || k == j))
					return true;
			}
			return false;
		default:
			return true;
	}
}

bool
naive_mine(const LossCase *c, const LossBlock *block, int8_t *relation)
{
	Naive		n = {&c->params, block, block->label, block->rows, block->cols};

	memcpy(relation, block->relation, (size_t) n.rows * n.cols);
	if (c->params.miner == MINE_DISTANCE_WEIGHTED)
		return false;
	for (int i = 0; i < n.rows && c->params.miner != MINE_ALL; i++)
		for (int j = 0; j < n.cols; j++)
			if (relation[(size_t) i * n.cols + j] != 0 && !naive_kept(&n, i, j))
				relation[(size_t) i * n.cols + j] = 0;
	return true;
}

double
naive_loss(const LossCase *c, const LossBlock *block)
{
	static const struct
	{
		const char *method;
		double		(*value) (const Naive *n);
	}			table[] = {
		{"contrastive", naive_contrastive},
		{"triplet", naive_triplet},
		{"multi_similarity", naive_multi_similarity},
		{"ntxent", naive_ntxent},
		{"supcon", naive_supcon},
		{"nca", naive_nca},
		{"proxy_anchor", naive_proxy_anchor},
	};
	Naive		n = {&c->params, block, block->label, block->rows, block->cols};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(c->method, table[i].method) == 0)
			return table[i].value(&n);
	return naive_softmax(&n, c->method);
}

LossInput
naive_input(const LossCase *c)
{
	bool		similarity = loss_is_similarity(method_by_name(c->method)->loss.input);
	const LossInput inputs[] = {similarity ? LOSS_COSINE : LOSS_COSINE_DISTANCE, LOSS_INNER, LOSS_DISTANCE, LOSS_SQUARED, LOSS_SNR};

	return c->params.distance >= 0 ? inputs[c->params.distance] : method_by_name(c->method)->loss.input;
}

static double
variance(const real *a, const real *b, int dims)
{
	double		sum = 0,
				square = 0;

	for (int k = 0; k < dims; k++)
		sum += a[k] - (b ? b[k] : 0);
	for (int k = 0; k < dims; k++)
		square += pow(a[k] - (b ? b[k] : 0) - sum / dims, 2);
	return square;
}

/* unit: vectors are not normalised for a cosine.  Of a zero vector it is 0. */
double
naive_similarity(const real *a, const real *b, int dims, LossInput input, bool unit)
{
	double		ab = 0,
				aa = 0,
				bb = 0,
				square = 0;

	for (int k = 0; k < dims; k++)
	{
		ab += (double) a[k] * b[k];
		aa += (double) a[k] * a[k];
		bb += (double) b[k] * b[k];
		square += ((double) a[k] - b[k]) * ((double) a[k] - b[k]);
	}
	if (input == LOSS_SNR)
		return variance(a, NULL, dims) > 1e-24 ? variance(a, b, dims) / variance(a, NULL, dims) : 0;
	if (input == LOSS_DISTANCE || input == LOSS_SQUARED)
		return input == LOSS_DISTANCE ? sqrt(square) : square;
	if (input != LOSS_INNER && !unit)
		ab = aa > 0 && bb > 0 ? ab / sqrt(aa) / sqrt(bb) : 0;
	return input == LOSS_COSINE_DISTANCE ? 1 - ab : ab;
}

/* Relations by label, members, and room for the rest of a block. */
LossBlock
fixture_block(LearnEnv *env, const LossCase *c, int rows, int n_classes, int dims, const int32_t *label)
{
	const Loss *loss = &method_by_name(c->method)->loss;
	LossBlock	block = {.side = loss->side, .rows = rows, .n_classes = n_classes, .dims = dims, .label = label};
	size_t		cells;
	double		start;
	int			scalars = loss->scalars ? loss->scalars(&c->params, n_classes, &start) : 0;
	size_t		states = loss->states ? loss->states(&c->params, n_classes, dims) : 0;

	block.input = naive_input(c);
	block.per_class = c->params.proxies > 0 ? c->params.proxies : 1;
	block.cols = (loss->side == LOSS_PROXY) ? n_classes * block.per_class : rows;
	block.square = loss->side == LOSS_BATCH;
	cells = (size_t) rows * block.cols;
	block.s = block.held = arena_alloc_zero(env->arena, cells, sizeof(real));
	block.ds = arena_alloc(env->arena, cells, sizeof(real));
	block.work = arena_alloc(env->arena, loss_work(rows, block.cols), sizeof(real));
	block.index_work = arena_alloc(env->arena, loss_index_work(rows, block.cols), sizeof(int));
	block.relation = arena_alloc(env->arena, cells, sizeof(int8_t));
	block.col_label = label;
	block.member = arena_alloc(env->arena, rows, sizeof(int));
	block.start = arena_alloc(env->arena, n_classes + 1, sizeof(int));
	block.positive = arena_alloc(env->arena, block.cols, sizeof(int));
	block.norm = arena_alloc_zero(env->arena, block.cols, sizeof(real));
	block.dnorm = arena_alloc_zero(env->arena, block.cols, sizeof(real));
	block.z = arena_alloc_zero(env->arena, (size_t) rows * dims, sizeof(real));
	block.dz = arena_alloc(env->arena, (size_t) rows * dims, sizeof(real));
	block.scalar = scalars > 0 ? arena_alloc_zero(env->arena, scalars, sizeof(real)) : NULL;
	block.dscalar = scalars > 0 ? arena_alloc_zero(env->arena, scalars, sizeof(real)) : NULL;
	block.state = states > 0 ? arena_alloc_zero(env->arena, states, sizeof(real)) : NULL;
	block.learning = true;
	for (int k = 0; k < scalars; k++)
		((real *) block.scalar)[k] = start;
	loss_group(label, rows, n_classes, block.member, block.start);
	if (block.square)
		loss_relate(label, rows, label, rows, true, (int8_t *) block.relation);

	/* what a loss does not write must show */
	for (size_t k = 0; k < cells; k++)
		block.ds[k] = NAN;
	for (size_t k = 0; k < (size_t) rows * dims; k++)
		block.dz[k] = NAN;
	return block;
}

static void *
hook_alloc(void *ctx, size_t bytes)
{
	return malloc(bytes);
}

static void
hook_release(void *ctx, void *chunk)
{
	free(chunk);
}

static bool
never_cancelled(void *ctx)
{
	return false;
}

static double
hook_now(void *ctx)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void
fixture_arena(LearnEnv *env, Arena *arena)
{
	memset(env, 0, sizeof(*env));
	arena_init(arena, (ArenaHooks) {hook_alloc, hook_release, NULL}, 0);
	env->arena = arena;
	env->cancelled = never_cancelled;
	env->now = hook_now;
	env->threads = 1;
}

double
naive_loss_of(const LossCase *c, bool unit, const real *z, const int32_t *label, int rows, int dims,
			  const real *learned, int n_classes)
{
	LearnEnv	env;
	Arena		arena;
	LossBlock	block;
	real	   *s;
	double		value;
	const real *columns;
	int8_t	   *mined;

	fixture_arena(&env, &arena);
	block = fixture_block(&env, c, rows, n_classes, dims, label);
	columns = block.side == LOSS_PROXY ? learned : z;
	s = (real *) block.s;
	memcpy((real *) block.z, z, sizeof(real) * rows * dims);
	for (int i = 0; i < rows && block.side != LOSS_EMBEDDING; i++)
		for (int j = 0; j < block.cols; j++)
		{
			/* proxies are normalised in any case */
			double		ab = naive_similarity(z + (size_t) i * dims, columns + (size_t) j * dims, dims, block.input,
											  unit && block.side == LOSS_BATCH);

			if (unit && block.side == LOSS_PROXY)
				ab *= sqrt(naive_similarity(z + (size_t) i * dims, z + (size_t) i * dims, dims, LOSS_INNER, true));
			s[(size_t) i * block.cols + j] = ab;
		}
	for (int j = 0; j < block.cols && block.side == LOSS_PROXY; j++)
		((real *) block.norm)[j] = sqrt(naive_similarity(columns + (size_t) j * dims, columns + (size_t) j * dims, dims, LOSS_INNER, true));
	if (block.scalar)
		block.scalar = learned + (block.side == LOSS_PROXY ? (size_t) block.cols * dims : 0);
	mined = arena_alloc(env.arena, (size_t) rows * block.cols, sizeof(int8_t));
	if (block.side == LOSS_BATCH && naive_mine(c, &block, mined))
		block.relation = mined;
	value = naive_loss(c, &block);
	arena_destroy(&arena);
	return value;
}

void
fixture_start(LearnEnv *env)
{
	static Arena arena;

	fixture_arena(env, &arena);
	assert_int_equal(blas_load(env), LEARN_OK);
}

void
fixture_end(LearnEnv *env)
{
	arena_destroy(env->arena);
}

/* splitmix64 */
double
fixture_uniform(uint64_t *state)
{
	uint64_t	x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

double
fixture_normal(uint64_t *state)
{
	double		radius = sqrt(-2 * log(1 - fixture_uniform(state)));

	return radius * cos(2 * acos(-1) * fixture_uniform(state));
}

Batch
fixture_batch(LearnEnv *env, int rows, int dims, int n_classes, uint64_t seed)
{
	Batch		b = {rows, dims, n_classes};

	b.label = arena_alloc(env->arena, rows, sizeof(int32_t));
	b.z = arena_alloc(env->arena, (size_t) rows * dims, sizeof(real));
	b.centre = arena_alloc(env->arena, (size_t) n_classes * dims, sizeof(real));
	for (int k = 0; k < n_classes * dims; k++)
		b.centre[k] = fixture_normal(&seed);
	for (int i = 0; i < rows; i++)
	{
		b.label[i] = (int32_t) (fixture_uniform(&seed) * n_classes);
		for (int k = 0; k < dims; k++)
			b.z[i * dims + k] = 0.5 * fixture_normal(&seed) + 0.3 * b.centre[b.label[i] * dims + k];
	}
	return b;
}

static int
n_proxies(const LossCase *c, int n_classes)
{
	if (method_by_name(c->method)->loss.side != LOSS_PROXY)
		return 0;
	return n_classes * (c->params.proxies > 0 ? c->params.proxies : 1);
}

int
fixture_n_learned(const LossCase *c, int n_classes, int dims)
{
	const Loss *loss = &method_by_name(c->method)->loss;
	double		start;

	return n_proxies(c, n_classes) * dims + (loss->scalars ? loss->scalars(&c->params, n_classes, &start) : 0);
}

real *
fixture_learned(LearnEnv *env, const LossCase *c, const Batch *b)
{
	const Loss *loss = &method_by_name(c->method)->loss;
	int			n = fixture_n_learned(c, b->n_classes, b->dims);
	int			proxies = n_proxies(c, b->n_classes) * b->dims;
	real	   *learned = arena_alloc(env->arena, n + 1, sizeof(real));
	double		start = 0;
	uint64_t	seed = 77;

	if (loss->scalars)
		loss->scalars(&c->params, b->n_classes, &start);
	for (int k = 0; k < n; k++)
		learned[k] = k < proxies ? fixture_normal(&seed) : start + 0.1 * fixture_normal(&seed);
	for (int k = 0; k < proxies && proxies == b->n_classes * b->dims; k++)
		learned[k] = b->centre[k];
	return learned;
}

LossContext *
fixture_context(LearnEnv *env, const LossCase *c, bool unit, int max_rows, int dims, int n_classes)
{
	LossShape	shape = {.unit = unit, .max_rows = max_rows, .dims = dims, .n_classes = n_classes, .seed = 1};
	LossContext *context;

	assert_int_equal(loss_context_create(env, &method_by_name(c->method)->loss, &c->params, &shape, &context), LEARN_OK);
	assert_int_equal(loss_learned(context), fixture_n_learned(c, n_classes, dims));
	return context;
}

real
fixture_evaluate(LearnEnv *env, const LossCase *c, bool unit, const Batch *b, const real *learned, real *dz, real *dlearned)
{
	ArenaMark	mark = arena_mark(env->arena);
	LossContext *context = fixture_context(env, c, unit, b->rows + 3, b->dims, b->n_classes);
	LossBatch	batch = {.z = b->z, .label = b->label, .rows = b->rows, .dz = dz};
	real		value = loss_evaluate(context, &batch, learned, dlearned);

	arena_reset(env->arena, mark);
	return value;
}
