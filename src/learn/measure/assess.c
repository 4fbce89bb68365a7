/*
 * assess.c
 *	  One pass over queries: hide rows, find the nearest rows and the ranks, add up the figures.
 */
#include "assess.h"

#include <math.h>
#include <string.h>

#include "ranking.h"

const double ASSESS_DIR_FAR[ASSESS_DIR_FARS] = {0.1, 0.01, 0.001};
const double ASSESS_FAR[ASSESS_FARS] = {0.1, 0.01, 0.001, 0.0001};

/* What identification needs of each query. */
typedef struct Identity
{
	double		nearest;		/* INFINITY: there is no row */
	double		nearest_other;	/* of another class */
	bool		right;			/* the nearest is of the class */
	bool		lone;
} Identity;

/* What a query may find. */
typedef struct Found
{
	int64_t		visible;
	int64_t		relevant;		/* of its class */
} Found;

typedef struct Pass
{
	const AssessTask *task;
	Assessment *out;
	Neighbours	nb;				/* the gallery class by class */
	Ranking		ranking;
	int32_t    *order;			/* ng: the row of the gallery at each place */
	int32_t    *label;			/* ng: its class */
	int32_t    *begin;			/* n_classes + 1: where each class begins */
	int32_t    *self;			/* nq: where a query is itself; NULL: nowhere */
	int32_t    *queries;		/* nq: in the order of measuring, by group of pairs */
	float	   *query;			/* nb.block x d */
	Found	   *found;			/* nb.block */
	Identity   *identity;		/* nq */
	double	   *discount;		/* ng: 1 / log2(place + 1) by place from 0 */
	double	   *discounts;		/* ng + 1: sums of the first */
	double	   *gain;			/* ng: scratch, where there are grades */
} Pass;

static double *
class_row(double *by_class, int32_t label)
{
	return by_class + (size_t) label * ASSESS_METRICS;
}

static void
add(Pass *pass, int32_t label, int metric, double value)
{
	class_row(pass->out->sum, label)[metric] += value;
	class_row(pass->out->weight, label)[metric]++;
}

/* ---------- who is hidden ---------- */

/* Hide rows from query q of the pass, whose scores are score. Returns how many are left. */
static Found
hide(Pass *pass, int64_t q, float *score)
{
	const AssessTask *t = pass->task;
	const int32_t *order = pass->order;
	int32_t		label = t->query_label[q];
	int64_t		begin = pass->begin[label];
	int64_t		end = pass->begin[label + 1];
	bool		duplicate = false;
	Found		left = {0};

	if (t->self)
		score[pass->self[q]] = INFINITY;
	if (t->query_group)
		for (int64_t p = 0; p < t->ng; p++)
			score[p] = t->gallery_group[order[p]] == t->query_group[q] ? INFINITY : score[p];
	if (t->query_time)
		for (int64_t p = 0; p < t->ng; p++)
			score[p] = t->gallery_time[order[p]] < t->query_time[q] ? score[p] : INFINITY;
	if (t->query_hash)
		for (int64_t p = begin; p < end; p++)
			if (t->gallery_hash[order[p]] == t->query_hash[q] && score[p] < INFINITY)
			{
				score[p] = INFINITY;
				duplicate = true;
			}
	pass->out->duplicates += duplicate;

	for (int64_t p = begin; p < end; p++)
		left.relevant += score[p] < INFINITY;
	left.visible = left.relevant + t->ng - (end - begin);
	if (t->query_group || t->query_time)
	{
		left.visible = 0;
		for (int64_t p = 0; p < t->ng; p++)
			left.visible += score[p] < INFINITY;
	}
	return left;
}

/* ---------- pairs ---------- */

/*
 * Count the pairs of query q (number i of the block) with the rows that it may find. An unordered
 * pair counts once if both rows may find each other.
 */
