/*
 * test_attribution.c
 *	  Gradients with respect to a model's input against central differences, and the division of a
 *	  squared distance among the inputs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "learn/net/attribution.h"
#include "unit_env.h"

#define IN		6
#define STEP	1e-6

static const PrepKind preps[] = {PREP_NONE, PREP_SCALE, PREP_STANDARDIZE, PREP_PCA, PREP_WHITEN};

static void *
zeros(UnitEnv *u, size_t n, size_t size)
{
	void	   *p = arena_alloc(&u->arena, n, size);

	assert_non_null(p);
	memset(p, 0, n * size);
	return p;
}

static float *
random_floats(UnitEnv *u, size_t n, Rng *rng)
{
	float	   *x = zeros(u, n, sizeof(float));

	for (size_t i = 0; i < n; i++)
		x[i] = (float) rng_normal(rng);
	return x;
}

/* A model with random numbers everywhere. */
static Model *
random_model(UnitEnv *u, PrepKind kind, const char *line, Rng *rng)
{
	Model	   *model = zeros(u, 1, sizeof(Model));
	Prep	   *prep = zeros(u, 1, sizeof(Prep));
	bool		projects = kind == PREP_PCA || kind == PREP_WHITEN;
	NetSpec		spec;

	prep->kind = kind;
	prep->in = IN;
	prep->out = projects ? IN - 1 : IN;
	if (kind != PREP_NONE)
	{
		prep->mean = random_floats(u, IN, rng);
		prep->scale = random_floats(u, IN, rng);
	}
	if (projects)
		prep->proj = random_floats(u, (size_t) prep->out * IN, rng);
	model->prep = prep;
	ASSERT_OK(u, netspec_parse(&u->env, line, prep->out, &spec));
	ASSERT_OK(u, net_create(&u->env, &spec, &model->net));
	net_init(model->net, rng);
	for (size_t i = 0; i < model->net->n_params; i++)
		model->net->params[i] += (float) (0.3 * rng_normal(rng));
	for (size_t i = 0; i < model->net->n_running; i++)
		model->net->running[i] = (float) (0.5 + rng_uniform(rng));
	return model;
}

static double *
random_numbers(UnitEnv *u, int n, Rng *rng)
{
	double	   *x = zeros(u, n, sizeof(double));

	for (int i = 0; i < n; i++)
		x[i] = (float) rng_normal(rng);
	return x;
}

/* direction . f(x) */
static double
value(UnitEnv *u, const Model *model, const double *x, const double *direction)
{
	double	   *z = zeros(u, model_out(model), sizeof(double));
	double		sum = 0;

	ASSERT_OK(u, attribution_embed(&u->env, model, x, z));
	for (int i = 0; i < model_out(model); i++)
		sum += direction[i] * z[i];
	return sum;
}

/* Embeddings are those of model_embed, and gradients those of differences. */
static void
check_gradient(PrepKind kind, const char *line)
{
	UnitEnv		u;
	AttributionTape *tape;
	Model	   *model;
	Rng			rng;
	double	   *x[ATTRIBUTION_POINTS];
	double	   *direction;

	unit_env_init(&u);
	rng_seed(&rng, 7, kind);
	model = random_model(&u, kind, line, &rng);
	direction = random_numbers(&u, model_out(model), &rng);
	ASSERT_OK(&u, attribution_create(&u.env, model, &tape));
	for (int p = 0; p < ATTRIBUTION_POINTS; p++)
	{
		x[p] = random_numbers(&u, IN, &rng);
		attribution_set(tape, p, x[p]);
	}
	ASSERT_OK(&u, attribution_forward(&u.env, tape));
	ASSERT_OK(&u, attribution_backward(&u.env, tape, direction));
	for (int p = 0; p < ATTRIBUTION_POINTS; p++)
	{
		float	   *z = zeros(&u, model_out(model), sizeof(float));
		float	   *scratch = zeros(&u, model_scratch(model, 1), sizeof(float));
		float		row[IN];

		for (int j = 0; j < IN; j++)
			row[j] = (float) x[p][j];
		model_embed(model, row, 1, z, scratch, NULL);
		for (int i = 0; i < model_out(model); i++)
			if (!(fabs(z[i] - attribution_output(tape, p, i)) <= 2e-5 * (1 + fabs(z[i]))))
				fail_msg("\"%s\": output %d is %.9g, and %.9g in floats", line, i, attribution_output(tape, p, i), z[i]);
		for (int j = 0; j < IN; j++)
		{
			double		old = x[p][j];
			double		up,
						down,
						expected;

			x[p][j] = old + STEP;
			up = value(&u, model, x[p], direction);
			x[p][j] = old - STEP;
			down = value(&u, model, x[p], direction);
			x[p][j] = old;
			expected = (up - down) / (2 * STEP);
			if (!(fabs(attribution_gradient(tape, p, j) - expected) <= 1e-6 * (1 + fabs(expected))))
				fail_msg("\"%s\": input %d has gradient %.9g, differences say %.9g", line, j,
						 attribution_gradient(tape, p, j), expected);
		}
	}
	unit_env_done(&u);
}

