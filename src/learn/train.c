/*
 * train.c
 *	  From a labelled matrix to a model: what is tried, how it is judged, what is kept.
 *
 * A candidate is a way to a model: no learning, a closed form, or a loss with a network.
 * Each is scored on rows (open set: classes) that it has not seen, in one split or, where
 * rows are few, in five folds.  A named method is the only candidate; auto has several and keeps the
 * best, the simpler one of equals.  What is kept is then fitted on all rows, unless
 * these are many: then the run that was validated is the model.
 */
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit_loop.h"
#include "linear.h"
#include "trainer.h"

/* Fewer rows than this are judged in folds by auto, and refitted on all rows. */
#define FEW_ROWS		5000
#define FOLDS			5
#define OPEN_FOLDS		6		/* of classes, repeated with other seeds until there are so many */
#define MAX_HELD		3000	/* rows that judge */
#define MAX_GALLERY		10000	/* rows that they are searched in */
#define MAX_FIT_SAMPLE	20000	/* rows that a closed form is judged from */
#define MAX_WHITEN		2048	/* features up to which whitening is reported beside the model */
#define MAX_CANDIDATES	16
#define AUTO_TIME_LIMIT	60.0

/*
 * The work that one thread does in a second, and what a step costs besides, for plans that
 * must not depend on the clock: same seed, same model.
 */
#define PLAN_FLOPS		30e9
#define PLAN_STEP		0.2e-3

/* ---------- what is chosen from the data ---------- */

/* The plan of a gradient method on n rows, with what the user fixed and what is chosen. */
void
way_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	int			d = t->rows->d;
	int			dims = o->dims > 0 ? o->dims : d >= 64 ? 64 : 32;
	int			classes = t->rows->n_classes;
	int64_t		per_epoch;

	memset(plan, 0, sizeof(*plan));
	plan_method(o, method, plan);

	if (o->network[0])
		snprintf(plan->network, sizeof(plan->network), "%s", o->network);
	else if (network)
		snprintf(plan->network, sizeof(plan->network), network, dims);
	else
		snprintf(plan->network, sizeof(plan->network), "%d relu, %d", d >= 256 ? 256 : 128, dims);

	plan->prep = o->preprocess >= 0 ? (PrepKind) o->preprocess : t->pixels ? PREP_SCALE : PREP_STANDARDIZE;
	plan->components = o->components;
	/* an epoch has some eight steps at least, however few the rows */
	plan->batch = o->batch;
	if (plan->batch == 0)
		for (plan->batch = 16; plan->batch < 256 && plan->batch * 8 < t->rows->n;)
			plan->batch *= 2;
	plan->rows_per_class = o->rows_per_class > 0 ? o->rows_per_class
		: plan->batch / (classes < 32 ? classes : 32);
	if (plan->rows_per_class < 2)
		plan->rows_per_class = 2;

	/* some 3,000 steps, but no less than 10 and no more than 100 passes */
	per_epoch = (t->rows->n + plan->batch - 1) / plan->batch;
	plan->epochs = o->epochs;
	if (plan->epochs == 0)
	{
		int64_t		epochs = 3000 / per_epoch;

		plan->epochs = (int) (epochs < 10 ? 10 : epochs > 100 ? 100 : epochs);
	}
	plan->stop_after = plan->epochs;
	plan->learning_rate = o->learning_rate > 0 ? o->learning_rate : o->optimizer == 0 ? 1e-3 : 0.05;
	plan->proxy_lr = o->proxy_lr;
	plan->deadline = t->deadline;
	plan->phase = PHASE_TRAINING;
}

/* ---------- fitting and judging one way ---------- */

/* What a classical method works with: what the user fixed, and what is chosen. */
static LearnStatus
fit_linear(Trainer *t, Way *way, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	const TrainOptions *o = t->options;
	LinearPlan	plan = {0};

	plan.method = way->method;
	plan.params = linear_params(way->method, &o->linear, t->rows->n_classes);
	plan.prep = o->preprocess >= 0 ? (PrepKind) o->preprocess : t->pixels ? PREP_SCALE : PREP_STANDARDIZE;
	plan.components = o->components;
	plan.dims = o->dims;
	plan.seed = (uint64_t) o->seed;
	plan.deadline = t->deadline;
	plan.phase = phase;

	/* of the time that there is less than half is for judging: the model that is kept is fitted on all rows */
	if (phase != PHASE_TRAINING && t->deadline < INFINITY)
		plan.deadline = t->start + 0.45 * (t->deadline - t->start);
	plan.seconds = 0.45 * o->time_limit;
	LEARN_TRY(classical_fit(t->env, &plan, t->rows, index, n, &way->linear));
	*model = way->linear.model;
	return LEARN_OK;
}

