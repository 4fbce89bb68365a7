/*
 * soft.c
 *	  Soft neighbours, their value and gradient, in blocks of rows against all rows.
 *
 * With c_ij = dF / dd_ij the gradient for row i's image is 2 sum over j of (c_ij + c_ji) (z_i -
 * z_j), and c_ij = -g_i p_ij (v_j - m_i), where g_i is F's derivative by m_i: its sum over j is 0.
 * A block needs one product for its distances; c is mostly zero once a map has been learned, since
 * exp(-d) falls fast: then places that count are added up one by one, else by two products more.
 */
#include "soft.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/vmath.h"

#define BLOCK		256
#define BLOCK_PLACES	(2 * 1024 * 1024)

/* A c_ij below this share of what moves a row is rounding. */
#define TINY		1e-9

/* One place in this many: taken one by one, such places cost as much as two products. */
#define SPARSE		8

/* A product that no row can have: its distance is infinite. */
#define ITSELF		(-1e30)

LearnStatus
soft_create(LearnEnv *env, Soft *s)
{
	LEARN_TRY(blas_load(env));
	s->block = s->n < BLOCK ? (int) s->n : BLOCK;
	while (s->block > 8 && (int64_t) s->block * s->n > BLOCK_PLACES)
		s->block /= 2;
	LEARN_ALLOC(env, s->map, (size_t) s->m * s->d);
	LEARN_ALLOC(env, s->z, (size_t) s->n * s->m);
	LEARN_ALLOC(env, s->half, s->n);
	LEARN_ALLOC(env, s->dz, (size_t) s->n * s->m);
	LEARN_ALLOC(env, s->gradient, (size_t) s->m * s->d);
	LEARN_ALLOC(env, s->p, (size_t) s->block * s->n);
	s->places = (int) (s->block * s->n / SPARSE);
	LEARN_ALLOC(env, s->place, s->places + 1);
	LEARN_ALLOC(env, s->found, s->block);
	return LEARN_OK;
}

/* All rows mapped; about their mean, so that |a|^2 + |b|^2 - 2ab keeps its digits. */
static LearnStatus
map_rows(LearnEnv *env, Soft *s, double *mean)
{
	int			m = s->m;

	LEARN_TRY(blas_gemm_polled(env, false, true, (int) s->n, m, s->d, 1, s->x, s->d, s->map, s->d, 0, s->z, m));
	memset(mean, 0, m * sizeof(double));
	for (int64_t i = 0; i < s->n; i++)
		for (int k = 0; k < m; k++)
			mean[k] += s->z[i * m + k];
	for (int64_t i = 0; i < s->n; i++)
	{
		for (int k = 0; k < m; k++)
			s->z[i * m + k] -= (real) (mean[k] / (double) s->n);
		s->half[i] = vm_dot(s->z + i * m, s->z + i * m, m) / 2;
	}
	return LEARN_OK;
}

/*
 * p (n): products of row i with all rows; becomes its probabilities times their sum, which is
 * returned.
 */
static double
row_weights(const Soft *s, int64_t i, real *p)
{
	double		sum;

	p[i] = ITSELF;
	sum = vm_soft_weights(p, s->half, s->n) - p[i];
	p[i] = 0;
	return sum;
}

/* p becomes c; returns the row's value. */
static double
row_classes(const Soft *s, int64_t i, int class, real *p)
{
	double		sum = row_weights(s, i, p);
	int64_t		first = s->start[class];
	int64_t		last = s->start[class + 1];
	double		mine = vm_sum(p + first, last - first) / sum;

	vm_scale(p, (real) (-mine / sum), first);
	vm_scale(p + first, (real) ((1 - mine) / sum), last - first);
	vm_scale(p + last, (real) (-mine / sum), s->n - last);
	return -mine;
}

static double
row_target(const Soft *s, int64_t i, real *restrict p)
{
	const real *restrict target = s->target;
	double		sum = row_weights(s, i, p);
	real		expected = (real) (vm_dot(p, s->target, s->n) / sum);
	double		error = (double) expected - s->target[i];
	real		factor = (real) (-2 * error / sum);

	for (int64_t j = 0; j < s->n; j++)
		p[j] *= factor * (target[j] - expected);
	return error * error;
}

