/*
 * constraint_score.c
 *	  The held-out score of constraints, of matches, and of rows against views of themselves.
 */
#include "constraint_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/blas.h"
#include "math/vmath.h"

/* Seed of the views that score a model: equal for every model. */
#define VIEW_SEED	UINT64_C(0x7669657773)

static double
weight_of(const Constraints *constraints, int64_t i)
{
	return constraints->weight ? constraints->weight[i] : 1;
}

static double
squared_distance(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int k = 0; k < n; k++)
	{
		double		difference = (double) a[k] - b[k];

		sum += difference * difference;
	}
	return sum;
}

/* Embed rows index[0..n) of a side into z (n x out), through views if they are given. */
static LearnStatus
embed_all(LearnEnv *env, const Rows *rows, int side, const int64_t *index, int64_t n,
		  const Views *views, const ConstraintEmbed *embed, float *z)
{
	ArenaMark	mark = arena_mark(env->arena);
	float	   *x;
	float	   *view = NULL;
	Rng			rng;

	LEARN_ALLOC(env, x, (size_t) HELD_OUT_BLOCK * rows->d);
	if (views)
		LEARN_ALLOC(env, view, (size_t) HELD_OUT_BLOCK * rows->d);
	rng_seed(&rng, VIEW_SEED, 0);
	for (int64_t i = 0; i < n; i += HELD_OUT_BLOCK)
	{
		int			count = n - i < HELD_OUT_BLOCK ? (int) (n - i) : HELD_OUT_BLOCK;

		LEARN_TRY(learn_poll(env));
		LEARN_TRY(rows->fetch(env, rows->ctx, index + i, count, x));
		if (views)
			views_make(views, &rng, x, count, view);
		LEARN_TRY(embed->embed(env, embed->ctx, side, views ? view : x, count, z + i * embed->out));
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* ---------- constraints ---------- */

/*
 * near and far (n each): squared distances of the first two rows of a constraint, and of the two
 * rows with which they are compared.
 */
static LearnStatus
measure(LearnEnv *env, const Constraints *constraints, const Split *split, const ConstraintEmbed *embed, double *near, double *far)
{
	int			size = constraint_size(constraints->kind);
	int64_t    *row;
	float	   *z;

	LEARN_ALLOC(env, row, HELD_OUT_BLOCK);
	LEARN_ALLOC(env, z, (size_t) size * HELD_OUT_BLOCK * embed->out);
	for (int64_t from = 0; from < split->n_held; from += HELD_OUT_BLOCK)
	{
		int			count = split->n_held - from < HELD_OUT_BLOCK ? (int) (split->n_held - from) : HELD_OUT_BLOCK;
		size_t		block = (size_t) HELD_OUT_BLOCK * embed->out;

		for (int k = 0; k < size; k++)
		{
			for (int i = 0; i < count; i++)
				row[i] = constraints->row[split->held[from + i] * size + k];
			LEARN_TRY(embed_all(env, constraints->rows, 0, row, count, NULL, embed, z + k * block));
		}
		for (int i = 0; i < count; i++)
		{
			const float *a = z + (size_t) i * embed->out;

			near[from + i] = squared_distance(a, a + block, embed->out);
			if (constraints->kind == CONSTRAINT_TRIPLETS)
				far[from + i] = squared_distance(a, a + 2 * block, embed->out);
			else if (constraints->kind == CONSTRAINT_QUADRUPLETS)
				far[from + i] = squared_distance(a + 2 * block, a + 3 * block, embed->out);
		}
	}
	return LEARN_OK;
}

typedef struct Judged
{
	double		distance;
	double		same;			/* weights */
	double		different;
	int64_t		place;			/* among the held-out pairs */
} Judged;

static int
compare_judged(const void *a, const void *b)
{
	double		x = ((const Judged *) a)->distance;
	double		y = ((const Judged *) b)->distance;

	return x < y ? -1 : x > y;
}

/*
 * The weighted probability that a pair that is the same is nearer than one that is not. NaN without
 * pairs of both kinds. each, if not NULL: for every pair the share of pairs of the other kind that
 * lie on its right side. Its mean over either kind is the probability.
 */
static double
auc(Judged *pair, int64_t n, QueryScore *each)
{
	double		same = 0;
	double		different = 0;
	double		all_same = 0;
	double		all_different = 0;
	double		sum = 0;

	qsort(pair, n, sizeof(Judged), compare_judged);
	for (int64_t i = 0; i < n; i++)
	{
		all_same += pair[i].same;
		all_different += pair[i].different;
	}
	for (int64_t i = 0; i < n;)
	{
		double		tied_same = 0;
		double		tied_different = 0;
		int64_t		j = i;

		for (; j < n && pair[j].distance == pair[i].distance; j++)
		{
			tied_same += pair[j].same;
			tied_different += pair[j].different;
		}
		sum += tied_different * (same + 0.5 * tied_same);
		for (int64_t k = i; k < j && each; k++)
		{
			double		share = pair[k].same > 0 ? 1 - (different + 0.5 * tied_different) / all_different :
				pair[k].different > 0 ? (same + 0.5 * tied_same) / all_same : NAN;

			each[pair[k].place] = (QueryScore) {all_same > 0 && all_different > 0 ? (float) share : NAN, NAN};
		}
		same += tied_same;
		different += tied_different;
		i = j;
	}
	return same > 0 && different > 0 ? sum / (same * different) : NAN;
}

/* Copy the held-out pairs of a part, or all (-1), into pair. Returns how many. */
static int64_t
list_pairs(const Constraints *constraints, const Split *split, int part, const double *near, Judged *pair)
{
	int64_t		n = 0;

	for (int64_t i = 0; i < split->n_held; i++)
	{
		double		weight = weight_of(constraints, split->held[i]);
		bool		same = constraints->label[split->held[i]];

		if (part < 0 || item_part(split->held[i], split->parts) == part)
			pair[n++] = (Judged) {near[i], same ? weight : 0, same ? 0 : weight, i};
	}
	return n;
}

static LearnStatus
score_pairs(LearnEnv *env, const Constraints *constraints, const Split *split, const double *near, HeldOutScore *score)
{
	bool		parts = split->parts > 1 && score->each;
	Judged	   *pair;

	LEARN_ALLOC(env, pair, split->n_held);
	for (int part = 0; part < split->parts && parts; part++)
		auc(pair, list_pairs(constraints, split, part, near, pair), score->each);
	score->score = auc(pair, list_pairs(constraints, split, -1, near, pair), parts ? NULL : score->each);
	return LEARN_OK;
}

static LearnStatus
score_constraints(LearnEnv *env, const Constraints *constraints, const Split *split, const ConstraintEmbed *embed, HeldOutScore *score)
{
	double	   *near;
	double	   *far;
	double		right = 0;
	double		all = 0;

	LEARN_ALLOC(env, near, split->n_held);
	LEARN_ALLOC(env, far, split->n_held);
	LEARN_TRY(measure(env, constraints, split, embed, near, far));
	if (constraints->kind == CONSTRAINT_PAIRS)
		return score_pairs(env, constraints, split, near, score);
	for (int64_t i = 0; i < split->n_held; i++)
	{
		double		weight = weight_of(constraints, split->held[i]);

		all += weight;
		right += near[i] < far[i] ? weight : 0;
		if (score->each)
			score->each[i] = (QueryScore) {near[i] < far[i], NAN};
	}
	score->score = all > 0 ? right / all : NAN;
	return LEARN_OK;
}

/* ---------- retrieval ---------- */

typedef struct Search
{
	int64_t		nq;
	int64_t		ng;
	int			out;
	float	   *query;			/* nq x out */
	float	   *gallery;		/* ng x out */
	/* nq + 1: query i's right rows are right[begin[i] .. begin[i + 1]) */
	const int64_t *begin;
	const int32_t *right;		/* of the gallery */
	const int32_t *self;		/* nq: its own place in the gallery, hidden, or -1; or NULL */
	QueryScore *each;			/* nq: whether the nearest row is right; or NULL */
} Search;

static double
largest_of(const float *x, int64_t n, int d, const float *mean)
{
	double		largest = 0;

	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
			largest = fmax(largest, fabs((double) x[i * d + j] - mean[j]));
	return largest;
}

static void
move_and_scale(float *x, int64_t n, int d, const float *mean, double scale)
{
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
			x[i * d + j] = (float) (((double) x[i * d + j] - mean[j]) * scale);
}

/*
 * Centre both around the mean of the gallery, since products of rows far from the origin lose
 * digits. Then bring the largest element to 0.5 .. 1, so that no product leaves the range of float.
 */
static void
centre(Search *s, float *mean)
{
	int			exponent;

	memset(mean, 0, sizeof(float) * s->out);
	for (int64_t i = 0; i < s->ng; i++)
		vm_axpy(mean, 1.0f / (float) s->ng, s->gallery + i * s->out, s->out);
	frexp(fmax(largest_of(s->gallery, s->ng, s->out, mean), largest_of(s->query, s->nq, s->out, mean)), &exponent);
	move_and_scale(s->gallery, s->ng, s->out, mean, ldexp(1, -exponent));
	move_and_scale(s->query, s->nq, s->out, mean, ldexp(1, -exponent));
}

/*
 * For each query, the rank of its nearest right row among the wrong rows. Equally near wrong rows
 * are counted before it.
 */
static LearnStatus
search(LearnEnv *env, Search *s, HeldOutScore *score)
{
	float	   *product;
	float	   *half;
	float	   *mean;
	bool	   *is_right;
	double		top1 = 0;
	double		top10 = 0;
	double		mrr = 0;

	LEARN_ALLOC(env, product, (size_t) HELD_OUT_BLOCK * s->ng);
	LEARN_ALLOC(env, half, s->ng);
	LEARN_ALLOC(env, mean, s->out);
	is_right = arena_alloc_zero(env->arena, (size_t) s->ng, sizeof(bool));
	if (is_right == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) s->ng);
	centre(s, mean);
	for (int64_t j = 0; j < s->ng; j++)
		half[j] = 0.5f * vm_dot(s->gallery + j * s->out, s->gallery + j * s->out, s->out);

	for (int64_t from = 0; from < s->nq; from += HELD_OUT_BLOCK)
	{
		int			count = s->nq - from < HELD_OUT_BLOCK ? (int) (s->nq - from) : HELD_OUT_BLOCK;

		LEARN_TRY(blas_gemm_polled(env, false, true, count, (int) s->ng, s->out, -1,
								   s->query + from * s->out, s->out, s->gallery, s->out, 0, product, (int) s->ng));
		for (int i = 0; i < count; i++)
		{
			const float *row = product + (size_t) i * s->ng;
			float		best = INFINITY;
			int64_t		rank = 1;

			for (int64_t k = s->begin[from + i]; k < s->begin[from + i + 1]; k++)
			{
				is_right[s->right[k]] = true;
				best = fminf(best, row[s->right[k]] + half[s->right[k]]);
			}
			for (int64_t j = 0; j < s->ng; j++)
				rank += !is_right[j] && !(row[j] + half[j] > best);
			if (s->self && s->self[from + i] >= 0)
			{
				int32_t		self = s->self[from + i];

				rank -= !is_right[self] && !(row[self] + half[self] > best);
			}
			for (int64_t k = s->begin[from + i]; k < s->begin[from + i + 1]; k++)
				is_right[s->right[k]] = false;
			if (s->each)
				s->each[from + i] = (QueryScore) {rank == 1, NAN};
			top1 += rank == 1;
			top10 += rank <= 10;
			mrr += 1.0 / (double) rank;
		}
	}
	score->score = s->nq > 0 ? top1 / s->nq : NAN;
	score->recall10 = s->nq > 0 ? top10 / s->nq : NAN;
	score->mrr = s->nq > 0 ? mrr / s->nq : NAN;
	return LEARN_OK;
}

/*
 * Number the distinct rows at one place of the held-out matches: place_of[row] or -1, and list, the
 * rows.
 */
static LearnStatus
number_rows(LearnEnv *env, const Constraints *constraints, const Split *split, int place, int64_t n_rows,
			int32_t **place_of, int64_t **list, int64_t *n)
{
	LEARN_ALLOC(env, *place_of, n_rows);
	LEARN_ALLOC(env, *list, split->n_held);
	for (int64_t i = 0; i < n_rows; i++)
		(*place_of)[i] = -1;
	*n = 0;
	for (int64_t i = 0; i < split->n_held; i++)
	{
		int64_t		row = constraints->row[split->held[i] * 2 + place];

		if ((*place_of)[row] < 0)
		{
			(*place_of)[row] = (int32_t) *n;
			(*list)[(*n)++] = row;
		}
	}
	return LEARN_OK;
}

/* The right rows of every query: all known matches count, held out or not. */
static LearnStatus
list_matches(LearnEnv *env, const Constraints *constraints, const int32_t *query_of, const int32_t *gallery_of, Search *s)
{
	int64_t    *begin = arena_alloc_zero(env->arena, (size_t) s->nq + 2, sizeof(int64_t));
	int32_t    *right;

	if (begin == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld queries", (long long) s->nq);
	for (int64_t i = 0; i < constraints->n; i++)
		if (query_of[constraints->row[2 * i]] >= 0 && gallery_of[constraints->row[2 * i + 1]] >= 0)
			begin[query_of[constraints->row[2 * i]] + 2]++;
	for (int64_t q = 0; q < s->nq; q++)
		begin[q + 2] += begin[q + 1];
	LEARN_ALLOC(env, right, begin[s->nq + 1]);
	for (int64_t i = 0; i < constraints->n; i++)
		if (query_of[constraints->row[2 * i]] >= 0 && gallery_of[constraints->row[2 * i + 1]] >= 0)
			right[begin[query_of[constraints->row[2 * i]] + 1]++] = gallery_of[constraints->row[2 * i + 1]];
	s->begin = begin;
	s->right = right;
	return LEARN_OK;
}

static LearnStatus
score_matches(LearnEnv *env, const Constraints *constraints, const Split *split, const ConstraintEmbed *embed, HeldOutScore *score)
{
	Search		s = {.out = embed->out};
	int32_t    *query_of;
	int32_t    *gallery_of;
	int64_t    *query;
	int64_t    *gallery;
	int32_t    *self;
	int			side_b = constraint_two_towers(constraints);

	LEARN_TRY(number_rows(env, constraints, split, 0, constraints->rows->n, &query_of, &query, &s.nq));
	LEARN_TRY(number_rows(env, constraints, split, 1, constraints->rows_b->n, &gallery_of, &gallery, &s.ng));
	LEARN_TRY(list_matches(env, constraints, query_of, gallery_of, &s));
	LEARN_ALLOC(env, self, s.nq);
	for (int64_t q = 0; q < s.nq; q++)
	{
		int64_t		twin = constraint_twin(constraints, query[q]);

		self[q] = twin >= 0 ? gallery_of[twin] : -1;
	}
	s.self = self;
	LEARN_ALLOC(env, s.query, (size_t) s.nq * s.out);
	LEARN_ALLOC(env, s.gallery, (size_t) s.ng * s.out);
	LEARN_TRY(embed_all(env, constraints->rows, 0, query, s.nq, NULL, embed, s.query));
	LEARN_TRY(embed_all(env, constraints->rows_b, side_b, gallery, s.ng, NULL, embed, s.gallery));
	if (score->each)
		LEARN_ALLOC(env, s.each, s.nq);
	LEARN_TRY(search(env, &s, score));

	/* a query counts once, with its first match */
	for (int64_t i = 0; i < split->n_held && score->each; i++)
	{
		int32_t    *query_at = &query_of[constraints->row[2 * split->held[i]]];

		score->each[i] = *query_at >= 0 ? s.each[*query_at] : (QueryScore) {NAN, NAN};
		*query_at = -1;
	}
	return LEARN_OK;
}

static LearnStatus
score_views(LearnEnv *env, const Constraints *constraints, const Split *split, const Views *views,
			const ConstraintEmbed *embed, HeldOutScore *score)
{
	Search		s = {.out = embed->out};
	int64_t    *row;
	int64_t    *begin;
	int32_t    *right;

	s.nq = s.ng = split->n_held;
	LEARN_ALLOC(env, row, s.nq);
	LEARN_ALLOC(env, begin, s.nq + 1);
	LEARN_ALLOC(env, right, s.nq);
	for (int64_t i = 0; i < s.nq; i++)
	{
		row[i] = constraints->row[split->held[i]];
		begin[i] = i;
		right[i] = (int32_t) i;
	}
	begin[s.nq] = s.nq;
	s.begin = begin;
	s.right = right;
	s.each = score->each;
	LEARN_ALLOC(env, s.query, (size_t) s.nq * s.out);
	LEARN_ALLOC(env, s.gallery, (size_t) s.ng * s.out);
	LEARN_TRY(embed_all(env, constraints->rows, 0, row, s.nq, views, embed, s.query));
	LEARN_TRY(embed_all(env, constraints->rows, 0, row, s.ng, NULL, embed, s.gallery));
	return search(env, &s, score);
}

LearnStatus
constraint_score(LearnEnv *env, const Constraints *constraints, const Split *split, const Views *views,
			const ConstraintEmbed *embed, HeldOutScore *score)
{
	ArenaMark	mark = arena_mark(env->arena);
	QueryScore *each = score->each;

	*score = NO_SCORE;
	score->each = each;
	if (split->n_held > 0)
	{
		LEARN_TRY(blas_load(env));
		if (constraints->kind == CONSTRAINT_MATCHES)
			LEARN_TRY(score_matches(env, constraints, split, embed, score));
		else if (constraints->kind == CONSTRAINT_NONE)
			LEARN_TRY(score_views(env, constraints, split, views, embed, score));
		else
			LEARN_TRY(score_constraints(env, constraints, split, embed, score));
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* ---------- a model's score ---------- */

typedef struct ModelEmbed
{
	const Model *model[2];
	float	   *scratch;
} ModelEmbed;

static LearnStatus
embed_with_model(LearnEnv *env, void *ctx, int side, const float *x, int count, float *out)
{
	ModelEmbed *m = ctx;

	model_embed(m->model[side], x, count, out, m->scratch, NULL);
	return LEARN_OK;
}

LearnStatus
constraint_score_model(LearnEnv *env, const Constraints *constraints, const Split *split, const Views *views,
				  const Model *a, const Model *b, HeldOutScore *score)
{
	ArenaMark	mark = arena_mark(env->arena);
	ModelEmbed	m = {{a, b ? b : a}, NULL};
	ConstraintEmbed	embed = {embed_with_model, &m, model_out(a)};
	size_t		scratch_a = model_scratch(m.model[0], HELD_OUT_BLOCK);
	size_t		scratch_b = model_scratch(m.model[1], HELD_OUT_BLOCK);

	LEARN_ALLOC(env, m.scratch, scratch_a > scratch_b ? scratch_a : scratch_b);
	LEARN_TRY(constraint_score(env, constraints, split, views, &embed, score));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
