/*
 * embedding.c
 *	  See embedding.h.
 */
#include "embedding.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

float *
embedding_of(LearnEnv *env, const Model *model, const Dataset *data)
{
	int			n = (int) data->rows.n;
	float	   *z = arena_alloc(env->arena, (size_t) n * model_out(model), sizeof(float));
	float	   *scratch = arena_alloc(env->arena, model_scratch(model, n), sizeof(float));
	int			bad = -1;

	assert_int_equal(model_in(model), data->rows.d);
	model_embed(model, data->x, n, z, scratch, &bad);
	assert_int_equal(bad, -1);
	return z;
}

double
embedding_square(const float *z, int width, int64_t i, int64_t j)
{
	double		sum = 0;

	for (int k = 0; k < width; k++)
		sum += ((double) z[i * width + k] - z[j * width + k]) * ((double) z[i * width + k] - z[j * width + k]);
	return sum;
}

void
embedding_check_distances(LearnEnv *env, const Model *model, const Dataset *data, char **p,
						  double factor, double tolerance, const char *what)
{
	float	   *z = embedding_of(env, model, data);
	int			n = (int) strtol(*p, p, 10);

	assert_int_equal(n, (data->rows.n - 1 + 6) / 7);
	for (int i = 0; i < n; i++)
	{
		double		want = strtod(*p, p);
		double		got = factor * sqrt(embedding_square(z, model_out(model), 0, 1 + 7 * i));

		if (!(fabs(got - want) <= tolerance * (want + 1)))
			fail_msg("%s, row %d: %.9g, by the reference %.9g", what, 1 + 7 * i, got, want);
	}
}
