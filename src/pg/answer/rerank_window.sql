-- Re-ranking.

CREATE FUNCTION dml_rerank(
	embedding dml_vector,
	distance double precision,
	k1 integer DEFAULT 20,
	k2 integer DEFAULT 6,
	lambda double precision DEFAULT 0.3,
	metric text DEFAULT 'l2') RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_rerank(dml_vector, double precision, integer, integer, double precision, text) IS
	'a new distance of a candidate to the query, by their k-reciprocal neighbours among the candidates';
