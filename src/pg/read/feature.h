/*
 * feature.h
 *	  The text that names the features of a row: one array or vector column, several numeric
 *	  columns, or expressions over columns.
 */
#ifndef DML_FEATURE_H
#define DML_FEATURE_H

#include "compat.h"

#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/rel.h"

#include "model/model.h"

/* The words that say what a feature is: number(x), category(x), text(x). */
typedef enum DmlWord
{
	DML_WORD_NONE,
	DML_WORD_NUMBER,
	DML_WORD_CATEGORY,
	DML_WORD_TEXT
} DmlWord;

typedef struct DmlFeatures
{
	char	   *text;			/* without words */
	int			n;				/* expressions */
	List	   *targets;		/* raw ResTargets */
	char	  **names;			/* alias, column name or expression text */
	DmlWord    *words;
	int		   *sizes;			/* values of a category, buckets of a text; 0: the default */
} DmlFeatures;

/*
 * Parse "x", "a, b, c", "log(a) AS la, category(b)": a target list and nothing else.  Errors, each
 * with a hint: a star, FROM, a subquery, a semicolon.  Text that passes can be put between SELECT
 * and FROM of a query and stays a target list there.  Put a newline after it, for a comment at its
 * end.
 *
 * A call of a word without a schema around a whole feature is the word, whatever functions there
 * are. skip(x) leaves its feature out.  dml_features_words raises a NOTICE if the user has a
 * function of such a name.
 */
extern DmlFeatures *dml_features_parse(const char *text);
extern void dml_features_words(const char *text);

/* As dml_features_parse, without words: for text of dml_features_qualified. */
extern DmlFeatures *dml_features_parse_qualified(const char *text);

/* Parse exactly one expression.  what: its name in messages, such as "label". */
extern DmlFeatures *dml_expression_parse(const char *text, const char *what);

/*
 * The texts of one or more expressions, "family, species".  The text includes a comment that
 * follows it.
 */
extern char **dml_expressions_split(const char *text, const char *what, int *n);

/*
 * raw_parser, but a syntax error shows its place in text alone: prefix is put before text and is
 * not shown.
 */
extern List *dml_raw_parse(const char *prefix, const char *text);

/*
 * One feature value to floats.  type is the type of the expression: an array (real[], double
 * precision[], integer[], smallint[], bigint[], numeric[]), a plain dml_vector, a type with a
 * dml_feature_cast, or a scalar of a number type or boolean.  origin has max numbers, which are
 * subtracted in double before the differences are rounded; NULL: nothing is subtracted.
 *
 * Returns -1 for a NULL value or element.  Otherwise returns how many numbers the value has, and
 * writes them to out if there are at most max.  Errors: infinite or NaN values; other types
 * (ERRCODE_DATATYPE_MISMATCH with the feature's name); an embedding instead of a plain vector.  May
 * leave garbage in the current memory context.
 */
extern bool dml_feature_type_ok(Oid type, bool *is_array);
extern int	dml_feature_floats(Datum value, bool isnull, Oid type, const char *name, const double *origin, float4 *out, int max);

/*
 * The function of the cast from a type (no domain, no dml_vector) to real[], such as pgvector's
 * vector and halfvec have; else InvalidOid.  Only a C function counts: a function that any role can
 * write must not run with the rights of a user who trains on a column of that role's type.
 *
 * dml_feature_cast_array calls it; it returns NULL if the cast gives NULL.
 */
extern Oid	dml_feature_cast(Oid type);
extern ArrayType *dml_feature_cast_array(Oid function, Datum value);

/*
 * Errors of a value that no real holds, of an embedding, and of an array that is no list of
 * numbers.
 */
extern void dml_feature_check_number(double x, const char *name, int element);
extern void dml_feature_check_plain(const DmlVector *vector, const char *name);
extern void dml_feature_check_array(const ArrayType *array, const char *name);

/* Raise the error for a type that no feature can have. */
extern void dml_feature_type_error(const char *name, Oid type) pg_attribute_noreturn();

/*
 * Features over the columns of one table, evaluated on its tuples: NEW of a trigger, or a scanned
 * row.  Names in the text are looked up by the current search_path; to store features, use the text
 * of dml_features_qualified.  Errors, besides unknown names and types: system columns, generated
 * columns (not computed yet in a BEFORE trigger), a whole row, volatile functions.
 */
typedef struct DmlFeatureExprs DmlFeatureExprs;

extern DmlFeatureExprs *dml_features_compile(const DmlFeatures *features, Relation rel);

/* Check that the features, as they are compiled, are what a version takes. */
extern void dml_features_bind(DmlFeatureExprs *exprs, const DmlVersion *version);

extern Bitmapset *dml_features_columns(const DmlFeatureExprs *exprs);	/* attnums read */
extern Node *dml_features_expr(const DmlFeatureExprs *exprs, int i);	/* analysed, over varno 1 */

/*
 * As dml_features_compile, from expressions that are already analysed for relation 1: one for each
 * target.
 */
extern DmlFeatureExprs *dml_features_prepare(const DmlFeatures *features, List *analysed, Relation rel);

/*
 * As dml_features_prepare, for rows that are not of a table: dml_features_eval works on them, no
 * more.
 */
extern DmlFeatureExprs *dml_features_prepare_row(const DmlFeatures *features, List *analysed);

/* The compiled features as text that has one meaning under every search_path. */
extern char *dml_features_qualified(const DmlFeatureExprs *exprs, Relation rel);

/*
 * A condition for the WHEN clause of a trigger that is always true and reads the features of the
 * row NEW: "true OR (new.x) IS NULL OR ...".  PostgreSQL records the dependencies of the condition
 * and follows renames in it.  It folds the condition to true before it evaluates it.  The text has
 * one meaning under every search_path that begins with pg_catalog.
 *
 * dml_features_of_condition takes the features from a trigger's stored condition
 * (pg_trigger.tgqual), and their aliases from the features' text.  It returns NULL for any other
 * condition.
 */
extern char *dml_features_condition(const DmlFeatureExprs *exprs, Relation rel);
extern DmlFeatureExprs *dml_features_of_condition(const DmlFeatures *features, const char *condition, Relation rel);

/* The features of a condition as dml_features_qualified writes them.  Runs no code of theirs. */
extern char *dml_features_text_of_condition(const DmlFeatures *features, const char *condition, Relation rel);

/* Columns of a table under their former names. */
typedef struct DmlFormerColumns
{
	Relation	rel;
	int			n;
	char	  **names;
	const AttrNumber *attnums;
} DmlFormerColumns;

/*
 * Whether a condition holds the features of a text that dml_features_qualified wrote when the
 * columns had other names.  The caller has taken on the identity of the text's owner and restricted
 * the search_path, because analysing the text can run code.
 */
extern bool dml_features_are_of_condition(const char *text, const DmlFormerColumns *columns, const char *condition);

/*
 * Evaluate.  Fills out (version->in floats, without the model's origin) and returns true; returns
 * false if a feature is NULL.
 */
extern bool dml_features_eval(DmlFeatureExprs *exprs, TupleTableSlot *slot, const DmlVersion *version, float4 *out);

/*
 * Raise a WARNING if the features, over the table that source names, can be trained on but not
 * materialised.
 */
extern void dml_features_try(const char *source, const char *text);

#endif							/* DML_FEATURE_H */
