/*
 * trainer.c
 *	  Ways to a model, whatever is learned from: how they are planned, judged, recorded and kept.
 */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/fit/fit_loop.h"
#include "learn/data/prep.h"
#include "math/vmath.h"

/* What each thread beyond the first adds to the work that is done in a second. */
#define THREAD_GAIN		0.6

/* Of the time that there is less than half is for judging: the model that is kept is fitted on all rows. */
#define JUDGING			0.45

/* Standard errors below its rival's merit by which a way is given up. */
#define HOPELESS		3

LearnStatus
trainer_create(LearnEnv *env, const Learner *learner, const Rows *rows, int64_t n,
			   const TrainOptions *options, TrainResult *result, Trainer **trainer)
{
	Trainer    *t;

	LEARN_ALLOC(env, t, 1);
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->learner = learner;
	t->rows = rows;
	t->n = n;
	t->rows_each = 1;
	t->options = options;
	t->result = result;
	t->start = env->now(env->ctx);
	t->deadline = options->time_limit > 0 ? t->start + options->time_limit :
		options->method->kind == METHOD_AUTO ? t->start + 2 * AUTO_TIME_LIMIT : INFINITY;
	t->judged_by = t->deadline < INFINITY ? t->start + JUDGING * (t->deadline - t->start) : INFINITY;
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

bool
way_is_gradient(const Way *way)
{
	return way->method && way->method->kind == METHOD_GRADIENT;
}

const char *
way_name(const Way *way)
{
	return way_is_gradient(way) ? way->plan.name : way->method ? way->method->name : "none";
}

/* ---------- plans ---------- */

/* What is done to a row before a network or a linear map sees it. */
static PrepKind
chosen_prep(const Trainer *t)
{
	return t->options->preprocess >= 0 ? (PrepKind) t->options->preprocess : t->pixels ? PREP_SCALE : PREP_STANDARDIZE;
}

void
way_plan_start(const Trainer *t, const Method *method, const char *network, int max_batch, FitPlan *plan)
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

	/* some 3,000 steps, but no less than 10 and no more than 100 passes */
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
way_plan_linear(const Trainer *t, const Way *way, int n_classes, TrainPhase phase)
{
	const TrainOptions *o = t->options;
	LinearPlan	plan = {0};

	plan.method = way->method;
	plan.params = linear_params(way->method, &o->linear, n_classes);
	plan.prep = chosen_prep(t);
	plan.components = o->components;
	plan.dims = o->dims;
	plan.seed = (uint64_t) o->seed;
	plan.phase = phase;

	plan.deadline = phase == PHASE_TRAINING ? t->deadline : t->judged_by;
	return plan;
}

/*
 * The work that is done in a second, for plans that must not depend on the clock: same seed and machine, same
 * model.  Of a busy machine rather than of an idle one: 784-512-256-64 in batches of 256 does some 90e9 by AVX-512.
 */
double
work_seconds(const Trainer *t, double flops)
{
	const char *kernels = vm_current();
	double		rate = strcmp(kernels, "avx512") == 0 ? 80e9 : strcmp(kernels, "avx2") == 0 ? 40e9 : 20e9;

	return flops / (rate * (1 + THREAD_GAIN * (t->env->threads > 1 ? t->env->threads - 1 : 0)));
}

double
way_seconds(const Trainer *t, const FitPlan *plan, int epochs)
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
way_check_dims(const Trainer *t)
{
	MethodKind	asked = t->options->method->kind;

	if (t->options->dims <= t->rows->d || asked == METHOD_GRADIENT || asked == METHOD_AUTO)
		return LEARN_OK;
	learn_fail(t->env, LEARN_INVALID, "dims is %d, but the rows have only %d features", t->options->dims, t->rows->d);
	learn_hint(t->env, "A closed form cannot have more dimensions than its input.");
	return LEARN_INVALID;
}

/* ---------- judging ---------- */

/* A gradient method's course of scores in one split. */
typedef struct Course
{
	EpochRecord *record;
	int			length;
	QueryScore *each;			/* of every epoch, n_query in all; or NULL */
} Course;

static int64_t
rows_judged(const Trainer *t, int f)
{
	return t->each ? t->judge[f].n_query : 0;
}

/* What each held-out row adds by the scores of an epoch of a course. */
static void
take_each(const Trainer *t, Way *way, int f, const Course *course, int epoch)
{
	int64_t		n = rows_judged(t, f);

	if (n > 0)
		memcpy(way->each[f], course->each + (epoch - 1) * n, sizeof(QueryScore) * (size_t) n);
}

/* One split: the way's score there, and of a gradient method the course of its scores. */
static LearnStatus
judge_split(Trainer *t, Way *way, int f, Course *course, HeldOutScore *found)
{
	const Split *split = &t->split[f];
	Model	   *model;
	Fit			fit;

	if (!way_is_gradient(way))
	{
		found->each = way->each[f];
		LEARN_TRY(t->learner->solve(t, way, split, PHASE_VALIDATING, &model));
		way->cut |= way->linear.cut;
		LEARN_TRY(t->learner->score(t, split, model, NULL, found));
		way->fold[f] = found->score;
		return LEARN_OK;
	}
	way->plan.each = t->each;
	LEARN_TRY(t->learner->fit(t, &way->plan, split, split, &fit));
	way->fold[f] = fit.score;
	way->best_epoch = fit.best_epoch;
	way->cut |= fit.cut;
	course->length = fit.epochs;
	memcpy(course->record, fit.history, sizeof(EpochRecord) * (size_t) fit.epochs);
	if (t->each)
		memcpy(course->each, fit.each, sizeof(QueryScore) * (size_t) (fit.epochs * rows_judged(t, f)));
	take_each(t, way, f, course, fit.best_epoch);
	if (t->searched)
		return t->learner->score(t, split, fit.model, fit.model_b, found);
	found->map_r = fit.map_r;
	return LEARN_OK;
}

/*
 * The epoch, from 1, whose mean score over the splits but one is best (skip -1: over all); of equal ones the later.  A course that
 * has ended counts with its last score.
 */
static int
best_epoch_of(const Trainer *t, const Way *way, const Course *course, int skip)
{
	double		best = -INFINITY;
	int			every = way->plan.judge_every > 1 ? way->plan.judge_every : 1;
	int			longest = 0;
	int			found = 1;

	for (int f = 0; f < way->judged; f++)
		longest = course[f].length > longest ? course[f].length : longest;
	for (int epoch = 1; epoch <= longest; epoch++)
	{
		double		sum = 0;
		double		weight = 0;

		if (epoch % every != 0 && epoch != longest)
			continue;
		for (int f = 0; f < way->judged; f++)
		{
			const EpochRecord *record = &course[f].record[(epoch < course[f].length ? epoch : course[f].length) - 1];
			double		merit = score_merit(record->validation, record->map_r);

			if (f == skip || isnan(merit))
				continue;
			sum += merit * t->weight[f];
			weight += t->weight[f];
		}
		if (weight > 0 && sum / weight >= best)
		{
			best = sum / weight;
			found = epoch;
		}
	}
	return found;
}

/* Is it clear by the splits so far that a way will not be as good as its rival? */
static bool
is_hopeless(const Trainer *t, const Way *way, const Way *rival)
{
	WayGain		gain;

	if (rival == NULL || way->judged == t->n_splits)
		return false;
	/* way_is_safe would refuse it */
	if (t->options->open_set && way->fold[way->judged - 1] <= t->none->fold[way->judged - 1])
		return true;
	/* few splits do not say how far they are apart */
	if (!t->each && way->judged <= t->n_splits / 2)
		return false;
	gain = way_gain(t, way, rival, score_merit);
	return gain.mean + HOPELESS * gain.error < 0;
}

/* The mean held-out score of a way over the splits; nothing is kept but the figures. */
static LearnStatus
judge_splits(Trainer *t, Way *way, const Way *rival)
{
	LearnEnv   *env = t->env;
	ArenaMark	start;
	Course		course[MAX_FOLDS] = {{NULL}};
	double		sum = 0;
	double		weight = 0;
	double		map_r[MAX_FOLDS];
	double		map = 0;
	double		recall10 = 0;
	double		mrr = 0;
	bool		hopeless = false;

	for (int f = 0; f < t->n_splits && t->each; f++)
		LEARN_ALLOC(env, way->each[f], rows_judged(t, f));
	start = arena_mark(env->arena);
	for (int f = 0; f < t->n_splits && way_is_gradient(way); f++)
	{
		LEARN_ALLOC(env, course[f].record, way->plan.stop_after);
		if (t->each)
			LEARN_ALLOC(env, course[f].each, (size_t) (way->plan.stop_after * rows_judged(t, f)));
	}
	for (way->judged = 0; way->judged < t->n_splits && !hopeless;)
	{
		int			f = way->judged;
		ArenaMark	mark = arena_mark(env->arena);
		HeldOutScore found = NO_SCORE;

		LEARN_TRY(judge_split(t, way, f, &course[f], &found));
		if (rival && way->cut)
			break;
		map_r[f] = found.map_r;
		recall10 += found.recall10 * t->weight[f];
		mrr += found.mrr * t->weight[f];
		way->judged++;
		hopeless = is_hopeless(t, way, rival);
		arena_reset(env->arena, mark);
	}
	for (int f = 0; f < way->judged; f++)
	{
		/* the epoch is the one that the other splits found best, so that it is not chosen by what it is judged on */
		if (way_is_gradient(way) && way->judged > 1)
		{
			int			epoch = best_epoch_of(t, way, course, f);
			const EpochRecord *record;

			if (epoch > course[f].length)
				epoch = course[f].length;
			record = &course[f].record[epoch - 1];
			way->fold[f] = record->validation;
			map_r[f] = record->map_r;
			take_each(t, way, f, &course[f], epoch);
		}
		if (!isnan(way->fold[f]))
		{
			sum += way->fold[f] * t->weight[f];
			map += map_r[f] * t->weight[f];
			weight += t->weight[f];
		}
	}
	way->score = weight > 0 ? sum / weight : NAN;
	way->map_r = weight > 0 ? map / weight : NAN;
	way->recall10 = weight > 0 ? recall10 / weight : NAN;
	way->mrr = weight > 0 ? mrr / weight : NAN;
	if (way_is_gradient(way) && way->judged > 1)
		way->best_epoch = best_epoch_of(t, way, course, -1);
	arena_reset(env->arena, start);
	return LEARN_OK;
}

/* The same in silence: remarks about the columns are made once, for the model that is kept. */
LearnStatus
way_judge(Trainer *t, Way *way, const Way *rival)
{
	void		(*notice) (void *ctx, const char *message) = t->env->notice;
	LearnStatus status;

	t->env->notice = NULL;
	status = judge_splits(t, way, rival);
	t->env->notice = notice;
	return status;
}

LearnStatus
trainer_baselines(Trainer *t, bool comparable, bool whitened, Way *none, Way *whiten)
{
	memset(none, 0, sizeof(*none));
	memset(whiten, 0, sizeof(*whiten));
	none->score = whiten->score = none->map_r = whiten->map_r = NAN;
	none->mrr = whiten->mrr = none->recall10 = whiten->recall10 = NAN;
	whiten->method = method_by_name("whiten");
	if (t->n_splits == 0 || !comparable)
		return LEARN_OK;
	trainer_phase(t, PHASE_PREPARING, "none");
	LEARN_TRY(way_judge(t, none, NULL));
	t->none = none;
	if (t->rows->d <= MAX_WHITEN && whitened)
	{
		LearnStatus status;

		trainer_phase(t, PHASE_PREPARING, "whiten");
		status = way_judge(t, whiten, NULL);
		if (status != LEARN_OK && status != LEARN_DATA)
			return status;
	}
	t->result->score_none = none->score;
	t->result->score_whiten = whiten->score;
	return LEARN_OK;
}

Candidate *
way_record(Trainer *t, const Way *way, double seconds, const char *note)
{
	Candidate  *c = &t->result->candidates[t->result->n_candidates++];

	memset(c, 0, sizeof(*c));
	snprintf(c->method, sizeof(c->method), "%s", way_name(way));
	snprintf(c->network, sizeof(c->network), "%s", way_is_gradient(way) ? way->plan.network : "");
	c->validation = way->score;
	c->map_r = way->map_r;
	c->seconds = seconds;
	snprintf(c->note, sizeof(c->note), "%s", note);
	return c;
}

void
way_leave_out(Trainer *t, const Way *way)
{
	Way			untried = *way;

	untried.score = untried.map_r = NAN;
	way_record(t, &untried, 0, "left out: the time limit does not allow for it");
	t->left_out++;
}

void
trainer_append_left_out(const Trainer *t)
{
	char	   *reason = t->result->reason;
	size_t		used = strlen(reason);

	if (t->left_out > 0)
		snprintf(reason + used, sizeof(t->result->reason) - used, "; %d more left out for the time limit", t->left_out);
}

void
trainer_scores_text(const char *name, double learned, double none, double whitened, char *text, size_t size)
{
	if (isnan(learned))
		snprintf(text, size, "no held-out row could be judged by");
	else
		snprintf(text, size, "held-out %s %.4f", name, learned);
	if (!isnan(none))
		snprintf(text + strlen(text), size - strlen(text), ", without learning %.4f", none);
	if (!isnan(whitened))
		snprintf(text + strlen(text), size - strlen(text), ", whitened %.4f", whitened);
}

LearnStatus
way_try(Trainer *t, Way *way, const Way *rival)
{
	LearnEnv   *env = t->env;
	double		start = env->now(env->ctx);
	ArenaMark	mark = arena_mark(env->arena);
	LearnStatus status;
	char		note[128] = "";

	trainer_phase(t, PHASE_CHOOSING, way_name(way));
	status = way_judge(t, way, rival);
	if (status != LEARN_OK && status != LEARN_DATA && status != LEARN_DIVERGED)
		return status;
	if (status != LEARN_OK)
	{
		arena_reset(env->arena, mark);
		way->score = way->map_r = NAN;
	}
	else if (way->judged < t->n_splits)
		snprintf(note, sizeof(note), "given up after %d of %d folds: %s", way->judged, t->n_splits, way->cut ? "time was up" : "clearly behind");
	way_record(t, way, env->now(env->ctx) - start, status == LEARN_OK ? note : env->message);
	return LEARN_OK;
}

double
trainer_error(const Trainer *t, double share)
{
	double		n = (double) t->result->held_out_rows;

	/* R2: what is not explained is a ratio of two sums of squares, each with a relative error of sqrt(2 / n) */
	if (t->rows->target != NULL)
		return (1 - share) * 2 / sqrt(n > 1 ? n : 1);
	return sqrt(share * (1 - share) / (n > 1 ? n : 1));
}

double
way_merit(const Way *way)
{
	return score_merit(way->score, way->map_r);
}

/* The weighted mean of n differences and its standard error; those that are NaN do not count. */
static WayGain
average_gain(const double *difference, const double *weight, int64_t n)
{
	WayGain		gain = {NAN, INFINITY};
	double		sum = 0;
	double		squares = 0;
	double		all = 0;
	int64_t		count = 0;

	for (int64_t i = 0; i < n; i++)
	{
		if (isnan(difference[i]) || weight[i] == 0)
			continue;
		sum += difference[i] * weight[i];
		all += weight[i];
		count++;
	}
	if (count > 0)
		gain.mean = sum / all;
	for (int64_t i = 0; i < n; i++)
		if (!isnan(difference[i]))
			squares += weight[i] * (difference[i] - gain.mean) * (difference[i] - gain.mean);
	if (count > 1)
		gain.error = sqrt(squares / all / (double) (count - 1));
	return gain;
}

WayGain
way_gain(const Trainer *t, const Way *way, const Way *than, WayMeasure measure)
{
	int			splits = way->judged < than->judged ? way->judged : than->judged;
	double		fold[MAX_FOLDS] = {0};
	WayGain		gain;

	if (!t->each)
	{
		for (int f = 0; f < splits; f++)
			fold[f] = measure(way->fold[f], NAN) - measure(than->fold[f], NAN);
		gain = average_gain(fold, t->weight, splits);
		if (splits == 1)
			gain.error = trainer_error(t, than->score);
		return gain;
	}
	memset(t->compared, 0, sizeof(double) * (size_t) t->n_compared);
	memset(t->times, 0, sizeof(double) * (size_t) t->n_compared);
	for (int f = 0; f < splits; f++)
		for (int64_t q = 0; q < t->judge[f].n_query; q++)
		{
			int64_t		i = t->n_splits == 1 ? q : t->judge[f].query[q];
			const QueryScore *a = &way->each[f][q];
			const QueryScore *b = &than->each[f][q];
			double		more = measure(a->recall, a->map_r) - measure(b->recall, b->map_r);

			/* a running mean over partitions */
			if (isnan(more))
				continue;
			t->times[i]++;
			t->compared[i] += (more - t->compared[i]) / t->times[i];
		}
	for (int64_t i = 0; i < t->n_compared; i++)
		t->times[i] = t->times[i] > 0;
	return average_gain(t->compared, t->times, t->n_compared);
}

/*
 * A more complex way must be better by more than a fifth of the score's standard
 * error: among candidates that only differ by chance the simplest stays.
 */
bool
way_is_better(const Trainer *t, const Way *way, const Way *best)
{
	if (isnan(way->score))
		return false;
	if (isnan(best->score))
		return true;
	return way_merit(way) > way_merit(best) + 0.2 * trainer_error(t, best->score);
}

/* ---------- the model that is kept ---------- */

LearnStatus
way_keep(Trainer *t, Way *way, bool validate, bool *cut)
{
	TrainResult *r = t->result;
	const Split *from = validate && way_is_gradient(way) ? &t->split[0] : &t->all;
	Fit			fit;

	r->method = way->method;
	snprintf(r->method_name, sizeof(r->method_name), "%s", way_name(way));
	r->train_rows = from->n_train;
	if (!way_is_gradient(way))
	{
		LEARN_TRY(t->learner->solve(t, way, from, PHASE_TRAINING, &r->model));
		*cut = way->linear.cut;
		r->epochs = way->linear.iterations;
		r->n_history = 0;
	}
	else
	{
		way->plan.each = false;
		way->plan.deadline = t->deadline;
		way->plan.phase = PHASE_TRAINING;
		LEARN_TRY(t->learner->fit(t, &way->plan, from, validate ? from : NULL, &fit));
		if (validate)
		{
			HeldOutScore found = NO_SCORE;

			if (t->searched)
				LEARN_TRY(t->learner->score(t, from, fit.model, fit.model_b, &found));
			way->score = fit.score;
			way->map_r = fit.map_r;
			way->best_epoch = fit.best_epoch;
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
