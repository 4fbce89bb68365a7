/*
 * ranking.h
 *	  The places that the rows of a class have in the order of a whole gallery, which is not put in order for it.
 *
 * Scores are sorted into bins.  Where a bin has no row of the class, and none so near that the scores' error
 * could hide it, only the number of its rows matters; the rest, a fraction unless the class is most of
 * the gallery, is put in exact order (neighbours.h).
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
 * ranking->place[0 .. *found), nearest first, for query i of the block, whose numbers are query: the rows
 * [begin, end), which are all rows of its class, less those with infinite scores, which have no place.
 * strict: the order of the class's rows among themselves matters, too.  Overwrites nb->found.
 */
extern LearnStatus ranking_places(LearnEnv *env, Ranking *ranking, int i, const float *query, int64_t begin, int64_t end,
								  bool strict, int64_t *found);

/* The exact distance of the nearest row outside of [begin, end) that is not hidden; INFINITY: there is none. */
extern double ranking_nearest_outside(const Neighbours *nb, int i, const float *query, int64_t begin, int64_t end);

#endif							/* RANKING_H */
