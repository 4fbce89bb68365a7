/*
 * points.c
 *	  Rows, preprocessed, in memory.
 */
#include "points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "solver.h"
#include "learn/data/split.h"

/* Without a limit on the arena. */
#define UNLIMITED_BYTES	((size_t) 2 << 30)

#define BLOCK_FLOATS	(256 * 1024)

/*
 * What one thread does in a second, for plans that must not depend on the clock; and the share of
 * the time in which all rows may be compared with each other once: a solver does that several
 * times.
 */
#define PLAN_FLOPS		30e9
#define COMPARE_SHARE	0.1
#define UNLIMITED_SECONDS	600

/*
 * Rows that a quarter of the arena's limit holds, two at least: solvers keep as much again, and
 * more.
 */
static int64_t
most_points(const LearnEnv *env, const Prep *prep)
{
	size_t		bytes = env->arena->limit > 0 ? env->arena->limit / 4 : UNLIMITED_BYTES;
	size_t		most = bytes / ((size_t) prep->out * sizeof(float));

	return most < 2 ? 2 : (int64_t) most;
}

/* points->row is set: read them. */
static LearnStatus
read_points(LearnEnv *env, const Rows *rows, const Prep *prep, Points *points)
{
	ArenaMark	mark;
	int			block = BLOCK_FLOATS / rows->d + 1;
	float	   *raw;
	float	   *scratch;

	points->d = prep->out;
	LEARN_ALLOC(env, points->x, (size_t) points->n * points->d);
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, raw, (size_t) block * rows->d);
	LEARN_ALLOC(env, scratch, (size_t) block * rows->d);
	for (int64_t i = 0; i < points->n; i += block)
	{
		int			count = points->n - i < block ? (int) (points->n - i) : block;

		LEARN_TRY(learn_poll(env));
		LEARN_TRY(rows->fetch(env, rows->ctx, points->row + i, count, raw));
		prep_apply(prep, raw, count, points->x + i * points->d, scratch);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

static int
compare_numbers(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

/* points->row gets all rows of the job, or a sample that memory and time allow; rising. */
static LearnStatus
choose_rows(LearnEnv *env, const LinearJob *job, Points *points)
{
	const int64_t *index = job->index;
	double		seconds = job->plan->seconds > 0 ? job->plan->seconds : UNLIMITED_SECONDS;
	double		in_time = sqrt(COMPARE_SHARE * seconds * PLAN_FLOPS / (2.0 * job->prep->out));
	int64_t		in_memory = most_points(env, job->prep);
	int64_t		n = job->n;
	int64_t		most = in_time < 100 ? 100 : in_time < (double) in_memory ? (int64_t) in_time : in_memory;
	int64_t    *all;

	LEARN_ALLOC(env, all, n);
	for (int64_t i = 0; i < n; i++)
		all[i] = index != NULL ? index[i] : i;
	qsort(all, n, sizeof(int64_t), compare_numbers);
	LEARN_TRY(split_sample(env, all, n, most, (int64_t) job->plan->seed, &points->row, &points->n));
	if (points->n < n && most == in_memory)
		learn_notice(env, "learning from %lld of %lld rows, which memory holds; a larger maintenance_work_mem takes more",
					 (long long) points->n, (long long) n);
	else if (points->n < n)
		learn_notice(env, "learning from %lld of %lld rows, which can be compared with each other in time",
					 (long long) points->n, (long long) n);
	return LEARN_OK;
}

LearnStatus
points_load(LearnEnv *env, const LinearJob *job, Points *points)
{
	LEARN_TRY(choose_rows(env, job, points));
	return read_points(env, job->rows, job->prep, points);
}

LearnStatus
points_by_class(LearnEnv *env, const LinearJob *job, Points *points, int64_t **start)
{
	const Rows *rows = job->rows;
	Points		rising;
	Classes		classes;

	LEARN_TRY(choose_rows(env, job, &rising));
	LEARN_TRY(classes_group(env, rows, rising.row, rising.n, &classes));
	LEARN_TRY(classes_check(env, &classes, job->plan->method->name));
	*points = (Points) {.n = classes.n, .row = classes.row};
	*start = classes.start;
	return read_points(env, rows, job->prep, points);
}

static int64_t
find_place(const Points *points, int64_t row)
{
	const int64_t *found = bsearch(&row, points->row, points->n, sizeof(int64_t), compare_numbers);

	return found - points->row;
}

LearnStatus
points_of_constraints(LearnEnv *env, const Rows *rows, const Prep *prep, Constraints *c,
					  Points *points, int32_t **place)
{
	int			size = constraint_size(c->kind);
	int64_t		most = most_points(env, prep) / size;
	int64_t    *all;

	/*
	 * constraints come in no order that matters, but pairs that are the same first: a stride keeps
	 * shares
	 */
	if (c->n > most)
	{
		int64_t    *row;
		int32_t    *label = NULL;
		double	   *weight = NULL;

		learn_notice(env, "learning from %lld of %lld %s, which memory holds; a larger maintenance_work_mem takes more",
					 (long long) most, (long long) c->n, constraint_name(c->kind));
		LEARN_ALLOC(env, row, most * size);
		if (c->label != NULL)
			LEARN_ALLOC(env, label, most);
		if (c->weight != NULL)
			LEARN_ALLOC(env, weight, most);
		for (int64_t i = 0; i < most; i++)
		{
			int64_t		from = (int64_t) ((double) i * c->n / most);

			memcpy(row + i * size, c->row + from * size, size * sizeof(int64_t));
			if (label != NULL)
				label[i] = c->label[from];
			if (weight != NULL)
				weight[i] = c->weight[from];
		}
		c->row = row;
		c->label = label;
		c->weight = weight;
		c->n = most;
	}

	LEARN_ALLOC(env, all, c->n * size);
	memcpy(all, c->row, c->n * size * sizeof(int64_t));
	LEARN_TRY(learn_poll(env));
	qsort(all, c->n * size, sizeof(int64_t), compare_numbers);
	points->row = all;
	points->n = 0;
	for (int64_t i = 0; i < c->n * size; i++)
		if (i == 0 || all[i] != all[i - 1])
			all[points->n++] = all[i];
	LEARN_ALLOC(env, *place, c->n * size);
	for (int64_t i = 0; i < c->n * size; i++)
		(*place)[i] = (int32_t) find_place(points, c->row[i]);
	return read_points(env, rows, prep, points);
}
