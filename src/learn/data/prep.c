/*
 * prep.c
 *	  Fits and applies preprocessing.
 */
#include "prep.h"

#include <math.h>
#include <string.h>

#include "gram.h"
#include "math/eigen.h"
#include "moments.h"
#include "math/vmath.h"

/* An eigenvalue below this share of the largest is rounding noise. */
#define RANK_TOLERANCE	1e-6

#define DEFAULT_COMPONENTS	512

static const char *const names[] = {
	[PREP_NONE] = "none",
	[PREP_SCALE] = "scale",
	[PREP_STANDARDIZE] = "standardize",
	[PREP_PCA] = "pca",
	[PREP_WHITEN] = "whiten"
};

const char *
prep_name(PrepKind kind)
{
	return names[kind];
}

bool
prep_by_name(const char *name, PrepKind *kind)
{
	for (int i = PREP_NONE; i <= PREP_WHITEN; i++)
		if (strcmp(name, names[i]) == 0)
		{
			*kind = i;
			return true;
		}
	return false;
}

/*
 * One over the deviation of each column, or over that of all columns if they have one scale or
 * stand on scales that are to be kept.  A constant column has 0.
 */
static void
inverse_deviations(PrepKind kind, const Moments *m, double *inverse)
{
	bool		one = kind == PREP_SCALE || m->balanced;
	double		total = 0;

	for (int j = 0; j < m->d; j++)
		total += m->var[j];
	for (int j = 0; j < m->d; j++)
		inverse[j] = m->constant[j] ? 0 : 1 / sqrt(one ? total / m->d : m->var[j]);
}

/* Mean and scale of every column. */
static LearnStatus
set_scale(LearnEnv *env, Prep *prep, const Moments *m)
{
	double	   *inverse;

	LEARN_ALLOC(env, inverse, m->d);
	inverse_deviations(prep->kind, m, inverse);
	for (int j = 0; j < m->d; j++)
	{
		prep->mean[j] = m->mean[j];
		prep->scale[j] = inverse[j];
	}
	return LEARN_OK;
}

/*
 * At most components leading directions of the standardised columns. Their covariance replaces that
 * of the columns.
 */
static LearnStatus
set_projection(LearnEnv *env, Prep *prep, const Moments *m, int components)
{
	int			d = m->d;
	int			varying = d - m->n_constant;
	int			most = varying < components ? varying : components;
	int			rank = 0;
	double	   *value;
	double	   *vector;
	double	   *inverse;		/* of standard deviations */

	LEARN_ALLOC(env, inverse, d);
	inverse_deviations(prep->kind, m, inverse);
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
			m->cov[(size_t) i * d + j] *= inverse[i] * inverse[j];
	LEARN_ALLOC(env, value, most);
	LEARN_ALLOC(env, vector, (size_t) most * d);
	LEARN_TRY(eigen_symmetric(env, m->cov, d, most, value, vector));

	while (rank < most && value[rank] > RANK_TOLERANCE * value[0])
		rank++;
	if (rank < most && m->n > varying)
		learn_notice(env, "%d of %d columns are combinations of others: %d directions carry all variance",
					 varying - rank, d, rank);
	prep->out = rank;
	for (int i = 0; i < prep->out; i++)
	{
		double		scale = prep->kind == PREP_WHITEN ? 1 / sqrt(value[i]) : 1;

		for (int j = 0; j < d; j++)
			prep->proj[(size_t) i * d + j] = scale * vector[(size_t) i * d + j];
	}
	return LEARN_OK;
}

/* The leading directions from the rows, if there are few rows for the number of columns. */
static LearnStatus
set_projection_of_rows(LearnEnv *env, Prep *prep, const Moments *m, const Rows *rows, const int64_t *index, int64_t n,
					   int components)
{
	int			d = m->d;
	double	   *inverse;		/* of standard deviations */
	double	   *value;
	Gram		gram;

	LEARN_ALLOC(env, inverse, d);
	inverse_deviations(prep->kind, m, inverse);
	LEARN_ALLOC(env, value, components);
	LEARN_TRY(gram_fit(env, rows, index, n, true, m->mean, inverse, &gram));
	return gram_directions(env, &gram, components, RANK_TOLERANCE, prep->kind == PREP_WHITEN, value, prep->proj, &prep->out);
}

