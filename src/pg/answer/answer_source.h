/*
 * answer_source.h
 *	  A source of embeddings that a user names: its text as SQL, its columns, its rows.
 */
#ifndef DML_ANSWER_SOURCE_H
#define DML_ANSWER_SOURCE_H

#include "compat.h"

#include "fmgr.h"

#include "read/query.h"
#include "vector/vector.h"

/* Parts of a query, each of which is one expression or one item of FROM whatever the user typed. */
typedef struct AnswerSource
{
	const char *given;			/* the embedding as the user typed it */
	const char *what;			/* its name in messages */
	char	   *embedding;
	char	   *other;			/* a label or a key; NULL: there is none */
	const char *other_what;
	char	   *from;
	Oid			type;			/* of the embedding; set by answer_source_check() */
	Oid			other_type;		/* likewise */
} AnswerSource;

/*
 * Parse source and the expressions over it.  Errors: a source that does not exist, text that is not
 * one expression.
 */
extern AnswerSource answer_source(const char *source, const char *embedding, const char *what,
								  const char *other, const char *other_what);

/* The hint of the next function, with the name of the argument. */
#define ANSWER_KEY_HINT		"Name a column or an expression that tells rows apart: %s => 'id'. A table that is not partitioned has ctid."

/*
 * The primary key of the table that source names, as one expression.  Error: it is a query, or has
 * no key that the current user may read; name is the argument in its message.
 */
extern char *answer_source_key(const char *source, const char *name, const char *hint);

/*
 * In SPI: check that the expressions are columns of the source, computed row by row.  vectors: the
 * embedding must be a dml_vector.
 */
extern void answer_source_check(AnswerSource *source, bool vectors);

/*
 * DmlQueryReader.check after answer_source_check(), which looked at the query as the user gave it.
 */
extern void answer_check_nothing(void *state, const CachedPlanSource *source);

/*
 * Takes a row.  text is the label or key as text, NULL where that is NULL.  The current memory
 * context is reset after each row.
 */
typedef void (*AnswerTake) (void *state, Datum embedding, bool isnull, const char *text);

/*
 * Read all rows as the current user, read only, after the check.  labelled: only rows that have a
 * label which is not NULL as text.
 */
extern void answer_source_read(AnswerSource *source, bool vectors, bool labelled, AnswerTake take, void *state);

/* ---------- what is looked for ---------- */

/*
 * Any value that a query may be, as a vector (type dml_vector) or as an array of numbers.  Returns
 * false if the cast to an array gives NULL.  Errors: other types, elements that are not finite
 * numbers or are NULL.
 */
extern bool answer_query(Datum value, Oid given_type, Oid *type, Datum *query);

/*
 * Such a value as a vector of this space and these dimensions: raw input is embedded by the model
 * that made the space.  NULL: the cast gives NULL.  Errors: another space, other dimensions, no
 * right to embed.
 */
extern const DmlVector *answer_query_vector(Datum value, Oid given_type, uint64 space, int dim);

#endif							/* DML_ANSWER_SOURCE_H */
