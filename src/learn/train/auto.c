/*
 * auto.c
 *	  What auto tries, in which order and in which time.  choose.c says which candidate wins.
 *
 * In folds: every candidate is judged in all of them, and the winner is fitted on all rows or
 * constraints.  Many labelled rows: losses are compared on a sample, in short runs of a small
 * network and of a linear map; the best one then has most of the time for a larger network, and is
 * compared with closed forms and with no learning.
 *
 * Time is shared out by arithmetic (candidate_seconds), never by the clock, so that a seed tries
 * the same candidates on any day; what there is no time for is recorded as left out.
 */
#include "trainer.h"

#include "learn/classical/adapter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Shares of the time limit. */
#define CHOOSING_FOLDS	0.8
#define CHOOSING_MANY	0.15
#define CLOCK_SHARE		0.8		/* no candidate begins later than this, whatever was planned */
/* except the first loss, which has this share of the limit in any case */
#define FIRST_SHARE		0.3

#define LEAST_SAMPLE	10000	/* rows that losses are compared on, if there are as many */
#define MOST_SAMPLE		20000
#define LEAST_EPOCHS	4		/* of a candidate on a sample, and of the larger network */
#define LEAST_FOLDS		10		/* epochs of a candidate in folds */
/* no candidate in folds plans for more than this part of choosing */
#define FOLDS_SHARES	4
/* a closed form whose strengths take more than this part of what is left has one alone */
#define STRENGTH_SHARES	10
#define DEEP_EPOCHS		8
#define MOST_EPOCHS		60
#define MOST_JUDGED		25		/* epochs of a candidate in folds */
#define LONGER			1.5		/* times as many epochs are worth another run */
#define MAX_PROXIES		10000	/* classes up to which losses with proxies are tried */

typedef struct Auto
{
	Trainer    *t;
	bool		many;			/* losses are compared on a sample, in one split */
	TryList		list;
	double		limit;
	double		budget;			/* planned seconds for choosing */
	double		planned;		/* so far */
	bool		loss;			/* a loss was tried */
	Candidate	candidate[MAX_CANDIDATES];
	int			n;
	bool		late;			/* the clock, not the plan, ended choosing */
	bool		cut;			/* and the training of what is kept */
	double		won;			/* the merit by which the winner won */
	Split		sample;			/* many rows: what the losses are compared on */
	Split		train;			/* and what the first split had before */
} Auto;

/* ---------- plans ---------- */

/*
 * What differs from the method's defaults goes into the plan, and as text into the candidate's
 * settings.
 */
static void
apply(const Auto *a, const Try *try, FitPlan *plan)
{
	const TrainOptions *o = a->t->options;
	double		per_epoch = ceil((double) a->t->n / plan->batch);

	if (try->scale > 0)
		plan->term[0].params.scale = try->scale;

	/* over some epochs where these are short, and always over the last steps of the schedule */
	if (isnan(o->average))
		plan->average = fmin(0.998, 1 - 1 / (5 * per_epoch + 5));
}

static void
describe(const Candidate *candidate, char *text, size_t size)
{
	const FitPlan *plan = &candidate->plan;
	size_t		used = 0;

	text[0] = '\0';
	if (candidate->strengths && (candidate->strengths[candidate->strength].shrink > 0 || candidate->strengths[candidate->strength].l2))
	{
		const Strength *strength = &candidate->strengths[candidate->strength];

		if (strength->shrink > 0)
			used += snprintf(text + used, size - used, "shrink = %g%s", strength->shrink, strength->l2 ? ", " : "");
		if (strength->l2)
			snprintf(text + used, size - used, "l2 = true");
	}
	if (!candidate_is_gradient(candidate))
		return;
	if (plan->term[0].params.scale != candidate->method->defaults.scale)
		used += snprintf(text + used, size - used, "scale = %g, ", plan->term[0].params.scale);
	snprintf(text + used, size - used, "average = %.4g", plan->average);
}

/* What the latest candidate was set to. */
static void
note_settings(Trainer *t, const Candidate *candidate)
{
	CandidateRecord *c = &t->result->candidates[t->result->n_candidates - 1];

	c->epochs = candidate_is_gradient(candidate) ? candidate->plan.epochs : 0;
	describe(candidate, c->settings, sizeof(c->settings));
}

