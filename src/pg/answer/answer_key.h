/*
 * answer_key.h
 *	  Keys: the values by which a caller knows rows.
 *
 * A result has keys as text.  Before that they are ordered and hashed by their own type, so that 2
 * comes before 10.  A type that lacks an order, a hash or an array type has its text instead.  Text
 * is ordered by its bytes.
 */
#ifndef DML_ANSWER_KEY_H
#define DML_ANSWER_KEY_H

#include "compat.h"

#include "fmgr.h"
#include "utils/typcache.h"

typedef struct AnswerKey
{
	Oid			type;			/* in which keys are read and compared */
	Oid			collation;
	int16		len;
	bool		byval;
	char		align;
	TypeCacheEntry *cache;		/* operators and functions of type */
	FmgrInfo	output;			/* of type */
} AnswerKey;

/* Settle how keys of a type are read. */
extern void answer_key_settle(AnswerKey *key, Oid native);

/* An expression of type native as SQL that yields the key in key->type. */
extern char *answer_key_sql(const AnswerKey *key, const char *expression);

/* A key as text. */
extern Datum answer_key_result(AnswerKey *key, Datum value);

/* The SQL operator "greater than" of key->type, schema-qualified. */
extern char *answer_key_greater(const AnswerKey *key);

#endif							/* DML_ANSWER_KEY_H */
