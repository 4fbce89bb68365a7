/*
 * linear.c
 *	  The closed forms as models.
 */
#include "learn/linear.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/blas.h"
#include "learn/cholesky.h"
#include "learn/eigen.h"
#include "learn/moments.h"
#include "learn/scatter.h"

/* Shares of the largest eigenvalue below which a direction is taken for rounding. */
#define PCA_TOLERANCE		1e-12
#define LDA_TOLERANCE		1e-9

/* A pivot of the within-class covariance below this share of its diagonal: collinear. */
#define PIVOT_TOLERANCE		1e-7

/* Fewer rows than so many a column, and the covariance is shrunk. */
#define ROWS_PER_COLUMN		10

/* The least shrinkage, where there is any: enough to make a singular covariance regular. */
#define LEAST_SHRINKAGE		1e-6

/* A network of one layer without bias, or of none (width 0), that reads in values. */
static LearnStatus
create_net(LearnEnv *env, int in, int width, Net **net)
{
	NetSpec		spec;
	char		line[32] = "identity";

	if (width > 0)
		snprintf(line, sizeof(line), "%d linear, raw", width);
	LEARN_TRY(netspec_parse(env, line, in, &spec));
	LEARN_TRY(net_create(env, &spec, net));
	if (width > 0)
		memset((*net)->params + (*net)->offset[0].bias, 0, width * sizeof(real));
	return LEARN_OK;
}

LearnStatus
linear_none(LearnEnv *env, int d, Model **model)
{
	Model	   *m;

	LEARN_ALLOC(env, m, 1);
	LEARN_ALLOC(env, m->prep, 1);
	*m->prep = (Prep) {.kind = PREP_NONE, .in = d, .out = d};
	LEARN_TRY(create_net(env, d, 0, &m->net));
	*model = m;
	return LEARN_OK;
}

/* A model of preprocessing and one layer with these weights (width x in). */
static LearnStatus
create_model(LearnEnv *env, Prep *prep, const float *weight, int width, Model **model)
{
	Model	   *m;

	LEARN_ALLOC(env, m, 1);
	m->prep = prep;
	LEARN_TRY(create_net(env, prep->out, width, &m->net));
	for (size_t i = 0; i < (size_t) width * prep->out; i++)
		m->net->params[m->net->offset[0].weight + i] = weight[i];
	*model = m;
	return LEARN_OK;
}

/* The leading eigenvectors that count, as weights; *rank is how many. */
static LearnStatus
leading_directions(LearnEnv *env, double *a, int d, int most, double tolerance, double *vector, int *rank)
{
	double	   *value;

	LEARN_ALLOC(env, value, most);
	LEARN_TRY(eigen_symmetric(env, a, d, most, value, vector));
	for (*rank = 0; *rank < most && value[*rank] > tolerance * value[0]; (*rank)++)
		;
	return LEARN_OK;
}

static LearnStatus
fit_pca(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, int most,
		Prep *prep, float *weight, int *rank)
{
	int			d = rows->d;
	Moments		m;
	double	   *vector;

	LEARN_TRY(moments_fit(env, rows, index, n, true, &m));
	LEARN_TRY(moments_check(env, &m));
	for (int j = 0; j < d; j++)
	{
		prep->mean[j] = m.mean[j];
		prep->scale[j] = m.constant[j] ? 0 : 1;
	}
	if (m.n - 1 < most)
		most = (int) (m.n - 1);
	LEARN_ALLOC(env, vector, (size_t) most * d);
	LEARN_TRY(leading_directions(env, m.cov, d, most, PCA_TOLERANCE, vector, rank));
	for (size_t i = 0; i < (size_t) *rank * d; i++)
		weight[i] = vector[i];
	return LEARN_OK;
}

LearnStatus
linear_pca(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
		   int dims, Model **model)
{
	int			d = rows->d;
	int			most = dims > 0 && dims < d ? dims : d;
	int			rank;
	Prep	   *prep;
	float	   *weight;
	ArenaMark	mark;

	if (d > MOMENTS_MAX_COV)
		return moments_too_wide(env, d);
	LEARN_ALLOC(env, prep, 1);
	*prep = (Prep) {.kind = PREP_SCALE, .in = d, .out = d};
	LEARN_ALLOC(env, prep->mean, d);
	LEARN_ALLOC(env, prep->scale, d);
	LEARN_ALLOC(env, weight, (size_t) most * d);
	mark = arena_mark(env->arena);
	LEARN_TRY(fit_pca(env, rows, index, n, most, prep, weight, &rank));
	arena_reset(env->arena, mark);
	return create_model(env, prep, weight, rank, model);
}

LearnStatus
linear_whiten(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
			  int dims, Model **model)
{
	Model	   *m;

	LEARN_ALLOC(env, m, 1);
	LEARN_TRY(prep_fit(env, PREP_WHITEN, rows, index, n, dims > 0 ? dims : rows->d, &m->prep));
	LEARN_TRY(create_net(env, m->prep->out, 0, &m->net));
	*model = m;
	return LEARN_OK;
}

