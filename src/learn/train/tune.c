/*
 * tune.c
 *	  See tune.h.
 */
#include "tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "trainer.h"

#define ETA					3	/* of so many trials one goes on, with so many times the epochs */
#define MAX_RUNGS			3
#define LEAST_EPOCHS		2	/* of the first rung */
#define SEARCH_TIME			0.7 /* share of the time limit that is for searching */
#define TRIES				50	/* draws for one that differs from all before */

typedef struct Trial
{
	int			number;			/* from 1 */
	int		   *choice;			/* of each parameter with values: which; -1: as in options */
	double	   *number_of;		/* of each parameter with a range; NaN: as in options */
	double		score;
	double		map_r;			/* beside recall@1, else NaN */
	int			epochs;			/* of the latest rung's schedule */
	int			best_epoch;
	double		fold[MAX_FOLDS];
} Trial;

/* ---------- what is searched ---------- */

static LearnStatus
refuse_auto(LearnEnv *env, const TrainOptions *options)
{
	if (options->method->kind != METHOD_AUTO)
		return LEARN_OK;
	learn_fail(env, LEARN_INVALID, "method auto has no options to search");
	learn_hint(env, "Name a method; dml_methods lists them.");
	return LEARN_INVALID;
}

static LearnStatus
add_parameter(LearnEnv *env, TunePlan *plan, const char *name, double low, double high, bool log)
{
	TuneParameter *p = &plan->parameter[plan->n_parameters++];
	char	   *copy;

	LEARN_ALLOC(env, copy, strlen(name) + 1);
	strcpy(copy, name);
	memset(p, 0, sizeof(*p));
	p->name = copy;
	p->low = low;
	p->high = high;
	p->log = log;
	return LEARN_OK;
}

/* Half the default, the default, twice the default, as far as the option's range allows. */
static LearnStatus
add_around(LearnEnv *env, TunePlan *plan, const char *name, const OptionDef *def, double value)
{
	static const double factor[] = {0.5, 1, 2};
	TuneValue  *values;

	LEARN_TRY(add_parameter(env, plan, name, 0, 0, false));
	LEARN_ALLOC(env, values, 3);
	plan->parameter[plan->n_parameters - 1].values = values;
	for (int i = 0; i < 3; i++)
		if (value * factor[i] >= def->min && value * factor[i] <= def->max)
			values[plan->parameter[plan->n_parameters - 1].n_values++] = (TuneValue) {NULL, value * factor[i]};
	return LEARN_OK;
}

/* Does an option matter with the miner that is in use? */
static bool
is_of_miner(const char *name, LossMiner miner)
{
	static const struct
	{
		const char *name;
		LossMiner	miner;
	}			of[] = {
		{"mine_margin", MINE_SEMIHARD}, {"mine_near", MINE_PAIR_MARGIN}, {"mine_far", MINE_PAIR_MARGIN},
		{"mine_angle", MINE_ANGULAR}, {"mine_cutoff", MINE_DISTANCE_WEIGHTED}, {"epsilon", MINE_MULTI_SIMILARITY},
	};

	for (int i = 0; i < (int) (sizeof(of) / sizeof(of[0])); i++)
		if (strcmp(name, of[i].name) == 0)
			return miner == of[i].miner;
	return true;
}

LearnStatus
tune_default(LearnEnv *env, const TrainOptions *options, TunePlan *plan)
{
	plan->n_parameters = 0;
	LEARN_TRY(refuse_auto(env, options));
	if (options->method->kind != METHOD_GRADIENT)
	{
		learn_fail(env, LEARN_INVALID, "there is no search by default for method \"%s\"", options->method->name);
		learn_hint(env, "Say in search what to try, such as {\"dims\": [8, 16, 32]}; options of the method are: %s.",
				   options->method->parameters && options->method->parameters[0] ? options->method->parameters : "none");
		return LEARN_INVALID;
	}
	if (!options_named_given(options, "learning_rate"))
		LEARN_TRY(add_parameter(env, plan, "learning_rate", 3e-4, 3e-3, true));
	if (!options_named_given(options, "weight_decay"))
		LEARN_TRY(add_parameter(env, plan, "weight_decay", 1e-5, 1e-2, true));
	for (int t = 0; t < options->n_terms; t++)
	{
		LossParams	params = options_loss(options, t);

		for (int i = 0; i < options_count(); i++)
		{
			const OptionDef *def = options_at(i);
			char		name[2 * METHOD_TEXT_MAX];
			double		value;

			if (def->type != OPTION_REAL || !options_read(options, i, t) || options_given(options, i, t))
				continue;
			value = *(const double *) ((const char *) &params + def->offset - offsetof(TrainOptions, term[0].params));
			if (!(value > 0) || !is_of_miner(def->name, params.miner) || plan->n_parameters == TUNE_MAX_PARAMETERS)
				continue;
			if (options->n_terms > 1)
				snprintf(name, sizeof(name), "%s.%s", options->term[t].method->name, def->name);
			else
				snprintf(name, sizeof(name), "%s", def->name);
			LEARN_TRY(add_around(env, plan, name, def, value));
		}
	}
	return LEARN_OK;
}