static void
count_pairs(Pass *pass, int64_t q, int i, const float *score)
{
	const AssessTask *t = pass->task;
	PairCounts *pairs = &pass->out->pairs;
	int32_t		label = t->query_label[q];
	float		square = (float) (pass->nb.length[i] * pass->nb.length[i]);
	int32_t		after = t->self && t->query_time == NULL ? (int32_t) q : -1;
	int64_t		edge[4] = {0, pass->begin[label], pass->begin[label + 1], t->ng};

	for (int part = 0; part < 3; part++)
		pair_counts_add(pairs, part == 1, square, score + edge[part], pass->order + edge[part], after, edge[part + 1] - edge[part]);
	if (pairs->fine)
		return;
	for (int64_t p = 0; p < t->ng; p++)
		if (score[p] < INFINITY && pass->order[p] > after)
			pair_counts_keep(pairs, pass->label[p] == label,
							 sqrt(neighbours_square_distance(pass->query + (int64_t) i * t->d, neighbours_row(&pass->nb, p), t->d)));
}

/* ---------- ranking ---------- */

static int
compare_falling(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x < y) - (x > y);
}

/* Shell sort, falling, in place; the sort of libc may allocate. */
static void
sort_falling(double *x, int64_t n)
{
	static const int64_t gaps[] = {1968524, 874900, 388844, 172820, 76809, 34137, 15172, 6743, 2997, 1332, 592, 263, 117, 52, 23, 10, 4, 1};

	for (int k = 0; k < (int) (sizeof(gaps) / sizeof(gaps[0])); k++)
		for (int64_t i = gaps[k]; i < n; i++)
		{
			double		value = x[i];
			int64_t		j = i;

			for (; j >= gaps[k] && compare_falling(&x[j - gaps[k]], &value) > 0; j -= gaps[k])
				x[j] = x[j - gaps[k]];
			x[j] = value;
		}
}

/*
 * NDCG of the first places places, from the gains there. gain[0 .. r) are all gains, in any order.
 */
static double
ndcg(Pass *pass, double gained, double *gain, int64_t r, int64_t places)
{
	double		best = 0;

	if (gain == NULL)
		best = pass->discounts[r < places ? r : places];
	else
		for (int64_t i = 0; i < r && i < places; i++)
			best += gain[i] * pass->discount[i];
	return best > 0 ? gained / best : 0;
}

/*
 * Add the figures that follow from the places of all rows of the class, r > 0 of n rows that are
 * visible.
 */
static void
rank(Pass *pass, int32_t label, int64_t n, int64_t r)
{
	const AssessTask *t = pass->task;
	const Place *place = pass->ranking.place;
	int64_t		hits_r = 0;
	double		precisions = 0;
	double		precisions_r = 0;
	double		gained = 0;
	double		gained_10 = 0;

	for (int64_t h = 0; h < r; h++)
	{
		int64_t		i = place[h].place;
		double		precision = (h + 1.0) / (i + 1);
		double		gain = 1;

		if (t->gallery_grade)
			gain = pass->gain[h] = t->gallery_grade[pass->order[place[h].row]];
		precisions += precision;
		gained += gain * pass->discount[i];
		if (i < r)
		{
			hits_r++;
			precisions_r += precision;
		}
		if (i < 10)
			gained_10 += gain * pass->discount[i];
	}
	if (t->gallery_grade)
	{
		sort_falling(pass->gain, r);
		pass->out->gainless += pass->gain[0] == 0;
	}
	add(pass, label, ASSESS_R_PRECISION, (double) hits_r / r);
	add(pass, label, ASSESS_MAP_R, precisions_r / r);
	add(pass, label, ASSESS_AP, precisions / r);
	add(pass, label, ASSESS_RR, 1.0 / (place[0].place + 1));
	add(pass, label, ASSESS_NDCG, ndcg(pass, gained, t->gallery_grade ? pass->gain : NULL, r, n));
	add(pass, label, ASSESS_NDCG_10, ndcg(pass, gained_10, t->gallery_grade ? pass->gain : NULL, r, 10));
}

