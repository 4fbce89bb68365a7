/*
 * hard.h
 *	  Hard negatives in a batch: what each of its members proposes, drawn at random.
 *
 * Members are rows, or constraints.  A list names, for each of all n, up to k others that are to be told from it most of all, -1 where
 * there are no more.
 */
#ifndef HARD_H
#define HARD_H

#include "base/rng.h"
#include "rows.h"

typedef struct HardDraw
{
	const HardLists *lists;
	int32_t    *of;				/* batch x k: the lists of a batch's members */
	uint32_t   *given;			/* n: the batch in which it was given last, 1: none, 0: not to be drawn */
	uint32_t	batch;
} HardDraw;

extern bool hard_exist(const HardLists *lists);

/*
 * index[0..count): those of n that may be drawn; batch: how many hard_begin is given, at most.  lists must stay where it
 * is.
 */
extern LearnStatus hard_create(LearnEnv *env, const HardLists *lists, int batch, int64_t n, const int64_t *index, int64_t count,
							   HardDraw *draw);

/* How many of a batch are left when share of it is kept for hard negatives: two at least. */
extern int	hard_anchors(int batch, double share);

/* Begin a batch with these n members. */
extern void hard_begin(HardDraw *draw, const int64_t *member, int n);

/* Add one to the n members of the batch, unless it is there; returns how many there are then. */
extern int	hard_add(HardDraw *draw, int64_t other, int64_t *member, int n);

/*
 * Each of the n members that the batch began with brings one that it proposes and that is not there yet, in turn, as long as there
 * is room; returns how many there are then.
 */
extern int	hard_fill(HardDraw *draw, Rng *rng, int64_t *member, int n, int room);

#endif							/* HARD_H */