static LearnStatus
fit_closed(Trainer *t, Way *way, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	int			dims = t->options->dims;

	if (dims > t->rows->d)
	{
		learn_fail(t->env, LEARN_INVALID, "dims is %d, but the rows have only %d features", dims, t->rows->d);
		learn_hint(t->env, "A closed form cannot have more dimensions than its input.");
		return LEARN_INVALID;
	}
	if (way->method == NULL)
		return linear_none(t->env, t->rows->d, model);
	if (strcmp(way->method->name, "pca") == 0)
		return linear_pca(t->env, t->rows, index, n, dims, model);
	if (classical_is(way->method))
		return fit_linear(t, way, index, n, phase, model);
	if (strcmp(way->method->name, "whiten") == 0 || strcmp(way->method->name, "covariance") == 0)
		return linear_whiten(t->env, t->rows, index, n, dims, model);
	return linear_lda(t->env, t->rows, index, n, dims, model);
}

bool
way_is_gradient(const Way *way)
{
	return way->method && way->method->kind == METHOD_GRADIENT;
}

void
trainer_phase(Trainer *t, TrainPhase phase, const char *method)
{
	LearnReport report = {0};

	report.phase = phase;
	report.method = method;
	report.loss = report.validation = report.best = report.seconds_left = NAN;
	if (t->env->report)
		t->env->report(t->env->ctx, &report);
}

const char *
way_name(const Way *way)
{
	return way_is_gradient(way) ? way->plan.name : way->method ? way->method->name : "none";
}

/* The mean held-out score of a way over the splits; nothing is kept but the figures. */
static LearnStatus
judge_splits(Trainer *t, Way *way)
{
	LearnEnv   *env = t->env;
	ArenaMark	start = arena_mark(env->arena);
	double	   *curve[MAX_FOLDS];
	int			length[MAX_FOLDS];
	int			best[MAX_FOLDS];
	double		sum = 0;
	double		weight = 0;
	double		epochs = 0;

	for (int f = 0; f < t->n_splits && way_is_gradient(way); f++)
		LEARN_ALLOC(env, curve[f], way->plan.stop_after);
	for (int f = 0; f < t->n_splits; f++)
	{
		ArenaMark	mark = arena_mark(env->arena);
		const Split *split = &t->split[f];

		if (way_is_gradient(way))
		{
			Fit			fit;

			LEARN_TRY(fit_gradient(env, t->rows, split->train, split->n_train, t->options,
								   &way->plan, &t->judge[f], &fit));
			way->fold[f] = fit.score;
			length[f] = fit.epochs;
			best[f] = fit.best_epoch;
			for (int e = 0; e < fit.epochs; e++)
				curve[f][e] = fit.history[e].validation;
			epochs += fit.best_epoch;
		}
		else
		{
			Model	   *model;
			int64_t    *sample;
			int64_t		n;

			LEARN_TRY(split_sample(env, split->train, split->n_train, MAX_FIT_SAMPLE, t->options->seed,
								   &sample, &n));
			LEARN_TRY(fit_closed(t, way, sample, n, PHASE_VALIDATING, &model));
			LEARN_TRY(judge_model(env, &t->judge[f], model, &way->fold[f]));
		}
		arena_reset(env->arena, mark);
	}
	for (int f = 0; f < t->n_splits; f++)
	{
		if (way_is_gradient(way) && t->n_splits > 1)
			way->fold[f] = fit_score_by_others(curve, length, best, t->n_splits, f);
		if (!isnan(way->fold[f]))
		{
			sum += way->fold[f] * t->judge[f].n_query;
			weight += t->judge[f].n_query;
		}
	}
	way->score = weight > 0 ? sum / weight : NAN;
	way->best_epoch = (int) (epochs / t->n_splits + 0.5);
	if (way->best_epoch < 1)
		way->best_epoch = 1;
	arena_reset(env->arena, start);
	return LEARN_OK;
}