/* The nearest rows, found[0 .. m) in order, of query q with r rows of its class to find. */
static void
look_at_nearest(Pass *pass, int64_t q, int32_t label, int64_t m, int64_t r)
{
	const AssessTask *t = pass->task;
	const Neighbour *found = pass->nb.found;
	int64_t		k = t->knn_k < m ? t->knn_k : m;
	int64_t		first = 0;
	int32_t		majority = k > 0 ? neighbours_majority(&pass->nb, k) : -1;

	add(pass, label, ASSESS_KNN, majority == label);
	if (t->voted)
		t->voted[q] = majority;
	for (int64_t i = 0; t->nearest != NULL && i < t->knn_k; i++)
		t->nearest[q * t->knn_k + i] = i < k ? pass->order[found[i].row] : -1;
	if (r == 0)
		return;
	while (first < m && pass->label[found[first].row] != label)
		first++;
	add(pass, label, ASSESS_PRECISION_1, first == 0);
	for (int i = 0; i < t->n_recall; i++)
		add(pass, label, ASSESS_RECALL + i, first < m && first < t->recall_at[i]);
}

/* Add the figures of the nearest rows, and the distance of the nearest row of another class. */
static void
identify(Pass *pass, int64_t q, int i, const float *query, int64_t m, int64_t r)
{
	const Neighbours *nb = &pass->nb;
	int32_t		label = pass->task->query_label[q];
	Identity   *identity = &pass->identity[q];

	identity->lone = r == 0;
	identity->right = m > 0 && pass->label[nb->found[0].row] == label;
	identity->nearest = m > 0 ? sqrt(neighbours_square_distance(query, neighbours_row(nb, nb->found[0].row), nb->d)) : INFINITY;
	identity->nearest_other = identity->right || m == 0 ?
		ranking_nearest_outside(nb, i, query, pass->begin[label], pass->begin[label + 1]) : identity->nearest;
}

/* How many of the n rows must be ordered. */
static int64_t
nearest_wanted(const AssessTask *t, int64_t n)
{
	int64_t		m = t->knn_k > 1 ? t->knn_k : 1;

	for (int i = 0; i < t->n_recall; i++)
		m = t->recall_at[i] > m ? t->recall_at[i] : m;
	return m < n ? m : n;
}

/*
 * Measure query q, number i of the block, whose number of rows to find is known, among the rows
 * that are left.
 */
static LearnStatus
rank_query(LearnEnv *env, Pass *pass, int64_t q, int i)
{
	const AssessTask *t = pass->task;
	const float *query = pass->query + (int64_t) i * t->d;
	int32_t		label = t->query_label[q];
	int64_t		n = pass->found[i].visible;
	int64_t		r = pass->found[i].relevant;

	if (!(t->skip & ASSESS_NEAREST))
	{
		int64_t		m = nearest_wanted(t, n);

		LEARN_TRY(neighbours_nearest(env, &pass->nb, i, query, label, -1, m, t->knn_k < m ? t->knn_k : m));
		look_at_nearest(pass, q, label, m, r);
		identify(pass, q, i, query, m, r);
	}
	if (!(t->skip & ASSESS_PLACES) && r > 0)
	{
		LEARN_TRY(ranking_places(env, &pass->ranking, i, query, pass->begin[label], pass->begin[label + 1],
								 t->gallery_grade != NULL, &r));
		rank(pass, label, n, r);
	}
	return LEARN_OK;
}

/* ---------- identification ---------- */

/*
 * The share of queries with a partner that is found within a threshold. The threshold is the
 * largest that lets at most a share far of the searches without the class find a row.
 */
