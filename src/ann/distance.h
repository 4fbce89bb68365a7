/*
 * distance.h
 *	  Distances between float vectors.
 *
 * Vectors are n >= 1 finite floats, of any alignment that a float may have.  Sums are
 * taken in float by the kernel of the machine's instruction set, in 16 to 64
 * partial sums, so that the error stays at a few 1e-7 of the sum of the terms'
 * magnitudes.  A sum that leaves float's range, upwards or downwards, is taken again
 * in double: a distance of finite vectors is finite, and 0 between different vectors
 * only where double itself underflows, which it does not.
 *
 * All are symmetric to the bit: f(a, b) == f(b, a).
 */
#ifndef DISTANCE_H
#define DISTANCE_H

#include <stdbool.h>

extern double distance_l2_squared(const float *a, const float *b, int n);
extern double distance_l2(const float *a, const float *b, int n);
extern double distance_inner_product(const float *a, const float *b, int n);
extern double distance_l1(const float *a, const float *b, int n);

/* 1 - cos(a, b), in [0, 2]; NaN if a or b is all zeros, and so has no direction. */
extern double distance_cosine(const float *a, const float *b, int n);

/* What cosine is made of, in one pass. */
typedef struct CosineParts
{
	double		dot;
	double		norm_a;			/* squared */
	double		norm_b;			/* squared */
} CosineParts;

extern CosineParts distance_cosine_parts(const float *a, const float *b, int n);

/*
 * Use the kernels of one instruction set: "plain", "avx2", "avx512", "neon", or "auto" for
 * the best that the machine has, which is what is used at load.  False, and nothing
 * changes, if this machine or this build has not got it.
 */
extern bool distance_force(const char *name);
extern bool distance_available(const char *name);
extern const char *distance_current(void);

#endif							/* DISTANCE_H */
