/*
 * kinds.h
 *	  The values of features of several kinds, as an encoder (learn/encode/encode.h) takes them.
 *
 * What a feature's type stands for, unless a word of the features says otherwise:
 *
 *	number, boolean, interval		number
 *	array of numbers, vector		array
 *	text, varchar, char(n), citext	category if training finds few values, else text
 *	enum, "char", uuid, inet		category
 *	array of these, jsonb			bag
 *	date, time, timestamp			time
 */
#ifndef DML_KINDS_H
#define DML_KINDS_H

#include "compat.h"

#include "learn/data/rows.h"
#include "learn/encode/encode.h"
#include "read/feature.h"

/*
 * Whether features of these base types need an encoder: one is not a number or an array, an array
 * is beside others, or a word says so.  Error: a type that has no kind.
 */
extern bool dml_kinds_needed(const DmlFeatures *features, const Oid *types);

/* Whether features of two places become columns of equal kinds, and so can be one kind of row. */
extern bool dml_kinds_alike(const DmlFeatures *a, const Oid *types_a, const DmlFeatures *b, const Oid *types_b);

/* Errors for features that a version without an encoder cannot take.  version: or NULL. */
extern void dml_kinds_check_numbers(char *const *names, const Oid *types, int n, const DmlVersion *version);

/* ---------- fitting ---------- */

/* An encoder that is being fitted, on the rows of one or several places. */
typedef struct DmlKindFit DmlKindFit;

/*
 * What the features become follows from these types and words.  skip: rows with a NULL are left
 * out.  Error: a word that does not suit a type.
 */
extern DmlKindFit *dml_kind_fit_start(const DmlFeatures *features, const Oid *types, bool skip);

/*
 * The encoder, whose memory is that of dml_kind_fit_start's context.  A NOTICE says what was taken
 * for what.  Errors: a feature that is NULL in every row, too many numbers.
 */
extern const Encoder *dml_kind_fit_finish(DmlKindFit *fit);

/* How views of a row may change the numbers of an encoder: a RowsView for each. */
extern uint8 *dml_kind_views(const Encoder *encoder);

/* ---------- rows ---------- */

/* Reads the features of rows.  It is in the current memory context of the call that makes it. */
typedef struct DmlKindReader DmlKindReader;

/* For rows to be fitted on.  The features may have other types than those that fit started with. */
extern DmlKindReader *dml_kind_reader_fit(DmlKindFit *fit, const DmlFeatures *features, const Oid *types);

/*
 * For rows to be encoded.  names: of the n features.  Errors: another number of features than the
 * encoder has, a type that cannot be read as the encoder's kind.  version: in messages; or NULL.
 */
extern DmlKindReader *dml_kind_reader_new(const Encoder *encoder, char *const *names, const Oid *types, int n,
										  const DmlVersion *version);

/* Whether the reader is one for this encoder's kinds. */
extern bool dml_kind_reader_suits(const DmlKindReader *reader, const Encoder *encoder);

/*
 * Take a row into the fit; returns false if it is skipped.  Leaves garbage in the current memory
 * context, as dml_kind_row does.  Errors: values that a feature cannot have (NaN, infinity, an
 * array of another length, an object in a jsonb).
 */
extern bool dml_kind_add(DmlKindReader *reader, const Datum *values, const bool *nulls);

/* The encoder's numbers of a row.  Returns false if a feature is NULL and such rows are skipped. */
extern bool dml_kind_row(DmlKindReader *reader, const Encoder *encoder, const Datum *values, const bool *nulls, float4 *out);

#endif							/* DML_KINDS_H */
