-- Diversity.

CREATE FUNCTION dml_mmr(
	embedding dml_vector,
	distance double precision,
	lambda double precision DEFAULT 0.5,
	k integer DEFAULT NULL,
	metric text DEFAULT 'l2') RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_mmr(dml_vector, double precision, double precision, integer, text) IS
	'the rank of a candidate by maximal marginal relevance: near the query and unlike those before it';