/* Is it too late for another candidate, whatever was planned? */
static bool
is_late(Auto *a)
{
	if (a->t->env->now(a->t->env->ctx) <= a->t->start + CLOCK_SHARE * a->limit || a->n <= 2)
		return false;
	return a->late = true;
}

/* ---------- trying ---------- */

/* In folds: the candidate that the next one is held against, the best so far. */
static const Candidate *
rival(const Auto *a)
{
	const Trainer *t = a->t;
	const Candidate *best = NULL;

	for (int i = 0; i < a->n && !a->many; i++)
	{
		const Candidate *c = &a->candidate[i];

		if (isnan(c->score) || c->judged < t->n_splits || (i > 0 && !isnan(t->none->score) && !candidate_is_safe(t, c, -1)))
			continue;
		if (best == NULL || candidate_merit(c) > candidate_merit(best))
			best = c;
	}
	return best;
}

/*
 * Seconds of a closed form or linear map in all splits: it is solved and judged with each strength.
 */
static double
solution_seconds(const Trainer *t, const Candidate *c)
{
	int			more = c->n_strengths > 1 ? c->n_strengths - 1 : 0;
	double		d = t->rows->d;
	double		held = (double) t->split[0].n_held;
	double		judged = held * (double) t->n * d + (double) t->n * d * d + 30 * d * d * d;

	return (t->learner->solve_seconds(t, c->method) * (1 + more) + work_seconds(t, 2 * judged * more)) * t->n_splits;
}

static LearnStatus
try_solution(Auto *a, const Try *try)
{
	Trainer    *t = a->t;
	Candidate  *c = &a->candidate[a->n];
	double		cost;

	if (t->rows->d > MAX_WHITEN)
		return LEARN_OK;
	candidate_init(c, method_by_name(try->method));
	c->strengths = try->strengths;
	c->n_strengths = try->n_strengths;
	cost = solution_seconds(t, c);
	if (c->n_strengths > 1 && cost > (a->budget - a->planned) / STRENGTH_SHARES)
	{
		c->n_strengths = 1;
		cost = solution_seconds(t, c);
	}
	if (a->planned + cost > a->budget || (!a->many && cost > a->budget / FOLDS_SHARES) || is_late(a))
	{
		candidate_leave_out(t, c);
		return LEARN_OK;
	}
	LEARN_TRY(candidate_try(t, c, rival(a)));
	a->late |= c->cut;
	a->planned += cost * c->judged / t->n_splits;
	note_settings(t, c);
	a->n++;
	return LEARN_OK;
}

/*
 * The epochs that a candidate can have: all that it wants, or as many as any other, where time is
 * short; 0: it is too short.
 */
static int
affordable_epochs(const Auto *a, const FitPlan *plan, double epoch)
{
	double		left = a->budget - a->planned;
	double		share = a->budget / (a->many ? a->list.n_then : FOLDS_SHARES);
	double		epochs = plan->epochs;

	if (a->t->options->epochs == 0)
		epochs = fmin(epochs, floor(share / epoch));
	return epochs * epoch <= left ? (int) epochs : 0;
}

static LearnStatus
try_gradient(Auto *a, const Try *try)
{
	Trainer    *t = a->t;
	const TrainOptions *o = t->options;
	const Method *method = method_by_name(try->method);
	Candidate  *c = &a->candidate[a->n];
	FitPlan    *plan = &c->plan;
	double		epoch;
	int			epochs;
	int			least = a->many ? LEAST_EPOCHS : LEAST_FOLDS;

	if (method->loss.side == LOSS_PROXY && t->rows->n_classes > MAX_PROXIES)
		return LEARN_OK;
	candidate_init(c, method);
	t->learner->plan(t, method, try->network, plan);
	apply(a, try, plan);
	plan->phase = PHASE_CHOOSING;
	plan->deadline = t->start + CLOCK_SHARE * a->limit;
	if (!a->loss)
		plan->deadline = fmax(plan->deadline, t->env->now(t->env->ctx) + FIRST_SHARE * a->limit);
	epoch = candidate_seconds(t, plan, 1) * t->split[0].n_train / t->n * t->n_splits;
	epochs = affordable_epochs(a, plan, epoch);

	/*
	 * the first is tried however little time there is: on a machine that took all of it to read the
	 * rows, too
	 */
	if (a->loss && ((epochs < least && epochs < plan->epochs) || is_late(a)))
	{
		candidate_leave_out(t, c);
		return LEARN_OK;
	}
	if (o->epochs == 0)
		plan->epochs = plan->stop_after = epochs < 1 ? 1 : epochs;
	if (!a->many)
		plan->judge_every = 1 + (plan->epochs - 1) / MOST_JUDGED;
	LEARN_TRY(candidate_try(t, c, rival(a)));
	a->late |= c->cut;
	a->loss = true;
	a->planned += epoch * plan->epochs * (a->many ? 1 : (double) c->judged / t->n_splits);
	note_settings(t, c);
	a->n++;
	return LEARN_OK;
}

