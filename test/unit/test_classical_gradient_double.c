/*
 * test_classical_gradient_double.c
 *	  The classical methods' objectives in float64: gradients against finite differences, values against their
 *	  definitions; and L-BFGS on functions whose minimum is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "math/lbfgs.h"
#include "learn/classical/lmnn.h"
#include "learn/classical/logdet.h"
#include "learn/classical/mmc.h"
#include "base/rng.h"
#include "learn/classical/scml.h"
#include "learn/classical/soft.h"
#include "unit_env.h"

#define N		24
#define D		5
#define M		3
#define CLASSES	4

/* Rows of CLASSES classes, class by class, the last of one row; some equal. */
typedef struct Case
{
	real		x[N * D];
	int64_t		start[CLASSES + 1];
	int			class[N];
	real		target[N];
	Points		points;
	int32_t		place[4 * 40];
	int32_t		label[40];
	double		weight[40];
} Case;

static double
no_clock(void *ctx)
{
	return 0;
}

static void
begin(UnitEnv *u)
{
	unit_env_init(u);
	u->env.now = no_clock;
}

static void
make_case(Case *c, uint64_t seed)
{
	static const int64_t start[] = {0, 9, 16, 23, 24};
	Rng			rng;

	rng_seed(&rng, seed, 0);
	memcpy(c->start, start, sizeof(start));
	for (int i = 0; i < N; i++)
	{
		c->class[i] = i < 9 ? 0 : i < 16 ? 1 : i < 23 ? 2 : 3;
		c->target[i] = rng_normal(&rng);
		for (int j = 0; j < D; j++)
			c->x[i * D + j] = (real) (rng_normal(&rng) + sin(c->class[i] * (j + 1.0)));
	}
	memcpy(c->x + 3 * D, c->x, D * sizeof(real));
	memcpy(c->x + 12 * D, c->x + 20 * D, D * sizeof(real));
	c->points = (Points) {.n = N, .d = D, .x = c->x};
	for (int i = 0; i < 40; i++)
	{
		for (int k = 0; k < 4; k++)
			c->place[4 * i + k] = (int32_t) rng_below(&rng, N);
		c->label[i] = i % 2;
		c->weight[i] = i % 7 == 0 ? 0 : rng_uniform(&rng);
	}
}

static void
random_map(double *map, int n, uint64_t seed)
{
	Rng			rng;

	rng_seed(&rng, seed, 9);
	for (int i = 0; i < n; i++)
		map[i] = 0.4 * rng_normal(&rng);
}

static void
check_gradient(UnitEnv *u, LbfgsFunction f, void *ctx, const double *x, int n, const char *what)
{
	double		value;
	double		gradient[D * D * 4];
	double		unused[D * D * 4];
	double		at[D * D * 4];
	double		size = 0;

	assert_true(n <= D * D * 4);
	ASSERT_OK(u, f(&u->env, ctx, x, &value, gradient));
	assert_true(isfinite(value));
	for (int i = 0; i < n; i++)
		size = fmax(size, fabs(gradient[i]));
	assert_true(size > 1e-6);
	for (int i = 0; i < n; i++)
	{
		double		step = 1e-5;
		double		up;
		double		down;

		memcpy(at, x, n * sizeof(double));
		at[i] = x[i] + step;
		ASSERT_OK(u, f(&u->env, ctx, at, &up, unused));
		at[i] = x[i] - step;
		ASSERT_OK(u, f(&u->env, ctx, at, &down, unused));
		if (!(fabs((up - down) / (2 * step) - gradient[i]) <= 1e-6 * (size + 1)))
			fail_msg("%s, %d: %.10g, by differences %.10g", what, i, gradient[i], (up - down) / (2 * step));
	}
}

static double
mapped_distance(const Case *c, const double *map, int m, int i, int j)
{
	double		sum = 0;

	for (int r = 0; r < m; r++)
	{
		double		y = 0;

		for (int k = 0; k < D; k++)
			y += map[r * D + k] * (c->x[i * D + k] - c->x[j * D + k]);
		sum += y * y;
	}
	return sum;
}

/* ---------- soft neighbours ---------- */

