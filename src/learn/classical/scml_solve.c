/*
 * scml_solve.c
 *	  Sparse compositional metric learning: triplets of nearest rows, the start, L-BFGS in rounds.
 *
 * Hinges are bent as in lmnn_solve.c, less from round to round.
 */
#include <math.h>
#include <string.h>

#include "math/lbfgs.h"
#include "near.h"
#include "scml.h"

#define MOST_BASES		2000	/* unless asked for */
/* of one thread in a second, for plans that must not depend on the clock */
#define PLAN_FLOPS		30e9
#define EVALUATION_SHARE	0.02
#define UNLIMITED_SECONDS	600
#define ROUND			40		/* iterations */
#define SMOOTH			0.5		/* width in which a hinge bends, at first */
#define SHARPEN			5
#define SHARP			2e-3	/* the last */
#define NOTHING			1e-9	/* a weight below this share of the largest is 0 */

/*
 * Triplets that may be learned from: when all violate their margin an evaluation costs 4 d^2 each,
 * which shall take no more than its share of the time there is, by arithmetic.
 */
static int64_t
most_triplets(const LinearPlan *plan, int d)
{
	double		seconds = plan->seconds > 0 ? plan->seconds : UNLIMITED_SECONDS;
	double		most = EVALUATION_SHARE * seconds * PLAN_FLOPS / (4.0 * d * d);

	return most < 1000 ? 1000 : most < 1e8 ? (int64_t) most : 100000000;
}

/*
 * Combinations of the `genuine` nearest rows of the own class and the `impostors` nearest of
 * others: all of them, or `most`, evenly spread.
 */
static LearnStatus
combine(LearnEnv *env, const Points *points, const int64_t *start, int n_classes, int genuine, int impostors,
		int64_t most, int32_t **place, int64_t *n)
{
	int64_t		all = points->n * genuine * impostors;
	int64_t		seen = 0;
	int32_t    *own;
	int32_t    *other;

	if (most > all)
		most = all;
	else
		learn_notice(env, "learning from %lld of up to %lld triplets, which can be looked at in time", (long long) most, (long long) all);
	LEARN_ALLOC(env, *place, (size_t) (most + 1) * 3);
	LEARN_ALLOC(env, own, points->n * genuine);
	LEARN_ALLOC(env, other, points->n * impostors);
	LEARN_TRY(near_rows(env, points->x, points->n, points->d, start, n_classes, true, genuine, own));
	LEARN_TRY(near_rows(env, points->x, points->n, points->d, start, n_classes, false, impostors, other));
	*n = 0;
	for (int64_t i = 0; i < points->n; i++)
		for (int p = 0; p < genuine && own[i * genuine + p] >= 0; p++)
			for (int q = 0; q < impostors && other[i * impostors + q] >= 0; q++)
			{
				int32_t    *t = *place + 3 * *n;

				/* where the share of those seen passes the next whole number */
				if ((double) ++seen * (double) most / (double) all < (double) (*n + 1))
					continue;
				t[0] = (int32_t) i;
				t[1] = own[i * genuine + p];
				t[2] = other[i * impostors + q];
				(*n)++;
			}
	return LEARN_OK;
}

/* All bases alike, so that a negative is 2 away on average. */
static LearnStatus
set_start(LearnEnv *env, Scml *s, double *u)
{
	double		sum = 0;

	for (int b = 0; b < s->bases; b++)
		u[b] = 1;
	LEARN_TRY(scml_set_metric(env, s, u));
	for (int64_t i = 0; i < s->n; i++)
	{
		if ((i & 0xfff) == 0)
			LEARN_TRY(learn_poll(env));
		sum += (s->weight != NULL ? s->weight[i] : 1) / s->total * s->distance[s->pair[2 * i + 1]];
	}
	for (int b = 0; b < s->bases && sum > 0; b++)
		u[b] = sqrt(2 / sum);
	return LEARN_OK;
}

typedef struct Rounds
{
	Scml		scml;			/* first: a Rounds is scml_evaluate's Scml */
	const LinearPlan *plan;
	int			done;
} Rounds;

