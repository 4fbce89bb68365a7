/*
 * explain.h
 *	  What the explanations of a model have in common.
 */
#ifndef DML_EXPLAIN_H
#define DML_EXPLAIN_H

#include "compat.h"

#include "model/model.h"

/*
 * The name of input number j, from 0: its column, or an element of the array that features calls
 * it.
 */
extern char *explain_feature_name(const DmlVersion *version, const char *features, int j);

#endif							/* DML_EXPLAIN_H */
