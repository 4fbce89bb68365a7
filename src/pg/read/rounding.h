/*
 * rounding.h
 *	  Which features lose distinct values when their numbers become real.
 *
 * A real has 24 bits.  Near 1,700,000,000 reals are multiples of 128, so seconds, identifiers or
 * amounts of money of that size become equal.  No model can tell them apart then, and a NOTICE says
 * so.
 */
#ifndef DML_ROUNDING_H
#define DML_ROUNDING_H

#include "compat.h"

#include "read/feature.h"

typedef struct DmlRounding DmlRounding;

/*
 * A check for rows of these features, whose base types are given; NULL if none of them is ever
 * rounded.
 */
extern DmlRounding *dml_rounding_start(const DmlFeatures *features, const Oid *types);

/* Add a row that is not skipped: its values, and the floats that were made of them. */
extern void dml_rounding_add(DmlRounding *rounding, const Datum *values, const float4 *row, int d);

/* Raise a NOTICE that says which features have lost values. */
extern void dml_rounding_report(const DmlRounding *rounding);

#endif							/* DML_ROUNDING_H */
