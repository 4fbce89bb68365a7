-- Outliers.

CREATE FUNCTION dml_outlier_score(
	source text,
	embedding text,
	query anyelement,
	k integer DEFAULT 20,
	method text DEFAULT 'lof') RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION dml_outlier_score(text, text, anyelement, integer, text) IS
	'how far raw input, or a vector, is from the rows of a table: local outlier factor, or distance of the k-th neighbour';

CREATE FUNCTION dml_outlier_scores(
	source text,
	embedding text,
	key text DEFAULT NULL,
	k integer DEFAULT 20,
	method text DEFAULT 'lof',
	normal text DEFAULT NULL,
	false_alarm_rate double precision DEFAULT NULL,
	seed bigint DEFAULT 0,
	OUT key text,
	OUT score double precision,
	OUT p_value double precision,
	OUT outlier boolean)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_outlier_scores(text, text, text, integer, text, text, double precision, bigint) IS
	'the outlier score of each row of a table, among the others or among normal rows, with a p-value';

CREATE FUNCTION dml_outlier_lof(
	embedding dml_vector,
	k integer DEFAULT 20) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_outlier_lof(dml_vector, integer) IS
	'the local outlier factor of a row among its partition';