static void
test_gradient(void **state)
{
	static const char *const acts[] = {"linear", "relu", "gelu", "tanh"};
	static const char *const norms[] = {"", "batchnorm", "layernorm"};
	static const char *const extras[] = {"", "dropout 0.4", "residual"};

	for (int a = 0; a < 4; a++)
		for (int m = 0; m < 3; m++)
			for (int e = 0; e < 3; e++)
			{
				char		line[200];

				snprintf(line, sizeof(line), "5, 5 %s %s %s, 3, raw", acts[a], norms[m], extras[e]);
				check_gradient(PREP_STANDARDIZE, line);
				snprintf(line, sizeof(line), "5, 5 %s %s %s", acts[a], norms[m], extras[e]);
				check_gradient(PREP_PCA, line);
			}
	for (int k = 0; k < 5; k++)
	{
		check_gradient(preps[k], "");
		check_gradient(preps[k], "l2");
		check_gradient(preps[k], "3, raw");
		check_gradient(preps[k], "8 gelu layernorm, 8 tanh residual batchnorm, 4");
	}
}

/*
 * The squared distance of two inputs, divided.  Returns it; share[IN] is what is left.  Divided in
 * the other direction, each input has as much.
 */
static double
divide(UnitEnv *u, const Model *model, const double *a, const double *b, double tolerance, double *share)
{
	int			out = model_out(model);
	double	   *za = zeros(u, out, sizeof(double));
	double	   *zb = zeros(u, out, sizeof(double));
	double	   *back = zeros(u, IN, sizeof(double));
	double		square = 0;
	double		sum = 0;
	double		rest;

	ASSERT_OK(u, attribution_embed(&u->env, model, a, za));
	ASSERT_OK(u, attribution_embed(&u->env, model, b, zb));
	for (int i = 0; i < out; i++)
	{
		za[i] -= zb[i];
		square += za[i] * za[i];
	}
	ASSERT_OK(u, attribution_path(&u->env, model, b, a, za, tolerance * square, share, &share[IN]));
	for (int j = 0; j <= IN; j++)
		sum += share[j];
	assert_true(fabs(sum - square) <= 1e-9 * square);
	for (int i = 0; i < out; i++)
		za[i] = -za[i];
	ASSERT_OK(u, attribution_path(&u->env, model, a, b, za, tolerance * square, back, &rest));
	for (int j = 0; j < IN; j++)
		assert_true(back[j] == share[j]);
	return square;
}

