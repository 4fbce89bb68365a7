/*
 * ranking.h
 *	  The ranks that the rows of a class have in a whole gallery, without ordering the gallery.
 *
 * Scores are sorted into bins. If a bin has no row of the class, and none so near that the error
 * of the scores could hide it, only the number of its rows matters. The rows of the other bins are
 * put into exact order (neighbours.h). They are few, unless the class is most of the gallery.
 */
#ifndef RANKING_H
#define RANKING_H

#include "neighbours.h"

/* A row of the class, and how many rows are before it. */
typedef struct Place
{
	int32_t		place;
	int32_t		row;			/* its number among the scores */
} Place;

typedef struct Ranking
{
	Neighbours *nb;
	uint32_t   *count;			/* by bin: rows, then where the next one goes */
	int32_t    *before;			/* by bin: rows of bins without the class that come before */
	Place	   *place;			/* nb->n: the result of ranking_places */

	/* Of the query at hand. */
	int			bins;
	float		low;
	float		scale;
} Ranking;

extern LearnStatus ranking_create(LearnEnv *env, Neighbours *nb, Ranking *ranking);

/*
 * ranking->place[0 .. *found), nearest first, for query i of the block, whose numbers are query.
 * The rows [begin, end) are all rows of its class. Those with infinite scores have no rank. strict:
 * the order of the rows of the class among themselves matters, too. Overwrites nb->found.
 */
extern LearnStatus ranking_places(LearnEnv *env, Ranking *ranking, int i, const float *query, int64_t begin, int64_t end,
								  bool strict, int64_t *found);

/*
 * The exact distance of the nearest visible row outside of [begin, end). INFINITY: there is none.
 */
extern double ranking_nearest_outside(const Neighbours *nb, int i, const float *query, int64_t begin, int64_t end);

#endif							/* RANKING_H */
