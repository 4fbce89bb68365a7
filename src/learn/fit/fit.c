/*
 * fit.c
 *	  One run of gradient training on labels or a target: batches, forward, loss, backward,
 *	  optimiser.
 */
#include "fit.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "fit_loop.h"
#include "fit_views.h"
#include "learn/data/sampler.h"
#include "learn/data/target.h"
#include "math/vmath.h"
#include "stepper.h"

typedef struct Run
{
	Stepper		stepper;
	const Rows *rows;
	const FitPlan *plan;
	const TrainOptions *options;
	const HeldOut *held_out;	/* or NULL */
	Sampler    *sampler;
	FitViews   *views;			/* or NULL: no self-supervised term */
	float	   *dz_level;		/* the gradient of a coarser level of labels, or NULL */
	int64_t		steps;			/* done */
	int64_t		warm;			/* steps of a rising learning rate */
	int32_t    *label;
	TargetScale scale;			/* of rows with a target */
	float	   *target;			/* batch, or NULL */
	int64_t    *row;
	float	   *dz;
} Run;

void
plan_method(const TrainOptions *options, const Method *method, FitPlan *plan)
{
	plan->method = method;
	plan->n_terms = method == options->method ? options->n_terms : 1;
	for (int i = 0; i < plan->n_terms; i++)
	{
		plan->term[i] = options->term[i];
		if (plan->n_terms == 1)
			plan->term[i].method = method;
		plan->term[i].weight = plan->n_terms == 1 ? 1 : options->term[i].weight;
		plan->term[i].params = method == options->method ? options_loss(options, i) : method->defaults;
	}
	method_print(plan->term, plan->n_terms, plan->name, sizeof(plan->name));
}

LearnStatus
plan_loss(LearnEnv *env, const FitPlan *plan, const LossShape *shape, LossSum **loss)
{
	LossTerm	term[METHOD_MAX_TERMS];

	for (int t = 0; t < plan->n_terms; t++)
	{
		const Method *method = plan->term[t].method;

		term[t].loss = &method->loss;
		term[t].params = plan->term[t].params;
		term[t].weight = plan->term[t].weight;
		term[t].rate = plan->proxy_lr > 0 ? plan->proxy_lr : method->proxy_lr > 0 ? method->proxy_lr : 1;
	}
	return loss_sum_create(env, term, plan->n_terms, shape, loss);
}

/* HeldOutEmbed with the weights as they are now. */
static LearnStatus
embed_now(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	Run		   *run = ctx;
	Tower	   *tower = &run->stepper.tower[0];

	for (int i = 0; i < count; i += run->plan->batch)
	{
		int			n = count - i < run->plan->batch ? count - i : run->plan->batch;

		LEARN_TRY(run->rows->fetch(env, run->rows->ctx, index + i, n, tower->x));
		LEARN_TRY(stepper_embed(env, &run->stepper, 0, tower->x, n, out + (size_t) i * run->stepper.out));
	}
	return LEARN_OK;
}

/*
 * What is needed beside the model and allocated behind it: a loss for the classes, and one for each
 * coarser level.
 */
static LearnStatus
prepare(LearnEnv *env, Run *run, int tape_rows)
{
	const Rows *rows = run->rows;
	Stepper    *s = &run->stepper;
	size_t		batch = (size_t) run->plan->batch;
	int			levels = run->options->level_weight > 0 ? rows->n_levels : 0;
	LossShape	shape = {.unit = s->tower[0].net->spec.l2, .max_rows = run->plan->batch, .dims = s->out,
	.seed = (uint64_t) run->options->seed};

	LEARN_TRY(stepper_prepare(env, s, tape_rows));
	for (int l = 0; l <= levels; l++)
	{
		shape.n_classes = l == 0 ? rows->n_classes : rows->level_classes[l - 1];
		LEARN_TRY(stepper_add_loss(env, s, &shape));
	}
	if (levels > 0)
		LEARN_ALLOC(env, run->dz_level, batch * s->out);
	LEARN_TRY(stepper_start(env, s));
	LEARN_ALLOC(env, run->label, batch);
	if (rows->target)
		LEARN_ALLOC(env, run->target, batch);
	LEARN_ALLOC(env, run->row, batch);
	LEARN_ALLOC(env, run->dz, batch * s->out);
	return LEARN_OK;
}

/*
 * The losses of all levels of labels on a batch with the embeddings z: that of the classes, then
 * that of each coarser level with level_weight times the weight of the level below. Gradients go to
 * run->dz and the stepper.
 */
