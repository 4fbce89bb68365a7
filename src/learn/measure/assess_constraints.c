/*
 * assess_constraints.c
 *	  Assessment by judged pairs, comparisons and matches.
 */
#include "assess_constraints.h"

#include <math.h>
#include <string.h>

#include "neighbours.h"

#define POLL_ROWS		1024		/* constraints between polls */
#define SCAN			64			/* scores that are compared with a limit at once */

int
constraint_classes(const int64_t *row, int size, int64_t n, int32_t *class)
{
	int64_t		last = -1;

	for (int64_t i = 0; i < n; i++)
	{
		last += i == 0 || row[i * size] != row[(i - 1) * size];
		class[i] = (int32_t) (last % CONSTRAINT_CLASSES);
	}
	return last < CONSTRAINT_CLASSES ? (int) last + 1 : CONSTRAINT_CLASSES;
}

static LearnStatus
start(LearnEnv *env, int n_classes, Assessment *out)
{
	size_t		cells = (size_t) n_classes * ASSESS_METRICS;

	*out = (Assessment) {.n_classes = n_classes};
	LEARN_ALLOC(env, out->sum, cells);
	LEARN_ALLOC(env, out->weight, cells);
	LEARN_ALLOC(env, out->of_class, n_classes);
	memset(out->sum, 0, cells * sizeof(double));
	memset(out->weight, 0, cells * sizeof(double));
	memset(out->of_class, 0, n_classes * sizeof(int64_t));
	out->pairs.groups = n_classes < 1 ? 1 : n_classes < PAIR_GROUPS ? n_classes : PAIR_GROUPS;
	return LEARN_OK;
}

static void
add(Assessment *out, int32_t class, int metric, double weight, double value)
{
	size_t		cell = (size_t) class * ASSESS_METRICS + metric;

	out->sum[cell] += weight * value;
	out->weight[cell] += weight;
}

static double
square_of(const ConstraintRows *rows, int64_t a, const float *from, int64_t b)
{
	return neighbours_square_distance(rows->a + a * rows->d, from + b * rows->d, rows->d);
}

/* ---------- judged pairs ---------- */

static void
decide(JudgedPairs *pairs, const double *square)
{
	int64_t		all[2] = {0};
	int64_t		accepted[2] = {0};

	pairs->far = pairs->tar = pairs->accuracy = NAN;
	if (isnan(pairs->threshold))
		return;
	for (int64_t i = 0; i < pairs->n; i++)
	{
		all[pairs->same[i] != 0]++;
		accepted[pairs->same[i] != 0] += sqrt(square[i]) <= pairs->threshold;
	}
	if (all[0] > 0)
		pairs->far = (double) accepted[0] / all[0];
	if (all[1] > 0)
		pairs->tar = (double) accepted[1] / all[1];
	pairs->accuracy = (double) (accepted[1] + all[0] - accepted[0]) / pairs->n;
}

