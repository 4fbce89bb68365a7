/*
 * rng.h
 *	  The random numbers of training: xoshiro256++ (Blackman and Vigna, 2019),
 *	  seeded through splitmix64.  A stream is a value: copy it and it repeats.
 */
#ifndef RNG_H
#define RNG_H

#include <stdint.h>

typedef struct Rng
{
	uint64_t	s[4];
} Rng;

extern uint64_t rng_mix(uint64_t x);	/* splitmix64's finaliser: a good hash of 64 bits */
extern void rng_seed(Rng *rng, uint64_t seed, uint64_t stream);
extern uint64_t rng_next(Rng *rng);
/* uniform in [0, bound), bound > 0, unbiased */
extern uint64_t rng_below(Rng *rng, uint64_t bound);
extern double rng_uniform(Rng *rng);	/* [0, 1) */
extern double rng_normal(Rng *rng);		/* mean 0, variance 1 */

/* One of n by weight; cumulative: the weights summed up, all up to and with each. */
extern int64_t rng_choose(Rng *rng, const double *cumulative, int64_t n);

/* Fisher-Yates over n indexes. */
extern void rng_shuffle(Rng *rng, int64_t *index, int64_t n);

#endif							/* RNG_H */
