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
#include "vmath.h"

/*
 * Stands for minus infinity in a row of logits: finite, so that differences stay
 * finite, and far below any logit (squared distances end at 1e25).
 */
#define HIDDEN ((real) -1e37)

/* The columns of row i's class, i among them, and how many they are.  LOSS_BATCH. */
static inline int
loss_class(const LossBlock *block, int i, const int **member)
{
	int			y = block->label[i];

	*member = block->member + block->start[y];
	return block->start[y + 1] - block->start[y];
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

/* d sqrt(s) / ds at s = d^2; the subgradient 0 at 0, where two embeddings coincide. */
static inline real
half_inverse(real d)
{
	return d > 0 ? (real) 0.5 / d : 0;
}

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

#endif							/* LOSS_ROW_H */
