/*
 * train.c
 *	  From a labelled matrix to a model: how a way is fitted to labels and judged; a named method.
 *
 * Each way is scored on rows (open set: classes) that it has not seen, in one split or, where
 * rows are few, in several folds.  What is kept is then fitted on all rows, unless
 * these are many: then the run that was validated is the model.
 */
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/classical/linear.h"
#include "learn/data/target.h"
#include "trainer.h"

#define MAX_HELD		3000	/* rows that judge */
#define MAX_GALLERY		10000	/* rows that they are searched in */
#define MAX_FIT_SAMPLE	20000	/* rows that a closed form is judged from */
#define MAX_BATCH		256
#define MAX_LOSS		0.01	/* of recall@1, beyond what chance explains */

/* ---------- fitting and judging one way ---------- */

void
way_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	int			classes = t->rows->n_classes;

	way_plan_start(t, method, network, MAX_BATCH, plan);
	plan->rows_per_class = o->rows_per_class > 0 ? o->rows_per_class
		: plan->batch / (classes < 32 ? classes : 32);
	if (plan->rows_per_class < 2)
		plan->rows_per_class = 2;
	plan->learning_rate = o->learning_rate > 0 ? o->learning_rate : o->optimizer == 0 ? 1e-3 : 0.05;
}

/* Learner.fit */
static LearnStatus
fit_labels(Trainer *t, const FitPlan *plan, const Split *from, const Split *judge, Fit *fit)
{
	return fit_gradient(t->env, t->rows, from->train, from->n_train, t->options, plan,
						judge ? &t->judge[judge - t->split] : NULL, fit);
}

static LearnStatus
solve_linear(Trainer *t, Way *way, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	LinearPlan	plan = way_plan_linear(t, way, t->rows->n_classes, phase);

	plan.seconds = 0.45 * t->options->time_limit;
	LEARN_TRY(classical_fit(t->env, &plan, t->rows, index, n, &way->linear));
	*model = way->linear.model;
	return LEARN_OK;
}

/* Learner.solve: on a sample of many rows, if the model is for judging alone. */
static LearnStatus
solve_labels(Trainer *t, Way *way, const Split *from, TrainPhase phase, Model **model)
{
	LearnEnv   *env = t->env;
	int			dims = t->options->dims;
	int64_t    *index = from->train;
	int64_t		n = from->n_train;

	LEARN_TRY(way_check_dims(t));
	if (phase != PHASE_TRAINING)
		LEARN_TRY(split_sample(env, from->train, from->n_train, MAX_FIT_SAMPLE, t->options->seed, &index, &n));
	if (way->method == NULL)
		return linear_none(env, t->rows->d, model);
	if (strcmp(way->method->name, "pca") == 0)
		return linear_pca(env, t->rows, index, n, dims, model);
	if (classical_is(way->method))
		return solve_linear(t, way, index, n, phase, model);
	if (strcmp(way->method->name, "whiten") == 0 || strcmp(way->method->name, "covariance") == 0)
		return linear_whiten(env, t->rows, index, n, dims, model);
	return linear_lda(env, t->rows, index, n, dims, model);
}

/* Learner.score */
static LearnStatus
score_labels(Trainer *t, const Split *split, const Model *a, const Model *b, HeldOutScore *score)
{
	return judge_model(t->env, &t->judge[split - t->split], a, score);
}

static const Learner learner = {fit_labels, solve_labels, score_labels, 0.1e-3};

LearnStatus
trainer_splits(Trainer *t, int folds, int repeats)
{
	const TrainOptions *o = t->options;
	double		share = o->validation;

	if (isnan(share))
		share = o->open_set ? 0.3 : t->rows->n < TRAIN_FEW_ROWS ? 0.2 : 0.1;
	if (!o->open_set && share * t->rows->n > MAX_HELD)
		share = (double) MAX_HELD / t->rows->n;
	t->n_splits = share > 0 ? folds * repeats : 0;
	for (int f = 0; f < t->n_splits; f++)
	{
		LEARN_TRY(split_make(t->env, t->rows, o->open_set, folds, f % folds, share, MAX_HELD, o->seed + f / folds, &t->split[f]));
		LEARN_TRY(judge_create(t->env, t->rows, o->open_set, &t->split[f], MAX_GALLERY, o->seed, &t->judge[f]));
		t->weight[f] = (double) t->judge[f].n_query;
		if (f < folds)
			t->result->held_out_rows += t->split[f].n_held;
	}
	if (t->n_splits > 0 && t->result->held_out_rows == 0)
		t->n_splits = 0;
	return LEARN_OK;
}