/*
 * L with L L^T the within-class covariance (which becomes L): as it is where there are rows
 * enough and it is regular, else shrunk towards the mean of its diagonal.  Constant
 * columns, which are zero, get a diagonal of 1.
 */
static LearnStatus
factor_within(LearnEnv *env, const Scatter *s, const Prep *prep, double *within)
{
	size_t		d = prep->in;
	double		share = fmax(s->shrinkage, LEAST_SHRINKAGE);
	double		mean = 0;
	int			varying = 0;
	bool		definite = false;
	ArenaMark	mark = arena_mark(env->arena);
	double	   *shrunk;

	for (size_t j = 0; j < d; j++)
	{
		mean += within[j * d + j];
		varying += prep->scale[j] != 0;
	}
	mean /= varying;
	if (!(mean > 0))
		return learn_fail(env, LEARN_DATA, "discriminant analysis needs rows that differ within their class, but equal classes have equal rows");
	for (size_t j = 0; j < d; j++)
		if (prep->scale[j] == 0)
			within[j * d + j] = mean;

	LEARN_ALLOC(env, shrunk, d * d);
	if (s->n - s->classes >= (int64_t) ROWS_PER_COLUMN * varying)
	{
		memcpy(shrunk, within, d * d * sizeof(double));
		LEARN_TRY(cholesky_factor(env, shrunk, (int) d, PIVOT_TOLERANCE, &definite));
	}
	if (!definite)
	{
		for (size_t i = 0; i < d; i++)
			for (size_t j = 0; j < d; j++)
				shrunk[i * d + j] = (1 - share) * within[i * d + j] + (i == j ? share * mean : 0);
		LEARN_TRY(cholesky_factor(env, shrunk, (int) d, 0, &definite));
		if (!definite)
			return learn_fail(env, LEARN_DATA, "the within-class covariance is singular");
	}
	memcpy(within, shrunk, d * d * sizeof(double));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

static LearnStatus
transpose(LearnEnv *env, double *a, int n)
{
	for (int i = 1; i < n; i++)
	{
		if (i % 128 == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < i; j++)
		{
			double		swap = a[(size_t) i * n + j];

			a[(size_t) i * n + j] = a[(size_t) j * n + i];
			a[(size_t) j * n + i] = swap;
		}
	}
	return LEARN_OK;
}

/*
 * With L L^T = within the directions are w = L^-T v for the leading eigenvectors v of
 * L^-1 between L^-T, so that w^T within w = 1 and w^T between w falls.
 */
static LearnStatus
fit_lda(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, int most,
		const Prep *prep, float *weight, int *rank)
{
	int			d = rows->d;
	Scatter		s;
	double	   *vector;
	double	   *column;

	LEARN_TRY(scatter_fit(env, rows, index, n, prep->mean, prep->scale, &s));
	LEARN_TRY(factor_within(env, &s, prep, s.within));
	LEARN_TRY(cholesky_solve(env, s.within, d, false, s.between, d));
	LEARN_TRY(transpose(env, s.between, d));
	LEARN_TRY(cholesky_solve(env, s.within, d, false, s.between, d));

	if (s.classes - 1 < most)
		most = s.classes - 1;
	LEARN_ALLOC(env, vector, (size_t) most * d);
	LEARN_TRY(leading_directions(env, s.between, d, most, LDA_TOLERANCE, vector, rank));
	if (*rank == 0)
		return learn_fail(env, LEARN_DATA, "discriminant analysis needs classes whose means differ");

	LEARN_ALLOC(env, column, (size_t) d * *rank);
	for (int i = 0; i < *rank; i++)
		for (int j = 0; j < d; j++)
			column[(size_t) j * *rank + i] = vector[(size_t) i * d + j];
	LEARN_TRY(cholesky_solve(env, s.within, d, true, column, *rank));
	for (int i = 0; i < *rank; i++)
		for (int j = 0; j < d; j++)
			vector[(size_t) i * d + j] = column[(size_t) j * *rank + i];
	eigen_fix_signs(vector, *rank, d);
	for (size_t i = 0; i < (size_t) *rank * d; i++)
		weight[i] = vector[i];
	return LEARN_OK;
}

LearnStatus
linear_lda(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
		   int dims, Model **model)
{
	int			d = rows->d;
	int			most = rows->n_classes - 1 < d ? rows->n_classes - 1 : d;
	int			rank;
	Prep	   *prep = NULL;
	float	   *weight;
	ArenaMark	mark;

	if (d > MOMENTS_MAX_COV)
		return moments_too_wide(env, d);
	if (rows->n_classes < 2)
		return scatter_too_few_classes(env, rows->n_classes);
	if (dims > 0 && dims < most)
		most = dims;
	LEARN_TRY(prep_fit(env, PREP_STANDARDIZE, rows, index, n, 0, &prep));
	LEARN_ALLOC(env, weight, (size_t) most * d);
	mark = arena_mark(env->arena);
	LEARN_TRY(fit_lda(env, rows, index, n, most, prep, weight, &rank));
	arena_reset(env->arena, mark);
	return create_model(env, prep, weight, rank, model);
}
