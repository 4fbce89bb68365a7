/*
 * judge.c
 *	  The held-out score that early stopping and auto go by.
 */
#include "judge.h"

#include "metrics.h"

LearnStatus
judge_create(LearnEnv *env, const Rows *rows, bool open_set, const Split *split,
			 int64_t max_gallery, int64_t seed, Judge *judge)
{
	judge->rows = rows;
	judge->open_set = open_set;
	judge->query = split->held;
	judge->n_query = split->n_held;
	return split_sample(env, split->train, split->n_train, max_gallery, seed,
						&judge->gallery, &judge->n_gallery);
}

/* Embed index[0..n) into z (n x out) and look up their labels. */
static LearnStatus
embed_rows(LearnEnv *env, const Judge *judge, const int64_t *index, int64_t n,
		   JudgeEmbed embed, void *ctx, int out, float *z, int32_t *label)
{
	for (int64_t i = 0; i < n; i += JUDGE_BLOCK)
	{
		int			count = n - i < JUDGE_BLOCK ? (int) (n - i) : JUDGE_BLOCK;

		LEARN_TRY(learn_poll(env));
		LEARN_TRY(embed(env, ctx, index + i, count, z + i * out));
	}
	for (int64_t i = 0; i < n; i++)
		label[i] = judge->rows->label[index[i]];
	return LEARN_OK;
}

LearnStatus
judge_score(LearnEnv *env, const Judge *judge, JudgeEmbed embed, void *ctx, int out, double *score)
{
	ArenaMark	mark = arena_mark(env->arena);
	Retrieval	found;
	float	   *query;
	float	   *gallery;
	int32_t    *query_label;
	int32_t    *gallery_label;

	if (judge->open_set)
	{
		/* the queries are the first rows of the gallery, and each is left out for itself */
		int64_t		n = judge->n_query + judge->n_gallery;

		LEARN_ALLOC(env, gallery, (size_t) n * out);
		LEARN_ALLOC(env, gallery_label, n);
		LEARN_TRY(embed_rows(env, judge, judge->query, judge->n_query, embed, ctx, out, gallery, gallery_label));
		LEARN_TRY(embed_rows(env, judge, judge->gallery, judge->n_gallery, embed, ctx, out,
							 gallery + judge->n_query * out, gallery_label + judge->n_query));
		LEARN_TRY(metrics_retrieval(env, gallery, gallery_label, judge->n_query, gallery, gallery_label, n,
									out, true, 1, &found));
		*score = found.map_r;
	}
	else
	{
		LEARN_ALLOC(env, query, (size_t) judge->n_query * out);
		LEARN_ALLOC(env, query_label, judge->n_query);
		LEARN_ALLOC(env, gallery, (size_t) judge->n_gallery * out);
		LEARN_ALLOC(env, gallery_label, judge->n_gallery);
		LEARN_TRY(embed_rows(env, judge, judge->query, judge->n_query, embed, ctx, out, query, query_label));
		LEARN_TRY(embed_rows(env, judge, judge->gallery, judge->n_gallery, embed, ctx, out, gallery, gallery_label));
		LEARN_TRY(metrics_recall(env, query, query_label, judge->n_query,
								 gallery, gallery_label, judge->n_gallery, out, false, &found));
		*score = found.recall[0];
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
judge_model(LearnEnv *env, const Judge *judge, const Model *model, double *score)
{
	ArenaMark	mark = arena_mark(env->arena);
	ModelEmbed	m = {judge->rows, model, NULL, NULL};

	LEARN_ALLOC(env, m.x, (size_t) JUDGE_BLOCK * judge->rows->d);
	LEARN_ALLOC(env, m.scratch, model_scratch(model, JUDGE_BLOCK));
	LEARN_TRY(judge_score(env, judge, embed_with_model, &m, model_out(model), score));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
