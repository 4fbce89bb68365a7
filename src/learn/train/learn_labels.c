/*
 * learn_labels.c
 *	  The learner of labels, and of a number to predict.
 *
 * Rows are held out by a hash of their content, in the open set whole classes.  docs/train.md says
 * how many.
 */
#include "trainer.h"

#include <math.h>
#include <string.h>

#include "learn/classical/linear.h"
#include "learn/data/target.h"

#define MAX_HELD		3000	/* rows that judge */
#define MAX_GALLERY		10000	/* rows that they are searched in */
/* embedded rows of a judgement may take a fourth of the memory that is left */
#define JUDGE_MEMORY	4
#define MAX_FIT_SAMPLE	20000	/* rows that a closed form is judged from */
#define MAX_BATCH		256

#define FOLDS			5
/* fewer rows are judged by as many partitions into folds: one row of them is much */
#define VERY_FEW		1000
#define REPEATS			3

static const char *
noun(const Trainer *t)
{
	return "rows";
}

/* Learner.plan */
static void
plan_labels(const Trainer *t, const Method *method, const char *network, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	int			classes = t->rows->n_classes;

	candidate_plan_start(t, method, network, MAX_BATCH, plan);
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
	FitInput	input = {t->rows, from->train, from->n_train, judge ? &t->held_out[judge - t->split] : NULL};

	return fit_gradient(t->env, &input, t->options, plan, fit);
}

/* Learner.solve: on a sample of many rows, if the model is for judging alone. */
static LearnStatus
solve_labels(Trainer *t, Candidate *candidate, const Split *from, TrainPhase phase, Model **model)
{
	LearnEnv   *env = t->env;
	LinearPlan	plan;
	int64_t    *index = from->train;
	int64_t		n = from->n_train;

	LEARN_TRY(candidate_check_dims(t));
	if (candidate->method == NULL)
		return linear_none(env, t->rows->d, model);
	if (phase != PHASE_TRAINING)
		LEARN_TRY(split_sample(env, from->train, from->n_train, MAX_FIT_SAMPLE, t->options->seed, &index, &n));
	plan = candidate_plan_linear(t, candidate, t->rows->n_classes, phase);
	LEARN_TRY(classical_fit(env, &plan, t->rows, index, n, &candidate->linear));
	*model = candidate->linear.model;
	return LEARN_OK;
}

/* Learner.score */
static LearnStatus
score_labels(Trainer *t, const Split *split, const Model *a, const Model *b, HeldOutScore *score)
{
	return held_out_score_model(t->env, &t->held_out[split - t->split], a, score);
}

/* Learner.solve_seconds: measured on rows of 64 columns. */
static double
solve_seconds(const Trainer *t, const Method *method)
{
	double		n = (double) t->n;
	double		d = t->rows->d;

	if (strcmp(method->name, "lda") == 0)
		return 0;
	if (strcmp(method->name, "lmnn") == 0)
		return work_seconds(t, 14000 * n * d * d);
	if (strcmp(method->name, "nca_linear") == 0 || strcmp(method->name, "mlkr") == 0)
		return work_seconds(t, 100 * n * n * d);
	return work_seconds(t, 20 * (n * n * d + d * d * d));
}

/* Embedded rows that a judgement may hold at once. */
static int64_t
judged_rows(const Trainer *t)
{
	const Arena *arena = t->env->arena;
	size_t		left = arena->limit > arena->taken ? arena->limit - arena->taken : 0;
	int64_t		width = t->rows->d > t->options->dims ? t->rows->d : t->options->dims;
	int64_t		most = MAX_HELD + 2 * MAX_GALLERY;
	int64_t		rows = arena->limit == 0 ? most : (int64_t) (left / JUDGE_MEMORY / sizeof(float)) / width;

	return rows > most ? most : rows < 2 ? 2 : rows;
}

/* Learner.split */
static LearnStatus
split_labels(Trainer *t, int folds, int repeats)
{
	const TrainOptions *o = t->options;
	double		share = o->validation;
	int64_t		rows = judged_rows(t);
	int64_t		max_held = rows / 2 < MAX_HELD ? rows / 2 : MAX_HELD;

	if (isnan(share))
		share = o->open_set ? 0.3 : t->rows->n < TRAIN_FEW ? 0.2 : 0.1;
	if (!o->open_set && share * t->rows->n > max_held)
		share = (double) max_held / t->rows->n;
	if (o->open_set)
	{
		/* rows of one class go together */
		t->unit = t->rows->label;
		t->n_units = t->rows->n_classes;
	}
	else
	{
		/*
		 * in folds, two rows are each other's neighbour: what they say of each other is one
		 * observation
		 */
		t->counted = folds > 1 ? 2 : 1;
	}
	t->folds = folds;
	t->n_splits = share > 0 ? folds * repeats : 0;
	for (int f = 0; f < t->n_splits; f++)
	{
		SplitPlan	plan = {o->open_set, folds, f % folds, share, max_held, o->seed + f / folds};

		LEARN_TRY(split_make(t->env, t->rows, &plan, &t->split[f]));
		LEARN_TRY(held_out_create(t->env, t->rows, o->open_set, &t->split[f], MAX_GALLERY, rows - t->split[f].n_held, o->seed, &t->held_out[f]));
		t->weight[f] = (double) t->held_out[f].n_query;
		if (f < folds)
			t->result->held_out_rows += t->split[f].n_held;
	}
	if (t->n_splits > 0 && t->result->held_out_rows == 0)
		t->n_splits = 0;
	return LEARN_OK;
}

