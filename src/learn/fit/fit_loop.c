/*
 * fit_loop.c
 *	  The loop of gradient training.
 */
#include "fit_loop.h"

#include <math.h>
#include <string.h>

#include "learn/net/optim.h"
#include "math/vmath.h"

/* Seconds between reports. */
#define REPORT_INTERVAL	0.1

/*
 * A run is too long for its deadline if it is the share LATE of its steps behind. That is checked
 * only after the share LEAST_SPENT of the time and LEAST_STEPS steps.
 */
#define LATE			0.1
#define LEAST_SPENT		0.05
#define LEAST_STEPS		10

/* A copy of the weights and running figures of the task's networks. */
typedef struct Copy
{
	float	   *params[2];
	float	   *running[2];
} Copy;

static LearnStatus
copy_create(LearnEnv *env, const FitTask *task, Copy *copy)
{
	for (int i = 0; i < 2 && task->net[i]; i++)
	{
		LEARN_ALLOC(env, copy->params[i], task->net[i]->n_params);
		LEARN_ALLOC(env, copy->running[i], task->net[i]->n_running);
	}
	return LEARN_OK;
}

static void
copy_take(Copy *copy, const FitTask *task)
{
	for (int i = 0; i < 2 && task->net[i]; i++)
	{
		memcpy(copy->params[i], task->net[i]->params, sizeof(float) * task->net[i]->n_params);
		memcpy(copy->running[i], task->net[i]->running, sizeof(float) * task->net[i]->n_running);
	}
}

/* Move the mean towards the present weights by a share of the way. */
static void
copy_approach(Copy *copy, const FitTask *task, double share)
{
	for (int i = 0; i < 2 && task->net[i]; i++)
	{
		vm_scale(copy->params[i], (real) (1 - share), task->net[i]->n_params);
		vm_axpy(copy->params[i], (real) share, task->net[i]->params, task->net[i]->n_params);
		vm_scale(copy->running[i], (real) (1 - share), task->net[i]->n_running);
		vm_axpy(copy->running[i], (real) share, task->net[i]->running, task->net[i]->n_running);
	}
}

static void
copy_put_back(const Copy *copy, const FitTask *task)
{
	for (int i = 0; i < 2 && task->net[i]; i++)
	{
		memcpy(task->net[i]->params, copy->params[i], sizeof(float) * task->net[i]->n_params);
		memcpy(task->net[i]->running, copy->running[i], sizeof(float) * task->net[i]->n_running);
	}
}

LearnStatus
fit_check_loss(LearnEnv *env, const FitPlan *plan, double loss)
{
	if (isfinite(loss))
		return LEARN_OK;
	learn_fail(env, LEARN_DIVERGED, "the loss of method \"%s\" became infinite or not a number",
			   plan->name);
	learn_hint(env, "Try a smaller learning_rate, or preprocess standardize.");
	return LEARN_DIVERGED;
}

/*
 * How much of the schedule to skip by now. If a run is too long for its deadline, the learning rate
 * must still come down before the end, because a run that ends at a high rate ends anywhere. spent:
 * the share of the time until the deadline that has passed. done: steps that are done, of all.
 */
static int64_t
steps_to_skip(const FitPlan *plan, int64_t all, int64_t done, double spent, int64_t skipped)
{
	int64_t		behind;

	/* a few steps say little about how long a step takes */
	if (plan->deadline == INFINITY || spent < LEAST_SPENT || done < LEAST_STEPS)
		return skipped;
	behind = (int64_t) (fmin(spent, 1) * (double) all) - done;
	return behind > skipped && (skipped > 0 || behind > (int64_t) (LATE * (double) all)) ? behind : skipped;
}

int
fit_judged(const FitPlan *plan)
{
	int			every = plan->judge_every > 1 ? plan->judge_every : 1;

	return (plan->stop_after + every - 1) / every;
}

QueryScore *
fit_each(const FitPlan *plan, const Fit *fit, int epoch, int64_t n)
{
	int			every = plan->judge_every > 1 ? plan->judge_every : 1;

	return fit->each + (epoch - 1) / every * n;
}

/* A run of the loop. */
typedef struct Loop
{
	const TrainOptions *options;
	const FitPlan *plan;
	const FitTask *task;
	Fit		   *fit;
	LearnReport report;
	Copy		best;
	/* of the weights over the steps so far, where plan->average asks for it */
	Copy		average;
	Copy		own;			/* the weights that training goes on from */
	double		start;
	double		next_report;
	int64_t		done;			/* steps */
	int64_t		skipped;		/* steps of the schedule that there is no time for */
	int			gained;			/* epoch of the last better score */
	double		merit;			/* of the best epoch; NaN: none has a score */
} Loop;

static LearnStatus
loop_start(LearnEnv *env, Loop *l)
{
	const FitPlan *plan = l->plan;
	LearnReport *report = &l->report;

	l->start = l->next_report = env->now(env->ctx);
	l->merit = NAN;
	LEARN_TRY(copy_create(env, l->task, &l->best));
	if (plan->average > 0)
	{
		LEARN_TRY(copy_create(env, l->task, &l->average));
		LEARN_TRY(copy_create(env, l->task, &l->own));
		copy_take(&l->average, l->task);
	}
	l->fit->score = l->fit->map_r = NAN;
	l->fit->epochs = l->fit->best_epoch = 0;
	l->fit->cut = false;
	report->phase = plan->phase;
	report->method = plan->name;
	report->epochs = plan->stop_after;
	report->steps = l->task->per_epoch * plan->stop_after;
	report->loss = report->validation = report->best = report->seconds_left = NAN;
	return LEARN_OK;
}

