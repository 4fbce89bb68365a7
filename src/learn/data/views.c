/*
 * views.c
 *	  Views of a row: noise, masking (VIME, Yoon et al. 2020; SCARF, arXiv 2106.15147), mixing
 *	  (mixup, arXiv 1710.09412).
 */
#include "views.h"

#include <math.h>

#include "moments.h"

LearnStatus
views_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
			 double noise, double mask, double mix, Views *views)
{
	double	   *sd;
	Moments		m;

	LEARN_TRY(moments_fit(env, rows, index, n, false, &m));
	LEARN_ALLOC(env, sd, rows->d);
	for (int j = 0; j < rows->d; j++)
		sd[j] = sqrt(m.var[j]);
	views->d = rows->d;
	views->noise = noise;
	views->mask = mask;
	views->mix = mix;
	views->mean = m.mean;
	views->sd = sd;
	views->view = rows->view;
	return LEARN_OK;
}

void
views_make(const Views *views, Rng *rng, const float *x, int n, float *out)
{
	int			d = views->d;

	for (int i = 0; i < n; i++)
	{
		const float *own = x + (size_t) i * d;
		const float *other = own;
		float	   *to = out + (size_t) i * d;
		double		share = views->mix > 0 ? views->mix * rng_uniform(rng) : 0;
		bool		masked = false;

		if (share > 0 && n > 1)
			other = x + (size_t) ((i + 1 + (int) rng_below(rng, (uint64_t) n - 1)) % n) * d;
		for (int j = 0; j < d; j++)
		{
			double		value = own[j] + share * ((double) other[j] - own[j]);
			RowsView	view = views->view ? views->view[j] : ROWS_VIEW_NUMBER;

			if (views->noise > 0 && view == ROWS_VIEW_NUMBER)
				value += views->noise * views->sd[j] * rng_normal(rng);
			if (views->mask > 0 && view != ROWS_VIEW_FOLLOWS)
				masked = rng_uniform(rng) < views->mask;
			to[j] = (float) (masked ? views->mean[j] : value);
		}
	}
}
