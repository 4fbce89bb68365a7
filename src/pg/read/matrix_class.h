/*
 * matrix_class.h
 *	  Class numbers for labels of any type.  Used only by matrix*.c.
 */
#ifndef DML_MATRIX_CLASS_H
#define DML_MATRIX_CLASS_H

#include "compat.h"

#include "read/matrix.h"

/*
 * Set the type of the labels that follow.  Errors: a type without equality, or another type than in
 * the matrix before.
 */
extern void matrix_class_type(DmlClasses *classes, Oid type, Oid collation);

/* The class of a label, from 0 in the order of appearance. */
extern int32 matrix_class_of(DmlClasses *classes, Datum label);

/* Forget all classes, and no type: a source is read anew. */
extern void matrix_class_clear(DmlClasses *classes);

/* A hash of the class's text. */
extern uint64 matrix_class_hash(const DmlClasses *classes, int32 class);

extern int	matrix_class_count(const DmlClasses *classes);

/* Classes ordered by text: rank[class] from 0, and the texts by rank. */
extern char **matrix_class_rank(const DmlClasses *classes, int32 *rank);

#endif							/* DML_MATRIX_CLASS_H */