static void
test_soft(void **state)
{
	for (int kind = 0; kind < 2; kind++)
		for (int seed = 1; seed < 4; seed++)
		{
			UnitEnv		u;
			Case		c;
			double		map[M * D];
			double		gradient[M * D];
			double		value;
			double		want = 0;
			Soft		soft = {.n = N, .d = D, .m = M, .x = c.x, .n_classes = CLASSES};

			begin(&u);
			make_case(&c, seed);
			random_map(map, M * D, seed);
			soft.start = kind == 0 ? c.start : NULL;
			soft.target = kind == 0 ? NULL : c.target;
			ASSERT_OK(&u, soft_create(&u.env, &soft));
			ASSERT_OK(&u, soft_evaluate(&u.env, &soft, map, &value, gradient));
			for (int i = 0; i < N; i++)
			{
				double		sum = 0;
				double		mine = 0;

				for (int j = 0; j < N; j++)
				{
					double		p = i == j ? 0 : exp(-mapped_distance(&c, map, M, i, j));

					sum += p;
					mine += p * (kind == 0 ? c.class[i] == c.class[j] : c.target[j]);
				}
				want += kind == 0 ? -mine / sum : (mine / sum - c.target[i]) * (mine / sum - c.target[i]);
			}
			assert_true(fabs(value - want) <= 1e-10 * fabs(want));
			check_gradient(&u, soft_evaluate, &soft, map, M * D, kind == 0 ? "nca" : "mlkr");

			/* far apart: c is sparse, and goes another way */
			for (int i = 0; i < M * D; i++)
				map[i] *= 4;
			check_gradient(&u, soft_evaluate, &soft, map, M * D, "far apart");
			unit_env_done(&u);
		}
}

/* ---------- large margin ---------- */

static void
test_lmnn(void **state)
{
	for (int smooth = 0; smooth < 2; smooth++)
		for (int seed = 1; seed < 4; seed++)
		{
			UnitEnv		u;
			Case		c;
			double		map[M * D];
			double		gradient[M * D];
			double		value;
			double		want = 0;
			int32_t		target[2 * N];
			int64_t		start[N + 1];
			int32_t		impostor[N * N];
			Lmnn		l = {.n = N, .d = D, .m = M, .x = c.x, .pull = 0.3, .smooth = smooth * 0.7, .k = 2,
			.target = target, .start = start, .impostor = impostor};

			begin(&u);
			make_case(&c, seed);
			random_map(map, M * D, seed);
			start[0] = 0;
			for (int i = 0; i < N; i++)
			{
				int			first = (int) c.start[c.class[i]];
				int			n = (int) c.start[c.class[i] + 1] - first;

				/* the next two of the class, none where it is alone */
				for (int t = 0; t < 2; t++)
					target[2 * i + t] = n > t + 1 ? first + (i - first + t + 1) % n : -1;
				start[i + 1] = start[i];
				for (int j = 0; j < N; j++)
					if (c.class[j] != c.class[i])
						impostor[start[i + 1]++] = j;
			}
			ASSERT_OK(&u, lmnn_create(&u.env, &l));
			ASSERT_OK(&u, lmnn_evaluate(&u.env, &l, map, &value, gradient));
			for (int i = 0; i < N; i++)
				for (int t = 0; t < 2 && target[2 * i + t] >= 0; t++)
				{
					double		near = mapped_distance(&c, map, M, i, target[2 * i + t]);

					want += 0.3 * near;
					for (int j = 0; j < N; j++)
					{
						double		h = 1 + near - mapped_distance(&c, map, M, i, j);

						if (c.class[j] != c.class[i] && h > 0)
							want += 0.7 * (h < l.smooth ? h * h / (2 * l.smooth) : h - l.smooth / 2);
					}
				}
			assert_true(fabs(value - want) <= 1e-10 * want);
			check_gradient(&u, lmnn_evaluate, &l, map, M * D, "lmnn");
			unit_env_done(&u);
		}
}

/* ---------- pairs ---------- */

