/*
 * attribution_path.c
 *	  Integrated gradients along a line, by midpoints of intervals that are halved where needed.
 *
 * Over each interval the change of g is known exactly from its ends, so the error of its midpoint
 * is known, too: the gap.  An interval is taken if its gap is small enough, else halved.
 *
 * A kink of relu leaves a gap in proportion to the width of its interval alone, so a tolerance for
 * each unit of width would never be met.  Gaps of n kinks have either sign, and their sum is about
 * sqrt(n) times one of them.  So one of n intervals may have a gap of tolerance / (2 sqrt(n)), if
 * the sum of all gaps that were taken stays within the tolerance, too.  Later rounds have more of
 * it, in case that gaps have one sign.
 */
#include <math.h>
#include <string.h>

#include "attribution.h"

#define POINTS			ATTRIBUTION_POINTS
#define FIRST_INTERVALS	(2 * POINTS)
#define MAX_POINTS		200000	/* midpoints at most; then the intervals are taken as they are */
#define MAX_ROUNDS		40		/* halvings at most: f jumps there */

typedef struct Interval
{
	double		begin;			/* on the line, from 0 to 1 */
	double		end;
	double		value_begin;	/* g there */
	double		value_end;
} Interval;

typedef struct Path
{
	AttributionTape *tape;
	const double *from;
	const double *to;
	const double *direction;
	int			in;
	int			out;
	double	   *x;				/* in: scratch */
	double		tolerance;
	double	   *share;			/* in */
	double		rest;			/* the sum of the gaps that were taken */
} Path;

static void
set_point(const Path *path, int p, double t)
{
	for (int j = 0; j < path->in; j++)
		path->x[j] = path->from[j] + t * (path->to[j] - path->from[j]);
	attribution_set(path->tape, p, path->x);
}

static double
value_at(const Path *path, int p)
{
	double		sum = 0;

	for (int i = 0; i < path->out; i++)
		sum += path->direction[i] * attribution_output(path->tape, p, i);
	return sum;
}

/* The slope of g along the line. */
static double
slope_at(const Path *path, int p)
{
	double		sum = 0;

	for (int j = 0; j < path->in; j++)
		sum += (path->to[j] - path->from[j]) * attribution_gradient(path->tape, p, j);
	return sum;
}

/* The first intervals, of equal width. */
static LearnStatus
first_intervals(LearnEnv *env, const Path *path, Interval *interval)
{
	double		value[FIRST_INTERVALS + POINTS];

	for (int first = 0; first <= FIRST_INTERVALS; first += POINTS)
	{
		for (int p = 0; p < POINTS; p++)
			set_point(path, p, first + p < FIRST_INTERVALS ? (double) (first + p) / FIRST_INTERVALS : 1);
		LEARN_TRY(attribution_forward(env, path->tape));
		for (int p = 0; p < POINTS; p++)
			value[first + p] = value_at(path, p);
	}
	for (int i = 0; i < FIRST_INTERVALS; i++)
		interval[i] = (Interval) {(double) i / FIRST_INTERVALS, (double) (i + 1) / FIRST_INTERVALS, value[i], value[i + 1]};
	return LEARN_OK;
}

/* Take an interval whose midpoint is point p. */
static void
take_interval(Path *path, const Interval *interval, int p, double gap)
{
	double		width = interval->end - interval->begin;

	for (int j = 0; j < path->in; j++)
		path->share[j] += width * (path->to[j] - path->from[j]) * attribution_gradient(path->tape, p, j);
	path->rest += gap;
}

/*
 * Take or halve each of n intervals, round from 1.  halved has room for twice as many; *n gets
 * their number.
 */
static LearnStatus
one_round(LearnEnv *env, Path *path, const Interval *interval, int64_t *n, int round, bool last, Interval *halved)
{
	double		allowed = path->tolerance / (2 * sqrt((double) *n));
	double		allowed_sum = path->tolerance * (1 - 1 / (round + 1.0));
	int64_t		count = 0;

	for (int64_t first = 0; first < *n; first += POINTS)
	{
		int			points = *n - first < POINTS ? (int) (*n - first) : POINTS;

		LEARN_TRY(learn_poll(env));
		for (int p = 0; p < points; p++)
			set_point(path, p, (interval[first + p].begin + interval[first + p].end) / 2);
		LEARN_TRY(attribution_forward(env, path->tape));
		LEARN_TRY(attribution_backward(env, path->tape, path->direction));
		for (int p = 0; p < points; p++)
		{
			const Interval *this = &interval[first + p];
			double		middle = (this->begin + this->end) / 2;
			double		value = value_at(path, p);
			double		gap = this->value_end - this->value_begin - (this->end - this->begin) * slope_at(path, p);

			if (last || (fabs(gap) <= allowed && fabs(path->rest + gap) <= allowed_sum))
			{
				take_interval(path, this, p, gap);
				continue;
			}
			halved[count++] = (Interval) {this->begin, middle, this->value_begin, value};
			halved[count++] = (Interval) {middle, this->end, value, this->value_end};
		}
	}
	*n = count;
	return LEARN_OK;
}

/* Whether the line is walked from its other end, so that both directions give the same shares. */
static bool
is_backward(const Path *path)
{
	for (int j = 0; j < path->in; j++)
		if (path->from[j] != path->to[j])
			return path->from[j] > path->to[j];
	return false;
}

/* From the other end everything has the other sign: the line, the direction, but not the shares. */
static LearnStatus
turn_path(LearnEnv *env, Path *path)
{
	const double *from = path->from;
	double	   *direction;

	path->from = path->to;
	path->to = from;
	LEARN_ALLOC(env, direction, path->out);
	for (int i = 0; i < path->out; i++)
		direction[i] = -path->direction[i];
	path->direction = direction;
	return LEARN_OK;
}

LearnStatus
attribution_path(LearnEnv *env, const Model *model, const double *from, const double *to, const double *direction,
				 double tolerance, double *share, double *rest)
{
	Path		path = {.from = from,.to = to,.direction = direction,.in = model_in(model),.out = model_out(model),
	.tolerance = tolerance,.share = share};
	Interval   *interval;
	int64_t		n = FIRST_INTERVALS;
	int64_t		points = 0;

	if (is_backward(&path))
		LEARN_TRY(turn_path(env, &path));
	LEARN_TRY(attribution_create(env, model, &path.tape));
	LEARN_ALLOC(env, path.x, path.in);
	LEARN_ALLOC(env, interval, n);
	memset(share, 0, path.in * sizeof(double));
	LEARN_TRY(first_intervals(env, &path, interval));
	for (int round = 1; n > 0; round++)
	{
		Interval   *halved;

		points += n;
		LEARN_ALLOC(env, halved, 2 * n);
		LEARN_TRY(one_round(env, &path, interval, &n, round, round == MAX_ROUNDS || points > MAX_POINTS, halved));
		interval = halved;
	}
	*rest = path.rest;
	return LEARN_OK;
}
