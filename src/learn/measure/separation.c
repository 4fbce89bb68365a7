/*
 * separation.c
 *	  Margin and scatter of classes, from their centres.
 *
 * Sums are taken class by class, in double precision, from the rows less the mean of all.
 */
#include "separation.h"

#include <math.h>
#include <string.h>

#include "neighbours.h"

#define POLL_WORK	(4 * 1024 * 1024)
#define MAX_ASKED	10000		/* classes whose nearest other centre is looked for */

typedef struct Centres
{
	const AssessTask *task;
	int64_t    *rows;			/* n_classes: of the gallery */
	int32_t    *begin;			/* n_classes + 1: where each class begins in order */
	int32_t    *order;			/* ng: rows of the gallery class by class */
	int32_t    *place;			/* n_classes: number of the centre, or -1 */
	int32_t    *label;			/* n: class of a centre */
	float	   *centre;			/* n x d */
	int			n;
	double	   *mean;			/* d: of all rows */
	double		within;			/* tr(S_w) */
	double		between;		/* tr(S_b) */
} Centres;

/* The number of rows between two polls. */
static int64_t
poll_rows(int d)
{
	return 1 + POLL_WORK / d;
}

/* Rows by class, and which classes have rows. */
static LearnStatus
order_rows(LearnEnv *env, Centres *c)
{
	const AssessTask *t = c->task;
	int32_t    *next;

	LEARN_ALLOC(env, c->rows, t->n_classes);
	LEARN_ALLOC(env, c->begin, t->n_classes + 1);
	LEARN_ALLOC(env, c->order, t->ng);
	LEARN_ALLOC(env, c->place, t->n_classes);
	LEARN_ALLOC(env, c->label, t->n_classes);
	LEARN_ALLOC(env, next, t->n_classes);
	memset(c->rows, 0, t->n_classes * sizeof(int64_t));
	for (int64_t g = 0; g < t->ng; g++)
		c->rows[t->gallery_label[g]]++;
	c->begin[0] = 0;
	for (int k = 0; k < t->n_classes; k++)
	{
		next[k] = c->begin[k];
		c->begin[k + 1] = c->begin[k] + (int32_t) c->rows[k];
		c->place[k] = -1;
		if (c->rows[k] > 0)
		{
			c->label[c->n] = k;
			c->place[k] = c->n++;
		}
	}
	for (int64_t g = 0; g < t->ng; g++)
		c->order[next[t->gallery_label[g]]++] = (int32_t) g;
	return LEARN_OK;
}

static LearnStatus
mean_of_all(LearnEnv *env, Centres *c)
{
	const AssessTask *t = c->task;

	LEARN_ALLOC(env, c->mean, t->d);
	memset(c->mean, 0, t->d * sizeof(double));
	for (int64_t g = 0; g < t->ng; g++)
	{
		if (g % poll_rows(t->d) == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < t->d; j++)
			c->mean[j] += t->gallery[g * t->d + j];
	}
	for (int j = 0; j < t->d; j++)
		c->mean[j] /= t->ng;
	return LEARN_OK;
}

/*
 * The centre of class k, and what it adds to the scatter.  offset: d of scratch, the centre less
 * the mean of all.
 */
static LearnStatus
one_centre(LearnEnv *env, Centres *c, int k, double *offset)
{
	const AssessTask *t = c->task;
	int			d = t->d;

	memset(offset, 0, d * sizeof(double));
	for (int32_t i = c->begin[k]; i < c->begin[k + 1]; i++)
	{
		const float *x = t->gallery + (int64_t) c->order[i] * d;

		if (i % poll_rows(d) == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < d; j++)
			offset[j] += x[j] - c->mean[j];
	}
	for (int j = 0; j < d; j++)
	{
		offset[j] /= c->rows[k];
		c->centre[(size_t) c->place[k] * d + j] = (float) (c->mean[j] + offset[j]);
		c->between += c->rows[k] * offset[j] * offset[j];
	}
	for (int32_t i = c->begin[k]; i < c->begin[k + 1]; i++)
	{
		const float *x = t->gallery + (int64_t) c->order[i] * d;

		if (i % poll_rows(d) == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < d; j++)
		{
			double		apart = x[j] - c->mean[j] - offset[j];

			c->within += apart * apart;
		}
	}
	return LEARN_OK;
}

