/*
 * linear.c
 *	  The closed forms as models.
 */
#include "linear.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/blas.h"
#include "learn/data/classes.h"
#include "discriminant.h"
#include "math/eigen.h"
#include "learn/data/gram.h"
#include "learn/data/moments.h"
#include "learn/data/scatter.h"

/* Shares of the largest eigenvalue below which a direction is taken for rounding. */
#define PCA_TOLERANCE		1e-12
#define LDA_TOLERANCE		1e-9

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
	m->origin = NULL;
	m->encoder = NULL;
	LEARN_TRY(create_net(env, d, 0, &m->net));
	*model = m;
	return LEARN_OK;
}

void
linear_normalise(Model *model)
{
	model->net->spec.l2 = true;
}

LearnStatus
linear_model(LearnEnv *env, Prep *prep, const float *weight, int width, Model **model)
{
	Model	   *m;

	LEARN_ALLOC(env, m, 1);
	m->prep = prep;
	m->origin = NULL;
	m->encoder = NULL;
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
fit_pca(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, int most, bool of_rows,
		Prep *prep, float *weight, int *rank)
{
	int			d = rows->d;
	Moments		m;
	double	   *vector;

	LEARN_TRY(moments_fit(env, rows, index, n, !of_rows, &m));
	LEARN_TRY(moments_check(env, &m));
	for (int j = 0; j < d; j++)
	{
		prep->mean[j] = m.mean[j];
		prep->scale[j] = m.constant[j] ? 0 : 1;
	}
	if (m.n - 1 < most)
		most = (int) (m.n - 1);
	if (of_rows)
	{
		double	   *factor;
		double	   *value;
		Gram		gram;

		LEARN_ALLOC(env, factor, d);
		LEARN_ALLOC(env, value, most);
		for (int j = 0; j < d; j++)
			factor[j] = prep->scale[j];
		LEARN_TRY(gram_fit(env, rows, index, n, true, m.mean, factor, &gram));
		return gram_directions(env, &gram, most, PCA_TOLERANCE, false, value, weight, rank);
	}
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
	int64_t		all = (index == NULL ? rows->n : n) + rows->n_unlabeled;
	bool		of_rows = gram_preferred(all, d);
	int			rank = 0;
	Prep	   *prep;
	float	   *weight;
	ArenaMark	mark;

	if (of_rows && all < most)
		most = (int) all;
	LEARN_ALLOC(env, prep, 1);
	*prep = (Prep) {.kind = PREP_SCALE, .in = d, .out = d};
	LEARN_ALLOC(env, prep->mean, d);
	LEARN_ALLOC(env, prep->scale, d);
	LEARN_ALLOC(env, weight, (size_t) most * d);
	mark = arena_mark(env->arena);
	LEARN_TRY(fit_pca(env, rows, index, n, most, of_rows, prep, weight, &rank));
	arena_reset(env->arena, mark);
	return linear_model(env, prep, weight, rank, model);
}

LearnStatus
linear_whiten(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
			  int dims, Model **model)
{
	Model	   *m;

	LEARN_ALLOC(env, m, 1);
	m->origin = NULL;
	m->encoder = NULL;
	LEARN_TRY(prep_fit(env, PREP_WHITEN, rows, index, n, dims > 0 && dims < rows->d ? dims : rows->d, &m->prep));
	LEARN_TRY(create_net(env, m->prep->out, 0, &m->net));
	*model = m;
	return LEARN_OK;
}

static LearnStatus
fit_lda(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, int most,
		const Prep *prep, float *weight, int *rank)
{
	int			d = rows->d;
	double	   *vector;
	int64_t		used;

	LEARN_TRY(lda_directions(env, rows, index, n, most, prep, &vector, rank, &used));
	for (size_t i = 0; i < (size_t) *rank * d; i++)
		weight[i] = vector[i];
	return LEARN_OK;
}

/* Rows.fetch of rows that stand in memory, one behind the other. */
typedef struct Coordinates
{
	const float *x;
	int			d;
} Coordinates;

static LearnStatus
fetch_coordinates(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	const Coordinates *c = ctx;

	for (int i = 0; i < count; i++)
		memcpy(out + (size_t) i * c->d, c->x + (size_t) index[i] * c->d, c->d * sizeof(float));
	return LEARN_OK;
}

/*
 * Fewer rows than columns span a space of as many dimensions as there are rows.  Scatters about
 * means lie in it, and the shrinkage towards the identity treats all else alike, so every direction
 * of the analysis lies in it, too.  The analysis is done in coordinates there: row r has u_i[r] *
 * sqrt(value_i) with u the eigenvectors of the Gram matrix.
 */
static LearnStatus
fit_lda_of_rows(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, int most,
				const Prep *prep, float *weight, int *rank)
{
	int			d = rows->d;
	int			used;
	int			varying = 0;
	double	   *mean;
	double	   *factor;
	double	   *value;
	double	   *u;
	float	   *x;
	float	   *zero;
	float	   *one;
	int32_t    *label;
	double	   *vector;
	double	   *separation;
	double	   *coefficient;
	Gram		g;
	Coordinates coordinates;
	Rows		inner = {.fetch = fetch_coordinates, .ctx = &coordinates, .label = NULL};
	Scatter		s;
	Discriminant problem = {0};

	LEARN_ALLOC(env, mean, d);
	LEARN_ALLOC(env, factor, d);
	for (int j = 0; j < d; j++)
	{
		mean[j] = prep->mean[j];
		factor[j] = prep->scale[j];
		varying += prep->scale[j] != 0;
	}
	LEARN_TRY(gram_fit(env, rows, index, n, false, mean, factor, &g));
	LEARN_ALLOC(env, value, g.n);
	LEARN_ALLOC(env, u, (size_t) g.n * g.n);
	LEARN_TRY(eigen_symmetric(env, g.a, g.n, g.n, value, u));
	for (used = 0; used < g.n && value[used] > LDA_TOLERANCE * value[0]; used++)
		;
	if (used == 0)
		return learn_fail(env, LEARN_DATA, "discriminant analysis needs classes whose means differ");
	LEARN_ALLOC(env, x, (size_t) g.n * used);
	LEARN_ALLOC(env, label, g.n);
	for (int r = 0; r < g.n; r++)
	{
		label[r] = rows->label[g.index[r]];
		for (int i = 0; i < used; i++)
			x[(size_t) r * used + i] = (float) (u[(size_t) i * g.n + r] * sqrt(value[i]));
	}
	LEARN_ALLOC(env, zero, used);
	LEARN_ALLOC(env, one, used);
	for (int i = 0; i < used; i++)
	{
		zero[i] = 0;
		one[i] = 1;
	}
	coordinates = (Coordinates) {.x = x, .d = used};
	inner.n = g.n;
	inner.d = used;
	inner.label = label;
	inner.n_classes = rows->n_classes;
	LEARN_TRY(scatter_fit(env, &inner, NULL, 0, zero, one, varying, "discriminant analysis", &s));
	problem = (Discriminant) {.d = used, .scale = one, .varying = s.varying, .within = s.within, .between = s.between,
							  .shrinkage = s.shrinkage};
	most = s.classes - 1 < most ? s.classes - 1 : most;
	most = most < used ? most : used;
	LEARN_ALLOC(env, vector, (size_t) most * used);
	LEARN_ALLOC(env, separation, most);
	LEARN_TRY(discriminant_directions(env, &problem, most, LDA_TOLERANCE, separation, vector, rank));
	if (*rank == 0)
		return learn_fail(env, LEARN_DATA, "discriminant analysis needs classes whose means differ");

	/* the direction with coordinates w is the sum of w_i X^T u_i / sqrt(value_i) */
	LEARN_ALLOC(env, coefficient, (size_t) g.n * *rank);
	for (int i = 0; i < *rank; i++)
		for (int j = 0; j < used; j++)
			vector[(size_t) i * used + j] /= sqrt(value[j]);
	LEARN_TRY(blas_dgemm_polled(env, true, true, g.n, *rank, used, 1, u, g.n, vector, used, 0, coefficient, *rank));
	return gram_combine(env, &g, coefficient, *rank, weight);
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

	if (rows->n_classes < 2)
		return classes_check(env, &(Classes) {.used = rows->n_classes}, "discriminant analysis");
	if (dims > 0 && dims < most)
		most = dims;
	LEARN_TRY(prep_fit(env, PREP_STANDARDIZE, rows, index, n, 0, &prep));
	LEARN_ALLOC(env, weight, (size_t) most * d);
	mark = arena_mark(env->arena);
	if (gram_preferred(index == NULL ? rows->n : n, d))
		LEARN_TRY(fit_lda_of_rows(env, rows, index, n, most, prep, weight, &rank));
	else
		LEARN_TRY(fit_lda(env, rows, index, n, most, prep, weight, &rank));
	arena_reset(env->arena, mark);
	return linear_model(env, prep, weight, rank, model);
}