LearnStatus
trainer_keep_each(Trainer *t)
{
	t->each = true;
	t->n_compared = t->n_splits == 1 ? t->judge[0].n_query : t->rows->n;
	LEARN_ALLOC(t->env, t->compared, t->n_compared);
	LEARN_ALLOC(t->env, t->times, t->n_compared);
	return LEARN_OK;
}

static double
measure_recall(double score, double map_r)
{
	return score;
}

/*
 * May a way be chosen?  For a number to predict if it explains no less of it than no learning does.  In the closed set if recall@1 is not below that of no learning by more than a hundredth, and twice the standard error (of
 * the difference, where each held-out row's score is known), whatever is gained behind the nearest row: a loss that is sure may still be too
 * small to matter, the smaller the more rows judge.  For classes that nobody has seen yet only what is better than no learning on every
 * fold of classes, and on average by twice the standard error of the difference: rows of one
 * class go together, so the number of rows says nothing about how sure that is.
 */
bool
way_is_safe(const Trainer *t, const Way *way, const Way *none)
{
	double		sum = 0;
	double		squares = 0;
	int			n = 0;

	if (t->rows->target != NULL)
		return way->score >= none->score;
	if (!t->options->open_set && t->each)
	{
		WayGain		gain = way_gain(t, way, none, measure_recall);

		return gain.mean + 2 * gain.error >= -MAX_LOSS;
	}
	if (!t->options->open_set)
		return way->score + 2 * trainer_error(t, none->score) >= none->score - MAX_LOSS;
	for (int f = 0; f < t->n_splits; f++)
	{
		double		gain = way->fold[f] - none->fold[f];

		if (isnan(gain))
			continue;
		if (gain <= 0)
			return false;
		sum += gain;
		squares += gain * gain;
		n++;
	}
	if (n < 2)
		return false;
	return sum / n > 2 * sqrt(fmax(squares / n - sum / n * sum / n, 0) / (n - 1));
}

/* ---------- a named method ---------- */

static LearnStatus
train_named(Trainer *t)
{
	const TrainOptions *o = t->options;
	TrainResult *r = t->result;
	Way			none;
	Way			whiten;
	Way			way = {0};
	bool		refit;
	bool		cut = false;
	char		solved[128] = "";

	LEARN_TRY(trainer_splits(t, 1, 1));
	LEARN_TRY(trainer_baselines(t, true, true, &none, &whiten));
	way.method = o->method;
	way.score = way.map_r = NAN;
	refit = o->refit >= 0 ? o->refit : t->rows->n < 2 * TRAIN_FEW_ROWS;
	if (way_is_gradient(&way))
	{
		way_plan(t, o->method, NULL, &way.plan);
		if (t->n_splits > 0 && refit)
		{
			LEARN_TRY(way_judge(t, &way, NULL));
			way.plan.stop_after = way.best_epoch;
			LEARN_TRY(way_keep(t, &way, false, &cut));
		}
		else
			LEARN_TRY(way_keep(t, &way, t->n_splits > 0, &cut));
	}
	else
	{
		if (t->n_splits > 0)
			LEARN_TRY(way_judge(t, &way, NULL));
		LEARN_TRY(way_keep(t, &way, false, &cut));
	}

	if (o->method->kind == METHOD_LINEAR)
		snprintf(solved, sizeof(solved), "; objective %.6g after %d iterations, %s", way.linear.objective,
				 way.linear.iterations, way.linear.converged ? "converged" : "not converged");
	snprintf(r->reason, sizeof(r->reason), "method %s as asked for%s%s%s", way_name(&way), solved,
			 way_is_gradient(&way) && o->network[0] == '\0' ? ", network chosen by the number of features" : "",
			 cut ? "; the time limit ended the training early" : "");
	if (!isnan(r->score_model) && (way_merit(&way) < way_merit(&none) || (!o->open_set && !way_is_safe(t, &way, &none))))
	{
		char		learned[32] = "";
		char		before[32] = "";

		if (!isnan(way.map_r))
		{
			snprintf(learned, sizeof(learned), " and MAP@R %.4f", way.map_r);
			snprintf(before, sizeof(before), " and %.4f", none.map_r);
		}
		learn_notice(t->env, "on held-out rows the learned metric scores %s %.4f%s, and the data without learning %.4f%s; "
					 "method auto would have kept the better one", r->score_name, r->score_model, learned, r->score_none, before);
	}
	return LEARN_OK;
}