static LearnStatus
add_identification(LearnEnv *env, Pass *pass)
{
	const AssessTask *t = pass->task;
	double	   *other;
	int64_t		n = t->nq;

	LEARN_ALLOC(env, other, n);
	for (int64_t q = 0; q < n; q++)
		other[q] = pass->identity[q].nearest_other;
	LEARN_TRY(learn_poll(env));
	sort_falling(other, n);
	for (int f = 0; f < ASSESS_DIR_FARS; f++)
	{
		int64_t		allowed = (int64_t) floor(ASSESS_DIR_FAR[f] * n * (1 + 1e-12));
		double		limit;

		if (allowed < ASSESS_LEAST_ERRORS)
			continue;
		limit = other[n - 1 - allowed]; /* nearer than that are allowed of them at most */
		if (!(limit < INFINITY))
			continue;			/* there is no other class */
		for (int64_t q = 0; q < n; q++)
			if (!pass->identity[q].lone)
				add(pass, t->query_label[q], ASSESS_DIR + f,
					pass->identity[q].right && pass->identity[q].nearest < limit);
	}
	return LEARN_OK;
}

/* ---------- the pass ---------- */

/* Upper bound of the pairs that are counted. */
static int64_t
most_pairs(const AssessTask *t)
{
	double		pairs = (double) t->nq * t->ng;

	if (t->self && t->query_time == NULL)
		pairs -= (double) t->nq * (t->nq + 1) / 2;
	return pairs < (double) INT64_MAX ? (int64_t) pairs : INT64_MAX;
}

static LearnStatus
make_discounts(LearnEnv *env, Pass *pass)
{
	int64_t		n = pass->task->ng > 10 ? pass->task->ng : 10;

	LEARN_ALLOC(env, pass->discount, n);
	LEARN_ALLOC(env, pass->discounts, n + 1);
	pass->discounts[0] = 0;
	for (int64_t i = 0; i < n; i++)
	{
		pass->discount[i] = 1 / log2(i + 2.0);
		pass->discounts[i + 1] = pass->discounts[i] + pass->discount[i];
	}
	return LEARN_OK;
}