static double
evaluate_levels(Run *run, const float *z, int n)
{
	Stepper    *s = &run->stepper;
	size_t		cells = (size_t) n * s->out;
	double		value = 0;
	double		weight = 1;
	LossBatch	batch = {0};

	batch.z = z;
	batch.label = run->label;
	batch.id = run->row;
	batch.rows = n;
	batch.target = run->target;
	for (int i = 0; i < n; i++)
		run->label[i] = run->rows->label[run->row[i]];
	for (int i = 0; i < n && run->target; i++)
		run->target[i] = (float) target_of(run->rows, &run->scale, run->row[i]);
	for (int l = 0; l < s->n_losses; l++, weight *= run->options->level_weight)
	{
		/* of the finest class, which the labels of level 0 are */
		for (int i = 0; i < n && l > 0; i++)
			run->label[i] = run->rows->level[l - 1][run->rows->label[run->row[i]]];
		batch.dz = l == 0 ? run->dz : run->dz_level;
		value += weight * stepper_loss(s, l, &batch);
		if (l > 0)
		{
			vm_axpy(run->dz, (real) weight, run->dz_level, cells);
			vm_scale(stepper_dlearned(s, l), (real) weight, loss_sum_learned(s->loss[l]));
		}
	}
	return value;
}

/* FitTask.step */
static LearnStatus
step(LearnEnv *env, void *ctx, double lr, double *loss)
{
	Run		   *run = ctx;
	Stepper    *s = &run->stepper;
	int			n = sampler_next(run->sampler, run->row);
	const float *z;

	LEARN_TRY(run->rows->fetch(env, run->rows->ctx, run->row, n, s->tower[0].x));
	z = stepper_forward(s, 0, s->tower[0].x, n);
	if (z == NULL)
		return stepper_stopped(env);
	/* embeddings drift fast at first, so remembered ones would be stale */
	if (run->steps++ == run->warm)
		for (int l = 0; l < s->n_losses; l++)
			loss_sum_remember(s->loss[l]);
	*loss = evaluate_levels(run, z, n);
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(fit_check_loss(env, run->plan, *loss));
	LEARN_TRY(stepper_backward(env, s, 0, run->dz));
	if (run->views)
	{
		LEARN_TRY(fit_views_step(env, run->views, s, loss));
		LEARN_TRY(fit_check_loss(env, run->plan, *loss));
	}
	stepper_step(s, lr);
	return LEARN_OK;
}

/* FitTask.score */
static LearnStatus
score(LearnEnv *env, void *ctx, HeldOutScore *found)
{
	Run		   *run = ctx;

	return held_out_score(env, run->held_out, embed_now, run, run->stepper.out, found);
}

LearnStatus
fit_gradient(LearnEnv *env, const FitInput *input, const TrainOptions *options, const FitPlan *plan, Fit *fit)
{
	const Rows *rows = input->rows;
	const HeldOut *held_out = input->held_out;
	Run			run = {0};
	Stepper    *s = &run.stepper;
	FitTask		task = {&run, 0, {NULL, NULL}, step, held_out ? held_out->n_query : 0, held_out ? score : NULL};
	ArenaMark	mark;
	Rng			rng;
	int			tape_rows = plan->batch;

	LEARN_TRY(blas_load(env));
	run.rows = rows;
	s->plan = run.plan = plan;
	s->options = run.options = options;
	run.held_out = held_out;
	if (rows->target)
		LEARN_TRY(target_scale(env, rows, input->index, input->n, &run.scale));
	rng_seed(&rng, (uint64_t) options->seed, 3);
	LEARN_TRY(stepper_add_tower(env, s, rows, input->index, input->n, plan->prep, false, &rng));
	netspec_print(&s->tower[0].net->spec, fit->network, sizeof(fit->network));
	LEARN_TRY(stepper_model(env, s, 0, &fit->model));
	fit->model_b = NULL;
	LEARN_ALLOC(env, fit->history, plan->stop_after);
	fit->each = NULL;
	if (held_out && plan->each)
		LEARN_ALLOC(env, fit->each, (size_t) fit_judged(plan) * held_out->n_query);

	mark = arena_mark(env->arena);
	if (options->unlabeled > 0 && fit_views_tape(rows, input->n) > tape_rows)
		tape_rows = fit_views_tape(rows, input->n);
	LEARN_TRY(prepare(env, &run, tape_rows));
	if (options->unlabeled > 0)
		LEARN_TRY(fit_views_create(env, rows, input->index, input->n, options, s, &run.views));
	LEARN_TRY(sampler_create(env, rows, input->index, input->n, plan->batch, plan->rows_per_class, options->balance,
							 options->hard_share, (uint64_t) options->seed, &run.sampler));
	task.per_epoch = sampler_steps(run.sampler);
	task.net[0] = s->tower[0].net;
	run.warm = (int64_t) (options->warmup * task.per_epoch * plan->epochs);
	LEARN_TRY(fit_loop(env, options, plan, &task, fit));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
