/*
 * held_out.h
 *	  Which classes the open-set protocol holds out: a hash of label and seed.
 */
#ifndef DML_HELD_OUT_H
#define DML_HELD_OUT_H

#include "compat.h"

/* Is the class with this label, as its type prints it, held out? share is in (0, 1]. */
extern bool held_out_label(const char *label, double share, int64 seed);

/* An error unless share is in (0, 1]. */
extern void held_out_check_share(double share);

#endif							/* DML_HELD_OUT_H */
