/*
 * scatter.h
 *	  Scatter within and between classes of standardised rows, and how much of the
 *	  former to believe.
 */
#ifndef SCATTER_H
#define SCATTER_H

#include "base/learn.h"
#include "rows.h"

typedef struct Scatter
{
	int64_t		n;				/* rows */
	int			classes;		/* that have rows */
	double	   *within;			/* d x d: covariance about the class means, divided by n - classes */
	double	   *between;		/* d x d: covariance of the class means, weighted by their rows, divided by n */
	int			varying;		/* columns that vary */
	double		shrinkage;		/* in [0, 1]: Ledoit and Wolf's share of the identity */
} Scatter;

/*
 * Of (x - mean) * scale for rows index[0..n) (NULL: all).  Rows need labels.  columns: how many
 * varying columns the rows stand for if they are coordinates of longer ones; 0: their own.
 * LEARN_DATA, by the name of what asks: fewer than two classes, or no class of two rows; what is NULL where one
 * class will do.  Loads BLAS.
 */
extern LearnStatus scatter_fit(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
							   const float *mean, const float *scale, int columns, const char *what, Scatter *scatter);

/* Are there rows enough, ten a column that varies, to believe the scatter within as it is? */
extern bool scatter_trusted(const Scatter *scatter);

#endif							/* SCATTER_H */
