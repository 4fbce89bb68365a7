-- Query expansion.

CREATE FUNCTION dml_expand_query(query dml_vector, neighbours dml_vector[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_expand_query(dml_vector, dml_vector[]) IS
	'the mean of a query and its neighbours, to search with again';

CREATE FUNCTION dml_rocchio(
	query dml_vector,
	relevant dml_vector[],
	irrelevant dml_vector[] DEFAULT NULL,
	alpha double precision DEFAULT 1,
	beta double precision DEFAULT 0.75,
	gamma double precision DEFAULT 0.15) RETURNS dml_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_rocchio(dml_vector, dml_vector[], dml_vector[], double precision, double precision, double precision) IS
	'a query moved towards rows that are right and away from rows that are not';
