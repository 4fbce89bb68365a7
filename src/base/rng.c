/*
 * rng.c
 *	  xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number
 *	  generators", 2019), seeded by splitmix64 (Steele, Lea and Flood 2014).
 */
#include "rng.h"

#include <math.h>

#define GOLDEN_GAMMA	UINT64_C(0x9e3779b97f4a7c15)

uint64_t
rng_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/*
 * Different (seed, stream) give unrelated sequences: the stream is hashed before it
 * meets the seed, so seed 1, stream 0 is not seed 0, stream 1.
 */
void
rng_seed(Rng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t	state = seed + rng_mix(stream * GOLDEN_GAMMA + 1);

	for (int i = 0; i < 4; i++)
	{
		state += GOLDEN_GAMMA;
		rng->s[i] = rng_mix(state);
	}
}

static inline uint64_t
rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t
rng_next(Rng *rng)
{
	uint64_t   *s = rng->s;
	uint64_t	result = rotate_left(s[0] + s[3], 23) + s[0];
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t
rng_below(Rng *rng, uint64_t bound)
{
	/* 2^64 mod bound: below it a remainder would come up once too often */
	uint64_t	reject = -bound % bound;
	uint64_t	r;

	do
		r = rng_next(rng);
	while (r < reject);
	return r % bound;
}

double
rng_uniform(Rng *rng)
{
	return (rng_next(rng) >> 11) * 0x1p-53;
}

/* Box and Muller 1958; the second of the pair is not kept, so a stream has no state beside s. */
double
rng_normal(Rng *rng)
{
	double		u = 1.0 - rng_uniform(rng);
	double		angle = 6.283185307179586477 * rng_uniform(rng);

	return sqrt(-2.0 * log(u)) * cos(angle);
}

int64_t
rng_choose(Rng *rng, const double *cumulative, int64_t n)
{
	double		u = rng_uniform(rng) * cumulative[n - 1];
	int64_t		low = 0;
	int64_t		high = n - 1;

	while (low < high)
	{
		int64_t		mid = (low + high) / 2;

		if (cumulative[mid] > u)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

void
rng_shuffle(Rng *rng, int64_t *index, int64_t n)
{
	for (int64_t i = n - 1; i > 0; i--)
	{
		int64_t		j = (int64_t) rng_below(rng, (uint64_t) i + 1);
		int64_t		swap = index[i];

		index[i] = index[j];
		index[j] = swap;
	}
}
