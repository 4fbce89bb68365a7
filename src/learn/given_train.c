/*
 * given_train.c
 *	  From constraints to a model: what is tried, how it is judged, what is kept.
 *
 * As train.c does it for labels: ways are no learning, a closed form, or a loss with a network;
 * each is scored on constraints that it has not seen, in folds where there are few; a named method is the only
 * way, auto keeps the best, and no learning if nothing is better.  What is kept is then fitted on all
 * constraints, for as many epochs as were best.
 */
#include "given.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "classical.h"
#include "fit_loop.h"
#include "linear.h"
#include "prep.h"

/* Fewer constraints than this are judged in folds by auto, and refitted whatever the method. */
#define FEW				5000
#define FOLDS			5
#define MAX_HELD		10000	/* constraints that judge; matches are held against each other: */
#define MAX_HELD_SEARCH	2000
#define MAX_WHITEN		2048	/* features up to which whitening is reported beside the model */
#define MAX_WAYS		16
#define AUTO_TIME_LIMIT	60.0

/*
 * Learning rates of AdamW for one layer and for more: constraints are few, and steps with them.  Triplets of
 * two telling columns among five (test of sql/train_triplets.sql, 1,170 triplets, 30 epochs): one layer at rate
 * 0.001 holds 0.54 of the held-out ones, at 0.02 0.98.
 */
#define LINEAR_RATE		0.02
#define DEEP_RATE		0.003

/* As in train.c: plans must not depend on the clock. */
#define PLAN_FLOPS		30e9
#define PLAN_STEP		0.3e-3

typedef struct Way
{
	const Method *method;		/* NULL: no learning */
	FitPlan		plan;			/* gradient methods */
	double		score;
	double		fold[FOLDS];	/* NaN: nothing to judge by */
	int			best_epoch;
	double		recall10;		/* matches and views: beside the score */
	double		mrr;
} Way;

typedef struct Trainer
{
	LearnEnv   *env;
	const Given *given;
	const TrainOptions *options;
	TrainResult *result;
	double		start;
	double		deadline;
	Split		all;
	Split		split[FOLDS];
	GivenSplitter splitter;
	int			n_splits;
	Views		views;			/* GIVEN_NOTHING */
	bool		pixels;			/* the features share one scale */
} Trainer;

static bool
is_gradient(const Way *way)
{
	return way->method && way->method->kind == METHOD_GRADIENT;
}

static const char *
way_name(const Way *way)
{
	return is_gradient(way) ? way->plan.name : way->method ? way->method->name : "none";
}

static const Views *
views_of(const Trainer *t)
{
	return t->given->kind == GIVEN_NOTHING ? &t->views : NULL;
}

static void
report_phase(Trainer *t, TrainPhase phase, const char *method)
{
	LearnReport report = {0};

	report.phase = phase;
	report.method = method;
	report.loss = report.validation = report.best = report.seconds_left = NAN;
	if (t->env->report)
		t->env->report(t->env->ctx, &report);
}

/* ---------- plans ---------- */

static bool
is_one_layer(const Trainer *t, const char *network)
{
	NetSpec		spec;

	return netspec_parse(t->env, network, t->given->rows->d, &spec) == LEARN_OK && spec.n_layers == 1;
}

