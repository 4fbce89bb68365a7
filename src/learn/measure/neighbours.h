/*
 * neighbours.h
 *	  The nearest rows of a gallery, in exact order, for blocks of queries.
 *
 * Matrix products give scores with a known error. Where scores are too close for this error,
 * distances are computed in float64 from the rows as they are. So the order is that of exact
 * distances, and equal distances go by the number of the row.
 *
 * Products of floats are fastest and suffice for few neighbours. Among thousands of neighbours,
 * nearly every one is closer to the next than the error of a sum of some hundred floats, and
 * nearly all distances would be computed again. There, products of doubles, rounded to float once,
 * take half the time in all.
 */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H

#include "base/learn.h"

typedef struct Neighbour
{
	uint32_t	key;			/* the score as an integer that sorts alike */
	int32_t		row;			/* of the gallery, in the order of scores */
} Neighbour;

typedef struct Neighbours
{
	const float *gallery;		/* n x d */
	const int32_t *label;		/* n, in the order of scores */
	const int32_t *order;		/* n: which row of the gallery a score is of; NULL: as they are */
	int64_t		n;
	int			d;
	int			block;			/* queries at once */

	double	   *mean;			/* d: of the gallery */
	double		scale;			/* makes the largest element of what is centred 1 */
	double	   *half;			/* n: half the squared length of a centred and scaled row */
	double		longest;		/* length of the longest such row */
	double	   *length;			/* block: lengths of the centred and scaled queries */
	bool		wide;			/* products of doubles: the next three, else the two behind */
	double	   *wide_query;		/* block x d, centred and scaled */
	double	   *wide_tile;		/* rows of the gallery, the same */
	double	   *product;		/* block x rows of a tile */
	float	   *query;			/* block x d */
	float	   *tile;			/* rows of the gallery */
	/* block x n: |g|^2 / 2 - q.g, which orders rows as their distance does */
	float	   *score;
	Neighbour  *found;			/* n: the result of neighbours_nearest */
	Neighbour  *other;			/* n: scratch of sorting */
	double	   *distance;		/* n: scratch of exact ordering */
} Neighbours;

/*
 * Prepare a gallery of at most 2^31 - 1 rows and any queries (nq x d). many: hundreds of neighbours
 * will be asked for. LEARN_DIVERGED: a number is not finite. Loads BLAS.
 */
extern LearnStatus neighbours_create(LearnEnv *env, const float *query, int64_t nq, const float *gallery,
									 const int32_t *label, int64_t n, int d, bool many, Neighbours *nb);

/*
 * As above, for rows and labels in another order (a permutation). Equal distances still go by the
 * numbers of the gallery.
 */
extern LearnStatus neighbours_create_ordered(LearnEnv *env, const float *query, int64_t nq, const float *gallery,
											 const int32_t *label, int64_t n, int d, bool many, const int32_t *order,
											 Neighbours *nb);

/* Scores of queries 0 .. count - 1, count <= nb->block. */
extern LearnStatus neighbours_score(LearnEnv *env, Neighbours *nb, const float *query, int count);

/*
 * nb->found[0 .. m) are the m nearest rows of query i of the block, whose numbers are query (d) and
 * whose label is label. m is at most the number of visible rows. hidden: a row of the gallery that
 * is left out, or -1. The caller hides others by making their scores infinite.
 *
 * The order is exact between rows with the label of the query and rows without, and among the first
 * k between rows of any two labels. Other rows may stand in another order.
 */
extern LearnStatus neighbours_nearest(LearnEnv *env, Neighbours *nb, int i, const float *query,
									  int32_t label, int64_t hidden, int64_t m, int64_t k);

/* ---------- for those who choose the rows themselves ---------- */

/*
 * Rows among which are the m nearest of query i, as far as these are at most as far away as
 * farthest (INFINITY: any), for a caller who orders them by distances of its own. error: the
 * largest relative error of the squares of the caller's distances. hidden: a row that is left out,
 * or -1. Returns how many rows are in nb->found, in no order.
 */
extern int64_t neighbours_candidates(Neighbours *nb, int i, int64_t hidden, int64_t m, double farthest, double error);

/* Two scores of query i that are farther apart than this are in order. */
extern double neighbours_slack(const Neighbours *nb, int i);

/* A score as a Neighbour's key. */
extern uint32_t neighbours_key(float score);

/* Order found[0 .. n) by key, equal keys as they stand. */
extern void neighbours_sort(Neighbours *nb, int64_t n);

/*
 * found[0 .. n) are in order of their keys. Where keys among the first m are too close, this puts
 * them (and what is too close to them) into exact order if the order matters, as above. strict:
 * between any two rows.
 */
extern LearnStatus neighbours_settle(LearnEnv *env, Neighbours *nb, int i, const float *query, int32_t label,
									 int64_t m, int64_t n, int64_t k, bool strict);

/*
 * The label with the most votes in found[0 .. k). Of labels with equally many votes, the one that
 * comes first.
 */
extern int32_t neighbours_majority(const Neighbours *nb, int64_t k);

/* The numbers of a row, by its place in the order of scores. */
static inline const float *
neighbours_row(const Neighbours *nb, int64_t row)
{
	return nb->gallery + (nb->order ? nb->order[row] : row) * nb->d;
}

/* The exact squared distance of two rows. */
extern double neighbours_square_distance(const float *a, const float *b, int d);

#endif							/* NEIGHBOURS_H */
