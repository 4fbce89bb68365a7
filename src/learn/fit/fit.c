/*
 * fit.c
 *	  One run of gradient training on labels or a target: batches, forward, loss, backward, optimiser.
 */
#include "fit.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "fit_loop.h"
#include "fit_views.h"
#include "learn/loss/loss_sum.h"
#include "learn/net/optim.h"
#include "learn/data/sampler.h"
#include "learn/data/target.h"
#include "math/vmath.h"

typedef struct Run
{
	const Rows *rows;
	const FitPlan *plan;
	const TrainOptions *options;
	const Judge *judge;			/* or NULL */
	Sampler    *sampler;
	FitViews   *views;			/* or NULL: no self-supervised term */
	Prep	   *prep;
	Net		   *net;
	NetTape    *tape;
	int			n_levels;		/* of labels: the classes, then the classes of classes */
	LossSum    *loss[1 + ROWS_MAX_LEVELS];
	size_t		first[1 + ROWS_MAX_LEVELS]; /* of what a level's loss learns among all that is learned */
	float	   *dz_level;		/* a coarser level's gradient, or NULL */
	int64_t		steps;			/* done */
	int64_t		warm;			/* steps of a rising learning rate */
	Optim	   *optim;			/* the network's parameters, then what the losses learn */
	size_t		n_learned;		/* numbers that the losses learn: proxies, above all */
	float	   *x;				/* batch x d, as fetched */
	float	   *in;				/* batch x prep->out */
	float	   *scratch;		/* of prep_apply, or NULL */
	int32_t    *label;
	TargetScale scale;			/* of rows with a target */
	float	   *target;			/* batch, or NULL */
	int64_t    *row;
	float	   *dz;
	float	   *grad;			/* the network's, then the losses' */
	float	   *learned;
	Rng			dropout;
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

static LearnStatus
load_batch(LearnEnv *env, Run *run, const int64_t *row, int n)
{
	LEARN_TRY(run->rows->fetch(env, run->rows->ctx, row, n, run->x));
	prep_apply(run->prep, run->x, n, run->in, run->scratch);
	return LEARN_OK;
}

/* JudgeEmbed with the weights as they are now. */
static LearnStatus
embed_now(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	Run		   *run = ctx;
	int			width = netspec_out(&run->net->spec);

	for (int i = 0; i < count; i += run->plan->batch)
	{
		int			n = count - i < run->plan->batch ? count - i : run->plan->batch;
		const float *z;

		LEARN_TRY(load_batch(env, run, index + i, n));
		z = net_forward(run->net, run->tape, run->in, n, false, NULL);
		if (z == NULL)
			return learn_fail(env, LEARN_CANCELLED, "training was cancelled");
		memcpy(out + (size_t) i * width, z, sizeof(float) * n * width);
	}
	return LEARN_OK;
}

/* What is needed beside the model, allocated behind it. */
static LearnStatus
prepare(LearnEnv *env, Run *run, int tape_rows)
{
	const FitPlan *plan = run->plan;
	int			out = netspec_out(&run->net->spec);
	size_t		batch = (size_t) plan->batch;
	LossShape	shape = {0};
	Rng			rng;

	LEARN_TRY(net_tape_create(env, run->net, tape_rows, &run->tape));
	shape.unit = run->net->spec.l2;
	shape.max_rows = plan->batch;
	shape.dims = out;
	shape.seed = (uint64_t) run->options->seed;
	run->n_levels = 1 + (run->options->level_weight > 0 ? run->rows->n_levels : 0);
	for (int l = 0; l < run->n_levels; l++)
	{
		shape.n_classes = l == 0 ? run->rows->n_classes : run->rows->level_classes[l - 1];
		LEARN_TRY(plan_loss(env, plan, &shape, &run->loss[l]));
		run->first[l] = run->n_learned;
		run->n_learned += loss_sum_learned(run->loss[l]);
	}
	if (run->n_levels > 1)
		LEARN_ALLOC(env, run->dz_level, batch * out);
	LEARN_TRY(optim_create(env, (OptimKind) run->options->optimizer, run->net->n_params + run->n_learned,
						   run->options->momentum, run->options->beta2, run->options->adam_epsilon,
						   &run->optim));
	LEARN_ALLOC(env, run->x, batch * run->rows->d);
	LEARN_ALLOC(env, run->in, batch * run->prep->out);
	run->scratch = NULL;
	if (run->prep->proj)
		LEARN_ALLOC(env, run->scratch, batch * run->rows->d);
	LEARN_ALLOC(env, run->label, batch);
	if (run->rows->target)
		LEARN_ALLOC(env, run->target, batch);
	LEARN_ALLOC(env, run->row, batch);
	LEARN_ALLOC(env, run->dz, batch * out);
	LEARN_ALLOC(env, run->grad, run->net->n_params + run->n_learned);
	run->learned = NULL;
	if (run->n_learned > 0)
	{
		LEARN_ALLOC(env, run->learned, run->n_learned);
		rng_seed(&rng, (uint64_t) run->options->seed, 4);
		for (int l = 0; l < run->n_levels; l++)
			loss_sum_start(run->loss[l], &rng, run->learned + run->first[l]);
	}
	rng_seed(&run->dropout, (uint64_t) run->options->seed, 5);
	return LEARN_OK;
}

/*
 * The losses of all levels of labels on a batch with the embeddings z: the classes' own, and each
 * coarser level's with level_weight times the weight of the one below.  Gradients to run->dz and run->grad.
 */
static double
evaluate_levels(Run *run, const float *z, int n)
{
	size_t		n_net = run->net->n_params;
	size_t		cells = (size_t) n * netspec_out(&run->net->spec);
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
	for (int l = 0; l < run->n_levels; l++, weight *= run->options->level_weight)
	{
		float	   *dlearned = run->grad + n_net + run->first[l];

		/* of the finest class, which the labels of level 0 are */
		for (int i = 0; i < n && l > 0; i++)
			run->label[i] = run->rows->level[l - 1][run->rows->label[run->row[i]]];
		batch.dz = l == 0 ? run->dz : run->dz_level;
		value += weight * loss_sum_evaluate(run->loss[l], &batch, run->learned ? run->learned + run->first[l] : NULL, dlearned);
		if (l > 0)
		{
			vm_axpy(run->dz, (real) weight, run->dz_level, cells);
			vm_scale(dlearned, (real) weight, loss_sum_learned(run->loss[l]));
		}
	}
	return value;
}

/* FitTask.step */
static LearnStatus
step(LearnEnv *env, void *ctx, double lr, double *loss)
{
	Run		   *run = ctx;
	size_t		n_net = run->net->n_params;
	int			n = sampler_next(run->sampler, run->row);
	const float *z;
	size_t		first,
				count;
	double		rate;

	LEARN_TRY(load_batch(env, run, run->row, n));
	z = net_forward(run->net, run->tape, run->in, n, true, &run->dropout);
	if (z == NULL)
		return learn_fail(env, LEARN_CANCELLED, "training was cancelled");
	/* embeddings drift fast at first: what is remembered would be stale */
	if (run->steps++ == run->warm)
		for (int l = 0; l < run->n_levels; l++)
			loss_sum_remember(run->loss[l]);
	*loss = evaluate_levels(run, z, n);
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(fit_check_loss(env, run->plan, *loss));
	LEARN_TRY(net_backward(run->net, run->tape, run->dz, run->grad));
	if (run->views)
	{
		LEARN_TRY(fit_views_step(env, run->views, run->tape, &run->dropout, run->grad, loss));
		LEARN_TRY(fit_check_loss(env, run->plan, *loss));
	}

	/* the proxies' gradient is of another scale: it does not count for the network's clipping */
	optim_clip(run->grad, n_net, run->options->clip);
	optim_begin(run->optim);
	optim_update_net(run->optim, 0, run->net, run->grad, lr, run->options->weight_decay);
	for (int l = 0; l < run->n_levels; l++)
		for (int t = 0; loss_sum_part(run->loss[l], t, &first, &count, &rate); t++)
			if (count > 0)
				optim_update(run->optim, n_net + run->first[l] + first, count, run->learned + run->first[l] + first,
							 run->grad + n_net + run->first[l] + first, lr * rate, 0);
	return LEARN_OK;
}

/* FitTask.score */
static LearnStatus
score(LearnEnv *env, void *ctx, HeldOutScore *found)
{
	Run		   *run = ctx;

	return judge_score(env, run->judge, embed_now, run, netspec_out(&run->net->spec), found);
}

LearnStatus
fit_gradient(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
			 const TrainOptions *options, const FitPlan *plan, const Judge *judge, Fit *fit)
{
	Run			run = {0};
	FitTask		task = {&run, 0, {NULL, NULL}, step, judge ? judge->n_query : 0, judge ? score : NULL};
	NetSpec		spec;
	ArenaMark	mark;
	Rng			rng;
	int			tape_rows;

	LEARN_TRY(blas_load(env));
	run.rows = rows;
	run.plan = plan;
	run.options = options;
	run.judge = judge;
	if (rows->target)
		LEARN_TRY(target_scale(env, rows, index, n, &run.scale));
	LEARN_TRY(prep_fit(env, plan->prep, rows, index, n, plan->components, &run.prep));
	LEARN_TRY(netspec_parse(env, plan->network, run.prep->out, &spec));
	if (spec.n_layers == 0)
		return learn_fail(env, LEARN_INVALID, "method \"%s\" needs a network with at least one layer",
						  plan->name);
	LEARN_TRY(net_create(env, &spec, &run.net));
	rng_seed(&rng, (uint64_t) options->seed, 3);
	net_init(run.net, &rng);
	netspec_print(&spec, fit->network, sizeof(fit->network));
	LEARN_ALLOC(env, fit->model, 1);
	fit->model->prep = run.prep;
	fit->model->net = run.net;
	fit->model_b = NULL;
	LEARN_ALLOC(env, fit->history, plan->stop_after);
	fit->each = NULL;
	if (judge && plan->each)
		LEARN_ALLOC(env, fit->each, (size_t) fit_judged(plan) * judge->n_query);

	mark = arena_mark(env->arena);
	tape_rows = plan->batch;
	if (options->unlabeled > 0 && fit_views_tape(rows, n) > tape_rows)
		tape_rows = fit_views_tape(rows, n);
	LEARN_TRY(prepare(env, &run, tape_rows));
	if (options->unlabeled > 0)
		LEARN_TRY(fit_views_create(env, rows, index, n, options, run.prep, run.net, &run.views));
	LEARN_TRY(sampler_create(env, rows, index, n, plan->batch, plan->rows_per_class, options->balance,
							 options->hard_share, (uint64_t) options->seed, &run.sampler));
	task.per_epoch = sampler_steps(run.sampler);
	task.net[0] = run.net;
	run.warm = (int64_t) (options->warmup * task.per_epoch * plan->epochs);
	LEARN_TRY(fit_loop(env, options, plan, &task, fit));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
