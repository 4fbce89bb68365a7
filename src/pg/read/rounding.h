/*
 * rounding.h
 *	  Which features lose distinct values when their numbers become real, and the origin that
 *	  keeps them.
 *
 * A real has 24 bits.  Near 1,700,000,000 reals are multiples of 128, so seconds, identifiers or
 * amounts of money of that size become equal.  Training then chooses an origin for the column,
 * which is subtracted in double before numbers become real, and the model does the same ever after.
 * A NOTICE says what is lost even so, mostly under a model that was trained on other numbers.
 */
#ifndef DML_ROUNDING_H
#define DML_ROUNDING_H

#include "compat.h"

#include "read/feature.h"

typedef struct DmlRounding DmlRounding;

/* Whether a feature of one of these base types is ever rounded. */
extern bool dml_rounding_may(const DmlFeatures *features, const Oid *types);

/*
 * A check for rows of these features, whose base types are given, and from whose numbers origin is
 * subtracted; NULL: nothing is.  The origin stays the caller's.
 */
extern DmlRounding *dml_rounding_start(const DmlFeatures *features, const Oid *types, const double *origin);

/* Add a row that is not skipped: its values, and the floats that were made of them. */
extern void dml_rounding_add(DmlRounding *rounding, const Datum *values, const float4 *row, int d);

/*
 * The origin for rows that were added to n checks (the places of a constraint): d numbers, which
 * are 0 except for columns that lose values, in the current memory context.  NULL: no column does.
 */
extern double *dml_rounding_origin(DmlRounding *const *rounding, int n, int d);

/*
 * Raise a NOTICE that says which features have lost values.  trained: the origin is that of a model
 * that was trained before.
 */
extern void dml_rounding_report(const DmlRounding *rounding, bool trained);

#endif							/* DML_ROUNDING_H */