/* Is it an option that is a whole number? */
static bool
is_whole(const char *name)
{
	const char *dot = strchr(name, '.');
	const char *own = dot ? dot + 1 : name;

	for (int i = 0; i < options_count(); i++)
		if (strcmp(options_at(i)->name, own) == 0)
			return options_at(i)->type == OPTION_INT;
	return false;
}

static LearnStatus
set_value(LearnEnv *env, TrainOptions *options, const char *name, const TuneValue *value)
{
	return value->text ? options_set_text(env, options, name, value->text)
		: options_set_number(env, options, name, value->number);
}

LearnStatus
tune_check(LearnEnv *env, const TrainOptions *options, const TunePlan *plan)
{
	TrainOptions all = *options;

	LEARN_TRY(refuse_auto(env, options));
	if (plan->n_parameters == 0)
		return learn_fail(env, LEARN_INVALID, "there is nothing to search: every option is given");
	for (int p = 0; p < plan->n_parameters; p++)
	{
		const TuneParameter *parameter = &plan->parameter[p];
		TuneValue	ends[2] = {{NULL, parameter->low}, {NULL, parameter->high}};
		const TuneValue *values = parameter->n_values > 0 ? parameter->values : ends;
		int			n = parameter->n_values > 0 ? parameter->n_values : 2;

		for (int other = 0; other < p; other++)
			if (strcmp(plan->parameter[other].name, parameter->name) == 0)
				return learn_fail(env, LEARN_INVALID, "option \"%s\" is searched twice", parameter->name);
		if (strcmp(parameter->name, "open_set") == 0 || strcmp(parameter->name, "seed") == 0 ||
			strcmp(parameter->name, "validation") == 0 || strcmp(parameter->name, "time_limit") == 0 ||
			strcmp(parameter->name, "refit") == 0)
		{
			learn_fail(env, LEARN_INVALID, "option \"%s\" cannot be searched", parameter->name);
			learn_hint(env, "It says how trials are judged, and is the same for all of them.");
			return LEARN_INVALID;
		}
		if (parameter->n_values == 0 && !(parameter->low < parameter->high))
			return learn_fail(env, LEARN_INVALID, "the range of option \"%s\" is empty", parameter->name);
		if (parameter->log && !(parameter->low > 0))
			return learn_fail(env, LEARN_INVALID, "the range of option \"%s\" must begin above 0 to be logarithmic",
							  parameter->name);
		for (int i = 0; i < n; i++)
		{
			TrainOptions one = *options;

			LEARN_TRY(set_value(env, &one, parameter->name, &values[i]));
		}
		LEARN_TRY(set_value(env, &all, parameter->name, &values[0]));
	}
	return options_check(env, &all);
}

/* ---------- trials ---------- */

static LearnStatus
new_trial(LearnEnv *env, const TunePlan *plan, int number, Trial *trial)
{
	memset(trial, 0, sizeof(*trial));
	trial->number = number;
	LEARN_ALLOC(env, trial->choice, plan->n_parameters);
	LEARN_ALLOC(env, trial->number_of, plan->n_parameters);
	for (int p = 0; p < plan->n_parameters; p++)
	{
		trial->choice[p] = -1;
		trial->number_of[p] = NAN;
	}
	return LEARN_OK;
}

static void
draw(const TunePlan *plan, Rng *rng, Trial *trial)
{
	for (int p = 0; p < plan->n_parameters; p++)
	{
		const TuneParameter *parameter = &plan->parameter[p];
		double		u = rng_uniform(rng);
		double		value;

		if (parameter->n_values > 0)
		{
			trial->choice[p] = (int) (u * parameter->n_values);
			continue;
		}
		value = parameter->log ? parameter->low * pow(parameter->high / parameter->low, u)
			: parameter->low + u * (parameter->high - parameter->low);
		if (is_whole(parameter->name))
			value = floor(value + 0.5);
		trial->number_of[p] = fmin(fmax(value, parameter->low), parameter->high);
	}
}

static bool
same_trial(const TunePlan *plan, const Trial *a, const Trial *b)
{
	for (int p = 0; p < plan->n_parameters; p++)
		if (a->choice[p] != b->choice[p] ||
			(plan->parameter[p].n_values == 0 && !(a->number_of[p] == b->number_of[p])))
			return false;
	return true;
}

