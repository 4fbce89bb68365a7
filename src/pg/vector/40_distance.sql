-- Distances.  Their COST is used if the planner does not know the dimensions.

CREATE FUNCTION dml_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION dml_distance_support(internal) IS 'planner support of distances: what they cost';

CREATE FUNCTION dml_l2_distance(dml_vector, dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_l2_distance(dml_vector, dml_vector) IS 'Euclidean (L2) distance';
CREATE OPERATOR @extschema@.<-> (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_l2_distance,
	COMMUTATOR = <->
);
COMMENT ON OPERATOR <-> (dml_vector, dml_vector) IS 'Euclidean (L2) distance';

CREATE FUNCTION dml_cosine_distance(dml_vector, dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_cosine_distance(dml_vector, dml_vector) IS 'cosine distance, 1 - cos';
CREATE OPERATOR @extschema@.<=> (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_cosine_distance,
	COMMUTATOR = <=>
);
COMMENT ON OPERATOR <=> (dml_vector, dml_vector) IS 'cosine distance, 1 - cos';

CREATE FUNCTION dml_inner_product(dml_vector, dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_inner_product(dml_vector, dml_vector) IS 'inner product';

CREATE FUNCTION dml_negative_inner_product(dml_vector, dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_negative_inner_product(dml_vector, dml_vector) IS 'negative inner product';
CREATE OPERATOR @extschema@.<#> (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_negative_inner_product,
	COMMUTATOR = <#>
);
COMMENT ON OPERATOR <#> (dml_vector, dml_vector) IS 'negative inner product';

CREATE FUNCTION dml_l1_distance(dml_vector, dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_l1_distance(dml_vector, dml_vector) IS 'taxicab (L1) distance';
CREATE OPERATOR @extschema@.<+> (
	LEFTARG = dml_vector, RIGHTARG = dml_vector, FUNCTION = dml_l1_distance,
	COMMUTATOR = <+>
);
COMMENT ON OPERATOR <+> (dml_vector, dml_vector) IS 'taxicab (L1) distance';
