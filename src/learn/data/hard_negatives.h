/*
 * hard_negatives.h
 *	  Hard negatives in a batch: each member proposes some, and they are drawn at random.
 *
 * Members are rows or constraints. For each of all n, a list names up to k others that are hardest
 * to tell from it, and -1 behind the last.
 */
#ifndef HARD_H
#define HARD_H

#include "base/rng.h"
#include "rows.h"

typedef struct HardDraw
{
	const HardLists *lists;
	int32_t    *of;				/* batch x k: the lists of a batch's members */
	/* n: the batch in which it was given last, 1: none, 0: not to be drawn */
	uint32_t   *given;
	uint32_t	batch;
} HardDraw;

extern bool hard_exist(const HardLists *lists);

/*
 * index[0..count): the members that may be drawn. batch: the largest number that hard_begin gets.
 * lists must stay where it is.
 */
extern LearnStatus hard_create(LearnEnv *env, const HardLists *lists, int batch, int64_t n, const int64_t *index, int64_t count,
							   HardDraw *draw);

/* How many places of a batch are left when share of it is kept for hard negatives: at least two. */
extern int	hard_anchors(int batch, double share);

/* Begin a batch with these n members. */
extern void hard_begin(HardDraw *draw, const int64_t *member, int n);

/*
 * Add a member to the n members of the batch, unless it is there. Returns how many there are then.
 */
extern int	hard_add(HardDraw *draw, int64_t other, int64_t *member, int n);

/*
 * Each of the n members that the batch began with brings one that it proposes and that is not there
 * yet. They take turns while there is room. Returns how many members there are then.
 */
extern int	hard_fill(HardDraw *draw, Rng *rng, int64_t *member, int n, int room);

#endif							/* HARD_H */
