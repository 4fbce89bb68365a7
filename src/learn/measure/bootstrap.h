/*
 * bootstrap.h
 *	  Intervals of an assessment's figures, and of differences between two assessments of the same
 *	  rows, from a bootstrap over classes.
 *
 * Rows of a class are alike, and unseen classes are what one wants to know about: so classes are drawn with
 * replacement, not rows (Efron and Tibshirani 1993).  95 % are between the 2.5th and the 97.5th percentile of
 * the draws.  In each draw all assessments get the same classes, so that a difference is paired.  Pairs
 * count for the class of their query, by coarse bins, whose small bias is taken off.
 */
#ifndef BOOTSTRAP_H
#define BOOTSTRAP_H

#include "assess.h"

#define BOOTSTRAP_DRAWS	1000

/* Figures of verification, behind the means over queries and the means over classes of these. */
typedef enum BootstrapFigure
{
	BOOTSTRAP_MICRO = 0,
	BOOTSTRAP_MACRO = ASSESS_METRICS,
	BOOTSTRAP_AUC = 2 * ASSESS_METRICS,
	BOOTSTRAP_AVERAGE_PRECISION,
	BOOTSTRAP_EER,
	BOOTSTRAP_TAR,
	BOOTSTRAP_ACCURACY = BOOTSTRAP_TAR + ASSESS_FARS,
	BOOTSTRAP_FIGURES
} BootstrapFigure;

typedef struct MetricInterval
{
	double		low;			/* NaN: none */
	double		high;
} MetricInterval;

/* The percentiles of those of n drawn values that are numbers, on the line between two of them; value is sorted. */
extern MetricInterval bootstrap_percentiles(double *value, int n);

/* A figure as it is. */
extern double assess_figure(const Assessment *assessment, int figure);

/*
 * interval[a * BOOTSTRAP_FIGURES + f] of figure f of assessments[a]; and behind those of all, at
 * a = count, of assessments[count - 1] less assessments[0].  No intervals with fewer than two classes.
 */
extern LearnStatus bootstrap_intervals(LearnEnv *env, const Assessment *const *assessments, int count, uint64_t seed,
									   MetricInterval *interval);

#endif							/* BOOTSTRAP_H */
