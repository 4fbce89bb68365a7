/*
 * model.h
 *	  A model: preprocessing and a network; and its stored form, a safetensors blob.
 *
 * Every method, closed form or gradient, ends in one of these.  The blob holds
 * nothing that the embedding does not depend on (no dates, no scores), so equal
 * functions have equal bytes, and the hash of the bytes names the space.
 *
 * Tensors (F32): prep.mean [in], prep.scale [in], prep.proj [k, in]; layers.I.weight
 * [out, in], layers.I.bias, layers.I.gain, layers.I.shift, layers.I.running_mean,
 * layers.I.running_var.  __metadata__: format "dml/1", prep, network (the canonical
 * line), in.
 */
#ifndef MODEL_H
#define MODEL_H

#include "learn.h"
#include "net.h"
#include "prep.h"

typedef struct Model
{
	Prep	   *prep;
	Net		   *net;
} Model;

extern int	model_in(const Model *model);
extern int	model_out(const Model *model);
extern size_t model_bytes(const Model *model);	/* memory it holds */

/* Serialise into the arena; the same model gives the same bytes. */
extern LearnStatus model_save(LearnEnv *env, const Model *model, void **blob, size_t *size);

/* Any bytes may come in: LEARN_CORRUPT with the reason, never a crash. */
extern LearnStatus model_load(LearnEnv *env, const void *blob, size_t size, Model **model);

/*
 * Embed n rows: x (n, in) to out (n, out).  scratch: model_scratch(model, n) floats.
 * No BLAS; a row's bits do not depend on n.  *bad, if not NULL, gets the number of
 * the first row whose embedding is not finite, or -1.
 */
extern size_t model_scratch(const Model *model, int n);
extern void model_embed(const Model *model, const float *x, int n, float *out, float *scratch, int *bad);

#endif							/* MODEL_H */