/* The first is what options say; the others differ from each other.  *n: fewer where there are not so many. */
static LearnStatus
draw_trials(LearnEnv *env, const TrainOptions *options, const TunePlan *plan, Trial *trial, int *n)
{
	Rng			rng;

	rng_seed(&rng, (uint64_t) options->seed, 77);
	LEARN_TRY(new_trial(env, plan, 1, &trial[0]));
	*n = 1;
	while (*n < plan->trials)
	{
		bool		fresh = false;

		LEARN_TRY(new_trial(env, plan, *n + 1, &trial[*n]));
		for (int i = 0; i < TRIES && !fresh; i++)
		{
			draw(plan, &rng, &trial[*n]);
			fresh = true;
			for (int other = 1; other < *n && fresh; other++)
				fresh = !same_trial(plan, &trial[other], &trial[*n]);
		}
		if (!fresh)
			break;
		(*n)++;
	}
	return LEARN_OK;
}

static LearnStatus
trial_options(LearnEnv *env, const TrainOptions *options, const TunePlan *plan, const Trial *trial, TrainOptions *result)
{
	*result = *options;
	for (int p = 0; p < plan->n_parameters; p++)
	{
		const TuneParameter *parameter = &plan->parameter[p];
		TuneValue	value = {NULL, trial->number_of[p]};

		if (trial->choice[p] >= 0)
			value = parameter->values[trial->choice[p]];
		else if (isnan(value.number))
			continue;
		LEARN_TRY(set_value(env, result, parameter->name, &value));
	}
	return LEARN_OK;
}

static void
describe(const TunePlan *plan, const Trial *trial, char *buf, size_t size)
{
	size_t		used = 0;

	buf[0] = '\0';
	for (int p = 0; p < plan->n_parameters && used < size; p++)
	{
		const TuneParameter *parameter = &plan->parameter[p];
		const TuneValue *value = trial->choice[p] >= 0 ? &parameter->values[trial->choice[p]] : NULL;
		double		number = value ? value->number : trial->number_of[p];

		if (value && value->text)
			used += snprintf(buf + used, size - used, "%s%s = %s", used ? "; " : "", parameter->name, value->text);
		else if (!isnan(number))
			used += snprintf(buf + used, size - used, "%s%s = %.4g", used ? "; " : "", parameter->name, number);
	}
	if (buf[0] == '\0')
		snprintf(buf, size, "as given");
}

/* ---------- the search ---------- */

/* A trial's latest score among the candidates. */
static void
record(Trainer *t, const TunePlan *plan, const Way *way, const Trial *trial, int rung, double seconds, const char *note)
{
	Candidate  *c = way_record(t, way, seconds, note);

	c->validation = trial->score;
	c->map_r = trial->map_r;
	c->trial = trial->number;
	c->rung = rung;
	c->epochs = way_is_gradient(way) ? way->plan.stop_after : 0;
	describe(plan, trial, c->settings, sizeof(c->settings));
}

/* The way of a trial, with a share of the epochs that it would have. */
static void
plan_way(Trainer *t, const TrainOptions *options, double share, Way *way)
{
	memset(way, 0, sizeof(*way));
	way->method = options->method;
	if (!way_is_gradient(way))
		return;
	way_plan(t, options->method, NULL, &way->plan);
	if (share < 1)
		way->plan.epochs = (int) fmax(ceil(way->plan.epochs * share), LEAST_EPOCHS);
	way->plan.stop_after = way->plan.epochs;
	way->plan.phase = PHASE_CHOOSING;
}

