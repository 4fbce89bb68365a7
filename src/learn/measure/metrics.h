/*
 * metrics.h
 *	  Retrieval metrics of an embedding, exact, in blocks through BLAS.
 *
 * Definitions (Musgrave, Belongie and Lim 2020, arXiv 2003.08505), for a query with R other rows
 * of its class in the gallery:
 * - R-precision: the share of its class among the R nearest rows.
 * - MAP@R: the mean over i <= R of the precision at i if row i is of the class, else 0.
 * - recall@k: 1 if one of the k nearest rows is of the class.
 * - k-NN accuracy: 1 if the class has the most votes of the k nearest rows; if two classes have
 *   equally many votes, the one whose nearest row is nearer wins.
 *
 * A query without any other row of its class ("lone") is counted, and left out of all metrics
 * except k-NN accuracy. Distances are those of float64 arithmetic on the embeddings as they are
 * (neighbours.h); equal distances go by the number of the row.
 */
#ifndef METRICS_H
#define METRICS_H

#include "base/learn.h"

/* NaN: a mean over no query, or knn was not asked for. */
typedef struct Retrieval
{
	int64_t		queries;		/* all */
	int64_t		lone;			/* without a partner in the gallery */
	double		recall[4];		/* at 1, 2, 4, 8 */
	double		r_precision;
	double		map_r;
	double		knn;			/* accuracy with knn_k neighbours */
} Retrieval;

/* What one query adds to the means of recall@1 and MAP@R. Both are NaN for a lone query. */
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
 * Search by Euclidean distance. each: for every query (nq), or NULL. LEARN_DIVERGED: an embedding
 * is not finite. Memory: O(block * ng) for a block of queries that is sized to stay under 64 MB.
 */
extern LearnStatus metrics_retrieval(LearnEnv *env, const RetrievalTask *task, QueryScore *each, Retrieval *out);

#endif							/* METRICS_H */
