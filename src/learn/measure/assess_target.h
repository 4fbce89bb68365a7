/*
 * assess_target.h
 *	  How good an embedding is by a number to predict.
 *
 * The number of a query is predicted as the mean of its k nearest rows. R2 is 1 - squared errors /
 * squared differences from the mean of the queries.
 *
 * Spearman's correlation does not depend on k. For each query it compares the distance to rows
 * with the difference of their numbers from the query's; ties have their mean rank. The figure is
 * the mean over queries. At most TARGET_RANKED rows of the gallery, evenly spaced, are used.
 */
#ifndef ASSESS_TARGET_H
#define ASSESS_TARGET_H

#include "bootstrap.h"

#define TARGET_RANKED	1000

typedef enum TargetFigure
{
	TARGET_R2,
	TARGET_RMSE,
	TARGET_MAE,
	TARGET_SPEARMAN,
	TARGET_FIGURES
} TargetFigure;

typedef struct TargetTask
{
	const float *query;			/* nq x d */
	const double *query_target; /* finite */
	int64_t		nq;
	const float *gallery;		/* ng x d */
	const double *gallery_target;
	int64_t		ng;
	int			d;
	/* nq: the row of the gallery that the query itself is; NULL: none is */
	const int64_t *self;

	/* of rows' content: a query does not find rows with its own hash and number; NULL: it does */
	const uint64_t *query_hash;
	const uint64_t *gallery_hash;
	int			k;
	void		(*progress) (void *ctx, int64_t done);
	void	   *progress_ctx;
} TargetTask;

/* Sums over the queries of a group, which the bootstrap draws. */
typedef struct TargetSums
{
	double		queries;
	double		number;			/* less the mean of all */
	double		square;			/* of that */
	double		error;			/* squared */
	double		absolute;
	double		rank;			/* correlations, */
	double		ranked;			/* and of how many queries */
} TargetSums;

typedef struct TargetAssessment
{
	int			groups;
	TargetSums *sums;
	int64_t		duplicates;		/* queries that have copies, which they did not find */
	int64_t		lone;			/* queries that could find no row: they do not count */
} TargetAssessment;

/* The result lives in env's arena.  LEARN_DIVERGED: a number is not finite. */
extern LearnStatus assess_target(LearnEnv *env, const TargetTask *task, TargetAssessment *out);

/* A figure. NaN where it is not defined: there is one query, or all numbers are equal. */
extern double target_figure(const TargetAssessment *assessment, TargetFigure figure);

/*
 * interval[a * TARGET_FIGURES + f] is the interval of figure f of assessments[a]; at a = count it
 * is that of the last minus the first. As bootstrap_intervals, but queries are drawn with
 * replacement; more than 20,000 are drawn in groups.
 */
extern LearnStatus target_intervals(LearnEnv *env, const TargetAssessment *const *assessments, int count, uint64_t seed,
									MetricInterval *interval);

#endif							/* ASSESS_TARGET_H */
