/*
 * scatter.h
 *	  Scatter within and between classes of standardised rows, and how far the scatter within
 *	  can be trusted.
 */
#ifndef SCATTER_H
#define SCATTER_H

#include "base/learn.h"
#include "rows.h"

typedef struct Scatter
{
	int64_t		n;				/* rows */
	int			classes;		/* that have rows */
	/* d x d: covariance about the class means, divided by n - classes */
	double	   *within;
	/* d x d: covariance of the class means, weighted by their rows, divided by n */
	double	   *between;
	int			varying;		/* columns that vary */
	double		shrinkage;		/* in [0, 1]: Ledoit and Wolf's share of the identity */
} Scatter;

/*
 * The scatter of (x - mean) * scale for rows index[0..n) (NULL: all), which need labels. columns:
 * if the rows are coordinates of longer rows, how many varying columns those have; 0: their own
 * number. LEARN_DATA, with the name what: fewer than two classes, or no class of two rows. what is
 * NULL if one class is enough. Loads BLAS.
 */
extern LearnStatus scatter_fit(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
							   const float *mean, const float *scale, int columns, const char *what, Scatter *scatter);

/* Are there ten rows for each varying column, enough to use the scatter within as it is? */
extern bool scatter_trusted(const Scatter *scatter);

#endif							/* SCATTER_H */