static LearnStatus
try_first(Auto *a)
{
	for (int i = 0; i < a->list.n_first; i++)
		LEARN_TRY(try_solution(a, &a->list.first[i]));
	for (int i = 0; i < a->n; i++)
	{
		const Candidate *c = &a->candidate[i];

		if (adapter_is(c->method) && !isnan(c->score) && (a->t->first_map == NULL || c->score > a->t->first_map->score))
			a->t->first_map = c;
	}
	return LEARN_OK;
}

static LearnStatus
try_then(Auto *a)
{
	for (int i = 0; i < a->list.n_then; i++)
		if (method_by_name(a->list.then[i].method)->kind == METHOD_GRADIENT)
			LEARN_TRY(try_gradient(a, &a->list.then[i]));
		else
			LEARN_TRY(try_solution(a, &a->list.then[i]));
	return LEARN_OK;
}

/* ---------- the model that is kept ---------- */

/* What a candidate says that could not be fitted for good: it is no candidate any longer. */
static void
drop(Auto *a, int i)
{
	Trainer    *t = a->t;
	Candidate  *c = &a->candidate[i];

	c->score = c->map_r = NAN;
	candidate_record(t, c, 0, t->env->message);
}

/*
 * The clock ended the winner's training on all rows.  The score that is reported is then that of as
 * many epochs in the folds; and if that is below the score of no learning, no learning is kept.
 */
static LearnStatus
keep_short(Auto *a, int *best)
{
	Trainer    *t = a->t;
	Candidate  *c = &a->candidate[*best];
	QueryScore	found = {NAN, NAN};
	bool		cut;

	for (int epoch = t->result->epochs; epoch > 0 && isnan(found.recall); epoch--)
		found = c->course[epoch - 1];
	c->score = t->result->score_model = found.recall;
	c->map_r = found.map_r;
	if (score_merit(found.recall, found.map_r) >= candidate_merit(t->none) || isnan(t->none->score))
		return LEARN_OK;
	*best = 0;
	return candidate_keep(t, &a->candidate[0], NULL, &cut);
}

/* Fit the winner for good, or the next one where that fails. */
static LearnStatus
keep_winner(Auto *a, int n, int *best)
{
	Trainer    *t = a->t;
	ArenaMark	mark = arena_mark(t->env->arena);
	LearnStatus status;
	double		score;
	double		map_r;

	for (;;)
	{
		Candidate  *c = &a->candidate[*best];

		a->won = candidate_merit(c);
		choose_report(t, a->candidate, n, n, *best, &score, &map_r);
		if (candidate_is_gradient(c))
			c->plan.stop_after = c->best_epoch;
		c->plan.deadline = t->deadline;
		status = candidate_keep(t, c, NULL, &a->cut);
		if (status == LEARN_OK || *best == 0 || !candidate_may_fail(status))
			break;
		arena_reset(t->env->arena, mark);
		drop(a, *best);
		*best = choose(t, a->candidate, n, n);
	}
	LEARN_TRY(status);
	t->result->score_model = score;
	a->candidate[*best].score = score;
	a->candidate[*best].map_r = map_r;
	return a->cut && candidate_is_gradient(&a->candidate[*best]) ? keep_short(a, best) : LEARN_OK;
}

/* ---------- in folds ---------- */

