/*
 * project.c
 *	  Rows of a space in the plane.
 */
#include "project.h"

#include <math.h>
#include <string.h>

#include "learn/classical/linear.h"
#include "learn/data/rows.h"
#include "tsne.h"

#define PERPLEXITY	30.0
#define BATCH		256

/* Rows that are in memory. */
typedef struct Matrix
{
	const float *x;
	int			d;
} Matrix;

/* Rows.fetch */
static LearnStatus
fetch(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	const Matrix *matrix = ctx;

	for (int i = 0; i < count; i++)
		memcpy(out + (size_t) i * matrix->d, matrix->x + index[i] * matrix->d, sizeof(float) * (size_t) matrix->d);
	return LEARN_OK;
}

/* Columns of all rows by a model, to out (n x width), from column first on. */
static LearnStatus
apply(LearnEnv *env, const Model *model, const float *x, int64_t n, int d, float *out, int width, int first)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			columns = model_out(model);
	float	   *scratch;
	float	   *y;

	LEARN_ALLOC(env, scratch, model_scratch(model, BATCH));
	LEARN_ALLOC(env, y, (size_t) BATCH * columns);
	for (int64_t i = 0; i < n; i += BATCH)
	{
		int			count = n - i < BATCH ? (int) (n - i) : BATCH;

		LEARN_TRY(learn_poll(env));
		model_embed(model, x + i * d, count, y, scratch, NULL);
		for (int r = 0; r < count; r++)
			for (int c = 0; c < columns && first + c < width; c++)
				out[(i + r) * width + first + c] = y[(size_t) r * columns + c];
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* dims principal components to out (n x dims), zeros where there are fewer. */
static LearnStatus
principal(LearnEnv *env, const Rows *rows, const Matrix *matrix, int dims, float *out, int width, int first)
{
	Model	   *model;
	LearnStatus status = linear_pca(env, rows, NULL, rows->n, dims, &model);

	if (status == LEARN_DATA)	/* nothing varies */
		return LEARN_OK;
	LEARN_TRY(status);
	return apply(env, model, matrix->x, rows->n, matrix->d, out, width, first);
}

/* Sum over columns of the variance of n rows of d numbers, every one stride behind the last. */
static LearnStatus
variance(LearnEnv *env, const float *x, int64_t n, int d, int stride, double *sum)
{
	*sum = 0;
	for (int k = 0; k < d; k++)
	{
		double		mean = 0;

		LEARN_TRY(learn_poll(env));
		for (int64_t i = 0; i < n; i++)
			mean += x[i * stride + k] / (double) n;
		for (int64_t i = 0; i < n; i++)
			*sum += (x[i * stride + k] - mean) * (x[i * stride + k] - mean) / (double) n;
	}
	return LEARN_OK;
}

static LearnStatus
discriminants(LearnEnv *env, const Rows *rows, const Matrix *matrix, const int32_t *label, Projected *out)
{
	int64_t    *index;
	int64_t		n = 0;
	Model	   *model;

	LEARN_ALLOC(env, index, rows->n);
	for (int64_t i = 0; i < rows->n; i++)
		if (label[i] >= 0)
			index[n++] = i;
	LEARN_TRY(linear_lda(env, rows, index, n, 2, &model));
	LEARN_TRY(apply(env, model, matrix->x, rows->n, matrix->d, out->at, 2, 0));
	if (model_out(model) >= 2)
		return LEARN_OK;
	out->components = true;
	return principal(env, rows, matrix, 1, out->at, 2, 1);
}

LearnStatus
project(LearnEnv *env, Projection how, const float *x, const int32_t *label, int n_classes, int64_t n, int d,
		uint64_t seed, Projected *out)
{
	Matrix		matrix = {x, d};
	Rows		rows = {.n = n,.d = d,.label = label,.n_classes = n_classes,.fetch = fetch,.ctx = &matrix};
	ArenaMark	mark;
	double		all;

	*out = (Projected) {.share = {NAN, NAN}};
	LEARN_ALLOC(env, out->at, 2 * n);
	memset(out->at, 0, sizeof(float) * 2 * (size_t) n);
	if (how == PROJECT_TSNE && n > TSNE_MAX_ROWS)
		return learn_fail(env, LEARN_INVALID, "t-SNE of %lld rows, more than %d", (long long) n, TSNE_MAX_ROWS);
	mark = arena_mark(env->arena);
	if (how == PROJECT_LDA)
		LEARN_TRY(discriminants(env, &rows, &matrix, label, out));
	else
		LEARN_TRY(principal(env, &rows, &matrix, d < 2 ? d : 2, out->at, 2, 0));
	if (how == PROJECT_PCA)
	{
		LEARN_TRY(variance(env, x, n, d, d, &all));
		for (int c = 0; c < 2 && all > 0 && isfinite(all); c++)
		{
			LEARN_TRY(variance(env, out->at + c, n, 1, 2, &out->share[c]));
			out->share[c] /= all;
		}
	}
	if (how == PROJECT_TSNE)
	{
		const float *seen = x;
		float	   *fewer;

		if (d > PROJECT_TSNE_DIMS)
		{
			LEARN_ALLOC(env, fewer, (size_t) n * PROJECT_TSNE_DIMS);
			memset(fewer, 0, sizeof(float) * (size_t) n * PROJECT_TSNE_DIMS);
			LEARN_TRY(principal(env, &rows, &matrix, PROJECT_TSNE_DIMS, fewer, PROJECT_TSNE_DIMS, 0));
			seen = fewer;
			d = PROJECT_TSNE_DIMS;
		}
		LEARN_TRY(tsne(env, seen, n, d, PERPLEXITY, seed, out->at));
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
