-- Clusters as window functions.

CREATE FUNCTION dml_cluster_kmeans(
	embedding dml_vector,
	k integer,
	metric text DEFAULT 'l2',
	seed bigint DEFAULT 0,
	max_iterations integer DEFAULT 300,
	starts integer DEFAULT 10) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_cluster_kmeans(dml_vector, integer, text, bigint, integer, integer) IS
	'the cluster of a row by k-means over its partition, from 1, the largest';