/*
 * Where candidates had fewer epochs than they would have had by name: the best one again, in the
 * first fold, with as many as the time that is left allows for, there and on all rows after it.
 * Not in the open set, where what is kept must be better than no learning in every fold.
 */
static LearnStatus
try_longer(Auto *a, int best)
{
	Trainer    *t = a->t;
	Candidate  *chosen = &a->candidate[best];
	Candidate	longer = *chosen;
	int			splits = t->n_splits;
	FitPlan		full;
	double		epochs;
	Gain		gain;

	t->learner->plan(t, chosen->method, NULL, &full);
	epochs = floor(fmin(full.epochs, 0.45 * (a->limit - a->planned) / candidate_seconds(t, &chosen->plan, 1)));
	if (t->options->epochs > 0 || t->options->open_set || epochs < LONGER * chosen->plan.epochs || is_late(a))
		return LEARN_OK;
	longer.plan.epochs = longer.plan.stop_after = (int) epochs;
	longer.plan.judge_every = 1 + (longer.plan.epochs - 1) / MOST_JUDGED;
	t->n_splits = 1;
	LEARN_TRY(candidate_try(t, &longer, chosen));
	t->n_splits = splits;
	note_settings(t, &longer);
	if (isnan(longer.score) || longer.cut)
		return LEARN_OK;
	snprintf(t->result->candidates[t->result->n_candidates - 1].note, sizeof(t->result->candidates->note), "for longer, in the first fold");
	gain = candidate_gain(t, &longer, chosen, score_merit, -1);
	if (gain.mean >= 0)
	{
		chosen->plan = longer.plan;
		chosen->best_epoch = longer.best_epoch;
		chosen->course = longer.course;
		chosen->n_course = longer.n_course;
	}
	return LEARN_OK;
}

static LearnStatus
auto_folds(Auto *a, int *best)
{
	LEARN_TRY(try_first(a));
	LEARN_TRY(try_then(a));
	*best = choose(a->t, a->candidate, a->n, a->n);
	if (isnan(a->candidate[*best].score) && !a->t->learner->comparable(a->t))
	{
		learn_fail(a->t->env, LEARN_DATA, "no method could learn from these %s", a->t->learner->noun(a->t));
		learn_hint(a->t->env, "Name a method to see what it says.");
		return LEARN_DATA;
	}
	if (candidate_is_gradient(&a->candidate[*best]))
		LEARN_TRY(try_longer(a, *best));
	return keep_winner(a, a->n, best);
}

/* ---------- many rows ---------- */

/* What the losses are compared on, in place of the first split's rows; their epochs are short. */
static LearnStatus
draw_sample(Auto *a)
{
	Trainer    *t = a->t;
	FitPlan		plan;
	double		rows;

	t->learner->plan(t, method_by_name(a->list.then[0].method), NULL, &plan);
	rows = (a->budget - a->planned) / a->list.n_then / LEAST_EPOCHS / candidate_seconds(t, &plan, 1) * (double) t->n;
	rows = fmin(fmax(rows, LEAST_SAMPLE), MOST_SAMPLE);
	a->train = t->split[0];
	a->sample = t->split[0];
	return split_sample(t->env, a->train.train, a->train.n_train, (int64_t) rows, t->options->seed,
						&a->sample.train, &a->sample.n_train);
}

/*
 * The plan of the best loss for the time that is left: a larger network, if it can have some
 * epochs.
 */
static void
plan_long(Auto *a, const Candidate *chosen, Candidate *longer)
{
	Trainer    *t = a->t;
	const TrainOptions *o = t->options;
	double		left = 0.9 * (a->limit - a->planned);
	FitPlan    *plan = &longer->plan;
	FitPlan		larger;
	double		affordable;

	*longer = *chosen;
	if (t->rows->target)
		t->learner->plan(t, longer->method, t->rows->d >= 256 ? "512 relu, 256 relu, %d, raw" : "256 relu, 128 relu, %d, raw", &larger);
	else
		t->learner->plan(t, longer->method, t->rows->d >= 256 ? "512 relu dropout 0.2, 256 relu dropout 0.2, %d" :
						 "256 relu dropout 0.1, 128 relu dropout 0.1, %d", &larger);
	if (strchr(plan->network, ',') && o->network[0] == '\0' && left >= DEEP_EPOCHS * candidate_seconds(t, &larger, 1))
		memcpy(plan->network, larger.network, sizeof(plan->network));
	plan->epochs = larger.epochs;
	if (o->epochs == 0)
	{
		affordable = left / candidate_seconds(t, plan, 1);
		plan->epochs = affordable < 1 ? 1 : affordable > MOST_EPOCHS ? MOST_EPOCHS : (int) affordable;
	}
	plan->stop_after = plan->epochs;
	plan->deadline = t->deadline;
}

