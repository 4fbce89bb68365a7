/*
 * assess.c
 *	  One pass over queries: who is hidden, in what order the rest come, what follows from it.
 */
#include "learn/assess.h"

#include <math.h>

#include "learn/neighbours.h"

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

typedef struct Pass
{
	const AssessTask *task;
	Assessment *out;
	Neighbours	nb;
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

/* Hide rows from query q of the pass, whose scores are score; how many it may find, and of its class. */
static void
hide(Pass *pass, int64_t q, float *score, int64_t *visible, int64_t *relevant)
{
	const AssessTask *t = pass->task;
	int32_t		label = t->query_label[q];
	bool		duplicate = false;

	if (t->self)
		score[q] = INFINITY;
	if (t->query_group)
		for (int64_t g = 0; g < t->ng; g++)
			score[g] = t->gallery_group[g] == t->query_group[q] ? INFINITY : score[g];
	if (t->query_time)
		for (int64_t g = 0; g < t->ng; g++)
			score[g] = t->gallery_time[g] < t->query_time[q] ? score[g] : INFINITY;
	if (t->query_hash)
		for (int64_t g = 0; g < t->ng; g++)
			if (t->gallery_hash[g] == t->query_hash[q] && t->gallery_label[g] == label && score[g] < INFINITY)
			{
				score[g] = INFINITY;
				duplicate = true;
			}
	pass->out->duplicates += duplicate;

	*visible = *relevant = 0;
	for (int64_t g = 0; g < t->ng; g++)
	{
		bool		seen = score[g] < INFINITY;

		*visible += seen;
		*relevant += seen && t->gallery_label[g] == label;
	}
}

/* ---------- pairs ---------- */

/* Query q (number i of the block) with the rows that it may find; each unordered pair once where both may find each other. */
static void
count_pairs(Pass *pass, int64_t q, int i, const float *score)
{
	const AssessTask *t = pass->task;
	PairCounts *pairs = &pass->out->pairs;
	int32_t		label = t->query_label[q];
	int			group = assess_group(pass->out, label);
	double		square = pass->nb.length[i] * pass->nb.length[i];
	const float *x = t->query + q * t->d;
	int64_t		begin = t->self && t->query_time == NULL ? q + 1 : 0;

	for (int64_t g = begin; g < t->ng; g++)
	{
		bool		same = t->gallery_label[g] == label;

		if (!(score[g] < INFINITY))
			continue;
		pair_counts_bin(pairs, group, same, square + 2.0 * score[g]);
		if (pairs->fine == NULL)
			pair_counts_keep(pairs, same, sqrt(neighbours_square_distance(x, t->gallery + g * t->d, t->d)));
	}
}

/* ---------- ranking ---------- */

static int
compare_falling(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x < y) - (x > y);
}

/* Shell sort: falling, in place; libc's may allocate. */
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

/* NDCG of the first places places from what was gained there; gain[0 .. r) are all gains, in any order. */
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

/* found[0 .. n) are in order, r > 0 of them of the class. */
static void
rank(Pass *pass, int32_t label, int64_t n, int64_t r)
{
	const AssessTask *t = pass->task;
	const Neighbour *found = pass->nb.found;
	int64_t		first = -1;
	int64_t		hits = 0;
	int64_t		hits_r = 0;
	double		precisions = 0;
	double		precisions_r = 0;
	double		gained = 0;
	double		gained_10 = 0;

	for (int64_t i = 0; i < n && hits < r; i++)
	{
		double		gain = 1;

		if (t->gallery_label[found[i].row] != label)
			continue;
		if (hits == 0)
			first = i;
		if (t->gallery_grade)
			gain = pass->gain[hits] = t->gallery_grade[found[i].row];
		hits++;
		precisions += (double) hits / (i + 1);
		gained += gain * pass->discount[i];
		if (i < r)
		{
			hits_r++;
			precisions_r += (double) hits / (i + 1);
		}
		if (i < 10)
			gained_10 += gain * pass->discount[i];
	}
	if (t->gallery_grade)
		sort_falling(pass->gain, r);
	add(pass, label, ASSESS_PRECISION_1, first == 0);
	add(pass, label, ASSESS_R_PRECISION, (double) hits_r / r);
	add(pass, label, ASSESS_MAP_R, precisions_r / r);
	add(pass, label, ASSESS_AP, precisions / r);
	add(pass, label, ASSESS_RR, 1.0 / (first + 1));
	add(pass, label, ASSESS_NDCG, ndcg(pass, gained, t->gallery_grade ? pass->gain : NULL, r, n));
	add(pass, label, ASSESS_NDCG_10, ndcg(pass, gained_10, t->gallery_grade ? pass->gain : NULL, r, 10));
	for (int i = 0; i < t->n_recall; i++)
		add(pass, label, ASSESS_RECALL + i, first < t->recall_at[i]);
}