static void
test_mmc(void **state)
{
	for (int seed = 1; seed < 4; seed++)
	{
		UnitEnv		u;
		Case		c;
		double		map[D * D];
		double		root[D];
		double		gradient[D * D];
		double		value;
		double		near = 0;
		double		far = 0;
		Constraints pairs = {.kind = CONSTRAINT_PAIRS, .n = 40, .label = c.label, .weight = c.weight};
		Mmc			m = {.d = D, .c = &pairs, .points = &c.points, .place = c.place};

		begin(&u);
		make_case(&c, seed);
		random_map(map, D * D, seed);
		ASSERT_OK(&u, mmc_create(&u.env, &m));
		ASSERT_OK(&u, mmc_evaluate(&u.env, &m, map, &value, gradient));
		for (int i = 0; i < 40; i++)
		{
			double		d = mapped_distance(&c, map, D, c.place[2 * i], c.place[2 * i + 1]);

			if (c.label[i] != 0)
				near += c.weight[i] * d;
			else
				far += c.weight[i] * sqrt(d);
		}

		/* the little that is added to the scatter's diagonal */
		assert_true(fabs(value - (log(near) - 2 * log(far))) <= 1e-5);
		check_gradient(&u, mmc_evaluate, &m, map, D * D, "mmc");
		for (int j = 0; j < D; j++)
			root[j] = 0.5 + 0.1 * j;
		check_gradient(&u, mmc_evaluate_diagonal, &m, root, D, "diagonal mmc");
		memset(map, 0, sizeof(map));
		for (int j = 0; j < D; j++)
			map[j * D + j] = root[j];
		ASSERT_OK(&u, mmc_evaluate(&u.env, &m, map, &near, gradient));
		ASSERT_OK(&u, mmc_evaluate_diagonal(&u.env, &m, root, &far, gradient));
		assert_true(fabs(near - far) <= 1e-10);
		unit_env_done(&u);
	}
}

/* ---------- the log-determinant ---------- */

typedef struct LogDetCase
{
	LogDet		problem;
	double		p[D * D];
} LogDetCase;

static LearnStatus
logdet_function(LearnEnv *env, void *ctx, const double *b, double *value, double *gradient)
{
	LogDetCase *c = ctx;

	return logdet_evaluate(env, &c->problem, c->p, b, value, gradient);
}

/* A smooth function of two distances, different for every constraint. */
static double
wavy_loss(void *ctx, int64_t i, const double *distance, double *slope)
{
	double		w = 0.1 * (double) (i % 5);

	slope[0] = w / (1 + distance[0]);
	slope[1] = -w * exp(-distance[1]);
	return w * (log(1 + distance[0]) + exp(-distance[1]));
}

static void
test_logdet(void **state)
{
	for (int prior = 0; prior < 2; prior++)
	{
		UnitEnv		u;
		Case		c;
		LogDetCase	l = {.problem = {.points = &c.points, .place = c.place, .n = 40, .pairs = 2, .loss = wavy_loss}};
		LinearPlan	plan = {.params = {.iterations = 500, .tolerance = 1e-14}, .deadline = INFINITY};
		LinearFit	fit = {0};
		double		b[D * D];
		double		a[D * D];
		double		gradient[D * D];
		double		value;
		double		size = 0;

		begin(&u);
		make_case(&c, 5);
		ASSERT_OK(&u, logdet_prior(&u.env, &c.points, prior, l.p));
		random_map(b, D * D, 3);
		for (int j = 0; j < D; j++)
			b[j * D + j] += 1.5;
		check_gradient(&u, logdet_function, &l, b, D * D, "logdet");

		/* at the minimum the gradient is zero: with any b for which b^T b = a */
		ASSERT_OK(&u, logdet_minimize(&u.env, &plan, &l.problem, l.p, a, &fit));
		assert_true(fit.converged);
		memset(b, 0, sizeof(b));
		for (int i = 0; i < D; i++)
			for (int j = i; j < D; j++)
			{
				double		sum = a[i * D + j];

				for (int k = 0; k < i; k++)
					sum -= b[k * D + i] * b[k * D + j];
				b[i * D + j] = i == j ? sqrt(sum) : sum / b[i * D + i];
			}
		ASSERT_OK(&u, logdet_function(&u.env, &l, b, &value, gradient));
		assert_true(fabs(value - fit.objective) <= 1e-9 * fabs(value));
		for (int i = 0; i < D * D; i++)
			size = fmax(size, fabs(gradient[i]));
		assert_true(size <= 1e-4);
		unit_env_done(&u);
	}
}

/* ---------- compositions ---------- */

