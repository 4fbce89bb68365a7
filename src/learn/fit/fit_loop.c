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

/* A run is too long for its deadline if it is this share of its steps behind; looked at only after so much. */
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

/* Towards the weights as they are now, by a share of the way. */
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
 * How much of the schedule is to be skipped by now, so that the learning rate has come down when the deadline ends a run
 * that is too long for it: a run that ends at a high rate ends anywhere.  spent: the share of the time until the
 * deadline that is gone; of `all` steps `done` are done.
 */
static int64_t
steps_to_skip(const FitPlan *plan, int64_t all, int64_t done, double spent, int64_t skipped)
{
	int64_t		behind;

	/* few steps say little about how long a step takes */
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

LearnStatus
fit_loop(LearnEnv *env, const TrainOptions *options, const FitPlan *plan, const FitTask *task, Fit *fit)
{
	ArenaMark	mark = arena_mark(env->arena);
	LearnReport report = {0};
	Copy		best = {{NULL}};
	Copy		average = {{NULL}};	/* of the weights over the steps so far, where plan->average asks for it */
	Copy		own = {{NULL}};	/* the weights that training goes on from */
	double		start = env->now(env->ctx);
	double		next_report = start;
	int64_t		steps = task->per_epoch * plan->epochs;
	int64_t		done = 0;
	int64_t		skipped = 0;	/* steps of the schedule that there is no time for */
	int			gained = 0;		/* epoch of the last better score */
	double		merit = NAN;	/* of the best epoch */

	LEARN_TRY(copy_create(env, task, &best));
	if (plan->average > 0)
	{
		LEARN_TRY(copy_create(env, task, &average));
		LEARN_TRY(copy_create(env, task, &own));
		copy_take(&average, task);
	}
	fit->score = fit->map_r = NAN;
	fit->epochs = fit->best_epoch = 0;
	fit->cut = false;
	report.phase = plan->phase;
	report.method = plan->name;
	report.epochs = plan->stop_after;
	report.steps = task->per_epoch * plan->stop_after;
	report.loss = report.validation = report.best = report.seconds_left = NAN;

	for (int epoch = 1; epoch <= plan->stop_after && !fit->cut; epoch++)
	{
		EpochRecord *record = &fit->history[epoch - 1];
		double		sum = 0;
		double		lr = 0;
		double		now_merit;
		int64_t		taken = 0;
		HeldOutScore found = NO_SCORE;
		bool		judged;

		for (int64_t s = 0; s < task->per_epoch && !fit->cut; s++)
		{
			double		loss = 0;
			double		now;

			lr = schedule_rate(plan->learning_rate, (int64_t) (options->warmup * steps), steps,
							   options->final_lr, done + skipped);
			LEARN_TRY(task->step(env, task->ctx, lr, &loss));
			sum += loss;
			taken++;
			done++;
			/* the first steps weigh less than later ones, as the start is nothing to remember */
			if (plan->average > 0)
				copy_approach(&average, task, fmax(1 - plan->average, 10.0 / (10 + done)));
			now = env->now(env->ctx);
			fit->cut = now > plan->deadline;
			skipped = steps_to_skip(plan, report.steps, done, (now - start) / (plan->deadline - start), skipped);
			if (env->report && now >= next_report)
			{
				report.epoch = epoch;
				report.step = done;
				report.loss = sum / taken;
				report.seconds_left = fmin((now - start) / done * (report.steps - done), fmax(plan->deadline - now, 0));
				env->report(env->ctx, &report);
				next_report = now + REPORT_INTERVAL;
			}
		}

		record->epoch = epoch;
		record->loss = sum / taken;
		record->learning_rate = lr;
		record->validation = record->map_r = NAN;
		fit->epochs = epoch;
		judged = task->score && (fit->cut || epoch == plan->stop_after || plan->judge_every <= 1 || epoch % plan->judge_every == 0);
		if (judged)
		{
			if (plan->average > 0)
			{
				copy_take(&own, task);
				copy_put_back(&average, task);
			}
			found.each = fit->each ? fit_each(plan, fit, epoch, task->judged) : NULL;
			LEARN_TRY(task->score(env, task->ctx, &found));
			record->validation = found.score;
			record->map_r = found.map_r;
			now_merit = score_merit(found.score, found.map_r);
			/* of equal scores the later one: it was learned at a lower rate */
			if (isnan(merit) || now_merit >= merit)
			{
				if (now_merit != merit)
					gained = epoch;
				merit = now_merit;
				fit->best_epoch = epoch;
				fit->score = found.score;
				fit->map_r = found.map_r;
				copy_take(&best, task);
			}
			if (plan->average > 0)
				copy_put_back(&own, task);
			report.validation = record->validation;
			report.best = fit->score;
		}
		record->seconds = env->now(env->ctx) - start;
		/* the first third, at high rates, says little about where training ends */
		if (judged && options->patience > 0 && epoch >= plan->epochs / 3 + options->patience &&
			epoch - gained >= options->patience)
			break;
	}

	fit->cut |= skipped > 0;
	if (task->score && !isnan(fit->score))
		copy_put_back(&best, task);
	else
	{
		fit->best_epoch = fit->epochs;
		if (plan->average > 0)
			copy_put_back(&average, task);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
