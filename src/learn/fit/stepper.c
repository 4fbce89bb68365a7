/*
 * stepper.c
 *	  What every run of gradient training uses in a step.
 */
#include "stepper.h"

#include <string.h>

LearnStatus
stepper_add_tower(LearnEnv *env, Stepper *s, const Rows *rows, const int64_t *index, int64_t n,
				  PrepKind prep, bool frozen, Rng *rng)
{
	Tower	   *t = &s->tower[s->n_towers++];
	NetSpec		spec;

	t->rows = rows;
	LEARN_TRY(prep_fit(env, frozen ? PREP_NONE : prep, rows, index, n, s->plan->components, &t->prep));
	LEARN_TRY(netspec_parse(env, frozen ? "identity" : s->plan->network, t->prep->out, &spec));
	if (spec.n_layers == 0 && !frozen)
		return learn_fail(env, LEARN_INVALID, "method \"%s\" needs a network with at least one layer", s->plan->name);
	LEARN_TRY(net_create(env, &spec, &t->net));
	net_init(t->net, rng);
	s->out = netspec_out(&s->tower[0].net->spec);
	return LEARN_OK;
}

LearnStatus
stepper_model(LearnEnv *env, const Stepper *s, int tower, Model **model)
{
	LEARN_ALLOC(env, *model, 1);
	(*model)->prep = s->tower[tower].prep;
	(*model)->net = s->tower[tower].net;
	(*model)->origin = NULL;
	(*model)->encoder = NULL;
	return LEARN_OK;
}

LearnStatus
stepper_prepare(LearnEnv *env, Stepper *s, int max_rows)
{
	for (int i = 0; i < s->n_towers; i++)
	{
		Tower	   *t = &s->tower[i];

		t->max_rows = max_rows;
		t->tape = NULL;
		t->scratch = NULL;
		if (t->net->spec.n_layers > 0)
			LEARN_TRY(net_tape_create(env, t->net, max_rows, &t->tape));
		LEARN_ALLOC(env, t->x, (size_t) max_rows * t->rows->d);
		LEARN_ALLOC(env, t->in, (size_t) max_rows * t->prep->out);
		if (t->prep->proj)
			LEARN_ALLOC(env, t->scratch, (size_t) max_rows * t->rows->d);
		t->first = s->n_params;
		s->n_params += t->net->n_params;
	}
	return LEARN_OK;
}

LearnStatus
stepper_add_loss(LearnEnv *env, Stepper *s, const LossShape *shape)
{
	LEARN_TRY(plan_loss(env, s->plan, shape, &s->loss[s->n_losses]));
	s->first[s->n_losses] = s->n_learned;
	s->n_learned += loss_sum_learned(s->loss[s->n_losses]);
	s->n_losses++;
	return LEARN_OK;
}

LearnStatus
stepper_start(LearnEnv *env, Stepper *s)
{
	Rng			rng;

	LEARN_TRY(optim_create(env, (OptimKind) s->options->optimizer, s->n_params + s->n_learned,
						   s->options->momentum, s->options->beta2, s->options->adam_epsilon, &s->optim));
	LEARN_ALLOC(env, s->grad, s->n_params + s->n_learned);
	LEARN_ALLOC(env, s->learned, s->n_learned);
	rng_seed(&rng, (uint64_t) s->options->seed, 4);
	for (int i = 0; i < s->n_losses; i++)
		if (loss_sum_learned(s->loss[i]) > 0)
			loss_sum_start(s->loss[i], &rng, s->learned + s->first[i]);
	rng_seed(&s->dropout, (uint64_t) s->options->seed, 5);
	return LEARN_OK;
}

static const float *
forward(Stepper *s, int tower, const float *x, int n, bool training)
{
	Tower	   *t = &s->tower[tower];

	prep_apply(t->prep, x, n, t->in, t->scratch);
	return t->tape ? net_forward(t->net, t->tape, t->in, n, training, training ? &s->dropout : NULL) : t->in;
}

const float *
stepper_forward(Stepper *s, int tower, const float *x, int n)
{
	return forward(s, tower, x, n, true);
}

LearnStatus
stepper_backward(LearnEnv *env, Stepper *s, int tower, const float *dz)
{
	Tower	   *t = &s->tower[tower];

	return t->tape ? net_backward(t->net, t->tape, dz, s->grad + t->first) : LEARN_OK;
}

LearnStatus
stepper_embed(LearnEnv *env, Stepper *s, int tower, const float *x, int count, float *out)
{
	const Tower *t = &s->tower[tower];

	for (int i = 0; i < count; i += t->max_rows)
	{
		int			n = count - i < t->max_rows ? count - i : t->max_rows;
		const float *z = forward(s, tower, x + (size_t) i * t->rows->d, n, false);

		if (z == NULL)
			return stepper_stopped(env);
		memcpy(out + (size_t) i * s->out, z, sizeof(float) * n * s->out);
	}
	return LEARN_OK;
}

double
stepper_loss(Stepper *s, int loss, const LossBatch *batch)
{
	return loss_sum_evaluate(s->loss[loss], batch, s->learned + s->first[loss], stepper_dlearned(s, loss));
}

float *
stepper_dlearned(Stepper *s, int loss)
{
	return s->grad + s->n_params + s->first[loss];
}

LearnStatus
stepper_stopped(LearnEnv *env)
{
	return learn_fail(env, LEARN_CANCELLED, "training was cancelled");
}

void
stepper_step(Stepper *s, double lr)
{
	size_t		first;
	size_t		count;
	double		rate;

	/*
	 * the gradient of the proxies has another scale, so the clipping of the networks leaves it out
	 */
	optim_clip(s->grad, s->n_params, s->options->clip);
	optim_begin(s->optim);
	for (int i = 0; i < s->n_towers; i++)
		if (s->tower[i].tape)
			optim_update_net(s->optim, s->tower[i].first, s->tower[i].net, s->grad + s->tower[i].first, lr, s->options->weight_decay);
	for (int i = 0; i < s->n_losses; i++)
		for (int part = 0; loss_sum_part(s->loss[i], part, &first, &count, &rate); part++)
			if (count > 0)
				optim_update(s->optim, s->n_params + s->first[i] + first, count, s->learned + s->first[i] + first,
							 stepper_dlearned(s, i) + first, lr * rate, 0);
}
