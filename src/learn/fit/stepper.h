/*
 * stepper.h
 *	  What every run of gradient training uses in a step: networks, losses, optimiser, clipping.
 *
 * A run has one tower, or two for two inputs, and some losses. A loss may learn numbers of its own
 * (proxies). The caller makes batches, hands embeddings to the losses, and gradients back to the
 * towers.
 */
#ifndef STEPPER_H
#define STEPPER_H

#include "fit.h"
#include "learn/data/prep.h"
#include "learn/net/optim.h"

#define STEPPER_LOSSES	(1 + ROWS_MAX_LEVELS)

/* One input's way to the embedding. */
typedef struct Tower
{
	const Rows *rows;
	Prep	   *prep;
	Net		   *net;
	NetTape    *tape;			/* NULL: a network without layers, which stays as it is */
	int			max_rows;
	size_t		first;			/* of its parameters among all */
	float	   *x;				/* max_rows x d, as fetched */
	float	   *in;				/* max_rows x prep->out */
	float	   *scratch;		/* of prep_apply, or NULL */
} Tower;

typedef struct Stepper
{
	const FitPlan *plan;
	const TrainOptions *options;
	Tower		tower[2];
	int			n_towers;
	int			out;			/* dimensions of the embedding */
	LossSum    *loss[STEPPER_LOSSES];
	size_t		first[STEPPER_LOSSES];	/* of what a loss learns among all that losses learn */
	int			n_losses;
	Optim	   *optim;			/* the towers' parameters, then what the losses learn */
	size_t		n_params;		/* of the towers */
	size_t		n_learned;		/* of the losses */
	float	   *grad;			/* n_params + n_learned */
	float	   *learned;		/* n_learned */
	Rng			dropout;
} Stepper;

/*
 * Add a tower for rows, whose preprocessing is fitted to rows index[0..n). frozen: rows stay as
 * they are. rng: for the first weights. LEARN_INVALID: the network of the plan has no layer.
 */
extern LearnStatus stepper_add_tower(LearnEnv *env, Stepper *s, const Rows *rows, const int64_t *index, int64_t n,
									 PrepKind prep, bool frozen, Rng *rng);

/* The model of a tower, which shares its network. */
extern LearnStatus stepper_model(LearnEnv *env, const Stepper *s, int tower, Model **model);

/*
 * Allocates what is needed beside the models. Call stepper_prepare with the most rows for each
 * tower, add losses, then call stepper_start.
 */
extern LearnStatus stepper_prepare(LearnEnv *env, Stepper *s, int max_rows);
extern LearnStatus stepper_add_loss(LearnEnv *env, Stepper *s, const LossShape *shape);
extern LearnStatus stepper_start(LearnEnv *env, Stepper *s);

/*
 * Forward n rows x (n x d) through a tower in training. Returns their embeddings, valid until the
 * next call. NULL: the user wants to stop.
 */
extern const float *stepper_forward(Stepper *s, int tower, const float *x, int n);

/* Backward: gradients of the embeddings of the latest stepper_forward to s->grad. */
extern LearnStatus stepper_backward(LearnEnv *env, Stepper *s, int tower, const float *dz);

/* Embed count rows x, as many as there are, with the weights as they are now. */
extern LearnStatus stepper_embed(LearnEnv *env, Stepper *s, int tower, const float *x, int count, float *out);

/* A loss on a batch, whose gradients by what it learns go to stepper_dlearned. */
extern double stepper_loss(Stepper *s, int loss, const LossBatch *batch);
extern float *stepper_dlearned(Stepper *s, int loss);

/* The user wants to stop. */
extern LearnStatus stepper_stopped(LearnEnv *env);

/* Clip the gradients of the towers, then make one step of the optimiser on all parameters. */
extern void stepper_step(Stepper *s, double rate);

#endif							/* STEPPER_H */