/* The same in silence: remarks about the columns are made once, for the model that is kept. */
LearnStatus
way_judge(Trainer *t, Way *way)
{
	void		(*notice) (void *ctx, const char *message) = t->env->notice;
	LearnStatus status;

	t->env->notice = NULL;
	status = judge_splits(t, way);
	t->env->notice = notice;
	return status;
}

LearnStatus
trainer_splits(Trainer *t, int folds)
{
	const TrainOptions *o = t->options;
	double		share = o->validation;

	if (isnan(share))
		share = o->open_set ? 0.3 : t->rows->n < FEW_ROWS ? 0.2 : 0.1;
	if (!o->open_set && share * t->rows->n > MAX_HELD)
		share = (double) MAX_HELD / t->rows->n;
	t->n_splits = share > 0 ? folds : 0;
	for (int f = 0; f < t->n_splits; f++)
	{
		LEARN_TRY(split_make(t->env, t->rows, o->open_set, folds, f, share, MAX_HELD, o->seed, &t->split[f]));
		LEARN_TRY(judge_create(t->env, t->rows, o->open_set, &t->split[f], MAX_GALLERY, o->seed, &t->judge[f]));
		t->result->held_out_rows += t->split[f].n_held;
	}
	if (t->n_splits > 0 && t->result->held_out_rows == 0)
		t->n_splits = 0;
	t->result->train_rows = t->n_splits == 1 ? t->split[0].n_train : t->rows->n;
	return LEARN_OK;
}

/* The figures that every learned one is held against. */
LearnStatus
trainer_baselines(Trainer *t, Way *none, Way *whiten)
{
	memset(none, 0, sizeof(*none));
	memset(whiten, 0, sizeof(*whiten));
	none->score = whiten->score = NAN;
	whiten->method = method_by_name("whiten");
	if (t->n_splits == 0)
		return LEARN_OK;
	trainer_phase(t, PHASE_PREPARING, "none");
	LEARN_TRY(way_judge(t, none));
	if (t->rows->d <= MAX_WHITEN)
	{
		LearnStatus status;

		trainer_phase(t, PHASE_PREPARING, "whiten");
		status = way_judge(t, whiten);
		if (status != LEARN_OK && status != LEARN_DATA)
			return status;
	}
	t->result->score_none = none->score;
	t->result->score_whiten = whiten->score;
	return LEARN_OK;
}

/* ---------- the model that is kept ---------- */

static void
take_fit(Trainer *t, Fit *fit)
{
	TrainResult *r = t->result;

	r->model = fit->model;
	r->epochs = fit->epochs;
	r->history = fit->history;
	r->n_history = fit->epochs;
}

