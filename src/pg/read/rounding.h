/*
 * rounding.h
 *	  Which features lose distinct values when their numbers become real.
 *
 * A real has 24 bits: near 1,700,000,000 it is a multiple of 128, and seconds, identifiers or
 * sums of money there become equal.  No model can tell them apart then, so the user is told.
 */
#ifndef DML_ROUNDING_H
#define DML_ROUNDING_H

#include "compat.h"

#include "read/feature.h"

typedef struct DmlRounding DmlRounding;

/* For rows of these features, whose base types are given; NULL if none of them is ever rounded. */
extern DmlRounding *dml_rounding_start(const DmlFeatures *features, const Oid *types);

/* A row that is not skipped: its values, and the floats that were made of them. */
extern void dml_rounding_add(DmlRounding *rounding, const Datum *values, const float4 *row, int d);

/* Say in a NOTICE which features have lost values. */
extern void dml_rounding_report(const DmlRounding *rounding);

#endif							/* DML_ROUNDING_H */
