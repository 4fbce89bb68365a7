-- Clusters of a table's rows.

CREATE FUNCTION dml_cluster(
	source text,
	embedding text,
	method text DEFAULT 'dbscan',
	k integer DEFAULT NULL,
	eps double precision DEFAULT NULL,
	min_points integer DEFAULT 5,
	min_cluster_size integer DEFAULT NULL,
	metric text DEFAULT 'l2',
	seed bigint DEFAULT 0,
	max_iterations integer DEFAULT 300,
	starts integer DEFAULT 10,
	false_merge_rate double precision DEFAULT NULL,
	key text DEFAULT NULL,
	OUT key text,
	OUT cluster integer)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_cluster(text, text, text, integer, double precision, integer, integer, text, bigint, integer, integer, double precision, text) IS
	'the cluster of each row of a table, by its key; DBSCAN takes the neighbours from an index';
