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
 * Which constraints are held out, by the content of their rows: the numbers of a Split are
 * those of constraints.  The way is the same for all folds of one set of constraints.
 */
typedef struct ConstraintSplitter
{
	ConstraintShared shared;
	uint64_t   *group;			/* n: constraints of one group go together; not for rows apart */
	bool		rows_apart;		/* pairs: sides are chosen row by row, and pairs between them left out */
	uint8_t    *first;			/* rows: occurs as the first of a constraint (SHARED_OTHERS) */
} ConstraintSplitter;


/* informative: how many constraints there are, of two kinds of pairs twice the rarer one. */
extern LearnStatus constraint_splitter(LearnEnv *env, const Constraints *constraints, int64_t informative,
									   ConstraintSplitter *splitter);

/* plan->open_set means nothing here.  What is beyond max_held is left out of both sides. */
extern LearnStatus constraint_split(LearnEnv *env, const Constraints *constraints, const ConstraintSplitter *splitter,
									const SplitPlan *plan, Split *split);

#endif							/* CONSTRAINT_SPLIT_H */
