/*
 * constraint_fit.c
 *	  One run of gradient training on constraints: a batch of constraints, their rows through
 *	  the network (matches of two inputs: through two networks), the loss, and back.
 */
#include "constraint_fit.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "constraint_score.h"
#include "fit_loop.h"
#include "learn/loss/loss_quadruplet.h"
#include "learn/data/hard_negatives.h"
#include "known_matches.h"
#include "stepper.h"

typedef struct Run
{
	const Constraints *constraints;
	const FitPlan *plan;
	const TrainOptions *options;
	const Views *views;
	const Split *split;
	Stepper		stepper;		/* without a loss: quadruplets */
	Known	   *known;			/* matches */

	int64_t    *order;			/* constraints, shuffled */
	int64_t		n;
	int64_t		next;
	double	   *cumulative;		/* weights of order's constraints as they came; NULL: all alike */
	HardDraw	hard;			/* matches with constraints->hard_negatives */
	int64_t    *chosen;			/* constraints of the batch */
	int64_t    *row;			/* their rows, place by place */
	int32_t    *label;			/* pairs: same or not; views: the row's number in the batch */
	int8_t	   *relation;
	int8_t	   *turned;			/* matches: relation, transposed */
	float	   *z;				/* matches: embeddings of the first side */
	float	   *dz;
	float	   *dz_back;		/* matches: gradients of the second direction */
	float	   *view;			/* views: two of each row */
	float	   *dlearned;		/* matches: of the first direction */
	Rng			rng;			/* order */
	Rng			view_rng;
} Run;

/* ConstraintEmbed.embed with the weights as they are now. */
static LearnStatus
embed_now(LearnEnv *env, void *ctx, int side, const float *x, int count, float *out)
{
	Run		   *run = ctx;

	return stepper_embed(env, &run->stepper, run->stepper.n_towers > 1 ? side : 0, x, count, out);
}

/* ---------- batches ---------- */

/*
 * Draw a batch in which the hard negatives of each constraint stand beside it. Returns how many
 * constraints it has.
 */
static int
next_hard(Run *run, int n)
{
	int			anchors = hard_anchors(n, run->options->hard_share);
	int			count;

	if (anchors > n)
		anchors = n;
	if (run->next + n > run->n)
	{
		rng_shuffle(&run->rng, run->order, run->n);
		run->next = 0;
	}
	memcpy(run->chosen, run->order + run->next, sizeof(int64_t) * anchors);
	run->next += anchors;
	hard_begin(&run->hard, run->chosen, anchors);
	count = hard_fill(&run->hard, &run->rng, run->chosen, anchors, n);

	/*
	 * places that are left over go to the next constraints: there are at least n - anchors of them
	 */
	for (int left = n - anchors; count < n && left > 0; left--)
		count = hard_add(&run->hard, run->order[run->next++], run->chosen, count);
	return count;
}

/* Draw the constraints of the next batch. Returns how many there are. */
static int
next_batch(Run *run)
{
	int			n = run->plan->batch;

	if (run->n < n)
		n = (int) run->n;
	if (hard_exist(&run->constraints->hard_negatives) && run->options->hard_share > 0)
		return next_hard(run, n);
	if (run->cumulative)
	{
		/* a constraint of twice the weight is drawn twice as often */
		for (int i = 0; i < n; i++)
			run->chosen[i] = run->order[rng_choose(&run->rng, run->cumulative, run->n)];
		return n;
	}
	if (run->next + n > run->n)
	{
		rng_shuffle(&run->rng, run->order, run->n);
		run->next = 0;
	}
	memcpy(run->chosen, run->order + run->next, sizeof(int64_t) * n);
	run->next += n;
	return n;
}

/* Fetch the rows at a place of the constraints of the batch into out. */
static void
batch_rows(Run *run, int place, int n, int64_t *out)
{
	int			size = constraint_size(run->constraints->kind);

	for (int i = 0; i < n; i++)
		out[i] = run->constraints->row[run->chosen[i] * size + place];
}

