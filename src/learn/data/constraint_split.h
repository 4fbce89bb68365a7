/*
 * constraint_split.h
 *	  Which constraints are held out.
 */
#ifndef CONSTRAINT_SPLIT_H
#define CONSTRAINT_SPLIT_H

#include "constraints.h"
#include "split.h"

/* What a held-out constraint has in common with the constraints that are learned from. */
typedef enum ConstraintShared
{
	SHARED_NOTHING,				/* no row */
	SHARED_OTHERS,				/* not its first row */
	SHARED_ROWS					/* rows, but no constraint */
} ConstraintShared;

/*
 * Which constraints are held out, by the content of their rows. The numbers of a Split are those of
 * constraints. All folds of one set of constraints are made in one of the ways of
 * constraint_split.c.
 */
typedef struct ConstraintSplitter
{
	ConstraintShared shared;
	uint64_t   *group;			/* n: constraints of one group go together; not for rows apart */
	bool		rows_apart;		/* pairs: sides by row, pairs between sides left out */
	uint8_t    *first;			/* rows: occurs as the first of a constraint (SHARED_OTHERS) */
} ConstraintSplitter;


/*
 * informative: the number of constraints; for pairs of two kinds, twice the number of the rarer
 * kind.
 */
extern LearnStatus constraint_splitter(LearnEnv *env, const Constraints *constraints, int64_t informative,
									   ConstraintSplitter *splitter);

/* plan->open_set is ignored. Constraints beyond max_held are left out of both sides. */
extern LearnStatus constraint_split(LearnEnv *env, const Constraints *constraints, const ConstraintSplitter *splitter,
									const SplitPlan *plan, Split *split);

#endif							/* CONSTRAINT_SPLIT_H */