static void
make_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	const Given *given = t->given;
	int			d = given->rows->d;
	int			dims = o->dims > 0 ? o->dims : d >= 64 ? 64 : 32;
	int64_t		per_epoch;
	int64_t		epochs;

	memset(plan, 0, sizeof(*plan));
	plan_method(o, method, plan);
	if (given->adapter)
		dims = given->rows_b->d;
	if (o->network[0])
		snprintf(plan->network, sizeof(plan->network), "%s", o->network);
	else if (given->adapter)
		snprintf(plan->network, sizeof(plan->network), d == dims ? "%d linear residual, raw" : "%d linear, raw", dims);
	else if (network)
		snprintf(plan->network, sizeof(plan->network), network, dims);
	else
		snprintf(plan->network, sizeof(plan->network), "%d relu, %d", d >= 256 ? 256 : 128, dims);

	plan->prep = o->preprocess >= 0 ? (PrepKind) o->preprocess : given->adapter ? PREP_NONE :
		t->pixels ? PREP_SCALE : PREP_STANDARDIZE;
	plan->components = o->components;
	/*
	 * An epoch has some eight steps at least, however few the constraints.  Matches and views are each other's
	 * negatives, and want many; of pairs and triplets a batch's block is all but empty, and costs its square.
	 */
	plan->batch = o->batch;
	if (plan->batch == 0)
		for (plan->batch = 16; plan->batch < (given_searched(given->kind) ? 256 : 64) && plan->batch * 8 < given->n;)
			plan->batch *= 2;

	/* some 3,000 steps, but no less than 10 and no more than 100 passes */
	per_epoch = (given->n + plan->batch - 1) / plan->batch;
	epochs = 3000 / per_epoch;
	plan->epochs = o->epochs > 0 ? o->epochs : (int) (epochs < 10 ? 10 : epochs > 100 ? 100 : epochs);
	plan->stop_after = plan->epochs;
	plan->learning_rate = o->learning_rate > 0 ? o->learning_rate : o->optimizer != 0 ? 0.05 :
		is_one_layer(t, plan->network) ? LINEAR_RATE : DEEP_RATE;
	plan->proxy_lr = o->proxy_lr;
	plan->deadline = t->deadline;
	plan->phase = PHASE_TRAINING;
}

/* Seconds of work that an epoch of a plan is, by arithmetic alone. */
static double
planned_seconds(const Trainer *t, const FitPlan *plan)
{
	double		rows = (double) plan->batch * (t->given->kind == GIVEN_NOTHING ? 2 : given_size(t->given->kind));
	double		weights = 0;
	double		in = t->given->rows->d;
	NetSpec		spec;

	if (netspec_parse(t->env, plan->network, t->given->rows->d, &spec) == LEARN_OK)
		for (int i = 0; i < spec.n_layers; i++)
		{
			weights += in * spec.layer[i].width;
			in = spec.layer[i].width;
		}
	return ceil((double) t->given->n / plan->batch) * (PLAN_STEP + (6 * rows * weights + 200 * rows * rows) / PLAN_FLOPS);
}

/* ---------- fitting and judging one way ---------- */

/* No learning needs two inputs of one width. */
static bool
comparable(const Given *given)
{
	return !given_two_towers(given) || given->rows->d == given->rows_b->d;
}

/* A classical method on constraints index[0..n). */
static LearnStatus
fit_linear(Trainer *t, const Way *way, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	static const ConstraintKind kinds[] = {CONSTRAINT_PAIRS, CONSTRAINT_TRIPLETS, CONSTRAINT_QUADRUPLETS};
	LearnEnv   *env = t->env;
	const Given *given = t->given;
	const TrainOptions *o = t->options;
	int			size = given_size(given->kind);
	LinearPlan	plan = {0};
	LinearFit	fit;
	Constraints c = {0};
	int64_t    *row;
	int32_t    *label = NULL;
	double	   *weight = NULL;

	LEARN_ALLOC(env, row, n * size);
	if (given->kind == GIVEN_PAIRS)
		LEARN_ALLOC(env, label, n);
	if (given->weight)
		LEARN_ALLOC(env, weight, n);
	for (int64_t i = 0; i < n; i++)
	{
		memcpy(row + i * size, given->row + index[i] * size, sizeof(int64_t) * size);
		if (label)
			label[i] = given->same[index[i]];
		if (weight)
			weight[i] = given->weight[index[i]];
	}
	c.kind = kinds[given->kind];
	c.n = n;
	c.row = row;
	c.label = label;
	c.weight = weight;

	plan.method = way->method;
	plan.params = linear_params(way->method, &o->linear, 0);
	plan.prep = o->preprocess >= 0 ? (PrepKind) o->preprocess : t->pixels ? PREP_SCALE : PREP_STANDARDIZE;
	plan.components = o->components;
	plan.dims = o->dims;
	plan.seed = (uint64_t) o->seed;
	plan.phase = phase;
	plan.deadline = t->deadline;
	/* of the time that there is less than half is for judging */
	if (phase != PHASE_TRAINING && t->deadline < INFINITY)
		plan.deadline = t->start + 0.45 * (t->deadline - t->start);
	LEARN_TRY(constraints_fit(env, &plan, given->rows, &c, &fit));
	*model = fit.model;
	return LEARN_OK;
}