/* Rows first .. first + count - 1, place by place. */
static void
add_places(Soft *s, int64_t first, int count)
{
	size_t		m = s->m;
	const int32_t *place = s->place;

	for (int i = 0; i < count; i++)
	{
		const real *c = s->p + (size_t) i * s->n;
		size_t		row = (first + i) * m;

		for (int k = 0; k < s->found[i]; k++)
			vm_pull(s->dz + row, s->dz + place[k] * m, s->z + row, s->z + place[k] * m, 2 * c[place[k]], m);
		place += s->found[i];
	}
}

/* As above, for rows first .. first + count - 1, by products. */
static LearnStatus
add_products(LearnEnv *env, Soft *s, int64_t first, int count)
{
	int			m = s->m;
	int			n = (int) s->n;

	for (int i = 0; i < count; i++)
	{
		const real *c = s->p + (size_t) i * n;
		real		sum = 2 * vm_sum(c, n);

		vm_axpy(s->dz + (first + i) * m, sum, s->z + (first + i) * m, m);
	}
	for (int64_t j = 0; j < n; j += 4096)
	{
		int64_t		end = j + 4096 < n ? j + 4096 : n;
		real		sums[4096];

		memset(sums, 0, sizeof(sums));
		for (int i = 0; i < count; i++)
			vm_axpy(sums, 2, s->p + (size_t) i * n + j, end - j);
		for (int64_t k = j; k < end; k++)
			vm_axpy(s->dz + k * m, sums[k - j], s->z + k * m, m);
	}
	LEARN_TRY(blas_gemm_polled(env, false, false, count, m, n, -2, s->p, n, s->z, m, 1, s->dz + first * m, m));
	return blas_gemm_polled(env, true, false, n, m, count, -2, s->p, n, s->z + first * m, m, 1, s->dz, m);
}

LearnStatus
soft_evaluate(LearnEnv *env, void *ctx, const double *map, double *value, double *gradient)
{
	Soft	   *s = ctx;
	ArenaMark	mark = arena_mark(env->arena);
	int			m = s->m;
	size_t		cells = (size_t) m * s->d;
	double	   *mean;
	int			class = 0;

	LEARN_ALLOC(env, mean, m);
	for (size_t i = 0; i < cells; i++)
		s->map[i] = (real) map[i];
	LEARN_TRY(map_rows(env, s, mean));
	memset(s->dz, 0, (size_t) s->n * m * sizeof(real));
	*value = 0;
	for (int64_t first = 0; first < s->n; first += s->block)
	{
		int			count = s->n - first < s->block ? (int) (s->n - first) : s->block;
		int			places = 0;		/* that count; -1: too many to be taken one by one */

		LEARN_TRY(blas_gemm_polled(env, false, true, count, (int) s->n, m, 1, s->z + first * m, m, s->z, m,
								   0, s->p, (int) s->n));
		for (int i = 0; i < count; i++)
		{
			real	   *p = s->p + (size_t) i * s->n;

			if (s->start != NULL)
			{
				while (first + i >= s->start[class + 1])
					class++;
				*value += row_classes(s, first + i, class, p);
			}
			else
				*value += row_target(s, first + i, p);
			if (places < 0)
				continue;
			s->found[i] = vm_find(s->place + places, p, TINY, s->n, s->places - places);
			places = s->found[i] < 0 ? -1 : places + s->found[i];
		}
		LEARN_TRY(learn_poll(env));
		if (places < 0)
			LEARN_TRY(add_products(env, s, first, count));
		else
			add_places(s, first, count);
	}

	/* dz x, the rows' mean does not matter: the sum of dz is zero */
	LEARN_TRY(blas_gemm_polled(env, true, false, m, s->d, (int) s->n, 1, s->dz, m, s->x, s->d, 0, s->gradient, s->d));
	for (size_t i = 0; i < cells; i++)
		gradient[i] = s->gradient[i];
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
