/*
 * score_float.h
 *	  The float half of a kernel set, compiled once with each set's flags.  16 lanes, no
 *	  contraction (src/simd.mk): all sets round alike.  Included by score_*.c only; one that
 *	  has a place() of its own defines OWN_PLACE first.
 */
#ifndef ANN_SCORE_FLOAT_H
#define ANN_SCORE_FLOAT_H

#include <math.h>

#include "ann/code.h"
#include "ann/lanes.h"
#include "ann/score_kernels.h"

/* Added to and taken from a float below 2^22, it rounds it to a whole number, halves to even. */
#define ROUNDER	12582912.0f

/* The unit of a query whose largest difference is most, and what to multiply by for levels. */
static inline float
unit_of(float most, float *inverse)
{
	/* A difference too small to divide by rounds to level 0, and counts as rounding. */
	*inverse = most > 1e-30f ? 127.0f / most : 0;
	return most > 1e-30f ? most / 127.0f : 0;
}

#ifndef OWN_PLACE
static void
place(const float *query, const uint8_t *frame, float step, int width, ScoreQuery *result)
{
	float	   *restrict difference = result->difference;
	int8_t	   *restrict levels = result->levels;
	float		square[LANES] = {0};
	float		largest[LANES] = {0};
	float		sum[LANES] = {0};
	float		lost[LANES] = {0};
	float		most = 0;
	float		unit;
	float		inverse;

	for (int i = 0; i < width; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			float		d = query[i + j] - step * ((float) frame[i + j] - 127.5f);
			float		size = d < 0 ? -d : d;

			difference[i + j] = d;
			square[j] += d * d;
			largest[j] = size > largest[j] ? size : largest[j];
		}
	for (int j = 0; j < LANES; j++)
		most = largest[j] > most ? largest[j] : most;
	unit = unit_of(most, &inverse);
	for (int i = 0; i < width; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			float		level = (difference[i + j] * inverse + ROUNDER) - ROUNDER;
			float		left = difference[i + j] - unit * level;

			levels[i + j] = (int8_t) (int) level;
			sum[j] += level;
			lost[j] += left * left;
		}
	result->unit = unit;
	result->distance2 = add_lanes(square);
	result->level_sum = add_lanes(sum);
	result->rounding2 = add_lanes(lost);
}
#endif							/* OWN_PLACE */

static void
estimate(const ScoreQuery *query, float half, const int32_t *dots,
		 const float *norm, const float *scale, int n, float *estimates)
{
	float		shift = half * query->level_sum;
	float		twice = 2 * query->unit;
	float		distance2 = query->distance2;

	for (int j = 0; j < n; j++)
		estimates[j] = (distance2 + norm[j]) - (twice * scale[j]) * ((float) dots[j] - shift);
}

/* The least of n numbers that are not NaN; infinite of none. */
static float
least_of(const float *values, int n)
{
	float		least[LANES];
	int			i = 0;

	for (int j = 0; j < LANES; j++)
		least[j] = INFINITY;
	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			least[j] = values[i + j] < least[j] ? values[i + j] : least[j];
	for (; i < n; i++)
		least[0] = values[i] < least[0] ? values[i] : least[0];
	for (int j = 1; j < LANES; j++)
		least[0] = least[j] < least[0] ? least[j] : least[0];
	return least[0];
}

/* See code.h for the formula, here divided by distance2; a NaN, of numbers too large, gives 0. */
static float
lower(const ScoreQuery *query, const float *estimates, const float *norm, const float *error, int n,
	  float *restrict result)
{
	float		distance2 = query->distance2;
	float		length = sqrtf(distance2);
	float		rounding = sqrtf(query->rounding2);
	float		inverse2 = 1 / distance2;
	float		inverse = 1 / length;

	for (int j = 0; j < n; j++)
	{
		float		root = sqrtf(norm[j]);
		float		off = error[j] * inverse;
		float		share = norm[j] * inverse2;
		float		both = share + off * off;
		float		dot = 0.5f * ((distance2 + norm[j]) - estimates[j]) + rounding * (root + error[j]);
		float		cap = length * (root + CODE_TINY);
		float		part = dot * inverse2;
		float		rest = both - part * part;
		float		most;
		float		least;

		rest = (rest > 0 ? rest : 0) + CODE_CANCELLED * both;
		most = (dot * share + root * error[j] * sqrtf(rest)) / both;
		most = ((dot < cap) & (most < cap) & (most > -cap)) ? most : cap;
		least = (distance2 + norm[j]) * (1 - CODE_ROUNDING) - 2 * most;
		least = error[j] < CODE_NOT_CERTAIN ? least : 0;
		result[j] = least > 0 ? least : 0;
	}
	return least_of(result, n);
}

#endif							/* ANN_SCORE_FLOAT_H */
