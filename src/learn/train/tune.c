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

/* one trial in this many goes on, with this many times the epochs */
#define ETA					3
#define MAX_RUNGS			3
#define LEAST_EPOCHS		2	/* of the first rung */
#define SEARCH_TIME			0.7 /* share of the time limit that is for searching */
#define MOST_SAMPLE			20000	/* rows that a trial learns from, at most */
#define LEAST_SAMPLE		2000	/* and at least, however little time there is */
#define TRIES				50	/* draws for one that differs from all before */

typedef struct Trial
{
	int			number;			/* from 1 */
	int		   *choice;			/* of each parameter with values: which; -1: as in options */
	double	   *number_of;		/* of each parameter with a range; NaN: as in options */
	int			rung;			/* the latest that it was judged in; 0: none */
	Candidate	candidate;		/* and as what */
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
		if (strcmp(parameter->name, "missing") == 0)
		{
			learn_fail(env, LEARN_INVALID, "option \"%s\" cannot be searched", parameter->name);
			learn_hint(env, "It says which rows there are, and these are read once for all trials.");
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
	candidate_init(&trial->candidate, NULL);
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

/*
 * The first is what options say; the others differ from each other.  *n: fewer if there are fewer.
 */
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

typedef struct Search
{
	Trainer    *t;
	const TrainOptions *options;	/* as given */
	const TunePlan *plan;
	/* those of the latest rung that were judged come first, best first */
	Trial	  **alive;
	int			n;				/* trials of the first rung */
	int			tried;			/* that were judged at all */
	int			judged;			/* in the latest rung */
	bool		cut;			/* time was up */
	int64_t		sampled;		/* rows that trials learn from, where these are not all; else 0 */
} Search;

/* The candidate of a trial, with a share of the epochs that it would have. */
static void
plan_trial(Trainer *t, const TrainOptions *options, double share, Candidate *candidate)
{
	FitPlan    *plan = &candidate->plan;

	candidate_init(candidate, options->method);
	if (!candidate_is_gradient(candidate))
		return;
	t->learner->plan(t, options->method, NULL, plan);
	if (share < 1)
		plan->epochs = (int) fmax(ceil(plan->epochs * share), LEAST_EPOCHS);
	plan->stop_after = plan->epochs;
	plan->phase = PHASE_CHOOSING;
}

/*
 * Judge a trial in a rung.  What the data or the memory does not allow, or what diverges, has no
 * score.
 */
static LearnStatus
judge_trial(Search *s, Trial *trial, int rung, double share)
{
	Trainer    *t = s->t;
	LearnEnv   *env = t->env;
	ArenaMark	mark = arena_mark(env->arena);
	double		start = env->now(env->ctx);
	CandidateRecord *record;
	TrainOptions own;
	LearnStatus status;

	LEARN_TRY(trial_options(env, s->options, s->plan, trial, &own));
	t->options = &own;
	plan_trial(t, &own, share, &trial->candidate);
	trainer_phase(t, PHASE_CHOOSING, candidate_name(&trial->candidate));
	status = candidate_judge(t, &trial->candidate, NULL);
	t->options = s->options;
	if (status != LEARN_OK && status != LEARN_INVALID && !candidate_may_fail(status))
		return status;
	if (status != LEARN_OK)
	{
		arena_reset(env->arena, mark);
		trial->candidate.score = trial->candidate.map_r = NAN;
	}
	trial->rung = rung;
	record = candidate_record(t, &trial->candidate, env->now(env->ctx) - start, status == LEARN_OK ? "" : env->message);
	record->trial = trial->number;
	record->rung = rung;
	record->epochs = candidate_is_gradient(&trial->candidate) ? trial->candidate.plan.stop_after : 0;
	describe(s->plan, trial, record->settings, sizeof(record->settings));
	return LEARN_OK;
}

/* Best first, trials without a score last, of equals the earlier one. */
static int
compare_trials(const void *a, const void *b)
{
	const Trial *left = *(Trial *const *) a;
	const Trial *right = *(Trial *const *) b;
	double		x = isnan(left->candidate.score) ? -INFINITY : candidate_merit(&left->candidate);
	double		y = isnan(right->candidate.score) ? -INFINITY : candidate_merit(&right->candidate);

	if (x != y)
		return x > y ? -1 : 1;
	return left->number - right->number;
}

static bool
is_late(const Trainer *t)
{
	return t->deadline < INFINITY &&
		t->env->now(t->env->ctx) > t->start + SEARCH_TIME * (t->deadline - t->start);
}

/* Rung after rung. */
static LearnStatus
search(Search *s)
{
	Trainer    *t = s->t;
	int			n = s->n;
	int			rungs = 1;

	if (s->options->method->kind == METHOD_GRADIENT)
		for (int left = n; left >= ETA && rungs < MAX_RUNGS; left /= ETA)
			rungs++;
	for (int rung = 1; rung <= rungs && !s->cut; rung++)
	{
		int			judged = 0;

		for (; judged < n && !s->cut; judged++)
		{
			s->cut = (judged > 0 || rung > 1) && is_late(t);
			if (s->cut)
				break;
			LEARN_TRY(judge_trial(s, s->alive[judged], rung, pow(ETA, rung - rungs)));
			s->tried += rung == 1;
		}
		/* a rung that the clock did not let begin changes nothing */
		if (judged == 0)
			break;
		qsort(s->alive, judged, sizeof(Trial *), compare_trials);
		s->judged = judged;
		n = (judged + ETA - 1) / ETA;
	}
	return LEARN_OK;
}

/*
 * What trials learn from in place of all rows: as many as the time limit allows for by arithmetic,
 * and never more than MOST_SAMPLE, which tell settings apart as well.
 */
static LearnStatus
draw_samples(Search *s)
{
	Trainer    *t = s->t;
	double		rows = MOST_SAMPLE;
	Candidate	full;

	plan_trial(t, s->options, 1, &full);
	if (t->deadline < INFINITY && candidate_is_gradient(&full))
	{
		/*
		 * each of the rungs takes as long as the first, in which all trials have a share of the
		 * epochs
		 */
		double		work = candidate_seconds(t, &full.plan, full.plan.epochs) / (double) t->n * t->n_splits * s->n;

		rows = fmin(rows, fmax(LEAST_SAMPLE, SEARCH_TIME * (t->deadline - t->start) / work));
	}
	s->sampled = t->split[0].n_train > (int64_t) rows ? (int64_t) rows : 0;
	for (int f = 0; f < t->n_splits; f++)
		LEARN_TRY(split_sample(t->env, t->split[f].train, t->split[f].n_train, (int64_t) rows, t->options->seed,
							   &t->split[f].train, &t->split[f].n_train));
	return LEARN_OK;
}

/* The winner among the trials that were judged last and no learning, into result. */
static LearnStatus
keep_best(Search *s, TrainOptions *chosen)
{
	Trainer    *t = s->t;
	LearnEnv   *env = t->env;
	TrainResult *r = t->result;
	int			n = 1 + (s->judged < MAX_CANDIDATES ? s->judged : MAX_CANDIDATES - 1);
	Candidate  *candidate;
	Candidate	kept;
	int			winner;
	bool		cut = false;
	double		score;
	double		map_r;
	char		tried[64];
	char		settings[512];
	char		scores[128];

	LEARN_ALLOC(env, candidate, n);
	candidate[0] = *t->none;
	for (int i = 1; i < n; i++)
		candidate[i] = s->alive[i - 1]->candidate;
	winner = choose(t, candidate, n, 1 + s->tried);
	choose_report(t, candidate, n, 1 + s->tried, winner, &score, &map_r);
	snprintf(tried, sizeof(tried), s->tried < s->n ? "%d tried of %d" : "%d", s->tried, s->n);
	describe(s->plan, s->alive[winner > 0 ? winner - 1 : 0], settings, sizeof(settings));
	LEARN_TRY(trial_options(env, s->options, s->plan, s->alive[winner > 0 ? winner - 1 : 0], chosen));
	if (winner == 0)
	{
		kept = *t->none;
		LEARN_TRY(candidate_keep(t, &kept, NULL, &cut));
		snprintf(r->reason, sizeof(r->reason),
				 "no learning: the best of %s trials (%.300s) has held-out %s %.4f, without learning %.4f", tried, settings,
				 r->score_name, candidate[1].score, t->none->score);
	}
	else
	{
		t->options = chosen;
		plan_trial(t, chosen, 1, &kept);
		kept.plan.epochs = candidate[winner].plan.epochs;
		kept.plan.stop_after = candidate[winner].best_epoch;
		LEARN_TRY(candidate_keep(t, &kept, NULL, &cut));
		r->score_model = score;
		trainer_scores_text(r->score_name, score, t->none->score, r->score_whiten, scores, sizeof(scores));
		snprintf(r->reason, sizeof(r->reason), "trial %d is the best of %s in %d folds: %.300s; %s",
				 s->alive[winner - 1]->number, tried, t->n_splits, settings, scores);
	}
	if (s->sampled > 0)
		trainer_append(t, "; trials learned from %lld rows", (long long) s->sampled);
	trainer_append(t, "%s%s", s->cut ? "; the time limit ended the search early" : "",
				   cut ? "; the time limit ended the training early" : "");
	return LEARN_OK;
}

LearnStatus
tune_model(LearnEnv *env, const Rows *rows, const TrainOptions *options, const TunePlan *plan,
		   TrainResult *result, TrainOptions *chosen)
{
	Search		s = {.options = options, .plan = plan};
	Trainer    *t;
	Candidate	none;
	Candidate	whiten;
	Trial	   *trial;

	LEARN_TRY(trainer_of_labels(env, rows, options, result, &t));
	s.t = t;
	LEARN_TRY(t->learner->split(t, plan->folds, 1));
	if (t->n_splits == 0)
	{
		learn_fail(env, LEARN_DATA, "no row could be held out to judge trials by");
		learn_hint(env, "A search needs a class of two rows or more.");
		return LEARN_DATA;
	}
	LEARN_TRY(trainer_keep_each(t));
	LEARN_ALLOC(env, trial, plan->trials);
	LEARN_ALLOC(env, s.alive, plan->trials);
	LEARN_ALLOC(env, result->candidates, 2 + 2 * (size_t) plan->trials);
	LEARN_TRY(draw_trials(env, options, plan, trial, &s.n));
	for (int i = 0; i < s.n; i++)
		s.alive[i] = &trial[i];
	LEARN_TRY(draw_samples(&s));
	LEARN_TRY(trainer_baselines(t, &none, &whiten));
	candidate_record(t, &none, 0, "");
	candidate_record(t, &whiten, 0, "");
	LEARN_TRY(search(&s));

	if (s.judged == 0 || isnan(s.alive[0]->candidate.score))
	{
		learn_fail(env, LEARN_DATA, "no trial could be judged");
		learn_hint(env, "The last one said: %s", result->candidates[result->n_candidates - 1].note);
		return LEARN_DATA;
	}
	LEARN_TRY(keep_best(&s, chosen));
	result->seconds = env->now(env->ctx) - t->start;
	return LEARN_OK;
}
