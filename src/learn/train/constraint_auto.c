/*
 * constraint_auto.c
 *	  What auto tries on constraints, and how it chooses: the best, and no learning if nothing is better.
 */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FOLDS			5

/* Shares of the time limit: planned for choosing, and after which no candidate begins, whatever was planned. */
#define CHOOSING		0.8
#define CLOCK_SHARE		0.8

typedef struct Try
{
	const char *method;
	const char *network;		/* NULL: the default; %d: dims */
} Try;

/* What is tried for each kind, in this order, while planned time is left. */
static const Try tries[][6] = {
	[CONSTRAINT_PAIRS] = {{"contrastive", "%d"}, {"contrastive", NULL}, {"contrastive", "%d, raw"}},
	[CONSTRAINT_TRIPLETS] = {{"triplet", "%d"}, {"triplet", NULL}, {"triplet", "%d, raw"}},
	[CONSTRAINT_QUADRUPLETS] = {{"quadruplet", "%d, raw"}, {"quadruplet", "%d"}, {"quadruplet", NULL}},
	[CONSTRAINT_MATCHES] = {{"ntxent", "%d"}, {"ntxent", NULL}},
	[CONSTRAINT_NONE] = {{"ntxent", "%d"}, {"ntxent", NULL}},
};

static LearnStatus
try_closed(Trainer *t, Way *way, int *n)
{
	for (int i = 0; i < method_count() && *n < MAX_WAYS; i++)
	{
		const Method *method = method_at(i);

		/* whitening is a baseline, and stands already */
		if ((method->kind != METHOD_CLOSED_FORM && method->kind != METHOD_LINEAR) ||
			strcmp(method->name, "whiten") == 0 || strcmp(method->name, "covariance") == 0 ||
			!method_learns_from(method, constraint_name(t->constraints->kind)) || constraint_two_towers(t->constraints) ||
			t->constraints->rows->d > MAX_WHITEN)
			continue;
		memset(&way[*n], 0, sizeof(Way));
		way[*n].method = method;
		LEARN_TRY(way_try(t, &way[*n], NULL));
		(*n)++;
	}
	return LEARN_OK;
}

static LearnStatus
try_gradient(Trainer *t, Way *way, int *n, double limit)
{
	double		planned = 0;

	for (const Try *try = tries[t->constraints->kind]; try->method && *n < MAX_WAYS; try++)
	{
		Way		   *w = &way[*n];
		const Method *method = method_by_name(try->method);
		double		epoch;
		int			affordable;

		/* what differs in the network alone is one way where the network is fixed */
		if ((t->options->network[0] || t->constraints->adapter) && try > tries[t->constraints->kind] &&
			strcmp(try->method, try[-1].method) == 0)
			continue;
		if (method == NULL)
			continue;
		memset(w, 0, sizeof(*w));
		w->method = method;
		constraint_plan(t, method, try->network, &w->plan);
		w->plan.phase = PHASE_CHOOSING;
		w->plan.deadline = t->start + CLOCK_SHARE * limit;
		epoch = way_seconds(t, &w->plan, 1) * t->n_splits;
		affordable = (int) (CHOOSING / 2 * limit / epoch);
		if (t->options->epochs == 0 && w->plan.epochs > affordable)
			w->plan.epochs = w->plan.stop_after = affordable < 1 ? 1 : affordable;
		/* the first is tried however little time there is */
		if (planned > 0 && (planned + epoch * w->plan.epochs > CHOOSING * limit ||
							t->env->now(t->env->ctx) > t->start + CLOCK_SHARE * limit))
		{
			way_leave_out(t, w);
			continue;
		}
		planned += epoch * w->plan.epochs;
		LEARN_TRY(way_try(t, w, NULL));
		(*n)++;
	}
	return LEARN_OK;
}

LearnStatus
constraint_auto(Trainer *t)
{
	TrainResult *r = t->result;
	double		limit = t->options->time_limit > 0 ? t->options->time_limit : AUTO_TIME_LIMIT;
	Way			way[MAX_WAYS];
	int			n = 2;
	int			best = 0;
	bool		cut = false;

	LEARN_ALLOC(t->env, r->candidates, MAX_WAYS);
	LEARN_TRY(constraint_splits(t, t->constraints->n < CONSTRAINT_FEW ? FOLDS : 1));
	if (t->n_splits == 0)
	{
		learn_fail(t->env, LEARN_DATA, "nothing could be held out to choose a method by");
		learn_hint(t->env, "There are too few %s, or all have one row in common. Name a method.", constraint_name(t->constraints->kind));
		return LEARN_DATA;
	}
	LEARN_TRY(constraint_baselines(t, &way[0], &way[1]));
	way_record(t, &way[0], 0, constraint_comparable(t->constraints) ? "" : "the sides have different widths");
	way_record(t, &way[1], 0, "");
	LEARN_TRY(try_closed(t, way, &n));
	LEARN_TRY(try_gradient(t, way, &n, limit));

	for (int i = 1; i < n; i++)
		if (way_is_better(t, &way[i], &way[best]))
			best = i;
	if (isnan(way[best].score))
	{
		learn_fail(t->env, LEARN_DATA, "no method could learn from these %s", constraint_name(t->constraints->kind));
		learn_hint(t->env, "Name a method to see what it says.");
		return LEARN_DATA;
	}
	if (way_is_gradient(&way[best]))
		way[best].plan.stop_after = way[best].best_epoch;
	LEARN_TRY(way_keep(t, &way[best], false, &cut));
	snprintf(r->reason, sizeof(r->reason), "%s scored best of %d candidates%s%s",
			 way[best].method ? way_name(&way[best]) : "no learning", n, constraint_shared_text(t),
			 cut ? "; the time limit ended the training early" : "");
	trainer_append_left_out(t);
	constraint_append_search(r, &way[best], &way[0]);
	return LEARN_OK;
}