static LearnStatus
fit_closed(Trainer *t, const Way *way, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	LearnEnv   *env = t->env;
	const Given *given = t->given;
	int			dims = t->options->dims;
	int64_t    *rows;
	int64_t		n_rows;

	if (way->method == NULL)
		return linear_none(env, given->rows->d, model);
	if (dims > given->rows->d)
	{
		learn_fail(env, LEARN_INVALID, "dims is %d, but the rows have only %d features", dims, given->rows->d);
		learn_hint(env, "A closed form cannot have more dimensions than its input.");
		return LEARN_INVALID;
	}
	if (given_two_towers(given))
		return learn_fail(env, LEARN_DATA, "method \"%s\" has one input, and the two sides have one each", way->method->name);
	if (way->method->kind == METHOD_LINEAR || classical_is(way->method))
		return fit_linear(t, way, index, n, phase, model);
	LEARN_TRY(given_rows(env, given, 0, index, n, &rows, &n_rows));
	if (strcmp(way->method->name, "pca") == 0)
		return linear_pca(env, given->rows, rows, n_rows, dims, model);
	return linear_whiten(env, given->rows, rows, n_rows, dims, model);
}

/* The mean held-out score of a way over the splits; nothing is kept but the figures. */
static LearnStatus
judge_splits(Trainer *t, Way *way)
{
	LearnEnv   *env = t->env;
	ArenaMark	start = arena_mark(env->arena);
	double	   *curve[FOLDS];
	int			length[FOLDS];
	int			best[FOLDS];
	double		sum = 0;
	double		weight = 0;
	double		epochs = 0;
	double		recall10 = 0;
	double		mrr = 0;

	for (int f = 0; f < t->n_splits && is_gradient(way); f++)
		LEARN_ALLOC(env, curve[f], way->plan.stop_after);
	for (int f = 0; f < t->n_splits; f++)
	{
		ArenaMark	mark = arena_mark(env->arena);
		const Split *split = &t->split[f];
		GivenScore	found = {NAN, NAN, NAN};

		if (is_gradient(way))
		{
			Fit			fit;

			LEARN_TRY(given_fit(env, t->given, split->train, split->n_train, t->options, &way->plan, views_of(t), split, &fit));
			way->fold[f] = fit.score;
			length[f] = fit.epochs;
			best[f] = fit.best_epoch;
			for (int e = 0; e < fit.epochs; e++)
				curve[f][e] = fit.history[e].validation;
			epochs += fit.best_epoch;
			if (given_searched(t->given->kind))
				LEARN_TRY(given_score_model(env, t->given, split, views_of(t), fit.model, fit.model_b, &found));
		}
		else
		{
			Model	   *model;

			LEARN_TRY(fit_closed(t, way, split->train, split->n_train, PHASE_CHOOSING, &model));
			LEARN_TRY(given_score_model(env, t->given, split, views_of(t), model, NULL, &found));
			way->fold[f] = found.score;
		}
		recall10 += found.recall10 * split->n_held;
		mrr += found.mrr * split->n_held;
		arena_reset(env->arena, mark);
	}
	for (int f = 0; f < t->n_splits; f++)
	{
		if (is_gradient(way) && t->n_splits > 1)
			way->fold[f] = fit_score_by_others(curve, length, best, t->n_splits, f);
		if (!isnan(way->fold[f]))
		{
			sum += way->fold[f] * t->split[f].n_held;
			weight += t->split[f].n_held;
		}
	}
	way->score = weight > 0 ? sum / weight : NAN;
	way->recall10 = weight > 0 ? recall10 / weight : NAN;
	way->mrr = weight > 0 ? mrr / weight : NAN;
	way->best_epoch = (int) (epochs / t->n_splits + 0.5);
	if (way->best_epoch < 1)
		way->best_epoch = 1;
	arena_reset(env->arena, start);
	return LEARN_OK;
}

