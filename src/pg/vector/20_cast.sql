-- Casts between dml_vector and arrays of numbers.  None is implicit: an array beside an embedding is
-- raw input, and an embedding that is cast to an array loses its space.

CREATE FUNCTION dml_vector(real[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(real[]) IS 'plain vector of an array';
CREATE CAST (real[] AS dml_vector) WITH FUNCTION dml_vector(real[]) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS dml_vector) IS 'plain vector of an array';

CREATE FUNCTION dml_vector(double precision[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(double precision[]) IS 'plain vector of an array';
CREATE CAST (double precision[] AS dml_vector) WITH FUNCTION dml_vector(double precision[]) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS dml_vector) IS 'plain vector of an array';

CREATE FUNCTION dml_vector(integer[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(integer[]) IS 'plain vector of an array';
CREATE CAST (integer[] AS dml_vector) WITH FUNCTION dml_vector(integer[]) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS dml_vector) IS 'plain vector of an array';

CREATE FUNCTION dml_vector(smallint[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(smallint[]) IS 'plain vector of an array';
CREATE CAST (smallint[] AS dml_vector) WITH FUNCTION dml_vector(smallint[]) AS ASSIGNMENT;
COMMENT ON CAST (smallint[] AS dml_vector) IS 'plain vector of an array';

CREATE FUNCTION dml_vector(bigint[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(bigint[]) IS 'plain vector of an array';
CREATE CAST (bigint[] AS dml_vector) WITH FUNCTION dml_vector(bigint[]) AS ASSIGNMENT;
COMMENT ON CAST (bigint[] AS dml_vector) IS 'plain vector of an array';

CREATE FUNCTION dml_vector(numeric[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(numeric[]) IS 'plain vector of an array';
CREATE CAST (numeric[] AS dml_vector) WITH FUNCTION dml_vector(numeric[]) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS dml_vector) IS 'plain vector of an array';

CREATE FUNCTION dml_vector_to_float4(dml_vector) RETURNS real[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_to_float4(dml_vector) IS 'array of the elements, without the space';
CREATE CAST (dml_vector AS real[]) WITH FUNCTION dml_vector_to_float4(dml_vector) AS ASSIGNMENT;
COMMENT ON CAST (dml_vector AS real[]) IS 'array of the elements, without the space';

CREATE FUNCTION dml_vector_to_float8(dml_vector) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_to_float8(dml_vector) IS 'array of the elements, without the space';
CREATE CAST (dml_vector AS double precision[]) WITH FUNCTION dml_vector_to_float8(dml_vector) AS ASSIGNMENT;
COMMENT ON CAST (dml_vector AS double precision[]) IS 'array of the elements, without the space';

CREATE FUNCTION dml_vector_to_numeric(dml_vector) RETURNS numeric[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_to_numeric(dml_vector) IS 'array of the elements, without the space';
CREATE CAST (dml_vector AS numeric[]) WITH FUNCTION dml_vector_to_numeric(dml_vector) AS ASSIGNMENT;
COMMENT ON CAST (dml_vector AS numeric[]) IS 'array of the elements, without the space';

-- Rounds, so the cast is explicit.
CREATE FUNCTION dml_vector_to_int4(dml_vector) RETURNS integer[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_to_int4(dml_vector) IS 'array of the elements rounded, without the space';
CREATE CAST (dml_vector AS integer[]) WITH FUNCTION dml_vector_to_int4(dml_vector);
COMMENT ON CAST (dml_vector AS integer[]) IS 'array of the elements rounded, without the space';

CREATE FUNCTION dml_vector(jsonb) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(jsonb) IS 'plain vector of a JSON array of numbers';
CREATE CAST (jsonb AS dml_vector) WITH FUNCTION dml_vector(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS dml_vector) IS 'plain vector of a JSON array of numbers';

CREATE FUNCTION dml_vector_to_jsonb(dml_vector) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_to_jsonb(dml_vector) IS 'JSON array of the elements, without the space';
CREATE CAST (dml_vector AS jsonb) WITH FUNCTION dml_vector_to_jsonb(dml_vector) AS ASSIGNMENT;
COMMENT ON CAST (dml_vector AS jsonb) IS 'JSON array of the elements, without the space';

CREATE FUNCTION dml_vector(text[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_from_texts' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(text[]) IS 'plain vector of an array of numbers that are text';
CREATE CAST (text[] AS dml_vector) WITH FUNCTION dml_vector(text[]) AS ASSIGNMENT;
COMMENT ON CAST (text[] AS dml_vector) IS 'plain vector of an array of numbers that are text';
