/*
 * lbfgs.c
 *	  Limited-memory BFGS.
 */
#include "lbfgs.h"

#include <math.h>
#include <string.h>

#define HISTORY			10
#define ARMIJO			1e-4
#define WOLFE			0.9
#define MAX_TRIALS		20		/* of one line search */
#define IDLE			2		/* iterations in a row that gain nothing */
#define POLL_PLACES		(1 << 20)

typedef struct Search
{
	LearnEnv   *env;
	LbfgsFunction function;
	void	   *ctx;
	size_t		n;
	double	   *x;
	double	   *gradient;
	double	   *direction;
	double	   *next;			/* x of a trial */
	double	   *next_gradient;
	double	   *step[HISTORY];
	double	   *change[HISTORY];	/* of the gradient */
	double		curvature[HISTORY]; /* 1 / (step . change) */
	int			used;
	int			newest;
} Search;

static double
dot(const double *a, const double *b, size_t n)
{
	double		sum[4] = {0};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		for (int j = 0; j < 4; j++)
			sum[j] += a[i + j] * b[i + j];
	for (; i < n; i++)
		sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void
add(double *y, double factor, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += factor * x[i];
}

/* direction = -H gradient, by the two loops over the history. */
static LearnStatus
find_direction(Search *s)
{
	double		alpha[HISTORY];

	LEARN_TRY(learn_poll(s->env));
	for (size_t i = 0; i < s->n; i++)
		s->direction[i] = -s->gradient[i];
	for (int k = 0; k < s->used; k++)
	{
		int			at = (s->newest - k + HISTORY) % HISTORY;

		if (s->n > POLL_PLACES)
			LEARN_TRY(learn_poll(s->env));
		alpha[at] = s->curvature[at] * dot(s->step[at], s->direction, s->n);
		add(s->direction, -alpha[at], s->change[at], s->n);
	}
	if (s->used > 0)
	{
		const double *y = s->change[s->newest];
		double		scale = 1 / (s->curvature[s->newest] * dot(y, y, s->n));

		for (size_t i = 0; i < s->n; i++)
			s->direction[i] *= scale;
	}
	for (int k = s->used - 1; k >= 0; k--)
	{
		int			at = (s->newest - k + HISTORY) % HISTORY;
		double		beta = s->curvature[at] * dot(s->change[at], s->direction, s->n);

		add(s->direction, alpha[at] - beta, s->step[at], s->n);
	}
	return LEARN_OK;
}

/* Keep the step just made, unless the curvature along it is not positive. */
static void
remember(Search *s)
{
	int			at = s->used == 0 ? 0 : (s->newest + 1) % HISTORY;
	double		product;

	for (size_t i = 0; i < s->n; i++)
	{
		s->step[at][i] = s->next[i] - s->x[i];
		s->change[at][i] = s->next_gradient[i] - s->gradient[i];
	}
	product = dot(s->step[at], s->change[at], s->n);
	if (!(product > 1e-14 * dot(s->change[at], s->change[at], s->n)))
		return;
	s->curvature[at] = 1 / product;
	s->newest = at;
	s->used += s->used < HISTORY;
}

/*
 * A step along the direction that satisfies both conditions, from `length` on; next, next_gradient
 * and *value are then those of its end.  *found false: no point is lower, among the points that
 * promise `least`.
 */
static LearnStatus
search_line(Search *s, double *value, double length, double least, double deadline, int *evaluations,
			bool *found)
{
	double		start = *value;
	double		slope = dot(s->gradient, s->direction, s->n);
	double		low = 0;
	double		high = INFINITY;
	double		good = 0;		/* a length that satisfies Armijo's condition */

	*found = false;
	for (int trial = 0; trial < MAX_TRIALS && (trial == 0 || s->env->now(s->env->ctx) <= deadline); trial++)
	{
		double		v;

		for (size_t i = 0; i < s->n; i++)
			s->next[i] = s->x[i] + length * s->direction[i];
		LEARN_TRY(s->function(s->env, s->ctx, s->next, &v, s->next_gradient));
		(*evaluations)++;
		if (!isfinite(v) || v > start + ARMIJO * length * slope)
		{
			double		down = isfinite(v) && low == 0 ? -slope * length * length / (2 * (v - start - slope * length)) : 0;

			high = length;

			/* the parabola's lowest point, where it is no extreme; else the middle */
			length = down > 0.1 * high && down < 0.9 * high ? down : low + (high - low) / 2;
			if (!isfinite(v))
				length = low + (high - low) / 8;
		}
		else
		{
			*value = v;
			good = length;
			if (dot(s->next_gradient, s->direction, s->n) >= WOLFE * slope)
			{
				*found = true;
				return LEARN_OK;
			}
			low = length;
			length = high < INFINITY ? low + (high - low) / 2 : 2 * low;
		}
		if (high - low < 1e-14 * high || (good == 0 && -slope * length < least))
			break;
	}
	if (good > 0)
	{
		/* lower, at least: the last trial need not be the one that was */
		for (size_t i = 0; i < s->n; i++)
			s->next[i] = s->x[i] + good * s->direction[i];
		LEARN_TRY(s->function(s->env, s->ctx, s->next, value, s->next_gradient));
		(*evaluations)++;
		*found = true;
	}
	return LEARN_OK;
}

static LearnStatus
create(LearnEnv *env, size_t n, Search *s)
{
	LEARN_ALLOC(env, s->gradient, n);
	LEARN_ALLOC(env, s->direction, n);
	LEARN_ALLOC(env, s->next, n);
	LEARN_ALLOC(env, s->next_gradient, n);
	for (int i = 0; i < HISTORY; i++)
	{
		LEARN_ALLOC(env, s->step[i], n);
		LEARN_ALLOC(env, s->change[i], n);
	}
	return LEARN_OK;
}

LearnStatus
lbfgs_minimize(LearnEnv *env, LbfgsFunction function, void *ctx, size_t n, double *x,
			   const LbfgsPlan *plan, LbfgsResult *result)
{
	Search		s = {.env = env, .function = function, .ctx = ctx, .n = n, .x = x};
	ArenaMark	mark = arena_mark(env->arena);
	int			idle = 0;

	LEARN_TRY(create(env, n, &s));
	*result = (LbfgsResult) {.evaluations = 1};
	LEARN_TRY(function(env, ctx, x, &result->value, s.gradient));
	if (!isfinite(result->value))
		return learn_fail(env, LEARN_DIVERGED, "the objective is not finite at the start");
	while (result->iterations < plan->iterations)
	{
		double		before = result->value;
		double		norm = sqrt(dot(s.gradient, s.gradient, n));
		double		length = s.used > 0 ? 1 : fmin(1, 1 / norm) * fmax(1e-3, sqrt(dot(x, x, n) / (double) n));
		double		size = fmax(fabs(before), plan->scale > 0 ? plan->scale : 1);
		bool		found;

		if (norm == 0)
		{
			result->converged = true;
			break;
		}
		if (env->now(env->ctx) > plan->deadline)
		{
			result->cut = true;
			break;
		}
		LEARN_TRY(find_direction(&s));
		if (!(dot(s.direction, s.gradient, n) < 0))
		{
			s.used = 0;
			LEARN_TRY(find_direction(&s));
		}
		LEARN_TRY(search_line(&s, &result->value, length, plan->noise * size, plan->deadline,
							  &result->evaluations, &found));
		if (!found)
		{
			result->value = before;
			if (s.used == 0)
			{
				result->converged = true;
				break;
			}
			s.used = 0;
			continue;
		}
		remember(&s);
		memcpy(x, s.next, n * sizeof(double));
		memcpy(s.gradient, s.next_gradient, n * sizeof(double));
		result->iterations++;
		if (plan->iterated != NULL)
			plan->iterated(env, ctx, result->iterations, result->value);
		idle = before - result->value <= plan->tolerance * size ? idle + 1 : 0;
		if (idle == IDLE)
		{
			result->converged = true;
			break;
		}
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
