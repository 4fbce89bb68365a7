/*
 * attribution.h
 *	  Which input numbers make the difference of two embeddings.
 *
 * Integrated gradients (Sundararajan, Taly and Yan 2017, arXiv 1703.01365) of the function
 * g(x) = direction . f(x) along the straight line between two inputs: input j gets
 * (to_j - from_j) times the mean over the line of dg/dx_j.  The shares of all inputs add up to
 * g(to) - g(from).  If f is linear, they are exact: for direction = f(to) - f(from) and M = L'L,
 * input j gets (to - from)_j (M (to - from))_j.
 *
 * All of it is computed in double precision, by loops of its own: the differences of an embedding
 * in floats would be too coarse to check the sum against.
 */
#ifndef ATTRIBUTION_H
#define ATTRIBUTION_H

#include "base/learn.h"
#include "model.h"

/* How many points go through the model together. */
#define ATTRIBUTION_POINTS	8

/* The activations of these points. */
typedef struct AttributionTape AttributionTape;

extern LearnStatus attribution_create(LearnEnv *env, const Model *model, AttributionTape **tape);

/*
 * x (in): the next point p of the tape, from 0.  Embed all points of the tape: those that were not
 * set since the tape was created are zeros.
 */
extern void attribution_set(AttributionTape *tape, int p, const double *x);
extern LearnStatus attribution_forward(LearnEnv *env, AttributionTape *tape);

/* After attribution_forward: element i of the embedding of point p. */
extern double attribution_output(const AttributionTape *tape, int p, int i);

/*
 * After attribution_forward: the gradient of direction (out) . f at each point, with respect to the
 * numbers that the model takes.  A normalised vector that is 0 has the gradient 0.
 */
extern LearnStatus attribution_backward(LearnEnv *env, AttributionTape *tape, const double *direction);
extern double attribution_gradient(const AttributionTape *tape, int p, int j);

/* The embedding out (out) of one input x (in), in double precision. */
extern LearnStatus attribution_embed(LearnEnv *env, const Model *model, const double *x, double *out);

/*
 * share (in): what each input adds to direction . (f(to) - f(from)).  rest: what is not divided, at
 * most tolerance in magnitude.  The line is cut into intervals, which are halved until the sum is
 * that exact.  The line from to to from, with the opposite direction, gives shares with the same
 * bits.  If f jumps on the line, as a normalised vector does that passes through 0, rest is the
 * jump.
 */
extern LearnStatus attribution_path(LearnEnv *env, const Model *model, const double *from, const double *to,
									const double *direction, double tolerance, double *share, double *rest);

#endif							/* ATTRIBUTION_H */
