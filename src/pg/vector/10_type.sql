-- The type dml_vector.

CREATE TYPE @extschema@.dml_vector;

CREATE FUNCTION dml_vector_in(cstring, oid, integer) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_in(cstring, oid, integer) IS 'I/O';
CREATE FUNCTION dml_vector_out(dml_vector) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_out(dml_vector) IS 'I/O';
CREATE FUNCTION dml_vector_recv(internal, oid, integer) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_recv(internal, oid, integer) IS 'I/O';
CREATE FUNCTION dml_vector_send(dml_vector) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_send(dml_vector) IS 'I/O';
CREATE FUNCTION dml_vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_typmod_in(cstring[]) IS 'I/O typmod';

CREATE TYPE @extschema@.dml_vector (
	INPUT = dml_vector_in,
	OUTPUT = dml_vector_out,
	RECEIVE = dml_vector_recv,
	SEND = dml_vector_send,
	TYPMOD_IN = dml_vector_typmod_in,
	INTERNALLENGTH = variable,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE dml_vector IS 'vector of float4 that knows the space (the model version) it belongs to';

CREATE FUNCTION dml_vector(dml_vector, integer, boolean) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_vector_typmod' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector(dml_vector, integer, boolean) IS 'checks the number of dimensions';
CREATE CAST (dml_vector AS dml_vector) WITH FUNCTION dml_vector(dml_vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (dml_vector AS dml_vector) IS 'checks the number of dimensions';
