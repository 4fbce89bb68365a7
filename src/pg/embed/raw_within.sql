-- Within a radius of raw input, which the model of the vector embeds once a scan.

CREATE TYPE @extschema@.dml_raw_ball AS (center double precision[], radius double precision);
COMMENT ON TYPE dml_raw_ball IS 'raw input and a radius, for the index operators of dml_within';

CREATE FUNCTION dml_within(dml_vector, real[], radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_raw_within' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_within(dml_vector, real[], double precision) IS 'is the Euclidean (L2) distance to raw input, which the model of the vector embeds, at most the radius?';

CREATE FUNCTION dml_within(dml_vector, double precision[], radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_raw_within' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_within(dml_vector, double precision[], double precision) IS 'is the Euclidean (L2) distance to raw input, which the model of the vector embeds, at most the radius?';

CREATE FUNCTION dml_in_ball(dml_vector, dml_raw_ball) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_raw_in_ball' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_in_ball(dml_vector, dml_raw_ball) IS 'is the Euclidean (L2) distance to raw input, which the model of the vector embeds, at most the radius?';
CREATE OPERATOR @extschema@.<->@ (LEFTARG = dml_vector, RIGHTARG = dml_raw_ball, FUNCTION = dml_in_ball);
COMMENT ON OPERATOR <->@ (dml_vector, dml_raw_ball) IS 'is the Euclidean (L2) distance to raw input, which the model of the vector embeds, at most the radius?';

CREATE FUNCTION dml_within_cosine(dml_vector, real[], radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_raw_within_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_within_cosine(dml_vector, real[], double precision) IS 'is the cosine distance to raw input, which the model of the vector embeds, at most the radius?';

CREATE FUNCTION dml_within_cosine(dml_vector, double precision[], radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_raw_within_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_within_cosine(dml_vector, double precision[], double precision) IS 'is the cosine distance to raw input, which the model of the vector embeds, at most the radius?';

CREATE FUNCTION dml_in_ball_cosine(dml_vector, dml_raw_ball) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_raw_in_ball_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_in_ball_cosine(dml_vector, dml_raw_ball) IS 'is the cosine distance to raw input, which the model of the vector embeds, at most the radius?';
CREATE OPERATOR @extschema@.<=>@ (LEFTARG = dml_vector, RIGHTARG = dml_raw_ball, FUNCTION = dml_in_ball_cosine);
COMMENT ON OPERATOR <=>@ (dml_vector, dml_raw_ball) IS 'is the cosine distance to raw input, which the model of the vector embeds, at most the radius?';

CREATE FUNCTION dml_ball(real[], radius double precision) RETURNS dml_raw_ball
	AS 'MODULE_PATHNAME', 'dml_raw_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_ball(real[], double precision) IS 'raw input and a radius, for the index operators of dml_within';

CREATE FUNCTION dml_ball(double precision[], radius double precision) RETURNS dml_raw_ball
	AS 'MODULE_PATHNAME', 'dml_raw_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_ball(double precision[], double precision) IS 'raw input and a radius, for the index operators of dml_within';

-- Functions for arrays of other numbers, as with the operators (raw.sql).
DO $do$
DECLARE
	kind text;
	fn record;
BEGIN
	FOREACH kind IN ARRAY ARRAY['smallint[]', 'integer[]', 'bigint[]', 'numeric[]'] LOOP
		FOR fn IN SELECT * FROM (VALUES
			('dml_within', 'Euclidean (L2) distance'),
			('dml_within_cosine', 'cosine distance')) f(name, says) LOOP
			EXECUTE pg_catalog.format($sql$
				CREATE FUNCTION %2$s(dml_vector, %1$s, radius double precision) RETURNS boolean
					AS 'MODULE_PATHNAME', '%3$s' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
				COMMENT ON FUNCTION %2$s(dml_vector, %1$s, double precision) IS
					'is the %4$s to raw input, which the model of the vector embeds, at most the radius?';
				$sql$, kind, fn.name, pg_catalog.replace(fn.name, 'dml_', 'dml_raw_'), fn.says);
		END LOOP;
		EXECUTE pg_catalog.format($sql$
			CREATE FUNCTION dml_ball(%1$s, radius double precision) RETURNS dml_raw_ball
				AS 'MODULE_PATHNAME', 'dml_raw_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
			COMMENT ON FUNCTION dml_ball(%1$s, double precision) IS 'raw input and a radius, for the index operators of dml_within';
			$sql$, kind);
	END LOOP;
END
$do$;