/* The same in silence: remarks about the columns are made once, for the model that is kept. */
static LearnStatus
judge_way(Trainer *t, Way *way)
{
	void		(*notice) (void *ctx, const char *message) = t->env->notice;
	LearnStatus status;

	t->env->notice = NULL;
	status = judge_splits(t, way);
	t->env->notice = notice;
	return status;
}

static LearnStatus
make_splits(Trainer *t, int folds)
{
	const TrainOptions *o = t->options;
	bool		searched = given_searched(t->given->kind);
	int64_t		max_held = searched ? MAX_HELD_SEARCH : MAX_HELD;
	double		share = isnan(o->validation) ? t->given->n < FEW ? 0.2 : 0.1 : o->validation;

	if (searched && share * (double) t->given->n > MAX_HELD_SEARCH)
		share = (double) MAX_HELD_SEARCH / (double) t->given->n;
	LEARN_TRY(given_splitter(t->env, t->given, &t->splitter));
	t->n_splits = share > 0 ? folds : 0;
	for (int f = 0; f < t->n_splits; f++)
	{
		LEARN_TRY(given_split(t->env, t->given, &t->splitter, folds, f, share, max_held, o->seed, &t->split[f]));
		/* a fold that has nothing to learn from, or to judge by, is none */
		if (t->split[f].n_train == 0)
			t->split[f].n_held = 0;
		t->result->held_out_rows += t->split[f].n_held;
	}
	for (int f = 0; f < t->n_splits; f++)
		if (t->split[f].n_held == 0)
			t->split[f--] = t->split[--t->n_splits];
	return LEARN_OK;
}

/* The figures that every learned one is held against. */
static LearnStatus
baselines(Trainer *t, Way *none, Way *whiten)
{
	LearnStatus status;

	memset(none, 0, sizeof(*none));
	memset(whiten, 0, sizeof(*whiten));
	none->score = whiten->score = NAN;
	none->mrr = whiten->mrr = none->recall10 = whiten->recall10 = NAN;
	whiten->method = method_by_name("whiten");
	if (t->n_splits == 0 || !comparable(t->given))
		return LEARN_OK;
	report_phase(t, PHASE_PREPARING, "none");
	LEARN_TRY(judge_way(t, none));
	if (t->given->rows->d <= MAX_WHITEN && !given_two_towers(t->given))
	{
		report_phase(t, PHASE_PREPARING, "whiten");
		status = judge_way(t, whiten);
		if (status != LEARN_OK && status != LEARN_DATA)
			return status;
	}
	t->result->score_none = none->score;
	t->result->score_whiten = whiten->score;
	return LEARN_OK;
}

/* Fit a way for good.  Its score is known already, or comes from this run. */
static LearnStatus
keep(Trainer *t, Way *way, bool validate, bool *cut)
{
	LearnEnv   *env = t->env;
	TrainResult *r = t->result;
	const Split *from = validate ? &t->split[0] : &t->all;
	Fit			fit;

	r->method = way->method;
	snprintf(r->method_name, sizeof(r->method_name), "%s", way_name(way));
	*cut = false;
	r->train_rows = from->n_train;
	if (!is_gradient(way))
	{
		r->train_rows = t->all.n_train;
		LEARN_TRY(fit_closed(t, way, t->all.train, t->all.n_train, PHASE_TRAINING, &r->model));
		if (t->given->adapter)
			LEARN_TRY(linear_none(env, t->given->rows_b->d, &r->model_b));
	}
	else
	{
		way->plan.deadline = t->deadline;
		way->plan.phase = PHASE_TRAINING;
		LEARN_TRY(given_fit(env, t->given, from->train, from->n_train, t->options, &way->plan, views_of(t),
							validate ? &t->split[0] : NULL, &fit));
		if (validate)
		{
			GivenScore	found;

			LEARN_TRY(given_score_model(env, t->given, &t->split[0], views_of(t), fit.model, fit.model_b, &found));
			way->score = fit.score;
			way->recall10 = found.recall10;
			way->mrr = found.mrr;
		}
		*cut = fit.cut;
		r->model = fit.model;
		r->model_b = fit.model_b;
		r->epochs = r->n_history = fit.epochs;
		r->history = fit.history;
	}
	r->score_model = way->score;
	netspec_print(&r->model->net->spec, r->network, sizeof(r->network));
	r->dims = model_out(r->model);
	return LEARN_OK;
}

