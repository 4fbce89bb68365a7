/*
 * model.h
 *	  A model: preprocessing and a network; and its stored form, a safetensors blob.
 *
 * Every method, closed form or gradient, ends in one of these.  The blob holds
 * nothing that the embedding does not depend on (no dates, no scores), so equal
 * functions have equal bytes, and the hash of the bytes names the space.
 *
 * Tensors (F32): prep.mean [in], prep.scale [in], prep.proj [k, in]; layers.I.weight [out, in],
 * layers.I.bias, layers.I.gain, layers.I.shift, layers.I.running_mean, layers.I.running_var; and
 * prep.origin [in], of type F64, in front of them if the model has an origin; or prep.encoder
 * [bytes], of type U8, if a row is of columns of several kinds (learn/encode/encode.h).
 * __metadata__: format "dml/1", prep, network (the canonical line), in.  A model of two inputs has
 * format "dml/2", and all of it once more with "b." in front for the second input.
 */
#ifndef MODEL_H
#define MODEL_H

#include "base/learn.h"
#include "net.h"
#include "learn/data/prep.h"
#include "learn/encode/encode.h"

typedef struct Model
{
	Prep	   *prep;
	Net		   *net;

	/*
	 * in: what is taken off the numbers of a row, in double, before they become the floats that
	 * model_embed takes.  NULL: nothing.  All that reads rows does it.
	 */
	const double *origin;

	/*
	 * What makes the numbers of a row from the values of its columns; NULL: they are the numbers.
	 */
	const Encoder *encoder;
} Model;

extern int	model_in(const Model *model);
extern int	model_out(const Model *model);
extern size_t model_bytes(const Model *model);	/* memory it holds */

/* Serialise into the arena; the same model gives the same bytes. */
extern LearnStatus model_save(LearnEnv *env, const Model *model, void **blob, size_t *size);

/*
 * Any bytes may come in: LEARN_CORRUPT with the reason, never a crash.  A model of two sides is
 * one, here.
 */
extern LearnStatus model_load(LearnEnv *env, const void *blob, size_t size, Model **model);

/*
 * Two inputs (an image and a text, a query and a document) into one space.  An adapter's side b is
 * the identity, for it stands for vectors that are stored already, and target is the space of
 * those.
 */
typedef struct ModelSides
{
	Model	   *a;
	Model	   *b;				/* NULL: one input */
	bool		adapter;
	uint64_t	target;			/* 0: plain vectors */
} ModelSides;

extern LearnStatus model_save_sides(LearnEnv *env, const ModelSides *sides, void **blob, size_t *size);
extern LearnStatus model_load_sides(LearnEnv *env, const void *blob, size_t size, ModelSides *sides);

/*
 * The same with a description, a text that the embedding does not depend on (st_write).  NULL:
 * none; without one the bytes are those of model_save_sides.
 */
extern LearnStatus model_export(LearnEnv *env, const ModelSides *sides, const char *description,
								void **blob, size_t *size);
extern LearnStatus model_import(LearnEnv *env, const void *blob, size_t size, ModelSides *sides,
								const char **description);

/*
 * Embed n rows: x (n, in), without the origin, to out (n, out).  scratch: model_scratch(model, n)
 * floats. No BLAS; a row's bits do not depend on n.  *bad, if not NULL, gets the number of the
 * first row whose embedding is not finite, or -1.
 */
extern size_t model_scratch(const Model *model, int n);
extern void model_embed(const Model *model, const float *x, int n, float *out, float *scratch, int *bad);

#endif							/* MODEL_H */