static double
distance_to(const Pass *pass, int64_t q, int64_t row)
{
	const AssessTask *t = pass->task;

	return sqrt(neighbours_square_distance(t->query + q * t->d, t->gallery + row * t->d, t->d));
}

static void
identify(Pass *pass, int64_t q, int64_t n, int64_t r)
{
	const AssessTask *t = pass->task;
	const Neighbour *found = pass->nb.found;
	int32_t		label = t->query_label[q];
	int64_t		other = 0;
	Identity   *identity = &pass->identity[q];

	while (other < n && t->gallery_label[found[other].row] == label)
		other++;
	identity->lone = r == 0;
	identity->right = n > 0 && other > 0;
	identity->nearest = n > 0 ? distance_to(pass, q, found[0].row) : INFINITY;
	identity->nearest_other = other < n ? distance_to(pass, q, found[other].row) : INFINITY;
}

static LearnStatus
add_query(LearnEnv *env, Pass *pass, int64_t q, int i)
{
	const AssessTask *t = pass->task;
	int32_t		label = t->query_label[q];
	float	   *score = pass->nb.score + (int64_t) i * t->ng;
	int64_t		n;
	int64_t		r;
	int64_t		k;

	hide(pass, q, score, &n, &r);
	pass->out->queries++;
	pass->out->lone += r == 0;
	pass->out->empty += n == 0;
	k = t->knn_k < n ? t->knn_k : n;
	count_pairs(pass, q, i, score);
	LEARN_TRY(neighbours_nearest(env, &pass->nb, i, t->query + q * t->d, label, -1, n, k));
	if (r > 0)
		rank(pass, label, n, r);
	add(pass, label, ASSESS_KNN, k > 0 && neighbours_majority(&pass->nb, k) == label);
	identify(pass, q, n, r);
	return LEARN_OK;
}

/* ---------- identification ---------- */

/*
 * The share of queries with a partner that is found within the threshold that lets pass no more than far
 * of the searches without the class.
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

/* Neighbours, and room for pairs. */
static LearnStatus
pass_begin(LearnEnv *env, Pass *pass)
{
	const AssessTask *task = pass->task;

	LEARN_TRY(neighbours_create(env, task->query, task->nq, task->gallery, task->gallery_label, task->ng, task->d,
								true, &pass->nb));
	return pair_counts_open(env, most_pairs(task), 1 / pass->nb.scale, &pass->out->pairs);
}

/* Each query through one of the functions below. */
static LearnStatus
pass_run(LearnEnv *env, Pass *pass, LearnStatus (*visit) (LearnEnv *env, Pass *pass, int64_t q, int i))
{
	const AssessTask *task = pass->task;

	for (int64_t begin = 0; begin < task->nq; begin += pass->nb.block)
	{
		int			count = task->nq - begin < pass->nb.block ? (int) (task->nq - begin) : pass->nb.block;

		LEARN_TRY(neighbours_score(env, &pass->nb, task->query + begin * task->d, count));
		for (int i = 0; i < count; i++)
		{
			LEARN_TRY(learn_poll(env));
			LEARN_TRY(visit(env, pass, begin + i, i));
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
	Roc			roc;

	*out = (Assessment) {.n_classes = task->n_classes};
	LEARN_ALLOC(env, out->sum, cells);
	LEARN_ALLOC(env, out->weight, cells);
	memset(out->sum, 0, cells * sizeof(double));
	memset(out->weight, 0, cells * sizeof(double));
	LEARN_TRY(pair_counts_create(env, n_groups(task), &out->pairs));
	mark = arena_mark(env->arena);
	LEARN_TRY(pass_begin(env, &pass));
	LEARN_ALLOC(env, pass.identity, task->nq);
	if (task->gallery_grade)
		LEARN_ALLOC(env, pass.gain, task->ng);
	LEARN_TRY(make_discounts(env, &pass));
	LEARN_TRY(pass_run(env, &pass, add_query));
	LEARN_TRY(add_identification(env, &pass));
	LEARN_TRY(pair_counts_roc(env, &out->pairs, &roc));
	assess_verification(&roc, &out->verification);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

static LearnStatus
add_pairs_only(LearnEnv *env, Pass *pass, int64_t q, int i)
{
	float	   *score = pass->nb.score + (int64_t) i * pass->task->ng;
	int64_t		visible;
	int64_t		relevant;

	hide(pass, q, score, &visible, &relevant);
	count_pairs(pass, q, i, score);
	return LEARN_OK;
}

LearnStatus
assess_pairs(LearnEnv *env, const AssessTask *task, Roc *roc)
{
	Assessment	assessment = {.n_classes = task->n_classes};
	Pass		pass = {.task = task,.out = &assessment};

	LEARN_TRY(pair_counts_create(env, n_groups(task), &assessment.pairs));
	LEARN_TRY(pass_begin(env, &pass));
	LEARN_TRY(pass_run(env, &pass, add_pairs_only));
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
