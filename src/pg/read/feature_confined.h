/*
 * feature_confined.h
 *	  Features of another user, restricted to columns and to functions of PostgreSQL and dml.
 */
#ifndef DML_FEATURE_CONFINED_H
#define DML_FEATURE_CONFINED_H

#include "compat.h"

#include "access/tupdesc.h"

#include "model/model.h"
#include "read/feature.h"

typedef struct DmlConfined DmlConfined;

/*
 * The default features of a version, for a function that evaluates them as user.  NULL: the user
 * owns the model and wrote them, so they are used like text that the user types.  Otherwise (also
 * if they were imported) they must be confined; if they are not, an error shows them and asks for
 * features => '...'.
 *
 * Confined features are columns, and expressions of constants, columns of built-in types, and
 * functions and operators of PostgreSQL or dml that only compute.  Their names are looked up in
 * pg_catalog and in dml's schema, never through the search_path.
 */
extern DmlConfined *dml_confined_features(const DmlVersion *version, const DmlFeatures *features, Oid user);

/* The columns that the features read, each once, as a target list; n: how many. */
extern char *dml_confined_columns(const DmlConfined *confined, int *n);

/* Analyse over the columns, which come first in desc; sets types[i], the base type of feature i. */
extern void dml_confined_compile(DmlConfined *confined, TupleDesc desc, Oid *types);

/*
 * The columns that the features read, each once: how many, and their names.  The analysed features
 * over rows where column i is attribute attnums[i] of desc.
 */
extern int	dml_confined_n_columns(const DmlConfined *confined);
extern const char *dml_confined_column(const DmlConfined *confined, int i);
extern List *dml_confined_exprs(DmlConfined *confined, TupleDesc desc, const AttrNumber *attnums);

/* The features' values, computed from the columns' values; valid until the next call. */
extern void dml_confined_eval(DmlConfined *confined, const Datum *columns, const bool *column_nulls,
							  Datum *values, bool *nulls);

/*
 * The features over a table's columns, as text for dml_features_compile with
 * search_path pg_catalog, pg_temp.
 */
extern char *dml_confined_qualified(DmlConfined *confined, Relation rel);

/*
 * Whether everything in a trigger's condition (dml_features_condition) is confined.  With an owner,
 * functions and types of that role or of a superuser are allowed, too.  Runs no code of theirs.
 */
extern bool dml_condition_confined(const char *condition, Oid owner);

#endif							/* DML_FEATURE_CONFINED_H */