/* (a - b)_j (L'L (a - b))_j, for every kind of linear model. */
static void
test_linear(void **state)
{
	for (int k = 0; k < 5; k++)
		for (int layers = 0; layers < 2; layers++)
		{
			UnitEnv		u;
			Rng			rng;
			Model	   *model;
			double	   *a,
					   *b;
			double		share[IN + 1];
			double		zero[IN] = {0};
			double	   *map[IN];	/* columns of L */
			double	   *at_zero;
			double		square;

			unit_env_init(&u);
			rng_seed(&rng, 3, k);
			model = random_model(&u, preps[k], layers ? "4, raw" : "", &rng);
			a = random_numbers(&u, IN, &rng);
			b = random_numbers(&u, IN, &rng);
			square = divide(&u, model, a, b, 1e-4, share);
			assert_true(fabs(share[IN]) <= 1e-12 * square);
			at_zero = zeros(&u, model_out(model), sizeof(double));
			ASSERT_OK(&u, attribution_embed(&u.env, model, zero, at_zero));
			for (int j = 0; j < IN; j++)
			{
				double		one[IN] = {0};

				one[j] = 1;
				map[j] = zeros(&u, model_out(model), sizeof(double));
				ASSERT_OK(&u, attribution_embed(&u.env, model, one, map[j]));
			}
			for (int j = 0; j < IN; j++)
			{
				double		row = 0;

				for (int m = 0; m < IN; m++)
					for (int i = 0; i < model_out(model); i++)
						row += (map[j][i] - at_zero[i]) * (map[m][i] - at_zero[i]) * (a[m] - b[m]);
				assert_true(fabs(share[j] - (a[j] - b[j]) * row) <= 1e-9 * (1 + square));
			}
			unit_env_done(&u);
		}
}

/* Curved and kinked networks: the sum is met within every tolerance, and shares settle. */
static void
test_networks(void **state)
{
	static const char *const lines[] = {"64 relu, 8", "64 relu, 64 relu, 8, raw", "32 gelu layernorm, 4", "32 tanh batchnorm, 4",
	"l2", "3", "16 relu, 5, 5 tanh residual"};

	for (int l = 0; l < (int) (sizeof(lines) / sizeof(lines[0])); l++)
		for (int seed = 0; seed < 5; seed++)
		{
			UnitEnv		u;
			Rng			rng;
			Model	   *model;
			double	   *a,
					   *b;
			double		rough[IN + 1];
			double		fine[IN + 1];
			double		square;

			unit_env_init(&u);
			rng_seed(&rng, seed, l);
			model = random_model(&u, preps[seed], lines[l], &rng);
			a = random_numbers(&u, IN, &rng);
			b = random_numbers(&u, IN, &rng);
			square = divide(&u, model, a, b, 1e-4, rough);
			assert_true(fabs(rough[IN]) <= 1e-4 * square);
			(void) divide(&u, model, a, b, 1e-7, fine);
			assert_true(fabs(fine[IN]) <= 1e-7 * square);
			for (int j = 0; j < IN; j++)
				if (!(fabs(rough[j] - fine[j]) <= 2e-3 * square))
					fail_msg("\"%s\": input %d has %g, and more exactly %g, of %g", lines[l], j, rough[j], fine[j], square);
			unit_env_done(&u);
		}
}

/* Equal inputs: nothing to divide.  Opposite ones of a network that normalises: a jump. */
static void
test_limits(void **state)
{
	UnitEnv		u;
	Rng			rng;
	Model	   *model;
	double		a[IN] = {1, 2, 3, 0, 0, 1};
	double		b[IN] = {-1, -2, -3, 0, 0, -1};
	double		share[IN + 1];
	double		square;

	unit_env_init(&u);
	rng_seed(&rng, 1, 1);
	model = random_model(&u, PREP_NONE, "l2", &rng);
	square = divide(&u, model, a, a, 1e-4, share);
	assert_true(square == 0);
	for (int j = 0; j <= IN; j++)
		assert_true(share[j] == 0);
	square = divide(&u, model, a, b, 1e-4, share);
	assert_true(fabs(square - 4) < 1e-12);
	assert_true(fabs(share[IN] - 4) < 1e-9);
	for (int j = 0; j < IN; j++)
		assert_true(fabs(share[j]) < 1e-9);
	u.cancel_at = u.polls + 3;
	assert_int_equal(attribution_path(&u.env, model, a, b, a, 1e-4, share, &share[IN]), LEARN_CANCELLED);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradient),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
