/*
 * vector_io.c
 *	  Text and binary input and output of dml_vector, and its typmod.
 *
 * Text is "[1,2,3]" for a plain vector and "[1,2,3]@0123456789abcdef" for an embedding, and is
 * lossless.  Binary is int16 dim, int16 flags, an int64 space if flags is WIRE_SPACE, then the
 * float4s.  So the binary form of a plain vector is the one that clients of pgvector know.  Nothing
 * here reads a catalogue, because pg_restore loads rows before the tables of models are filled.
 */
#include "compat.h"

#include "vector/vector.h"

#include <errno.h>
#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define WIRE_SPACE		1		/* binary flags: a space follows */
#define SPACE_DIGITS	16

PG_FUNCTION_INFO_V1(dml_vector_in);
PG_FUNCTION_INFO_V1(dml_vector_out);
PG_FUNCTION_INFO_V1(dml_vector_recv);
PG_FUNCTION_INFO_V1(dml_vector_send);
PG_FUNCTION_INFO_V1(dml_vector_typmod_in);
PG_FUNCTION_INFO_V1(dml_vector_typmod);

/* Whether the character is one of isspace()'s, in any locale. */
static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *
skip_space(const char *s)
{
	while (is_space(*s))
		s++;
	return s;
}

/*
 * The end of the decimal number at s, or s itself if there is none.  strtof would also accept
 * "nan", "inf" and "0x1p3".
 */
static const char *
scan_number(const char *s)
{
	const char *p = s;
	int			digits = 0;

	if (*p == '+' || *p == '-')
		p++;
	for (; is_digit(*p); p++)
		digits++;
	if (*p == '.')
		p++;
	for (; is_digit(*p); p++)
		digits++;
	if (digits == 0)
		return s;
	if (*p == 'e' || *p == 'E')
	{
		const char *exponent = p + 1;

		if (*exponent == '+' || *exponent == '-')
			exponent++;
		if (!is_digit(*exponent))
			return s;
		for (p = exponent; is_digit(*p); p++)
			;
	}
	return p;
}

/* Whether a word for NaN or infinity is at s. */
static const char *
special_value(const char *s)
{
	if (*s == '+' || *s == '-')
		s++;
	if (pg_strncasecmp(s, "nan", 3) == 0)
		return "NaN";
	if (pg_strncasecmp(s, "inf", 3) == 0)
		return "infinite value";
	return NULL;
}

/* Read exactly SPACE_DIGITS hex digits into *space.  Returns false if there are fewer. */
static bool
scan_space(const char *s, uint64 *space)
{
	*space = 0;
	for (int i = 0; i < SPACE_DIGITS; i++)
	{
		char		c = s[i];
		int			digit;

		if (is_digit(c))
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			digit = c - 'A' + 10;
		else
			return false;
		*space = *space << 4 | digit;
	}
	return true;
}

/* Whether the typmod is absent or equal to dim. */
static bool
typmod_matches(int32 typmod, int dim)
{
	return typmod < 0 || typmod == dim;
}

/* Raise ERRCODE_DATA_EXCEPTION unless it is. */
static void
check_typmod(int32 typmod, int dim)
{
	if (!typmod_matches(typmod, dim))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));
}

/* dml_vector_in(cstring, oid, integer): soft errors, as pg_input_is_valid requires */
Datum
dml_vector_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	const char *s = skip_space(text);
	const char *commas;
	int			room = 1;
	int			dim = 0;
	uint64		space = 0;
	DmlVector  *result;

	if (*s != '[')
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "dml_vector", text),
				 errdetail("Vector contents must start with \"[\"."),
				 *s == '{' ? errhint(DML_HINT_ARRAY) : 0));
	s = skip_space(s + 1);
	if (*s == ']')
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("dml_vector must have at least 1 dimension")));

	for (commas = s; *commas != '\0'; commas++)
		room += *commas == ',';
	if (room > DML_MAX_DIM)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("dml_vector cannot have more than %d dimensions", DML_MAX_DIM)));
	result = dml_vector_new(room, 0);

	for (;;)
	{
		const char *end = scan_number(s);
		float		value;

		if (end == s)
		{
			const char *special = special_value(s);

			if (special != NULL)
				ereturn(fcinfo->context, (Datum) 0,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("%s is not allowed in a dml_vector", special),
						 errdetail("It is element %d.", dim + 1)));
			ereturn(fcinfo->context, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type %s: \"%s\"", "dml_vector", text),
					 errdetail("Element %d is not a number.", dim + 1)));
		}

		/* A number too small for a float becomes 0: that is rounding, not an error. */
		value = strtof(s, NULL);
		if (isinf(value))
			ereturn(fcinfo->context, (Datum) 0,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"%.*s\" is out of range for type %s", (int) Min(end - s, 64), s, "dml_vector")));
		result->x[dim++] = value;

		s = skip_space(end);
		if (*s != ',')
			break;
		s = skip_space(s + 1);
	}

	if (*s != ']')
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "dml_vector", text),
				 errdetail("After element %d there must be \",\" or \"]\".", dim)));
	s = skip_space(s + 1);
	if (*s == '@')
	{
		if (!scan_space(s + 1, &space))
			ereturn(fcinfo->context, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type %s: \"%s\"", "dml_vector", text),
					 errdetail("\"@\" must be followed by the %d hexadecimal digits of a space.", SPACE_DIGITS)));
		if (space == 0)
			ereturn(fcinfo->context, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type %s: \"%s\"", "dml_vector", text),
					 errdetail("Space 0 is that of plain vectors, which are written without \"@\".")));
		s = skip_space(s + 1 + SPACE_DIGITS);
	}
	if (*s != '\0')
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "dml_vector", text),
				 errdetail("Junk after the vector.")));
	if (!typmod_matches(typmod, dim))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));

	result->space = space;
	PG_RETURN_DML_VECTOR_P(result);
}

