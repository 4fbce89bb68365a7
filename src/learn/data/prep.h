/*
 * prep.h
 *	  Preprocessing as part of the model: a shift and scale for each column, then optionally a
 *	  projection (PCA, whitening).
 *
 * Fitting repairs what would break training, and a notice says how many columns are concerned. A
 * constant column gets scale 0. Collinear columns lose their null directions in a projection.
 */
#ifndef PREP_H
#define PREP_H

#include "base/learn.h"
#include "rows.h"

typedef enum PrepKind
{
	PREP_NONE,					/* x */
	/* one scale for all columns: (x - mean) / overall standard deviation */
	PREP_SCALE,
	PREP_STANDARDIZE,			/* (x - mean_j) / sd_j */
	PREP_PCA,					/* standardise, then project on the leading components */
	PREP_WHITEN					/* the same with unit variance a component */
} PrepKind;

typedef struct Prep
{
	PrepKind	kind;
	int			in;
	int			out;
	float	   *mean;			/* in */
	float	   *scale;			/* in: multiplied after the mean is taken off */
	float	   *proj;			/* out x in row-major, or NULL where out == in */
} Prep;

/*
 * Fit to rows index[0..n) (NULL: all), in one streaming pass of float64 moments. components: the
 * most directions that PCA and whitening keep, of those with an eigenvalue above 1e-6 of the
 * largest; 0: 512. All kinds except PREP_NONE need a column that varies (LEARN_DATA). Rows whose
 * scales are to be kept (Rows.balanced) get one scale for all columns instead of one for each.
 */
extern LearnStatus prep_fit(LearnEnv *env, PrepKind kind, const Rows *rows, const int64_t *index,
							int64_t n, int components, Prep **prep);

/* out (n x prep->out).  out may not be x.  scratch: n * in floats where proj is set, else NULL. */
extern void prep_apply(const Prep *prep, const float *x, int n, float *out, float *scratch);

/*
 * Do all columns share one unit, such as pixels or spectra, according to the first thousand rows?
 * Rows whose scales are to be kept do.
 */
extern LearnStatus prep_one_scale(LearnEnv *env, const Rows *rows, bool *one_scale);

extern const char *prep_name(PrepKind kind);
extern bool prep_by_name(const char *name, PrepKind *kind);

#endif							/* PREP_H */
