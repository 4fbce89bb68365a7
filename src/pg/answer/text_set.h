/*
 * text_set.h
 *	  Distinct texts, each with a number.
 */
#ifndef DML_TEXT_SET_H
#define DML_TEXT_SET_H

#include "compat.h"

typedef struct TextSet TextSet;

/* An empty set, in the current memory context. */
extern TextSet *text_set_new(void);

/* The number of a text, from 0 in the order of first appearance. */
extern int32 text_set_add(TextSet *set, const char *text);

/* The text of a number; valid until the next one is added. */
extern const char *text_set_get(const TextSet *set, int32 number);

/* The place of each text in the order of strcmp, by number; in the current memory context. */
extern int32 *text_set_ranks(const TextSet *set);

/* How many bytes the set takes. */
extern size_t text_set_memory(const TextSet *set);

/* The most bytes that a text adds to a set. */
extern size_t text_set_most(const char *text);

#endif							/* DML_TEXT_SET_H */
