/*
 * feature.h
 *	  The text that names the features of a row: one array or vector column, several
 *	  numeric columns, or expressions over columns.
 */
#ifndef DML_FEATURE_H
#define DML_FEATURE_H

#include "compat.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "model.h"

typedef struct DmlFeatures
{
	char	   *text;
	int			n;				/* expressions */
	List	   *targets;		/* raw ResTargets */
	char	  **names;			/* alias, or column name, or expression text */
} DmlFeatures;

/*
 * Parse "x", "a, b, c", "log(a) AS la, b / 2".  A target list and nothing else: no
 * star, no FROM, no subquery, no semicolon; each is an error with a hint.
 */
extern DmlFeatures *dml_features_parse(const char *text);

/*
 * One feature value to floats.  type is the expression's.  Arrays (real[], double
 * precision[], integer[], smallint[], bigint[], numeric[]), plain dml_vector, and
 * scalars of the number types and boolean.  A NULL value or element: returns -1.
 * Otherwise appends to out (capacity max) and returns how many.  Errors: infinite or NaN
 * values, other types (ERRCODE_DATATYPE_MISMATCH naming the feature), an embedding
 * where a plain vector is due.
 */
extern bool dml_feature_type_ok(Oid type, bool *is_array);
extern int	dml_feature_floats(Datum value, bool isnull, Oid type, const char *name, float4 *out, int max);

/*
 * Features over the columns of one table, to be evaluated on its tuples (the trigger's
 * NEW, a scanned row).
 */
typedef struct DmlFeatureExprs DmlFeatureExprs;

extern DmlFeatureExprs *dml_features_compile(const DmlFeatures *features, Relation rel);
extern Bitmapset *dml_features_columns(const DmlFeatureExprs *exprs);	/* attnums read */

/* Evaluate; fills out (version->in floats) and returns true, or false where a feature is NULL. */
extern bool dml_features_eval(DmlFeatureExprs *exprs, TupleTableSlot *slot, const DmlVersion *version, float4 *out);

#endif							/* DML_FEATURE_H */
