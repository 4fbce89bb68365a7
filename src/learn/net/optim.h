/*
 * optim.h
 *	  The optimisers, over flat buffers of parameters, and the learning rate's course.
 *
 * A step: optim_begin(), then optim_update() once for each range of parameters.  What
 * differs from range to range (learning rate, weight decay) is an argument; the state
 * (moments) is one buffer in which each range has its place.
 */
#ifndef OPTIM_H
#define OPTIM_H

#include "base/learn.h"
#include "net.h"

typedef enum OptimKind
{
	/* Loshchilov and Hutter, arXiv 1711.05101: decay beside the gradient's step */
	OPTIM_ADAMW,
	/* with momentum, as PyTorch has it: decay is part of the gradient */
	OPTIM_SGD
} OptimKind;

typedef struct Optim Optim;

/*
 * For n_params parameters in all.  momentum is sgd's, and adamw's beta1, both in [0, 1);
 * sgd does not read beta2 and eps.
 */
extern LearnStatus optim_create(LearnEnv *env, OptimKind kind, size_t n_params,
								double momentum, double beta2, double eps, Optim **optim);

/* A new step begins: counts for adamw's bias correction. */
extern void optim_begin(Optim *optim);

/*
 * One step of param[0..n) along grad, whose state is at first .. first + n - 1 of the
 * optimiser's n_params.
 */
extern void optim_update(Optim *optim, size_t first, size_t n, real *param, const real *grad,
						 double lr, double decay);

/* As above, for all of a network, its state from first on; decay where net_decays() says so. */
extern void optim_update_net(Optim *optim, size_t first, Net *net, const real *grad,
							 double lr, double decay);

/* Forget the moments, as at the start. */
extern void optim_reset(Optim *optim);

/*
 * Scale grad so that its norm is max_norm if it is above; returns the norm before.
 * max_norm 0: no clipping.  A norm that is not finite leaves grad as it is.
 * For several buffers: add up vm_sum_squares() and vm_scale() each by optim_clip_scale().
 */
extern double optim_clip(real *grad, size_t n, double max_norm);
extern double optim_clip_scale(double norm, double max_norm);

/*
 * The learning rate of step (from 0) of steps: rising in a line to base during the first
 * warmup_steps, then falling as half a cosine towards final * base at steps.
 */
extern double schedule_rate(double base, int64_t warmup_steps, int64_t steps, double final_share, int64_t step);

#endif							/* OPTIM_H */