static void
iterated(LearnEnv *env, void *ctx, int iteration, double value)
{
	Rounds	   *r = ctx;

	solver_report(env, r->plan, r->done + iteration, value);
}

/* Weights that are hardly any become none. */
static void
drop_weights(double *u, int n)
{
	double		most = 0;

	for (int b = 0; b < n; b++)
		most = fmax(most, u[b] * u[b]);
	for (int b = 0; b < n; b++)
		if (u[b] * u[b] < NOTHING * most)
			u[b] = 0;
}

static LearnStatus
learn_weights(LearnEnv *env, Rounds *r, double *a, LinearFit *fit)
{
	const LinearPlan *plan = r->plan;
	Scml	   *s = &r->scml;
	LbfgsPlan	round = {.tolerance = plan->params.tolerance, .scale = 1e-6, .deadline = plan->deadline, .iterated = iterated};
	double		before = INFINITY;
	double	   *u;
	double	   *gradient;

	LEARN_TRY(scml_create(env, s));
	LEARN_ALLOC(env, u, s->bases);
	LEARN_ALLOC(env, gradient, s->bases);
	LEARN_TRY(set_start(env, s, u));
	fit->converged = fit->cut = false;
	s->smooth = SMOOTH;
	while (r->done < plan->params.iterations && !fit->converged && !fit->cut)
	{
		LbfgsResult result;

		round.iterations = plan->params.iterations - r->done < ROUND ? plan->params.iterations - r->done : ROUND;
		LEARN_TRY(lbfgs_minimize(env, scml_evaluate, r, s->bases, u, &round, &result));
		r->done += result.iterations > 0 ? result.iterations : 1;
		fit->cut = result.cut;
		if (result.converged || before - result.value <= plan->params.tolerance * result.value * ROUND)
		{
			fit->converged = s->smooth <= SHARP;
			s->smooth /= SHARPEN;
			before = INFINITY;
		}
		else
			before = result.value;
	}
	drop_weights(u, s->bases);
	s->smooth = 0;
	LEARN_TRY(scml_evaluate(env, r, u, &fit->objective, gradient));
	memcpy(a, s->a, (size_t) s->points->d * s->points->d * sizeof(double));
	fit->iterations = r->done;
	return LEARN_OK;
}

LearnStatus
solve_scml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	const LinearParams *params = &job->plan->params;
	int			d = job->prep->out;
	bool		labels = job->constraints.n == 0;
	int			n_classes = job->rows->n_classes;
	Points		points;
	Rounds		r = {.plan = job->plan, .scml = {.points = &points, .sparsity = params->sparsity}};
	Scml	   *s = &r.scml;
	int64_t    *start = NULL;
	int32_t    *place;
	real	   *basis;
	double		now = env->now(env->ctx);
	int			wanted = params->bases > 0 ? params->bases : labels ? 20 * d : 80 * d;

	if (params->bases == 0 && wanted > MOST_BASES)
		wanted = MOST_BASES;
	if (labels)
	{
		LEARN_TRY(points_by_class(env, job, &points, &start));
		LEARN_TRY(combine(env, &points, start, n_classes, params->neighbors, params->impostors,
						  most_triplets(job->plan, d), &place, &s->n));
	}
	else
	{
		LEARN_TRY(points_of_constraints(env, job->rows, job->prep, &job->constraints, &points, &place));
		s->n = job->constraints.n;
		s->weight = job->constraints.weight;
	}
	s->place = place;
	LEARN_ALLOC(env, basis, (size_t) wanted * d);
	if (labels)
		LEARN_TRY(scml_local_basis(env, &points, start, n_classes, wanted, job->plan->seed,
								   now + (job->plan->deadline - now) / 2, basis, &s->bases));
	else
		LEARN_TRY(scml_triplet_basis(env, s, wanted, job->plan->seed, basis, &s->bases));
	if (s->bases == 0)
		return learn_fail(env, LEARN_DATA, "no direction tells the classes apart anywhere");
	s->basis = basis;
	fit->rows = points.n;
	return learn_weights(env, &r, a, fit);
}
