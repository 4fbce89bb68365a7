/*
 * fit_views.c
 *	  The self-supervised term beside a loss of labels.
 *
 * Its rows come round in shuffled order and do not depend on the batch of labelled rows. So if few
 * rows have a label, a step still sees many rows without.
 */
#include "fit_views.h"

#include "learn/loss/loss_sum.h"
#include "learn/data/views.h"
#include "math/vmath.h"

#define MOST_ROWS	128			/* of a step, two views each */

struct FitViews
{
	const Rows *rows;
	double		weight;
	Views		views;
	LossSum    *loss;
	int64_t    *order;			/* rows, shuffled */
	int64_t		n;
	int64_t		next;
	int			count;			/* rows of a step */
	float	   *x;				/* count x d */
	float	   *view;			/* 2 count x d */
	int32_t    *label;			/* 2 count: the row's number in the step */
	float	   *dz;
	float	   *grad;			/* of the views */
	Rng			rng;
	Rng			view_rng;
};

static int
rows_of_step(const Rows *rows, int64_t n)
{
	int64_t		all = n + rows->n_unlabeled;

	return all < MOST_ROWS ? (int) all : MOST_ROWS;
}

int
fit_views_tape(const Rows *rows, int64_t n)
{
	return 2 * rows_of_step(rows, n);
}

LearnStatus
fit_views_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
				 const TrainOptions *options, const Stepper *stepper, FitViews **views)
{
	const Method *method = options_view_method(options);
	LossTerm	term = {&method->loss, method->defaults, 1, 1};
	LossShape	shape = {.unit = stepper->tower[0].net->spec.l2, .dims = stepper->out, .seed = (uint64_t) options->seed};
	FitViews   *v;
	size_t		two;

	LEARN_ALLOC(env, v, 1);
	v->rows = rows;
	v->weight = options->unlabeled;
	v->count = rows_of_step(rows, n);
	two = 2 * (size_t) v->count;
	LEARN_TRY(views_create(env, rows, index, n, options->noise, options->mask, options->mix, &v->views));
	shape.max_rows = (int) two;
	shape.n_classes = v->count;
	LEARN_TRY(loss_sum_create(env, &term, 1, &shape, &v->loss));

	v->n = n + rows->n_unlabeled;
	v->next = v->n;				/* shuffled in the first step */
	LEARN_ALLOC(env, v->order, v->n);
	for (int64_t i = 0; i < v->n; i++)
		v->order[i] = i < n ? index[i] : rows->n + (i - n);
	LEARN_ALLOC(env, v->x, (size_t) v->count * rows->d);
	LEARN_ALLOC(env, v->view, two * rows->d);
	LEARN_ALLOC(env, v->label, two);
	for (size_t i = 0; i < two; i++)
		v->label[i] = (int32_t) (i % v->count);
	LEARN_ALLOC(env, v->dz, two * shape.dims);
	LEARN_ALLOC(env, v->grad, stepper->n_params);
	rng_seed(&v->rng, (uint64_t) options->seed, 7);
	rng_seed(&v->view_rng, (uint64_t) options->seed, 8);
	*views = v;
	return LEARN_OK;
}

LearnStatus
fit_views_step(LearnEnv *env, FitViews *v, Stepper *stepper, double *loss)
{
	LossBatch	batch = {.label = v->label, .rows = 2 * v->count, .dz = v->dz};
	float	   *grad = stepper->grad;	/* of the labelled batch */

	if (v->next + v->count > v->n)
	{
		rng_shuffle(&v->rng, v->order, v->n);
		v->next = 0;
	}
	LEARN_TRY(v->rows->fetch(env, v->rows->ctx, v->order + v->next, v->count, v->x));
	v->next += v->count;
	views_make(&v->views, &v->view_rng, v->x, v->count, v->view);
	views_make(&v->views, &v->view_rng, v->x, v->count, v->view + (size_t) v->count * v->rows->d);
	batch.z = stepper_forward(stepper, 0, v->view, batch.rows);
	if (batch.z == NULL)
		return stepper_stopped(env);
	*loss += v->weight * loss_sum_evaluate(v->loss, &batch, NULL, NULL);
	LEARN_TRY(learn_poll(env));

	/* the backward pass overwrites */
	stepper->grad = v->grad;
	LEARN_TRY(stepper_backward(env, stepper, 0, v->dz));
	stepper->grad = grad;
	vm_axpy(grad, (real) v->weight, v->grad, stepper->n_params);
	return LEARN_OK;
}