/* dml_vector_out(dml_vector) */
Datum
dml_vector_out(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	char	   *result = palloc(v->dim * FLOAT_SHORTEST_DECIMAL_LEN + SPACE_DIGITS + 4);
	char	   *s = result;

	*s++ = '[';
	for (int i = 0; i < v->dim; i++)
	{
		if (i > 0)
			*s++ = ',';
		s += float_to_shortest_decimal_bufn(v->x[i], s);
	}
	*s++ = ']';
	if (v->space != 0)
		s += sprintf(s, "@%016llx", (unsigned long long) v->space);
	*s = '\0';
	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_CSTRING(result);
}

/* dml_vector_recv(internal, oid, integer) */
Datum
dml_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			dim = (int16) pq_getmsgint(buf, 2);
	int			flags = (int16) pq_getmsgint(buf, 2);
	uint64		space = 0;
	DmlVector  *result;

	if (flags != 0 && flags != WIRE_SPACE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown flags %d in the binary form of a dml_vector", flags)));
	if (flags == WIRE_SPACE)
	{
		space = (uint64) pq_getmsgint64(buf);
		if (space == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("space 0 in the binary form of an embedding")));
	}
	/* the binary form of an array begins with its number of dimensions, 1, in four bytes */
	if (dim == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("binary form of a dml_vector with 0 dimensions"),
				 errhint(DML_HINT_ARRAY)));
	result = dml_vector_new(dim, space);
	check_typmod(typmod, dim);
	if (buf->len - buf->cursor != dim * (int) sizeof(float4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("binary form of a dml_vector with %d dimensions has %d bytes of elements, not %d",
						dim, buf->len - buf->cursor, dim * (int) sizeof(float4))));
	for (int i = 0; i < dim; i++)
		result->x[i] = pq_getmsgfloat4(buf);
	dml_vector_check_elements(result->x, dim);
	PG_RETURN_DML_VECTOR_P(result);
}

/* dml_vector_send(dml_vector) */
Datum
dml_vector_send(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, v->dim);
	pq_sendint16(&buf, v->space != 0 ? WIRE_SPACE : 0);
	if (v->space != 0)
		pq_sendint64(&buf, v->space);
	for (int i = 0; i < v->dim; i++)
		pq_sendfloat4(&buf, v->x[i]);
	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* Raise ERRCODE_INVALID_PARAMETER_VALUE unless n can be the n of dml_vector(n). */
static void
check_modifier(int32 n)
{
	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type dml_vector must be at least 1")));
	if (n > DML_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type dml_vector cannot exceed %d", DML_MAX_DIM)));
}

/* dml_vector_typmod_in(cstring[]): dml_vector(n) */
Datum
dml_vector_typmod_in(PG_FUNCTION_ARGS)
{
	ArrayType  *modifiers = PG_GETARG_ARRAYTYPE_P(0);
	int			n;
	int32	   *typmod = ArrayGetIntegerTypmods(modifiers, &n);

	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("type dml_vector takes one modifier, the number of dimensions")));
	check_modifier(*typmod);
	PG_RETURN_INT32(*typmod);
}

/* dml_vector_typmod(dml_vector, integer, boolean): the cast to dml_vector(n); -1 allows any n */
Datum
dml_vector_typmod(PG_FUNCTION_ARGS)
{
	DmlVector  *v = PG_GETARG_DML_VECTOR_P(0);
	int32		typmod = PG_GETARG_INT32(1);

	if (typmod != -1)
		check_modifier(typmod);
	check_typmod(typmod, v->dim);
	PG_RETURN_DML_VECTOR_P(v);
}
