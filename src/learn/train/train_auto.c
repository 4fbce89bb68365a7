/*
 * train_auto.c
 *	  What auto tries on labels, or for a number to predict, and how it chooses.
 *
 * Few rows, and whole classes held out: every way is judged in folds, and the one that is kept is fitted on all rows.
 * Many rows: losses are compared on a sample, in short runs of a small network and of a linear map; the best one then has
 * most of the time for a larger network, and what it reaches on the held-out rows must not be below any of the others.
 *
 * Time is shared out by arithmetic (way_seconds), never by the clock, so that a seed tries the same ways on
 * any day; what there is no time for is recorded as left out.
 */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FOLDS			5
#define VERY_FEW		1000	/* fewer rows are judged by as many partitions into folds: one row of them is much */
#define REPEATS			3
#define OPEN_FOLDS		6		/* of classes, repeated with other seeds until there are so many */

/* Shares of the time limit. */
#define CHOOSING_FEW	0.8
#define CHOOSING_MANY	0.15
#define CLOCK_SHARE		0.8		/* no candidate begins later than this, whatever was planned */
#define FIRST_SHARE		0.3		/* but for the first loss, which has this of the limit in any case */

#define LEAST_SAMPLE	10000	/* rows that losses are compared on, if there are so many */
#define MOST_SAMPLE		20000
#define LEAST_EPOCHS	4		/* of a candidate, and of the larger network */
#define LEAST_FEW		10
#define FEW_SHARES		4		/* no candidate of few rows plans for more than this part of choosing */
#define DEEP_EPOCHS		8
#define MOST_EPOCHS		60
#define MOST_JUDGED		25		/* epochs of a candidate among few rows */
#define LONGER			1.5		/* times as many epochs are worth another run */
#define MAX_PROXIES		10000	/* classes up to which losses with proxies are tried */

typedef struct Try
{
	const char *method;
	const char *network;		/* NULL: the default; %d: dims */
	double		scale;			/* 0: the method's */
} Try;

/*
 * In the order in which they are tried while planned time is left; of equals the earlier one stays.
 * proxy_nca with scale 3 stands before other losses of one proxy a class for what recall@1 does not show: on
 * Fashion-MNIST (15 epochs of 784-512-256-64) verification has an equal error rate of 0.062; five epochs of
 * 784-256-64 had 0.079 to 0.19 with other losses and scales.
 */
static const Try few_tries[] = {
	{"circle", NULL, 0}, {"supcon", NULL, 0}, {"multi_similarity", NULL, 0}, {"supcon", "%d", 0}, {"proxy_nca", NULL, 3}, {"angular", NULL, 0},
	{"lmnn", NULL, 0}, {"cosface", NULL, 0}, {"proxy_anchor", NULL, 0}, {"nca", "%d, raw", 0}, {"cosface", "%d", 0},
};
static const Try many_tries[] = {
	{"proxy_nca", NULL, 3}, {"supcon", NULL, 0}, {"proxy_nca", "%d", 3}, {"soft_triple", NULL, 0},
};

static const Try target_tries[] = {
	{"kernel_regression", NULL, 0}, {"log_ratio", NULL, 0}, {"kernel_regression", "%d, raw", 0}, {"rank_n_contrast", NULL, 0},
};

#define FEW_TRIES	((int) (sizeof(few_tries) / sizeof(few_tries[0])))
#define MANY_TRIES	((int) (sizeof(many_tries) / sizeof(many_tries[0])))
#define TARGET_TRIES	((int) (sizeof(target_tries) / sizeof(target_tries[0])))

/* Linear maps that are tried first, up to a NULL. */
static const char *const few_linear[] = {"lda", "lfda", "nca_linear", NULL};
static const char *const many_linear[] = {"lda", NULL};
static const char *const target_linear[] = {"mlkr", NULL};