/* ---------- what the user is told ---------- */

static const char *
shared_text(const Trainer *t)
{
	if (t->given->kind == GIVEN_NOTHING)
		return "";
	switch (t->splitter.shared)
	{
		case SHARED_NOTHING:
			return t->splitter.rows_apart ? "; held-out pairs share no row with those learned from, pairs between the two were left out of the judgement" :
				"; what is held out shares no row with what is learned from";
		case SHARED_OTHERS:
			return "; what is held out shares no first row with what is learned from, but may share others";
		case SHARED_ROWS:
			return "; held out by constraint: rows may be on both sides";
	}
	return "";
}

/* What the score does not say of matches and views. */
static void
append_search(TrainResult *r, const Way *way, const Way *none)
{
	size_t		used = strlen(r->reason);

	if (isnan(way->mrr))
		return;
	used += snprintf(r->reason + used, sizeof(r->reason) - used, "; held out, recall@10 is %.3f and MRR %.3f",
					 way->recall10, way->mrr);
	if (!isnan(none->mrr) && used < sizeof(r->reason))
		snprintf(r->reason + used, sizeof(r->reason) - used, ", without learning %.3f and %.3f", none->recall10, none->mrr);
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
	bool		cut = false;
	bool		refit = o->refit >= 0 ? o->refit : t->given->n < 2 * FEW;

	LEARN_TRY(make_splits(t, 1));
	LEARN_TRY(baselines(t, &none, &whiten));
	way.method = o->method;
	way.score = way.recall10 = way.mrr = NAN;
	if (is_gradient(&way))
		make_plan(t, o->method, NULL, &way.plan);
	if (t->n_splits > 0 && (refit || !is_gradient(&way)))
	{
		LEARN_TRY(judge_way(t, &way));
		way.plan.stop_after = way.best_epoch;
		LEARN_TRY(keep(t, &way, false, &cut));
	}
	else
		LEARN_TRY(keep(t, &way, t->n_splits > 0 && is_gradient(&way), &cut));

	snprintf(r->reason, sizeof(r->reason), "method %s as asked for%s%s%s", way_name(&way),
			 is_gradient(&way) && o->network[0] == '\0' ? ", network chosen by the number of features" : "",
			 t->n_splits > 0 ? shared_text(t) : "", cut ? "; the time limit ended the training early" : "");
	append_search(r, &way, &none);
	if (!isnan(r->score_model) && r->score_model < r->score_none)
		learn_notice(t->env, "on held-out %s the learned metric scores %s %.4f, and the data without learning %.4f; "
					 "method auto would have kept the better one", given_name(t->given->kind), r->score_name,
					 r->score_model, r->score_none);
	return LEARN_OK;
}

/* ---------- auto ---------- */

static void
record(Trainer *t, const Way *way, double seconds, const char *note)
{
	Candidate  *c = &t->result->candidates[t->result->n_candidates++];

	memset(c, 0, sizeof(*c));
	snprintf(c->method, sizeof(c->method), "%s", way_name(way));
	snprintf(c->network, sizeof(c->network), "%s", is_gradient(way) ? way->plan.network : "");
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

