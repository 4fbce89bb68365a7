/*
 * classical_case.h
 *	  Constraints that test/data/make_classical_reference.py makes, too: by arithmetic, from labels.
 */
#ifndef CLASSICAL_CASE_H
#define CLASSICAL_CASE_H

#include "learn/classical/constraint_draw.h"

/* Pairs, triplets or quadruplets of n rows; in env's arena. */
extern Constraints classical_case(LearnEnv *env, ConstraintKind kind, const int32_t *label, int64_t n);

#endif							/* CLASSICAL_CASE_H */