/* Report progress if it is time to, with the mean loss of the epoch so far. */
static void
loop_report(LearnEnv *env, Loop *l, int epoch, double loss, double now)
{
	LearnReport *report = &l->report;

	if (env->report == NULL || now < l->next_report)
		return;
	report->epoch = epoch;
	report->step = l->done;
	report->loss = loss;
	report->seconds_left = fmin((now - l->start) / l->done * (report->steps - l->done), fmax(l->plan->deadline - now, 0));
	env->report(env->ctx, report);
	l->next_report = now + REPORT_INTERVAL;
}

/* The steps of an epoch, as far as the deadline allows. */
static LearnStatus
loop_epoch(LearnEnv *env, Loop *l, EpochRecord *record)
{
	const FitPlan *plan = l->plan;
	int64_t		steps = l->task->per_epoch * plan->epochs;
	double		sum = 0;

	for (int64_t s = 1; s <= l->task->per_epoch && !l->fit->cut; s++)
	{
		double		loss = 0;
		double		now;

		record->learning_rate = schedule_rate(plan->learning_rate, (int64_t) (l->options->warmup * steps), steps,
											  l->options->final_lr, l->done + l->skipped);
		LEARN_TRY(l->task->step(env, l->task->ctx, record->learning_rate, &loss));
		sum += loss;
		record->loss = sum / s;
		l->done++;
		/*
		 * the first steps weigh less than later ones, since the initial weights should not stay in
		 * the mean
		 */
		if (plan->average > 0)
			copy_approach(&l->average, l->task, fmax(1 - plan->average, 10.0 / (10 + l->done)));
		now = env->now(env->ctx);
		l->fit->cut = now > plan->deadline;
		l->skipped = steps_to_skip(plan, l->report.steps, l->done, (now - l->start) / (plan->deadline - l->start), l->skipped);
		loop_report(env, l, record->epoch, record->loss, now);
	}
	return LEARN_OK;
}

/* The held-out score of the weights, or of their mean; the best ones are kept. */
static LearnStatus
loop_score(LearnEnv *env, Loop *l, EpochRecord *record)
{
	const FitTask *task = l->task;
	Fit		   *fit = l->fit;
	HeldOutScore found = NO_SCORE;
	double		merit;

	if (l->plan->average > 0)
	{
		copy_take(&l->own, task);
		copy_put_back(&l->average, task);
	}
	found.each = fit->each ? fit_each(l->plan, fit, record->epoch, task->judged) : NULL;
	LEARN_TRY(task->score(env, task->ctx, &found));
	record->validation = found.score;
	record->map_r = found.map_r;
	merit = score_merit(found.score, found.map_r);
	/* of equal scores the later one wins: it was learned at a lower rate */
	if (isnan(l->merit) || merit >= l->merit)
	{
		if (merit != l->merit)
			l->gained = record->epoch;
		l->merit = merit;
		fit->best_epoch = record->epoch;
		fit->score = found.score;
		fit->map_r = found.map_r;
		copy_take(&l->best, task);
	}
	if (l->plan->average > 0)
		copy_put_back(&l->own, task);
	l->report.validation = record->validation;
	l->report.best = fit->score;
	return LEARN_OK;
}

/* Does patience end the run after an epoch that was scored? */
static bool
loop_is_over(const Loop *l, int epoch)
{
	int			patience = l->options->patience;

	/* the first third, at high rates, says little about where training ends */
	return patience > 0 && epoch >= l->plan->epochs / 3 + patience && epoch - l->gained >= patience;
}

LearnStatus
fit_loop(LearnEnv *env, const TrainOptions *options, const FitPlan *plan, const FitTask *task, Fit *fit)
{
	ArenaMark	mark = arena_mark(env->arena);
	Loop		l = {options, plan, task, fit};
	bool		over = false;

	LEARN_TRY(loop_start(env, &l));
	for (int epoch = 1; epoch <= plan->stop_after && !fit->cut && !over; epoch++)
	{
		EpochRecord *record = &fit->history[epoch - 1];

		*record = (EpochRecord) {.epoch = epoch, .validation = NAN, .map_r = NAN};
		LEARN_TRY(loop_epoch(env, &l, record));
		fit->epochs = epoch;
		if (task->score && (fit->cut || epoch == plan->stop_after || plan->judge_every <= 1 || epoch % plan->judge_every == 0))
		{
			LEARN_TRY(loop_score(env, &l, record));
			over = loop_is_over(&l, epoch);
		}
		record->seconds = env->now(env->ctx) - l.start;
	}

	fit->cut |= l.skipped > 0;
	if (task->score && !isnan(fit->score))
		copy_put_back(&l.best, task);
	else
	{
		fit->best_epoch = fit->epochs;
		if (plan->average > 0)
			copy_put_back(&l.average, task);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
