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

-- With eps NULL it reads the catalogue of models.
CREATE FUNCTION dml_cluster_dbscan(
	embedding dml_vector,
	eps double precision DEFAULT NULL,
	min_points integer DEFAULT 5,
	metric text DEFAULT 'l2',
	false_merge_rate double precision DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C WINDOW STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_cluster_dbscan(dml_vector, double precision, integer, text, double precision) IS
	'the cluster of a row by DBSCAN over its partition, from 1, the largest; NULL is noise';

CREATE FUNCTION dml_cluster_hdbscan(
	embedding dml_vector,
	min_points integer DEFAULT 5,
	min_cluster_size integer DEFAULT NULL,
	metric text DEFAULT 'l2') RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_cluster_hdbscan(dml_vector, integer, integer, text) IS
	'the cluster of a row by HDBSCAN* over its partition, from 1, the largest; NULL is noise';