/* Pairs, triplets, quadruplets: the rows of all places through one network. */
static LearnStatus
step_constraints(LearnEnv *env, Run *run, int n, double *loss)
{
	Stepper    *s = &run->stepper;
	Tower	   *t = &s->tower[0];
	int			size = constraint_size(run->constraints->kind);
	LossBatch	batch = {0};

	for (int k = 0; k < size; k++)
		batch_rows(run, k, n, run->row + (size_t) k * n);
	LEARN_TRY(t->rows->fetch(env, t->rows->ctx, run->row, size * n, t->x));
	batch.z = stepper_forward(s, 0, t->x, size * n);
	if (batch.z == NULL)
		return stepper_stopped(env);
	if (run->constraints->kind == CONSTRAINT_QUADRUPLETS)
		*loss = quadruplet_loss(run->plan->term[0].params.margin, batch.z, n, s->out, run->dz);
	else
	{
		if (run->constraints->kind == CONSTRAINT_PAIRS)
		{
			for (int i = 0; i < n; i++)
				run->label[i] = run->constraints->label[run->chosen[i]];
			relate_pairs(run->label, n, run->relation);
		}
		else
			relate_triplets(n, run->relation);
		batch.rows = size * n;
		batch.relation = run->relation;
		batch.dz = run->dz;
		*loss = stepper_loss(s, 0, &batch);
	}
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(fit_check_loss(env, run->plan, *loss));
	return stepper_backward(env, s, 0, run->dz);
}

/* Two views of each row form a class of their own. */
static LearnStatus
step_views(LearnEnv *env, Run *run, int n, double *loss)
{
	Stepper    *s = &run->stepper;
	Tower	   *t = &s->tower[0];
	LossBatch	batch = {0};

	batch_rows(run, 0, n, run->row);
	LEARN_TRY(t->rows->fetch(env, t->rows->ctx, run->row, n, t->x));
	views_make(run->views, &run->view_rng, t->x, n, run->view);
	views_make(run->views, &run->view_rng, t->x, n, run->view + (size_t) n * t->rows->d);
	for (int i = 0; i < 2 * n; i++)
		run->label[i] = i % n;
	batch.z = stepper_forward(s, 0, run->view, 2 * n);
	if (batch.z == NULL)
		return stepper_stopped(env);
	batch.label = run->label;
	batch.rows = 2 * n;
	batch.dz = run->dz;
	*loss = stepper_loss(s, 0, &batch);
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(fit_check_loss(env, run->plan, *loss));
	return stepper_backward(env, s, 0, run->dz);
}

/*
 * Matches: rows of side a against rows of side b and the reverse, the mean of both. One network
 * takes both sides in one batch.
 */
static LearnStatus
step_matches(LearnEnv *env, Run *run, int n, double *loss)
{
	Stepper    *s = &run->stepper;
	int			last = s->n_towers - 1;
	Tower	   *a = &s->tower[0];
	Tower	   *b = &s->tower[last];
	size_t		block = (size_t) n * s->out;
	float	   *dlearned = stepper_dlearned(s, 0);
	const float *z;
	LossBatch	batch = {0};
	double		back;

	batch_rows(run, 0, n, run->row);
	batch_rows(run, 1, n, run->row + n);
	LEARN_TRY(a->rows->fetch(env, a->rows->ctx, run->row, n, a->x));
	LEARN_TRY(b->rows->fetch(env, b->rows->ctx, run->row + n, n, b->x + (a == b ? (size_t) n * b->rows->d : 0)));
	z = stepper_forward(s, 0, a->x, a == b ? 2 * n : n);
	if (z == NULL)
		return stepper_stopped(env);
	memcpy(run->z, z, sizeof(float) * (a == b ? 2 * block : block));
	if (a != b)
	{
		z = stepper_forward(s, last, b->x, n);
		if (z == NULL)
			return stepper_stopped(env);
		memcpy(run->z + block, z, sizeof(float) * block);
	}
	known_relate(run->known, run->row, run->row + n, n, run->relation, run->turned);

	batch.z = run->z;
	batch.other = run->z + block;
	batch.rows = batch.cols = n;
	batch.relation = run->relation;
	batch.dz = run->dz;
	batch.dother = run->dz + block;
	*loss = stepper_loss(s, 0, &batch);
	LEARN_TRY(learn_poll(env));
	memcpy(run->dlearned, dlearned, sizeof(float) * s->n_learned);
	batch.z = run->z + block;
	batch.other = run->z;
	batch.relation = run->turned;
	batch.dz = run->dz_back + block;
	batch.dother = run->dz_back;
	back = stepper_loss(s, 0, &batch);
	LEARN_TRY(learn_poll(env));
	*loss = 0.5 * (*loss + back);
	LEARN_TRY(fit_check_loss(env, run->plan, *loss));
	for (size_t i = 0; i < 2 * block; i++)
		run->dz[i] = 0.5f * (run->dz[i] + run->dz_back[i]);
	for (size_t i = 0; i < s->n_learned; i++)
		dlearned[i] = 0.5f * (dlearned[i] + run->dlearned[i]);
	LEARN_TRY(stepper_backward(env, s, 0, run->dz));
	return a == b ? LEARN_OK : stepper_backward(env, s, last, run->dz + block);
}

