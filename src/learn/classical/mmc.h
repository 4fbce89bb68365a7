/*
 * mmc.h
 *	  The objective of Mahalanobis metric for clustering.
 */
#ifndef MMC_H
#define MMC_H

#include "solver.h"

typedef struct Mmc
{
	int			d;
	const Constraints *c;		/* pairs */
	const Points *points;
	const int32_t *place;		/* c->n x 2: places of points */

	/* d x d: scatter of same pairs, and a little more on its diagonal */
	double	   *same;
	double	   *map;			/* d x d: scratch */
	double	   *v;				/* scratch: differences of a block of pairs */
	double	   *y;				/* the same, mapped */
	double	   *weight;
} Mmc;

/* The scatter and the scratch.  LEARN_DATA if same pairs do not differ.  Loads BLAS. */
extern LearnStatus mmc_create(LearnEnv *env, Mmc *mmc);

/*
 * log(sum over same of |map v|^2) - 2 log(sum over different of |map v|), map d x d; or with
 * weights root^2 (d) for the columns.  LbfgsFunctions; ctx is an Mmc.  Time n d^2, and n d.
 */
extern LearnStatus mmc_evaluate(LearnEnv *env, void *ctx, const double *map, double *value, double *gradient);
extern LearnStatus mmc_evaluate_diagonal(LearnEnv *env, void *ctx, const double *root, double *value, double *gradient);

#endif							/* MMC_H */
