/*
 * target.c
 *	  A number to predict, in units of its standard deviation.
 */
#include "target.h"

#include <math.h>

LearnStatus
target_scale(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, TargetScale *scale)
{
	double		mean = 0;
	double		square = 0;

	for (int64_t i = 0; i < n; i++)
		mean += rows->target[index ? index[i] : i] / (double) n;
	for (int64_t i = 0; i < n; i++)
	{
		double		difference = rows->target[index ? index[i] : i] - mean;

		square += difference * difference / (double) n;
	}

	/* equal values differ from their mean by rounding */
	if (!(square > 1e-24 * mean * mean) || !isfinite(square))
	{
		bool		large = !isfinite(square);

		learn_fail(env, LEARN_DATA, large ? "the values of the target are too large" : "all rows have the same target");
		learn_hint(env, large ? "Their squares are beyond double precision: divide the target by a constant." :
				   "A metric is learned from what the target differs by.");
		return LEARN_DATA;
	}
	scale->mean = mean;
	scale->deviation = sqrt(square);
	return LEARN_OK;
}