/* FitTask.step */
static LearnStatus
step(LearnEnv *env, void *ctx, double lr, double *loss)
{
	Run		   *run = ctx;
	int			n = next_batch(run);

	if (run->constraints->kind == CONSTRAINT_MATCHES)
		LEARN_TRY(step_matches(env, run, n, loss));
	else if (run->constraints->kind == CONSTRAINT_NONE)
		LEARN_TRY(step_views(env, run, n, loss));
	else
		LEARN_TRY(step_constraints(env, run, n, loss));

	stepper_step(&run->stepper, lr);
	return LEARN_OK;
}

/* FitTask.score */
static LearnStatus
score(LearnEnv *env, void *ctx, HeldOutScore *found)
{
	Run		   *run = ctx;
	ConstraintEmbed	embed = {embed_now, run, run->stepper.out};

	return constraint_score(env, run->constraints, run->split, run->views, &embed, found);
}

/* ---------- setting up ---------- */

static LearnStatus
create_loss(LearnEnv *env, Run *run, int batch)
{
	Stepper    *s = &run->stepper;
	bool		matches = run->constraints->kind == CONSTRAINT_MATCHES;
	bool		views = run->constraints->kind == CONSTRAINT_NONE;
	int			size = views ? 2 : constraint_size(run->constraints->kind);
	LossShape	shape = {0};

	if (run->constraints->kind == CONSTRAINT_QUADRUPLETS)
		return LEARN_OK;
	shape.unit = s->tower[0].net->spec.l2 && s->tower[s->n_towers - 1].net->spec.l2;
	shape.max_rows = matches ? batch : size * batch;
	shape.max_cols = matches ? batch : 0;
	shape.dims = s->out;
	shape.n_classes = views ? batch : 1;
	shape.seed = (uint64_t) run->options->seed;
	return stepper_add_loss(env, s, &shape);
}

/* Equal weights act like none: each constraint then occurs once in an epoch. */
static bool
weights_differ(const double *weight, const int64_t *index, int64_t n)
{
	for (int64_t i = 1; i < n; i++)
		if (weight[index[i]] != weight[index[0]])
			return true;
	return false;
}

static LearnStatus
prepare(LearnEnv *env, Run *run, const int64_t *index, int64_t n)
{
	const Constraints *constraints = run->constraints;
	bool		matches = constraints->kind == CONSTRAINT_MATCHES;
	bool		views = constraints->kind == CONSTRAINT_NONE;
	int			size = views ? 2 : constraint_size(constraints->kind);
	int			batch = run->plan->batch < n ? run->plan->batch : (int) n;
	size_t		cells = (size_t) batch * run->stepper.out;
	size_t		side = (size_t) (matches ? batch : size * batch);

	LEARN_TRY(stepper_prepare(env, &run->stepper, run->stepper.n_towers > 1 ? batch : size * batch));
	LEARN_TRY(create_loss(env, run, batch));
	LEARN_TRY(stepper_start(env, &run->stepper));
	if (views)
		LEARN_ALLOC(env, run->view, (size_t) size * batch * constraints->rows->d);
	LEARN_ALLOC(env, run->chosen, batch);
	LEARN_ALLOC(env, run->row, (size_t) size * batch);
	LEARN_ALLOC(env, run->label, (size_t) size * batch);
	LEARN_ALLOC(env, run->dz, size * cells);
	if (constraints->kind != CONSTRAINT_QUADRUPLETS && !views)
		LEARN_ALLOC(env, run->relation, side * side);
	if (matches)
	{
		LEARN_ALLOC(env, run->turned, side * side);
		LEARN_ALLOC(env, run->z, size * cells);
		LEARN_ALLOC(env, run->dz_back, size * cells);
		LEARN_ALLOC(env, run->dlearned, run->stepper.n_learned);
		LEARN_TRY(known_create(env, constraints, batch, &run->known));
	}

	run->n = n;
	run->next = n;				/* shuffled when the first batch is drawn */
	LEARN_ALLOC(env, run->order, n);
	memcpy(run->order, index, sizeof(int64_t) * n);
	if (hard_exist(&constraints->hard_negatives))
		LEARN_TRY(hard_create(env, &constraints->hard_negatives, batch, constraints->n, index, n, &run->hard));
	if (constraints->weight && weights_differ(constraints->weight, index, n))
	{
		double		sum = 0;

		LEARN_ALLOC(env, run->cumulative, n);
		for (int64_t i = 0; i < n; i++)
			run->cumulative[i] = sum += constraints->weight[index[i]];
	}
	rng_seed(&run->rng, (uint64_t) run->options->seed, 2);
	rng_seed(&run->view_rng, (uint64_t) run->options->seed, 6);
	return LEARN_OK;
}

