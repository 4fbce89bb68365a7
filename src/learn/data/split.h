/*
 * split.h
 *	  Which rows are learned from and which are held out.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include "rows.h"

typedef struct Split
{
	int64_t    *train;			/* row numbers, rising */
	int64_t		n_train;
	int64_t    *held;
	int64_t		n_held;
	int			parts;			/* above 1: held-out pairs are compared within a part */
} Split;

/* What is to be held out. */
typedef struct SplitPlan
{
	bool		open_set;		/* whole classes */
	int			folds;
	int			fold;			/* from 0 */
	double		share;			/* folds == 1: what is held out */
	int64_t		max_held;
	int64_t		seed;
} SplitPlan;

/*
 * Closed set: fold `fold` of `folds` (folds > 1), or a share of the rows (folds == 1), is held out
 * by a hash of the content of the row and the seed. So equal rows stay together, and the order of
 * the rows does not matter. Every class keeps a row to learn from; classes of one row are never
 * held out. At most max_held rows are held out; the others are learned from.
 *
 * Open set: whole classes are held out, at least two on either side; of three classes, one.
 * LEARN_DATA with fewer than three classes. If the folds are as many as the pairs of classes, each
 * holds out a pair. If there are too few classes for the folds, later folds are of other partitions
 * of the classes. Held-out rows beyond max_held are left out of both sides.
 */
extern LearnStatus split_make(LearnEnv *env, const Rows *rows, const SplitPlan *plan, Split *split);

/*
 * Folds in which classes are compared in the open set: all that there are if classes are few, so
 * that each class is held out beside each other, else as many as hold out each class some times.
 */
extern LearnStatus split_open_folds(LearnEnv *env, const Rows *rows, int *folds);

/* The part, out of parts, to which an item belongs: by chance, but always the same one. */
extern int	item_part(int64_t item, int parts);

/* A random sample of n of the count numbers in index, rising. All of them if n >= count. */
extern LearnStatus split_sample(LearnEnv *env, const int64_t *index, int64_t count, int64_t n,
								int64_t seed, int64_t **sample, int64_t *n_sample);

#endif							/* SPLIT_H */
