/*
 * metrics.c
 *	  Retrieval metrics from exactly ordered neighbours.
 */
#include "metrics.h"

#include <math.h>

#include "neighbours.h"

#define N_RECALL		4
#define LARGEST_RECALL	8

/* What one query adds. */
typedef struct Sums
{
	int64_t		queries;
	int64_t		lone;
	int64_t		recall[N_RECALL];
	int64_t		knn;
	double		r_precision;
	double		map_r;
} Sums;

static int64_t
count_label(const int32_t *label, int64_t n, int32_t wanted)
{
	int64_t		count = 0;

	for (int64_t i = 0; i < n; i++)
		count += label[i] == wanted;
	return count;
}

/* Is the nearest row of the class? */
static bool
add_recall(const Neighbours *nb, int64_t n, int32_t label, Sums *sums)
{
	int64_t		first = 0;

	while (first < n && nb->label[nb->found[first].row] != label)
		first++;
	for (int i = 0; i < N_RECALL; i++)
		sums->recall[i] += first < n && first < (int64_t) 1 << i;
	return first == 0;
}

/* MAP@R of the query from found[0 .. r), where r is the number of rows of the class. */
static double
add_r_metrics(const Neighbours *nb, int64_t r, int32_t label, Sums *sums)
{
	int64_t		hits = 0;
	double		precisions = 0;

	for (int64_t i = 0; i < r; i++)
		if (nb->label[nb->found[i].row] == label)
		{
			hits++;
			precisions += (double) hits / (i + 1);
		}
	sums->r_precision += (double) hits / r;
	sums->map_r += precisions / r;
	return precisions / r;
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Measure query i of the block, which has others rows in the gallery beside itself. */
static LearnStatus
add_query(LearnEnv *env, Neighbours *nb, int i, const float *query, int32_t label, int64_t hidden,
		  int64_t knn_k, QueryScore *each, Sums *sums)
{
	int64_t		others = nb->n - (hidden >= 0);
	int64_t		r = count_label(nb->label, nb->n, label) - (hidden >= 0);
	int64_t		k = smaller(knn_k, others);
	int64_t		m = k;
	QueryScore	score = {NAN, NAN};

	sums->queries++;
	sums->lone += r == 0;
	if (r > 0)
	{
		if (m < LARGEST_RECALL)
			m = smaller(LARGEST_RECALL, others);
		if (m < r)
			m = r;
	}
	LEARN_TRY(neighbours_nearest(env, nb, i, query, label, hidden, m, k));
	if (r > 0)
	{
		score.recall = add_recall(nb, smaller(LARGEST_RECALL, others), label, sums);
		score.map_r = (float) add_r_metrics(nb, r, label, sums);
	}
	if (k > 0)
		sums->knn += neighbours_majority(nb, k) == label;
	if (each)
		*each = score;
	return LEARN_OK;
}

LearnStatus
metrics_retrieval(LearnEnv *env, const RetrievalTask *task, QueryScore *each, Retrieval *out)
{
	ArenaMark	mark = arena_mark(env->arena);
	Sums		sums = {0};
	Neighbours	nb;
	int64_t		partnered;

	LEARN_TRY(neighbours_create(env, task->query, task->nq, task->gallery, task->gallery_label, task->ng, task->d, true, &nb));
	for (int64_t begin = 0; begin < task->nq; begin += nb.block)
	{
		int			count = (int) smaller(nb.block, task->nq - begin);

		LEARN_TRY(neighbours_score(env, &nb, task->query + begin * task->d, count));
		for (int i = 0; i < count; i++)
		{
			LEARN_TRY(learn_poll(env));
			LEARN_TRY(add_query(env, &nb, i, task->query + (begin + i) * task->d, task->query_label[begin + i],
								task->self ? begin + i : -1, task->knn_k, each ? &each[begin + i] : NULL, &sums));
		}
	}
	arena_reset(env->arena, mark);

	partnered = sums.queries - sums.lone;
	out->queries = sums.queries;
	out->lone = sums.lone;
	for (int i = 0; i < N_RECALL; i++)
		out->recall[i] = partnered > 0 ? (double) sums.recall[i] / partnered : NAN;
	out->r_precision = partnered > 0 ? sums.r_precision / partnered : NAN;
	out->map_r = partnered > 0 ? sums.map_r / partnered : NAN;
	out->knn = task->knn_k > 0 && sums.queries > 0 ? (double) sums.knn / sums.queries : NAN;
	return LEARN_OK;
}