/* Judge a trial in a rung.  What the data does not allow, or what diverges, has no score. */
static LearnStatus
judge_trial(Trainer *t, const TrainOptions *options, const TunePlan *plan, Trial *trial, int rung, double share)
{
	LearnEnv   *env = t->env;
	ArenaMark	mark = arena_mark(env->arena);
	double		start = env->now(env->ctx);
	TrainOptions own;
	Way			way;
	LearnStatus status;

	LEARN_TRY(trial_options(env, options, plan, trial, &own));
	t->options = &own;
	plan_way(t, &own, share, &way);
	trainer_phase(t, PHASE_CHOOSING, way_name(&way));
	status = way_judge(t, &way, NULL);
	t->options = options;
	if (status != LEARN_OK && status != LEARN_DATA && status != LEARN_DIVERGED && status != LEARN_INVALID)
		return status;
	trial->score = status == LEARN_OK ? way.score : NAN;
	trial->map_r = way.map_r;
	trial->epochs = way.plan.epochs;
	trial->best_epoch = way.best_epoch;
	memcpy(trial->fold, way.fold, sizeof(trial->fold));
	record(t, plan, &way, trial, rung, env->now(env->ctx) - start, status == LEARN_OK ? "" : env->message);
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* Best first, trials without a score last, of equals the earlier one. */
static int
compare_trials(const void *a, const void *b)
{
	const Trial *left = *(Trial *const *) a;
	const Trial *right = *(Trial *const *) b;
	double		x = isnan(left->score) ? -INFINITY : score_merit(left->score, left->map_r);
	double		y = isnan(right->score) ? -INFINITY : score_merit(right->score, right->map_r);

	if (x != y)
		return x > y ? -1 : 1;
	return left->number - right->number;
}

/* Rung after rung; alive[0] is the best in the end.  *cut: time was up. */
static LearnStatus
search(Trainer *t, const TrainOptions *options, const TunePlan *plan, Trial **alive, int n, bool *cut)
{
	int			rungs = 1;

	if (options->method->kind == METHOD_GRADIENT)
		for (int left = n; left >= ETA && rungs < MAX_RUNGS; left /= ETA)
			rungs++;
	for (int rung = 0; rung < rungs; rung++)
	{
		int			judged = 0;

		for (; judged < n; judged++)
		{
			if (judged > 0 && t->deadline < INFINITY &&
				t->env->now(t->env->ctx) > t->start + SEARCH_TIME * (t->deadline - t->start))
			{
				*cut = true;
				break;
			}
			LEARN_TRY(judge_trial(t, options, plan, alive[judged], rung + 1, pow(ETA, rung + 1 - rungs)));
		}
		qsort(alive, judged, sizeof(Trial *), compare_trials);
		n = (judged + ETA - 1) / ETA;
		if (*cut)
			break;
	}
	return LEARN_OK;
}

LearnStatus
tune_model(LearnEnv *env, const Rows *rows, const TrainOptions *options, const TunePlan *plan,
		   TrainResult *result, TrainOptions *chosen)
{
	Trainer    *t;
	Way			none;
	Way			whiten;
	Way			best;
	Trial	   *trial;
	Trial	  **alive;
	int			n;
	bool		cut = false;
	bool		fit_cut = false;
	char		settings[512];
	char		scores[128];

	LEARN_TRY(trainer_start(env, rows, options, result, &t));
	LEARN_TRY(trainer_splits(t, plan->folds, 1));
	if (t->n_splits == 0)
	{
		learn_fail(env, LEARN_DATA, "no row could be held out to judge trials by");
		learn_hint(env, "A search needs a class of two rows or more.");
		return LEARN_DATA;
	}
	LEARN_ALLOC(env, trial, plan->trials);
	LEARN_ALLOC(env, alive, plan->trials);
	LEARN_ALLOC(env, result->candidates, 2 + 2 * (size_t) plan->trials);
	LEARN_TRY(trainer_baselines(t, true, true, &none, &whiten));
	way_record(t, &none, 0, "");
	way_record(t, &whiten, 0, "");
	LEARN_TRY(draw_trials(env, options, plan, trial, &n));
	for (int i = 0; i < n; i++)
		alive[i] = &trial[i];
	LEARN_TRY(search(t, options, plan, alive, n, &cut));

	if (isnan(alive[0]->score))
	{
		learn_fail(env, LEARN_DATA, "no trial could be judged");
		learn_hint(env, "The last one said: %s", result->candidates[result->n_candidates - 1].note);
		return LEARN_DATA;
	}
	LEARN_TRY(trial_options(env, options, plan, alive[0], chosen));
	t->options = chosen;
	plan_way(t, chosen, 1, &best);
	best.score = alive[0]->score;
	best.map_r = alive[0]->map_r;
	memcpy(best.fold, alive[0]->fold, sizeof(best.fold));
	best.plan.phase = PHASE_TRAINING;
	best.plan.epochs = alive[0]->epochs;
	best.plan.stop_after = alive[0]->best_epoch;
	describe(plan, alive[0], settings, sizeof(settings));
	if (!way_is_better(t, &best, &none) || !way_is_safe(t, &best, &none))
	{
		LEARN_TRY(way_keep(t, &none, false, &fit_cut));
		snprintf(result->reason, sizeof(result->reason),
				 "no learning: the best of %d trials (%.300s) has held-out %s %.4f, without learning %.4f%s", n, settings,
				 result->score_name, best.score, none.score, cut ? "; the time limit ended the search early" : "");
	}
	else
	{
		LEARN_TRY(way_keep(t, &best, false, &fit_cut));
		trainer_scores_text(result->score_name, best.score, none.score, whiten.score, scores, sizeof(scores));
		snprintf(result->reason, sizeof(result->reason), "trial %d is the best of %d in %d folds: %.300s; %s%s%s",
				 alive[0]->number, n, t->n_splits, settings, scores,
				 cut ? "; the time limit ended the search early" : "", fit_cut ? "; the time limit ended the training early" : "");
	}
	result->seconds = env->now(env->ctx) - t->start;
	return LEARN_OK;
}
