/*
 * hard.h
 *	  Hard negatives in a batch: what each of its members proposes, drawn at random.
 *
 * Members are rows, or constraints.  A list names, for each of all n, up to k others that are to be told from it most of all, -1 where
 * there are no more.
 */
#ifndef HARD_H
#define HARD_H

#include "base/learn.h"
#include "base/rng.h"

typedef struct HardDraw
{
	const int32_t *list;		/* n x k */
	int			k;
	uint32_t   *given;			/* n: the batch in which it was given last, 1: none, 0: not to be drawn */
	uint32_t	batch;
} HardDraw;

/* index[0..count): the members that may be drawn. */
extern LearnStatus hard_create(LearnEnv *env, const int32_t *list, int k, int64_t n, const int64_t *index, int64_t count,
							   HardDraw *draw);

/* How many of a batch are left when share of it is kept for hard negatives: two at least. */
extern int	hard_anchors(int batch, double share);

/* Begin a batch with these n members. */
extern void hard_begin(HardDraw *draw, const int64_t *member, int n);

/* Add one to the n members of the batch, unless it is there; returns how many there are then. */
extern int	hard_add(HardDraw *draw, int64_t other, int64_t *member, int n);

/*
 * Each of the n members brings one that it proposes and that is not there yet, in turn, as long as there
 * is room; returns how many there are then.
 */
extern int	hard_fill(HardDraw *draw, Rng *rng, int64_t *member, int n, int room);

#endif							/* HARD_H */