/* Learner.folds */
static LearnStatus
folds_labels(const Trainer *t, int *folds, int *repeats, bool *many)
{
	bool		open_set = t->options->open_set;

	*many = t->rows->n >= TRAIN_FEW && !open_set;
	*folds = *many ? 1 : FOLDS;
	*repeats = *many || open_set || t->rows->n >= VERY_FEW ? 1 : REPEATS;
	return open_set ? split_open_folds(t->env, t->rows, folds) : LEARN_OK;
}

static bool
always(const Trainer *t)
{
	return true;
}

/* ---------- what auto tries ---------- */

/*
 * Strengths, from the strongest: of equal ones the last is taken.  LDA drops all directions but a
 * few, so it is mixed with the rows as they are; RCA keeps all, and needs little of them.
 */
static const Strength lda_strengths[] = {{0, false}, {0, true}, {0.25, false}, {0.5, false}, {0.75, false}, {0.9, false}};
static const Strength rca_strengths[] = {{0.1, false}, {0.1, true}, {0.25, false}, {0.25, true}, {0.5, false}, {0.5, true},
{0.75, false}, {0.75, true}};
static const Strength lfda_strengths[] = {{0, false}, {0.5, false}};
static const Strength few_rca[] = {{0.25, false}, {0.25, true}, {0.75, false}};
static const Strength many_strengths[] = {{0, true}, {0, false}};

#define STRENGTHS(list)	NULL, 0, list, sizeof(list) / sizeof(list[0])

/*
 * proxy_nca with scale 3 stands before other losses of one proxy a class for what recall@1 does not
 * show: of losses that are equal on held-out rows it has the lowest equal error rate of
 * verification (docs/methods.md).
 */
static const TryList few_tries = {
	{{"lda"}, {"lfda"}, {"rca", STRENGTHS(few_rca)}, {"nca_linear"}}, 4,
	{{"circle", NULL, 0}, {"supcon", NULL, 0}, {"multi_similarity", NULL, 0}, {"supcon", "%d", 0}, {"proxy_nca", NULL, 3}, {"angular", NULL, 0},
	{"lmnn", NULL, 0}, {"cosface", NULL, 0}, {"proxy_anchor", NULL, 0}, {"nca", "%d, raw", 0}}, 10
};
static const TryList open_tries = {
	{{"lda", STRENGTHS(lda_strengths)}, {"rca", STRENGTHS(rca_strengths)}, {"lfda", STRENGTHS(lfda_strengths)}}, 3,
	{{"circle", NULL, 0}, {"supcon", NULL, 0}, {"multi_similarity", NULL, 0}, {"supcon", "%d", 0}, {"proxy_nca", NULL, 3}, {"cosface", NULL, 0}}, 6
};
static const TryList many_tries = {
	{{"lda", STRENGTHS(many_strengths)}}, 1,
	{{"proxy_nca", NULL, 3}, {"supcon", NULL, 0}, {"proxy_nca", "%d", 3}, {"soft_triple", NULL, 0}}, 4
};
static const TryList target_tries = {
	{{"mlkr"}}, 1,
	{{"kernel_regression", NULL, 0}, {"log_ratio", NULL, 0}, {"kernel_regression", "%d, raw", 0}, {"rank_n_contrast", NULL, 0}}, 4
};

/* Learner.tries: what differs in the network alone is one candidate where the network is fixed. */
static void
tries_labels(const Trainer *t, bool many, TryList *list)
{
	const TryList *all = t->rows->target ? &target_tries : many ? &many_tries : t->options->open_set ? &open_tries : &few_tries;

	*list = *all;
	list->n_then = 0;
	for (int i = 0; i < all->n_then; i++)
		if (t->options->network[0] == '\0' || all->then[i].network == NULL)
			list->then[list->n_then++] = all->then[i];
}

static const char *
told(const Trainer *t)
{
	return "";
}

static const Learner learner = {
	.step_seconds = 0.1e-3,
	.noun = noun,
	.split = split_labels,
	.folds = folds_labels,
	.plan = plan_labels,
	.fit = fit_labels,
	.solve = solve_labels,
	.solve_seconds = solve_seconds,
	.score = score_labels,
	.comparable = always,
	.whitens = always,
	.tries = tries_labels,
	.told = told,
};

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
trainer_of_labels(LearnEnv *env, const Rows *rows, const TrainOptions *options, TrainResult *result, Trainer **trainer)
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

	LEARN_TRY(trainer_of_labels(env, rows, options, result, &t));
	return trainer_run(t);
}
