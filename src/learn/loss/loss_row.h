/*
 * loss_row.h
 *	  What the losses share: the positives of a row, and the softmax of a row. For
 *	  loss_*.c alone.
 */
#ifndef LOSS_ROW_H
#define LOSS_ROW_H

#include <math.h>
#include <tgmath.h>

#include "loss.h"
#include "math/vmath.h"

/*
 * Stands for minus infinity in a row of logits: finite, so that differences stay
 * finite, and far below any logit (squared distances end at 1e25).
 */
#define HIDDEN ((real) -1e37)

/* Row i of a matrix of the block. */
static inline const real *
loss_s(const LossBlock *block, int i)
{
	return block->s + (size_t) i * block->cols;
}

static inline real *
loss_ds(const LossBlock *block, int i)
{
	return block->ds + (size_t) i * block->cols;
}

static inline const int8_t *
loss_relation(const LossBlock *block, int i)
{
	return block->relation + (size_t) i * block->cols;
}

/* The columns that are positives of row i, and how many they are.  LOSS_BATCH. */
static inline int
loss_positives(const LossBlock *block, int i, const int **positive)
{
	const int8_t *relation = loss_relation(block, i);
	int		   *list = block->positive;
	int			n = 0;

	for (int j = 0; j < block->cols; j++)
	{
		list[n] = j;
		n += relation[j] > 0;
	}
	*positive = list;
	return n;
}

/* The first positive behind row i in the order of columns, going round; -1: it has none. */
static inline int
loss_next_positive(const LossBlock *block, int i)
{
	const int8_t *relation = loss_relation(block, i);
	int			n = block->cols;

	for (int k = 1; k <= n; k++)
		if (relation[(i + k) % n] > 0)
			return (i + k) % n;
	return -1;
}

static inline int
loss_negatives(const LossBlock *block, int i)
{
	const int8_t *relation = loss_relation(block, i);
	int			n = 0;

	for (int j = 0; j < block->cols; j++)
		n += relation[j] < 0;
	return n;
}

/* x (cols) = scale * s of row i's negatives, and hidden elsewhere. */
static inline void
row_of_negatives(const LossBlock *block, int i, real scale, real *x)
{
	const int8_t *relation = loss_relation(block, i);
	const real *s = loss_s(block, i);

	for (int j = 0; j < block->cols; j++)
		x[j] = relation[j] < 0 ? scale * s[j] : HIDDEN;
}

/* As above, of positives and negatives. */
static inline void
row_of_others(const LossBlock *block, int i, real scale, real *x)
{
	const int8_t *relation = loss_relation(block, i);
	const real *s = loss_s(block, i);

	for (int j = 0; j < block->cols; j++)
		x[j] = relation[j] != 0 ? scale * s[j] : HIDDEN;
}

/*
 * To be asked at each row i: true if the user wants to stop.  Polls every
 * LOSS_POLL_CELLS places of the block, some milliseconds of the slowest loss; a batch
 * of usual size is done before.
 */
#define LOSS_POLL_CELLS (1 << 18)

static inline bool
loss_stopped(const LossBlock *block, int i)
{
	int			interval = 1 + LOSS_POLL_CELLS / block->cols;

	return block->env != NULL && (i + 1) % interval == 0 && learn_poll(block->env) != LEARN_OK;
}

/*
 * The loss is a mean: its sum over n terms, and the gradient of the sum in ds, are divided by n.
 * 0 if there is no term; ds is 0 then.
 */
static inline real
loss_mean(LossBlock *block, double total, int64_t n)
{
	if (n == 0)
		return 0;
	vm_scale(block->ds, (real) 1 / n, (size_t) block->rows * block->cols);
	return total / n;
}

/*
 * The bin of x, moved into [-reach, reach], among bins over that range; *into: how far it is into
 * the bin, of its width.
 */
static inline int
loss_bin(real x, real reach, int bins, real *into)
{
	real		place = (fmin(fmax(x, -reach), reach) + reach) * bins / (2 * reach);
	int			bin = (int) place;

	bin = bin < bins ? bin : bins - 1;
	*into = place - bin;
	return bin;
}

/* log(1 + exp(u)) without overflow */
static inline real
softplus(real u)
{
	return fmax(u, (real) 0) + log1p(exp(-fabs(u)));
}

/* Its derivative. */
static inline real
logistic(real u)
{
	return 1 / (1 + exp(-u));
}

/*
 * Where cos(theta + angle) has an infinite derivative by cos(theta), at theta = 0 and
 * pi, the sine is taken to be no less than this.
 */
#define SMALLEST_SINE ((real) 1e-3)

/* loss_order.c: sort key[0..n) ascending, index along with it. */
extern void loss_sort(real *key, int *index, int n);

/* How many of the ascending key[0..n), n > 0, are below x, or with equal not above it. */
extern int	loss_count_below(const real *key, int n, real x, bool equal);

/*
 * x (n > 0 logits) becomes exp(x - max), *sum their sum; returns log sum exp.
 */
static inline real
row_exp(real *x, int n, real *sum)
{
	real		max = vm_max(x, n);

	for (int j = 0; j < n; j++)
		x[j] -= max;
	vm_exp(x, x, n);
	*sum = vm_sum(x, n);
	return max + log(*sum);
}

/*
 * x (n) becomes exp(x - max) where max is at least 0, and *sum their sum plus
 * exp(-max); returns log(1 + sum exp).  x may be all hidden.
 */
static inline real
row_exp_plus_one(real *x, int n, real *sum)
{
	real		max = fmax(vm_max(x, n), (real) 0);

	for (int j = 0; j < n; j++)
		x[j] -= max;
	vm_exp(x, x, n);
	*sum = vm_sum(x, n) + exp(-max);
	return max + log(*sum);
}

/*
 * Cross-entropy of the logits x (n) for class y.  x becomes its gradient, softmax less
 * one-hot.
 */
static inline real
row_cross_entropy(real *x, int n, int y)
{
	real		logit = x[y];
	real		sum;
	real		loss = row_exp(x, n, &sum) - logit;

	vm_scale(x, 1 / sum, n);
	x[y] -= 1;
	return loss;
}

#endif							/* LOSS_ROW_H */
