/*
 * views.h
 *	  Views of a row: the row with noise, with columns masked, or mixed with another row. Self-
 *	  supervised methods learn that views of a row are the same. The columns of one value, such as
 *	  those of a category, are masked together; noise is for numbers only.
 */
#ifndef VIEWS_H
#define VIEWS_H

#include "base/rng.h"
#include "rows.h"

typedef struct Views
{
	int			d;
	double		noise;			/* standard deviation of what is added, in those of the column */
	double		mask;			/* chance of each column to be replaced by its mean, in [0, 1) */
	double		mix;			/* largest share of another row, in [0, 1) */
	const double *mean;			/* d */
	const double *sd;			/* d */
	const uint8_t *view;		/* d RowsViews, or NULL */
} Views;

/* Set up views for rows index[0..n) (NULL: all), whose means and deviations are computed. */
extern LearnStatus views_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
								double noise, double mask, double mix, Views *views);

/*
 * out (n x d): a view of each row of x, which may not be out. The row to mix with is another row of
 * x. All random numbers come from rng, equally many for each row whatever its values.
 */
extern void views_make(const Views *views, Rng *rng, const float *x, int n, float *out);

#endif							/* VIEWS_H */