typedef struct Auto
{
	Trainer    *t;
	bool		few;
	const Try  *tries;			/* losses, and what takes as long */
	int			n_tries;
	const char *const *linear;
	double		limit;
	double		budget;			/* planned seconds for choosing */
	double		planned;		/* so far */
	Way			way[MAX_WAYS];
	int			n;
	bool		late;			/* the clock, not the plan, ended choosing */
	bool		cut;			/* and the training of what is kept */
	Split		sample;			/* many rows: what the losses are compared on */
	Split		train;			/* and what the first split had before */
} Auto;

/* ---------- plans ---------- */

/* What differs from the method's defaults goes into the plan, and as text into the candidate's settings. */
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
describe(const Way *way, char *text, size_t size)
{
	const FitPlan *plan = &way->plan;
	size_t		used = 0;

	text[0] = '\0';
	if (!way_is_gradient(way))
		return;
	if (plan->term[0].params.scale != way->method->defaults.scale)
		used += snprintf(text + used, size - used, "scale = %g, ", plan->term[0].params.scale);
	snprintf(text + used, size - used, "average = %.4g", plan->average);
}

/* What the latest candidate was set to. */
static void
note_settings(Trainer *t, const Way *way)
{
	Candidate  *c = &t->result->candidates[t->result->n_candidates - 1];

	c->epochs = way->plan.epochs;
	describe(way, c->settings, sizeof(c->settings));
}

/* Seconds that a linear map by iterations takes, roughly: measured on rows of 64. */
static double
linear_seconds(const Trainer *t, const Method *method)
{
	double		n = (double) t->n;
	double		d = t->rows->d;

	if (strcmp(method->name, "lmnn") == 0)
		return work_seconds(t, 14000 * n * d * d);
	if (strcmp(method->name, "nca_linear") == 0 || strcmp(method->name, "mlkr") == 0)
		return work_seconds(t, 100 * n * n * d);
	return work_seconds(t, 20 * (n * n * d + d * d * d));
}

