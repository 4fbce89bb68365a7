-- Whether a vector is within a radius.  An index serves the functions through the operators (room
-- index).

CREATE TYPE @extschema@.dml_ball AS (center dml_vector, radius double precision);
COMMENT ON TYPE dml_ball IS 'a center and a radius, for the index operators of dml_within';

CREATE FUNCTION dml_within(dml_vector, dml_vector, radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_within(dml_vector, dml_vector, double precision) IS 'is the Euclidean (L2) distance at most the radius?';
CREATE FUNCTION dml_in_ball(dml_vector, dml_ball) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_in_ball(dml_vector, dml_ball) IS 'is the Euclidean (L2) distance to the center at most the radius?';
CREATE OPERATOR @extschema@.<->@ (LEFTARG = dml_vector, RIGHTARG = dml_ball, FUNCTION = dml_in_ball);
COMMENT ON OPERATOR <->@ (dml_vector, dml_ball) IS 'is the Euclidean (L2) distance to the center at most the radius?';

CREATE FUNCTION dml_within_cosine(dml_vector, dml_vector, radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_within_cosine(dml_vector, dml_vector, double precision) IS 'is the cosine distance at most the radius?';
CREATE FUNCTION dml_in_ball_cosine(dml_vector, dml_ball) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_in_ball_cosine(dml_vector, dml_ball) IS 'is the cosine distance to the center at most the radius?';
CREATE OPERATOR @extschema@.<=>@ (LEFTARG = dml_vector, RIGHTARG = dml_ball, FUNCTION = dml_in_ball_cosine);
COMMENT ON OPERATOR <=>@ (dml_vector, dml_ball) IS 'is the cosine distance to the center at most the radius?';

CREATE FUNCTION dml_ball(dml_vector, radius double precision) RETURNS dml_ball
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_ball(dml_vector, double precision) IS 'a center and a radius, for the index operators of dml_within';

-- A literal or a parameter without a type is a vector, as beside an operator.  The planner inlines
-- the body.

CREATE FUNCTION dml_within(dml_vector, text, radius double precision) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT @extschema@.dml_within($1, $2::@extschema@.dml_vector, $3)';
COMMENT ON FUNCTION dml_within(dml_vector, text, double precision) IS 'is the Euclidean (L2) distance to a vector written as text at most the radius?';

CREATE FUNCTION dml_within_cosine(dml_vector, text, radius double precision) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT @extschema@.dml_within_cosine($1, $2::@extschema@.dml_vector, $3)';
COMMENT ON FUNCTION dml_within_cosine(dml_vector, text, double precision) IS 'is the cosine distance to a vector written as text at most the radius?';
