/*
 * explain.h
 *	  What the explanations of a model have in common.
 */
#ifndef DML_EXPLAIN_H
#define DML_EXPLAIN_H

#include "compat.h"

#include "model/model.h"

/* How many features there are: columns of an encoder, or the numbers themselves. */
extern int	explain_features(const DmlVersion *version);

/* The place of feature j among the numbers of a row; returns how many it has. */
extern int	explain_feature_place(const DmlVersion *version, int j, int *first);

/*
 * The name of feature j, from 0: its column, or an element of the array that features calls
 * it.
 */
extern char *explain_feature_name(const DmlVersion *version, const char *features, int j);

#endif							/* DML_EXPLAIN_H */
