/*
 * bootstrap.h
 *	  Intervals of the figures of an assessment, and of differences between two assessments of
 *	  the same rows, by a bootstrap over classes.
 *
 * Rows of a class are alike, and unseen classes are what users want to know about. So classes are
 * drawn with replacement, not rows (Efron and Tibshirani 1993). The interval is from the 2.5th to
 * the 97.5th percentile of the draws. In each draw all assessments get the same classes, so a
 * difference is paired. A pair counts for the class of its query, by coarse bins, whose small bias
 * is subtracted.
 */
#ifndef BOOTSTRAP_H
#define BOOTSTRAP_H

#include "assess.h"

#define BOOTSTRAP_DRAWS	1000

/* Figures of verification. They follow the means over queries and the means over classes. */
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

/* The percentiles of n drawn values without the NaNs, interpolated linearly. Sorts value. */
extern MetricInterval bootstrap_percentiles(double *value, int n);

/* A figure as it is. */
extern double assess_figure(const Assessment *assessment, int figure);

/*
 * interval[a * BOOTSTRAP_FIGURES + f] is the interval of figure f of assessments[a]. At a = count
 * it is that of assessments[count - 1] minus assessments[0]. No intervals with fewer than two
 * classes.
 */
extern LearnStatus bootstrap_intervals(LearnEnv *env, const Assessment *const *assessments, int count, uint64_t seed,
									   MetricInterval *interval);

#endif							/* BOOTSTRAP_H */
