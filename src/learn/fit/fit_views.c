/*
 * fit_views.c
 *	  The self-supervised term beside a loss of labels.
 *
 * Its rows come round in shuffled order, and have nothing to do with the batch of labelled rows: where few rows
 * have a label, a step still sees many without.
 */
#include "fit_views.h"

#include <math.h>

#include "learn/loss/loss_sum.h"
#include "learn/data/views.h"
#include "math/vmath.h"

#define MOST_ROWS	128			/* of a step, two views each */

struct FitViews
{
	const Rows *rows;
	const Prep *prep;
	const Net  *net;
	double		weight;
	Views		views;
	LossSum    *loss;
	int64_t    *order;			/* rows, shuffled */
	int64_t		n;
	int64_t		next;
	int			count;			/* rows of a step */
	float	   *x;				/* count x d */
	float	   *view;			/* 2 count x d */
	float	   *in;				/* 2 count x prep->out */
	float	   *scratch;		/* of prep_apply, or NULL */
	int32_t    *label;			/* 2 count: the row's number in the step */
	float	   *dz;
	float	   *grad;			/* of the network */
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
				 const TrainOptions *options, const Prep *prep, const Net *net, FitViews **views)
{
	const Method *method = options_view_method(options);
	LossTerm	term = {&method->loss, method->defaults, 1, 1};
	LossShape	shape = {.unit = net->spec.l2, .dims = netspec_out(&net->spec), .seed = (uint64_t) options->seed};
	FitViews   *v;
	size_t		two;

	LEARN_ALLOC(env, v, 1);
	v->rows = rows;
	v->prep = prep;
	v->net = net;
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
	LEARN_ALLOC(env, v->in, two * prep->out);
	v->scratch = NULL;
	if (prep->proj)
		LEARN_ALLOC(env, v->scratch, two * rows->d);
	LEARN_ALLOC(env, v->label, two);
	for (size_t i = 0; i < two; i++)
		v->label[i] = (int32_t) (i % v->count);
	LEARN_ALLOC(env, v->dz, two * shape.dims);
	LEARN_ALLOC(env, v->grad, net->n_params);
	rng_seed(&v->rng, (uint64_t) options->seed, 7);
	rng_seed(&v->view_rng, (uint64_t) options->seed, 8);
	*views = v;
	return LEARN_OK;
}

LearnStatus
fit_views_step(LearnEnv *env, FitViews *v, NetTape *tape, Rng *dropout, float *grad, double *loss)
{
	LossBatch	batch = {.label = v->label, .rows = 2 * v->count, .dz = v->dz};

	if (v->next + v->count > v->n)
	{
		rng_shuffle(&v->rng, v->order, v->n);
		v->next = 0;
	}
	LEARN_TRY(v->rows->fetch(env, v->rows->ctx, v->order + v->next, v->count, v->x));
	v->next += v->count;
	views_make(&v->views, &v->view_rng, v->x, v->count, v->view);
	views_make(&v->views, &v->view_rng, v->x, v->count, v->view + (size_t) v->count * v->rows->d);
	prep_apply(v->prep, v->view, batch.rows, v->in, v->scratch);
	batch.z = net_forward(v->net, tape, v->in, batch.rows, true, dropout);
	if (batch.z == NULL)
		return learn_fail(env, LEARN_CANCELLED, "training was cancelled");
	*loss += v->weight * loss_sum_evaluate(v->loss, &batch, NULL, NULL);
	LEARN_TRY(learn_poll(env));
	LEARN_TRY(net_backward(v->net, tape, v->dz, v->grad));
	vm_axpy(grad, (float) v->weight, v->grad, v->net->n_params);
	return LEARN_OK;
}
