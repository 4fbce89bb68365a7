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
 * A vector and its space.  Space 0 is that of a plain vector.  Any other space is the content hash
 * of the model version that made the vector.  Type alignment double, storage external.
 */
typedef struct DmlVector
{
	int32		vl_len_;
	int16		dim;
	int16		flags;			/* 0; for later element formats */
	uint64		space;
	float4		x[FLEXIBLE_ARRAY_MEMBER];
} DmlVector;

#define DML_VECTOR_SIZE(dim)		(offsetof(DmlVector, x) + sizeof(float4) * (dim))
#define DatumGetDmlVectorP(d)		((DmlVector *) PG_DETOAST_DATUM(d))
#define PG_GETARG_DML_VECTOR_P(n)	DatumGetDmlVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_DML_VECTOR_P(v)	PG_RETURN_POINTER(v)

/* A new vector with uninitialised elements.  Error: dim is not in [1, DML_MAX_DIM]. */
extern DmlVector *dml_vector_new(int dim, uint64 space);

/* Raise ERRCODE_DATA_EXCEPTION for the first element that is NaN or infinite. */
extern void dml_vector_check_elements(const float4 *x, int dim);

/* Returns the vector.  Error: an operation on finite values has left the range of float4. */
extern DmlVector *dml_vector_check_range(DmlVector *result);

/* Check that both have one space and one number of dimensions.  The error names both models. */
extern void dml_vector_check_same(const DmlVector *a, const DmlVector *b);

/* The check for two vectors that are compared: the plain one may be an array without a type. */
extern void dml_vector_check_beside(const DmlVector *a, const DmlVector *b);

/* The hint for such an array, which was taken for a dml_vector. */
#define DML_HINT_ARRAY	"An array beside an embedding needs its type: $1::real[]."

/*
 * The floats of a one-dimensional array of real, double precision, integer, smallint, bigint or
 * numeric, allocated by palloc.  origin has a number for each element, which is subtracted in
 * double before the difference is rounded; NULL: nothing is subtracted.  Errors: NULL elements,
 * more dimensions, an empty array, other element types, values that a float4 cannot hold (infinite,
 * NaN).
 *
 * dml_doubles_from_array returns the numbers as doubles, with the same errors.
 */
extern float4 *dml_floats_from_array(ArrayType *array, const double *origin, int *dim);
extern double *dml_doubles_from_array(ArrayType *array, int *dim);

/* A distance of two arrays of floats (ann/distance.h). */
typedef double (*DmlKernel) (const float *, const float *, int);

/* The cost of a distance of these arguments, for planner support functions (vector_cost.c). */
struct SupportRequestCost;
extern struct Node *dml_distance_cost(struct SupportRequestCost *request);

/* Raise an error if the radius is NaN. */
extern void dml_check_radius(double radius);

/* Center and radius of a dml_ball or dml_raw_ball.  Returns false if one of them is NULL. */
extern bool dml_ball_parts(HeapTupleHeader ball, Datum *center, double *radius);

/* The name of a space in messages, or NULL for an unknown space.  The room model sets this hook. */
extern PGDLLIMPORT char *(*dml_space_name_hook) (uint64 space);

/* "model "fashion" version 2", or "space 0123456789abcdef"; "no model (a plain vector)" for 0. */
extern char *dml_space_describe(uint64 space);

/* The OID of the type dml_vector, in whatever schema the extension is; cached. */
extern Oid	dml_vector_type_oid(void);

/* The name of that schema. */
extern char *dml_vector_schema(void);

#endif							/* DML_VECTOR_H */
