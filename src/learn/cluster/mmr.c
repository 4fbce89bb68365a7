/*
 * mmr.c
 *	  Maximal marginal relevance.
 *
 * Each row keeps its distance to the nearest chosen row.  A row that is chosen can only lower it,
 * so a step costs one distance for each row that is left.
 */
#include "mmr.h"

#include <math.h>

#define POLL_EVERY	256			/* distances */

LearnStatus
mmr_choose(LearnEnv *env, ClusterMetric metric, const float *const *x, int d, const double *relevance,
		   int32_t n, double lambda, int32_t k, int32_t *chosen)
{
	ArenaMark	mark = arena_mark(env->arena);
	double	   *gap;			/* to the nearest chosen row; negative: the row is chosen */
	int64_t		distances = 0;

	LEARN_ALLOC(env, gap, n);
	for (int32_t i = 0; i < n; i++)
		gap[i] = INFINITY;
	for (int32_t step = 0; step < k; step++)
	{
		int32_t		best = -1;
		double		best_score = 0;

		for (int32_t i = 0; i < n; i++)
		{
			double		score;

			if (gap[i] < 0)
				continue;
			if (step > 0)
			{
				gap[i] = fmin(gap[i], clusters_distance(metric, x[i], x[chosen[step - 1]], d));
				if (++distances % POLL_EVERY == 0)
					LEARN_TRY(learn_poll(env));
			}
			score = step == 0 ? relevance[i] : lambda * relevance[i] - (1 - lambda) * gap[i];
			if (best < 0 || score < best_score || (score == best_score && relevance[i] < relevance[best]))
			{
				best = i;
				best_score = score;
			}
		}
		chosen[step] = best;
		gap[best] = -1;
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