/* Rows index[0..n) and those without a label. */
static int64_t
count_rows(const Rows *rows, const int64_t *index, int64_t n)
{
	return (index == NULL ? rows->n : n) + rows->n_unlabeled;
}

LearnStatus
prep_fit(LearnEnv *env, PrepKind kind, const Rows *rows, const int64_t *index,
		 int64_t n, int components, Prep **prep)
{
	bool		project = kind == PREP_PCA || kind == PREP_WHITEN;
	bool		of_rows = project && gram_preferred(count_rows(rows, index, n), rows->d);
	Prep	   *p;
	Moments		m;
	ArenaMark	mark;

	LEARN_ALLOC(env, p, 1);
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	p->in = rows->d;
	p->out = rows->d;
	*prep = p;
	if (kind == PREP_NONE)
		return LEARN_OK;

	LEARN_ALLOC(env, p->mean, rows->d);
	LEARN_ALLOC(env, p->scale, rows->d);
	if (components <= 0)
		components = DEFAULT_COMPONENTS;
	if (components > rows->d)
		components = rows->d;
	if (of_rows && components > count_rows(rows, index, n))
		components = (int) count_rows(rows, index, n);
	if (project)
		LEARN_ALLOC(env, p->proj, (size_t) components * rows->d);

	mark = arena_mark(env->arena);
	LEARN_TRY(moments_fit(env, rows, index, n, project && !of_rows, &m));
	LEARN_TRY(moments_check(env, &m));
	LEARN_TRY(set_scale(env, p, &m));
	if (of_rows)
		LEARN_TRY(set_projection_of_rows(env, p, &m, rows, index, n, components));
	else if (project)
		LEARN_TRY(set_projection(env, p, &m, components));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

void
prep_apply(const Prep *prep, const float *x, int n, float *out, float *scratch)
{
	size_t		d = prep->in;
	float	   *scaled = prep->proj != NULL ? scratch : out;

	if (prep->kind == PREP_NONE)
	{
		memcpy(out, x, n * d * sizeof(float));
		return;
	}
	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < d; j++)
			scaled[i * d + j] = (x[i * d + j] - prep->mean[j]) * prep->scale[j];
	if (prep->proj != NULL)
		vm_affine(out, scaled, prep->proj, NULL, n, d, prep->out);
}

/*
 * Do the features share one unit, such as pixels or spectra? If so, the 95th percentile over
 * columns of the largest magnitude is no more than four times the median. Measurements of different
 * kinds differ by more.
 */
LearnStatus
prep_one_scale(LearnEnv *env, const Rows *rows, bool *one_scale)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			d = rows->d;
	int64_t		n = rows->n < 1000 ? rows->n : 1000;
	float	   *x;
	float	   *top;
	int			used = 0;

	*one_scale = rows->balanced;
	if (rows->balanced)
		return LEARN_OK;
	LEARN_ALLOC(env, x, d);
	top = arena_alloc_zero(env->arena, (size_t) d, sizeof(float));
	if (top == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %d features", d);
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		row = i * rows->n / n;

		LEARN_TRY(rows->fetch(env, rows->ctx, &row, 1, x));
		for (int j = 0; j < d; j++)
			if (fabsf(x[j]) > top[j])
				top[j] = fabsf(x[j]);
	}
	for (int j = 0; j < d; j++)
		if (top[j] > 0)
		{
			float		value = top[j];
			int			place = used++;

			/* insertion sort of the used part: top[j] is read before it is overwritten */
			for (; place > 0 && top[place - 1] > value; place--)
				top[place] = top[place - 1];
			top[place] = value;
			if ((j & 255) == 0)
				LEARN_TRY(learn_poll(env));
		}
	*one_scale = used > 0 && top[(int) (0.95 * (used - 1))] <= 4 * top[used / 2];
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