/* Fit a way for good.  Its score may be known already (folds), or comes from this run. */
LearnStatus
way_keep(Trainer *t, Way *way, bool validate, bool *cut)
{
	LearnEnv   *env = t->env;
	Split		all;
	Fit			fit;

	LEARN_TRY(split_all(env, t->rows, &all));
	t->result->method = way->method;
	snprintf(t->result->method_name, sizeof(t->result->method_name), "%s", way_name(way));
	*cut = false;
	if (!way_is_gradient(way))
	{
		LEARN_TRY(fit_closed(t, way, all.train, all.n_train, PHASE_TRAINING, &t->result->model));
		*cut = way->linear.cut;
		t->result->epochs = way->linear.iterations;
	}
	else if (validate)
	{
		LEARN_TRY(fit_gradient(env, t->rows, t->split[0].train, t->split[0].n_train, t->options,
							   &way->plan, &t->judge[0], &fit));
		way->score = fit.score;
		way->best_epoch = fit.best_epoch;
		*cut = fit.cut;
		take_fit(t, &fit);
	}
	else
	{
		way->plan.deadline = t->deadline;
		LEARN_TRY(fit_gradient(env, t->rows, all.train, all.n_train, t->options, &way->plan, NULL, &fit));
		*cut = fit.cut;
		take_fit(t, &fit);
	}
	t->result->score_model = way->score;
	netspec_print(&t->result->model->net->spec, t->result->network, sizeof(t->result->network));
	t->result->dims = model_out(t->result->model);
	return LEARN_OK;
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

	LEARN_TRY(trainer_splits(t, 1));
	LEARN_TRY(trainer_baselines(t, &none, &whiten));
	way.method = o->method;
	way.score = NAN;
	refit = o->refit >= 0 ? o->refit : t->rows->n < 2 * FEW_ROWS;
	if (way_is_gradient(&way))
	{
		way_plan(t, o->method, NULL, &way.plan);
		if (t->n_splits > 0 && refit)
		{
			LEARN_TRY(way_judge(t, &way));
			way.plan.stop_after = way.best_epoch;
			LEARN_TRY(way_keep(t, &way, false, &cut));
			r->train_rows = t->rows->n;
		}
		else
			LEARN_TRY(way_keep(t, &way, t->n_splits > 0, &cut));
	}
	else
	{
		if (t->n_splits > 0)
			LEARN_TRY(way_judge(t, &way));
		LEARN_TRY(way_keep(t, &way, false, &cut));
		r->train_rows = t->rows->n;
	}

	if (o->method->kind == METHOD_LINEAR)
		snprintf(solved, sizeof(solved), "; objective %.6g after %d iterations, %s", way.linear.objective,
				 way.linear.iterations, way.linear.converged ? "converged" : "not converged");
	snprintf(r->reason, sizeof(r->reason), "method %s as asked for%s%s%s", way_name(&way), solved,
			 way_is_gradient(&way) && o->network[0] == '\0' ? ", network chosen by the number of features" : "",
			 cut ? "; the time limit ended the training early" : "");
	if (!isnan(r->score_model) && r->score_model < r->score_none)
		learn_notice(t->env, "on held-out rows the learned metric scores %s %.4f, and the data without learning %.4f; "
					 "method auto would have kept the better one", r->score_name, r->score_model, r->score_none);
	return LEARN_OK;
}

/* ---------- auto ---------- */

/* Seconds of work that a plan is worth on n rows, by arithmetic alone. */
static double
planned_seconds(const Trainer *t, const FitPlan *plan, int epochs)
{
	double		steps = ceil((double) t->rows->n / plan->batch) * epochs;
	double		weights = 0;
	double		in = t->rows->d;
	NetSpec		spec;

	if (netspec_parse(t->env, plan->network, t->rows->d, &spec) == LEARN_OK)
		for (int i = 0; i < spec.n_layers; i++)
		{
			weights += in * spec.layer[i].width;
			in = spec.layer[i].width;
		}
	return steps * (PLAN_STEP + (6.0 * plan->batch * weights + 200.0 * plan->batch * plan->batch) / PLAN_FLOPS);
}

static void
record(Trainer *t, const Way *way, double seconds, const char *note)
{
	Candidate  *c = &t->result->candidates[t->result->n_candidates++];

	memset(c, 0, sizeof(*c));
	snprintf(c->method, sizeof(c->method), "%s", way_name(way));
	snprintf(c->network, sizeof(c->network), "%s", way_is_gradient(way) ? way->plan.network : "");
	c->validation = way->score;
	c->seconds = seconds;
	snprintf(c->note, sizeof(c->note), "%s", note);
}

/* Try a way; one that the data does not allow, or that diverges, is noted and passed over. */
static LearnStatus
try_way(Trainer *t, Way *way)
{
	double		start = t->env->now(t->env->ctx);
	ArenaMark	mark = arena_mark(t->env->arena);
	LearnStatus status;

	trainer_phase(t, PHASE_CHOOSING, way_name(way));
	status = way_judge(t, way);
	if (status == LEARN_DATA || status == LEARN_DIVERGED)
	{
		arena_reset(t->env->arena, mark);
		way->score = NAN;
		record(t, way, t->env->now(t->env->ctx) - start, t->env->message);
		return LEARN_OK;
	}
	LEARN_TRY(status);
	record(t, way, t->env->now(t->env->ctx) - start, "");
	return LEARN_OK;
}

/*
 * A more complex way must be better by more than a fifth of the score's standard
 * error: among candidates that only differ by chance the simplest stays.
 */
bool
way_is_better(const Trainer *t, double score, double best)
{
	double		n = (double) t->result->held_out_rows;

	if (isnan(score))
		return false;
	if (isnan(best))
		return true;
	return score > best + 0.2 * sqrt(best * (1 - best) / (n > 1 ? n : 1));
}

