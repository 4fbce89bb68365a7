/*
 * held_out.c
 *	  The held-out score by which early stopping and auto decide.
 */
#include "held_out.h"

#include <math.h>

#include "learn/measure/neighbours.h"

#define MAP_SHARE		0.1		/* of MAP@R beside recall@1 */
#define MATES			4		/* rows of a held-out class in the gallery, or all it has */

double
score_merit(double score, double map_r)
{
	return isnan(map_r) ? score : score + MAP_SHARE * map_r;
}

/*
 * Add rows to the gallery until each held-out class has some there, as far as the classes and
 * max_rows allow. Without them, most queries of a table with very many classes would have no row of
 * their class to find.
 */
static LearnStatus
add_mates(LearnEnv *env, const Split *split, int64_t max_rows, HeldOut *held_out)
{
	const int32_t *label = held_out->rows->label;
	int64_t		all = held_out->n_gallery;
	int64_t    *gallery;
	uint8_t    *missing;		/* rows that each class still needs */
	ArenaMark	mark;

	LEARN_ALLOC(env, gallery, split->n_train);
	mark = arena_mark(env->arena);
	missing = arena_alloc_zero(env->arena, (size_t) held_out->rows->n_classes, sizeof(uint8_t));
	if (missing == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %d classes", held_out->rows->n_classes);
	for (int64_t i = 0; i < held_out->n_query; i++)
		missing[label[held_out->query[i]]] = MATES;
	for (int64_t i = 0; i < held_out->n_gallery; i++)
		if (missing[label[held_out->gallery[i]]] > 0)
			missing[label[held_out->gallery[i]]]--;

	/* both lists rise */
	held_out->n_gallery = 0;
	for (int64_t i = 0, next = 0, sampled = all; i < split->n_train; i++)
	{
		int64_t		row = split->train[i];
		bool		in_sample = next < sampled && held_out->gallery[next] == row;

		next += in_sample;
		if (!in_sample && (missing[label[row]] == 0 || all >= max_rows))
			continue;
		if (!in_sample)
		{
			missing[label[row]]--;
			all++;
		}
		gallery[held_out->n_gallery++] = row;
	}
	held_out->gallery = gallery;
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
held_out_create(LearnEnv *env, const Rows *rows, bool open_set, const Split *split,
				int64_t max_gallery, int64_t max_rows, int64_t seed, HeldOut *held_out)
{
	held_out->rows = rows;
	held_out->open_set = open_set;
	held_out->query = split->held;
	held_out->n_query = split->n_held;
	LEARN_TRY(split_sample(env, split->train, split->n_train, max_gallery < max_rows ? max_gallery : max_rows, seed,
						   &held_out->gallery, &held_out->n_gallery));
	if (open_set || rows->target != NULL || held_out->n_gallery == split->n_train)
		return LEARN_OK;
	return add_mates(env, split, max_rows, held_out);
}

/* Embed index[0..n) into z (n x out) and look up their labels. */
static LearnStatus
embed_rows(LearnEnv *env, const HeldOut *held_out, const int64_t *index, int64_t n,
		   HeldOutEmbed embed, void *ctx, int out, float *z, int32_t *label)
{
	for (int64_t i = 0; i < n; i += HELD_OUT_BLOCK)
	{
		int			count = n - i < HELD_OUT_BLOCK ? (int) (n - i) : HELD_OUT_BLOCK;

		LEARN_TRY(learn_poll(env));
		LEARN_TRY(embed(env, ctx, index + i, count, z + i * out));
	}
	for (int64_t i = 0; i < n; i++)
		label[i] = held_out->rows->label[index[i]];
	return LEARN_OK;
}

/* Neighbours that a target is predicted from. */
#define REGRESSION_ROWS	5

/*
 * The share of the variance of the target in the held-out rows that the mean of the nearest rows
 * explains. This is not the kernel regression of mlkr: neighbours do not depend on the scale of
 * distances, so the score suits whitened rows and rows as they are, too.
 */
static LearnStatus
regression_score(LearnEnv *env, const HeldOut *held_out, const float *query, const float *gallery, int out, HeldOutScore *found)
{
	int64_t		k = held_out->n_gallery < REGRESSION_ROWS ? held_out->n_gallery : REGRESSION_ROWS;
	const double *target = held_out->rows->target;
	double		mean = 0;
	double		error = 0;
	double		variance = 0;
	int32_t    *label;
	Neighbours	nb;

	label = arena_alloc_zero(env->arena, (size_t) held_out->n_gallery, sizeof(int32_t));
	if (label == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) held_out->n_gallery);
	for (int64_t i = 0; i < held_out->n_query; i++)
		mean += target[held_out->query[i]] / (double) held_out->n_query;
	LEARN_TRY(neighbours_create(env, query, held_out->n_query, gallery, label, held_out->n_gallery, out, false, &nb));
	for (int64_t i = 0; i < held_out->n_query; i += nb.block)
	{
		int			count = held_out->n_query - i < nb.block ? (int) (held_out->n_query - i) : nb.block;

		LEARN_TRY(neighbours_score(env, &nb, query + i * out, count));
		for (int q = 0; q < count; q++)
		{
			double		truth = target[held_out->query[i + q]];
			double		expected = 0;

			LEARN_TRY(neighbours_nearest(env, &nb, q, query + (i + q) * out, 0, -1, k, 0));
			for (int64_t j = 0; j < k; j++)
				expected += target[held_out->gallery[nb.found[j].row]] / (double) k;
			error += (expected - truth) * (expected - truth);
			if (found->each)
				found->each[i + q] = (QueryScore) {(float) ((expected - truth) * (expected - truth)), NAN};
			variance += (mean - truth) * (mean - truth);
		}
	}
	/* equal values differ from their mean by rounding */
	found->score = variance > 1e-24 * mean * mean * (double) held_out->n_query ? 1 - error / variance : NAN;
	/* R2 is the mean of the figures of the rows */
	for (int64_t i = 0; i < held_out->n_query && found->each; i++)
		found->each[i].recall = isnan(found->score) ? NAN :
			(float) (1 - found->each[i].recall * (double) held_out->n_query / variance);
	return LEARN_OK;
}

LearnStatus
held_out_score(LearnEnv *env, const HeldOut *held_out, HeldOutEmbed embed, void *ctx, int out, HeldOutScore *result)
{
	ArenaMark	mark = arena_mark(env->arena);
	Retrieval	found;
	float	   *query;
	float	   *gallery;
	int32_t    *query_label;
	int32_t    *gallery_label;
	QueryScore *each = result->each;

	*result = NO_SCORE;
	result->each = each;
	if (held_out->open_set)
	{
		/* the queries are the first rows of the gallery, and each is left out for itself */
		int64_t		n = held_out->n_query + held_out->n_gallery;

		LEARN_ALLOC(env, gallery, (size_t) n * out);
		LEARN_ALLOC(env, gallery_label, n);
		LEARN_TRY(embed_rows(env, held_out, held_out->query, held_out->n_query, embed, ctx, out, gallery, gallery_label));
		LEARN_TRY(embed_rows(env, held_out, held_out->gallery, held_out->n_gallery, embed, ctx, out,
							 gallery + held_out->n_query * out, gallery_label + held_out->n_query));
		LEARN_TRY(metrics_retrieval(env, &(RetrievalTask) {.d = out, .nq = held_out->n_query, .query = gallery, .query_label = gallery_label,
									.ng = n, .gallery = gallery, .gallery_label = gallery_label, .self = true, .knn_k = 1}, each, &found));
		result->score = found.map_r;
		for (int64_t i = 0; i < held_out->n_query && each; i++)
			each[i] = (QueryScore) {each[i].map_r, NAN};
	}
	else
	{
		LEARN_ALLOC(env, query, (size_t) held_out->n_query * out);
		LEARN_ALLOC(env, query_label, held_out->n_query);
		LEARN_ALLOC(env, gallery, (size_t) held_out->n_gallery * out);
		LEARN_ALLOC(env, gallery_label, held_out->n_gallery);
		LEARN_TRY(embed_rows(env, held_out, held_out->query, held_out->n_query, embed, ctx, out, query, query_label));
		LEARN_TRY(embed_rows(env, held_out, held_out->gallery, held_out->n_gallery, embed, ctx, out, gallery, gallery_label));
		if (held_out->rows->target != NULL)
		{
			LEARN_TRY(regression_score(env, held_out, query, gallery, out, result));
			arena_reset(env->arena, mark);
			return LEARN_OK;
		}
		LEARN_TRY(metrics_retrieval(env, &(RetrievalTask) {.d = out, .nq = held_out->n_query, .query = query, .query_label = query_label,
									.ng = held_out->n_gallery, .gallery = gallery, .gallery_label = gallery_label}, each, &found));
		result->score = found.recall[0];
		result->map_r = found.map_r;
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

typedef struct ModelEmbed
{
	const Rows *rows;
	const Model *model;
	float	   *x;
	float	   *scratch;
} ModelEmbed;

static LearnStatus
embed_with_model(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	ModelEmbed *m = ctx;

	LEARN_TRY(m->rows->fetch(env, m->rows->ctx, index, count, m->x));
	model_embed(m->model, m->x, count, out, m->scratch, NULL);
	return LEARN_OK;
}

LearnStatus
held_out_score_model(LearnEnv *env, const HeldOut *held_out, const Model *model, HeldOutScore *found)
{
	ArenaMark	mark = arena_mark(env->arena);
	ModelEmbed	m = {held_out->rows, model, NULL, NULL};

	LEARN_ALLOC(env, m.x, (size_t) HELD_OUT_BLOCK * held_out->rows->d);
	LEARN_ALLOC(env, m.scratch, model_scratch(model, HELD_OUT_BLOCK));
	LEARN_TRY(held_out_score(env, held_out, embed_with_model, &m, model_out(model), found));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
