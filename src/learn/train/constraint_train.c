/*
 * constraint_train.c
 *	  From constraints to a model: how a way is fitted to them and judged; a named method.
 *
 * As train.c does it for labels: each way is scored on constraints that it has not seen, in folds where there are
 * few.  What is kept is then fitted on all constraints, for as many epochs as were best.
 */
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/classical/linear.h"
#include "trainer.h"

#define MAX_HELD		10000	/* constraints that judge; matches are held against each other: */
#define MAX_HELD_SEARCH	2000

/*
 * Learning rates of AdamW for one layer and for more: constraints are few, and steps with them.  Triplets of
 * two telling columns among five (test of sql/train_triplets.sql, 1,170 triplets, 30 epochs): one layer at rate
 * 0.001 holds 0.54 of the held-out ones, at 0.02 0.98.
 */
#define LINEAR_RATE		0.02
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

void
constraint_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	const Constraints *constraints = t->constraints;

	/*
	 * Matches and views are each other's negatives, and want many; of pairs and triplets a batch's block
	 * is all but empty, and costs its square.
	 */
	way_plan_start(t, method, network, constraint_searched(constraints->kind) ? 256 : 64, plan);

	/* of pairs and triplets an anchor has no more than one positive and one negative: all that is given counts */
	for (int i = 0; i < plan->n_terms && !constraint_searched(constraints->kind); i++)
		if (method != o->method || (int) o->term[i].params.miner < 0)
			plan->term[i].params.miner = MINE_ALL;
	if (constraints->adapter && o->network[0] == '\0')
		snprintf(plan->network, sizeof(plan->network),
				 constraints->rows->d == constraints->rows_b->d ? "%d linear residual, raw" : "%d linear, raw", constraints->rows_b->d);
	if (constraints->adapter && o->preprocess < 0)
		plan->prep = PREP_NONE;
	plan->learning_rate = o->learning_rate > 0 ? o->learning_rate : o->optimizer != 0 ? 0.05 :
		is_one_layer(t, plan->network) ? LINEAR_RATE : DEEP_RATE;
}

/* ---------- fitting and judging one way ---------- */

/* Learner.fit */
static LearnStatus
fit_constraints(Trainer *t, const FitPlan *plan, const Split *from, const Split *judge, Fit *fit)
{
	return constraint_fit(t->env, t->constraints, from->train, from->n_train, t->options, plan, views_of(t), judge, fit);
}

/* A classical method on constraints index[0..n). */
static LearnStatus
solve_linear(Trainer *t, Way *way, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	static const ConstraintKind kinds[] = {CONSTRAINT_PAIRS, CONSTRAINT_TRIPLETS, CONSTRAINT_QUADRUPLETS};
	LearnEnv   *env = t->env;
	const Constraints *constraints = t->constraints;
	int			size = constraint_size(constraints->kind);
	LinearPlan	plan = way_plan_linear(t, way, 0, phase);
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

	LEARN_TRY(constraints_fit(env, &plan, constraints->rows, &c, &way->linear));
	*model = way->linear.model;
	return LEARN_OK;
}

/* Learner.solve */
static LearnStatus
solve_constraints(Trainer *t, Way *way, const Split *from, TrainPhase phase, Model **model)
{
	LearnEnv   *env = t->env;
	const Constraints *constraints = t->constraints;
	int			dims = t->options->dims;
	int64_t    *rows;
	int64_t		n_rows;

	if (way->method == NULL)
		return linear_none(env, constraints->rows->d, model);
	LEARN_TRY(way_check_dims(t));
	if (constraint_two_towers(constraints))
		return learn_fail(env, LEARN_DATA, "method \"%s\" has one input, and the two sides have one each", way->method->name);
	if (way->method->kind == METHOD_LINEAR || classical_is(way->method))
		return solve_linear(t, way, from->train, from->n_train, phase, model);
	LEARN_TRY(constraint_rows(env, constraints, 0, from->train, from->n_train, &rows, &n_rows));
	if (strcmp(way->method->name, "pca") == 0)
		return linear_pca(env, constraints->rows, rows, n_rows, dims, model);
	return linear_whiten(env, constraints->rows, rows, n_rows, dims, model);
}

