/*
 * halve.h
 *	  Two clusters of a few vectors: what a page that is full becomes.
 */
#ifndef ANN_HALVE_H
#define ANN_HALVE_H

#include <stdint.h>

/* Floats of scratch that ann_halve() wants. */
#define ANN_HALVE_FLOATS(n, width)	(2 * (width) + 2 * (n))

/*
 * Order n >= 2 vectors (n x width) so that the first m of order are one cluster and the rest
 * the other: 2-means, and neither less than a quarter of n.  Returns m.  Vectors that are all
 * alike are cut in the middle.  The same vectors, the same cut.
 */
extern int	ann_halve(const float *vectors, int n, int width, float *scratch, int32_t *order);

#endif							/* ANN_HALVE_H */
