/*
 * engine.c
 *	  A run of training: a named method, or auto (auto.c).
 *
 * A named method is judged in one split.  With few rows or constraints it is then fitted on all of
 * them; with many the run that was judged is the model.
 */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a named method was judged as, before it is fitted on all. */
typedef struct Judged
{
	TrainResult result;			/* its model and its history */
	Candidate	candidate;		/* its score */
	bool		done;
	bool		cut;
	char		why[512];		/* it could not be judged */
} Judged;

/*
 * The run that is judged.  What the rows that are learned from do not allow may still be possible
 * with all of them.
 */
static LearnStatus
judge_named(Trainer *t, const Candidate *candidate, bool refit, Judged *judged)
{
	LearnEnv   *env = t->env;
	ArenaMark	mark = arena_mark(env->arena);
	TrainResult before = *t->result;
	void		(*notice) (void *ctx, const char *message) = env->notice;
	LearnStatus status;

	judged->candidate = *candidate;
	if (refit)
	{
		judged->candidate.plan.deadline = t->judged_by;
		/* remarks about the columns are made once, for the model that is kept */
		env->notice = NULL;
	}
	status = candidate_keep(t, &judged->candidate, &t->split[0], &judged->cut);
	env->notice = notice;
	judged->result = *t->result;
	judged->done = status == LEARN_OK;
	if (refit)
		*t->result = before;
	if (status != LEARN_DATA || !refit)
		return status;
	arena_reset(env->arena, mark);
	snprintf(judged->why, sizeof(judged->why), "without what is held out, %.400s", env->message);
	return LEARN_OK;
}

/* Say so if no learning would have been better. */
static void
compare_with_none(const Trainer *t, const Candidate *candidate)
{
	const Candidate *none = t->none;
	char		learned[32] = "";
	char		before[32] = "";

	if (isnan(candidate->score) || isnan(none->score) ||
		(candidate_merit(candidate) >= candidate_merit(none) && (t->options->open_set || candidate_is_safe(t, candidate, -1))))
		return;
	if (!isnan(candidate->map_r))
	{
		snprintf(learned, sizeof(learned), " and MAP@R %.4f", candidate->map_r);
		snprintf(before, sizeof(before), " and %.4f", none->map_r);
	}
	learn_notice(t->env, "on held-out %s the learned metric scores %s %.4f%s, and the data without learning %.4f%s; "
				 "method auto would have kept the better one", t->learner->noun(t), t->result->score_name,
				 candidate->score, learned, none->score, before);
}

/*
 * The scores after each epoch of the run that was judged, of a gradient method, as the candidate's
 * course.
 */
static LearnStatus
course_of_judged(Trainer *t, const Judged *judged, Candidate *candidate)
{
	int			n = judged->result.n_history;

	LEARN_ALLOC(t->env, candidate->course, n);
	for (int i = 0; i < n; i++)
		candidate->course[i] = (QueryScore) {(float) judged->result.history[i].validation, (float) judged->result.history[i].map_r};
	candidate->n_course = n;
	return LEARN_OK;
}

/*
 * Fit on all.  Where the clock ends that early, the run that was judged is kept: its score is
 * known, and the other model's is not.
 */
static LearnStatus
refit_named(Trainer *t, Candidate *candidate, Judged *judged, bool *cut, bool *kept_judged)
{
	TrainResult *r = t->result;

	candidate->plan.deadline = t->deadline;
	if (judged->done && candidate_is_gradient(candidate))
	{
		/* a schedule that the clock shortened is repeated at that length */
		if (judged->cut)
			candidate->plan.epochs = judged->result.epochs;
		candidate->plan.stop_after = judged->candidate.best_epoch;
		LEARN_TRY(course_of_judged(t, judged, candidate));
	}
	*kept_judged = false;
	LEARN_TRY(candidate_keep(t, candidate, NULL, cut));
	if (judged->done && *cut && (candidate_is_gradient(candidate) || !judged->cut))
	{
		*r = judged->result;
		*kept_judged = true;
	}
	*cut |= judged->cut;
	if (judged->done)
	{
		LinearFit	linear = candidate->linear;

		*candidate = judged->candidate;
		if (!*kept_judged)
			candidate->linear = linear;
		r->score_model = candidate->score;
	}
	return LEARN_OK;
}

static LearnStatus
train_named(Trainer *t)
{
	const TrainOptions *o = t->options;
	TrainResult *r = t->result;
	Candidate	none;
	Candidate	whiten;
	Candidate	candidate;
	Judged	   *judged;
	bool		refit = true;
	bool		cut = false;
	bool		kept_judged = false;
	char		solved[128] = "";

	LEARN_ALLOC(t->env, judged, 1);
	memset(judged, 0, sizeof(*judged));
	LEARN_TRY(t->learner->split(t, 1, 1));
	LEARN_TRY(trainer_baselines(t, &none, &whiten));
	candidate_init(&candidate, o->method);
	if (candidate_is_gradient(&candidate))
	{
		t->learner->plan(t, o->method, NULL, &candidate.plan);
		refit = o->refit >= 0 ? o->refit : t->n < 2 * TRAIN_FEW;
	}
	if (t->n_splits > 0)
		LEARN_TRY(judge_named(t, &candidate, refit, judged));
	if (!judged->done || refit)
		LEARN_TRY(refit_named(t, &candidate, judged, &cut, &kept_judged));
	else
	{
		candidate = judged->candidate;
		cut = judged->cut;
	}

	if (o->method->kind == METHOD_LINEAR)
		snprintf(solved, sizeof(solved), "; objective %.6g after %d iterations, %s", candidate.linear.objective,
				 candidate.linear.iterations, candidate.linear.converged ? "converged" : "not converged");
	snprintf(r->reason, sizeof(r->reason), "method %s as asked for%s%s%s%s", candidate_name(&candidate), solved,
			 candidate_is_gradient(&candidate) && o->network[0] == '\0' ? ", network chosen by the number of features" : "",
			 judged->done ? t->learner->told(t) : "",
			 kept_judged ? "; the time limit ended the training on all early: what is kept was learned without what was held out" :
			 cut ? "; the time limit ended the training early" : "");
	trainer_append_search(t, &candidate, &none);
	if (isnan(candidate.score) && !(o->validation == 0))
		trainer_not_judged(t, judged->why[0] ? judged->why : t->n_splits == 0 ? "nothing could be held out" :
				   "what is held out cannot be judged by");
	compare_with_none(t, &candidate);
	return LEARN_OK;
}

LearnStatus
trainer_run(Trainer *t)
{
	if (t->options->method->kind == METHOD_AUTO)
		LEARN_TRY(train_auto(t));
	else
		LEARN_TRY(train_named(t));
	t->result->seconds = t->env->now(t->env->ctx) - t->start;
	return LEARN_OK;
}