/* Learner.score */
static LearnStatus
score_constraints(Trainer *t, const Split *split, const Model *a, const Model *b, HeldOutScore *score)
{
	return constraint_score_model(t->env, t->constraints, split, views_of(t), a, b, score);
}

static const Learner learner = {fit_constraints, solve_constraints, score_constraints, 0.15e-3};

LearnStatus
constraint_splits(Trainer *t, int folds)
{
	const TrainOptions *o = t->options;
	bool		searched = constraint_searched(t->constraints->kind);
	int64_t		max_held = searched ? MAX_HELD_SEARCH : MAX_HELD;
	double		share = isnan(o->validation) ? t->constraints->n < CONSTRAINT_FEW ? 0.2 : 0.1 : o->validation;

	if (searched && share * (double) t->constraints->n > MAX_HELD_SEARCH)
		share = (double) MAX_HELD_SEARCH / (double) t->constraints->n;
	LEARN_TRY(constraint_splitter(t->env, t->constraints, &t->splitter));
	t->n_splits = share > 0 ? folds : 0;
	for (int f = 0; f < t->n_splits; f++)
	{
		LEARN_TRY(constraint_split(t->env, t->constraints, &t->splitter, folds, f, share, max_held, o->seed, &t->split[f]));
		/* a fold that has nothing to learn from, or to judge by, is none */
		if (t->split[f].n_train == 0)
			t->split[f].n_held = 0;
		t->result->held_out_rows += t->split[f].n_held;
	}
	for (int f = 0; f < t->n_splits; f++)
	{
		t->weight[f] = (double) t->split[f].n_held;
		if (t->split[f].n_held == 0)
			t->split[f--] = t->split[--t->n_splits];
	}
	return LEARN_OK;
}

/* No learning needs two inputs of one width. */
bool
constraint_comparable(const Constraints *constraints)
{
	return !constraint_two_towers(constraints) || constraints->rows->d == constraints->rows_b->d;
}

LearnStatus
constraint_baselines(Trainer *t, Way *none, Way *whiten)
{
	return trainer_baselines(t, constraint_comparable(t->constraints), !constraint_two_towers(t->constraints), none, whiten);
}

/* ---------- what the user is told ---------- */

const char *
constraint_shared_text(const Trainer *t)
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

/* What the score does not say of matches and views. */
void
constraint_append_search(TrainResult *r, const Way *way, const Way *none)
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
	bool		refit = o->refit >= 0 ? o->refit : t->constraints->n < 2 * CONSTRAINT_FEW;

	LEARN_TRY(constraint_splits(t, 1));
	LEARN_TRY(constraint_baselines(t, &none, &whiten));
	way.method = o->method;
	way.score = way.map_r = way.recall10 = way.mrr = NAN;
	if (way_is_gradient(&way))
		constraint_plan(t, o->method, NULL, &way.plan);
	if (t->n_splits > 0 && (refit || !way_is_gradient(&way)))
	{
		LEARN_TRY(way_judge(t, &way, NULL));
		way.plan.stop_after = way.best_epoch;
		LEARN_TRY(way_keep(t, &way, false, &cut));
	}
	else
		LEARN_TRY(way_keep(t, &way, t->n_splits > 0 && way_is_gradient(&way), &cut));

	snprintf(r->reason, sizeof(r->reason), "method %s as asked for%s%s%s", way_name(&way),
			 way_is_gradient(&way) && o->network[0] == '\0' ? ", network chosen by the number of features" : "",
			 t->n_splits > 0 ? constraint_shared_text(t) : "", cut ? "; the time limit ended the training early" : "");
	constraint_append_search(r, &way, &none);
	if (!isnan(r->score_model) && r->score_model < r->score_none)
		learn_notice(t->env, "on held-out %s the learned metric scores %s %.4f, and the data without learning %.4f; "
					 "method auto would have kept the better one", constraint_name(t->constraints->kind), r->score_name,
					 r->score_model, r->score_none);
	return LEARN_OK;
}

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
	if (options->method->kind == METHOD_AUTO)
		LEARN_TRY(constraint_auto(t));
	else
		LEARN_TRY(train_named(t));
	if (constraints->adapter && result->model_b == NULL)
		LEARN_TRY(linear_none(env, constraints->rows_b->d, &result->model_b));
	result->seconds = env->now(env->ctx) - t->start;
	return LEARN_OK;
}
