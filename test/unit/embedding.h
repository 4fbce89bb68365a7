/*
 * embedding.h
 *	  What a model makes of a test's rows.
 */
#ifndef EMBEDDING_H
#define EMBEDDING_H

#include "dataset.h"
#include "learn/net/model.h"

/* All rows of data embedded (n x model_out); the model must take them, and hold no value that is not finite. */
extern float *embedding_of(LearnEnv *env, const Model *model, const Dataset *data);

/* The squared distance of rows i and j of z. */
extern double embedding_square(const float *z, int width, int64_t i, int64_t j);

/*
 * Factor times the distances of row 0 from rows 1, 8, 15, ... must be those of a reference's line, from *p on: how many,
 * then they.  tolerance is absolute up to 1, then relative; what: for the message.
 */
extern void embedding_check_distances(LearnEnv *env, const Model *model, const Dataset *data, char **p,
									  double factor, double tolerance, const char *what);

#endif							/* EMBEDDING_H */