/*
 * The best loss of the short runs, trained for the time that is left, becomes candidate[n]; where
 * that is no better, and where it fails, its short run, which the same seed repeats.
 */
static LearnStatus
train_longer(Auto *a, int loss, int n)
{
	Trainer    *t = a->t;
	Candidate	brief = a->candidate[loss];
	Candidate  *longer = &a->candidate[n];
	ArenaMark	mark = arena_mark(t->env->arena);
	double		start = t->env->now(t->env->ctx);
	LearnStatus status;
	bool		cut;

	plan_long(a, &brief, longer);
	status = candidate_keep(t, longer, &t->split[0], &a->cut);
	if (status != LEARN_OK && !candidate_may_fail(status))
		return status;
	if (status != LEARN_OK)
	{
		arena_reset(t->env->arena, mark);
		a->cut = false;
		longer->score = longer->map_r = NAN;
	}
	candidate_record(t, longer, t->env->now(t->env->ctx) - start, status == LEARN_OK ? "for the time that was left" : t->env->message);
	note_settings(t, longer);
	if (candidate_merit(longer) >= candidate_merit(&brief))
		return LEARN_OK;

	/* late as it is: what a short run found must not be lost */
	*longer = brief;
	longer->plan.deadline = INFINITY;
	t->split[0] = a->sample;
	LEARN_TRY(candidate_keep(t, longer, &t->split[0], &cut));
	t->split[0] = a->train;
	return LEARN_OK;
}

static LearnStatus
auto_many(Auto *a, int *best)
{
	Trainer    *t = a->t;
	int			closed;			/* candidates without a loss */
	int			loss = -1;		/* the best loss of the short runs */

	LEARN_TRY(try_first(a));
	closed = a->n;
	LEARN_TRY(draw_sample(a));
	t->split[0] = a->sample;
	LEARN_TRY(try_then(a));
	t->split[0] = a->train;

	/*
	 * after a short run a difference of less than the standard error says nothing: the earlier one
	 * stays
	 */
	for (int i = closed; i < a->n; i++)
		if (!isnan(a->candidate[i].score) && (loss < 0 || candidate_beats(t, &a->candidate[i], &a->candidate[loss])))
			loss = i;
	if (loss >= 0)
	{
		LEARN_TRY(train_longer(a, loss, closed));
		*best = choose(t, a->candidate, closed + 1, a->n);
		if (*best == closed)
		{
			Candidate  *kept = &a->candidate[closed];

			a->won = candidate_merit(kept);
			choose_report(t, a->candidate, closed + 1, a->n, closed, &kept->score, &kept->map_r);
			t->result->score_model = kept->score;
			return LEARN_OK;
		}
	}
	else
		*best = choose(t, a->candidate, closed, a->n);
	a->cut = false;
	return keep_winner(a, closed, best);
}

/* ---------- all ---------- */

/*
 * In folds: as many splits as leave a loss all its epochs, two at least.  Where an epoch takes long
 * there are many rows, and each split has enough of them to judge by.
 */
static void
spare_splits(Auto *a)
{
	Trainer    *t = a->t;
	FitPlan		plan;
	int			n;

	if (t->n_splits < 2 || a->list.n_then == 0)
		return;
	t->learner->plan(t, method_by_name(a->list.then[0].method), a->list.then[0].network, &plan);
	n = (int) fmin(t->n_splits, a->budget / FOLDS_SHARES /
				   (candidate_seconds(t, &plan, plan.epochs) * t->split[0].n_train / t->n));
	t->n_splits = n < 2 ? 2 : n > t->folds ? n - n % t->folds : n;
	t->result->held_out_rows = 0;
	for (int f = 0; f < t->n_splits && f < t->folds; f++)
		t->result->held_out_rows += t->split[f].n_held;
}

