/*
 * trainer.c
 *	  Candidates, whatever is learned from: their plans, their records, and the fit that is kept.
 */
#include "trainer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "learn/data/prep.h"
#include "math/vmath.h"

/* What each thread beyond the first adds to the work that is done in a second. */
#define THREAD_GAIN		0.6

/*
 * Share of the time limit for the run of a named method that is judged.  The run on all rows after
 * it takes 1.25 times as long if a fifth is held out.
 */
#define JUDGING			0.4

LearnStatus
trainer_create(LearnEnv *env, const Learner *learner, const Rows *rows, int64_t n,
			   const TrainOptions *options, TrainResult *result, Trainer **trainer)
{
	Trainer    *t;
	double		limit = options->time_limit > 0 ? options->time_limit :
		options->method->kind == METHOD_AUTO ? AUTO_TIME_LIMIT : INFINITY;

	LEARN_ALLOC(env, t, 1);
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->learner = learner;
	t->rows = rows;
	t->n = n;
	t->rows_each = 1;
	t->counted = 1;
	t->options = options;
	t->result = result;
	t->start = env->now(env->ctx);
	t->deadline = t->start + limit;
	t->judged_by = t->start + JUDGING * limit;
	trainer_phase(t, PHASE_PREPARING, options->method->name);
	LEARN_ALLOC(env, t->all.train, n);
	t->all.n_train = n;
	for (int64_t i = 0; i < n; i++)
		t->all.train[i] = i;
	*trainer = t;
	return prep_one_scale(env, rows, &t->pixels);
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

void
candidate_init(Candidate *candidate, const Method *method)
{
	memset(candidate, 0, sizeof(*candidate));
	candidate->method = method;
	candidate->score = candidate->map_r = candidate->recall10 = candidate->mrr = NAN;
}

bool
candidate_is_gradient(const Candidate *candidate)
{
	return candidate->method && candidate->method->kind == METHOD_GRADIENT;
}

const char *
candidate_name(const Candidate *candidate)
{
	return candidate_is_gradient(candidate) ? candidate->plan.name : candidate->method ? candidate->method->name : "none";
}

double
candidate_merit(const Candidate *candidate)
{
	return score_merit(candidate->score, candidate->map_r);
}

/* ---------- plans ---------- */

/* What is done to a row before a network or a linear map sees it. */
static PrepKind
chosen_prep(const Trainer *t)
{
	return t->options->preprocess >= 0 ? (PrepKind) t->options->preprocess : t->pixels ? PREP_SCALE : PREP_STANDARDIZE;
}

void
candidate_plan_start(const Trainer *t, const Method *method, const char *network, int max_batch, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	int			d = t->rows->d;
	int			dims = o->dims > 0 ? o->dims : d >= 64 ? 64 : 32;
	int64_t		per_epoch;
	int64_t		epochs;

	memset(plan, 0, sizeof(*plan));
	plan_method(o, method, plan);
	if (o->network[0])
		snprintf(plan->network, sizeof(plan->network), "%s", o->network);
	else if (network)
		snprintf(plan->network, sizeof(plan->network), network, dims);
	else
		snprintf(plan->network, sizeof(plan->network), "%d relu, %d%s", d >= 256 ? 256 : 128, dims,
				 t->rows->target ? ", raw" : "");	/* on a sphere a line of numbers has to bend */

	plan->prep = chosen_prep(t);
	plan->components = o->components;
	/* an epoch has some eight steps at least, however little there is */
	plan->batch = o->batch;
	if (plan->batch == 0)
		for (plan->batch = 16; plan->batch < max_batch && plan->batch * 8 < t->n;)
			plan->batch *= 2;

	/* about 3,000 steps, at least 10 and at most 100 passes */
	per_epoch = (t->n + plan->batch - 1) / plan->batch;
	epochs = 3000 / per_epoch;
	plan->epochs = o->epochs > 0 ? o->epochs : (int) (epochs < 10 ? 10 : epochs > 100 ? 100 : epochs);
	plan->stop_after = plan->epochs;
	plan->proxy_lr = o->proxy_lr;
	plan->average = isnan(o->average) ? 0 : o->average;
	plan->deadline = t->deadline;
	plan->phase = PHASE_TRAINING;
}

LinearPlan
candidate_plan_linear(const Trainer *t, const Candidate *candidate, int n_classes, TrainPhase phase)
{
	const TrainOptions *o = t->options;
	LinearPlan	plan = {0};

	plan.method = candidate->method;
	plan.params = linear_params(candidate->method, &o->linear, n_classes);
	if (candidate->strengths)
	{
		plan.params.shrink = candidate->strengths[candidate->strength].shrink;
		plan.params.l2 = candidate->strengths[candidate->strength].l2;
	}
	plan.prep = chosen_prep(t);
	plan.components = o->components;
	plan.dims = o->dims;
	plan.seed = (uint64_t) o->seed;
	plan.phase = phase;
	plan.seconds = JUDGING * o->time_limit;
	plan.deadline = phase == PHASE_TRAINING ? t->deadline : t->judged_by;
	return plan;
}

/*
 * The work that is done in a second, for plans that must not depend on the clock: same seed and
 * machine, same model.  Of a busy machine rather than of an idle one: 784-512-256-64 in batches of
 * 256 does about 90e9 by AVX-512.
 */
double
work_seconds(const Trainer *t, double flops)
{
	const char *kernels = vm_current();
	double		rate = strcmp(kernels, "avx512") == 0 ? 80e9 : strcmp(kernels, "avx2") == 0 ? 40e9 : 20e9;

	return flops / (rate * (1 + THREAD_GAIN * (t->env->threads > 1 ? t->env->threads - 1 : 0)));
}

double
candidate_seconds(const Trainer *t, const FitPlan *plan, int epochs)
{
	double		rows = (double) plan->batch * t->rows_each;
	double		weights = 0;
	double		in = t->rows->d;
	NetSpec		spec;

	if (netspec_parse(t->env, plan->network, t->rows->d, &spec) == LEARN_OK)
		for (int i = 0; i < spec.n_layers; i++)
		{
			weights += in * spec.layer[i].width;
			in = spec.layer[i].width;
		}
	return ceil((double) t->n / plan->batch) * epochs *
		(t->learner->step_seconds + work_seconds(t, 6 * rows * weights + 200 * rows * rows));
}

LearnStatus
candidate_check_dims(const Trainer *t)
{
	MethodKind	asked = t->options->method->kind;

	if (t->options->dims <= t->rows->d || asked == METHOD_GRADIENT || asked == METHOD_AUTO)
		return LEARN_OK;
	learn_fail(t->env, LEARN_INVALID, "dims is %d, but the rows have only %d features", t->options->dims, t->rows->d);
	learn_hint(t->env, "A closed form cannot have more dimensions than its input.");
	return LEARN_INVALID;
}

/* ---------- records ---------- */

/* The mean score of no learning in the splits that a candidate was judged in. */
static double
score_beside(const Trainer *t, const Candidate *candidate)
{
	double		sum = 0;
	double		weight = 0;

	for (int f = 0; t->none && f < candidate->judged; f++)
		if (!isnan(t->none->fold[f]) && !isnan(candidate->fold[f]))
		{
			sum += t->none->fold[f] * t->weight[f];
			weight += t->weight[f];
		}
	return weight > 0 && !isnan(candidate->score) ? sum / weight : NAN;
}

CandidateRecord *
candidate_record(Trainer *t, const Candidate *candidate, double seconds, const char *note)
{
	CandidateRecord *c = &t->result->candidates[t->result->n_candidates++];

	memset(c, 0, sizeof(*c));
	snprintf(c->method, sizeof(c->method), "%s", candidate_name(candidate));
	snprintf(c->network, sizeof(c->network), "%s", candidate_is_gradient(candidate) ? candidate->plan.network : "");
	c->validation = candidate->score;
	c->map_r = candidate->map_r;
	c->without_learning = score_beside(t, candidate);
	c->judged = isnan(candidate->score) ? 0 : candidate->judged;
	c->folds = t->n_splits;
	c->seconds = seconds;
	snprintf(c->note, sizeof(c->note), "%s", note);
	return c;
}

void
candidate_leave_out(Trainer *t, const Candidate *candidate)
{
	Candidate	untried = *candidate;

	untried.score = untried.map_r = NAN;
	candidate_record(t, &untried, 0, "left out: the time limit does not allow for it");
	t->left_out++;
}

void
trainer_append(const Trainer *t, const char *fmt,...)
{
	char	   *reason = t->result->reason;
	size_t		used = strlen(reason);
	va_list		args;

	va_start(args, fmt);
	vsnprintf(reason + used, sizeof(t->result->reason) - used, fmt, args);
	va_end(args);
}

void
trainer_append_left_out(const Trainer *t)
{
	if (t->left_out > 0)
		trainer_append(t, "; %d more left out for the time limit", t->left_out);
}

void
trainer_not_judged(const Trainer *t, const char *why)
{
	learn_notice(t->env, "the model has no held-out score: %s", why);
	trainer_append(t, "; no held-out score: %s", why);
}

void
trainer_append_search(const Trainer *t, const Candidate *candidate, const Candidate *none)
{
	if (isnan(candidate->mrr))
		return;
	trainer_append(t, "; held out, recall@10 is %.3f and MRR %.3f", candidate->recall10, candidate->mrr);
	if (!isnan(none->mrr))
		trainer_append(t, ", without learning %.3f and %.3f", none->recall10, none->mrr);
}

void
trainer_scores_text(const char *name, double learned, double none, double whitened, char *text, size_t size)
{
	if (isnan(learned))
		snprintf(text, size, "nothing held out could be judged by");
	else
		snprintf(text, size, "held-out %s %.4f", name, learned);
	if (!isnan(none))
		snprintf(text + strlen(text), size - strlen(text), ", without learning %.4f", none);
	if (!isnan(whitened))
		snprintf(text + strlen(text), size - strlen(text), ", whitened %.4f", whitened);
}

/* ---------- the model that is kept ---------- */

/* A gradient method, for good. */
static LearnStatus
keep_fit(Trainer *t, Candidate *candidate, const Split *judge, bool *cut)
{
	TrainResult *r = t->result;
	Fit			fit;

	candidate->plan.each = judge && t->each;
	candidate->plan.phase = PHASE_TRAINING;
	LEARN_TRY(t->learner->fit(t, &candidate->plan, judge ? judge : &t->all, judge, &fit));
	if (judge)
	{
		HeldOutScore found = NO_SCORE;

		if (t->searched)
			LEARN_TRY(t->learner->score(t, judge, fit.model, fit.model_b, &found));
		candidate->score = candidate->fold[0] = fit.score;
		candidate->map_r = fit.map_r;
		candidate->best_epoch = fit.best_epoch;
		candidate->recall10 = found.recall10;
		candidate->mrr = found.mrr;
		candidate->judged = 1;
		if (candidate->plan.each)
			candidate->each[0] = fit_each(&candidate->plan, &fit, fit.best_epoch, judge->n_held);
	}
	*cut = fit.cut;
	r->model = fit.model;
	r->model_b = fit.model_b;
	r->epochs = r->n_history = fit.epochs;
	r->history = fit.history;
	return LEARN_OK;
}

/* Any other candidate, for good. */
static LearnStatus
keep_solution(Trainer *t, Candidate *candidate, const Split *judge, bool *cut)
{
	TrainResult *r = t->result;

	LEARN_TRY(t->learner->solve(t, candidate, judge ? judge : &t->all, judge ? PHASE_VALIDATING : PHASE_TRAINING, &r->model));
	r->model_b = candidate->model_b;
	r->epochs = candidate->linear.iterations;
	r->history = NULL;
	r->n_history = 0;
	*cut = candidate->linear.cut;
	if (judge)
	{
		HeldOutScore found = NO_SCORE;

		LEARN_TRY(t->learner->score(t, judge, r->model, r->model_b, &found));
		candidate->score = candidate->fold[0] = found.score;
		candidate->map_r = found.map_r;
		candidate->recall10 = found.recall10;
		candidate->mrr = found.mrr;
		candidate->judged = 1;
	}
	return LEARN_OK;
}

LearnStatus
candidate_keep(Trainer *t, Candidate *candidate, const Split *judge, bool *cut)
{
	TrainResult *r = t->result;

	if (candidate_is_gradient(candidate))
		LEARN_TRY(keep_fit(t, candidate, judge, cut));
	else
		LEARN_TRY(keep_solution(t, candidate, judge, cut));
	r->chosen = (TrainChosen) {0};
	r->course = NULL;
	r->n_course = 0;
	if (candidate_is_gradient(candidate))
	{
		const FitPlan *plan = &candidate->plan;

		if (judge == NULL && candidate->course)
		{
			r->course = candidate->course;
			r->n_course = candidate->n_course;
		}
		r->chosen = (TrainChosen) {plan->batch, plan->rows_per_class, plan->epochs, plan->learning_rate, plan->average};
	}
	else if (candidate->method)
	{
		LinearPlan	plan = candidate_plan_linear(t, candidate, t->rows->n_classes, PHASE_TRAINING);

		r->chosen.closed = true;
		r->chosen.shrink = plan.params.shrink;
		r->chosen.l2 = plan.params.l2;
	}
	r->method = candidate->method;
	snprintf(r->method_name, sizeof(r->method_name), "%s", candidate_name(candidate));
	r->train_rows = judge ? judge->n_train : t->all.n_train;
	r->score_model = candidate->score;
	netspec_print(&r->model->net->spec, r->network, sizeof(r->network));
	r->dims = model_out(r->model);
	return LEARN_OK;
}