/* Order the gallery class by class, and find the queries in it. */
static LearnStatus
order_gallery(LearnEnv *env, Pass *pass)
{
	const AssessTask *t = pass->task;
	ArenaMark	mark;
	int32_t    *next;

	LEARN_ALLOC(env, pass->order, t->ng);
	LEARN_ALLOC(env, pass->label, t->ng);
	LEARN_ALLOC(env, pass->begin, t->n_classes + 1);
	if (t->self)
		LEARN_ALLOC(env, pass->self, t->nq);
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, next, t->n_classes);
	memset(pass->begin, 0, (t->n_classes + 1) * sizeof(int32_t));
	for (int64_t g = 0; g < t->ng; g++)
		pass->begin[t->gallery_label[g] + 1]++;
	for (int c = 0; c < t->n_classes; c++)
	{
		pass->begin[c + 1] += pass->begin[c];
		next[c] = pass->begin[c];
	}
	for (int64_t g = 0; g < t->ng; g++)
	{
		int32_t		p = next[t->gallery_label[g]]++;

		pass->order[p] = (int32_t) g;
		pass->label[p] = t->gallery_label[g];
		if (t->self && g < t->nq)
			pass->self[g] = p;
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* Order the queries by group of pairs. */
static LearnStatus
order_queries(LearnEnv *env, Pass *pass)
{
	const AssessTask *t = pass->task;
	int32_t		next[PAIR_GROUPS + 1] = {0};

	LEARN_ALLOC(env, pass->queries, t->nq);
	for (int64_t q = 0; q < t->nq; q++)
		next[assess_group(pass->out, t->query_label[q]) + 1]++;
	for (int g = 0; g < PAIR_GROUPS; g++)
		next[g + 1] += next[g];
	for (int64_t q = 0; q < t->nq; q++)
		pass->queries[next[assess_group(pass->out, t->query_label[q])]++] = (int32_t) q;
	return LEARN_OK;
}

/* Neighbours, and room for pairs. */
static LearnStatus
pass_begin(LearnEnv *env, Pass *pass)
{
	const AssessTask *task = pass->task;

	if (task->ng > INT32_MAX || task->nq > INT32_MAX)
		return learn_fail(env, LEARN_INVALID, "more than %d rows to search among or to ask with", INT32_MAX);
	LEARN_TRY(order_gallery(env, pass));
	LEARN_TRY(order_queries(env, pass));
	LEARN_TRY(neighbours_create_ordered(env, task->query, task->nq, task->gallery, pass->label, task->ng, task->d,
										true, pass->order, &pass->nb));
	LEARN_ALLOC(env, pass->query, (size_t) pass->nb.block * task->d);
	LEARN_ALLOC(env, pass->found, pass->nb.block);
	if (task->skip & ASSESS_PAIRS)
		return LEARN_OK;
	return pair_counts_open(env, most_pairs(task), 1 / pass->nb.scale, &pass->out->pairs);
}

/*
 * For queries begin .. begin + count - 1, whose scores are computed: hide what they may not find,
 * and count their pairs.
 */
static LearnStatus
count_block(LearnEnv *env, Pass *pass, int64_t begin, int count)
{
	const AssessTask *t = pass->task;
	int64_t		waiting = 0;	/* pairs that were counted and not yet flushed, at most */

	for (int i = 0; i < count; i++)
	{
		int64_t		q = pass->queries[begin + i];
		int			group = assess_group(pass->out, t->query_label[q]);
		float	   *score = pass->nb.score + (int64_t) i * t->ng;

		LEARN_TRY(learn_poll(env));
		pass->found[i] = hide(pass, q, score);
		if (t->skip & ASSESS_PAIRS)
			continue;
		LEARN_TRY(learn_poll(env));
		count_pairs(pass, q, i, score);
		waiting += t->ng;
		if (i + 1 == count || waiting + t->ng > UINT32_MAX ||
			assess_group(pass->out, t->query_label[pass->queries[begin + i + 1]]) != group)
		{
			pair_counts_flush(&pass->out->pairs, group);
			waiting = 0;
		}
	}
	return LEARN_OK;
}

/*
 * Pairs are counted for a whole block before the ranking, because the tables of either fill a
 * cache.
 */
static LearnStatus
pass_run(LearnEnv *env, Pass *pass, bool pairs_only)
{
	const AssessTask *task = pass->task;
	Assessment *out = pass->out;

	for (int64_t begin = 0; begin < task->nq; begin += pass->nb.block)
	{
		int			count = task->nq - begin < pass->nb.block ? (int) (task->nq - begin) : pass->nb.block;

		for (int i = 0; i < count; i++)
			memcpy(pass->query + (size_t) i * task->d, task->query + (size_t) pass->queries[begin + i] * task->d,
				   task->d * sizeof(float));
		LEARN_TRY(neighbours_score(env, &pass->nb, pass->query, count));
		LEARN_TRY(count_block(env, pass, begin, count));
		for (int i = 0; i < count && !pairs_only; i++)
		{
			int64_t		q = pass->queries[begin + i];

			LEARN_TRY(learn_poll(env));
			out->queries++;
			out->of_class[task->query_label[q]]++;
			out->lone += pass->found[i].relevant == 0;
			out->empty += pass->found[i].visible == 0;
			LEARN_TRY(rank_query(env, pass, q, i));
		}
		if (task->progress)
			task->progress(task->progress_ctx, begin + count);
	}
	return LEARN_OK;
}

static int
n_groups(const AssessTask *task)
{
	return task->n_classes < 1 ? 1 : task->n_classes < PAIR_GROUPS ? task->n_classes : PAIR_GROUPS;
}

LearnStatus
assess(LearnEnv *env, const AssessTask *task, Assessment *out)
{
	size_t		cells = (size_t) task->n_classes * ASSESS_METRICS;
	Pass		pass = {.task = task,.out = out};
	ArenaMark	mark;
	Roc			roc = {0};

	*out = (Assessment) {.n_classes = task->n_classes,.pairs.groups = n_groups(task)};
	LEARN_ALLOC(env, out->sum, cells);
	LEARN_ALLOC(env, out->weight, cells);
	LEARN_ALLOC(env, out->of_class, task->n_classes);
	memset(out->sum, 0, cells * sizeof(double));
	memset(out->weight, 0, cells * sizeof(double));
	memset(out->of_class, 0, task->n_classes * sizeof(int64_t));
	if (!(task->skip & ASSESS_PAIRS))
		LEARN_TRY(pair_counts_create(env, n_groups(task), &out->pairs));
	mark = arena_mark(env->arena);
	LEARN_TRY(pass_begin(env, &pass));
	LEARN_ALLOC(env, pass.identity, task->nq);
	if (task->gallery_grade)
		LEARN_ALLOC(env, pass.gain, task->ng);
	LEARN_TRY(ranking_create(env, &pass.nb, &pass.ranking));
	LEARN_TRY(make_discounts(env, &pass));
	LEARN_TRY(pass_run(env, &pass, false));
	if (!(task->skip & ASSESS_NEAREST))
		LEARN_TRY(add_identification(env, &pass));
	if (!(task->skip & ASSESS_PAIRS))
		LEARN_TRY(pair_counts_roc(env, &out->pairs, &roc));
	assess_verification(&roc, &out->verification);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
assess_pairs(LearnEnv *env, const AssessTask *task, Roc *roc)
{
	Assessment	assessment = {.n_classes = task->n_classes};
	Pass		pass = {.task = task,.out = &assessment};

	LEARN_TRY(pair_counts_create(env, n_groups(task), &assessment.pairs));
	LEARN_TRY(pass_begin(env, &pass));
	LEARN_TRY(pass_run(env, &pass, true));
	return pair_counts_roc(env, &assessment.pairs, roc);
}

void
assess_verification(const Roc *roc, Verification *out)
{
	bool		both = roc_genuine(roc) > 0 && roc_impostor(roc) > 0;
	RocPoint	best = roc_point(roc, roc_at_accuracy(roc));

	out->genuine = roc_genuine(roc);
	out->impostor = roc_impostor(roc);
	out->auc = roc_auc(roc);
	out->average_precision = roc_average_precision(roc);
	out->eer = roc_eer(roc);
	for (int i = 0; i < ASSESS_FARS; i++)
		out->tar[i] = roc_impostor(roc) * ASSESS_FAR[i] * (1 + 1e-12) < ASSESS_LEAST_ERRORS ? NAN : roc_tar(roc, ASSESS_FAR[i]);
	out->accuracy = both ? best.accuracy : NAN;
	out->accuracy_threshold = both ? best.threshold : NAN;
}

/* ---------- means ---------- */

double
assess_of_class(const Assessment *assessment, int metric, int class)
{
	double		weight = class_row(assessment->weight, class)[metric];

	return weight > 0 ? class_row(assessment->sum, class)[metric] / weight : NAN;
}

double
assess_micro(const Assessment *assessment, int metric)
{
	double		sum = 0;
	double		weight = 0;

	for (int c = 0; c < assessment->n_classes; c++)
	{
		sum += class_row(assessment->sum, c)[metric];
		weight += class_row(assessment->weight, c)[metric];
	}
	return weight > 0 ? sum / weight : NAN;
}

double
assess_macro(const Assessment *assessment, int metric)
{
	double		sum = 0;
	int			classes = 0;

	for (int c = 0; c < assessment->n_classes; c++)
		if (class_row(assessment->weight, c)[metric] > 0)
		{
			sum += assess_of_class(assessment, metric, c);
			classes++;
		}
	return classes > 0 ? sum / classes : NAN;
}

int
assess_group(const Assessment *assessment, int class)
{
	return class % assessment->pairs.groups;
}
