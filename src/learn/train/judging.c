/*
 * judging.c
 *	  The score of a candidate on what the splits hold out.
 *
 * A candidate is fitted once for each split, on what that split has to learn from, and scored on
 * the rest.  A gradient method has a score after each epoch, its course.  With several splits, the
 * epoch that counts in one of them is the one that the others found best, so that it is not chosen
 * by what it is judged on.  The strengths of a closed form are such a course, too.
 */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Standard errors below its rival's merit by which a candidate is given up. */
#define HOPELESS		3

/*
 * A course of scores in one split: of a gradient method by epochs, of a closed form by strengths.
 */
typedef struct Course
{
	EpochRecord *record;
	int			length;
	QueryScore *each;			/* of the epochs that were judged (fit_each); or NULL */
} Course;

/* Places of a course: epochs, or strengths of a closed form; 0: it has a score alone. */
static int
course_length(const Candidate *candidate)
{
	return candidate_is_gradient(candidate) ? candidate->plan.stop_after : candidate->n_strengths;
}

/* Places of a course that keep what each held-out item adds. */
static int
course_kept(const Candidate *candidate)
{
	return candidate_is_gradient(candidate) ? fit_judged(&candidate->plan) : candidate->n_strengths;
}

/* What each held-out item adds by the scores of an epoch, or strength, of a course. */
static void
take_each(const Trainer *t, Candidate *candidate, int f, const Course *course, int epoch)
{
	int64_t		n = t->split[f].n_held;
	Fit			fit = {.each = course->each};

	if (t->each)
		memcpy(candidate->each[f], candidate_is_gradient(candidate) ? fit_each(&candidate->plan, &fit, epoch, n) :
			   course->each + (epoch - 1) * n, sizeof(QueryScore) * (size_t) n);
}

/* A closed form in one split, with each strength; by this split alone, the best of them counts. */
static LearnStatus
judge_strengths(Trainer *t, Candidate *candidate, int f, Course *course, HeldOutScore *found)
{
	const Split *split = &t->split[f];
	double		best = -INFINITY;

	course->length = candidate->n_strengths;
	for (int k = 0; k < candidate->n_strengths; k++)
	{
		ArenaMark	mark = arena_mark(t->env->arena);
		HeldOutScore score = NO_SCORE;
		Model	   *model;

		candidate->strength = k;
		score.each = t->each ? course->each + k * split->n_held : NULL;
		LEARN_TRY(t->learner->solve(t, candidate, split, PHASE_VALIDATING, &model));
		LEARN_TRY(t->learner->score(t, split, model, candidate->model_b, &score));
		arena_reset(t->env->arena, mark);
		course->record[k] = (EpochRecord) {.validation = score.score, .map_r = score.map_r};
		if (k > 0 && !(score_merit(score.score, score.map_r) >= best))
			continue;
		best = score_merit(score.score, score.map_r);
		candidate->best_epoch = k + 1;
		candidate->fold[f] = score.score;
		*found = score;
	}
	candidate->strength = candidate->best_epoch - 1;
	take_each(t, candidate, f, course, candidate->best_epoch);
	return LEARN_OK;
}

/* One split: the candidate's score there, and the course of its scores if it has one. */
static LearnStatus
judge_split(Trainer *t, Candidate *candidate, int f, Course *course, HeldOutScore *found)
{
	const Split *split = &t->split[f];
	Model	   *model;
	Fit			fit;

	if (candidate->n_strengths > 0)
		return judge_strengths(t, candidate, f, course, found);
	if (!candidate_is_gradient(candidate))
	{
		found->each = t->each ? candidate->each[f] : NULL;
		LEARN_TRY(t->learner->solve(t, candidate, split, PHASE_VALIDATING, &model));
		candidate->cut |= candidate->linear.cut;
		LEARN_TRY(t->learner->score(t, split, model, candidate->model_b, found));
		candidate->fold[f] = found->score;
		return LEARN_OK;
	}
	candidate->plan.each = t->each;
	LEARN_TRY(t->learner->fit(t, &candidate->plan, split, split, &fit));
	candidate->fold[f] = fit.score;
	candidate->best_epoch = fit.best_epoch;
	candidate->cut |= fit.cut;
	course->length = fit.epochs;
	memcpy(course->record, fit.history, sizeof(EpochRecord) * (size_t) fit.epochs);
	if (t->each)
		memcpy(course->each, fit.each, sizeof(QueryScore) * (size_t) (fit_judged(&candidate->plan) * split->n_held));
	take_each(t, candidate, f, course, fit.best_epoch);
	if (t->searched)
		return t->learner->score(t, split, fit.model, fit.model_b, found);
	found->map_r = fit.map_r;
	return LEARN_OK;
}

