/*
 * outlier_fit.h
 *	  Scores of outliers: rows with their neighbours, from which a score follows.
 */
#ifndef DML_OUTLIER_FIT_H
#define DML_OUTLIER_FIT_H

#include "compat.h"

#include "answer/index_search.h"
#include "call/learn_env.h"
#include "learn/cluster/outliers.h"

typedef enum OutlierMethod
{
	OUTLIER_LOF,				/* local outlier factor */
	OUTLIER_DISTANCE			/* distance of the k-th neighbour */
} OutlierMethod;

#define OUTLIER_MOST_K	1000

/* By its name, NULL for the default.  Error: there is no such method. */
extern OutlierMethod outlier_method(const char *name);

/* Check k; NULL for the default. */
extern int	outlier_k(const int32 *k);

/* Whether two rows of d elements are at distance 0. */
extern bool outlier_same_row(const float4 *a, const float4 *b, int d);

/* Rows among which others are looked up. */
typedef struct OutlierFit
{
	OutlierMethod method;
	OutlierRows rows;			/* rows.k: at most one less than there are rows; 0: no score */
	double	   *scratch;		/* 2 k */
} OutlierFit;

/*
 * Find the k nearest of each of n rows (n x d) among the others, in the current memory context.
 * index: searches for k + 1 rows of the source that the rows were read from.  x is then in the
 * order of clusters_order().  NULL: every row is compared with every other one.  Error: they do
 * not fit into work_mem beside other bytes of memory.
 */
extern void outlier_fit(OutlierFit *fit, OutlierMethod method, const float4 *x, int64 n, int d, int k,
						IndexSearch *index, uint64 space, size_t other);

/* The score of row i; NaN: there is none. */
extern double outlier_fit_own(const OutlierFit *fit, int64 i);

/* The score of a row that is not among the rows, given the rows.k nearest of them. */
extern double outlier_fit_score(const OutlierFit *fit, const int32 *row, const double *distance);

#endif							/* DML_OUTLIER_FIT_H */
