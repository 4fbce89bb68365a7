/*
 * train_auto.c
 *	  What auto tries on labels, and how it chooses.
 */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FOLDS			5
#define OPEN_FOLDS		6		/* of classes, repeated with other seeds until there are so many */

LearnStatus
train_auto(Trainer *t)
{
	/* in the order in which they are tried while planned time is left */
	static const struct
	{
		const char *method;
		const char *network;	/* NULL: the default; %d: dims */
	}			tries[] = {
		{"cosface", NULL}, {"supcon", NULL}, {"proxy_anchor", NULL},
		{"supcon", "%d"}, {"multi_similarity", NULL}, {"cosface", "%d"},
		{"normalized_softmax", NULL}, {"nca", "%d, raw"},
	};
	const TrainOptions *o = t->options;
	TrainResult *r = t->result;
	double		limit = o->time_limit > 0 ? o->time_limit : AUTO_TIME_LIMIT;
	bool		few = t->rows->n < TRAIN_FEW_ROWS || o->open_set;
	double		planned = 0;
	Way			way[MAX_WAYS];
	int			n = 2;
	int			best = 0;
	bool		cut = false;

	LEARN_ALLOC(t->env, r->candidates, MAX_WAYS);
	LEARN_TRY(trainer_splits(t, few ? (o->open_set ? OPEN_FOLDS : FOLDS) : 1));
	if (t->n_splits == 0)
	{
		learn_fail(t->env, LEARN_DATA, "no row could be held out to choose a method by");
		learn_hint(t->env, "auto needs a class of two rows or more. Name a method, such as whiten.");
		return LEARN_DATA;
	}
	LEARN_TRY(trainer_baselines(t, true, true, &way[0], &way[1]));
	way_record(t, &way[0], 0, "");
	way_record(t, &way[1], 0, "");
	if (t->rows->d <= MAX_WHITEN)
	{
		memset(&way[n], 0, sizeof(way[n]));
		way[n].method = method_by_name("lda");
		LEARN_TRY(way_try(t, &way[n++]));
	}

	for (int i = 0; i < (int) (sizeof(tries) / sizeof(tries[0])) && n < MAX_WAYS; i++)
	{
		Way		   *w = &way[n];
		const Method *method = method_by_name(tries[i].method);
		double		cost;
		int			affordable;

		if (o->network[0] && tries[i].network)
			continue;
		if (method->loss.side == LOSS_PROXY && t->rows->n_classes > 10000)
			continue;
		memset(w, 0, sizeof(*w));
		w->method = method;
		way_plan(t, method, tries[i].network, &w->plan);
		w->plan.phase = PHASE_CHOOSING;
		w->plan.deadline = t->start + 0.7 * limit;

		/* many rows: a short run each, and a long one for the best */
		if (!few && o->epochs == 0)
		{
			affordable = (int) (0.1 * limit / way_seconds(t, &w->plan, 1));
			if (affordable < 1)
				affordable = 1;
			if (w->plan.epochs > affordable)
				w->plan.epochs = w->plan.stop_after = affordable;
		}
		cost = way_seconds(t, &w->plan, w->plan.epochs) * t->n_splits;
		if (planned + cost > 0.5 * limit && planned > 0)
			continue;
		if (t->env->now(t->env->ctx) > t->start + 0.7 * limit)
		{
			cut = true;
			break;
		}
		planned += cost;
		LEARN_TRY(way_try(t, w));
		n++;
	}

	for (int i = 1; i < n; i++)
		if (way_is_better(t, way[i].score, way[best].score) && way_is_safe(t, &way[i], &way[0]))
			best = i;

	if (few || !way_is_gradient(&way[best]))
	{
		/* judged in folds: as many passes over all rows as were best */
		if (way_is_gradient(&way[best]))
		{
			way[best].plan.stop_after = way[best].best_epoch;
			way[best].plan.phase = PHASE_TRAINING;
		}
		LEARN_TRY(way_keep(t, &way[best], false, &cut));
	}
	else
	{
		int			closed = 0;
		FitPlan    *plan = &way[best].plan;
		double		epoch;

		for (int i = 1; i < n && !way_is_gradient(&way[i]); i++)
			if (way_is_better(t, way[i].score, way[closed].score))
				closed = i;
		way_plan(t, way[best].method, NULL, plan);
		snprintf(plan->network, sizeof(plan->network), "%s", r->candidates[best].network);
		epoch = way_seconds(t, plan, 1);
		if (o->epochs == 0)
		{
			int			affordable = (int) ((limit - planned) * 0.7 / epoch);

			plan->epochs = affordable < 1 ? 1 : affordable > 40 ? 40 : affordable;
			plan->stop_after = plan->epochs;
		}
		LEARN_TRY(way_keep(t, &way[best], true, &cut));
		if (!(way[best].score >= way[closed].score))
		{
			best = closed;
			LEARN_TRY(way_keep(t, &way[best], false, &cut));
		}
	}

	snprintf(r->reason, sizeof(r->reason),
			 "%s scored best of %d candidates: held-out %s %.4f, without learning %.4f, whitened %.4f%s%s",
			 way[best].method ? way[best].method->name : "no learning", n, r->score_name, r->score_model,
			 r->score_none, r->score_whiten,
			 few ? "; judged in folds, then fitted on all rows" : "",
			 cut ? "; the time limit ended the training early" : "");
	return LEARN_OK;
}