/*
 * The mean score of an epoch, from 1, over the splits but skip.  A course that has ended counts
 * with its last score.
 */
static QueryScore
epoch_score(const Trainer *t, const Candidate *candidate, const Course *course, int epoch, int skip)
{
	double		sum = 0;
	double		map_r = 0;
	double		weight = 0;

	for (int f = 0; f < candidate->judged; f++)
	{
		const EpochRecord *record = &course[f].record[(epoch < course[f].length ? epoch : course[f].length) - 1];

		if (f == skip || isnan(record->validation))
			continue;
		sum += record->validation * t->weight[f];
		map_r += record->map_r * t->weight[f];
		weight += t->weight[f];
	}
	if (weight == 0)
		return (QueryScore) {NAN, NAN};
	return (QueryScore) {(float) (sum / weight), (float) (map_r / weight)};
}

/*
 * The epoch, from 1, whose mean score over the splits but one is best (skip -1: over all); of equal
 * ones the later.
 */
static int
best_epoch_of(const Trainer *t, const Candidate *candidate, const Course *course, int skip)
{
	double		best = -INFINITY;
	int			every = candidate->plan.judge_every > 1 ? candidate->plan.judge_every : 1;
	int			longest = 0;
	int			found = 1;

	for (int f = 0; f < candidate->judged; f++)
		longest = course[f].length > longest ? course[f].length : longest;
	for (int epoch = 1; epoch <= longest; epoch++)
	{
		QueryScore	score;
		double		merit;

		if (epoch % every != 0 && epoch != longest)
			continue;
		score = epoch_score(t, candidate, course, epoch, skip);
		merit = score_merit(score.recall, score.map_r);
		if (merit >= best)
		{
			best = merit;
			found = epoch;
		}
	}
	return found;
}

/* Is it clear by the splits so far that a candidate will not be as good as its rival? */
static bool
is_hopeless(const Trainer *t, const Candidate *candidate, const Candidate *rival)
{
	Gain		gain;

	if (rival == NULL || candidate->judged == t->n_splits)
		return false;
	if (t->options->open_set && candidate_gain(t, candidate, t->none, score_merit, -1).mean <= 0)
		return true;
	/* few splits do not say how far they are apart */
	if ((!t->each || t->options->open_set) && candidate->judged <= t->n_splits / 2)
		return false;
	gain = candidate_gain(t, candidate, rival, score_merit, -1);
	return gain.mean + HOPELESS * gain.error < 0;
}

/*
 * Of a candidate with a course that was judged in several splits: in each of them the epoch that
 * the others found best.
 */
static void
take_epochs(const Trainer *t, Candidate *candidate, const Course *course, double *map_r)
{
	for (int f = 0; f < candidate->judged; f++)
	{
		int			epoch = best_epoch_of(t, candidate, course, f);

		if (epoch > course[f].length)
			epoch = course[f].length;
		candidate->fold[f] = course[f].record[epoch - 1].validation;
		map_r[f] = course[f].record[epoch - 1].map_r;
		take_each(t, candidate, f, &course[f], epoch);
	}
	candidate->best_epoch = best_epoch_of(t, candidate, course, -1);
	if (candidate->n_strengths > 0)
		candidate->strength = candidate->best_epoch - 1;
}