/* The distance of query i of the block to the nearest centre except one; hidden -1: of all. */
static LearnStatus
nearest_centre(LearnEnv *env, Neighbours *nb, int i, const float *query, int32_t label, int32_t hidden, double *distance)
{
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(neighbours_nearest(env, nb, i, query, label, hidden, 1, 1));
	*distance = sqrt(neighbours_square_distance(query, neighbours_row(nb, nb->found[0].row), nb->d));
	return LEARN_OK;
}

/* Number a of the centres that are asked. */
static int32_t
asked_centre(const Centres *c, int a, int asked)
{
	return (int32_t) ((double) a * c->n / asked);
}

static LearnStatus
measure_margin(LearnEnv *env, const Centres *c, Neighbours *nb, double *margin)
{
	int			asked = c->n < MAX_ASKED ? c->n : MAX_ASKED;
	int			d = nb->d;
	double		sum = 0;
	float	   *x;

	LEARN_ALLOC(env, x, (size_t) nb->block * d);
	for (int first = 0; first < asked; first += nb->block)
	{
		int			count = asked - first < nb->block ? asked - first : nb->block;

		for (int i = 0; i < count; i++)
			memcpy(x + (size_t) i * d, c->centre + (size_t) asked_centre(c, first + i, asked) * d, d * sizeof(float));
		LEARN_TRY(neighbours_score(env, nb, x, count));
		for (int i = 0; i < count; i++)
		{
			int32_t		centre = asked_centre(c, first + i, asked);
			double		distance;

			LEARN_TRY(nearest_centre(env, nb, i, x + (size_t) i * d, c->label[centre], centre, &distance));
			sum += distance;
		}
	}
	*margin = sum / asked;
	return LEARN_OK;
}

/* Whether query q, number i of the block, is nearer to another class's centre: misplaced[q]. */
static LearnStatus
place_query(LearnEnv *env, const Centres *c, Neighbours *nb, int64_t q, int i, double *misplaced)
{
	const AssessTask *t = c->task;
	const float *x = t->query + q * t->d;
	int32_t		label = t->query_label[q];
	int64_t		rows = c->rows[label];
	double		own;
	double		other;

	misplaced[q] = NAN;
	if (rows - t->self < 1)
		return LEARN_OK;
	LEARN_TRY(nearest_centre(env, nb, i, x, label, c->place[label], &other));
	own = sqrt(neighbours_square_distance(x, c->centre + (size_t) c->place[label] * t->d, t->d));

	/* without the row, the centre is further away from it by this factor */
	if (t->self)
		own *= (double) rows / (rows - 1);
	misplaced[q] = other < own;
	return LEARN_OK;
}

LearnStatus
separation_measure(LearnEnv *env, const AssessTask *task, Separation *out, double *misplaced)
{
	Centres		c = {.task = task};
	ArenaMark	mark = arena_mark(env->arena);
	Neighbours	nb;
	double	   *offset;

	*out = (Separation) {NAN, NAN, NAN};
	for (int64_t q = 0; q < task->nq; q++)
		misplaced[q] = NAN;
	if (task->ng > INT32_MAX)
		return learn_fail(env, LEARN_INVALID, "more than %d rows to search among", INT32_MAX);
	LEARN_TRY(order_rows(env, &c));
	if (c.n >= 2 && (size_t) c.n * task->d <= SEPARATION_MAX)
	{
		LEARN_ALLOC(env, c.centre, (size_t) c.n * task->d);
		LEARN_ALLOC(env, offset, task->d);
		LEARN_TRY(mean_of_all(env, &c));
		for (int i = 0; i < c.n; i++)
			LEARN_TRY(one_centre(env, &c, c.label[i], offset));
		out->scatter = sqrt(c.within / task->ng);
		if (c.within > 0)
			out->fisher = c.between / c.within;
		LEARN_TRY(neighbours_create(env, task->query, task->nq, c.centre, c.label, c.n, task->d, false, &nb));
		LEARN_TRY(measure_margin(env, &c, &nb, &out->margin));
		for (int64_t begin = 0; begin < task->nq; begin += nb.block)
		{
			int			count = task->nq - begin < nb.block ? (int) (task->nq - begin) : nb.block;

			LEARN_TRY(neighbours_score(env, &nb, task->query + begin * task->d, count));
			for (int i = 0; i < count; i++)
				LEARN_TRY(place_query(env, &c, &nb, begin + i, i, misplaced));
		}
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
