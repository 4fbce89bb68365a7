-- v[1], from PostgreSQL 14 on: the Makefile leaves this file out for 13.

CREATE FUNCTION dml_vector_subscript(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_subscript(internal) IS 'subscripting handler';
ALTER TYPE dml_vector SET (SUBSCRIPT = dml_vector_subscript);
