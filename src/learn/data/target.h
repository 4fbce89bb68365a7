/*
 * target.h
 *	  A number to predict, in units of its standard deviation.
 */
#ifndef TARGET_H
#define TARGET_H

#include "rows.h"

typedef struct TargetScale
{
	double		mean;
	double		deviation;		/* above 0 */
} TargetScale;

/*
 * The mean and deviation of the target of rows index[0..n); index NULL: of the first n. LEARN_DATA:
 * all values are equal, or their squares are out of range.
 */
extern LearnStatus target_scale(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, TargetScale *scale);

static inline double
target_of(const Rows *rows, const TargetScale *scale, int64_t row)
{
	return (rows->target[row] - scale->mean) / scale->deviation;
}

#endif							/* TARGET_H */
