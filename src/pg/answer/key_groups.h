/*
 * key_groups.h
 *	  Keys that are linked pair by pair, and the groups that follow.
 */
#ifndef DML_KEY_GROUPS_H
#define DML_KEY_GROUPS_H

#include "compat.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "answer/answer_key.h"

typedef struct KeyGroups KeyGroups;

/*
 * Start with no key, in the current memory context.  key must last as long.  rows is how many keys
 * there may be, for the hint of the error that there is too little memory; 0: nobody knows.
 */
extern KeyGroups *key_groups_new(AnswerKey *key, double rows);

/*
 * Say that two keys are in one group.  A key beside itself becomes known.  Error: the keys take
 * more than work_mem.  If nobody knows how many there are, it comes with key_groups_store, so that
 * its hint is enough.
 */
extern void key_groups_link(KeyGroups *groups, Datum a, Datum b);

/* How many keys are known. */
extern int64 key_groups_count(const KeyGroups *groups);

/*
 * Put a row for each key into the store: key, number of its group, size of its group.  Group 1
 * is the largest; of equally large groups the one with the least key comes first.  Rows come in
 * order of group and key.
 */
extern void key_groups_store(KeyGroups *groups, Tuplestorestate *store, TupleDesc desc);

#endif							/* DML_KEY_GROUPS_H */
