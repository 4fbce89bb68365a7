/*
 * given_train.c
 *	  From constraints to a model: how a way is fitted to them and judged; a named method.
 *
 * As train.c does it for labels: each way is scored on constraints that it has not seen, in folds where there are
 * few.  What is kept is then fitted on all constraints, for as many epochs as were best.
 */
#include "given.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "linear.h"
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
	return t->given->kind == GIVEN_NOTHING ? &t->views : NULL;
}

/* ---------- plans ---------- */

static bool
is_one_layer(const Trainer *t, const char *network)
{
	NetSpec		spec;

	return netspec_parse(t->env, network, t->given->rows->d, &spec) == LEARN_OK && spec.n_layers == 1;
}

void
given_plan(const Trainer *t, const Method *method, const char *network, FitPlan *plan)
{
	const TrainOptions *o = t->options;
	const Given *given = t->given;

	/*
	 * Matches and views are each other's negatives, and want many; of pairs and triplets a batch's block
	 * is all but empty, and costs its square.
	 */
	way_plan_start(t, method, network, given_searched(given->kind) ? 256 : 64, plan);

	/* of pairs and triplets an anchor has no more than one positive and one negative: all that is given counts */
	for (int i = 0; i < plan->n_terms && !given_searched(given->kind); i++)
		if (method != o->method || (int) o->term[i].params.miner < 0)
			plan->term[i].params.miner = MINE_ALL;
	if (given->adapter && o->network[0] == '\0')
		snprintf(plan->network, sizeof(plan->network),
				 given->rows->d == given->rows_b->d ? "%d linear residual, raw" : "%d linear, raw", given->rows_b->d);
	if (given->adapter && o->preprocess < 0)
		plan->prep = PREP_NONE;
	plan->learning_rate = o->learning_rate > 0 ? o->learning_rate : o->optimizer != 0 ? 0.05 :
		is_one_layer(t, plan->network) ? LINEAR_RATE : DEEP_RATE;
}

/* ---------- fitting and judging one way ---------- */

/* Learner.fit */
static LearnStatus
fit_given(Trainer *t, const FitPlan *plan, const Split *from, const Split *judge, Fit *fit)
{
	return given_fit(t->env, t->given, from->train, from->n_train, t->options, plan, views_of(t), judge, fit);
}

/* A classical method on constraints index[0..n). */
static LearnStatus
solve_linear(Trainer *t, Way *way, const int64_t *index, int64_t n, TrainPhase phase, Model **model)
{
	static const ConstraintKind kinds[] = {CONSTRAINT_PAIRS, CONSTRAINT_TRIPLETS, CONSTRAINT_QUADRUPLETS};
	LearnEnv   *env = t->env;
	const Given *given = t->given;
	int			size = given_size(given->kind);
	LinearPlan	plan = way_plan_linear(t, way, 0, phase);
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

	LEARN_TRY(constraints_fit(env, &plan, given->rows, &c, &way->linear));
	*model = way->linear.model;
	return LEARN_OK;
}

/* Learner.solve */
static LearnStatus
solve_given(Trainer *t, Way *way, const Split *from, TrainPhase phase, Model **model)
{
	LearnEnv   *env = t->env;
	const Given *given = t->given;
	int			dims = t->options->dims;
	int64_t    *rows;
	int64_t		n_rows;

	if (way->method == NULL)
		return linear_none(env, given->rows->d, model);
	LEARN_TRY(way_check_dims(t));
	if (given_two_towers(given))
		return learn_fail(env, LEARN_DATA, "method \"%s\" has one input, and the two sides have one each", way->method->name);
	if (way->method->kind == METHOD_LINEAR || classical_is(way->method))
		return solve_linear(t, way, from->train, from->n_train, phase, model);
	LEARN_TRY(given_rows(env, given, 0, from->train, from->n_train, &rows, &n_rows));
	if (strcmp(way->method->name, "pca") == 0)
		return linear_pca(env, given->rows, rows, n_rows, dims, model);
	return linear_whiten(env, given->rows, rows, n_rows, dims, model);
}

/* Learner.score */
static LearnStatus
score_given(Trainer *t, const Split *split, const Model *a, const Model *b, HeldOutScore *score)
{
	return given_score_model(t->env, t->given, split, views_of(t), a, b, score);
}

static const Learner learner = {fit_given, solve_given, score_given, 0.15e-3};

LearnStatus
given_splits(Trainer *t, int folds)
{
	const TrainOptions *o = t->options;
	bool		searched = given_searched(t->given->kind);
	int64_t		max_held = searched ? MAX_HELD_SEARCH : MAX_HELD;
	double		share = isnan(o->validation) ? t->given->n < GIVEN_FEW ? 0.2 : 0.1 : o->validation;

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
	{
		t->weight[f] = (double) t->split[f].n_held;
		if (t->split[f].n_held == 0)
			t->split[f--] = t->split[--t->n_splits];
	}
	return LEARN_OK;
}

/* No learning needs two inputs of one width. */
bool
given_comparable(const Given *given)
{
	return !given_two_towers(given) || given->rows->d == given->rows_b->d;
}

LearnStatus
given_baselines(Trainer *t, Way *none, Way *whiten)
{
	return trainer_baselines(t, given_comparable(t->given), !given_two_towers(t->given), none, whiten);
}

/* ---------- what the user is told ---------- */

const char *
given_shared_text(const Trainer *t)
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
void
given_append_search(TrainResult *r, const Way *way, const Way *none)
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
	bool		refit = o->refit >= 0 ? o->refit : t->given->n < 2 * GIVEN_FEW;

	LEARN_TRY(given_splits(t, 1));
	LEARN_TRY(given_baselines(t, &none, &whiten));
	way.method = o->method;
	way.score = way.map_r = way.recall10 = way.mrr = NAN;
	if (way_is_gradient(&way))
		given_plan(t, o->method, NULL, &way.plan);
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
			 t->n_splits > 0 ? given_shared_text(t) : "", cut ? "; the time limit ended the training early" : "");
	given_append_search(r, &way, &none);
	if (!isnan(r->score_model) && r->score_model < r->score_none)
		learn_notice(t->env, "on held-out %s the learned metric scores %s %.4f, and the data without learning %.4f; "
					 "method auto would have kept the better one", given_name(t->given->kind), r->score_name,
					 r->score_model, r->score_none);
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

	LEARN_TRY(trainer_create(env, &learner, given->rows, given->n, options, result, &t));
	t->given = given;
	t->searched = given_searched(given->kind);
	t->rows_each = given->kind == GIVEN_NOTHING ? 2 : given_size(given->kind);
	if (given->kind == GIVEN_NOTHING)
		LEARN_TRY(views_create(env, given->rows, NULL, 0, options->noise, options->mask, options->mix, &t->views));
	if (options->method->kind == METHOD_AUTO)
		LEARN_TRY(given_auto(t));
	else
		LEARN_TRY(train_named(t));
	if (given->adapter && result->model_b == NULL)
		LEARN_TRY(linear_none(env, given->rows_b->d, &result->model_b));
	result->seconds = env->now(env->ctx) - t->start;
	return LEARN_OK;
}
