/*
 * rotate.h
 *	  A random rotation that costs n log n: codes are taken along its axes, so that no
 *	  axis of the data is special and a vector's length is spread over all of them.
 *
 * Rounds of random signs and a Walsh-Hadamard transform (Ailon and Chazelle, 2009).  The
 * transform takes a power of two; for other widths rounds alternate between the first
 * and the last 2^k elements, which overlap, so nothing is padded beyond a multiple of 16.
 */
#ifndef ANN_ROTATE_H
#define ANN_ROTATE_H

#include <stddef.h>
#include <stdint.h>

#define ANN_MAX_DIMS	16000

typedef struct AnnRotation
{
	int			dims;			/* of a vector, 1 to ANN_MAX_DIMS */
	int			width;			/* of a rotated vector: dims rounded up to a multiple of 16 */
	int			rounds;
	float		scale;			/* what a rotated vector is multiplied by: a power of two */
	const float *signs;			/* rounds x width of 1 and -1 */
} AnnRotation;

extern int	ann_width(int dims);

/* Floats that ann_rotation_init() wants from its caller. */
extern size_t ann_rotation_floats(int dims);

/* The rotation of this seed, with scale 1; the same on every machine.  memory is kept. */
extern void ann_rotation_init(AnnRotation *rotation, int dims, uint64_t seed, float *memory);

/*
 * out (width) = scale times the rotation of in - origin (dims each; origin NULL: zero).  With
 * scale 1, lengths and angles do not change, except for float's rounding: a few 1e-7 of the length.
 */
extern void ann_rotate(const AnnRotation *rotation, const float *in, const float *origin, float *out);

#endif							/* ANN_ROTATE_H */
