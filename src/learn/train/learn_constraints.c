/*
 * learn_constraints.c
 *	  The learner of constraints: pairs, triplets, quadruplets, matches, or rows alone.
 *
 * Constraints are held out so that they share no row with the constraints that are learned from, as
 * far as there are enough (learn/data/constraint_split.c).
 */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/classical/adapter.h"
#include "learn/classical/linear.h"

#define MAX_HELD		10000	/* constraints that judge; matches are held against each other: */
#define MAX_HELD_SEARCH	2000

#define FOLDS			5

/*
 * Hashes that are tried until both kinds of pairs are on both sides, and how far their seeds are
 * apart.
 */
#define HASHES			20
#define HASH_STEP		INT64_C(0x5DEECE66D)

/*
 * Learning rates of AdamW for one layer and for more: constraints are few, and steps with them.
 * Triplets of two telling columns among five (test of sql/train_triplets.sql, 1,170 triplets, 30
 * epochs): one layer at rate 0.001 holds 0.54 of the held-out ones, at 0.02 0.98.
 */
#define LINEAR_RATE		0.02
#define START_RATE		0.001	/* of an adapter that starts from a closed form */
#define DEEP_RATE		0.003

static const Views *
views_of(const Trainer *t)
{
	return t->constraints->kind == CONSTRAINT_NONE ? &t->views : NULL;
}

/* ---------- plans ---------- */

static bool
is_one_layer(const Trainer *t, const char *network)
{
	NetSpec		spec;

	return netspec_parse(t->env, network, t->constraints->rows->d, &spec) == LEARN_OK && spec.n_layers == 1;
}

/* Learner.plan */
static void
plan_constraints(const Trainer *t, const Method *method, const char *network, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	const Constraints *constraints = t->constraints;

	/*
	 * Matches and views are each other's negatives, and want many; of pairs and triplets a batch's
	 * block is all but empty, and costs its square.
	 */
	candidate_plan_start(t, method, network, constraint_searched(constraints->kind) ? 256 : 64, plan);

	/*
	 * of pairs and triplets an anchor has no more than one positive and one negative: all that is
	 * given counts
	 */
	for (int i = 0; i < plan->n_terms && !constraint_searched(constraints->kind); i++)
		if (method != o->method || (int) o->term[i].params.miner < 0)
			plan->term[i].params.miner = MINE_ALL;
	if (constraints->adapter && o->network[0] == '\0')
		snprintf(plan->network, sizeof(plan->network),
				 constraints->rows->d == constraints->rows_b->d ? "%d linear residual, raw" : "%d linear, raw", constraints->rows_b->d);
	plan->starts = constraints->adapter && o->network[0] == '\0' && o->preprocess < 0;
	if (constraints->adapter && o->preprocess < 0)
		plan->prep = PREP_NONE;
	plan->learning_rate = o->learning_rate > 0 ? o->learning_rate : o->optimizer != 0 ? 0.05 :
		plan->starts && t->first_map ? START_RATE : is_one_layer(t, plan->network) ? LINEAR_RATE : DEEP_RATE;
}

/* ---------- fitting and scoring a candidate ---------- */

/* Learner.fit */
static LearnStatus
fit_constraints(Trainer *t, const FitPlan *plan, const Split *from, const Split *judge, Fit *fit)
{
	const Candidate *start = t->first_map;
	FitPlan		started = *plan;
	ConstraintInput input = {t->constraints, from->train, from->n_train, views_of(t), judge};
	float	   *weight;

	if (start && plan->starts)
	{
		LEARN_ALLOC(t->env, weight, (size_t) t->constraints->rows->d * t->constraints->rows_b->d);
		LEARN_TRY(adapter_map(t->env, start->method, candidate_plan_linear(t, start, 0, plan->phase).params.shrink, t->constraints,
							  from->train, from->n_train, weight));
		started.start = weight;
		plan = &started;
	}
	return constraint_fit(t->env, &input, t->options, plan, fit);
}

