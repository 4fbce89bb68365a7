/*
 * metrics.h
 *	  Retrieval metrics of an embedding, exact, in blocks through BLAS.
 *
 * Definitions (Musgrave, Belongie and Lim 2020, arXiv 2003.08505): for a query with R
 * other rows of its class in the gallery, R-precision is the share of its class among
 * the R nearest; MAP@R is the mean over i <= R of precision@i where the i-th is of the class,
 * else 0.  recall@k: 1 if one of the k nearest is of the class.  knn accuracy: the
 * majority of the k nearest, ties to the class whose nearest row is nearer.  A query
 * without any other row of its class ("lone") is counted and left out of all but knn accuracy.
 * Ties in distance are broken by the row's number.  Distances are those of float64
 * arithmetic on the embeddings as they are (neighbours.h).
 */
#ifndef METRICS_H
#define METRICS_H

#include "base/learn.h"

/* A mean over no query, and knn that was not asked for, is NaN. */
typedef struct Retrieval
{
	int64_t		queries;		/* all */
	int64_t		lone;			/* without a partner in the gallery */
	double		recall[4];		/* at 1, 2, 4, 8 */
	double		r_precision;
	double		map_r;
	double		knn;			/* accuracy with knn_k neighbours */
} Retrieval;

/* What one query adds to the means of recall@1 and MAP@R; NaN, both, of a lone one. */
typedef struct QueryScore
{
	float		recall;
	float		map_r;
} QueryScore;

/* Embeddings of d numbers: which ask, and which are searched. */
typedef struct RetrievalTask
{
	int			d;
	int64_t		nq;
	const float *query;			/* nq x d */
	const int32_t *query_label;
	int64_t		ng;
	const float *gallery;		/* ng x d */
	const int32_t *gallery_label;
	bool		self;			/* query i is gallery row i, and is left out for itself */
	int			knn_k;			/* neighbours that vote; 0: no knn accuracy */
} RetrievalTask;

/*
 * Search under Euclidean distance.  each: of every query (nq), or NULL.  LEARN_DIVERGED: an embedding is not finite.
 * Memory: O(block * ng) for a block of queries sized so that it stays under 64 MB.
 */
extern LearnStatus metrics_retrieval(LearnEnv *env, const RetrievalTask *task, QueryScore *each, Retrieval *out);

#endif							/* METRICS_H */
