/*
 * optim.c
 *	  AdamW, SGD with momentum, clipping, and the learning rate's course.
 */
#include "optim.h"

#include <math.h>
#include <string.h>

#include "math/vmath.h"

struct Optim
{
	OptimKind	kind;
	size_t		n_params;
	double		momentum;
	double		beta2;
	double		eps;
	int64_t		step;			/* steps begun */
	real	   *m;				/* first moment, or velocity */
	real	   *v;				/* second moment: adamw */
};

LearnStatus
optim_create(LearnEnv *env, OptimKind kind, size_t n_params,
			 double momentum, double beta2, double eps, Optim **optim)
{
	Optim	   *o;

	LEARN_ALLOC(env, o, 1);
	o->kind = kind;
	o->n_params = n_params;
	o->momentum = momentum;
	o->beta2 = beta2;
	o->eps = eps;
	o->v = NULL;
	LEARN_ALLOC(env, o->m, n_params);
	if (kind == OPTIM_ADAMW)
		LEARN_ALLOC(env, o->v, n_params);
	optim_reset(o);
	*optim = o;
	return LEARN_OK;
}

void
optim_reset(Optim *optim)
{
	optim->step = 0;
	memset(optim->m, 0, optim->n_params * sizeof(real));
	if (optim->v != NULL)
		memset(optim->v, 0, optim->n_params * sizeof(real));
}

void
optim_begin(Optim *optim)
{
	optim->step++;
}

/* v = momentum v + (grad + decay param); param -= lr v */
static void
sgd_update(real *param, real *v, const real *grad, size_t n, real lr, real momentum, real decay)
{
	for (size_t i = 0; i < n; i++)
	{
		v[i] = momentum * v[i] + (grad[i] + decay * param[i]);
		param[i] -= lr * v[i];
	}
}

void
optim_update(Optim *optim, size_t first, size_t n, real *param, const real *grad, double lr, double decay)
{
	if (optim->kind == OPTIM_SGD)
		sgd_update(param, optim->m + first, grad, n, lr, optim->momentum, decay);
	else
		vm_adamw(param, optim->m + first, optim->v + first, grad, n,
				 lr, optim->momentum, optim->beta2, optim->eps, decay,
				 1 - pow(optim->momentum, optim->step), 1 - pow(optim->beta2, optim->step));
}

void
optim_update_net(Optim *optim, size_t first, Net *net, const real *grad, double lr, double decay)
{
	size_t		begin = 0;

	while (begin < net->n_params)
	{
		bool		decays;
		size_t		end = net_decay_range(net, begin, &decays);

		optim_update(optim, first + begin, end - begin, net->params + begin, grad + begin,
					 lr, decays ? decay : 0);
		begin = end;
	}
}

double
optim_clip_scale(double norm, double max_norm)
{
	return max_norm > 0 && isfinite(norm) && norm > max_norm ? max_norm / norm : 1;
}

double
optim_clip(real *grad, size_t n, double max_norm)
{
	double		norm = sqrt(vm_sum_squares(grad, n));
	double		scale = optim_clip_scale(norm, max_norm);

	if (scale != 1)
		vm_scale(grad, scale, n);
	return norm;
}

double
schedule_rate(double base, int64_t warmup_steps, int64_t steps, double final_share, int64_t step)
{
	double		progress;

	if (step < warmup_steps)
		return base * (step + 1) / warmup_steps;
	if (step >= steps)
		return base * final_share;
	progress = (double) (step - warmup_steps) / (steps - warmup_steps);
	return base * (final_share + (1 - final_share) * 0.5 * (1 + cos(3.14159265358979323846 * progress)));
}