/* A classical method on constraints index[0..n). */
static LearnStatus
solve_linear(Trainer *t, Candidate *candidate, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	static const ConstraintKind kinds[] = {CONSTRAINT_PAIRS, CONSTRAINT_TRIPLETS, CONSTRAINT_QUADRUPLETS};
	LearnEnv   *env = t->env;
	const Constraints *constraints = t->constraints;
	int			size = constraint_size(constraints->kind);
	LinearPlan	plan = candidate_plan_linear(t, candidate, 0, phase);
	Constraints c = {0};
	int64_t    *row;
	int32_t    *label = NULL;
	double	   *weight = NULL;

	LEARN_ALLOC(env, row, n * size);
	if (constraints->kind == CONSTRAINT_PAIRS)
		LEARN_ALLOC(env, label, n);
	if (constraints->weight)
		LEARN_ALLOC(env, weight, n);
	for (int64_t i = 0; i < n; i++)
	{
		memcpy(row + i * size, constraints->row + index[i] * size, sizeof(int64_t) * size);
		if (label)
			label[i] = constraints->label[index[i]];
		if (weight)
			weight[i] = constraints->weight[index[i]];
	}
	c.kind = kinds[constraints->kind];
	c.n = n;
	c.row = row;
	c.label = label;
	c.weight = weight;

	LEARN_TRY(constraints_fit(env, &plan, constraints->rows, &c, &candidate->linear));
	*model = candidate->linear.model;
	return LEARN_OK;
}

/* Learner.solve */
static LearnStatus
solve_constraints(Trainer *t, Candidate *candidate, const Split *from, TrainPhase phase, Model **model)
{
	LearnEnv   *env = t->env;
	const Constraints *constraints = t->constraints;
	LinearPlan	plan;
	int64_t    *rows;
	int64_t		n_rows;

	candidate->model_b = NULL;
	if (candidate->method == NULL)
		return linear_none(env, constraints->rows->d, model);
	plan = candidate_plan_linear(t, candidate, 0, phase);
	if (adapter_is(candidate->method))
	{
		LEARN_TRY(adapter_fit(env, &plan, constraints, from->train, from->n_train, &candidate->linear, &candidate->model_b));
		*model = candidate->linear.model;
		return LEARN_OK;
	}
	LEARN_TRY(candidate_check_dims(t));
	if (constraint_two_towers(constraints))
		return learn_fail(env, LEARN_DATA, "method \"%s\" has one input, and the two sides have one each", candidate->method->name);
	if (strcmp(candidate->method->supervision, "none") != 0)
		return solve_linear(t, candidate, from->train, from->n_train, phase, model);
	LEARN_TRY(constraint_rows(env, constraints, 0, from->train, from->n_train, &rows, &n_rows));
	LEARN_TRY(classical_fit(env, &plan, constraints->rows, rows, n_rows, &candidate->linear));
	*model = candidate->linear.model;
	return LEARN_OK;
}

/* Learner.score */
static LearnStatus
score_constraints(Trainer *t, const Split *split, const Model *a, const Model *b, HeldOutScore *score)
{
	return constraint_score_model(t->env, t->constraints, split, views_of(t), a, b, score);
}

/*
 * Learner.solve_seconds: the iterations of most solvers are a few hundred evaluations of two
 * products over all rows of the constraints.
 */
static double
solve_seconds(const Trainer *t, const Method *method)
{
	double		rows = (double) t->n * t->rows_each;
	double		d = t->rows->d;

	if (adapter_is(method))
		return work_seconds(t, 4 * (double) t->n * d * d + 30 * d * d * d);
	return method->kind == METHOD_CLOSED_FORM ? 0 : work_seconds(t, 500 * rows * d * d + 200 * d * d * d);
}

/* ---------- splits ---------- */

/*
 * How much there is to learn from: of pairs of two kinds twice the rarer kind, for an AUC is no
 * surer than that.
 */
static int64_t
informative(const Constraints *constraints)
{
	int64_t		same = 0;

	if (constraints->kind != CONSTRAINT_PAIRS)
		return constraints->n;
	for (int64_t i = 0; i < constraints->n; i++)
		same += constraints->label[i];
	return 2 * (same < constraints->n - same ? same : constraints->n - same);
}

/* Has a split something to learn from, and something to judge by? */
static bool
is_usable(const Constraints *constraints, const Split *split)
{
	int64_t		same[2] = {0};

	if (split->n_train == 0 || split->n_held == 0)
		return false;
	if (constraints->kind != CONSTRAINT_PAIRS)
		return true;
	for (int64_t i = 0; i < split->n_train; i++)
		same[0] += constraints->label[split->train[i]];
	for (int64_t i = 0; i < split->n_held; i++)
		same[1] += constraints->label[split->held[i]];
	return same[0] > 0 && same[0] < split->n_train && same[1] > 0 && same[1] < split->n_held;
}

