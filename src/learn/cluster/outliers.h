/*
 * outliers.h
 *	  Scores of outliers from the distances of a row's nearest rows.
 *
 * Local outlier factor: Breunig, Kriegel, Ng and Sander, LOF: identifying density-based local
 * outliers, SIGMOD 2000.  As in scikit-learn, a row has exactly k neighbours, also where several
 * are equally far away.
 *
 * Density is infinite where k neighbours are equal rows.  The factor of a row with infinite density
 * is 1.  Any other row that has such a neighbour has an infinite factor.
 */
#ifndef OUTLIERS_H
#define OUTLIERS_H

#include "base/learn.h"

/*
 * Rows among which others are looked up, each with its k >= 1 nearest, which exclude the row
 * itself.
 */
typedef struct OutlierRows
{
	int64_t		n;
	int			k;
	const int32_t *row;			/* n x k */
	const double *distance;		/* n x k, nearest first */
	double	   *density;		/* n: local reachability densities; outliers_density() fills it */
} OutlierRows;

/*
 * The local reachability density of a row from its k neighbours and the distance of each one's
 * k-th.
 */
extern double outliers_density_of(const double *distance, const double *reach, int k);

/* The local outlier factor from a row's density and those of its k neighbours. */
extern double outliers_factor_of(double density, const double *others, int k);

/* Fill rows->density. */
extern LearnStatus outliers_density(LearnEnv *env, const OutlierRows *rows);

/*
 * The factor of one row whose k nearest among rows are given: row i of them by its own neighbours,
 * or a row that is not one of them.  scratch: 2 k.
 */
extern double outliers_factor(const OutlierRows *rows, const int32_t *row, const double *distance, double *scratch);

/*
 * The conformal p-value of a score: (1 + the number of calibration scores that are at least as
 * large) / (n + 1).  calibration: n in rising order.
 */
extern double outliers_p_value(double score, const double *calibration, int64_t n);

#endif							/* OUTLIERS_H */