LearnStatus
assess_judged_pairs(LearnEnv *env, const ConstraintRows *rows, JudgedPairs *pairs, Assessment *out)
{
	ArenaMark	mark;
	double	   *square;
	double		largest = 0;
	Roc			roc;

	LEARN_TRY(start(env, pairs->n_classes, out));
	LEARN_TRY(pair_counts_create(env, out->pairs.groups, &out->pairs));
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, square, pairs->n);
	for (int64_t i = 0; i < pairs->n; i++)
	{
		if (i % POLL_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		square[i] = square_of(rows, pairs->row[2 * i], rows->b, pairs->row[2 * i + 1]);
		largest = square[i] > largest ? square[i] : largest;
		out->of_class[pairs->class[i]]++;
	}
	if (!isfinite(largest))
		return learn_fail(env, LEARN_DIVERGED, "an embedding has a value that is not a finite number");
	if (largest == 0)
		largest = 1;
	LEARN_TRY(pair_counts_open(env, pairs->n, sqrt(largest), &out->pairs));
	for (int64_t i = 0; i < pairs->n; i++)
	{
		float		half = (float) (square[i] / largest / 2);
		bool		same = pairs->same[i] != 0;

		if (i % POLL_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		pair_counts_add(&out->pairs, same, 0, &half, &(int32_t) {0}, -1, 1);
		if (i + 1 == pairs->n || pairs->class[i + 1] != pairs->class[i])
			pair_counts_flush(&out->pairs, assess_group(out, pairs->class[i]));
		if (out->pairs.fine == NULL)
			pair_counts_keep(&out->pairs, same, sqrt(square[i]));
	}
	decide(pairs, square);
	out->queries = pairs->n;
	LEARN_TRY(pair_counts_roc(env, &out->pairs, &roc));
	assess_verification(&roc, &out->verification);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* ---------- comparisons ---------- */

LearnStatus
assess_comparisons(LearnEnv *env, const ConstraintRows *rows, const Comparisons *c, Assessment *out)
{
	LEARN_TRY(start(env, c->n_classes, out));
	for (int64_t i = 0; i < c->n; i++)
	{
		const int64_t *row = c->row + i * c->size;
		double		weight = c->weight ? c->weight[i] : 1;
		double		near;
		double		far;

		if (i % POLL_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		near = square_of(rows, row[0], rows->a, row[1]);
		far = square_of(rows, c->size == 3 ? row[0] : row[2], rows->a, row[c->size - 1]);
		if (!isfinite(near) || !isfinite(far))
			return learn_fail(env, LEARN_DIVERGED, "an embedding has a value that is not a finite number");
		out->of_class[c->class[i]]++;
		out->queries++;
		add(out, c->class[i], ASSESS_SATISFIED, weight, near < far);
		add(out, c->class[i], ASSESS_TIED, weight, near == far);
	}
	assess_verification(&(Roc) {0}, &out->verification);
	return LEARN_OK;
}

/* ---------- matches ---------- */

/* A right row of the query at hand. */
typedef struct Right
{
	double		square;			/* its exact distance */
	float		score;
	double		gain;
	int64_t		place;
} Right;

typedef struct Search
{
	const ConstraintRows *rows;
	const MatchTask *task;
	Neighbours	nb;
	const float *query;			/* of the block at hand */
	int32_t    *number;			/* ng: 0, 1, ... */
	Right	   *right;			/* as many as the query with most has */
	double	   *gain;
	Assessment *out;
} Search;

/* How many visible rows are no farther away than a right row, by exact distance. */
static int64_t
nearer(const Search *s, const float *score, const float *query, double slack, const Right *right)
{
	const Neighbours *nb = &s->nb;
	float		low = (float) (right->score - slack);
	float		high = (float) (right->score + slack);
	int64_t		count = 0;

	for (int64_t first = 0; first < nb->n; first += SCAN)
	{
		int			part = nb->n - first < SCAN ? (int) (nb->n - first) : SCAN;
		int			surely = 0;
		int			perhaps = 0;

		for (int j = 0; j < part; j++)
		{
			surely += score[first + j] < low;
			perhaps += score[first + j] <= high;
		}
		count += surely;
		for (int j = 0; j < part && perhaps > surely; j++)
			if (score[first + j] >= low && score[first + j] <= high)
				count += neighbours_square_distance(query, neighbours_row(nb, first + j), nb->d) <= right->square;
	}
	return count;
}

/* Shell sort: nearest first. */
static void
sort_right(Right *x, int64_t n)
{
	for (int64_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (int64_t i = gap; i < n; i++)
		{
			Right		value = x[i];
			int64_t		j = i;

			for (; j >= gap && x[j - gap].square > value.square; j -= gap)
				x[j] = x[j - gap];
			x[j] = value;
		}
}

/* Add the figures of a query from the ranks of its r right rows. */
static void
add_places(Search *s, int64_t q, int64_t r)
{
	const MatchTask *t = s->task;
	Assessment *out = s->out;
	int32_t		class = (int32_t) (q % CONSTRAINT_CLASSES);
	const Right *right = s->right;
	double		precisions = 0;
	double		precisions_r = 0;
	double		gained[2] = {0};	/* of all places, of ten */
	double		best[2] = {0};
	int64_t		hits_r = 0;

	for (int64_t k = 0; k < r; k++)
	{
		int64_t		place = right[k].place;
		double		gain = right[k].gain / log2(place + 2.0);

		precisions += (k + 1.0) / (place + 1);
		precisions_r += place < r ? (k + 1.0) / (place + 1) : 0;
		hits_r += place < r;
		gained[0] += gain;
		gained[1] += place < 10 ? gain : 0;
		s->gain[k] = right[k].gain;
	}
	learn_sort_rising(s->gain, r);
	for (int64_t k = 0; k < r; k++)
	{
		double		gain = s->gain[r - 1 - k] / log2(k + 2.0);

		best[0] += gain;
		best[1] += k < 10 ? gain : 0;
	}
	add(out, class, ASSESS_PRECISION_1, 1, right[0].place == 0);
	add(out, class, ASSESS_R_PRECISION, 1, (double) hits_r / r);
	add(out, class, ASSESS_MAP_R, 1, precisions_r / r);
	add(out, class, ASSESS_AP, 1, precisions / r);
	add(out, class, ASSESS_RR, 1, 1.0 / (right[0].place + 1));
	out->gainless += best[0] == 0;
	add(out, class, ASSESS_NDCG, 1, best[0] > 0 ? gained[0] / best[0] : 0);
	add(out, class, ASSESS_NDCG_10, 1, best[1] > 0 ? gained[1] / best[1] : 0);
	for (int i = 0; i < t->n_recall; i++)
		add(out, class, ASSESS_RECALL + i, 1, right[0].place < t->recall_at[i]);
}

/* Take the right rows of query q, number i of the block, out of the scores. Returns how many. */
static int64_t
take_right(Search *s, int64_t q, float *score, const float *query)
{
	const MatchTask *t = s->task;
	int64_t		r = 0;

	for (int64_t k = t->begin[q]; k < t->begin[q + 1]; k++)
	{
		int32_t		row = t->right[k];

		s->right[r].square = neighbours_square_distance(query, neighbours_row(&s->nb, row), s->nb.d);
		s->right[r].score = score[row];
		s->right[r++].gain = t->grade ? t->grade[k] : 1;
		score[row] = INFINITY;
	}
	if (t->self && t->self[q] >= 0)
		score[t->self[q]] = INFINITY;
	return r;
}

static void
count_pairs(Search *s, int64_t q, int i, const float *score, const float *query, int64_t r)
{
	PairCounts *pairs = &s->out->pairs;
	double		length = s->nb.length[i];
	float		square = (float) (length * length);

	for (int64_t k = 0; k < r; k++)
	{
		pair_counts_add(pairs, true, square, &s->right[k].score, &s->number[0], -1, 1);
		if (pairs->fine == NULL)
			pair_counts_keep(pairs, true, sqrt(s->right[k].square));
	}
	pair_counts_add(pairs, false, square, score, s->number, -1, s->nb.n);
	for (int64_t g = 0; g < s->nb.n && pairs->fine == NULL; g++)
		if (score[g] < INFINITY)
			pair_counts_keep(pairs, false, sqrt(neighbours_square_distance(query, neighbours_row(&s->nb, g), s->nb.d)));
	pair_counts_flush(pairs, assess_group(s->out, (int) (q % CONSTRAINT_CLASSES)));
}

static LearnStatus
search_query(LearnEnv *env, Search *s, int64_t q, int i)
{
	const float *query = s->query + (size_t) i * s->nb.d;
	float	   *score = s->nb.score + (int64_t) i * s->nb.n;
	double		slack = 1.5 * neighbours_slack(&s->nb, i);	/* and what is lost to floats here */
	int64_t		r = take_right(s, q, score, query);

	sort_right(s->right, r);
	for (int64_t k = 0; k < r; k++)
	{
		LEARN_TRY(learn_poll(env));
		s->right[k].place = k + nearer(s, score, query, slack, &s->right[k]);
	}
	s->out->queries++;
	s->out->of_class[q % CONSTRAINT_CLASSES]++;
	add_places(s, q, r);
	count_pairs(s, q, i, score, query, r);
	return LEARN_OK;
}

static LearnStatus
search_open(LearnEnv *env, Search *s)
{
	const MatchTask *t = s->task;
	int64_t		most = 1;
	double		pairs = (double) t->nq * t->ng;

	for (int64_t q = 0; q < t->nq; q++)
		most = t->begin[q + 1] - t->begin[q] > most ? t->begin[q + 1] - t->begin[q] : most;
	LEARN_ALLOC(env, s->right, most);
	LEARN_ALLOC(env, s->gain, most);
	LEARN_ALLOC(env, s->number, t->ng);
	for (int64_t g = 0; g < t->ng; g++)
		s->number[g] = (int32_t) g;
	LEARN_TRY(neighbours_create(env, s->rows->a, t->nq, s->rows->b, NULL, t->ng, s->rows->d, true, &s->nb));
	return pair_counts_open(env, pairs < (double) INT64_MAX ? (int64_t) pairs : INT64_MAX, 1 / s->nb.scale, &s->out->pairs);
}

LearnStatus
assess_matches(LearnEnv *env, const ConstraintRows *rows, const MatchTask *task, Assessment *out)
{
	Search		s = {.rows = rows,.task = task,.out = out};
	ArenaMark	mark;
	Roc			roc;

	LEARN_TRY(start(env, task->nq < CONSTRAINT_CLASSES ? (int) task->nq : CONSTRAINT_CLASSES, out));
	LEARN_TRY(pair_counts_create(env, out->pairs.groups, &out->pairs));
	mark = arena_mark(env->arena);
	LEARN_TRY(search_open(env, &s));
	for (int64_t begin = 0; begin < task->nq; begin += s.nb.block)
	{
		int			count = task->nq - begin < s.nb.block ? (int) (task->nq - begin) : s.nb.block;

		s.query = rows->a + begin * rows->d;
		LEARN_TRY(neighbours_score(env, &s.nb, s.query, count));
		for (int i = 0; i < count; i++)
			LEARN_TRY(search_query(env, &s, begin + i, i));
		if (task->progress)
			task->progress(task->progress_ctx, begin + count);
	}
	LEARN_TRY(pair_counts_roc(env, &out->pairs, &roc));
	assess_verification(&roc, &out->verification);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
