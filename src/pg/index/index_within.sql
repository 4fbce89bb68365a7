-- dml_within by an index: its planner support, and the operators that it becomes.

CREATE FUNCTION dml_within_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION dml_within_support(internal) IS 'planner support of dml_within';
CREATE FUNCTION dml_within_cosine_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION dml_within_cosine_support(internal) IS 'planner support of dml_within_cosine';

CREATE FUNCTION dml_in_ball_selectivity(internal, oid, internal, integer) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION dml_in_ball_selectivity(internal, oid, internal, integer) IS 'the share of rows in a ball, from the histogram';
CREATE FUNCTION dml_in_ball_cosine_selectivity(internal, oid, internal, integer) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION dml_in_ball_cosine_selectivity(internal, oid, internal, integer) IS 'the share of rows in a ball, from the histogram';

ALTER FUNCTION dml_within(dml_vector, dml_vector, double precision) SUPPORT @extschema@.dml_within_support;
ALTER FUNCTION dml_within(dml_vector, real[], double precision) SUPPORT @extschema@.dml_within_support;
ALTER FUNCTION dml_within(dml_vector, double precision[], double precision) SUPPORT @extschema@.dml_within_support;
ALTER FUNCTION dml_within(dml_vector, smallint[], double precision) SUPPORT @extschema@.dml_within_support;
ALTER FUNCTION dml_within(dml_vector, integer[], double precision) SUPPORT @extschema@.dml_within_support;
ALTER FUNCTION dml_within(dml_vector, bigint[], double precision) SUPPORT @extschema@.dml_within_support;
ALTER FUNCTION dml_within(dml_vector, numeric[], double precision) SUPPORT @extschema@.dml_within_support;
ALTER OPERATOR <->@ (dml_vector, dml_ball) SET (RESTRICT = @extschema@.dml_in_ball_selectivity);
ALTER OPERATOR <->@ (dml_vector, dml_raw_ball) SET (RESTRICT = @extschema@.dml_in_ball_selectivity);
ALTER OPERATOR FAMILY dml_l2_ops USING dml ADD
	OPERATOR 2 @extschema@.<->@ (dml_vector, dml_ball),
	OPERATOR 2 @extschema@.<->@ (dml_vector, dml_raw_ball);

ALTER FUNCTION dml_within_cosine(dml_vector, dml_vector, double precision) SUPPORT @extschema@.dml_within_cosine_support;
ALTER FUNCTION dml_within_cosine(dml_vector, real[], double precision) SUPPORT @extschema@.dml_within_cosine_support;
ALTER FUNCTION dml_within_cosine(dml_vector, double precision[], double precision) SUPPORT @extschema@.dml_within_cosine_support;
ALTER FUNCTION dml_within_cosine(dml_vector, smallint[], double precision) SUPPORT @extschema@.dml_within_cosine_support;
ALTER FUNCTION dml_within_cosine(dml_vector, integer[], double precision) SUPPORT @extschema@.dml_within_cosine_support;
ALTER FUNCTION dml_within_cosine(dml_vector, bigint[], double precision) SUPPORT @extschema@.dml_within_cosine_support;
ALTER FUNCTION dml_within_cosine(dml_vector, numeric[], double precision) SUPPORT @extschema@.dml_within_cosine_support;
ALTER OPERATOR <=>@ (dml_vector, dml_ball) SET (RESTRICT = @extschema@.dml_in_ball_cosine_selectivity);
ALTER OPERATOR <=>@ (dml_vector, dml_raw_ball) SET (RESTRICT = @extschema@.dml_in_ball_cosine_selectivity);
ALTER OPERATOR FAMILY dml_cosine_ops USING dml ADD
	OPERATOR 2 @extschema@.<=>@ (dml_vector, dml_ball),
	OPERATOR 2 @extschema@.<=>@ (dml_vector, dml_raw_ball);
