/*
 * vector_pgvector.c
 *	  Casts between dml_vector and pgvector's types vector and halfvec.
 *
 * Both types are a length word, the number of dimensions (int16), an int16 that is 0, and the
 * elements: float4 in vector, IEEE half precision in halfvec.  dml_add_pgvector_casts() declares
 * these functions for the types of the extension vector, and for no other types of those names.
 * A value that does not have this layout is an error all the same.
 */
#include "compat.h"

#include "vector/vector.h"

PG_FUNCTION_INFO_V1(dml_vector_from_pgvector);
PG_FUNCTION_INFO_V1(dml_vector_from_halfvec);
PG_FUNCTION_INFO_V1(dml_vector_to_pgvector);
PG_FUNCTION_INFO_V1(dml_vector_to_halfvec);

/* What is between the length word and the elements. */
typedef struct Head
{
	int16		dim;
	int16		unused;
} Head;

typedef union FloatBits
{
	float4		value;
	uint32		bits;
} FloatBits;

#define HALF_INFINITY	0x7c00

/*
 * A new plain vector with the dimensions of a value of pgvector, and where the value's elements
 * of the given size are (not aligned).
 */
static DmlVector *
open_value(struct varlena *value, size_t element, const char **elements)
{
	size_t		size = VARSIZE_ANY_EXHDR(value);
	Head		head = {0, 0};

	if (size >= sizeof(Head))
		memcpy(&head, VARDATA_ANY(value), sizeof(Head));
	if (head.dim < 1 || head.unused != 0 || size != sizeof(Head) + head.dim * element)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("value does not have the layout of pgvector's types"),
				 errdetail("It has %zu bytes, and its number of dimensions is %d.", size, head.dim)));
	*elements = VARDATA_ANY(value) + sizeof(Head);
	return dml_vector_new(head.dim, 0);
}

/* A new value of pgvector for dim elements of the given size, and where the elements go. */
static struct varlena *
new_value(int dim, size_t element, char **elements)
{
	Head		head = {dim, 0};
	struct varlena *value = palloc(VARHDRSZ + sizeof(Head) + dim * element);

	SET_VARSIZE(value, VARHDRSZ + sizeof(Head) + dim * element);
	memcpy(VARDATA(value), &head, sizeof(Head));
	*elements = VARDATA(value) + sizeof(Head);
	return value;
}

/* The float of a half; infinity and NaN stay what they are. */
static float4
half_to_float(uint16 half)
{
	FloatBits	scale,
				f;

	scale.bits = (uint32) (127 + 112) << 23;
	f.bits = (uint32) (half & 0x7fff) << 13;
	if ((half & 0x7fff) >= HALF_INFINITY)
		f.bits |= 0x7f800000;
	else
		f.value *= scale.value;	/* 2^112, the difference of the exponents' biases */
	f.bits |= (uint32) (half & 0x8000) << 16;
	return f.value;
}

/* The nearest half, ties to even.  HALF_INFINITY, with the sign, if the value is out of range. */
static uint16
float_to_half(float4 value)
{
	FloatBits	f;
	uint16		sign;

	f.value = value;
	sign = (f.bits >> 16) & 0x8000;
	f.bits &= 0x7fffffff;
	if (f.bits >= (uint32) (127 + 16) << 23)
		return sign | HALF_INFINITY;
	if (f.bits < (uint32) (127 - 14) << 23)
	{
		/*
		 * Below 2^-14 halves are multiples of 2^-24, as floats from 0.5 to 1 are: the addition
		 * rounds.
		 */
		FloatBits	shift;

		shift.value = 0.5f;
		f.value += shift.value;
		return sign | (uint16) (f.bits - shift.bits);
	}
	f.bits += ((f.bits >> 13) & 1) + 0xfff;
	return sign | (uint16) ((f.bits >> 13) - ((uint32) 112 << 10));
}

/* Cast of pgvector's vector to dml_vector: a plain vector */
Datum
dml_vector_from_pgvector(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	const char *elements;
	DmlVector  *result = open_value(value, sizeof(float4), &elements);

	memcpy(result->x, elements, sizeof(float4) * result->dim);
	dml_vector_check_elements(result->x, result->dim);
	PG_FREE_IF_COPY(value, 0);
	PG_RETURN_DML_VECTOR_P(result);
}

/* Cast of pgvector's halfvec to dml_vector: a plain vector */
Datum
dml_vector_from_halfvec(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	const char *elements;
	DmlVector  *result = open_value(value, sizeof(uint16), &elements);

	for (int i = 0; i < result->dim; i++)
	{
		uint16		half;

		memcpy(&half, elements + i * sizeof(uint16), sizeof(uint16));
		result->x[i] = half_to_float(half);
	}
	dml_vector_check_elements(result->x, result->dim);
	PG_FREE_IF_COPY(value, 0);
	PG_RETURN_DML_VECTOR_P(result);
}

/* Cast of dml_vector to pgvector's vector; drops the space */
Datum
dml_vector_to_pgvector(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	char	   *elements;
	struct varlena *result = new_value(v->dim, sizeof(float4), &elements);

	memcpy(elements, v->x, sizeof(float4) * v->dim);
	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_POINTER(result);
}

/* Cast of dml_vector to pgvector's halfvec: rounded; drops the space */
Datum
dml_vector_to_halfvec(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	char	   *elements;
	struct varlena *result = new_value(v->dim, sizeof(uint16), &elements);

	for (int i = 0; i < v->dim; i++)
	{
		uint16		half = float_to_half(v->x[i]);

		if ((half & 0x7fff) >= HALF_INFINITY)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("value is out of range for an element of halfvec"),
					 errdetail("It is element %d of %d.", i + 1, v->dim)));
		memcpy(elements + i * sizeof(uint16), &half, sizeof(uint16));
	}
	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_POINTER(result);
}
