/*
 * loss_naive.c
 *	  See loss_naive.h.
 */
#include "loss_naive.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "learn/blas.h"

static const LossCase cases[] = {
	{"contrastive", "contrastive", {.pos_margin = 0, .neg_margin = 1}},
	{"contrastive, both margins", "contrastive", {.pos_margin = 0.6, .neg_margin = 1.7}},
	{"triplet, all", "triplet", {.margin = 0.05, .miner = MINE_ALL}},
	{"triplet, all, wide", "triplet", {.margin = 0.7, .miner = MINE_ALL}},
	{"triplet, all, no margin", "triplet", {.margin = 0, .miner = MINE_ALL}},
	{"triplet, hard", "triplet", {.margin = 0.2, .miner = MINE_HARD}},
	{"triplet, semi-hard", "triplet", {.margin = 0.05, .miner = MINE_SEMIHARD}},
	{"triplet, semi-hard, wide", "triplet", {.margin = 0.7, .miner = MINE_SEMIHARD}},
	{"multi_similarity", "multi_similarity", {.alpha = 2, .beta = 50, .base = 0.5, .epsilon = 0.1}},
	{"multi_similarity, all pairs", "multi_similarity", {.alpha = 3, .beta = 10, .base = 0.3, .epsilon = 2}},
	{"ntxent", "ntxent", {.temperature = 0.07}},
	{"ntxent, warm", "ntxent", {.temperature = 0.5}},
	{"supcon", "supcon", {.temperature = 0.1}},
	{"supcon, warm", "supcon", {.temperature = 0.5}},
	{"nca", "nca", {.scale = 1}},
	{"nca, sharp", "nca", {.scale = 9}},
	{"proxy_nca", "proxy_nca", {.scale = 1}},
	{"proxy_nca, sharp", "proxy_nca", {.scale = 9}},
	{"proxy_anchor", "proxy_anchor", {.margin = 0.1, .alpha = 32}},
	{"proxy_anchor, soft", "proxy_anchor", {.margin = 0.1, .alpha = 4}},
	{"normalized_softmax", "normalized_softmax", {.temperature = 0.05}},
	{"cosface", "cosface", {.margin = 0.35, .scale = 64}},
	{"cosface, soft", "cosface", {.margin = 0.2, .scale = 8}},
	{"arcface", "arcface", {.margin = 0.5, .scale = 64}},
	{"arcface, wide", "arcface", {.margin = 1.6, .scale = 8}},
};

const LossCase *
loss_case(int i)
{
	return i < (int) (sizeof(cases) / sizeof(cases[0])) ? &cases[i] : NULL;
}

/* What the naive formulas are written with: S, and who is like whom. */
typedef struct Naive
{
	const LossParams *p;
	const real *s;
	const int32_t *label;
	int			rows;
	int			cols;
} Naive;

static double
at(const Naive *n, int i, int j)
{
	return n->s[(size_t) i * n->cols + j];
}

static bool
positive(const Naive *n, int i, int j)
{
	return i != j && n->label[i] == n->label[j];
}

static bool
negative(const Naive *n, int i, int j)
{
	return n->label[i] != n->label[j];
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
		for (int j = 0; j < n->rows; j++)
		{
			double		above = sqrt(at(n, i, j)) - n->p->pos_margin;
			double		below = n->p->neg_margin - sqrt(at(n, i, j));

			if (positive(n, i, j) && above > 0)
				pos += above, pos_count++;
			if (negative(n, i, j) && below > 0)
				neg += below, neg_count++;
		}
	return mean(pos, pos_count) + mean(neg, neg_count);
}

static double
naive_triplet(const Naive *n)
{
	double		sum = 0,
				count = 0,
				m = n->p->margin;

	for (int a = 0; a < n->rows; a++)
	{
		double		farthest = -1,
					nearest = INFINITY;

		for (int p = 0; p < n->rows; p++)
			if (positive(n, a, p))
				farthest = fmax(farthest, sqrt(at(n, a, p)));
		for (int q = 0; q < n->rows; q++)
			if (negative(n, a, q))
				nearest = fmin(nearest, sqrt(at(n, a, q)));
		if (n->p->miner == MINE_HARD)
		{
			if (farthest >= 0 && nearest < INFINITY && farthest - nearest + m > 0)
				sum += farthest - nearest + m, count++;
			continue;
		}
		for (int p = 0; p < n->rows; p++)
			for (int q = 0; q < n->rows; q++)
			{
				double		d_ap = sqrt(at(n, a, p));
				double		d_an = sqrt(at(n, a, q));

				if (!positive(n, a, p) || !negative(n, a, q) || d_ap - d_an + m <= 0)
					continue;
				if (n->p->miner == MINE_SEMIHARD && d_an <= d_ap)
					continue;
				sum += d_ap - d_an + m, count++;
			}
	}
	return mean(sum, count);
}