/* The mean held-out score of a candidate over the splits; nothing is kept but the figures. */
static LearnStatus
judge_splits(Trainer *t, Candidate *candidate, const Candidate *rival)
{
	LearnEnv   *env = t->env;
	int			epochs = course_length(candidate);
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
		LEARN_ALLOC(env, candidate->each[f], t->split[f].n_held);
	if (epochs > 0)
	{
		LEARN_ALLOC(env, candidate->course, epochs);
		candidate->n_course = epochs;
		for (int epoch = 0; epoch < epochs; epoch++)
			candidate->course[epoch] = (QueryScore) {NAN, NAN};
	}
	start = arena_mark(env->arena);
	for (int f = 0; f < t->n_splits && epochs > 0; f++)
	{
		LEARN_ALLOC(env, course[f].record, epochs);
		if (t->each)
			LEARN_ALLOC(env, course[f].each, (size_t) (course_kept(candidate) * t->split[f].n_held));
	}
	for (candidate->judged = 0; candidate->judged < t->n_splits && !hopeless;)
	{
		int			f = candidate->judged;
		ArenaMark	mark = arena_mark(env->arena);
		HeldOutScore found = NO_SCORE;

		LEARN_TRY(judge_split(t, candidate, f, &course[f], &found));
		if (rival && candidate->cut)
			break;
		map_r[f] = found.map_r;
		recall10 += found.recall10 * t->weight[f];
		mrr += found.mrr * t->weight[f];
		candidate->judged++;
		hopeless = is_hopeless(t, candidate, rival);
		arena_reset(env->arena, mark);
	}
	if (epochs > 0 && candidate->judged > 1)
		take_epochs(t, candidate, course, map_r);
	for (int epoch = 1; epoch <= epochs && candidate->judged > 0; epoch++)
		candidate->course[epoch - 1] = epoch_score(t, candidate, course, epoch, -1);
	for (int f = 0; f < candidate->judged; f++)
		if (!isnan(candidate->fold[f]))
		{
			sum += candidate->fold[f] * t->weight[f];
			map += map_r[f] * t->weight[f];
			weight += t->weight[f];
		}
	candidate->score = weight > 0 ? sum / weight : NAN;
	candidate->map_r = weight > 0 ? map / weight : NAN;
	candidate->recall10 = weight > 0 ? recall10 / weight : NAN;
	candidate->mrr = weight > 0 ? mrr / weight : NAN;
	arena_reset(env->arena, start);
	return LEARN_OK;
}

/* In silence: remarks about the columns are made once, for the model that is kept. */
LearnStatus
candidate_judge(Trainer *t, Candidate *candidate, const Candidate *rival)
{
	void		(*notice) (void *ctx, const char *message) = t->env->notice;
	LearnStatus status;

	t->env->notice = NULL;
	status = judge_splits(t, candidate, rival);
	t->env->notice = notice;
	return status;
}

bool
candidate_may_fail(LearnStatus status)
{
	return status == LEARN_DATA || status == LEARN_DIVERGED || status == LEARN_NO_MEMORY;
}

LearnStatus
candidate_try(Trainer *t, Candidate *candidate, const Candidate *rival)
{
	LearnEnv   *env = t->env;
	double		start = env->now(env->ctx);
	ArenaMark	mark = arena_mark(env->arena);
	LearnStatus status;
	char		note[sizeof(((CandidateRecord *) NULL)->note)] = "";

	trainer_phase(t, PHASE_CHOOSING, candidate_name(candidate));
	status = candidate_judge(t, candidate, rival);
	if (status != LEARN_OK && !candidate_may_fail(status))
		return status;
	if (status != LEARN_OK)
	{
		arena_reset(env->arena, mark);
		candidate->score = candidate->map_r = NAN;
		snprintf(note, sizeof(note), "%s%.100s", status == LEARN_NO_MEMORY ? "left out: " : "", env->message);
	}
	else if (candidate->judged < t->n_splits)
		snprintf(note, sizeof(note), "given up after %d of %d folds: %s", candidate->judged, t->n_splits,
				 candidate->cut ? "time was up" : "clearly behind");
	candidate_record(t, candidate, env->now(env->ctx) - start, note);
	return LEARN_OK;
}

LearnStatus
trainer_baselines(Trainer *t, Candidate *none, Candidate *whiten)
{
	candidate_init(none, NULL);
	candidate_init(whiten, method_by_name("whiten"));
	t->none = none;
	if (t->n_splits == 0)
		return LEARN_OK;
	if (t->learner->comparable(t))
	{
		trainer_phase(t, PHASE_PREPARING, "none");
		LEARN_TRY(candidate_judge(t, none, NULL));
	}
	if (t->learner->comparable(t) && t->learner->whitens(t) && t->rows->d <= MAX_WHITEN)
	{
		ArenaMark	mark = arena_mark(t->env->arena);
		LearnStatus status;

		trainer_phase(t, PHASE_PREPARING, "whiten");
		status = candidate_judge(t, whiten, NULL);
		if (status != LEARN_OK && !candidate_may_fail(status))
			return status;
		if (status != LEARN_OK)
		{
			arena_reset(t->env->arena, mark);
			candidate_init(whiten, whiten->method);
		}
	}
	t->result->score_none = none->score;
	t->result->score_whiten = whiten->score;
	return LEARN_OK;
}