/* Held-out constraints that may be judged at once: matches and views embed all of them. */
static int64_t
max_held(const Trainer *t)
{
	size_t		limit = t->env->arena->limit;
	int64_t		held;

	if (!t->searched)
		return MAX_HELD;
	held = limit == 0 ? MAX_HELD_SEARCH : (int64_t) (limit / 8 / sizeof(float)) / t->rows->d;
	return held > MAX_HELD_SEARCH ? MAX_HELD_SEARCH : held < 2 ? 2 : held;
}

/*
 * The splits by one hash; returns through *usable how many of them say something, which come first.
 */
static LearnStatus
split_once(Trainer *t, int folds, double share, int64_t seed, int *usable)
{
	int64_t		most = max_held(t);

	*usable = 0;
	for (int f = 0; f < folds; f++)
	{
		Split	   *split = &t->split[*usable];

		SplitPlan	plan = {false, folds, f, share, most, seed};

		LEARN_TRY(constraint_split(t->env, t->constraints, &t->splitter, &plan, split));
		split->parts = folds == 1 && t->constraints->kind == CONSTRAINT_PAIRS ? HELD_PARTS : 1;
		*usable += is_usable(t->constraints, split);
	}
	return LEARN_OK;
}

/* Learner.split.  Where chance leaves one kind of pair on one side alone, another hash is taken. */
static LearnStatus
split_constraints(Trainer *t, int folds, int repeats)
{
	const TrainOptions *o = t->options;
	ArenaMark	mark;
	int64_t		most = max_held(t);
	double		share = isnan(o->validation) ? informative(t->constraints) < TRAIN_FEW ? 0.2 : 0.1 : o->validation;
	int			least = folds == 1 ? 1 : 2;
	int			usable = 0;

	if (t->searched && share * (double) t->n > (double) most)
		share = (double) most / (double) t->n;
	LEARN_TRY(constraint_splitter(t->env, t->constraints, informative(t->constraints), &t->splitter));
	t->folds = folds;
	t->n_splits = 0;
	mark = arena_mark(t->env->arena);
	for (int64_t i = 0; i < HASHES && share > 0 && usable < least; i++)
	{
		arena_reset(t->env->arena, mark);
		LEARN_TRY(split_once(t, folds, share, o->seed + i * HASH_STEP, &usable));
	}
	t->n_splits = usable;
	for (int f = 0; f < t->n_splits; f++)
	{
		t->weight[f] = (double) t->split[f].n_held;
		t->result->held_out_rows += t->split[f].n_held;
	}
	return LEARN_OK;
}

/* Learner.folds */
static LearnStatus
folds_constraints(const Trainer *t, int *folds, int *repeats, bool *many)
{
	*many = false;
	*folds = informative(t->constraints) < TRAIN_FEW ? FOLDS : 1;
	*repeats = 1;
	return LEARN_OK;
}

/* No learning needs two inputs of one width. */
static bool
comparable(const Trainer *t)
{
	return !constraint_two_towers(t->constraints) || t->constraints->rows->d == t->constraints->rows_b->d;
}

static bool
whitens(const Trainer *t)
{
	return !constraint_two_towers(t->constraints);
}

/* ---------- what auto tries ---------- */

static const TryList kind_tries[] = {
	[CONSTRAINT_PAIRS] = {{{0}}, 0, {{"contrastive", "%d"}, {"contrastive", NULL}, {"contrastive", "%d, raw"}}, 3},
	[CONSTRAINT_TRIPLETS] = {{{0}}, 0, {{"triplet", "%d"}, {"triplet", NULL}, {"triplet", "%d, raw"}}, 3},
	[CONSTRAINT_QUADRUPLETS] = {{{0}}, 0, {{"quadruplet", "%d, raw"}, {"quadruplet", "%d"}, {"quadruplet", NULL}}, 3},
	[CONSTRAINT_MATCHES] = {{{0}}, 0, {{"ntxent", "%d"}, {"ntxent", NULL}}, 2},
	[CONSTRAINT_NONE] = {{{0}}, 0, {{"ntxent", "%d"}, {"ntxent", NULL}}, 2},
};

/* Strengths of the closed forms of matches, from the strongest. */
static const Strength matches_strengths[] = {{0.02, false}, {0.1, false}, {0.2, false}, {0.4, false}, {0.7, false}};

