/*
 * lanes.h
 *	  Sums of floats in 16 fixed lanes, added in one order: every instruction set gives the
 *	  same bits.
 */
#ifndef ANN_LANES_H
#define ANN_LANES_H

#define LANES	16

/* The sum of the lanes, which are used up. */
static inline float
add_lanes(float *sum)
{
	for (int half = LANES / 2; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			sum[j] += sum[j + half];
	return sum[0];
}

#endif							/* ANN_LANES_H */