	report_phase(t, PHASE_CHOOSING, way_name(way));
	status = judge_way(t, way);
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

/* A more complex way must be better by more than a fifth of the score's standard error, as in train.c. */
static bool
is_better(const Trainer *t, double score, double best)
{
	double		n = (double) t->result->held_out_rows;

	if (isnan(score))
		return false;
	if (isnan(best))
		return true;
	return score > best + 0.2 * sqrt(best * (1 - best) / (n > 1 ? n : 1));
}

typedef struct Try
{
	const char *method;
	const char *network;		/* NULL: the default; %d: dims */
} Try;

/* What is tried for each kind, in this order, while planned time is left. */
static const Try tries[][6] = {
	[GIVEN_PAIRS] = {{"contrastive", "%d"}, {"contrastive", NULL}, {"contrastive", "%d, raw"}},
	[GIVEN_TRIPLETS] = {{"triplet", "%d"}, {"triplet", NULL}, {"triplet", "%d, raw"}},
	[GIVEN_QUADRUPLETS] = {{"quadruplet", "%d, raw"}, {"quadruplet", "%d"}, {"quadruplet", NULL}},
	[GIVEN_MATCHES] = {{"ntxent", "%d"}, {"ntxent", NULL}},
	[GIVEN_NOTHING] = {{"ntxent", "%d"}, {"ntxent", NULL}},
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
			!method_learns_from(method, given_name(t->given->kind)) || given_two_towers(t->given) ||
			t->given->rows->d > MAX_WHITEN)
			continue;
		memset(&way[*n], 0, sizeof(Way));
		way[*n].method = method;
		LEARN_TRY(try_way(t, &way[*n]));
		(*n)++;
	}
	return LEARN_OK;
}

static LearnStatus
try_gradient(Trainer *t, Way *way, int *n, double limit, bool *cut)
{
	double		planned = 0;

	for (const Try *try = tries[t->given->kind]; try->method && *n < MAX_WAYS; try++)
	{
		Way		   *w = &way[*n];
		const Method *method = method_by_name(try->method);
		double		epoch;
		int			affordable;

		/* what differs in the network alone is one way where the network is fixed */
		if ((t->options->network[0] || t->given->adapter) && try > tries[t->given->kind] &&
			strcmp(try->method, try[-1].method) == 0)
			continue;
		if (method == NULL)
			continue;
		memset(w, 0, sizeof(*w));
		w->method = method;
		make_plan(t, method, try->network, &w->plan);
		w->plan.phase = PHASE_CHOOSING;
		w->plan.deadline = t->start + 0.7 * limit;
		epoch = planned_seconds(t, &w->plan) * t->n_splits;
		affordable = (int) (0.2 * limit / epoch);
		if (t->options->epochs == 0 && w->plan.epochs > affordable)
			w->plan.epochs = w->plan.stop_after = affordable < 1 ? 1 : affordable;
		if (planned > 0 && planned + epoch * w->plan.epochs > 0.5 * limit)
			continue;
		if (t->env->now(t->env->ctx) > t->start + 0.7 * limit)
		{
			*cut = true;
			break;
		}
		planned += epoch * w->plan.epochs;
		LEARN_TRY(try_way(t, w));
		(*n)++;
	}
	return LEARN_OK;
}

static LearnStatus
train_auto(Trainer *t)
{
	TrainResult *r = t->result;
	double		limit = t->options->time_limit > 0 ? t->options->time_limit : AUTO_TIME_LIMIT;
	Way			way[MAX_WAYS];
	int			n = 2;
	int			best = 0;
	bool		cut = false;

	LEARN_ALLOC(t->env, r->candidates, MAX_WAYS);
	LEARN_TRY(make_splits(t, t->given->n < FEW ? FOLDS : 1));
	if (t->n_splits == 0)
	{
		learn_fail(t->env, LEARN_DATA, "nothing could be held out to choose a method by");
		learn_hint(t->env, "There are too few %s, or all have one row in common. Name a method.", given_name(t->given->kind));
		return LEARN_DATA;
	}
	LEARN_TRY(baselines(t, &way[0], &way[1]));
	record(t, &way[0], 0, comparable(t->given) ? "" : "the sides have different widths");
	record(t, &way[1], 0, "");
	LEARN_TRY(try_closed(t, way, &n));
	LEARN_TRY(try_gradient(t, way, &n, limit, &cut));

	for (int i = 1; i < n; i++)
		if (is_better(t, way[i].score, way[best].score))
			best = i;
	if (isnan(way[best].score))
	{
		learn_fail(t->env, LEARN_DATA, "no method could learn from these %s", given_name(t->given->kind));
		learn_hint(t->env, "Name a method to see what it says.");
		return LEARN_DATA;
	}
	if (is_gradient(&way[best]))
		way[best].plan.stop_after = way[best].best_epoch;
	LEARN_TRY(keep(t, &way[best], false, &cut));
	snprintf(r->reason, sizeof(r->reason), "%s scored best of %d candidates%s%s",
			 way[best].method ? way_name(&way[best]) : "no learning", n, shared_text(t),
			 cut ? "; the time limit ended the training early" : "");
	append_search(r, &way[best], &way[0]);
	return LEARN_OK;
}

