-- Comparison: a total order over all vectors, by space, dimensions and elements.

CREATE FUNCTION dml_vector_lt(dml_vector, dml_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION dml_vector_lt(dml_vector, dml_vector) IS 'implementation of < operator';
CREATE FUNCTION dml_vector_le(dml_vector, dml_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION dml_vector_le(dml_vector, dml_vector) IS 'implementation of <= operator';
CREATE FUNCTION dml_vector_eq(dml_vector, dml_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION dml_vector_eq(dml_vector, dml_vector) IS 'implementation of = operator';
CREATE FUNCTION dml_vector_ne(dml_vector, dml_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION dml_vector_ne(dml_vector, dml_vector) IS 'implementation of <> operator';
CREATE FUNCTION dml_vector_ge(dml_vector, dml_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION dml_vector_ge(dml_vector, dml_vector) IS 'implementation of >= operator';
CREATE FUNCTION dml_vector_gt(dml_vector, dml_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION dml_vector_gt(dml_vector, dml_vector) IS 'implementation of > operator';
CREATE FUNCTION dml_vector_cmp(dml_vector, dml_vector) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION dml_vector_cmp(dml_vector, dml_vector) IS 'less-equal-greater';
CREATE FUNCTION dml_vector_hash(dml_vector) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION dml_vector_hash(dml_vector) IS 'hash';
CREATE FUNCTION dml_vector_hash_extended(dml_vector, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION dml_vector_hash_extended(dml_vector, bigint) IS 'hash with a seed';

CREATE OPERATOR @extschema@.< (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_lt,
	COMMUTATOR = >, NEGATOR = >=, RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR < (dml_vector, dml_vector) IS 'less than';
CREATE OPERATOR @extschema@.<= (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_le,
	COMMUTATOR = >=, NEGATOR = >, RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR <= (dml_vector, dml_vector) IS 'less than or equal';
CREATE OPERATOR @extschema@.= (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR = (dml_vector, dml_vector) IS 'equal';
CREATE OPERATOR @extschema@.<> (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR <> (dml_vector, dml_vector) IS 'not equal';
CREATE OPERATOR @extschema@.>= (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_ge,
	COMMUTATOR = <=, NEGATOR = <, RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR >= (dml_vector, dml_vector) IS 'greater than or equal';
CREATE OPERATOR @extschema@.> (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_vector_gt,
	COMMUTATOR = <, NEGATOR = <=, RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR > (dml_vector, dml_vector) IS 'greater than';

CREATE OPERATOR CLASS dml_vector_ops DEFAULT FOR TYPE dml_vector USING btree AS
	OPERATOR 1 @extschema@.<,
	OPERATOR 2 @extschema@.<=,
	OPERATOR 3 @extschema@.=,
	OPERATOR 4 @extschema@.>=,
	OPERATOR 5 @extschema@.>,
	FUNCTION 1 @extschema@.dml_vector_cmp(dml_vector, dml_vector);
COMMENT ON OPERATOR CLASS dml_vector_ops USING btree IS 'the total order of vectors: by space, dimensions, elements';

CREATE OPERATOR CLASS dml_vector_ops DEFAULT FOR TYPE dml_vector USING hash AS
	OPERATOR 1 @extschema@.=,
	FUNCTION 1 @extschema@.dml_vector_hash(dml_vector),
	FUNCTION 2 @extschema@.dml_vector_hash_extended(dml_vector, bigint);
COMMENT ON OPERATOR CLASS dml_vector_ops USING hash IS 'equality of vectors';
