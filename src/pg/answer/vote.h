/*
 * vote.h
 *	  The class of a row by a vote of its neighbours, and the arguments that say how.
 */
#ifndef DML_VOTE_H
#define DML_VOTE_H

#include "compat.h"

#include "fmgr.h"

#define MAX_NEIGHBOURS	1000

typedef struct VoteRule
{
	int			k;
	double		max_distance;	/* infinite: none */
	double		min_confidence;
	bool		weighted;
} VoteRule;

/* Arguments k, max_distance, min_confidence and weights.  first: the number of k. */
extern VoteRule vote_rule(FunctionCallInfo fcinfo, int first);

/* Raise an error unless max_distance is at least 0. */
extern void vote_check_distance(double max_distance);

/*
 * The label with the most weight among n neighbours, n at least 1, and its share of all weight.
 * Neighbours are in order of distance, equally distant ones in order of label.  Of labels with
 * equal weight the one that comes first wins.
 *
 * weighted: a vote counts 1 / distance.  A row at distance 0 has infinite weight: if there are such
 * rows, only they vote, as in scikit-learn.
 */
extern int32 vote_winner(const VoteRule *rule, const int32 *label, const double *distance, int n, double *confidence);

/* Whether the winner counts as unknown. */
extern bool vote_unknown(const VoteRule *rule, double distance, double confidence);

#endif							/* DML_VOTE_H */