/* ---------- entry ---------- */

/* Rows with a target are of one class, in name: nothing of them is said by class. */
static LearnStatus
check_target(LearnEnv *env, const Rows *rows, const TrainOptions *options)
{
	TargetScale scale;

	if (rows->n < 3)
		return learn_fail(env, LEARN_DATA, "there %s to learn from, and three at least are needed",
						  rows->n == 2 ? "are 2 rows" : rows->n == 1 ? "is 1 row" : "are no rows");
	if (options->open_set)
	{
		learn_fail(env, LEARN_INVALID, "open_set means nothing to a number to predict");
		learn_hint(env, "It holds out classes, and there are none.");
		return LEARN_INVALID;
	}
	return target_scale(env, rows, NULL, rows->n, &scale);
}

static LearnStatus
check_rows(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result)
{
	ArenaMark	mark = arena_mark(env->arena);
	int64_t    *count;

	if (rows->n < 2)
		return learn_fail(env, LEARN_DATA, "there %s to learn from, and two at least are needed",
						  rows->n == 1 ? "is 1 row" : "are no rows");
	if (rows->n_classes < 2)
	{
		learn_fail(env, LEARN_DATA, "all rows have the same label");
		learn_hint(env, "A metric is learned from what tells classes apart: two labels at least are needed.");
		return LEARN_DATA;
	}
	count = arena_alloc_zero(env->arena, (size_t) rows->n_classes, sizeof(int64_t));
	if (count == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %d classes", rows->n_classes);
	for (int64_t i = 0; i < rows->n; i++)
		count[rows->label[i]]++;
	for (int c = 0; c < rows->n_classes; c++)
		result->single_classes += count[c] == 1;
	arena_reset(env->arena, mark);
	if (result->single_classes == rows->n_classes)
	{
		learn_fail(env, LEARN_DATA, "every class has one row only");
		if (rows->numbers)
			learn_hint(env, "The labels are numbers, each another one. Is that a number to predict? Give it as target in place of label, "
					   "or to a method that learns from one, such as kernel_regression or mlkr.");
		else
			learn_hint(env, "A metric is learned from rows that belong together: some label must occur twice.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}

LearnStatus
trainer_start(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result, Trainer **trainer)
{
	memset(result, 0, sizeof(*result));
	result->score_none = result->score_whiten = result->score_model = NAN;
	result->score_name = options->open_set ? "MAP@R" : "recall@1";
	LEARN_TRY(options_check(env, options));
	if (rows->target != NULL)
	{
		result->score_name = "R2";
		LEARN_TRY(check_target(env, rows, options));
	}
	else
		LEARN_TRY(check_rows(env, rows, options, result));
	return trainer_create(env, &learner, rows, rows->n, options, result, trainer);
}

LearnStatus
train_model(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result)
{
	Trainer    *t;

	LEARN_TRY(trainer_start(env, rows, options, result, &t));
	if (options->method->kind == METHOD_AUTO)
		LEARN_TRY(train_auto(t));
	else
		LEARN_TRY(train_named(t));
	result->seconds = env->now(env->ctx) - t->start;
	return LEARN_OK;
}