/* Learner.tries: all closed forms and linear maps that learn from the kind, then its losses. */
static void
tries_constraints(const Trainer *t, bool many, TryList *list)
{
	ConstraintKind kind = t->constraints->kind;
	bool		fixed = t->options->network[0] != '\0' || t->constraints->adapter;

	*list = kind_tries[kind];
	/* what differs in the network alone is one candidate where the network is fixed */
	if (fixed && list->n_then > 1)
		list->n_then = 1;
	for (int i = 0; i < method_count() && list->n_first < MAX_TRIES; i++)
	{
		const Method *method = method_at(i);

		if (adapter_is(method) ? !constraint_two_towers(t->constraints) : constraint_two_towers(t->constraints))
			continue;
		/* whitening is a baseline, and stands already */
		if ((method->kind == METHOD_CLOSED_FORM || method->kind == METHOD_LINEAR) &&
			strcmp(method->name, "whiten") != 0 && strcmp(method->name, "covariance") != 0 &&
			method_learns_from(method, constraint_name(kind)))
			list->first[list->n_first++] = (Try) {.method = method->name, .strengths = adapter_is(method) ? matches_strengths : NULL,
			.n_strengths = adapter_is(method) ? sizeof(matches_strengths) / sizeof(matches_strengths[0]) : 0};
	}
}

/* ---------- what the user is told ---------- */

static const char *
noun(const Trainer *t)
{
	return constraint_name(t->constraints->kind);
}

/* Learner.told: what held-out constraints share with the constraints that are learned from. */
static const char *
told(const Trainer *t)
{
	if (t->constraints->kind == CONSTRAINT_NONE)
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

static const Learner learner = {
	.step_seconds = 0.15e-3,
	.noun = noun,
	.split = split_constraints,
	.folds = folds_constraints,
	.plan = plan_constraints,
	.fit = fit_constraints,
	.solve = solve_constraints,
	.solve_seconds = solve_seconds,
	.score = score_constraints,
	.comparable = comparable,
	.whitens = whitens,
	.tries = tries_constraints,
	.told = told,
};

/* ---------- entry ---------- */

/* Constraints that nothing can be learned from. */
static LearnStatus
check_constraints(LearnEnv *env, const Constraints *constraints)
{
	int			size = constraint_size(constraints->kind);
	int64_t		same = 0;
	double		weight = constraints->weight ? 0 : 1;
	bool		differ = false;

	if (constraints->n < 2)
		return learn_fail(env, LEARN_DATA, "two different %s at least are needed to learn from, and there is one", constraint_name(constraints->kind));
	for (int64_t i = 0; i < constraints->n; i++)
	{
		const int64_t *row = constraints->row + i * size;

		same += constraints->kind == CONSTRAINT_PAIRS && constraints->label[i];
		weight += constraints->weight ? constraints->weight[i] : 0;
		differ |= size == 1 || constraint_two_towers(constraints) || (size == 4 ? row[0] != row[1] || row[2] != row[3] : row[0] != row[1]) ||
			(size == 3 && row[0] != row[2]);
	}
	if (!(weight > 0))
		return learn_fail(env, LEARN_DATA, "all weights are 0");
	if (!differ)
		return learn_fail(env, LEARN_DATA, "the rows of every constraint are equal");
	if (constraints->kind == CONSTRAINT_PAIRS && (same == 0 || same == constraints->n))
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
train_constraints(LearnEnv *env, const Constraints *constraints, const TrainOptions *options, TrainResult *result)
{
	Trainer    *t;

	memset(result, 0, sizeof(*result));
	result->score_none = result->score_whiten = result->score_model = NAN;
	result->score_name = constraint_score_name(constraints->kind);
	LEARN_TRY(options_check(env, options));
	LEARN_TRY(check_constraints(env, constraints));

	LEARN_TRY(trainer_create(env, &learner, constraints->rows, constraints->n, options, result, &t));
	t->constraints = constraints;
	t->searched = constraint_searched(constraints->kind);
	t->rows_each = constraints->kind == CONSTRAINT_NONE ? 2 : constraint_size(constraints->kind);
	if (constraints->kind == CONSTRAINT_NONE)
		LEARN_TRY(views_create(env, constraints->rows, NULL, 0, options->noise, options->mask, options->mix, &t->views));
	if (constraints->kind == CONSTRAINT_PAIRS)
		t->kind = constraints->label;
	t->item_weight = constraints->weight;
	LEARN_TRY(trainer_run(t));
	if (constraints->adapter && result->model_b == NULL)
		LEARN_TRY(linear_none(env, constraints->rows_b->d, &result->model_b));
	return LEARN_OK;
}