/*
 * May a way be chosen?  For classes that nobody has seen yet only what is better than no learning on every
 * fold of classes, and on average by twice the standard error of the difference: rows of one
 * class go together, so the number of rows says nothing about how sure that is.
 */
bool
way_is_safe(const Trainer *t, const Way *way, const Way *none)
{
	double		sum = 0;
	double		squares = 0;
	int			n = 0;

	if (!t->options->open_set)
		return true;
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

static LearnStatus
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
	bool		few = t->rows->n < FEW_ROWS || o->open_set;
	double		planned = 0;
	Way			way[MAX_CANDIDATES];
	int			n = 2;
	int			best = 0;
	bool		cut = false;

	LEARN_ALLOC(t->env, r->candidates, MAX_CANDIDATES);
	LEARN_TRY(trainer_splits(t, few ? (o->open_set ? OPEN_FOLDS : FOLDS) : 1));
	if (t->n_splits == 0)
	{
		learn_fail(t->env, LEARN_DATA, "no row could be held out to choose a method by");
		learn_hint(t->env, "auto needs a class of two rows or more. Name a method, such as whiten.");
		return LEARN_DATA;
	}
	LEARN_TRY(trainer_baselines(t, &way[0], &way[1]));
	record(t, &way[0], 0, "");
	record(t, &way[1], 0, "");
	if (t->rows->d <= MAX_WHITEN)
	{
		memset(&way[n], 0, sizeof(way[n]));
		way[n].method = method_by_name("lda");
		LEARN_TRY(try_way(t, &way[n++]));
	}

	for (int i = 0; i < (int) (sizeof(tries) / sizeof(tries[0])) && n < MAX_CANDIDATES; i++)
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
			affordable = (int) (0.1 * limit / planned_seconds(t, &w->plan, 1));
			if (affordable < 1)
				affordable = 1;
			if (w->plan.epochs > affordable)
				w->plan.epochs = w->plan.stop_after = affordable;
		}
		cost = planned_seconds(t, &w->plan, w->plan.epochs) * t->n_splits;
		if (planned + cost > 0.5 * limit && planned > 0)
			continue;
		if (t->env->now(t->env->ctx) > t->start + 0.7 * limit)
		{
			cut = true;
			break;
		}
		planned += cost;
		LEARN_TRY(try_way(t, w));
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
		r->train_rows = t->rows->n;
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
		epoch = planned_seconds(t, plan, 1);
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
			r->epochs = r->n_history = 0;
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

/* ---------- entry ---------- */

/* Rows with a target are of one class, in name: nothing of them is said by class. */
static LearnStatus
check_target(LearnEnv *env, const Rows *rows, const TrainOptions *options)
{
	if (rows->n < 3)
		return learn_fail(env, LEARN_DATA, "there are %lld rows to learn from, and three at least are needed",
						  (long long) rows->n);
	if (options->open_set)
	{
		learn_fail(env, LEARN_INVALID, "open_set means nothing to method \"%s\"", options->method->name);
		learn_hint(env, "It holds out classes; the method learns from a number for each row.");
		return LEARN_INVALID;
	}
	return LEARN_OK;
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
		learn_hint(env, "A metric is learned from rows that belong together: some label must occur twice.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}

LearnStatus
trainer_start(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result, Trainer **trainer)
{
	Trainer    *t;

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

	LEARN_ALLOC(env, t, 1);
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->rows = rows;
	t->options = options;
	t->result = result;
	t->start = env->now(env->ctx);
	t->deadline = options->time_limit > 0 ? t->start + options->time_limit : INFINITY;
	trainer_phase(t, PHASE_PREPARING, options->method->name);
	*trainer = t;
	return prep_one_scale(env, rows, &t->pixels);
}

LearnStatus
train_model(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result)
{
	Trainer    *t;

	LEARN_TRY(trainer_start(env, rows, options, result, &t));
	if (options->method->kind == METHOD_AUTO && options->time_limit == 0)
		t->deadline = t->start + 2 * AUTO_TIME_LIMIT;
	if (options->method->kind == METHOD_AUTO)
		LEARN_TRY(train_auto(t));
	else
		LEARN_TRY(train_named(t));
	result->seconds = env->now(env->ctx) - t->start;
	return LEARN_OK;
}
