/*
 * lmnn.h
 *	  The objective of large-margin nearest neighbours on given targets and impostors.
 */
#ifndef LMNN_H
#define LMNN_H

#include "base/learn.h"

typedef struct Lmnn
{
	int64_t		n;
	int			d;
	int			m;				/* rows of the map */
	const real *x;				/* n x d */
	double		pull;			/* in (0, 1] */
	double		smooth;			/* width in which a hinge bends; 0: it has a corner */

	int			k;				/* targets of a row, at most */
	int32_t    *target;			/* n x k: rows of the same class, -1 behind the last */
	/* n + 1: row i's impostors are impostor[start[i]] .. impostor[start[i + 1] - 1] */
	int64_t    *start;
	int32_t    *impostor;

	double	   *z;				/* n x m: rows mapped */
	double	   *dz;				/* n x m */
	double	   *block;			/* lmnn_block(d) x d: scratch */
} Lmnn;

/* Buffers for the functions above.  Loads BLAS. */
extern LearnStatus lmnn_create(LearnEnv *env, Lmnn *lmnn);

/*
 * At map (m x d): pull times the sum of squared distances to targets plus (1 - pull) times the sum,
 * over rows i, targets j and impostors l, of h(1 + d_ij - d_il), where h(t) = [t]+, or for smooth e
 * > 0: 0 below 0, t^2 / 2e up to e, t - e / 2 beyond. An LbfgsFunction; ctx is an Lmnn.
 */
extern LearnStatus lmnn_evaluate(LearnEnv *env, void *ctx, const double *map, double *value, double *gradient);

#endif							/* LMNN_H */
