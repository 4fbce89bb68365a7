/*
 * project.h
 *	  Rows of a space in the plane: PCA, LDA or t-SNE.
 */
#ifndef PROJECT_H
#define PROJECT_H

#include "base/learn.h"

typedef enum Projection
{
	PROJECT_PCA,
	PROJECT_LDA,
	PROJECT_TSNE
} Projection;

/* t-SNE sees the rows by this many principal components at most. */
#define PROJECT_TSNE_DIMS	50

typedef struct Projected
{
	float	   *at;				/* n x 2 */
	/* of the variance of the rows, along each axis; NaN: unknown (t-SNE) */
	double		share[2];
	/* lda: the second axis is a principal component, since there are two classes */
	bool		components;
} Projected;

/*
 * x: n x d, finite, n >= 1. label: n in [0, n_classes), or -1 where a row has none; LDA alone reads
 * it. Rows that are all equal lie at one point. LEARN_DATA: LDA cannot be computed. LEARN_INVALID:
 * t-SNE of more than TSNE_MAX_ROWS rows. Loads BLAS.
 */
extern LearnStatus project(LearnEnv *env, Projection how, const float *x, const int32_t *label, int n_classes, int64_t n, int d,
						   uint64_t seed, Projected *out);

#endif							/* PROJECT_H */
