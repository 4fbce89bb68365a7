/*
 * known_matches.h
 *	  The matches of a training, to be asked which rows of a batch belong together.
 */
#ifndef KNOWN_MATCHES_H
#define KNOWN_MATCHES_H

#include "learn/data/constraints.h"

typedef struct Known Known;

extern LearnStatus known_create(LearnEnv *env, const Constraints *constraints, int batch, Known **known);

/*
 * relation (n x n) of n matches (a[i], b[i]), and its transpose. The diagonal is positive. Any
 * other place is negative, or neither if a[i] and b[j] are known to match or are one row.
 */
extern void known_relate(Known *known, const int64_t *a, const int64_t *b, int n, int8_t *relation, int8_t *turned);

#endif							/* KNOWN_MATCHES_H */