/* Splits, and the candidates that every other one is held against. */
static LearnStatus
auto_start(Trainer *t, Auto *a)
{
	const TrainOptions *o = t->options;
	TrainResult *r = t->result;
	int			folds;
	int			repeats;

	a->t = t;
	a->limit = o->time_limit > 0 ? o->time_limit : AUTO_TIME_LIMIT;
	LEARN_TRY(t->learner->folds(t, &folds, &repeats, &a->many));
	a->budget = a->limit * (a->many ? CHOOSING_MANY : CHOOSING_FOLDS);
	t->judged_by = t->start + CLOCK_SHARE * a->limit;
	t->learner->tries(t, a->many, &a->list);
	LEARN_ALLOC(t->env, r->candidates, 2 * MAX_CANDIDATES);
	LEARN_TRY(t->learner->split(t, folds, repeats));
	if (t->n_splits == 0)
	{
		learn_fail(t->env, LEARN_DATA, "nothing could be held out to choose a method by");
		learn_hint(t->env, "There are too few %s to learn from and to judge by. Name a method.", t->learner->noun(t));
		return LEARN_DATA;
	}
	if (!a->many && !o->open_set)
		spare_splits(a);
	LEARN_TRY(trainer_keep_each(t));
	LEARN_TRY(trainer_baselines(t, &a->candidate[0], &a->candidate[1]));
	candidate_record(t, &a->candidate[0], 0, t->learner->comparable(t) ? "" : "the sides have different widths");
	candidate_record(t, &a->candidate[1], 0, "");
	a->n = 2;
	return LEARN_OK;
}

/* In folds: a candidate that scores higher than the one that was chosen does so by chance. */
static void
describe_rival(const Auto *a, int best, char *text, size_t size)
{
	const Candidate *higher = rival(a);

	if (higher == NULL || higher == &a->candidate[best] || candidate_merit(higher) <= a->won)
		return;
	snprintf(text, size, "; %s, with %.4f", candidate_name(higher), higher->score);
	if (!isnan(higher->map_r))
		snprintf(text + strlen(text), size - strlen(text), " and %.4f", higher->map_r);
	snprintf(text + strlen(text), size - strlen(text), ", is not better by more than chance");
}

LearnStatus
train_auto(Trainer *t)
{
	TrainResult *r = t->result;
	const Candidate *kept;
	Auto	   *a;
	char		settings[128] = "";
	char		scores[128];
	char		order[64] = "";
	char		close[160] = "";
	int			best = 0;
	bool		gradient;

	LEARN_ALLOC(t->env, a, 1);
	memset(a, 0, sizeof(*a));
	LEARN_TRY(auto_start(t, a));
	LEARN_TRY(a->many ? auto_many(a, &best) : auto_folds(a, &best));

	kept = &a->candidate[best];
	gradient = candidate_is_gradient(kept);
	describe(kept, settings, sizeof(settings));
	if (!isnan(kept->map_r))
		snprintf(order, sizeof(order), "; MAP@R %.4f, without learning %.4f", kept->map_r, t->none->map_r);
	trainer_scores_text(r->score_name, r->score_model, r->score_none, r->score_whiten, scores, sizeof(scores));
	describe_rival(a, best, close, sizeof(close));
	snprintf(r->reason, sizeof(r->reason), "%s%s%s%s is the best of %d candidates: %s%s%s%s%s%s%s",
			 kept->method ? candidate_name(kept) : "no learning",
			 settings[0] ? " (" : "", settings, settings[0] ? ")" : "", r->n_candidates - t->left_out, scores, order, close,
			 !a->many ? t->n_splits > 1 ? "; judged in folds, then fitted on all" : "; judged in one split, then fitted on all" :
			 gradient ? "; losses compared in short runs, the best one then trained for the time that was left" : "",
			 t->learner->told(t),
			 a->late ? "; the time limit ended the choice early" : "",
			 a->cut ? "; the time limit ended the training early" : "");
	trainer_append_left_out(t);
	trainer_append_search(t, kept, t->none);
	if (isnan(kept->score))
		trainer_not_judged(t, "what is held out cannot be judged by");
	return LEARN_OK;
}