/* Has a way been judged to the end, and may it be chosen? */
static bool
way_stands(const Auto *a, const Way *way)
{
	return !isnan(way->score) && way->judged == a->t->n_splits && (way == &a->way[0] || way_is_safe(a->t, way, &a->way[0]));
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

/* Of few rows: the way that the next one is held against, the best so far. */
static const Way *
rival(const Auto *a)
{
	const Way  *best = NULL;

	for (int i = 0; i < a->n && a->few; i++)
		if (way_stands(a, &a->way[i]) && (best == NULL || way_merit(&a->way[i]) > way_merit(best)))
			best = &a->way[i];
	return best;
}

static LearnStatus
try_linear(Auto *a, const char *name)
{
	Trainer    *t = a->t;
	Way		   *w = &a->way[a->n];
	double		cost;

	if (t->rows->d > MAX_WHITEN)
		return LEARN_OK;
	memset(w, 0, sizeof(*w));
	w->method = method_by_name(name);
	cost = strcmp(name, "lda") == 0 ? 0 : linear_seconds(t, w->method) * t->n_splits;
	if (a->planned + cost > a->budget || (a->few && cost > a->budget / FEW_SHARES) || is_late(a))
	{
		way_leave_out(t, w);
		return LEARN_OK;
	}
	LEARN_TRY(way_try(t, w, rival(a)));
	a->late |= w->cut;
	a->planned += cost * w->judged / t->n_splits;
	a->n++;
	return LEARN_OK;
}

/* The epochs that a candidate can have: all that it wants, or as many as any other, where time is short; 0: it is too short. */
static int
affordable_epochs(const Auto *a, const FitPlan *plan, double epoch)
{
	double		left = a->budget - a->planned;
	double		share = a->budget / (a->few ? FEW_SHARES : a->n_tries);
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
	Way		   *w = &a->way[a->n];
	FitPlan    *plan = &w->plan;
	double		epoch;
	int			epochs;
	int			least = a->few ? LEAST_FEW : LEAST_EPOCHS;

	/* what differs in the network alone is one way where the network is fixed */
	if ((o->network[0] && try->network) || (method->loss.side == LOSS_PROXY && t->rows->n_classes > MAX_PROXIES))
		return LEARN_OK;
	memset(w, 0, sizeof(*w));
	w->method = method;
	way_plan(t, method, try->network, plan);
	apply(a, try, plan);
	plan->phase = PHASE_CHOOSING;
	plan->deadline = t->start + CLOCK_SHARE * a->limit;
	if (a->planned == 0)
		plan->deadline = fmax(plan->deadline, t->env->now(t->env->ctx) + FIRST_SHARE * a->limit);
	epoch = way_seconds(t, plan, 1) * t->split[0].n_train / t->n * t->n_splits;
	epochs = affordable_epochs(a, plan, epoch);

	/* the first is tried however little time there is: on a machine that took all of it to read the rows, too */
	if (a->planned > 0 && ((epochs < least && epochs < plan->epochs) || is_late(a)))
	{
		way_leave_out(t, w);
		return LEARN_OK;
	}
	if (o->epochs == 0)
		plan->epochs = plan->stop_after = epochs < 1 ? 1 : epochs;
	if (a->few)
		plan->judge_every = 1 + (plan->epochs - 1) / MOST_JUDGED;
	LEARN_TRY(way_try(t, w, rival(a)));
	a->late |= w->cut;
	a->planned += epoch * plan->epochs * (a->few ? (double) w->judged / t->n_splits : 1);
	note_settings(t, w);
	a->n++;
	return LEARN_OK;
}

/* ---------- few rows, or whole classes held out ---------- */

static double
measure_map_r(double score, double map_r)
{
	return map_r;
}

/* How complex a way is: closed forms, then linear maps by iterations, by a loss, and networks. */
static int
complexity(const Auto *a, const Way *way)
{
	NetSpec		spec;

	if (way_is_gradient(way))
		return netspec_parse(a->t->env, way->plan.network, a->t->rows->d, &spec) == LEARN_OK ? 1 + spec.n_layers : 2;
	return way->method && way->method->kind == METHOD_LINEAR;
}

/* Has a way more of a measure than another one, by more than the standard error of the difference? */
static bool
beats(const Trainer *t, const Way *way, const Way *than, WayMeasure measure)
{
	WayGain		gain = way_gain(t, way, than, measure);

	return gain.mean > gain.error;
}

/*
 * Of the ways that stand, those that have as much of a measure as the one that has most, within the standard error of the difference; the
 * others stand no longer.
 */
static void
keep_near(const Auto *a, WayMeasure measure, bool *stands)
{
	int			top = -1;

	for (int i = 0; i < a->n; i++)
		if (stands[i] && (top < 0 || measure(a->way[i].score, a->way[i].map_r) > measure(a->way[top].score, a->way[top].map_r)))
			top = i;
	for (int i = 0; i < a->n; i++)
		if (stands[i] && i != top)
			stands[i] = !beats(a->t, &a->way[top], &a->way[i], measure);
}

/*
 * What is best by more than chance: the rule of one standard error (Breiman et al. 1984), of rows in pairs, first on what ways are
 * compared by, then on MAP@R alone; of those that are left the simplest, and of equally simple ones the first.
 */
static int
choose(const Auto *a)
{
	bool		stands[MAX_WAYS];
	int			best = -1;

	for (int i = 0; i < a->n; i++)
		stands[i] = way_stands(a, &a->way[i]);
	keep_near(a, score_merit, stands);
	if (a->t->each)
		keep_near(a, measure_map_r, stands);
	for (int i = 0; i < a->n; i++)
		if (stands[i] && (best < 0 || complexity(a, &a->way[i]) < complexity(a, &a->way[best])))
			best = i;
	return best < 0 ? 0 : best;
}

/*
 * Where candidates had fewer epochs than they would have had by name: the best one again, in the first fold, with as many as the time that
 * is left allows for, there and on all rows after it.  Not in the open set, where what is kept must be better than no learning in every fold.
 */
static LearnStatus
try_longer(Auto *a, int *best)
{
	Trainer    *t = a->t;
	const Way  *chosen = &a->way[*best];
	Way		   *w = &a->way[a->n];
	int			splits = t->n_splits;
	FitPlan		full;
	double		epochs;
	WayGain		gain;

	way_plan(t, chosen->method, NULL, &full);
	epochs = floor(fmin(full.epochs, 0.45 * (a->limit - a->planned) / way_seconds(t, &chosen->plan, 1)));
	if (t->options->epochs > 0 || t->options->open_set || epochs < LONGER * chosen->plan.epochs || is_late(a))
		return LEARN_OK;
	*w = *chosen;
	w->plan.epochs = w->plan.stop_after = (int) epochs;
	w->plan.judge_every = 1 + (w->plan.epochs - 1) / MOST_JUDGED;
	t->n_splits = 1;
	LEARN_TRY(way_try(t, w, chosen));
	t->n_splits = splits;
	note_settings(t, w);
	if (!isnan(w->score) && !w->cut)
		snprintf(t->result->candidates[t->result->n_candidates - 1].note, sizeof(t->result->candidates->note), "for longer, in the first fold");
	gain = way_gain(t, w, chosen, score_merit);
	if (!isnan(w->score) && !w->cut && gain.mean >= 0)
		*best = a->n;
	a->n++;
	return LEARN_OK;
}

static LearnStatus
auto_few(Auto *a, int *best)
{
	Trainer    *t = a->t;
	Way		   *kept;

	for (int i = 0; a->linear[i]; i++)
		LEARN_TRY(try_linear(a, a->linear[i]));
	for (int i = 0; i < a->n_tries; i++)
		if (method_by_name(a->tries[i].method)->kind == METHOD_GRADIENT)
			LEARN_TRY(try_gradient(a, &a->tries[i]));
		else
			LEARN_TRY(try_linear(a, a->tries[i].method));
	*best = choose(a);
	if (way_is_gradient(&a->way[*best]))
		LEARN_TRY(try_longer(a, best));

	/* as many passes over all rows as were best */
	kept = &a->way[*best];
	kept->plan.stop_after = kept->best_epoch;
	return way_keep(t, kept, false, &a->cut);
}

/* ---------- many rows ---------- */

/* What the losses are compared on, in place of the first split's rows; their epochs are short. */
static LearnStatus
draw_sample(Auto *a)
{
	Trainer    *t = a->t;
	FitPlan		plan;
	double		rows;

	way_plan(t, method_by_name(a->tries[0].method), NULL, &plan);
	rows = (a->budget - a->planned) / a->n_tries / LEAST_EPOCHS / way_seconds(t, &plan, 1) * (double) t->n;
	rows = fmin(fmax(rows, LEAST_SAMPLE), MOST_SAMPLE);
	a->train = t->split[0];
	a->sample = t->split[0];
	return split_sample(t->env, a->train.train, a->train.n_train, (int64_t) rows, t->options->seed,
						&a->sample.train, &a->sample.n_train);
}

/* The plan of the best loss for the time that is left: a larger network, if it can have some epochs. */
static void
plan_long(Auto *a, const Way *chosen, Way *way)
{
	Trainer    *t = a->t;
	const TrainOptions *o = t->options;
	double		left = 0.9 * (a->limit - a->planned);
	FitPlan    *plan = &way->plan;
	FitPlan		larger;
	double		affordable;

	*way = *chosen;
	if (t->rows->target)
		way_plan(t, way->method, t->rows->d >= 256 ? "512 relu, 256 relu, %d, raw" : "256 relu, 128 relu, %d, raw", &larger);
	else
		way_plan(t, way->method, t->rows->d >= 256 ? "512 relu dropout 0.2, 256 relu dropout 0.2, %d" :
				 "256 relu dropout 0.1, 128 relu dropout 0.1, %d", &larger);
	if (strchr(plan->network, ',') && o->network[0] == '\0' && left >= DEEP_EPOCHS * way_seconds(t, &larger, 1))
		memcpy(plan->network, larger.network, sizeof(plan->network));
	plan->epochs = larger.epochs;
	if (o->epochs == 0)
	{
		affordable = left / way_seconds(t, plan, 1);
		plan->epochs = affordable < 1 ? 1 : affordable > MOST_EPOCHS ? MOST_EPOCHS : (int) affordable;
	}
	plan->stop_after = plan->epochs;
}

static LearnStatus
auto_many(Auto *a, int *best)
{
	Trainer    *t = a->t;
	int			closed = 0;		/* the best way without a loss */
	int			loss = -1;		/* the best loss of the short runs */
	Way		   *longer = NULL;

	for (int i = 0; a->linear[i]; i++)
		LEARN_TRY(try_linear(a, a->linear[i]));
	for (int i = 1; i < a->n; i++)
		if (way_is_better(t, &a->way[i], &a->way[closed]) && way_is_safe(t, &a->way[i], &a->way[0]))
			closed = i;
	LEARN_TRY(draw_sample(a));
	t->split[0] = a->sample;
	for (int i = 0; i < a->n_tries; i++)
		LEARN_TRY(try_gradient(a, &a->tries[i]));
	t->split[0] = a->train;

	/* after a short run a difference of less than the standard error says nothing: the earlier one stays */
	for (int i = closed + 1; i < a->n; i++)
		if (way_is_gradient(&a->way[i]) && !isnan(a->way[i].score) &&
			(loss < 0 || beats(t, &a->way[i], &a->way[loss], score_merit)))
			loss = i;
	*best = closed;
	if (loss >= 0)
	{
		double		start = t->env->now(t->env->ctx);

		longer = &a->way[a->n++];
		plan_long(a, &a->way[loss], longer);
		LEARN_TRY(way_keep(t, longer, true, &a->cut));
		way_record(t, longer, t->env->now(t->env->ctx) - start, "for the time that was left");
		note_settings(t, longer);
		*best = a->n - 1;

		/* what was better before is there again by the same seed, also where the clock left the longer training too few epochs */
		if (!(way_merit(longer) >= way_merit(&a->way[loss])))
		{
			double		deadline = t->deadline;
			bool		cut;

			t->split[0] = a->sample;
			t->deadline = INFINITY;	/* a short run, late as it is: what it found must not be lost */
			*best = loss;
			LEARN_TRY(way_keep(t, &a->way[loss], true, &cut));
			t->deadline = deadline;
			t->split[0] = a->train;
		}
		if (way_merit(&a->way[*best]) >= way_merit(&a->way[closed]) && way_is_safe(t, &a->way[*best], &a->way[0]))
			return LEARN_OK;
		*best = closed;
	}
	return way_keep(t, &a->way[closed], false, &a->cut);
}

/* ---------- all ---------- */

/* What is tried: by what there is to learn from, and how many rows. */
static void
choose_tries(Auto *a)
{
	bool		target = a->t->rows->target != NULL;

	a->tries = target ? target_tries : a->few ? few_tries : many_tries;
	a->n_tries = target ? TARGET_TRIES : a->few ? FEW_TRIES : MANY_TRIES;
	a->linear = target ? target_linear : a->few ? few_linear : many_linear;
}

/*
 * Few rows: as many splits as leave a loss all its epochs, two at least.  Where an epoch takes long there are many rows, and each split has
 * enough of them to judge by.
 */
static void
spare_splits(Auto *a)
{
	Trainer    *t = a->t;
	FitPlan		plan;
	int			n;

	way_plan(t, method_by_name(a->tries[0].method), a->tries[0].network, &plan);
	n = (int) fmin(t->n_splits, a->budget / FEW_SHARES / (way_seconds(t, &plan, plan.epochs) * t->split[0].n_train / t->n));
	t->n_splits = n < 2 ? 2 : n > FOLDS ? n - n % FOLDS : n;
	t->result->held_out_rows = 0;
	for (int f = 0; f < t->n_splits && f < FOLDS; f++)
		t->result->held_out_rows += t->split[f].n_held;
}

/* Splits, and the ways that every other one is held against. */
static LearnStatus
auto_start(Trainer *t, Auto *a)
{
	const TrainOptions *o = t->options;
	TrainResult *r = t->result;

	a->t = t;
	a->few = t->rows->n < TRAIN_FEW_ROWS || o->open_set;
	a->limit = o->time_limit > 0 ? o->time_limit : AUTO_TIME_LIMIT;
	a->budget = a->limit * (a->few ? CHOOSING_FEW : CHOOSING_MANY);
	t->judged_by = t->start + CLOCK_SHARE * a->limit;
	choose_tries(a);
	LEARN_ALLOC(t->env, r->candidates, MAX_WAYS);
	LEARN_TRY(trainer_splits(t, a->few ? (o->open_set ? OPEN_FOLDS : FOLDS) : 1,
							 o->open_set || t->rows->n >= VERY_FEW ? 1 : REPEATS));
	if (t->n_splits == 0)
	{
		learn_fail(t->env, LEARN_DATA, "no row could be held out to choose a method by");
		learn_hint(t->env, "auto needs a class of two rows or more. Name a method, such as whiten.");
		return LEARN_DATA;
	}
	if (a->few && !o->open_set)
		spare_splits(a);
	if (!o->open_set && t->rows->target == NULL)
		LEARN_TRY(trainer_keep_each(t));
	LEARN_TRY(trainer_baselines(t, true, true, &a->way[0], &a->way[1]));
	way_record(t, &a->way[0], 0, "");
	way_record(t, &a->way[1], 0, "");
	a->n = 2;
	return LEARN_OK;
}

/* Of few rows: a way that scores higher than the one that was chosen does so by chance. */
static void
describe_rival(const Auto *a, int best, char *text, size_t size)
{
	const Way  *higher = rival(a);

	if (higher == NULL || a->way[best].judged < a->t->n_splits || way_merit(higher) <= way_merit(&a->way[best]))
		return;
	snprintf(text, size, "; %s, with %.4f", way_name(higher), higher->score);
	if (!isnan(higher->map_r))
		snprintf(text + strlen(text), size - strlen(text), " and %.4f", higher->map_r);
	snprintf(text + strlen(text), size - strlen(text), ", is not better by more than chance");
}

LearnStatus
train_auto(Trainer *t)
{
	TrainResult *r = t->result;
	Auto	   *a;
	char		settings[128] = "";
	char		scores[128];
	char		order[64] = "";
	char		close[160] = "";
	int			best = 0;
	int			tried;
	bool		gradient;

	LEARN_ALLOC(t->env, a, 1);
	memset(a, 0, sizeof(*a));
	LEARN_TRY(auto_start(t, a));
	LEARN_TRY(a->few ? auto_few(a, &best) : auto_many(a, &best));

	tried = r->n_candidates - t->left_out;
	gradient = way_is_gradient(&a->way[best]);
	describe(&a->way[best], settings, sizeof(settings));
	if (!isnan(a->way[best].map_r))
		snprintf(order, sizeof(order), "; MAP@R %.4f, without learning %.4f", a->way[best].map_r, a->way[0].map_r);
	trainer_scores_text(r->score_name, r->score_model, r->score_none, r->score_whiten, scores, sizeof(scores));
	describe_rival(a, best, close, sizeof(close));
	snprintf(r->reason, sizeof(r->reason), "%s%s%s%s is the best of %d candidates: %s%s%s%s%s%s",
			 a->way[best].method ? way_name(&a->way[best]) : "no learning",
			 gradient ? " (" : "", settings, gradient ? ")" : "", tried, scores, order, close,
			 a->few ? "; judged in folds, then fitted on all rows" :
			 gradient ? "; losses compared in short runs, the best one then trained for the time that was left" : "",
			 a->late ? "; the time limit ended the choice early" : "",
			 a->cut ? "; the time limit ended the training early" : "");
	trainer_append_left_out(t);
	return LEARN_OK;
}
