/*
 * soft.h
 *	  Soft neighbours: row i takes row j for its neighbour with probability p_ij = exp(-d_ij) / sum
 *	  over k other than i of exp(-d_ik), d the squared distance under a linear map.
 *
 * What row i expects of its neighbour, m_i = sum over j of p_ij v_j, is what neighbourhood
 * components analysis (v_j: of my class or not) and metric learning for kernel regression (v_j: the
 * target) learn by.
 */
#ifndef SOFT_H
#define SOFT_H

#include "base/learn.h"

typedef struct Soft
{
	int64_t		n;
	int			d;
	int			m;				/* rows of the map */
	const real *x;				/* n x d */

	/* one of both */
	const int64_t *start;		/* classes: rows start[c] .. start[c + 1] - 1 are of class c */
	int			n_classes;
	const real *target;			/* n */

	real	   *map;			/* m x d */
	real	   *z;				/* n x m: mapped, about their mean */
	real	   *half;			/* n: half their squared lengths */
	real	   *dz;				/* n x m */
	real	   *gradient;		/* m x d */
	real	   *p;				/* block x n */
	int32_t    *place;			/* of a block: where c counts, row by row; at most `places` */
	int			places;
	int		   *found;			/* block: how many of them are of a row */
	int			block;
} Soft;

/* Buffers for n, d and m, which are set, as are x and the rest of the first half.  Loads BLAS. */
extern LearnStatus soft_create(LearnEnv *env, Soft *soft);

/*
 * At map (m x d).  Classes: value = -sum of m_i, the number of rows that are expected to find one
 * of their own, with opposite sign.  Target: sum of (m_i - target_i)^2.  An LbfgsFunction; ctx is a
 * Soft.
 */
extern LearnStatus soft_evaluate(LearnEnv *env, void *ctx, const double *map, double *value, double *gradient);

#endif							/* SOFT_H */
