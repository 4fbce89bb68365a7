-- Functions and arithmetic.

CREATE FUNCTION dml_dims(dml_vector) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_dims(dml_vector) IS 'number of dimensions';

CREATE FUNCTION dml_space(dml_vector) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_space(dml_vector) IS '16 hexadecimal digits of the space of an embedding, NULL for a plain vector';

CREATE FUNCTION dml_norm(dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_norm(dml_vector) IS 'Euclidean length';

CREATE FUNCTION dml_normalize(dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_normalize(dml_vector) IS 'vector of the same direction with Euclidean length 1';

CREATE FUNCTION dml_subvector(vector dml_vector, start integer, count integer) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_subvector(dml_vector, integer, integer) IS 'plain vector of count elements from start, which counts from 1';

CREATE FUNCTION dml_vector_concat(dml_vector, dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_concat(dml_vector, dml_vector) IS 'implementation of || operator';
CREATE OPERATOR @extschema@.|| (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_concat
);
COMMENT ON OPERATOR || (dml_vector, dml_vector) IS 'concatenate, as a plain vector';

CREATE FUNCTION dml_vector_add(dml_vector, dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_add(dml_vector, dml_vector) IS 'implementation of + operator';
CREATE OPERATOR @extschema@.+ (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_add,
	COMMUTATOR = +
);
COMMENT ON OPERATOR + (dml_vector, dml_vector) IS 'add';

CREATE FUNCTION dml_vector_sub(dml_vector, dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_sub(dml_vector, dml_vector) IS 'implementation of - operator';
CREATE OPERATOR @extschema@.- (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_sub
);
COMMENT ON OPERATOR - (dml_vector, dml_vector) IS 'subtract';

CREATE FUNCTION dml_vector_mul(dml_vector, dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_mul(dml_vector, dml_vector) IS 'implementation of * operator';
CREATE OPERATOR @extschema@.* (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_mul,
	COMMUTATOR = *
);
COMMENT ON OPERATOR * (dml_vector, dml_vector) IS 'multiply element by element, as a plain vector';

CREATE FUNCTION dml_vector_neg(dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_neg(dml_vector) IS 'implementation of - operator';
CREATE OPERATOR @extschema@.- (
	RIGHTARG = dml_vector, FUNCTION = dml_vector_neg
);
COMMENT ON OPERATOR - (NONE, dml_vector) IS 'negate';

CREATE FUNCTION dml_vector_add_scalar(dml_vector, double precision) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_add_scalar(dml_vector, double precision) IS 'implementation of + operator';
CREATE OPERATOR @extschema@.+ (
	LEFTARG = dml_vector, RIGHTARG = double precision, FUNCTION = dml_vector_add_scalar,
	COMMUTATOR = +
);
COMMENT ON OPERATOR + (dml_vector, double precision) IS 'add a number to every element';

CREATE FUNCTION dml_scalar_add_vector(double precision, dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_scalar_add_vector(double precision, dml_vector) IS 'implementation of + operator';
CREATE OPERATOR @extschema@.+ (
	LEFTARG = double precision, RIGHTARG = dml_vector, FUNCTION = dml_scalar_add_vector,
	COMMUTATOR = +
);
COMMENT ON OPERATOR + (double precision, dml_vector) IS 'add a number to every element';

CREATE FUNCTION dml_vector_sub_scalar(dml_vector, double precision) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_sub_scalar(dml_vector, double precision) IS 'implementation of - operator';
CREATE OPERATOR @extschema@.- (
	LEFTARG = dml_vector, RIGHTARG = double precision, FUNCTION = dml_vector_sub_scalar
);
COMMENT ON OPERATOR - (dml_vector, double precision) IS 'subtract a number from every element';

CREATE FUNCTION dml_scalar_sub_vector(double precision, dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_scalar_sub_vector(double precision, dml_vector) IS 'implementation of - operator';
CREATE OPERATOR @extschema@.- (
	LEFTARG = double precision, RIGHTARG = dml_vector, FUNCTION = dml_scalar_sub_vector
);
COMMENT ON OPERATOR - (double precision, dml_vector) IS 'subtract every element from a number';

CREATE FUNCTION dml_vector_mul_scalar(dml_vector, double precision) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_mul_scalar(dml_vector, double precision) IS 'implementation of * operator';
CREATE OPERATOR @extschema@.* (
	LEFTARG = dml_vector, RIGHTARG = double precision, FUNCTION = dml_vector_mul_scalar,
	COMMUTATOR = *
);
COMMENT ON OPERATOR * (dml_vector, double precision) IS 'multiply by a number';

CREATE FUNCTION dml_scalar_mul_vector(double precision, dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_scalar_mul_vector(double precision, dml_vector) IS 'implementation of * operator';
CREATE OPERATOR @extschema@.* (
	LEFTARG = double precision, RIGHTARG = dml_vector, FUNCTION = dml_scalar_mul_vector,
	COMMUTATOR = *
);
COMMENT ON OPERATOR * (double precision, dml_vector) IS 'multiply by a number';

CREATE FUNCTION dml_vector_div_scalar(dml_vector, double precision) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_div_scalar(dml_vector, double precision) IS 'implementation of / operator';
CREATE OPERATOR @extschema@./ (
	LEFTARG = dml_vector, RIGHTARG = double precision, FUNCTION = dml_vector_div_scalar
);
COMMENT ON OPERATOR / (dml_vector, double precision) IS 'divide by a number';

CREATE FUNCTION dml_vector_div_numeric(dml_vector, numeric) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_div_numeric(dml_vector, numeric) IS 'implementation of / operator';
CREATE OPERATOR @extschema@./ (
	LEFTARG = dml_vector, RIGHTARG = numeric, FUNCTION = dml_vector_div_numeric
);
COMMENT ON OPERATOR / (dml_vector, numeric) IS 'divide by a number';

CREATE FUNCTION dml_vector_div_bigint(dml_vector, bigint) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_div_bigint(dml_vector, bigint) IS 'implementation of / operator';
CREATE OPERATOR @extschema@./ (
	LEFTARG = dml_vector, RIGHTARG = bigint, FUNCTION = dml_vector_div_bigint
);
COMMENT ON OPERATOR / (dml_vector, bigint) IS 'divide by a number';

CREATE FUNCTION unnest(dml_vector) RETURNS SETOF real
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 100 AS 'SELECT pg_catalog.unnest($1::pg_catalog.float4[])';
COMMENT ON FUNCTION unnest(dml_vector) IS 'the elements, one a row';