/* ---------- entry ---------- */

/* Constraints that nothing can be learned from. */
static LearnStatus
check_given(LearnEnv *env, const Given *given)
{
	int			size = given_size(given->kind);
	int64_t		same = 0;
	double		weight = given->weight ? 0 : 1;
	bool		differ = false;

	if (given->n < 2)
		return learn_fail(env, LEARN_DATA, "two different %s at least are needed to learn from, and there is one", given_name(given->kind));
	for (int64_t i = 0; i < given->n; i++)
	{
		const int64_t *row = given->row + i * size;

		same += given->kind == GIVEN_PAIRS && given->same[i];
		weight += given->weight ? given->weight[i] : 0;
		differ |= size == 1 || given_two_towers(given) || (size == 4 ? row[0] != row[1] || row[2] != row[3] : row[0] != row[1]) ||
			(size == 3 && row[0] != row[2]);
	}
	if (!(weight > 0))
		return learn_fail(env, LEARN_DATA, "all weights are 0");
	if (!differ)
		return learn_fail(env, LEARN_DATA, "the rows of every constraint are equal");
	if (given->kind == GIVEN_PAIRS && (same == 0 || same == given->n))
	{
		learn_fail(env, LEARN_DATA, "all pairs are %s", same == 0 ? "different" : "the same");
		learn_hint(env, same == 0 ? "A metric is learned from pairs that are the same and pairs that are not." :
				   "A metric is learned from pairs that are the same and pairs that are not; "
				   "where only the former are known, dml_train_matches takes the others of a batch for different.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}

LearnStatus
train_given(LearnEnv *env, const Given *given, const TrainOptions *options, TrainResult *result)
{
	Trainer    *t;

	memset(result, 0, sizeof(*result));
	result->score_none = result->score_whiten = result->score_model = NAN;
	result->score_name = given_score_name(given->kind);
	LEARN_TRY(options_check(env, options));
	LEARN_TRY(check_given(env, given));

	LEARN_ALLOC(env, t, 1);
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->given = given;
	t->options = options;
	t->result = result;
	t->start = env->now(env->ctx);
	t->deadline = options->time_limit > 0 ? t->start + options->time_limit : INFINITY;
	if (options->method->kind == METHOD_AUTO && options->time_limit == 0)
		t->deadline = t->start + 2 * AUTO_TIME_LIMIT;
	report_phase(t, PHASE_PREPARING, options->method->name);
	LEARN_TRY(prep_one_scale(env, given->rows, &t->pixels));
	if (given->kind == GIVEN_NOTHING)
		LEARN_TRY(views_create(env, given->rows, NULL, 0, options->noise, options->mask, options->mix, &t->views));
	LEARN_ALLOC(env, t->all.train, given->n);
	t->all.n_train = given->n;
	for (int64_t i = 0; i < given->n; i++)
		t->all.train[i] = i;
	if (options->method->kind == METHOD_AUTO)
		LEARN_TRY(train_auto(t));
	else
		LEARN_TRY(train_named(t));
	result->seconds = env->now(env->ctx) - t->start;
	return LEARN_OK;
}