static void
test_scml(void **state)
{
	for (int smooth = 0; smooth < 2; smooth++)
	{
		enum
		{
			BASES = 7
		};
		UnitEnv		u;
		Case		c;
		double		w[BASES];
		double		gradient[BASES];
		double		value;
		double		want = 0;
		double		total = 0;
		real		basis[BASES * D];
		Scml		s = {.points = &c.points, .n = 40, .place = c.place, .weight = c.weight, .basis = basis, .bases = BASES,
		.sparsity = 0.02, .smooth = smooth * 0.6};

		begin(&u);
		make_case(&c, 7);
		for (int i = 0; i < BASES * D; i++)
			basis[i] = (real) sin(i * i + 1.0);
		for (int b = 0; b < BASES; b++)
			w[b] = b == 2 ? 0 : 0.3 + 0.1 * b;
		ASSERT_OK(&u, scml_create(&u.env, &s));
		ASSERT_OK(&u, scml_evaluate(&u.env, &s, w, &value, gradient));
		for (int i = 0; i < 40; i++)
		{
			double		h = 1;

			total += c.weight[i];
			for (int side = 0; side < 2; side++)
				for (int b = 0; b < BASES; b++)
				{
					double		y = 0;

					for (int j = 0; j < D; j++)
						y += basis[b * D + j] * (c.x[c.place[3 * i] * D + j] - c.x[c.place[3 * i + 1 + side] * D + j]);
					h += (side == 0 ? 1 : -1) * w[b] * w[b] * y * y;
				}
			if (h > 0)
				want += c.weight[i] * (h < s.smooth ? h * h / (2 * s.smooth) : h - s.smooth / 2);
		}
		want /= total;
		for (int b = 0; b < BASES; b++)
			want += 0.02 * w[b] * w[b];
		assert_true(fabs(value - want) <= 1e-10 * want);
		check_gradient(&u, scml_evaluate, &s, w, BASES, "scml");
		unit_env_done(&u);
	}
}

/* ---------- L-BFGS ---------- */

/* Rosenbrock's valley in n dimensions. */
static LearnStatus
valley(LearnEnv *env, void *ctx, const double *x, double *value, double *gradient)
{
	int			n = *(int *) ctx;

	*value = 0;
	memset(gradient, 0, n * sizeof(double));
	for (int i = 0; i + 1 < n; i++)
	{
		double		a = x[i + 1] - x[i] * x[i];

		*value += 100 * a * a + (1 - x[i]) * (1 - x[i]);
		gradient[i] += -400 * a * x[i] - 2 * (1 - x[i]);
		gradient[i + 1] += 200 * a;
	}
	return LEARN_OK;
}

/* -log x + x: defined for positive x alone. */
static LearnStatus
barrier(LearnEnv *env, void *ctx, const double *x, double *value, double *gradient)
{
	*value = 0;
	for (int i = 0; i < 3; i++)
	{
		if (!(x[i] > 0))
		{
			*value = INFINITY;
			return LEARN_OK;
		}
		*value += (i + 1) * x[i] - log(x[i]);
		gradient[i] = (i + 1) - 1 / x[i];
	}
	return LEARN_OK;
}

static void
test_lbfgs(void **state)
{
	UnitEnv		u;
	LbfgsPlan	plan = {.iterations = 2000, .tolerance = 1e-16, .deadline = INFINITY};
	LbfgsResult result;
	double		x[30];
	int			n = 30;

	begin(&u);
	for (int i = 0; i < n; i++)
		x[i] = i % 2 == 0 ? -1.2 : 1;
	ASSERT_OK(&u, lbfgs_minimize(&u.env, valley, &n, n, x, &plan, &result));
	assert_true(result.converged && !result.cut);
	for (int i = 0; i < n; i++)
		assert_true(fabs(x[i] - 1) <= 1e-5);

	for (int i = 0; i < 3; i++)
		x[i] = 100;
	ASSERT_OK(&u, lbfgs_minimize(&u.env, barrier, NULL, 3, x, &plan, &result));
	for (int i = 0; i < 3; i++)
		assert_true(fabs(x[i] - 1.0 / (i + 1)) <= 1e-6);

	/* no time: the start, and it says so */
	x[0] = x[1] = x[2] = 5;
	plan.deadline = -INFINITY;
	ASSERT_OK(&u, lbfgs_minimize(&u.env, barrier, NULL, 3, x, &plan, &result));
	assert_true(result.cut && x[0] == 5);

	/* outside at the start */
	x[0] = -1;
	assert_int_equal(lbfgs_minimize(&u.env, barrier, NULL, 3, x, &plan, &result), LEARN_DIVERGED);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_soft),
		cmocka_unit_test(test_lmnn),
		cmocka_unit_test(test_mmc),
		cmocka_unit_test(test_logdet),
		cmocka_unit_test(test_scml),
		cmocka_unit_test(test_lbfgs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