static double
naive_multi_similarity(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		least = INFINITY,
					most = -INFINITY,
					pull = 0,
					push = 0;

		for (int j = 0; j < n->rows; j++)
		{
			if (positive(n, i, j))
				least = fmin(least, at(n, i, j));
			if (negative(n, i, j))
				most = fmax(most, at(n, i, j));
		}
		for (int j = 0; j < n->rows; j++)
		{
			if (positive(n, i, j) && at(n, i, j) < most + n->p->epsilon)
				pull += exp(-n->p->alpha * (at(n, i, j) - n->p->base));
			if (negative(n, i, j) && at(n, i, j) > least - n->p->epsilon)
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
		for (int p = 0; p < n->rows; p++)
		{
			double		others = 0;

			if (!positive(n, a, p))
				continue;
			for (int q = 0; q < n->rows; q++)
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

		for (int j = 0; j < n->rows; j++)
			if (j != i)
				all += exp(at(n, i, j) / t);
		for (int j = 0; j < n->rows; j++)
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

		for (int j = 0; j < n->rows; j++)
		{
			if (j != i)
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

double
naive_loss(const LossCase *c, const real *s, int rows, int cols, const int32_t *label)
{
	Naive		n = {&c->params, s, label, rows, cols};

	if (strcmp(c->method, "contrastive") == 0)
		return naive_contrastive(&n);
	if (strcmp(c->method, "triplet") == 0)
		return naive_triplet(&n);
	if (strcmp(c->method, "multi_similarity") == 0)
		return naive_multi_similarity(&n);
	if (strcmp(c->method, "ntxent") == 0)
		return naive_ntxent(&n);
	if (strcmp(c->method, "supcon") == 0)
		return naive_supcon(&n);
	if (strcmp(c->method, "nca") == 0)
		return naive_nca(&n);
	if (strcmp(c->method, "proxy_anchor") == 0)
		return naive_proxy_anchor(&n);
	return naive_softmax(&n, c->method);
}

/* Cosine (0 with a zero vector), dot product or squared distance of two vectors. */
static double
naive_similarity(const real *a, const real *b, int dims, LossInput input, bool unit_a, bool unit_b)
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
	if (input == LOSS_DISTANCE)
		return square;
	if (!unit_a)
		ab = aa > 0 ? ab / sqrt(aa) : 0;
	if (!unit_b)
		ab = bb > 0 ? ab / sqrt(bb) : 0;
	return ab;
}

double
naive_loss_of(const LossCase *c, bool unit, const real *z, const int32_t *label, int rows, int dims,
			  const real *proxies, int n_classes)
{
	const Method *method = method_by_name(c->method);
	bool		proxy = method->side == LOSS_PROXY;
	int			cols = proxy ? n_classes : rows;
	real	   *s = malloc(sizeof(real) * rows * cols);
	double		value;

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < cols; j++)
			s[(size_t) i * cols + j] =
				naive_similarity(z + (size_t) i * dims, (proxy ? proxies : z) + (size_t) j * dims, dims,
								 method->input, unit, unit && !proxy);
	value = naive_loss(c, s, rows, cols, label);
	free(s);
	return value;
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

void
fixture_start(LearnEnv *env)
{
	static Arena arena;

	memset(env, 0, sizeof(*env));
	arena_init(&arena, (ArenaHooks) {hook_alloc, hook_release, NULL}, 0);
	env->arena = &arena;
	env->cancelled = never_cancelled;
	env->now = hook_now;
	env->threads = 1;
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

LossBlock
fixture_block(LearnEnv *env, LossSide side, int rows, int n_classes, const int32_t *label, real **s)
{
	LossBlock	block = {.side = side, .rows = rows, .n_classes = n_classes, .label = label};
	size_t		cells;

	block.cols = (side == LOSS_PROXY) ? n_classes : rows;
	cells = (size_t) rows * block.cols;
	*s = arena_alloc(env->arena, cells, sizeof(real));
	block.s = *s;
	block.ds = arena_alloc(env->arena, cells, sizeof(real));
	block.work = arena_alloc(env->arena, loss_work(block.cols), sizeof(real));
	block.index_work = arena_alloc(env->arena, loss_index_work(block.cols), sizeof(int));
	block.member = arena_alloc(env->arena, rows, sizeof(int));
	block.start = arena_alloc(env->arena, n_classes + 1, sizeof(int));
	loss_block_group(&block);

	/* what a loss does not write must show */
	for (size_t k = 0; k < cells; k++)
		block.ds[k] = NAN;
	return block;
}

real
fixture_evaluate(LearnEnv *env, const LossCase *c, bool unit, const real *z, const int32_t *label,
				 int rows, int dims, const real *proxies, int n_classes, real *dz, real *dproxies)
{
	const Method *method = method_by_name(c->method);
	ArenaMark	mark = arena_mark(env->arena);
	LossContext *context;
	real		value;

	assert_int_equal(loss_context_create(env, method->loss, method->input, method->side, &c->params, unit,
										 rows + 3, dims, n_classes, &context), LEARN_OK);
	value = loss_evaluate(context, z, label, rows, method->side == LOSS_PROXY ? proxies : NULL, dz,
						  method->side == LOSS_PROXY ? dproxies : NULL);
	arena_reset(env->arena, mark);
	return value;
}

Batch
fixture_batch(LearnEnv *env, int rows, int dims, int n_classes, uint64_t seed)
{
	Batch		b = {rows, dims, n_classes};

	b.label = arena_alloc(env->arena, rows, sizeof(int32_t));
	b.z = arena_alloc(env->arena, (size_t) rows * dims, sizeof(real));
	b.proxies = arena_alloc(env->arena, (size_t) n_classes * dims, sizeof(real));
	for (int k = 0; k < n_classes * dims; k++)
		b.proxies[k] = fixture_normal(&seed);
	for (int i = 0; i < rows; i++)
	{
		b.label[i] = (int32_t) (fixture_uniform(&seed) * n_classes);
		for (int k = 0; k < dims; k++)
			b.z[i * dims + k] = 0.5 * fixture_normal(&seed) + 0.3 * b.proxies[b.label[i] * dims + k];
	}
	return b;
}
