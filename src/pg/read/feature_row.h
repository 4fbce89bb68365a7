/*
 * feature_row.h
 *	  The features of a model over a row that a caller hands over: dml_embed('m', t).
 */
#ifndef DML_FEATURE_ROW_H
#define DML_FEATURE_ROW_H

#include "compat.h"

#include "access/htup.h"
#include "fmgr.h"

#include "read/feature.h"

/*
 * The features that a version was trained with, over rows of any composite type, for the current
 * user.  They are confined (feature_confined.h) unless the user owns the model.  Columns are found
 * by name; a row without names, ROW(1, 'red'), has the features themselves, in their order.
 * Errors: the rows lack a column.
 */
typedef struct DmlRowFeatures DmlRowFeatures;

extern DmlRowFeatures *dml_row_features(const DmlVersion *version, TupleDesc desc);

/* Whether they are for rows of this type as it is now. */
extern bool dml_row_features_suit(const DmlRowFeatures *features, Oid type, int32 typmod);

/* As dml_features_eval. */
extern bool dml_row_features_eval(DmlRowFeatures *features, HeapTupleHeader row, const DmlVersion *version, float4 *out);

/*
 * The embedding by a version of the row that is argument arg (1 or 2) of a function that has called
 * dml_call_version; what is compiled for the row's type stays at the call site.  NULL: a feature is
 * NULL, and the model does not fill it in.
 */
extern DmlVector *dml_call_embed_row(FunctionCallInfo fcinfo, int arg, const DmlVersion *version);

#endif							/* DML_FEATURE_ROW_H */