/*
 * An adapter begins as no change, a residual layer of zeros; or, with one layer, as the plan's map, less the identity where the layer
 * adds it.
 */
static void
begin_adapter(Net *net, const float *start)
{
	const LayerSpec *last = &net->spec.layer[net->spec.n_layers - 1];
	const LayerOffset *at = &net->offset[net->spec.n_layers - 1];

	if (start)
		for (int i = 0; i < last->width; i++)
			for (int j = 0; j < net->spec.in; j++)
				net->params[at->weight + (int64_t) i * net->spec.in + j] = start[(int64_t) i * net->spec.in + j] - (last->residual && i == j);
	else if (last->residual)
		memset(net->params + at->weight, 0, sizeof(float) * last->width *
			   (net->spec.n_layers > 1 ? net->spec.layer[net->spec.n_layers - 2].width : net->spec.in));
}

LearnStatus
constraint_fit(LearnEnv *env, const ConstraintInput *input, const TrainOptions *options, const FitPlan *plan, Fit *fit)
{
	const Constraints *constraints = input->constraints;
	const Split *split = input->held_out;
	int64_t		n = input->n;
	Run			run = {0};
	Stepper    *s = &run.stepper;
	int			towers = constraint_two_towers(constraints) ? 2 : 1;
	FitTask		task = {&run, 0, {NULL, NULL}, step, split ? split->n_held : 0, split ? score : NULL};
	ArenaMark	mark;
	Rng			rng;

	LEARN_TRY(blas_load(env));
	run.constraints = constraints;
	s->plan = run.plan = plan;
	s->options = run.options = options;
	run.views = input->views;
	run.split = split;
	rng_seed(&rng, (uint64_t) options->seed, 3);
	for (int i = 0; i < towers; i++)
	{
		int64_t    *rows;
		int64_t		n_rows;
		PrepKind	prep = plan->prep;
		bool		one_scale;

		/* the two inputs may be of different kinds, so each is examined */
		if (i == 1 && options->preprocess < 0)
		{
			LEARN_TRY(prep_one_scale(env, constraints->rows_b, &one_scale));
			prep = one_scale ? PREP_SCALE : PREP_STANDARDIZE;
		}
		LEARN_TRY(constraint_rows(env, constraints, i, input->index, n, &rows, &n_rows));
		LEARN_TRY(stepper_add_tower(env, s, i == 0 ? constraints->rows : constraints->rows_b, rows, n_rows,
									prep, i == 1 && constraints->adapter, &rng));
	}
	if (s->out != netspec_out(&s->tower[towers - 1].net->spec))
	{
		learn_fail(env, LEARN_INVALID, "the network has %d dimensions, and the stored vectors have %d",
				   s->out, constraints->rows_b->d);
		learn_hint(env, "An adapter embeds into the space of the stored vectors.");
		return LEARN_INVALID;
	}
	if (constraints->adapter)
		begin_adapter(s->tower[0].net, plan->start);
	netspec_print(&s->tower[0].net->spec, fit->network, sizeof(fit->network));
	LEARN_TRY(stepper_model(env, s, 0, &fit->model));
	fit->model_b = NULL;
	fit->each = NULL;
	if (towers > 1)
		LEARN_TRY(stepper_model(env, s, 1, &fit->model_b));
	LEARN_ALLOC(env, fit->history, plan->stop_after);
	if (split && plan->each)
		LEARN_ALLOC(env, fit->each, (size_t) fit_judged(plan) * split->n_held);

	mark = arena_mark(env->arena);
	LEARN_TRY(prepare(env, &run, input->index, n));
	task.per_epoch = (n + plan->batch - 1) / plan->batch;
	for (int i = 0; i < towers; i++)
		task.net[i] = s->tower[i].net;
	LEARN_TRY(fit_loop(env, options, plan, &task, fit));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
