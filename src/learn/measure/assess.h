/*
 * assess.h
 *	  How good an embedding is: ranking, voting, identification and verification, by class of
 *	  the queries, under a protocol that says which rows a query may find.
 *
 * Distances are Euclidean, and neighbours are ordered by distances in float64 (neighbours.h). For
 * a query that may find R rows of its class:
 *	recall@k	1 if one of the k nearest rows is of the class
 *	precision@1	1 if the nearest row is of the class
 *	R-precision	share of the class among the R nearest rows
 *	MAP@R		mean over i = 1 ... R of the precision among the i nearest if row i is of the
 *				class, else 0 (Musgrave, Belongie and Lim 2020, arXiv 2003.08505)
 *	AP			mean over the rows of the class of the precision up to each; its mean is MAP
 *	RR			1 / the rank of the first row of the class; its mean is MRR
 *	NDCG		sum of gain / log2(rank + 1), divided by that of the best order (Jarvelin and
 *				Kekalainen 2002); the gain of a row of the class is 1, or its grade
 *	k-NN		1 if the class has the most votes of the k nearest rows; if two classes have
 *				equally many votes, the one whose nearest row is nearer wins
 * A query with R = 0 ("lone") counts for k-NN alone.
 *
 * Identification with unknowns (Phillips, Grother and Micheals 2011): each query searches twice,
 * with its class in the gallery and without. The false alarm rate FAR of a threshold is the share
 * of searches without the class whose nearest row is within the threshold. The detection and
 * identification rate is the share of searches with the class whose nearest row is of the class
 * and within the threshold.
 */
#ifndef ASSESS_H
#define ASSESS_H

#include "pair_counts.h"
#include "base/rng.h"

#define ASSESS_MAX_RECALLS	16

/* Means over queries. */
typedef enum AssessMetric
{
	ASSESS_PRECISION_1,
	ASSESS_R_PRECISION,
	ASSESS_MAP_R,
	ASSESS_AP,
	ASSESS_RR,
	ASSESS_NDCG,
	ASSESS_NDCG_10,
	ASSESS_KNN,
	ASSESS_DIR,					/* at ASSESS_DIR_FAR[] */
	ASSESS_SILHOUETTE = ASSESS_DIR + 3,	/* filled from cluster.c */
	ASSESS_CENTRE_ERROR,		/* filled from separation.c */
	ASSESS_SATISFIED,			/* this and the next: assess_constraints.h */
	ASSESS_TIED,
	ASSESS_RECALL,				/* at recall_at[0], [1], ... */
	ASSESS_METRICS = ASSESS_RECALL + ASSESS_MAX_RECALLS
} AssessMetric;

#define ASSESS_DIR_FARS	3
extern const double ASSESS_DIR_FAR[ASSESS_DIR_FARS];	/* 0.1, 0.01, 0.001 */

/* A rate of errors is measured if at least this many errors are expected, else it is NaN. */
#define ASSESS_LEAST_ERRORS	10
#define ASSESS_LEAST_GENUINE	10		/* genuine pairs for an interval from the bootstrap */

/* Parts of an assessment; what was skipped is NaN. */
#define ASSESS_NEAREST	1		/* recall@k, precision@1, k-NN, identification */
#define ASSESS_PLACES	2		/* R-precision, MAP@R, MAP, MRR, NDCG */
#define ASSESS_PAIRS	4		/* verification */

typedef struct AssessTask
{
	const float *query;			/* nq x d */
	const int32_t *query_label;	/* in [0, n_classes) */
	int64_t		nq;
	const float *gallery;		/* ng x d */
	const int32_t *gallery_label;
	int64_t		ng;
	int			d;
	int			n_classes;
	bool		self;			/* query i is gallery row i, hidden from itself; ng >= nq */

	/* What else a query may not find; each pair of arrays may be NULL. */
	const int32_t *query_group; /* rows of its group */
	const int32_t *gallery_group;
	const double *query_time;	/* rows that are not earlier */
	const double *gallery_time;
	const uint64_t *query_hash; /* rows of its class with equal hash: duplicates */
	const uint64_t *gallery_hash;

	const double *gallery_grade;	/* gains for NDCG, >= 0, or NULL */
	int			knn_k;
	int			n_recall;
	int			recall_at[ASSESS_MAX_RECALLS];	/* each at least 1 */

	/* Results by query, of ASSESS_NEAREST; NULL: not wanted. */
	/* nq: the class with the most votes of the knn_k nearest rows; -1: it may find no row */
	int32_t    *voted;
	/*
	 * nq x knn_k: these rows of the gallery, in order, except that rows of one class may change
	 * places; -1: no more
	 */
	int32_t    *nearest;

	int			skip;			/* what is not measured, of the parts above; 0: nothing */

	void		(*progress) (void *ctx, int64_t done);	/* queries so far; may be NULL */
	void	   *progress_ctx;
} AssessTask;

/* Figures of verification (roc.h). NaN: there are no such pairs. */
#define ASSESS_FARS	4
extern const double ASSESS_FAR[ASSESS_FARS];	/* 0.1, 0.01, 0.001, 0.0001 */

typedef struct Verification
{
	double		genuine;		/* pairs */
	double		impostor;
	double		auc;
	double		average_precision;
	double		eer;
	double		tar[ASSESS_FARS];	/* NaN: too few impostor pairs */
	double		accuracy;		/* the best */
	double		accuracy_threshold;	/* NaN if accepting no pair is most accurate */
} Verification;

typedef struct Assessment
{
	int			n_classes;
	int64_t		queries;
	int64_t		lone;
	int64_t    *of_class;		/* n_classes: queries of each class */
	int64_t		duplicates;		/* queries that a duplicate was hidden from */
	int64_t		empty;			/* queries that may find no row at all */
	int64_t		gainless;		/* queries without any gain: their NDCG counts as 0 */
	double	   *sum;			/* n_classes x ASSESS_METRICS, by the query's class */
	double	   *weight;			/* queries that the sums are of */
	PairCounts	pairs;			/* of queries and visible rows; without a protocol each pair once */
	Verification verification;
} Assessment;

/*
 * Measure an embedding. LEARN_DIVERGED: a value is not finite. Memory beside the result: 64 MB of
 * scores, at most 100 MB of pairs, and about 50 bytes for each row of the gallery and each query.
 */
extern LearnStatus assess(LearnEnv *env, const AssessTask *task, Assessment *out);

/* The curve of verification alone. */
extern LearnStatus assess_pairs(LearnEnv *env, const AssessTask *task, Roc *roc);

extern void assess_verification(const Roc *roc, Verification *out);

/*
 * A metric as the mean over queries, as the mean over classes of the means of each class, and of
 * one class. NaN: there is no such query.
 */
extern double assess_micro(const Assessment *assessment, int metric);
extern double assess_macro(const Assessment *assessment, int metric);
extern double assess_of_class(const Assessment *assessment, int metric, int class);

/* The group of a class in pairs. */
extern int	assess_group(const Assessment *assessment, int class);

#endif							/* ASSESS_H */
