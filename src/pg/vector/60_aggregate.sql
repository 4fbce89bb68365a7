-- sum and avg, in double precision.

CREATE FUNCTION dml_vector_accum(internal, dml_vector) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_accum(internal, dml_vector) IS 'aggregate transition function';
CREATE FUNCTION dml_vector_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION dml_vector_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION dml_vector_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION dml_vector_sum(internal) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_sum(internal) IS 'aggregate final function';
CREATE FUNCTION dml_vector_avg(internal) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dml_vector_avg(internal) IS 'aggregate final function';

CREATE AGGREGATE @extschema@.sum(dml_vector) (
	SFUNC = dml_vector_accum, STYPE = internal, FINALFUNC = dml_vector_sum,
	COMBINEFUNC = dml_vector_combine, SERIALFUNC = dml_vector_serialize, DESERIALFUNC = dml_vector_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(dml_vector) IS 'sum of all non-null vectors, element by element';

CREATE AGGREGATE @extschema@.avg(dml_vector) (
	SFUNC = dml_vector_accum, STYPE = internal, FINALFUNC = dml_vector_avg,
	COMBINEFUNC = dml_vector_combine, SERIALFUNC = dml_vector_serialize, DESERIALFUNC = dml_vector_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(dml_vector) IS 'mean of all non-null vectors, element by element';
