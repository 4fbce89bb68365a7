/*
 * vector.h
 *	  The type dml_vector, for the rooms above.
 */
#ifndef DML_VECTOR_H
#define DML_VECTOR_H

#include "compat.h"

#include "access/htup.h"
#include "fmgr.h"
#include "utils/array.h"

#define DML_MAX_DIM		16000

/*
 * A vector and the space that it lives in: 0 is a plain vector, anything else the
 * embedding of the model version whose content hash it is.  Type alignment double,
 * storage external.
 */
typedef struct DmlVector
{
	int32		vl_len_;
	int16		dim;
	int16		flags;			/* 0; room for later element formats */
	uint64		space;
	float4		x[FLEXIBLE_ARRAY_MEMBER];
} DmlVector;

#define DML_VECTOR_SIZE(dim)		(offsetof(DmlVector, x) + sizeof(float4) * (dim))
#define DatumGetDmlVectorP(d)		((DmlVector *) PG_DETOAST_DATUM(d))
#define PG_GETARG_DML_VECTOR_P(n)	DatumGetDmlVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_DML_VECTOR_P(v)	PG_RETURN_POINTER(v)

/* Elements uninitialised; errors when dim is not in [1, DML_MAX_DIM]. */
extern DmlVector *dml_vector_new(int dim, uint64 space);

/* ERRCODE_DATA_EXCEPTION naming the first element that is NaN or infinite. */
extern void dml_vector_check_elements(const float4 *x, int dim);

/* The vector, unless an operation on finite values has left the range of float4. */
extern DmlVector *dml_vector_check_range(DmlVector *result);

/* One space and one number of dimensions, or an error that names both models. */
extern void dml_vector_check_same(const DmlVector *a, const DmlVector *b);

/* The same check of two vectors that are compared: there the plain one may be an array whose type nobody said. */
extern void dml_vector_check_beside(const DmlVector *a, const DmlVector *b);

/* What to do with such an array, for hints: it was taken for a dml_vector. */
#define DML_HINT_ARRAY	"An array beside an embedding needs its type: $1::real[]."

/*
 * The floats of a one-dimensional array of real, double precision, integer, smallint,
 * bigint or numeric, palloc'd.  Errors: NULL elements, more dimensions, an empty array,
 * other element types, values that a float4 cannot hold (infinite, NaN).
 */
extern float4 *dml_floats_from_array(ArrayType *array, int *dim);

/* A distance of two arrays of floats (ann/distance.h). */
typedef double (*DmlKernel) (const float *, const float *, int);

/* What a distance of these arguments costs: for planner support functions (vector_cost.c). */
struct SupportRequestCost;
extern struct Node *dml_distance_cost(struct SupportRequestCost *request);

/* NaN is no radius: an error. */
extern void dml_check_radius(double radius);

/* Center and radius of a dml_ball or dml_raw_ball; false: one of them is NULL. */
extern bool dml_ball_parts(HeapTupleHeader ball, Datum *center, double *radius);

/* How a space is called in messages: set by the room model; returns NULL for an unknown space. */
extern PGDLLIMPORT char *(*dml_space_name_hook) (uint64 space);

/* "model "fashion" version 2", or "space 0123456789abcdef"; "no model (a plain vector)" for 0. */
extern char *dml_space_describe(uint64 space);

/* The OID of the type dml_vector, wherever the extension was created; cached. */
extern Oid	dml_vector_type_oid(void);

#endif							/* DML_VECTOR_H */
