/*
 * feature.h
 *	  The text that names the features of a row: one array or vector column, several
 *	  numeric columns, or expressions over columns.
 */
#ifndef DML_FEATURE_H
#define DML_FEATURE_H

#include "compat.h"

#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/rel.h"

#include "model/model.h"

typedef struct DmlFeatures
{
	char	   *text;
	int			n;				/* expressions */
	List	   *targets;		/* raw ResTargets */
	char	  **names;			/* alias, or column name, or expression text */
} DmlFeatures;

/*
 * Parse "x", "a, b, c", "log(a) AS la, b / 2".  A target list and nothing else: no
 * star, no FROM, no subquery, no semicolon; each is an error with a hint.  Whatever
 * passes may be put between SELECT and FROM of a query as text: it stays a target
 * list there (a newline after it, for a comment at its end).
 */
extern DmlFeatures *dml_features_parse(const char *text);

/* The same for exactly one expression; what ("label") is how messages call it. */
extern DmlFeatures *dml_expression_parse(const char *text, const char *what);

/* The texts of one or more expressions, "family, species"; of one that a comment follows, with it. */
extern char **dml_expressions_split(const char *text, const char *what, int *n);

/*
 * raw_parser, with the place of a syntax error shown in text alone: prefix is put
 * before text, and is not shown.
 */
extern List *dml_raw_parse(const char *prefix, const char *text);

/*
 * One feature value to floats.  type is the expression's.  Arrays (real[], double
 * precision[], integer[], smallint[], bigint[], numeric[]), plain dml_vector, types of a
 * dml_feature_cast, and scalars of the number types and boolean.  A NULL value or element: returns -1.
 * Otherwise returns how many numbers the value has, and writes them to out where they
 * are no more than max.  Errors: infinite or NaN values, other types
 * (ERRCODE_DATATYPE_MISMATCH naming the feature), an embedding where a plain vector is
 * due.  May leave garbage in the current memory context.
 */
extern bool dml_feature_type_ok(Oid type, bool *is_array);
extern int	dml_feature_floats(Datum value, bool isnull, Oid type, const char *name, float4 *out, int max);

/*
 * The function of the cast from a type (no domain, no dml_vector) to real[]: pgvector's
 * vector and halfvec have one.  Only those in C: a function that any role can write must
 * not run with the rights of whoever trains on a column of that role's type.  Else
 * InvalidOid.  The other one calls it; NULL: the cast gives NULL.
 */
extern Oid	dml_feature_cast(Oid type);
extern ArrayType *dml_feature_cast_array(Oid function, Datum value);

/* Raise the error for a type that dml_feature_type_ok refuses. */
extern void dml_feature_type_error(const char *name, Oid type) pg_attribute_noreturn();

/* Several features are several numbers: an array among them is an error. */
extern void dml_feature_check_kind(int n, const char *name, bool is_array);

/*
 * Features over the columns of one table, to be evaluated on its tuples (the trigger's
 * NEW, a scanned row).  The names in the text are looked up by the search_path of the
 * moment: what is stored for later should be the text of dml_features_qualified.
 * Errors beside unknown names and types: system columns, generated columns (not yet
 * computed in a BEFORE trigger), a whole row, volatile functions.
 */
typedef struct DmlFeatureExprs DmlFeatureExprs;

extern DmlFeatureExprs *dml_features_compile(const DmlFeatures *features, Relation rel);
extern Bitmapset *dml_features_columns(const DmlFeatureExprs *exprs);	/* attnums read */
extern Node *dml_features_expr(const DmlFeatureExprs *exprs, int i);	/* analysed, over varno 1 */

/* As dml_features_compile, with expressions that were analysed before, for relation 1: one for each target. */
extern DmlFeatureExprs *dml_features_prepare(const DmlFeatures *features, List *analysed, Relation rel);

/* The compiled features as text that means the same under every search_path. */
extern char *dml_features_qualified(const DmlFeatureExprs *exprs, Relation rel);

/*
 * A condition for the WHEN clause of a trigger, which is true and reads the features of the row
 * NEW: "true OR (new.x) IS NULL OR ...".  Through it PostgreSQL knows of what they depend on, and
 * follows renames.  Means the same under every search_path that begins with pg_catalog.
 * PostgreSQL folds it to true before it evaluates it.
 *
 * The other one takes the features from a trigger's stored condition (pg_trigger.tgqual), and
 * their aliases from the text that the trigger was made of.  NULL: it is another condition.
 */
extern char *dml_features_condition(const DmlFeatureExprs *exprs, Relation rel);
extern DmlFeatureExprs *dml_features_of_condition(const DmlFeatures *features, const char *condition, Relation rel);

/* The features of a condition as dml_features_qualified writes them; runs nothing of theirs. */
extern char *dml_features_text_of_condition(const DmlFeatures *features, const char *condition, Relation rel);

/* Columns of a table by the names that they had. */
typedef struct DmlFormerColumns
{
	Relation	rel;
	int			n;
	char	  **names;
	const AttrNumber *attnums;
} DmlFormerColumns;

/*
 * Whether a condition holds the features of a text that dml_features_qualified wrote when the
 * columns had other names.  The caller has become the owner of the text and pinned the search_path:
 * analysing the text can run code.
 */
extern bool dml_features_are_of_condition(const char *text, const DmlFormerColumns *columns, const char *condition);

/* Evaluate; fills out (version->in floats) and returns true, or false where a feature is NULL. */
extern bool dml_features_eval(DmlFeatureExprs *exprs, TupleTableSlot *slot, const DmlVersion *version, float4 *out);

/* A WARNING if the features, over the table that source names, train but could not be materialised. */
extern void dml_features_try(const char *source, const char *text);

#endif							/* DML_FEATURE_H */
